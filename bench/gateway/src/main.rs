//! `im-chats-gateway-bench --gateway BINARY --out RESULTS.json`: what the gateway costs, beside the least it could cost.
//!
//! The real binary runs as a child, so that its CPU and memory are its own; so does what it is compared with on the network:
//! a bare axum WebSocket server (`bare`, this same program). What is compared on the disk, SQLite and the gateway's own
//! [`im_chats_gateway::log::EventLog`], runs in this process while nothing else does. Both come one after the other in
//! every round, each on a fresh process and a fresh database. A share is the median of the rounds' own shares.
//!
//! Wall-clock figures have client and server on the same cores; CPU figures are the server's alone.

mod bare;
mod batch;
mod cluster;
mod control;
mod disk;
mod fanout;
mod figure;
mod idle;
mod latency;
mod plan;
mod process;
mod socket;
mod start;
mod subscriber;
mod table;
mod verify;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::{Args, Parser, Subcommand};

use figure::Figure;
use plan::Plan;
use process::Gateway;

/// What the gateway costs per event, subscriber and idle socket, beside the least it could cost.
#[derive(Parser)]
#[command(version, about, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    measure: Option<Measure>,
}

#[derive(Subcommand)]
enum Command {
    /// The bare WebSocket server that the gateway is compared with.
    #[command(hide = true)]
    Bare,
    /// What a start costs after very many events, and a write while old events are dropped.
    Start(start::Start),
    /// What several relays over one log cost, beside one that keeps its log alone.
    Cluster(cluster::Cluster),
}

#[derive(Args)]
struct Measure {
    /// The gateway's release binary.
    #[arg(long, value_name = "BINARY")]
    gateway: PathBuf,
    /// Where the results go, as JSON. Databases are made beside it meanwhile: what a commit costs depends on the disk.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Small amounts and one round, to see that it runs.
    #[arg(long)]
    quick: bool,
    /// Only what judging a token costs.
    #[arg(long)]
    only_verify: bool,
}

/// Rounds of what takes a second.
const VERIFY_ROUNDS: usize = 5;

fn main() -> Result<()> {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Runtime::new()?;
    match (cli.command, cli.measure) {
        (Some(Command::Bare), _) => runtime.block_on(bare::serve()),
        (Some(Command::Start(start)), _) => runtime.block_on(start::measure(&start)),
        (Some(Command::Cluster(cluster)), _) => runtime.block_on(cluster::measure(&cluster)),
        (None, Some(measure)) => runtime.block_on(run(&measure)),
        (None, None) => anyhow::bail!("--gateway and --out are needed"),
    }
}

async fn run(measure: &Measure) -> Result<()> {
    if measure.only_verify {
        let mut rounds = Vec::new();
        for _ in 0..VERIFY_ROUNDS {
            rounds.push(verify::measure(measure.quick)?);
        }
        print!("{}", table::markdown(&figure::merge(&rounds)));
        return Ok(());
    }
    let plan = if measure.quick { Plan::quick() } else { Plan::full() };
    process::allow_open_files(plan.idle_sockets)?;
    ensure!(measure.gateway.is_file(), "there is no gateway at {}: cargo xtask build makes it", measure.gateway.display());
    let beside = match measure.out.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(beside).with_context(|| format!("{} cannot be created", beside.display()))?;
    let start = Gateway::new(&measure.gateway, beside);
    let mut rounds = Vec::new();
    for round in 1..=plan.rounds {
        eprintln!("round {round} of {}", plan.rounds);
        rounds.push(one_round(&plan, &start, beside).await?);
    }
    let rows = figure::merge(&rounds);
    print!("{}", table::markdown(&rows));
    table::write(&measure.out, plan.quick, plan.rounds, &rows)
}

async fn one_round(plan: &Plan, start: &Gateway, beside: &Path) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    let appending = fanout::appending(plan, start, beside, &mut figures).await?;
    for &(subscribers, events) in plan.fan_out {
        eprintln!("  {subscribers} subscribers");
        fanout::with_subscribers(subscribers, events, start, &appending, &mut figures).await?;
    }
    eprintln!("  {} idle sockets", plan.idle_sockets);
    idle::measure(plan.idle_sockets, start, &mut figures).await?;
    eprintln!("  tokens");
    figures.extend(verify::measure(plan.quick)?);
    eprintln!("  latency");
    latency::measure(plan, start, beside, &appending, &mut figures).await?;
    Ok(figures)
}
