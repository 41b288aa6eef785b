//! Rust → wasm → bindings → optimised wasm, in the stage that the package is assembled from.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::stamp;
use crate::tools::WORKSPACE_FEATURES;
use crate::workspace::Workspace;

/// What Rust's wasm32 baseline already uses. Named one by one: `--all-features` would let the optimiser use what
/// browsers of the last years do not have.
const WASM_FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// The folder with the generated code, beside which the TypeScript is staged.
pub fn stage(workspace: &Workspace) -> PathBuf {
    workspace.target.join("pkg-stage/wasm")
}

/// The shipped wasm with the names of its functions, for those who ask what is in it.
pub fn named(workspace: &Workspace) -> PathBuf {
    workspace.target.join("size/im_chats.wasm")
}

/// Builds the SDK's wasm and its bindings into [`stage`].
pub fn build(workspace: &Workspace) -> Result<()> {
    println!("wasm: cargo rustc --profile wasm");
    workspace
        .cargo()
        .args(["rustc", "--lib", "--package", "im-chats", "--profile", "wasm", "--target", "wasm32-unknown-unknown"])
        // Only the one kind that is shipped: beside an rlib, Cargo leaves link-time optimisation out, which is a sixth of the bytes.
        .args(["--crate-type", "cdylib"])
        .run()
        .context("the SDK does not build for wasm")?;
    let raw = workspace.target.join("wasm32-unknown-unknown/wasm/im_chats.wasm");
    let stage = stage(workspace);
    let inputs = [
        raw.clone(),
        workspace.path("Cargo.lock"),
        workspace.path("package-lock.json"),
        workspace.path("xtask/src/build"),
        workspace.path("xtask/js/inline.mjs"),
        workspace.path("tools/wasm-bindgen"),
    ];
    let outputs = [stage.join("im_chats.js"), stage.join("im_chats_bg.wasm"), stage.join("inline.js"), named(workspace)];
    let ran = stamp::when_changed(workspace, "wasm", &inputs, &outputs, || bind_and_optimise(workspace, &raw, &stage))?;
    println!("wasm: {}", if ran { "bound and optimised" } else { "unchanged" });
    Ok(())
}

/// Builds the wasm-bindgen tool and its test runner, whose version is the crate's because both come from the lock file.
pub fn wasm_bindgen_tool(workspace: &Workspace) -> Result<()> {
    // Not `--package`: that chooses fewer features for its dependencies than the tests do, and would compile most of them again.
    let binaries = ["wasm-bindgen", "wasm-bindgen-test-runner", "wasm-finish"].into_iter().flat_map(|name| ["--bin", name]);
    let command = workspace.cargo().args(["build", "--workspace", "--features", WORKSPACE_FEATURES]).args(binaries);
    command.run().context("the wasm-bindgen tool does not build")
}

fn bind_and_optimise(workspace: &Workspace, raw: &PathBuf, stage: &PathBuf) -> Result<()> {
    wasm_bindgen_tool(workspace)?;
    if stage.exists() {
        fs::remove_dir_all(stage)?;
    }
    fs::create_dir_all(stage)?;
    workspace
        .sh
        .cmd(workspace.tool("wasm-bindgen"))
        .args(["--target", "bundler", "--out-name", "im_chats", "--out-dir"])
        .arg(stage)
        .arg(raw)
        .run()
        .context("wasm-bindgen failed")?;
    workspace.sh.cmd(workspace.tool("wasm-finish")).arg(stage).arg("im_chats").run().context("wasm-finish failed")?;
    let wasm = stage.join("im_chats_bg.wasm");
    let named = named(workspace);
    fs::create_dir_all(named.parent().context("no folder")?)?;
    workspace
        .npm_bin("wasm-opt")
        // Rust keeps nothing below 1024: the stack begins there. Restructuring the branches before the last passes is another percent.
        .args(["--low-memory-unused", "-Os", "--flatten", "--rereloop", "-Oz", "-Oz", "--converge", "--debuginfo"])
        .args(["--strip-producers", "--strip-target-features"])
        .args(WASM_FEATURES)
        .arg(&wasm)
        .arg("-o")
        .arg(&named)
        .run()
        .context("wasm-opt failed")?;
    let strip = workspace.npm_bin("wasm-opt").arg("--strip-debug").args(WASM_FEATURES);
    strip.arg(&named).arg("-o").arg(&wasm).run().context("wasm-opt could not take the names out")?;
    inline_module(workspace, stage)
}

/// The wasm as a module, for bundlers and runtimes that do not move assets.
fn inline_module(workspace: &Workspace, stage: &PathBuf) -> Result<()> {
    workspace
        .sh
        .cmd("node")
        .arg(workspace.path("xtask/js/inline.mjs"))
        .arg(stage)
        .quiet()
        .run()
        .context("inline.js could not be written")
}
