//! `cluster`: several relays over one log in NATS, beside one relay that keeps its log alone. Three servers of NATS, which write to
//! their disks at once; a relay that serves and writes the log, and one that only serves, the front. Everything runs here: what goes
//! over a network elsewhere costs more time there, and the work of all of them is on the same cores.

mod figures;
mod idle;
mod old;
mod plan;
mod readers;
mod seen;
mod start;
mod world;

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Args;
use plan::Plan;

use crate::figure;
use crate::process::{Gateway, allow_open_files};
use crate::table;

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
