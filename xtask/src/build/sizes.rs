//! What a page downloads, in bytes.

use anyhow::{Context, Result};

use crate::workspace::Workspace;

/// Prints the sizes of the package's wasm and JavaScript: raw, gzip, brotli.
pub fn print(workspace: &Workspace) -> Result<()> {
    workspace.sh.cmd("node").arg(workspace.path("xtask/js/sizes.mjs")).arg(workspace.package()).quiet().run().context("sizes")
}
