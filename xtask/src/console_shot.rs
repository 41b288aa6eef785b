//! `cargo xtask console-shot`: pictures of the running console.

use anyhow::{Context, Result};

use crate::build;
use crate::house::House;
use crate::tools;

/// Drives the console through a small story and writes `docs/console.png` and, for the eye, more into `target/console-shots/`.
pub fn run(house: &House) -> Result<()> {
    build::everything(house)?;
    let chromium = tools::browser()?.chromium;
    house
        .sh
        .cmd("node")
        .arg(house.path("tests/console/shots.mjs"))
        .arg(house.path("docs/console.png"))
        .arg(house.target.join("console-shots"))
        .env("IM_CHATS_GATEWAY", house.gateway())
        .env("IM_CHATS_ROOT", &house.root)
        .env("CHROMIUM", chromium)
        .run()
        .context("the pictures could not be made")
}
