use clap::Args;
use clap::builder::RangedU64ValueParser;
use im_chats::wire::frame;

use super::socket::CLOSE_TIMEOUT;
use crate::http::server::DRAIN_TIMEOUT;

/// What the event stream takes, gives and waits for. Every value is a flag of the command line; the defaults are those of
/// `docs/protocol.md`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(next_help_heading = "Event stream")]
pub struct LiveLimits {
    /// How long a socket may be open without `init`, in milliseconds.
    #[arg(long, default_value_t = 10_000, value_parser = positive())]
    pub init_timeout_ms: u64,
    /// How often a heartbeat is sent, in milliseconds.
    #[arg(long, default_value_t = 15_000, value_parser = positive())]
    pub heartbeat_interval_ms: u64,
    /// Largest frame taken from a client, in bytes.
    #[arg(long, default_value_t = 65_536, value_parser = size())]
    pub max_frame_bytes: usize,
    /// Largest frame sent, in bytes. One event that alone is larger is sent in a frame of its own.
    #[arg(long, default_value_t = 1_048_576, value_parser = size())]
    pub max_outgoing_frame_bytes: usize,
    /// Most events in one `events` frame.
    #[arg(long, default_value_t = 256, value_parser = size())]
    pub max_batch_events: usize,
    /// Most subscriptions on one socket.
    #[arg(long, default_value_t = 4_096, value_parser = size())]
    pub max_subscriptions: usize,
    /// Frames a client may send per second, in the long run.
    #[arg(long, default_value_t = 1_000, value_parser = positive())]
    pub max_frames_per_second: u64,
    /// Frames a client may send at once after having been quiet; a client that reconnects sends one for each subscription.
    #[arg(long, default_value_t = 10_000, value_parser = positive())]
    pub max_frame_burst: u64,
    /// While as many bytes as this wait to be written to a socket, no further events are read for it, nor frames from it.
    #[arg(long, default_value_t = 262_144, value_parser = size())]
    pub high_water_bytes: usize,
    /// A socket that takes nothing of what waits for it is closed with 4429 after this time, in milliseconds.
    #[arg(long, default_value_t = 60_000, value_parser = positive())]
    pub write_timeout_ms: u64,
    /// Most reads of the log that run at once for one socket.
    #[arg(long, default_value_t = 4, value_parser = size())]
    pub max_concurrent_reads: usize,
    /// How long batches under way may take after a drain was asked for, in milliseconds: at most 7,000, so that they and the
    /// close handshake end before the drain does.
    #[arg(long, default_value_t = 5_000, value_parser = drain_timeout())]
    pub drain_timeout_ms: u64,
    /// What `drain` tells clients as the earliest time of their reconnect, in milliseconds.
    #[arg(long, default_value_t = 250)]
    pub drain_reconnect_min_ms: u64,
    /// What `drain` tells clients to spread their reconnects over, in milliseconds.
    #[arg(long, default_value_t = 5_000)]
    pub drain_reconnect_max_ms: u64,
    /// Most sockets of the event stream at once; one more is closed with 4429.
    #[arg(long, default_value_t = 16_384, value_parser = size())]
    pub max_sockets: usize,
    /// Most of them that have not sent a good token yet; one more is closed with 4429. One address has a quarter at most, unless
    /// --max-connections-per-address is 0.
    #[arg(long, default_value_t = 1_024, value_parser = size())]
    pub max_waiting_sockets: usize,
}

/// A time or rate of zero would mean a loop without rest.
fn positive() -> RangedU64ValueParser<u64> {
    RangedU64ValueParser::new().range(1..)
}

/// More than this would be cut off by the end of the drain, and closed without a word.
fn drain_timeout() -> RangedU64ValueParser<u64> {
    let longest = DRAIN_TIMEOUT.saturating_sub(CLOSE_TIMEOUT).as_millis();
    RangedU64ValueParser::new().range(..=u64::try_from(longest).unwrap_or(u64::MAX))
}

fn size() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..)
}

impl Default for LiveLimits {
    fn default() -> Self {
        Self {
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
            max_sockets: 16_384,
            max_waiting_sockets: 1_024,
        }
    }
}

impl LiveLimits {
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
    fn the_flags_default_to_the_defaults_of_the_type() {
        let flags = Flags::try_parse_from(["test"]).unwrap();
        assert_eq!(flags.live, LiveLimits::default());
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
