//! `wasm-bindgen` and `wasm-bindgen-test-runner` in one binary, built from the workspace's lock file.
//!
//! The tool refuses wasm made with any other version of the crate. Building it here instead of installing it
//! means that there is one version to bump, and nothing to install.
//!
//! ```text
//! wasm-bindgen-tool bindgen --target web --out-dir DIR FILE.wasm
//! wasm-bindgen-tool test-runner FILE.wasm
//! ```

use std::env;
use std::process::ExitCode;

use anyhow::{Result, bail};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:?}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let mut args = env::args_os();
    let program = args.next();
    let verb = args.next();
    // Both tools read their own name from the first argument, so it is passed on.
    let rest = program.into_iter().chain(args);
    match verb.as_ref().and_then(|verb| verb.to_str()) {
        Some("bindgen") => wasm_bindgen_cli::wasm_bindgen::run_cli_with_args(rest),
        Some("test-runner") => wasm_bindgen_cli::wasm_bindgen_test_runner::run_cli_with_args(rest),
        _ => bail!("usage: wasm-bindgen-tool bindgen|test-runner ARGUMENTS"),
    }
}
