//! `cargo xtask size`: what a page downloads, what of it is whose, and the budget it must keep to.

use anyhow::{Context, Result};

use crate::build;
use crate::checks;
use crate::tools;
use crate::workspace::Workspace;

/// Where the page is.
const PAGE: &str = "docs/size.md";

/// Measures, and writes `docs/size.md`.
pub fn run(workspace: &Workspace) -> Result<()> {
    checks::install(workspace)?;
    build::npm_package(workspace)?;
    measure(workspace, true)?;
    println!("wrote {PAGE}");
    Ok(())
}

/// Measures, and fails when the package that is built is above its budget.
pub fn check(workspace: &Workspace) -> Result<()> {
    measure(workspace, false)
}

fn measure(workspace: &Workspace, write: bool) -> Result<()> {
    let peer = tools::npm_folder(workspace, "bench", "bench")?;
    let page = write.then(|| workspace.path(PAGE));
    workspace
        .sh
        .cmd("node")
        .arg(workspace.path("bench/size/size.mjs"))
        .arg(workspace.package())
        .arg(build::wasm::named(workspace))
        .arg(peer)
        .args(page)
        .run()
        .context("the package is larger than its budget, or could not be measured")
}
