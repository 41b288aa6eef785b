//! `cargo xtask cluster`: several relays over one log in NATS on this machine, to look at and to break by hand.

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::build;
use crate::start::{pass_signals_on, wait};
use crate::tools;
use crate::workspace::Workspace;

/// Builds what is missing and runs until a signal comes.
pub fn run(workspace: &Workspace) -> Result<ExitCode> {
    build::npm_package(workspace)?;
    build::gateway(workspace)?;
    let mut command = Command::new("node");
    command
        .current_dir(&workspace.root)
        .arg(workspace.path("xtask/js/cluster.mjs"))
        .env("IM_CHATS_GATEWAY", workspace.gateway())
        .env("IM_CHATS_NATS_SERVER", tools::nats_server(workspace)?)
        // When we end, however we end, it reads the end of its input, and stops everything.
        .stdin(Stdio::piped())
        // A group of its own: a terminal's Ctrl-C then reaches it once, through us, and what it started not at all.
        .process_group(0);
    // Before the child is there, so that a signal between the two is not lost.
    let signals = Signals::new([SIGHUP, SIGINT, SIGTERM])?;
    let mut child = command.spawn().context("node does not start")?;
    pass_signals_on(signals, &child)?;
    let _open = child.stdin.take();
    wait(&mut child)
}
