//! `cargo xtask size`: what a page downloads, what of it is whose, and the budget it must keep to.

use std::ffi::OsString;

use anyhow::{Context, Result};

use crate::build;
use crate::checks;
use crate::old;
use crate::tools;
use crate::workspace::Workspace;

/// Where the page is.
const PAGE: &str = "docs/size.md";

/// Measures, beside an earlier commit when one was chosen, and writes `docs/size.md`.
pub fn run(workspace: &Workspace, old: &old::Choice) -> Result<()> {
    checks::install(workspace)?;
    build::npm_package(workspace)?;
    let old = old.build(workspace)?;
    measure(workspace, &["--page".into(), workspace.path(PAGE).into()], old.as_ref())?;
    println!("wrote {PAGE}");
    Ok(())
}

/// Measures, and fails when the package that is built is above its budget.
pub fn check(workspace: &Workspace) -> Result<()> {
    measure(workspace, &[], None)
}

fn measure(workspace: &Workspace, options: &[OsString], old: Option<&old::Old>) -> Result<()> {
    let peer = tools::npm_folder(workspace, "bench", "bench")?;
    workspace
        .sh
        .cmd("node")
        .arg(workspace.path("bench/size/size.mjs"))
        .arg(workspace.package())
        .arg(build::wasm::named(workspace, build::wasm::MAIN))
        .arg(peer)
        .args(options)
        .args(old.iter().flat_map(|old| ["--old".into(), old.package.clone(), "--old-name".into(), old.commit.clone().into()]))
        .run()
        .context("the package is larger than its budget, or could not be measured")
}
