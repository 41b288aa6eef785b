//! What a session takes, gives and waits for.

use crate::wire::frame;

/// The limits and times of the server's end of one socket. [`SessionLimits::DEFAULT`] has the values of `docs/protocol.md`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionLimits {
    /// How long a socket may be open without `init`, in milliseconds, 1 or more.
    pub init_timeout_ms: u64,
    /// How often a heartbeat is sent, in milliseconds, 1 or more.
    pub heartbeat_interval_ms: u64,
    /// Largest frame taken from a client, in bytes.
    pub max_frame_bytes: usize,
    /// Largest frame sent, in bytes. One event that alone is larger is sent in a frame of its own.
    pub max_outgoing_frame_bytes: usize,
    /// Most events in one `events` frame, 1 or more.
    pub max_batch_events: usize,
    /// Most subscriptions on one socket.
    pub max_subscriptions: usize,
    /// Frames a client may send per second, in the long run.
    pub max_frames_per_second: u64,
    /// Frames a client may send at once after having been quiet; a client that reconnects sends one for each subscription.
    pub max_frame_burst: u64,
    /// While as many bytes as this wait to be written to a socket, no further events are read for it, nor frames from it.
    pub high_water_bytes: usize,
    /// A socket that takes nothing of what waits for it is closed with 4429 after this time, in milliseconds.
    pub write_timeout_ms: u64,
    /// Most reads of the log that run at once for one socket, 1 or more.
    pub max_concurrent_reads: usize,
    /// How long batches under way may take after a drain was asked for, in milliseconds.
    pub drain_timeout_ms: u64,
    /// What `drain` tells clients as the earliest time of their reconnect, in milliseconds.
    pub drain_reconnect_min_ms: u64,
    /// What `drain` tells clients to spread their reconnects over, in milliseconds.
    pub drain_reconnect_max_ms: u64,
}

impl SessionLimits {
    /// The values of `docs/protocol.md`.
    pub const DEFAULT: Self = Self {
        init_timeout_ms: 10_000,
        heartbeat_interval_ms: 15_000,
        max_frame_bytes: 65_536,
        max_outgoing_frame_bytes: 1_048_576,
        max_batch_events: 256,
        max_subscriptions: 4_096,
        max_frames_per_second: 1_000,
        max_frame_burst: 10_000,
        high_water_bytes: 262_144,
        write_timeout_ms: 60_000,
        max_concurrent_reads: 4,
        drain_timeout_ms: 5_000,
        drain_reconnect_min_ms: 250,
        drain_reconnect_max_ms: 5_000,
    };

    /// What `ready` tells the client of them.
    #[must_use]
    pub fn announced(&self) -> frame::Limits {
        let number = |size: usize| u64::try_from(size).unwrap_or(u64::MAX);
        frame::Limits {
            max_frame_bytes: number(self.max_frame_bytes),
            max_outgoing_frame_bytes: number(self.max_outgoing_frame_bytes),
            max_batch_events: number(self.max_batch_events),
            max_subscriptions: number(self.max_subscriptions),
        }
    }
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
