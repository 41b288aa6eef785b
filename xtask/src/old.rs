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

    /// Builds the release gateway of the commit that was chosen, if one was; gives its short name, too.
    pub fn gateway(&self, workspace: &Workspace) -> Result<Option<(String, PathBuf)>> {
        self.old.as_deref().map(|commit| build_gateway(workspace, commit)).transpose()
    }
}

/// An earlier commit, and where its worktree is.
struct Tree {
    /// Its whole name.
    full: String,
    commit: String,
    path: PathBuf,
}

impl Tree {
    fn find(workspace: &Workspace, commit: &str) -> Result<Self> {
        let named = format!("{commit}^{{commit}}");
        let git = |arguments: &[&str]| workspace.sh.cmd("git").args(arguments).quiet().read();
        let full = git(&["rev-parse", "--verify", "--end-of-options", &named])
            .with_context(|| format!("there is no commit {commit}"))?;
        // The same name, whichever way the commit was named. Its length may grow with the repository; then it is built again.
        let commit = git(&["rev-parse", "--short", &full])?;
        let path = workspace.target.join("bench").join(format!("old-{commit}"));
        Ok(Self { full, commit, path })
    }

    fn check_out(&self, workspace: &Workspace) -> Result<()> {
        if self.path.join("Cargo.toml").exists() {
            return Ok(());
        }
        // Forced: a `target/` that was deleted leaves the worktree known to git.
        let add = ["worktree", "add", "--force", "--detach"];
        workspace.sh.cmd("git").args(add).arg(&self.path).arg(&self.full).run().context("git could not make a worktree")
    }
}

/// The release gateway of a commit, without the console.
fn build_gateway(workspace: &Workspace, commit: &str) -> Result<(String, PathBuf)> {
    let tree = Tree::find(workspace, commit)?;
    let target = tree.path.join("target");
    let gateway = target.join("release/im-chats-gateway");
    stamp::when_changed(workspace, &format!("old-gateway-{}", tree.commit), &[], std::slice::from_ref(&gateway), || {
        tree.check_out(workspace)?;
        println!("old gateway: {} (minutes, once)", tree.commit);
        let _inside = workspace.sh.push_dir(&tree.path);
        let build = workspace.cargo().args(["build", "--release", "--package", "im-chats-gateway"]);
        let build = build.env("CARGO_TARGET_DIR", &target).env_remove("RUSTUP_TOOLCHAIN");
        build.run().with_context(|| format!("the gateway of {} does not build", tree.commit))
    })?;
    Ok((tree.commit, gateway))
}

fn build(workspace: &Workspace, commit: &str) -> Result<Old> {
    let found = Tree::find(workspace, commit)?;
    let (commit, tree) = (found.commit.clone(), found.path.clone());
    let package = tree.join("pkg");
    // A commit never changes, so there is nothing to read that could: it is built when it was not built to the end.
    let outputs = [package.join("package.json")];
    stamp::when_changed(workspace, &format!("old-{commit}"), &[], &outputs, || {
        found.check_out(workspace)?;
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
