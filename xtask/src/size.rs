//! `cargo xtask size`: what a page downloads, what of it is whose, and the budget it must keep to.

use anyhow::{Context, Result};

use crate::build;
use crate::checks;
use crate::house::House;
use crate::tools;

/// Where the page is.
const PAGE: &str = "docs/size.md";

/// Measures, and writes `docs/size.md`.
pub fn run(house: &House) -> Result<()> {
    checks::install(house)?;
    build::npm_package(house)?;
    measure(house, true)?;
    println!("wrote {PAGE}");
    Ok(())
}

/// Measures, and fails when the package that is built is above its budget.
pub fn check(house: &House) -> Result<()> {
    measure(house, false)
}

fn measure(house: &House, write: bool) -> Result<()> {
    let peer = tools::npm_folder(house, "bench", "bench")?;
    let page = write.then(|| house.path(PAGE));
    house
        .sh
        .cmd("node")
        .arg(house.path("bench/size/size.mjs"))
        .arg(house.package())
        .arg(build::wasm::named(house))
        .arg(peer)
        .args(page)
        .run()
        .context("the package is larger than its budget, or could not be measured")
}
