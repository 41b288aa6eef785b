//! What is checked without running anything: formatting, lints, documentation, types.

use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::build;
use crate::package_project::PackageProject;
use crate::steps::{Step, run_all};
use crate::tools;
use crate::workspace::Workspace;

/// `cargo xtask lint`.
pub fn lint(workspace: &Workspace) -> Result<ExitCode> {
    let mut steps =
        vec![Step { name: "tools", what: "what this machine lacks", needs: &[], run: Box::new(|| install(workspace)) }];
    steps.extend(rust_steps(workspace));
    steps.push(Step {
        name: "types",
        what: "the package and its type tests under tsc --strict",
        needs: &["tools"],
        run: Box::new(|| {
            build::npm_package(workspace)?;
            PackageProject::install(workspace)?.check_types(workspace)
        }),
    });
    Ok(run_all(steps))
}

/// The toolchain's parts and the npm packages.
pub fn install(workspace: &Workspace) -> Result<()> {
    tools::rust_components(workspace)?;
    tools::wasm_target(workspace)?;
    tools::npm_packages(workspace)
}

/// The Rust checks, cheapest first.
pub fn rust_steps(workspace: &Workspace) -> Vec<Step<'_>> {
    vec![
        Step {
            name: "fmt",
            what: "formatting",
            needs: &["tools"],
            run: Box::new(|| cargo(workspace, &["fmt", "--all", "--check"])),
        },
        Step {
            name: "clippy",
            what: "lints, native, all targets",
            needs: &["tools"],
            run: Box::new(|| {
                cargo(
                    workspace,
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
            what: "the protocol and the emulator build for wasm, and lints of the SDK and of the emulator in a page",
            needs: &["tools"],
            run: Box::new(|| {
                // By themselves: with the SDK beside them, the protocol has the SDK's features. Their lints are the native ones: no
                // line of theirs is for wasm alone.
                let pure = ["build", "--package", "im-chats-protocol", "--package", "im-chats-emulator"];
                cargo(workspace, &[&pure[..], &["--target", "wasm32-unknown-unknown"]].concat())?;
                let sdk = ["clippy", "--package", "im-chats", "--target", "wasm32-unknown-unknown", "--lib"];
                // Both wasms, since what only one of them needs is no dead code in the other.
                cargo(workspace, &[&sdk[..], &["--", "-D", "warnings"]].concat())?;
                // The gateway without its server, and what JavaScript sees of it.
                let page = ["clippy", "--package", "im-chats-page", "--target", "wasm32-unknown-unknown", "--lib"];
                cargo(workspace, &[&page[..], &["--", "-D", "warnings"]].concat())?;
                cargo(workspace, &[&sdk[..], &["--tests", "--features", "messages", "--", "-D", "warnings"]].concat())
            }),
        },
        Step {
            name: "rustdoc",
            what: "documentation without a warning",
            needs: &["tools"],
            run: Box::new(|| rustdoc(workspace)),
        },
    ]
}

fn rustdoc(workspace: &Workspace) -> Result<()> {
    workspace
        .cargo()
        .args(["doc", "--workspace", "--no-deps", "--document-private-items"])
        .env("RUSTDOCFLAGS", "-D warnings")
        .run()
        .context("rustdoc has something to say")
}

fn cargo(workspace: &Workspace, args: &[&str]) -> Result<()> {
    workspace.cargo().args(args).run().map_err(Into::into)
}
