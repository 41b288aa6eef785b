//! `cargo xtask build`: the npm package in `pkg/`, the console's assets, and the gateway that serves them.

mod console;
mod package;
mod sizes;
pub mod wasm;

use std::time::Instant;

use anyhow::{Context, Result};

use crate::house::House;
use crate::steps::seconds;
use crate::tools;

/// Builds the package and the gateway, and prints the sizes of what a page downloads.
pub fn everything(house: &House) -> Result<()> {
    npm_package(house)?;
    gateway(house)?;
    sizes::print(house)
}

/// Builds `pkg/`.
pub fn npm_package(house: &House) -> Result<()> {
    tools::wasm_target(house)?;
    tools::npm_packages(house)?;
    wasm::build(house)?;
    package::assemble(house)
}

/// Builds the release gateway, with the console in it.
pub fn gateway(house: &House) -> Result<()> {
    console::stage(house)?;
    let started = Instant::now();
    println!("gateway: cargo build --release (minutes when nothing is built yet)");
    house.cargo().args(["build", "--release", "--package", "im-chats-gateway"]).run().context("the gateway does not build")?;
    println!("gateway: {} ({})", house.gateway().display(), seconds(started.elapsed()));
    Ok(())
}

/// Builds the wasm-bindgen tool and its test runner, whose version is the crate's because both come from the lock file.
pub fn wasm_bindgen_tool(house: &House) -> Result<()> {
    house.cargo().args(["build", "--package", "wasm-bindgen-tool"]).run().context("the wasm-bindgen tool does not build")
}
