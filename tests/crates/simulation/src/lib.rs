//! Both ends of the event stream over a hostile network, in one thread, on a virtual clock, from a seed.
//!
//! The client's session machine and the gateway's are the real ones; everything between and around them is simulated: the
//! network, the log, the server's process, tokens, users. An oracle that knows the whole log looks after every step. A seed
//! gives one scenario, always the same; a scenario is a list of steps, so a failing one can be made shorter.
//!
//! What the driver of a client owes its machine is kept here, too: its clock does not go back, and inputs of one socket come
//! in order. Everything else may happen.
#![allow(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a simulation that loses count of itself should stop with a backtrace, and its numbers are small"
)]
#![allow(unreachable_pub, reason = "the modules are private; what is public in them is the crate's")]

mod bugs;
mod client;
mod judge;
mod log;
mod oracle;
mod report;
mod script;
mod seat;
mod server;
mod shrink;
mod state;
mod tamper;
mod tokens;
mod wire;
mod world;

pub use bugs::Bug;
pub use report::{Options, Report};
pub use shrink::shrink;

/// Runs one scenario.
#[must_use]
pub fn run(seed: u64, options: &Options) -> Report {
    let script = script::generate(seed);
    world::World::new(seed, &script, options).run()
}

/// The seeds among `seeds` that fail, and the sum of what all came to. It stops after `enough` failures.
#[must_use]
pub fn sweep(seeds: impl Iterator<Item = u64>, options: &Options, enough: usize) -> (Vec<(u64, Report)>, Report) {
    let (mut failed, mut sum) = (Vec::new(), Report::default());
    for seed in seeds {
        let report = run(seed, options);
        sum.delivered += report.delivered;
        sum.sockets += report.sockets;
        sum.gaps += report.gaps;
        sum.errors += report.errors;
        sum.inputs += report.inputs;
        sum.virtual_ms += report.virtual_ms;
        if report.failure.is_some() {
            failed.push((seed, report));
            if failed.len() >= enough {
                break;
            }
        }
    }
    (failed, sum)
}
