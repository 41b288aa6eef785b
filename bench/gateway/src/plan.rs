//! The amounts of a run: events, subscribers, sockets, rounds.

/// How much a run measures.
pub(crate) struct Plan {
    pub(crate) quick: bool,
    /// Each measures everything, on both sides.
    pub(crate) rounds: usize,
    /// Events appended while nobody listens, and by the log alone.
    pub(crate) appended: u64,
    /// Subscribers, and the events that each of them gets.
    pub(crate) fan_out: &'static [(usize, u64)],
    pub(crate) idle_sockets: usize,
    /// Writes one after the other, each waited for.
    pub(crate) writes: usize,
    /// Subscribers that are connected while one of them is looked at.
    pub(crate) watchers: &'static [usize],
}

impl Plan {
    pub(crate) const fn full() -> Self {
        Self {
            quick: false,
            rounds: 3,
            appended: 400_000,
            fan_out: &[(1, 400_000), (100, 81_920), (1000, 16_384)],
            idle_sockets: 10_000,
            writes: 2000,
            watchers: &[1, 100],
        }
    }

    pub(crate) const fn quick() -> Self {
        Self {
            quick: true,
            rounds: 1,
            appended: 20_000,
            fan_out: &[(1, 20_000), (100, 8192), (1000, 1024)],
            idle_sockets: 1000,
            writes: 200,
            watchers: &[1, 100],
        }
    }
}
