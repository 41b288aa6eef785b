//! What a page downloads, in bytes.

use anyhow::{Context, Result};

use crate::house::House;

/// Prints the sizes of the package's wasm and JavaScript: raw, gzip, brotli.
pub fn print(house: &House) -> Result<()> {
    house.sh.cmd("node").arg(house.path("xtask/js/sizes.mjs")).arg(house.package()).quiet().run().context("sizes")
}
