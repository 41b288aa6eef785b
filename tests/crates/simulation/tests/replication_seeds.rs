//! Eight thousand scenarios of a shared log without a word of complaint from the oracle.

use std::thread;

use im_chats_simulation::replication::Replication;
use im_chats_simulation::{Options, Report, Simulation, shrink, sweep};

const SEEDS: u64 = 8_000;
const THREADS: usize = 2;

#[test]
fn one_writes_at_a_time_no_replica_has_a_hole_and_every_wait_ends() {
    let parts: Vec<_> = (0..THREADS)
        .map(|part| {
            let seeds = (0..SEEDS).skip(part).step_by(THREADS);
            thread::spawn(move || sweep::<Replication>(seeds, &Options::default(), 1))
        })
        .collect();
    let (mut failed, mut sum) = (Vec::new(), Report::default());
    for part in parts {
        let (failures, report) = part.join().unwrap();
        failed.extend(failures);
        sum.add(&report);
    }
    if let Some((seed, _)) = failed.first() {
        let shrunk = shrink::<Replication>(*seed, &Options::default());
        panic!("seed {seed}, steps {:?}: {:?}\n{}", shrunk.steps, shrunk.failure, shrunk.trace.join("\n"));
    }
    // A simulation in which nothing happens would be content, too.
    let figures = sum.figures;
    println!("{figures}");
    assert!(figures.commits > 200_000 && figures.refused > 8_000 && figures.delivered > 1_000_000, "{figures}");
    assert!(
        figures.overtaken > 800 && figures.deposed > 1_000 && figures.rebuilt > 2_000 && figures.begun > 2_000,
        "{figures}"
    );
    assert!(figures.spoiled < SEEDS / 200, "{figures}");
}

#[test]
fn a_seed_is_the_same_every_time() {
    let options = Options { trace: true, ..Options::default() };
    for seed in 0..20 {
        assert_eq!(Replication::run(seed, &options).trace, Replication::run(seed, &options).trace);
    }
}
