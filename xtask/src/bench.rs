//! `cargo xtask bench`: how fast, beside the service's own SDK and beside code written by hand.

use anyhow::{Context, Result};
use clap::Args;

use crate::build;
use crate::checks;
use crate::house::House;
use crate::package_project::PackageProject;
use crate::tools;

/// What to run.
#[derive(Args)]
pub struct Options {
    /// Small amounts and two rounds, to see that it runs; writes no page.
    #[arg(long)]
    quick: bool,
    /// Only the works whose name has this in it: live, replay, parallel, sequence, background, start, stalled.
    #[arg(long)]
    only: Option<String>,
    /// Only one runtime: "Node 20", "Node 22" or "Chromium".
    #[arg(long)]
    runtime: Option<String>,
}

/// Runs the rows; a whole run writes `docs/performance.md` and its plots. Fails when something that must be reached is not.
pub fn run(house: &House, options: &Options) -> Result<()> {
    checks::install(house)?;
    build::everything(house)?;
    let installed = tools::npm_folder(house, "bench", "bench")?;
    let project = PackageProject::install(house)?;
    let results = house.target.join("bench-results.json");
    let outcome = house
        .sh
        .cmd("node")
        .arg(house.path("bench/bench.mjs"))
        .arg(&results)
        .args(options.quick.then_some("--quick"))
        .args(options.only.iter().flat_map(|only| ["--only", only]))
        .args(options.runtime.iter().flat_map(|runtime| ["--runtime", runtime]))
        .env("IM_CHATS_GATEWAY", house.gateway())
        .env("IM_CHATS_PROJECT", project.path())
        .env("IM_CHATS_BENCH", &installed)
        .env("CHROMIUM", tools::browser(house)?.chromium)
        .run();
    let is_whole = !options.quick && options.only.is_none() && options.runtime.is_none();
    if is_whole && results.exists() {
        let page = house.sh.cmd("node").arg(house.path("bench/page.mjs")).arg(&results).arg(house.path("docs"));
        page.run().context("docs/performance.md could not be written")?;
    }
    outcome.context("a benchmark missed what it must reach, or could not run")
}
