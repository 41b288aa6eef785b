//! `cargo xtask simulate`: more seeds of the simulation than a test has time for.

use anyhow::{Context, Result};

use crate::workspace::Workspace;

/// Runs `seeds` seeds, beginning with `from`, optimised.
pub fn run(workspace: &Workspace, seeds: u64, from: u64) -> Result<()> {
    let (seeds, from) = (seeds.to_string(), from.to_string());
    workspace
        .cargo()
        .args(["run", "--release", "--quiet", "--package", "im-chats-simulation", "--bin", "simulate", "--"])
        .args(["--seeds", &seeds, "--from", &from])
        .run()
        .context("a scenario fails")
}
