//! `simulate`: runs seeds, and tells how a seed that fails does so in the fewest steps.

use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use clap::{Parser, ValueEnum};
use im_chats_simulation::replication::Replication;
use im_chats_simulation::{Options, Report, Sessions, Simulation, shrink, sweep};

/// Runs the simulations: of the event stream, and of a log that several processes share.
#[derive(Parser)]
struct Args {
    /// How many seeds.
    #[arg(long, default_value_t = 20_000)]
    seeds: u64,
    /// The first one.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Only one of the two.
    #[arg(long)]
    only: Option<Which>,
    /// Only this seed.
    #[arg(long, requires = "only")]
    seed: Option<u64>,
    /// Only these steps of it, as a failure printed them: `3,7,9`.
    #[arg(long, value_delimiter = ',')]
    keep: Option<Vec<usize>>,
    /// Print everything that happens.
    #[arg(long)]
    trace: bool,
    /// How many threads; as many as there are processors, when absent.
    #[arg(long)]
    threads: Option<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Which {
    /// Both ends of the event stream.
    Sessions,
    /// A log that several processes share.
    Replication,
}

fn main() -> ExitCode {
    let args = Args::parse();
    for which in [Which::Sessions, Which::Replication] {
        if args.only.is_some_and(|only| only != which) {
            continue;
        }
        let went = match which {
            Which::Sessions => go::<Sessions>(&args),
            Which::Replication => go::<Replication>(&args),
        };
        if went != ExitCode::SUCCESS {
            return went;
        }
    }
    ExitCode::SUCCESS
}

fn go<S: Simulation>(args: &Args) -> ExitCode {
    if let Some(seed) = args.seed {
        let report = S::run(seed, &Options { bug: None, keep: args.keep.clone(), trace: args.trace });
        report.trace.iter().for_each(|line| println!("{line}"));
        return print_report::<S>(seed, &report);
    }
    let threads = args.threads.unwrap_or_else(|| thread::available_parallelism().map_or(1, std::num::NonZero::get)).max(1);
    let began = Instant::now();
    let parts: Vec<_> = (0..threads)
        .map(|part| {
            let seeds = (args.from..args.from + args.seeds).skip(part).step_by(threads);
            thread::spawn(move || sweep::<S>(seeds, &Options::default(), 1))
        })
        .collect();
    let mut failed = Vec::new();
    let mut sum = Report::default();
    for part in parts {
        let Ok((failures, part)) = part.join() else {
            eprintln!("a thread panicked");
            return ExitCode::FAILURE;
        };
        failed.extend(failures);
        sum.add(&part);
    }
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{} seeds in {seconds:.1} s ({:.0} a second): {}, {} inputs, {:.0} virtual hours",
        args.seeds,
        args.seeds as f64 / seconds,
        sum.figures,
        sum.inputs,
        sum.virtual_ms as f64 / 3_600_000.0
    );
    match failed.iter().min_by_key(|(seed, _)| *seed) {
        None => ExitCode::SUCCESS,
        Some((seed, report)) => {
            let _ = print_report::<S>(*seed, report);
            println!("\nshrinking …");
            let shrunk = shrink::<S>(*seed, &Options::default());
            shrunk.trace.iter().for_each(|line| println!("{line}"));
            print_report::<S>(*seed, &shrunk)
        }
    }
}

fn print_report<S: Simulation>(seed: u64, report: &Report<S::Figures>) -> ExitCode {
    let Some((at, what)) = &report.failure else {
        println!("seed {seed}: all is well after {} virtual ms: {}", report.virtual_ms, report.figures);
        return ExitCode::SUCCESS;
    };
    let steps: Vec<String> = report.steps.iter().map(ToString::to_string).collect();
    println!("seed {seed} fails after {at} virtual ms with {} steps: {what}", steps.len());
    let again = format!("{} --seed {seed} --keep {} --trace", S::FLAG, steps.join(","));
    println!("  again: cargo run -p im-chats-simulation --bin simulate -- {again}");
    ExitCode::FAILURE
}
