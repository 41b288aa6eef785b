//! `cargo xtask simulate`: more seeds of the simulations than a test has time for.

use anyhow::{Context, Result};

use crate::workspace::Workspace;

/// Runs `seeds` seeds of each simulation, or of one, beginning with `from`, optimised.
pub fn run(workspace: &Workspace, seeds: u64, from: u64, only: Option<&str>) -> Result<()> {
    let (seeds, from) = (seeds.to_string(), from.to_string());
    workspace
        .cargo()
        .args(["run", "--release", "--quiet", "--package", "im-chats-simulation", "--bin", "simulate", "--"])
        .args(["--seeds", &seeds, "--from", &from])
        .args(only.iter().flat_map(|only| ["--only", only]))
        .run()
        .context("a scenario fails")
}
