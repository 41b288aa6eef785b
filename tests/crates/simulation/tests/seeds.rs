//! Twenty thousand scenarios without a word of complaint from the oracle.

use std::thread;

use im_chats_simulation::{Options, Sessions, Simulation, shrink, sweep};

const SEEDS: u64 = 20_000;
const THREADS: usize = 2;

#[test]
fn nothing_is_lost_repeated_or_misordered_and_every_wait_ends() {
    let parts: Vec<_> = (0..THREADS)
        .map(|part| thread::spawn(move || sweep::<Sessions>((0..SEEDS).skip(part).step_by(THREADS), &Options::default(), 1)))
        .collect();
    let (mut failed, mut delivered, mut gaps, mut errors) = (Vec::new(), 0, 0, 0);
    for part in parts {
        let (failures, sum) = part.join().unwrap();
        failed.extend(failures);
        (delivered, gaps, errors) = (delivered + sum.figures.delivered, gaps + sum.figures.gaps, errors + sum.figures.errors);
    }
    if let Some((seed, _)) = failed.first() {
        let shrunk = shrink::<Sessions>(*seed, &Options::default());
        panic!("seed {seed}, steps {:?}: {:?}\n{}", shrunk.steps, shrunk.failure, shrunk.trace.join("\n"));
    }
    // A simulation in which nothing happens would be content, too.
    assert!(delivered > 1_000_000, "{delivered} events delivered");
    assert!(gaps > 500 && errors > 5_000, "{gaps} gaps, {errors} errors");
}

#[test]
fn a_seed_is_the_same_every_time() {
    let options = Options { trace: true, ..Options::default() };
    for seed in 0..20 {
        assert_eq!(Sessions::run(seed, &options).trace, Sessions::run(seed, &options).trace);
    }
}
