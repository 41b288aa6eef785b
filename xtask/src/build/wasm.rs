//! Rust → wasm → bindings → optimised wasm, in the stage that the package is assembled from.

use std::fs;
use std::path::{Path, PathBuf};

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

/// A wasm of the package.
#[derive(Clone, Copy)]
pub struct Module {
    /// What its files are called: `NAME.js`, `NAME_bg.wasm`.
    pub name: &'static str,
    /// The module with the same bytes as text.
    inline: &'static str,
    /// The crate that it is made of.
    crate_name: &'static str,
    /// The features of that crate that are in it.
    features: &'static [&'static str],
    /// Whether it makes texts itself: what formats them stays in it.
    formats_texts: bool,
    /// What wasm-opt does to it.
    passes: &'static [&'static str],
}

/// Restructuring the branches before the last passes is another percent.
const SMALLEST: &[&str] = &["-Os", "--flatten", "--rereloop", "-Oz", "-Oz", "--converge"];

/// The wasm of `im-chats`.
pub const MAIN: Module = Module {
    name: "im_chats",
    inline: "inline",
    crate_name: "im-chats",
    features: &[],
    formats_texts: false,
    passes: SMALLEST,
};

/// The wasm of `im-chats/messages`: everything of the other one, and messages and groups.
pub const MESSAGES: Module = Module {
    name: "messages",
    inline: "messages-inline",
    crate_name: "im-chats",
    features: &["messages"],
    formats_texts: false,
    passes: SMALLEST,
};

/// The wasm of `im-chats/emulator`: the service inside a page. It is so large that every pass, as often as it gains something, would take
/// many minutes.
pub const EMULATOR: Module = Module {
    name: "emulator",
    inline: "emulator-inline",
    crate_name: "im-chats-page",
    features: &[],
    formats_texts: true,
    passes: &["-Oz"],
};

/// All of them.
const MODULES: [Module; 3] = [MAIN, MESSAGES, EMULATOR];

/// The shipped wasm with the names of its functions, for those who ask what is in it.
pub fn named(workspace: &Workspace, module: Module) -> PathBuf {
    workspace.target.join(format!("size/{}.wasm", module.name))
}

/// Builds the package's wasms and their bindings into [`stage`].
pub fn build(workspace: &Workspace) -> Result<()> {
    let stage = stage(workspace);
    fs::create_dir_all(&stage)?;
    let shared = ["Cargo.lock", "package-lock.json", "xtask/src/build", "xtask/js/inline.mjs", "tools/wasm-bindgen"];
    // Each by itself: the large one takes minutes, and changes less often than the others.
    for module in MODULES {
        let raw = compile(workspace, module)?;
        let inputs: Vec<_> = [raw.clone()].into_iter().chain(shared.map(|path| workspace.path(path))).collect();
        let Module { name, inline, .. } = module;
        let files = [format!("{name}.js"), format!("{name}_bg.wasm"), format!("{inline}.js")].map(|file| stage.join(file));
        let outputs: Vec<_> = files.into_iter().chain([named(workspace, module)]).collect();
        let ran = stamp::when_changed(workspace, &format!("wasm-{name}"), &inputs, &outputs, || {
            wasm_bindgen_tool(workspace)?;
            bind_and_optimise(workspace, module, &raw, &stage)
        })?;
        println!("wasm: {name} {}", if ran { "bound and optimised" } else { "unchanged" });
    }
    Ok(())
}

/// Compiles one of them, and keeps it: Cargo has the same file name for both.
fn compile(workspace: &Workspace, module: Module) -> Result<PathBuf> {
    println!("wasm: cargo rustc --profile wasm ({})", module.name);
    workspace
        .cargo()
        .args(["rustc", "--lib", "--package", module.crate_name, "--profile", "wasm", "--target", "wasm32-unknown-unknown"])
        .args(["--features", &module.features.join(",")])
        // Only the one kind that is shipped: beside an rlib, Cargo leaves link-time optimisation out, which is a sixth of the bytes.
        .args(["--crate-type", "cdylib"])
        .run()
        .with_context(|| format!("{} does not build for wasm", module.crate_name))?;
    let kept = workspace.target.join(format!("raw-wasm/{}.wasm", module.name));
    fs::create_dir_all(kept.parent().context("no folder")?)?;
    let made = format!("wasm32-unknown-unknown/wasm/{}.wasm", module.crate_name.replace('-', "_"));
    fs::copy(workspace.target.join(made), &kept).context("Cargo made no wasm")?;
    Ok(kept)
}

/// Builds the wasm-bindgen tool and its test runner, whose version is the crate's because both come from the lock file.
pub fn wasm_bindgen_tool(workspace: &Workspace) -> Result<()> {
    // Not `--package`: that chooses fewer features for its dependencies than the tests do, and would compile most of them again.
    let binaries = ["wasm-bindgen", "wasm-bindgen-test-runner", "wasm-finish"].into_iter().flat_map(|name| ["--bin", name]);
    let command = workspace.cargo().args(["build", "--workspace", "--features", WORKSPACE_FEATURES]).args(binaries);
    command.run().context("the wasm-bindgen tool does not build")
}

fn bind_and_optimise(workspace: &Workspace, module: Module, raw: &Path, stage: &Path) -> Result<()> {
    workspace
        .sh
        .cmd(workspace.tool("wasm-bindgen"))
        .args(["--target", "bundler", "--out-name", module.name, "--out-dir"])
        .arg(stage)
        .arg(raw)
        .run()
        .context("wasm-bindgen failed")?;
    workspace
        .sh
        .cmd(workspace.tool("wasm-finish"))
        .arg(stage)
        .arg(module.name)
        .args(module.formats_texts.then_some("--formats-texts"))
        .run()
        .context("wasm-finish failed")?;
    let wasm = stage.join(format!("{}_bg.wasm", module.name));
    let named = named(workspace, module);
    fs::create_dir_all(named.parent().context("no folder")?)?;
    workspace
        .npm_bin("wasm-opt")
        // Rust keeps nothing below 1024: the stack begins there.
        .arg("--low-memory-unused")
        .args(module.passes)
        .args(["--debuginfo", "--strip-producers", "--strip-target-features"])
        .args(WASM_FEATURES)
        .arg(&wasm)
        .arg("-o")
        .arg(&named)
        .run()
        .context("wasm-opt failed")?;
    let strip = workspace.npm_bin("wasm-opt").arg("--strip-debug").args(WASM_FEATURES);
    strip.arg(&named).arg("-o").arg(&wasm).run().context("wasm-opt could not take the names out")?;
    inline_module(workspace, module, stage)
}

/// The wasm as a module, for bundlers and runtimes that do not move assets.
fn inline_module(workspace: &Workspace, module: Module, stage: &Path) -> Result<()> {
    workspace
        .sh
        .cmd("node")
        .arg(workspace.path("xtask/js/inline.mjs"))
        .arg(stage)
        .args([module.name, module.inline])
        .quiet()
        .run()
        .with_context(|| format!("{}.js could not be written", module.inline))
}
