//! Named steps with their timings, and the summary that closes a run.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

/// One step of a run.
pub struct Step<'a> {
    /// A short name, which `cargo xtask test NAME` takes too.
    pub name: &'static str,
    /// What it does, for the person who watches.
    pub what: &'static str,
    /// Steps without whose success this one proves nothing.
    pub needs: &'static [&'static str],
    /// The work.
    pub run: Box<dyn FnOnce() -> Result<()> + 'a>,
}

struct Outcome {
    name: &'static str,
    took: Duration,
    error: Option<anyhow::Error>,
}

/// Runs all steps, also after one that failed, prints how each went, and fails when any did.
///
/// The last line of a run is `N passed, N failed`, counted in steps, so nothing is printed after it.
pub fn run_all(steps: Vec<Step<'_>>) -> ExitCode {
    let total = steps.len();
    let mut outcomes: Vec<Outcome> = Vec::new();
    for (index, step) in steps.into_iter().enumerate() {
        println!("\n── {}/{total} {}: {}", index + 1, step.name, step.what);
        let started = Instant::now();
        let broken = outcomes.iter().find(|done| done.error.is_some() && step.needs.contains(&done.name));
        let result = match broken {
            Some(broken) => Err(anyhow!("not run, because {} failed", broken.name)),
            None => (step.run)(),
        };
        let took = started.elapsed();
        match &result {
            Ok(()) => println!("── {} ok, {}", step.name, seconds(took)),
            Err(error) => println!("── {} FAILED, {}: {error:#}", step.name, seconds(took)),
        }
        outcomes.push(Outcome { name: step.name, took, error: result.err() });
    }
    summary(&outcomes)
}

fn summary(outcomes: &[Outcome]) -> ExitCode {
    println!();
    for outcome in outcomes {
        let verdict = if outcome.error.is_some() { "FAILED" } else { "ok" };
        println!("{:>9}  {:<6}  {}", seconds(outcome.took), verdict, outcome.name);
    }
    println!("{:>9}  in all", seconds(outcomes.iter().map(|outcome| outcome.took).sum()));
    let failed = outcomes.iter().filter(|outcome| outcome.error.is_some()).count();
    println!("\n{} passed, {failed} failed", outcomes.len() - failed);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A duration as a person reads it.
pub fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
