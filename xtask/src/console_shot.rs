//! `cargo xtask console-shot`: pictures of the running console.

use anyhow::{Context, Result};

use crate::build;
use crate::tools;
use crate::workspace::Workspace;

/// Drives the console through a small story and writes `docs/console.png` and, for the eye, more into `target/console-shots/`.
pub fn run(workspace: &Workspace) -> Result<()> {
    build::everything(workspace)?;
    let chromium = tools::browser()?.chromium;
    workspace
        .sh
        .cmd("node")
        .arg(workspace.path("tests/suites/console/shots.mjs"))
        .arg(workspace.path("docs/console.png"))
        .arg(workspace.target.join("console-shots"))
        .env("IM_CHATS_GATEWAY", workspace.gateway())
        .env("IM_CHATS_ROOT", &workspace.root)
        .env("CHROMIUM", chromium)
        .run()
        .context("the pictures could not be made")
}
