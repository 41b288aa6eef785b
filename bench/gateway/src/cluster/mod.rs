//! `cluster`: several relays over one log in NATS, beside one relay that keeps its log alone. Three servers of NATS, which write to
//! their disks at once; a relay that serves and writes the log, and one that only serves, the front. Everything runs here: what goes
//! over a network elsewhere costs more time there, and the work of all of them is on the same cores.

mod idle;
mod old;
mod readers;
mod seen;
mod start;
mod world;

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::figure::{self, Better, Figure, Quantity};
use crate::process::{Gateway, allow_open_files};
use crate::table;

/// What the figures of a cluster are beside, unless they say something else.
const ONE: &str = "one relay that keeps its log alone";

#[derive(Args)]
pub(crate) struct Cluster {
    /// The gateway's release binary.
    #[arg(long, value_name = "BINARY")]
    gateway: PathBuf,
    /// The server of NATS.
    #[arg(long, value_name = "BINARY")]
    nats: PathBuf,
    /// An earlier release binary of the gateway: then it is measured only how emulator and relay, each alone, do beside it.
    #[arg(long, value_name = "BINARY")]
    old: Option<PathBuf>,
    /// Where the results go, as JSON. The relays' data is beside it meanwhile.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Small amounts and one round, to see that it runs.
    #[arg(long)]
    quick: bool,
    /// Only what idle sockets cost, over a small log.
    #[arg(long)]
    only_sockets: bool,
}

/// The amounts of a run.
pub(crate) struct Plan {
    quick: bool,
    rounds: usize,
    /// Events in the log.
    log: u64,
    /// Readers, and the events that each of them gets.
    readers: &'static [(usize, u64)],
    /// Writes, one after the other.
    writes: usize,
    /// Idle sockets at a time.
    idle: &'static [usize],
    /// Seconds of idleness; a multiple of the interval of heartbeats.
    idle_s: u64,
    /// Events, one by one, to all the sockets of the last of these.
    trickle: u64,
    /// Rounds beside an earlier binary.
    old_rounds: usize,
}

impl Plan {
    const FULL: Self = Self {
        quick: false,
        rounds: 3,
        log: 1_000_000,
        readers: &[(1, 1_000_000), (10, 400_000), (100, 80_000)],
        writes: 500,
        idle: &[0, 1_000, 2_000, 5_000],
        idle_s: 60,
        trickle: 100,
        old_rounds: 7,
    };
    const QUICK: Self = Self {
        quick: true,
        rounds: 1,
        log: 50_000,
        readers: &[(1, 50_000), (10, 20_000), (100, 8_000)],
        writes: 100,
        idle: &[0, 500],
        idle_s: 15,
        trickle: 20,
        old_rounds: 1,
    };
}

/// Measures, and writes the results.
pub(crate) async fn measure(options: &Cluster) -> Result<()> {
    for binary in [Some(&options.gateway), Some(&options.nats), options.old.as_ref()].into_iter().flatten() {
        ensure!(binary.is_file(), "there is no {}", binary.display());
    }
    let plan = if options.quick { Plan::QUICK } else { Plan::FULL };
    allow_open_files(plan.idle.iter().copied().max().unwrap_or(0))?;
    let beside = options.out.parent().context("--out is no file")?;
    std::fs::create_dir_all(beside)?;
    let start = Gateway::new(&options.gateway, beside);
    if let Some(old) = &options.old {
        let rounds = old::measure(&plan, &start, &Gateway::new(old, beside)).await?;
        let rows = figure::merge(&rounds);
        print!("{}", table::markdown(&rows));
        return table::write(&options.out, plan.quick, plan.old_rounds, &rows);
    }
    if options.only_sockets {
        let small = Plan { log: Plan::QUICK.log, ..plan };
        let (_, cluster) = start::measure(&small, &start, &options.nats, &mut Vec::new()).await?;
        let mut figures = Vec::new();
        idle::measure(&small, &start, &cluster, &mut figures).await?;
        let rows = figure::merge(&[figures]);
        print!("{}", table::markdown(&rows));
        return table::write(&options.out, small.quick, 1, &rows);
    }
    let mut rounds = Vec::new();
    let mut idle = Vec::new();
    for round in 1..=plan.rounds {
        eprintln!("round {round} of {}", plan.rounds);
        let mut figures = Vec::new();
        eprintln!("  {} events", plan.log);
        let (single, cluster) = start::measure(&plan, &start, &options.nats, &mut figures).await?;
        eprintln!("  write → event seen");
        seen::measure(&plan, &single, &cluster, &mut figures).await?;
        for &(readers, events) in plan.readers {
            eprintln!("  {readers} readers");
            readers::measure(readers, events, &single, &cluster, &mut figures).await?;
        }
        start::sizes(&single, &cluster, &mut figures)?;
        rounds.push(figures);
        if round == plan.rounds {
            eprintln!("  idle sockets");
            idle::measure(&plan, &start, &cluster, &mut idle).await?;
        }
    }
    let rows: Vec<_> = figure::merge(&rounds).into_iter().chain(figure::merge(&[idle])).collect();
    print!("{}", table::markdown(&rows));
    table::write(&options.out, plan.quick, plan.rounds, &rows)
}

/// A figure beside that of [`ONE`] relay.
fn beside(key: &'static str, what: &'static str, unit: &'static str, better: Better, value: f64, one: f64) -> Figure {
    Figure { quantity: Quantity { key, what, unit, better, limit_name: ONE }, subscribers: None, value, limit: Some(one) }
}

/// A figure of a cluster alone.
fn alone(key: &'static str, what: &'static str, unit: &'static str, value: f64) -> Figure {
    Figure {
        quantity: Quantity { key, what, unit, better: Better::Less, limit_name: "" },
        subscribers: None,
        value,
        limit: None,
    }
}

/// With so many sockets.
fn with(sockets: usize, figure: Figure) -> Figure {
    Figure { subscribers: Some(sockets), ..figure }
}
