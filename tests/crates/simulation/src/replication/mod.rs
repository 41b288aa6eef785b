//! The processes of a relay that share one log, over a hostile network, in one thread, on a virtual clock, from a seed.
//!
//! The machines of `im-chats-replication` are the real ones: whose turn it is to write, the writer, the replica. The stream
//! that they share is simulated, with its leader and a former one that does not know it, its fences, its retention and its
//! losses; so are the upstream, the clients' readers, and what a process does between its machines. An oracle that knows every
//! message there ever was looks after every step.
//!
//! What the driver of a process owes its machines is kept here, too: each question of a lease has one answer, a batch that was
//! read for another end of the stream is thrown away, a look at the stream that a replica has outrun meanwhile does not count.
//! Everything else may happen.

mod bugs;
mod event;
mod follow;
mod ingest;
mod network;
mod oracle;
mod reader;
mod report;
mod script;
mod state;
mod stream;
mod upstream;
mod world;

pub use bugs::Bug;
pub use report::Figures;

use crate::report::{Options, Report, Simulation};

/// The processes of a relay that share one log.
#[derive(Debug, Clone, Copy)]
pub struct Replication;

impl Simulation for Replication {
    type Bug = Bug;
    type Figures = Figures;

    const FLAG: &'static str = "--only replication";

    fn run(seed: u64, options: &Options<Bug>) -> Report<Figures> {
        let script = script::generate(seed);
        world::World::new(seed, &script, options).run()
    }
}
