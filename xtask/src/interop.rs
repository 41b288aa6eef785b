//! The service's own SDK against the gateway, beside ours: the suite in `tests/suites/interop`, and the page made from its runs.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::build;
use crate::checks;
use crate::package_project::{PackageProject, node_test, test_files};
use crate::tools;
use crate::workspace::Workspace;

/// Where the page is.
const PAGE: &str = "docs/compatibility.md";

/// Runs the suite.
pub fn test(workspace: &Workspace, project: &PackageProject) -> Result<()> {
    let peer = install_peer(workspace)?;
    node_test(workspace, &test_files(&workspace.path("tests/suites/interop"))?)
        .env("IM_CHATS_PROJECT", project.path())
        .env("IM_CHATS_INTEROP", peer)
        .env("CHROMIUM", tools::browser()?.chromium)
        .run()
        .context("programs of others and ours do not agree, or docs/compatibility.md is stale: `cargo xtask compat` writes it")
}

/// Plays every scenario in every SDK and writes `docs/compatibility.md`.
pub fn compat(workspace: &Workspace) -> Result<()> {
    checks::install(workspace)?;
    build::everything(workspace)?;
    let peer = install_peer(workspace)?;
    let project = PackageProject::install(workspace)?;
    workspace
        .sh
        .cmd("node")
        .arg(workspace.path("tests/suites/interop/compatibility.mjs"))
        .arg(workspace.path(PAGE))
        .env("IM_CHATS_GATEWAY", workspace.gateway())
        .env("IM_CHATS_PROJECT", project.path())
        .env("IM_CHATS_INTEROP", peer)
        .run()
        .with_context(|| format!("{PAGE} could not be written"))?;
    println!("wrote {PAGE}");
    Ok(())
}

fn install_peer(workspace: &Workspace) -> Result<PathBuf> {
    tools::npm_folder(workspace, "tests/suites/interop", "interop")
}
