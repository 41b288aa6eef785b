//! Both ends of the event stream over a hostile network, in one thread, on a virtual clock, from a seed; and, in
//! [`replication`], the processes of a relay that share one log.
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
pub mod replication;
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
pub use report::{Figures, Options, Report, Simulation};
pub use shrink::shrink;

/// Both ends of the event stream.
#[derive(Debug, Clone, Copy)]
pub struct Sessions;

impl Simulation for Sessions {
    type Bug = Bug;
    type Figures = Figures;

    const FLAG: &'static str = "--only sessions";

    fn run(seed: u64, options: &Options) -> Report {
        let script = script::generate(seed);
        world::World::new(seed, &script, options).run()
    }
}

/// The reports of one seed each, with the seed.
pub type Failures<S> = Vec<(u64, Report<<S as Simulation>::Figures>)>;

/// The seeds among `seeds` that fail, and the sum of what all came to. It stops after `enough` failures.
#[must_use]
pub fn sweep<S: Simulation>(
    seeds: impl Iterator<Item = u64>,
    options: &Options<S::Bug>,
    enough: usize,
) -> (Failures<S>, Report<S::Figures>) {
    let (mut failed, mut sum) = (Vec::new(), Report::default());
    for seed in seeds {
        let report = S::run(seed, options);
        sum.add(&report);
        if report.failure.is_some() {
            failed.push((seed, report));
            if failed.len() >= enough {
                break;
            }
        }
    }
    (failed, sum)
}
