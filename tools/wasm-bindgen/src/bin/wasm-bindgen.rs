//! The `wasm-bindgen` command, built from the workspace's lock file.
//!
//! The tool refuses wasm made with any other version of the crate. Building it here instead of installing it means that
//! there is one version to bump, and nothing to install.

use std::env;

fn main() -> anyhow::Result<()> {
    wasm_bindgen_cli::wasm_bindgen::run_cli_with_args(env::args_os())
}
