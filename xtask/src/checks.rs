//! What is checked without running anything: formatting, lints, documentation, types.

use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::build;
use crate::house::House;
use crate::package_project::PackageProject;
use crate::steps::{Step, run_all};
use crate::tools;

/// `cargo xtask lint`.
pub fn lint(house: &House) -> Result<ExitCode> {
    let mut steps = vec![Step { name: "tools", what: "what this machine lacks", needs: &[], run: Box::new(|| install(house)) }];
    steps.extend(rust_steps(house));
    steps.push(Step {
        name: "types",
        what: "the package and its type tests under tsc --strict",
        needs: &["tools"],
        run: Box::new(|| {
            build::npm_package(house)?;
            PackageProject::install(house)?.check_types(house)
        }),
    });
    Ok(run_all(steps))
}

/// The toolchain's parts and the npm packages.
pub fn install(house: &House) -> Result<()> {
    tools::rust_components(house)?;
    tools::wasm_target(house)?;
    tools::npm_packages(house)
}

/// The Rust checks, cheapest first.
pub fn rust_steps(house: &House) -> Vec<Step<'_>> {
    vec![
        Step {
            name: "fmt",
            what: "formatting",
            needs: &["tools"],
            run: Box::new(|| cargo(house, &["fmt", "--all", "--check"])),
        },
        Step {
            name: "clippy",
            what: "lints, native, all targets",
            needs: &["tools"],
            run: Box::new(|| {
                cargo(
                    house,
                    &[
                        "clippy",
                        "--workspace",
                        "--all-targets",
                        "--features",
                        tools::WORKSPACE_FEATURES,
                        "--",
                        "-D",
                        "warnings",
                    ],
                )
            }),
        },
        Step {
            name: "clippy-wasm",
            what: "lints of the SDK, the protocol and the emulator, wasm",
            needs: &["tools"],
            run: Box::new(|| {
                // By itself: with the SDK beside it, the protocol has the SDK's features.
                let pure = ["clippy", "--package", "im-chats-protocol", "--package", "im-chats-emulator"];
                cargo(house, &[&pure[..], &["--target", "wasm32-unknown-unknown", "--", "-D", "warnings"]].concat())?;
                let sdk = ["clippy", "--package", "im-chats", "--target", "wasm32-unknown-unknown", "--lib"];
                cargo(house, &[&sdk[..], &["--tests", "--", "-D", "warnings"]].concat())?;
                // As it is shipped, too.
                cargo(house, &[&sdk[..], &["--features", "no-std", "--", "-D", "warnings"]].concat())
            }),
        },
        Step { name: "rustdoc", what: "documentation without a warning", needs: &["tools"], run: Box::new(|| rustdoc(house)) },
    ]
}

fn rustdoc(house: &House) -> Result<()> {
    house
        .cargo()
        .args(["doc", "--workspace", "--no-deps", "--document-private-items"])
        .env("RUSTDOCFLAGS", "-D warnings")
        .run()
        .context("rustdoc has something to say")
}

fn cargo(house: &House, args: &[&str]) -> Result<()> {
    house.cargo().args(args).run().map_err(Into::into)
}
