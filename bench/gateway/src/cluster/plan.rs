//! The amounts of a run.

/// The amounts of a run.
pub(super) struct Plan {
    pub(super) quick: bool,
    pub(super) rounds: usize,
    /// Events in the log.
    pub(super) log: u64,
    /// Readers, and the events that each of them gets.
    pub(super) readers: &'static [(usize, u64)],
    /// Writes, one after the other.
    pub(super) writes: usize,
    /// Idle sockets at a time.
    pub(super) idle: &'static [usize],
    /// Seconds of idleness; a multiple of the interval of heartbeats.
    pub(super) idle_s: u64,
    /// Events, one by one, to all the sockets of the last of these.
    pub(super) trickle: u64,
    /// Rounds beside an earlier binary.
    pub(super) old_rounds: usize,
}

impl Plan {
    pub(super) const FULL: Self = Self {
        quick: false,
        rounds: 3,
        log: 1_000_000,
        readers: &[(1, 1_000_000), (10, 400_000), (100, 80_000)],
        writes: 500,
        idle: &[0, 1_000, 2_000, 5_000],
        idle_s: 60,
        trickle: 100,
        old_rounds: 7,
    };
    pub(super) const QUICK: Self = Self {
        quick: true,
        rounds: 1,
        log: 50_000,
        readers: &[(1, 50_000), (10, 20_000), (100, 8_000)],
        writes: 100,
        idle: &[0, 500],
        idle_s: 15,
        trickle: 20,
        old_rounds: 1,
    };
}
