//! The options of a run of a scenario, and its result.

use crate::bugs::Bug;

/// The result of a scenario.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// What the oracle saw, and when, in virtual milliseconds.
    pub failure: Option<(u64, String)>,
    /// Events given to users.
    pub delivered: u64,
    /// Sockets that came to be.
    pub sockets: u64,
    /// Gaps reported.
    pub gaps: u64,
    /// Streams that ended with an error.
    pub errors: u64,
    /// Inputs handled by both machines.
    pub inputs: u64,
    /// The virtual time it took, in milliseconds.
    pub virtual_ms: u64,
    /// Steps of the scenario that were run.
    pub steps: Vec<usize>,
    /// What happened, when that was asked for.
    pub trace: Vec<String>,
}

/// The options for the run of one seed.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// A planted bug.
    pub bug: Option<Bug>,
    /// Only these steps of the scenario; all, when absent.
    pub keep: Option<Vec<usize>>,
    /// Whether to keep a trace.
    pub trace: bool,
}
