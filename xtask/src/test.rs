//! `cargo xtask test`: everything, from a clean checkout on a machine with Rust, Node and npm.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::build;
use crate::checks;
use crate::everywhere::Table;
use crate::interop;
use crate::package_project::{PackageProject, node_test, test_files};
use crate::size;
use crate::steps::{Step, run_all};
use crate::tools;
use crate::workspace::Workspace;

/// Runs all steps, or the ones named.
pub fn run(workspace: &Workspace, names: &[String]) -> Result<ExitCode> {
    let project = OnceCell::new();
    let mut steps = all(workspace, &project);
    if let Some(unknown) = names.iter().find(|name| !steps.iter().any(|step| step.name == *name)) {
        bail!("there is no step {unknown}; `cargo xtask test --list` prints them");
    }
    if !names.is_empty() {
        let wanted = closure(&steps, names);
        steps.retain(|step| wanted.contains(step.name));
    }
    Ok(run_all(steps))
}

/// Prints the steps.
pub fn list() {
    if let Ok(workspace) = Workspace::find() {
        for step in all(&workspace, &OnceCell::new()) {
            println!("{:<12}  {}", step.name, step.what);
        }
    }
}

/// The named steps and what they need.
fn closure(steps: &[Step<'_>], names: &[String]) -> BTreeSet<&'static str> {
    let mut wanted = BTreeSet::new();
    // Steps come after what they need, so one walk from the end finds all of it.
    for step in steps.iter().rev() {
        if names.iter().any(|name| name == step.name) || wanted.contains(step.name) {
            wanted.insert(step.name);
            wanted.extend(step.needs);
        }
    }
    wanted
}

fn all<'a>(workspace: &'a Workspace, project: &'a OnceCell<PackageProject>) -> Vec<Step<'a>> {
    let mut steps = vec![Step {
        name: "tools",
        what: "what this machine lacks",
        needs: &[],
        run: Box::new(|| {
            checks::install(workspace)?;
            tools::nats_server(workspace)?;
            tools::browser().map(drop)
        }),
    }];
    steps.extend(checks::rust_steps(workspace));
    steps.extend(rust_tests(workspace));
    steps.extend(package_tests(workspace, project));
    steps
}

fn rust_tests(workspace: &Workspace) -> Vec<Step<'_>> {
    vec![
        Step {
            name: "native",
            what: "unit, property and integration tests of the workspace",
            needs: &["tools"],
            run: Box::new(|| {
                let arguments = ["test", "--workspace", "--no-fail-fast", "--features", tools::WORKSPACE_FEATURES];
                let nats = tools::nats_server(workspace)?;
                workspace.cargo().args(arguments).env("IM_CHATS_NATS_SERVER", nats).run().context("native tests failed")
            }),
        },
        Step {
            name: "wasm",
            what: "the SDK's wasm-bindgen tests in headless Chromium",
            needs: &["tools"],
            run: Box::new(|| wasm_tests(workspace)),
        },
    ]
}

fn wasm_tests(workspace: &Workspace) -> Result<()> {
    build::wasm_bindgen_tool(workspace)?;
    workspace
        .cargo()
        .args([
            "test",
            "--package",
            "im-chats",
            "--features",
            "messages",
            "--target",
            "wasm32-unknown-unknown",
            "--lib",
            "--tests",
        ])
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", workspace.tool("wasm-bindgen-test-runner"))
        .env("CHROMEDRIVER", tools::browser()?.driver)
        // What `wasm-pack test --headless --chrome` sets: a test that does not ask for a browser is an error, not a detour.
        .env("WASM_BINDGEN_TEST_ONLY_WEB", "1")
        .run()
        .context("wasm tests failed")
}

fn package_tests<'a>(workspace: &'a Workspace, project: &'a OnceCell<PackageProject>) -> Vec<Step<'a>> {
    let installed = || project.get().context("the package is not installed");
    vec![
        Step {
            name: "build",
            what: "the npm package and the gateway",
            needs: &["tools"],
            run: Box::new(|| build::everything(workspace)),
        },
        Step {
            name: "size",
            what: "what a page downloads is within its budget",
            needs: &["build"],
            run: Box::new(|| size::check(workspace)),
        },
        Step {
            name: "pack",
            what: "the package, packed and installed into an empty project",
            needs: &["build"],
            run: Box::new(|| {
                let installed = PackageProject::install(workspace)?;
                println!("installed in {}", installed.path().display());
                project.set(installed).map_err(|_| anyhow::anyhow!("installed twice"))
            }),
        },
        Step {
            name: "types",
            what: "type tests against the installed package",
            needs: &["pack"],
            run: Box::new(move || installed()?.check_types(workspace)),
        },
        Step {
            name: "package",
            what: "the installed package in Node against the gateway",
            needs: &["pack"],
            run: Box::new(move || installed()?.node_tests(workspace, "package")),
        },
        Step {
            name: "emulator",
            what: "im-chats/emulator: the conformance program, and the gateway's answers value by value, in Node, Bun, Deno and Chromium",
            needs: &["pack"],
            run: Box::new(move || installed()?.emulator_tests(workspace)),
        },
        Step {
            name: "testing",
            what: "docs/testing.md: its tests in Vitest, Jest, node:test and Playwright",
            needs: &["pack"],
            run: Box::new(move || installed()?.testing_tests(workspace)),
        },
        Step {
            name: "interop",
            what: "the service's own SDK and ours against the gateway, compared; docs/compatibility.md",
            needs: &["pack"],
            run: Box::new(move || interop::test(workspace, installed()?)),
        },
        Step {
            name: "openapi",
            what: "clients made of the OpenAPI document, and schemathesis, against the emulator and a relay",
            needs: &["build"],
            run: Box::new(|| {
                node_test(workspace, &test_files(&workspace.path("tests/suites/openapi"))?)
                    .env("IM_CHATS_OPENAPI", tools::npm_folder(workspace, "tests/suites/openapi", "openapi")?)
                    .env("IM_CHATS_VENV", tools::python_folder(workspace, "tests/suites/openapi", "openapi")?)
                    .run()
                    .context("the OpenAPI document is not true")
            }),
        },
        Step {
            name: "docs",
            what: "the code in README and docs, and examples/node",
            needs: &["pack"],
            run: Box::new(move || installed()?.node_tests(workspace, "docs")),
        },
        Step {
            name: "examples",
            what: "react-inbox, next, bot and worker of examples/, installed as their READMEs say; two of them in Chromium",
            needs: &["pack"],
            run: Box::new(move || installed()?.example_tests(workspace)),
        },
        Step {
            name: "hygiene",
            what: "what is published: publint, attw, TypeScript 5.0 to the latest, source maps, policies",
            needs: &["pack"],
            run: Box::new(move || installed()?.hygiene_tests(workspace)),
        },
        Step {
            name: "runtimes",
            what: "the conformance program in Node, Bun, Deno, workerd, Chromium and Firefox",
            needs: &["pack"],
            run: Box::new(move || Table::Runtimes.run_in_ci(workspace, installed()?)),
        },
        Step {
            name: "bundlers",
            what: "an app through Vite and esbuild, opened in Chromium; `cargo xtask bundlers` has the others",
            needs: &["pack"],
            run: Box::new(move || Table::Bundlers.run_in_ci(workspace, installed()?)),
        },
        Step {
            name: "chaos",
            what: "the installed package in Node and Chromium through a network that breaks, and gateways that are killed, alone or many",
            needs: &["pack"],
            run: Box::new(move || installed()?.chaos_tests(workspace)),
        },
        Step {
            name: "browser",
            what: "the installed package in Chromium: sleep, visibility, network changes; examples/web-token",
            needs: &["pack"],
            run: Box::new(move || installed()?.browser_tests(workspace)),
        },
        Step {
            name: "react",
            what: "im-chats/react with React 18 and 19 in Chromium, and the inbox with Vue and Svelte",
            needs: &["pack"],
            run: Box::new(move || installed()?.react_tests(workspace)),
        },
        Step {
            name: "console",
            what: "the console in Chromium against the gateway",
            needs: &["pack"],
            run: Box::new(move || installed()?.console_tests(workspace)),
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_step_brings_what_it_needs() {
        let workspace = Workspace::find().unwrap();
        let project = OnceCell::new();
        let wanted = closure(&all(&workspace, &project), &["package".to_owned()]);
        assert_eq!(wanted, BTreeSet::from(["package", "pack", "build", "tools"]));
    }

    #[test]
    fn needs_come_before_the_step_that_has_them() {
        let workspace = Workspace::find().unwrap();
        let project = OnceCell::new();
        let steps = all(&workspace, &project);
        for (index, step) in steps.iter().enumerate() {
            for need in step.needs {
                assert!(steps.iter().take(index).any(|earlier| earlier.name == *need), "{} needs {need}", step.name);
            }
        }
    }
}
