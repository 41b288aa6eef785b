//! The paths of the repository, and the commands that run in it.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use xshell::{Cmd, Shell};

/// The repository this binary was built from, and a shell that stands in its root.
pub struct Workspace {
    /// Absolute path of the repository.
    pub root: PathBuf,
    /// Cargo's target directory: `CARGO_TARGET_DIR`, else `target/`.
    pub target: PathBuf,
    /// A shell in `root`.
    pub sh: Shell,
}

impl Workspace {
    /// Finds the repository.
    pub fn find() -> Result<Workspace> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask/ has no parent folder")?.to_path_buf();
        let target = match env::var_os("CARGO_TARGET_DIR") {
            Some(dir) => root.join(dir),
            None => root.join("target"),
        };
        let sh = Shell::new()?;
        sh.change_dir(&root);
        Ok(Workspace { root, target, sh })
    }

    /// A path in the repository.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// The npm package that `build` makes.
    pub fn package(&self) -> PathBuf {
        self.path("pkg")
    }

    /// The gateway that `build` makes.
    pub fn gateway(&self) -> PathBuf {
        self.target.join("release/im-chats-gateway")
    }

    /// A program of the workspace itself, `wasm-bindgen` or `wasm-bindgen-test-runner`, as `build::wasm_bindgen_tool` leaves it.
    pub fn tool(&self, name: &str) -> PathBuf {
        self.target.join("debug").join(name)
    }

    /// Cargo. The toolchain that runs us is in the environment already, a `+toolchain` override too.
    pub fn cargo(&self) -> Cmd<'_> {
        self.sh.cmd("cargo")
    }

    /// A program of the repository's own development dependencies. Relative, since every command runs in the root.
    pub fn npm_bin(&self, name: &str) -> Cmd<'_> {
        self.sh.cmd(format!("node_modules/.bin/{name}"))
    }
}
