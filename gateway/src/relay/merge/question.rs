//! The questions that a catch-up asks of upstream.

/// Why a catch-up asks for what it asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    /// One event back, to meet our last one again.
    MeetLast,
    /// Exactly after our head, or from the beginning when we have nothing.
    Rest {
        /// What a probe has found: when this cursor is refused, too, everything up to here is gone.
        gone: Option<u64>,
    },
    /// From the beginning: where does this log begin, and does it hold our last event?
    Probe {
        /// Because the cursor was refused; otherwise because our last event was not met.
        refused: bool,
    },
}
