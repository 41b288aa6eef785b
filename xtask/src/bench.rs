//! `cargo xtask bench`: how fast the client is, beside the service's own SDK and code written by hand, and what the gateway
//! costs, beside the least it could.

use std::ffi::OsString;
use std::path::Path;

use anyhow::{Context, Result};
use clap::Args;

use crate::build;
use crate::checks;
use crate::old;
use crate::package_project::PackageProject;
use crate::tools;
use crate::workspace::Workspace;

/// What to run.
#[derive(Args)]
pub struct Options {
    /// Small amounts and few rounds, to see that it runs; writes no page.
    #[arg(long)]
    quick: bool,
    /// Only the works whose name has this in it: live, replay, parallel, sequence, background, start,
    /// stalled, gateway, verify, cluster.
    #[arg(long)]
    only: Option<String>,
    /// Only one runtime: "Node 20", "Node 22" or "Chromium".
    #[arg(long)]
    runtime: Option<String>,
    #[command(flatten)]
    old: old::Choice,
}

/// Runs the rows; a whole run writes `docs/performance.md` and its plots. Fails when something that must be reached is not.
pub fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    if options.only.as_deref() == Some("cluster") {
        return measure_cluster(workspace, options);
    }
    checks::install(workspace)?;
    build::everything(workspace)?;
    let [clients, gateway] = ["bench-clients.json", "bench-gateway.json"].map(|name| workspace.target.join(name));
    let only = options.only.as_deref();
    if only == Some("verify") {
        return measure_gateway(workspace, options, &gateway);
    }
    let outcome = if only == Some("gateway") { Ok(()) } else { measure_clients(workspace, options, &clients) };
    if options.runtime.is_none() && only.is_none_or(|only| only == "gateway") {
        measure_gateway(workspace, options, &gateway)?;
    }
    let is_whole = !options.quick && only.is_none() && options.runtime.is_none();
    if is_whole && clients.exists() {
        let page = workspace
            .sh
            .cmd("node")
            .arg(workspace.path("bench/page.mjs"))
            .args([&clients, &gateway])
            .arg(workspace.path("docs"));
        page.run().context("docs/performance.md could not be written")?;
    }
    outcome
}

fn measure_clients(workspace: &Workspace, options: &Options, results: &Path) -> Result<()> {
    let installed = tools::npm_folder(workspace, "bench", "bench")?;
    let project = PackageProject::install(workspace)?;
    let old = options.old.build(workspace)?;
    let old_project = old.as_ref().map(|old| PackageProject::with_package(workspace, &old.package)).transpose()?;
    let old_paths = old.iter().zip(&old_project);
    workspace
        .sh
        .cmd("node")
        .arg(workspace.path("bench/bench.mjs"))
        .arg(results)
        .args(options.quick.then_some("--quick"))
        .args(options.only.iter().flat_map(|only| ["--only", only]))
        .args(options.runtime.iter().flat_map(|runtime| ["--runtime", runtime]))
        .env("IM_CHATS_GATEWAY", workspace.gateway())
        .env("IM_CHATS_PROJECT", project.path())
        .envs(old_paths.flat_map(|(old, project)| {
            [("IM_CHATS_OLD", OsString::from(&old.commit)), ("IM_CHATS_OLD_PROJECT", project.path().into())]
        }))
        .env("IM_CHATS_BENCH", &installed)
        .env("CHROMIUM", tools::browser()?.chromium)
        .run()
        .context("a benchmark missed what it must reach, or could not run")
}

fn measure_gateway(workspace: &Workspace, options: &Options, results: &Path) -> Result<()> {
    let sh = &workspace.sh;
    sh.cmd("cargo")
        .args(["run", "--release", "--package", "im-chats-gateway-bench", "--", "--gateway"])
        .arg(workspace.gateway())
        .arg("--out")
        .arg(results)
        .args(options.quick.then_some("--quick"))
        .args((options.only.as_deref() == Some("verify")).then_some("--only-verify"))
        .run()
        .context("the gateway lost or misplaced an event, or could not be measured")
}

/// Several relays over one log, beside one relay; with an earlier commit, its emulator and relay beside those of now. Writes its section of
/// the page.
fn measure_cluster(workspace: &Workspace, options: &Options) -> Result<()> {
    build::gateway(workspace)?;
    let (sh, nats) = (&workspace.sh, tools::nats_server(workspace)?);
    let old = options.old.gateway(workspace)?;
    let [results, old_results] = ["bench-cluster.json", "bench-cluster-old.json"].map(|name| workspace.target.join(name));
    let measure = |out: &Path, more: &[OsString]| {
        sh.cmd("cargo")
            .args(["run", "--release", "--package", "im-chats-gateway-bench", "--", "cluster", "--gateway"])
            .arg(workspace.gateway())
            .arg("--nats")
            .arg(&nats)
            .arg("--out")
            .arg(out)
            .args(more)
            .args(options.quick.then_some("--quick"))
            .run()
            .context("a relay lost or misplaced an event, or could not be measured")
    };
    measure(&results, &[])?;
    if let Some((_, gateway)) = &old {
        measure(&old_results, &["--old".into(), gateway.into()])?;
    }
    if options.quick {
        return Ok(());
    }
    let page = sh.cmd("node").arg(workspace.path("bench/cluster-page.mjs")).arg(workspace.path("docs")).arg(&results);
    let page = page.args(old.iter().flat_map(|(commit, _)| [OsString::from(&old_results), commit.into()]));
    page.run().context("docs/performance.md could not be written")
}
