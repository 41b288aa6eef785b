//! What goes into the merge and comes out of it.

use im_chats_protocol::client::Backoff;
use im_chats_protocol::error::Error;

use super::Lane;

/// What the machine must know of an event.
pub trait Event {
    /// Its place, from 1.
    fn sequence(&self) -> u64;

    /// Whether both are the same event, as far as one can tell: what two logs will not have in common at one place.
    fn is_same(&self, other: &Self) -> bool;
}

/// The timeouts and pauses of the machine, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// From the end of one catch-up to the next one when nothing calls for it earlier, while a lane is absent.
    pub poll_ms: u64,
    /// The same while every lane is attached.
    pub safety_ms: u64,
    /// Silence of a lane, heartbeats included, after which the link is given up.
    pub live_silence_ms: u64,
    /// Silence of a catch-up after which the link is given up.
    pub catch_up_silence_ms: u64,
    /// The waits between attempts.
    pub backoff: Backoff,
}

/// What the streams and the clock report.
#[derive(Debug)]
pub enum MergeInput<E> {
    /// A lane gave an event.
    Live(Lane, E),
    /// A lane sent a heartbeat.
    LiveHeartbeat(Lane),
    /// A lane has ended, or could not be opened.
    LiveEnded(Lane, Error),
    /// The catch-up gave an event.
    CatchUp(E),
    /// The catch-up sent a heartbeat.
    CatchUpHeartbeat,
    /// The catch-up has given everything up to this head.
    Complete(u64),
    /// The catch-up has ended before that, or could not be opened.
    CatchUpEnded(Error),
    /// Time has passed.
    Tick,
}

/// What is to be done, in this order.
#[derive(Debug, PartialEq)]
pub enum MergeOutput<E> {
    /// Open the live streams, every [`Lane`].
    OpenLive,
    /// Nothing to do, but to know: upstream refuses this lane, and the catch-ups bring its events.
    LaneAbsent(Lane, Error),
    /// Open a catch-up after this sequence; `None` = from the beginning of what is held.
    OpenCatchUp(Option<u64>),
    /// Drop the catch-up.
    DropCatchUp,
    /// Drop all streams; the connection may be half-open, so it should not be used again.
    DropLink,
    /// Append the event to our log.
    Commit(E),
    /// Everything up to this sequence is gone: our log begins here.
    Skip(u64),
    /// Upstream has another log: begin an empty one with a new id.
    Replace,
}

/// The state of the connection to upstream.
#[derive(Debug, Clone, PartialEq)]
pub enum Link {
    /// Not yet, or not again: why it was lost, where it was.
    Down(Option<Error>),
    /// Open, and a catch-up has come to its end.
    Up,
}
