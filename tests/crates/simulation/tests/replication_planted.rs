//! The oracle of the shared log sees: every planted bug is caught.

use im_chats_simulation::replication::{Bug, Replication};
use im_chats_simulation::{Options, shrink, sweep};

/// What a bug may take.
const WITHIN: u64 = 4_000;

#[test]
fn every_planted_bug_is_caught() {
    let mut missed = Vec::new();
    for bug in Bug::ALL {
        let options = Options { bug: Some(bug), ..Options::default() };
        let (failed, _) = sweep::<Replication>(0..WITHIN, &options, 1);
        match failed.first() {
            Some((seed, report)) => {
                let what = report.failure.as_ref().map_or("", |(_, what)| what.as_str());
                println!("{bug:?}: caught after {} seeds: {}", seed + 1, what.chars().take(120).collect::<String>());
            }
            None => missed.push(bug),
        }
    }
    assert!(missed.is_empty(), "not caught within {WITHIN} seeds: {missed:?}");
}

#[test]
fn a_failing_scenario_becomes_shorter_and_still_fails() {
    let options = Options { bug: Some(Bug::SilentRetention), ..Options::default() };
    let (failed, _) = sweep::<Replication>(0..WITHIN, &options, 1);
    let (seed, report) = &failed[0];
    let shrunk = shrink::<Replication>(*seed, &options);
    assert!(shrunk.failure.is_some() && !shrunk.trace.is_empty());
    assert!(shrunk.steps.len() < report.steps.len().max(2), "{:?} of {:?}", shrunk.steps, report.steps);
}
