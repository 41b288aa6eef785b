//! The service's own SDK against the gateway, beside ours: the suite in `tests/interop`, and the page made from its runs.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::build;
use crate::checks;
use crate::house::House;
use crate::package_project::{PackageProject, node_test, test_files};
use crate::tools;

/// Where the page is.
const PAGE: &str = "docs/compatibility.md";

/// Runs the suite.
pub fn test(house: &House, project: &PackageProject) -> Result<()> {
    let peer = install_peer(house)?;
    node_test(house, &test_files(&house.path("tests/interop"))?)
        .env("IM_CHATS_PROJECT", project.path())
        .env("IM_CHATS_INTEROP", peer)
        .env("CHROMIUM", tools::browser()?.chromium)
        .run()
        .context("programs of others and ours do not agree, or docs/compatibility.md is stale: `cargo xtask compat` writes it")
}

/// Plays every scenario in every SDK and writes `docs/compatibility.md`.
pub fn compat(house: &House) -> Result<()> {
    checks::install(house)?;
    build::everything(house)?;
    let peer = install_peer(house)?;
    let project = PackageProject::install(house)?;
    house
        .sh
        .cmd("node")
        .arg(house.path("tests/interop/compatibility.mjs"))
        .arg(house.path(PAGE))
        .env("IM_CHATS_GATEWAY", house.gateway())
        .env("IM_CHATS_PROJECT", project.path())
        .env("IM_CHATS_INTEROP", peer)
        .run()
        .with_context(|| format!("{PAGE} could not be written"))?;
    println!("wrote {PAGE}");
    Ok(())
}

fn install_peer(house: &House) -> Result<PathBuf> {
    tools::npm_folder(house, "tests/interop", "interop")
}
