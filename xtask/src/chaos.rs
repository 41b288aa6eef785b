//! `cargo xtask chaos`: the long form of `tests/suites/chaos`.

use anyhow::{Context, Result};
use clap::Args;

use crate::build;
use crate::checks;
use crate::package_project::PackageProject;
use crate::tools;
use crate::workspace::Workspace;

/// How long, where, and with which dice.
#[derive(Args)]
pub struct Options {
    /// How many minutes faults are injected.
    #[arg(long, default_value_t = 5.0)]
    minutes: f64,
    /// How many events are written at least.
    #[arg(long, default_value_t = 200_000)]
    events: u64,
    /// In Chromium instead of Node.
    #[arg(long)]
    browser: bool,
    /// With a relay between the package and the emulator, and faults on both sides of it.
    #[arg(long)]
    relay: bool,
    /// The seed of an earlier run, to draw the same faults again; a fresh one without it.
    #[arg(long)]
    seed: Option<u32>,
}

/// Builds, installs the package into an empty project, runs, and prints the figures. A promise that was not kept is an error.
pub fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    checks::install(workspace)?;
    build::everything(workspace)?;
    let project = PackageProject::install(workspace)?;
    let browser = options.browser.then_some("--browser");
    let relay = options.relay.then_some("--relay");
    let seed = options.seed.map(|seed| format!("--seed={seed}"));
    workspace
        .sh
        .cmd("node")
        .arg(workspace.path("tests/suites/chaos/chaos.mjs"))
        .arg(format!("--minutes={}", options.minutes))
        .arg(format!("--events={}", options.events))
        .args(browser)
        .args(relay)
        .args(seed)
        .env("IM_CHATS_GATEWAY", workspace.gateway())
        .env("IM_CHATS_PROJECT", project.path())
        .env("CHROMIUM", tools::browser()?.chromium)
        .run()
        .context("a promise of the stream was not kept")
}
