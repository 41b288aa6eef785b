//! The package as it was at an earlier commit, which `cargo xtask bench --old` and `cargo xtask size --old` compare with.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::stamp;
use crate::workspace::Workspace;

/// Which earlier commit to compare with.
#[derive(Args)]
pub struct Choice {
    /// A commit of this repository, such as 463bc79 or HEAD~3: its package takes part as "the version before". It is built once,
    /// by its own `cargo xtask`, in target/bench/old-COMMIT.
    #[arg(long, value_name = "COMMIT")]
    old: Option<String>,
}

/// The package of an earlier commit.
pub struct Old {
    /// The commit's short name.
    pub commit: String,
    /// Its `pkg/`.
    pub package: PathBuf,
}

impl Choice {
    /// Builds the package of the commit that was chosen, if one was.
    pub fn build(&self, workspace: &Workspace) -> Result<Option<Old>> {
        self.old.as_deref().map(|commit| build(workspace, commit)).transpose()
    }
}

fn build(workspace: &Workspace, commit: &str) -> Result<Old> {
    let named = format!("{commit}^{{commit}}");
    let git = |arguments: &[&str]| workspace.sh.cmd("git").args(arguments).quiet().read();
    let full =
        git(&["rev-parse", "--verify", "--end-of-options", &named]).with_context(|| format!("there is no commit {commit}"))?;
    // The same name, whichever way the commit was named. Its length may grow with the repository; then it is built again.
    let commit = git(&["rev-parse", "--short", &full])?;
    let tree = workspace.target.join("bench").join(format!("old-{commit}"));
    let package = tree.join("pkg");
    // A commit never changes, so there is nothing to read that could: it is built when it was not built to the end.
    let outputs = [package.join("package.json")];
    stamp::when_changed(workspace, &format!("old-{commit}"), &[], &outputs, || {
        if !tree.join("Cargo.toml").exists() {
            // Forced: a `target/` that was deleted leaves the worktree known to git.
            let add = ["worktree", "add", "--force", "--detach"];
            workspace.sh.cmd("git").args(add).arg(&tree).arg(&full).run().context("git could not make a worktree")?;
        }
        println!("old package: {commit} (minutes, once)");
        let _inside = workspace.sh.push_dir(&tree);
        // `size` is the verb that builds the package and not the gateway. Whether that package keeps a budget is not asked here, so
        // what counts is that it is there. Its target folder is its own: with ours, Cargo would take the wasm of the one commit for
        // that of the other, since both have the same file name.
        let size = workspace.cargo().args(["xtask", "size"]).env("CARGO_TARGET_DIR", tree.join("target"));
        // The commit's own rust-toolchain.toml shall count.
        let ended = size.env_remove("RUSTUP_TOOLCHAIN").run();
        ensure!(outputs.iter().all(|output| output.exists()), "{commit} does not build: {ended:?}");
        Ok(())
    })?;
    println!("old package: {}", package.display());
    Ok(Old { commit, package })
}
