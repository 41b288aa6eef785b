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
    /// Several relays over one log in NATS, all of whose processes are killed, frozen and cut off.
    #[arg(long, conflicts_with = "relay")]
    cluster: bool,
    /// What each relay of the cluster does.
    #[arg(long, value_name = "ROLE,ROLE,…", requires = "cluster", default_value = "auto,auto,auto")]
    roles: String,
    /// The bot of `examples/bot`, which answers every message once, while it and its server are killed.
    #[arg(long, conflicts_with_all = ["cluster", "browser", "minutes", "events"])]
    replies: bool,
    /// How often the bot is killed, and its server.
    #[arg(long, requires = "replies", default_value_t = 50)]
    kills: u32,
    /// The seed of an earlier run, to draw the same faults again; a fresh one without it.
    #[arg(long)]
    seed: Option<u32>,
}

/// Builds, installs the package into an empty project, runs, and prints the figures. A promise that was not kept is an error.
pub fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    checks::install(workspace)?;
    build::everything(workspace)?;
    let project = PackageProject::install(workspace)?;
    let program = match options {
        Options { replies: true, .. } => "replies.mjs",
        Options { cluster: true, .. } => "cluster/chaos.mjs",
        _ => "chaos.mjs",
    };
    let measure = if options.replies {
        vec![format!("--kills={}", options.kills)]
    } else {
        vec![format!("--minutes={}", options.minutes), format!("--events={}", options.events)]
    };
    let mut command = workspace
        .sh
        .cmd("node")
        .arg(workspace.path("tests/suites/chaos").join(program))
        .args(measure)
        .args(options.browser.then_some("--browser"))
        .args(options.relay.then_some("--relay"))
        .args(options.seed.map(|seed| format!("--seed={seed}")));
    if options.cluster {
        command = command.arg(format!("--roles={}", options.roles)).env("IM_CHATS_NATS_SERVER", tools::nats_server(workspace)?);
    }
    command
        .env("IM_CHATS_GATEWAY", workspace.gateway())
        .env("IM_CHATS_ROOT", &workspace.root)
        .env("IM_CHATS_PROJECT", project.path())
        .env("CHROMIUM", tools::browser()?.chromium)
        .run()
        .context("a promise of the stream was not kept")
}
