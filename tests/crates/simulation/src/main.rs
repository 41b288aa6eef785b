//! `simulate`: runs seeds, and tells how a seed that fails does so in the fewest steps.

use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use clap::Parser;
use im_chats_simulation::{Options, Report, run, shrink, sweep};

/// Runs the simulation of the event stream.
#[derive(Parser)]
struct Args {
    /// How many seeds.
    #[arg(long, default_value_t = 20_000)]
    seeds: u64,
    /// The first one.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Only this seed.
    #[arg(long)]
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

fn main() -> ExitCode {
    let args = Args::parse();
    let options = Options { bug: None, keep: args.keep, trace: args.trace };
    if let Some(seed) = args.seed {
        let report = run(seed, &options);
        report.trace.iter().for_each(|line| println!("{line}"));
        return print_report(seed, &report);
    }
    let threads = args.threads.unwrap_or_else(|| thread::available_parallelism().map_or(1, std::num::NonZero::get)).max(1);
    let began = Instant::now();
    let parts: Vec<_> = (0..threads)
        .map(|part| {
            let seeds = (args.from..args.from + args.seeds).skip(part).step_by(threads);
            thread::spawn(move || sweep(seeds, &Options::default(), 1))
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
        sum.delivered += part.delivered;
        sum.sockets += part.sockets;
        sum.gaps += part.gaps;
        sum.errors += part.errors;
        sum.inputs += part.inputs;
        sum.virtual_ms += part.virtual_ms;
    }
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{} seeds in {seconds:.1} s ({:.0} a second): {} events delivered, {} sockets, {} gaps reported, {} streams ended with an \
         error, {} inputs, {:.0} virtual hours",
        args.seeds,
        args.seeds as f64 / seconds,
        sum.delivered,
        sum.sockets,
        sum.gaps,
        sum.errors,
        sum.inputs,
        sum.virtual_ms as f64 / 3_600_000.0
    );
    match failed.iter().min_by_key(|(seed, _)| *seed) {
        None => ExitCode::SUCCESS,
        Some((seed, report)) => {
            let _ = print_report(*seed, report);
            println!("\nshrinking …");
            let shrunk = shrink(*seed, &Options::default());
            shrunk.trace.iter().for_each(|line| println!("{line}"));
            print_report(*seed, &shrunk)
        }
    }
}

fn print_report(seed: u64, report: &Report) -> ExitCode {
    let Some((at, what)) = &report.failure else {
        println!("seed {seed}: all is well after {} virtual ms and {} events", report.virtual_ms, report.delivered);
        return ExitCode::SUCCESS;
    };
    let steps: Vec<String> = report.steps.iter().map(ToString::to_string).collect();
    println!("seed {seed} fails after {at} virtual ms with {} steps: {what}", steps.len());
    println!("  again: cargo run -p im-chats-simulation --bin simulate -- --seed {seed} --keep {} --trace", steps.join(","));
    ExitCode::FAILURE
}
