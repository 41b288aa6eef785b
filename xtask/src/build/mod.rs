//! `cargo xtask build`: the npm package in `pkg/`, the console's assets, and the gateway that serves them.
//! It may use `stamp`, `steps`, `tools` and `workspace`.

mod console;
mod package;
mod sizes;
pub mod wasm;

use std::time::Instant;

use anyhow::{Context, Result};

use crate::steps::seconds;
use crate::tools;
use crate::workspace::Workspace;
pub use wasm::wasm_bindgen_tool;

/// Builds the package and the gateway, and prints the sizes of what a page downloads.
pub fn everything(workspace: &Workspace) -> Result<()> {
    npm_package(workspace)?;
    gateway(workspace)?;
    sizes::print(workspace)
}

/// Builds `pkg/`.
pub fn npm_package(workspace: &Workspace) -> Result<()> {
    tools::wasm_target(workspace)?;
    tools::npm_packages(workspace)?;
    wasm::build(workspace)?;
    package::assemble(workspace)
}

/// Builds the release gateway, with the console in it.
pub fn gateway(workspace: &Workspace) -> Result<()> {
    console::stage(workspace)?;
    let started = Instant::now();
    println!("gateway: cargo build --release (minutes when nothing is built yet)");
    workspace
        .cargo()
        .args(["build", "--release", "--package", "im-chats-gateway"])
        .run()
        .context("the gateway does not build")?;
    println!("gateway: {} ({})", workspace.gateway().display(), seconds(started.elapsed()));
    Ok(())
}
