//! The options of a run of a scenario, and its result.

use std::fmt::{self, Display};
use std::ops::AddAssign;

use crate::bugs::Bug;

/// One world that a seed sets going, and an oracle that looks after every step of it.
pub trait Simulation {
    /// What can be planted in it.
    type Bug: Copy + Send + 'static;
    /// What is counted.
    type Figures: Copy + Default + AddAssign + Display + Send + 'static;

    /// What `simulate` needs to run this one and no other.
    const FLAG: &'static str;

    /// Runs one scenario.
    fn run(seed: u64, options: &Options<Self::Bug>) -> Report<Self::Figures>;
}

/// The result of a scenario.
#[derive(Debug, Clone, Default)]
pub struct Report<F = Figures> {
    /// What the oracle saw, and when, in virtual milliseconds.
    pub failure: Option<(u64, String)>,
    /// What it came to.
    pub figures: F,
    /// Inputs handled by the machines.
    pub inputs: u64,
    /// The virtual time it took, in milliseconds.
    pub virtual_ms: u64,
    /// Steps of the scenario that were run.
    pub steps: Vec<usize>,
    /// What happened, when that was asked for.
    pub trace: Vec<String>,
}

impl<F: AddAssign + Copy> Report<F> {
    /// Adds what is counted.
    pub fn add(&mut self, other: &Self) {
        self.figures += other.figures;
        self.inputs += other.inputs;
        self.virtual_ms += other.virtual_ms;
    }
}

/// What is counted of sessions.
#[derive(Debug, Clone, Copy, Default)]
pub struct Figures {
    /// Events given to users.
    pub delivered: u64,
    /// Sockets that came to be.
    pub sockets: u64,
    /// Gaps reported.
    pub gaps: u64,
    /// Streams that ended with an error.
    pub errors: u64,
}

impl AddAssign for Figures {
    fn add_assign(&mut self, other: Self) {
        self.delivered += other.delivered;
        self.sockets += other.sockets;
        self.gaps += other.gaps;
        self.errors += other.errors;
    }
}

impl Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { delivered, sockets, gaps, errors } = self;
        write!(f, "{delivered} events delivered, {sockets} sockets, {gaps} gaps reported, {errors} streams ended with an error")
    }
}

/// The options for the run of one seed.
#[derive(Debug, Clone)]
pub struct Options<B = Bug> {
    /// A planted bug.
    pub bug: Option<B>,
    /// Only these steps of the scenario; all, when absent.
    pub keep: Option<Vec<usize>>,
    /// Whether to keep a trace.
    pub trace: bool,
}

impl<B> Default for Options<B> {
    fn default() -> Self {
        Self { bug: None, keep: None, trace: false }
    }
}
