//! The `wasm-bindgen-test-runner` command, which runs a test binary in Node or, through a WebDriver, in a browser. Its version
//! is that of `wasm-bindgen`, for the same reason.

use std::env;

fn main() -> anyhow::Result<()> {
    wasm_bindgen_cli::wasm_bindgen_test_runner::run_cli_with_args(env::args_os())
}
