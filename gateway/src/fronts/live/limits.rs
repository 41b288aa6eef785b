//! The limits of the event stream.

use std::time::Duration;

use clap::Args;
use clap::builder::RangedU64ValueParser;
use im_chats_protocol::server::SessionLimits;

use crate::base::flags::{defaults, positive, size};
use crate::http::server::DRAIN_TIMEOUT;

/// How long the last frames and the close handshake may take.
pub(super) const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);

/// What the event stream takes, gives and waits for. Every value is a flag of the command line; the defaults are those of
/// `docs/protocol.md`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(next_help_heading = "Event stream")]
pub struct LiveLimits {
    /// How long a socket may be open without `init`, in milliseconds.
    #[arg(long, default_value_t = SessionLimits::DEFAULT.init_timeout_ms, value_parser = positive())]
    pub init_timeout_ms: u64,
    /// How often a heartbeat is sent, in milliseconds.
    #[arg(long, default_value_t = SessionLimits::DEFAULT.heartbeat_interval_ms, value_parser = positive())]
    pub heartbeat_interval_ms: u64,
    /// Largest frame taken from a client, in bytes.
    #[arg(long, default_value_t = SessionLimits::DEFAULT.max_frame_bytes, value_parser = size())]
    pub max_frame_bytes: usize,
    /// Largest frame sent, in bytes. One event that alone is larger is sent in a frame of its own.
    #[arg(long, default_value_t = SessionLimits::DEFAULT.max_outgoing_frame_bytes, value_parser = size())]
    pub max_outgoing_frame_bytes: usize,
    /// Most events in one `events` frame.
    #[arg(long, default_value_t = SessionLimits::DEFAULT.max_batch_events, value_parser = size())]
    pub max_batch_events: usize,
    /// Most subscriptions on one socket.
    #[arg(long, default_value_t = SessionLimits::DEFAULT.max_subscriptions, value_parser = size())]
    pub max_subscriptions: usize,
    /// Frames a client may send per second, in the long run.
    #[arg(long, default_value_t = SessionLimits::DEFAULT.max_frames_per_second, value_parser = positive())]
    pub max_frames_per_second: u64,
    /// Frames a client may send at once after having been quiet; a client that reconnects sends one for each subscription.
    #[arg(long, default_value_t = SessionLimits::DEFAULT.max_frame_burst, value_parser = positive())]
    pub max_frame_burst: u64,
    /// While as many bytes as this wait to be written to a socket, no further events are read for it, nor frames from it.
    #[arg(long, default_value_t = SessionLimits::DEFAULT.high_water_bytes, value_parser = size())]
    pub high_water_bytes: usize,
    /// A socket that takes nothing of what waits for it is closed with 4429 after this time, in milliseconds.
    #[arg(long, default_value_t = SessionLimits::DEFAULT.write_timeout_ms, value_parser = positive())]
    pub write_timeout_ms: u64,
    /// Most reads of the log that run at once for one socket.
    #[arg(long, default_value_t = SessionLimits::DEFAULT.max_concurrent_reads, value_parser = size())]
    pub max_concurrent_reads: usize,
    /// How long batches under way may take after a drain was asked for, in milliseconds: at most 7,000, so that they and the
    /// close handshake end before the drain does.
    #[arg(long, default_value_t = SessionLimits::DEFAULT.drain_timeout_ms, value_parser = drain_timeout())]
    pub drain_timeout_ms: u64,
    /// What `drain` tells clients as the earliest time of their reconnect, in milliseconds.
    #[arg(long, default_value_t = SessionLimits::DEFAULT.drain_reconnect_min_ms)]
    pub drain_reconnect_min_ms: u64,
    /// What `drain` tells clients to spread their reconnects over, in milliseconds.
    #[arg(long, default_value_t = SessionLimits::DEFAULT.drain_reconnect_max_ms)]
    pub drain_reconnect_max_ms: u64,
    /// Most sockets of the event stream at once; one more is closed with 4429.
    #[arg(long, default_value_t = 16_384, value_parser = size())]
    pub max_sockets: usize,
    /// Most of them that have not sent a good token yet; one more is closed with 4429. One address has a quarter at most, unless
    /// --max-connections-per-address is 0.
    #[arg(long, default_value_t = 1_024, value_parser = size())]
    pub max_waiting_sockets: usize,
}

/// More than this would be cut off by the end of the drain, and closed without a word.
fn drain_timeout() -> RangedU64ValueParser<u64> {
    let longest = DRAIN_TIMEOUT.saturating_sub(CLOSE_TIMEOUT).as_millis();
    RangedU64ValueParser::new().range(..=u64::try_from(longest).unwrap_or(u64::MAX))
}

impl LiveLimits {
    /// What concerns each session.
    #[must_use]
    pub fn session(&self) -> SessionLimits {
        SessionLimits {
            init_timeout_ms: self.init_timeout_ms,
            heartbeat_interval_ms: self.heartbeat_interval_ms,
            max_frame_bytes: self.max_frame_bytes,
            max_outgoing_frame_bytes: self.max_outgoing_frame_bytes,
            max_batch_events: self.max_batch_events,
            max_subscriptions: self.max_subscriptions,
            max_frames_per_second: self.max_frames_per_second,
            max_frame_burst: self.max_frame_burst,
            high_water_bytes: self.high_water_bytes,
            write_timeout_ms: self.write_timeout_ms,
            max_concurrent_reads: self.max_concurrent_reads,
            drain_timeout_ms: self.drain_timeout_ms,
            drain_reconnect_min_ms: self.drain_reconnect_min_ms,
            drain_reconnect_max_ms: self.drain_reconnect_max_ms,
        }
    }
}

impl Default for LiveLimits {
    fn default() -> Self {
        defaults()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Flags {
        #[command(flatten)]
        live: LiveLimits,
    }

    #[test]
    fn the_flags_default_to_the_limits_of_the_protocol() {
        let flags = Flags::try_parse_from(["test"]).unwrap();
        assert_eq!(flags.live.session(), SessionLimits::DEFAULT);
    }

    #[test]
    fn a_flag_sets_its_limit_and_a_limit_of_nothing_is_refused() {
        let flags = Flags::try_parse_from(["test", "--heartbeat-interval-ms", "50", "--max-subscriptions", "3"]).unwrap();
        assert_eq!((flags.live.heartbeat_interval_ms, flags.live.max_subscriptions), (50, 3));
        assert!(Flags::try_parse_from(["test", "--heartbeat-interval-ms", "0"]).is_err());
        assert!(Flags::try_parse_from(["test", "--max-batch-events", "0"]).is_err());
        assert!(Flags::try_parse_from(["test", "--drain-timeout-ms", "7000"]).is_ok());
        assert!(Flags::try_parse_from(["test", "--drain-timeout-ms", "7001"]).is_err(), "the drain is over before");
    }
}
