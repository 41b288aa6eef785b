//! The log as a session sees it: its state at one moment, what to read of it, and what was read.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::Bytes;

use super::filter::EventFilter;
use super::kind::EventKind;
use crate::error::{Error, ErrorCode};
use crate::wire::frame::LogInfo;

/// An event as the log holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedEvent {
    /// Its place, 1 to 2^53 − 1.
    pub sequence: u64,
    /// What it is about.
    pub kind: EventKind,
    /// The chat it happened in.
    pub chat_guid: Box<str>,
    /// The documented public JSON.
    pub json: Box<str>,
    /// The `CatchUpEventsResponse` it came as, byte for byte, when it came from another server: what this version does not
    /// know of it is in there.
    pub proto: Option<Bytes>,
}

impl LoggedEvent {
    /// What it costs to hold, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        let proto = self.proto.as_ref().map_or(0, Bytes::len);
        self.json.len().saturating_add(self.chat_guid.len()).saturating_add(proto)
    }
}

/// How long a cursor beyond the head of a replica waits for the replica to get there, in milliseconds. A replica is usually
/// milliseconds behind. One that is longer behind is being rebuilt, or cannot reach the log: another server serves its reader sooner.
pub const REPLICA_WAIT_MS: u64 = 2_000;

/// A log as seen at one moment: all of it belongs together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogState {
    /// Its identity.
    pub id: Arc<str>,
    /// The smallest cursor that is still good.
    pub first: u64,
    /// The last sequence that can be read here.
    pub head: u64,
    /// What is known of the whole log, when this is a replica of it. Absent for the log itself, which ends at `head`.
    pub replica: Option<Replica>,
}

/// What is known of a log beyond the head of its replica. The replica's head may also go back, while it is rebuilt; this does not.
/// Each may be 0, when nothing is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Replica {
    /// A sequence up to which the log is known to be written.
    pub written: u64,
    /// How far it is known to become as soon as it can be written: where its source is. Readers are told it, and nothing is decided
    /// by it.
    pub announced: u64,
}

/// What the source of a replica says of the whole log. It names the log: the replica may be of one that was replaced since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WholeEnd {
    /// The id of the log that is the log.
    pub log: Arc<str>,
    /// The last sequence that it holds.
    pub end: u64,
}

/// Where a cursor is in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Its reader can go on from there.
    Here,
    /// Beyond the head of a replica, where the log may reach that far or not; or in a log that a replica may not know of yet.
    Beyond,
}

/// What a reader asks for.
#[derive(Debug, Clone)]
pub struct ReadQuery {
    /// The reader's position: it has everything up to and including this.
    pub after: u64,
    /// Upper bound, inclusive; a value beyond the head means the head.
    pub through: u64,
    /// Which events it sees.
    pub filter: EventFilter,
    /// Most events in the answer; 0 gives none.
    pub max_events: usize,
    /// Most bytes of JSON in the answer; one event is given even when it alone is larger.
    pub max_bytes: usize,
}

/// What a reader gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadPage {
    /// The reader's next position: every event in `after < sequence <= through` that its filter lets pass is in `events`.
    pub through: u64,
    /// Those events, in order; may be empty although `through` moved.
    pub events: Vec<Arc<LoggedEvent>>,
}

impl LogState {
    pub(super) fn info(&self) -> LogInfo {
        LogInfo { id: self.id.to_string(), first: self.first, head: self.head }
    }

    pub(super) fn changed(&self, expected: &str) -> Error {
        log_changed(&self.id, expected)
    }

    /// Where a cursor is in this log.
    ///
    /// # Errors
    /// `cursorAhead` beyond the head of the log itself, `cursorTooOld` before the beginning; both say where those are.
    pub fn place(&self, sequence: u64) -> Result<Place, Error> {
        if sequence < self.first {
            return Err(cursor_too_old(self.first, self.head));
        }
        match self.replica {
            _ if sequence <= self.head => Ok(Place::Here),
            Some(_) => Ok(Place::Beyond),
            None => Err(cursor_ahead(self.first, self.head)),
        }
    }

    /// Where "now" is in the whole log, as far as that is known: a reader that wants only what comes begins here. It waits when a
    /// replica has yet to get there.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.replica.map_or(self.head, |replica| replica.written.max(self.head))
    }

    /// What a reader is told who wants to know how far behind it is.
    #[must_use]
    pub fn reported(&self) -> u64 {
        self.replica.map_or(self.head, |replica| replica.announced.max(self.now()))
    }

    /// Adds what is known of the same log by other means. What a replica held once is there, although it may be on its way again.
    pub(super) fn learn(&mut self, other: &Self) {
        if other.replica.is_some() && other.id == self.id {
            let (written, announced) = (self.now().max(other.now()), self.reported().max(other.reported()));
            self.replica = Some(Replica { written, announced });
        }
    }
}

/// The error for a cursor beyond the end of the log, which is at `head`.
#[must_use]
pub fn cursor_ahead(first: u64, head: u64) -> Error {
    with_bounds(Error::new(ErrorCode::CursorAhead, "the cursor is beyond the log's head"), first, head)
}

/// The error for a cursor that a replica has not reached in [`REPLICA_WAIT_MS`].
#[must_use]
pub fn replica_behind(first: u64, head: u64) -> Error {
    let message = "this server's copy of the log is behind the cursor: another server, or a later try, will do";
    with_bounds(Error::new(ErrorCode::ServiceUnavailable, message), first, head)
}

/// The error for a cursor of the log `expected` when a replica is of `log` and has not become one of the other in [`REPLICA_WAIT_MS`].
pub(super) fn other_replica(log: &LogState, expected: &str) -> Error {
    let behind = replica_behind(log.first, log.head);
    behind.with_context("log", log.id.to_string()).with_context("expected", expected.to_owned())
}

/// The error for a cursor before `first`, the smallest one that is still good; `head` is the last sequence written.
#[must_use]
pub fn cursor_too_old(first: u64, head: u64) -> Error {
    with_bounds(Error::new(ErrorCode::CursorTooOld, "the log no longer holds the events after this cursor"), first, head)
}

/// The error for a cursor of the log with the id `expected`, when the log is the one with the id `current`.
#[must_use]
pub fn log_changed(current: &str, expected: &str) -> Error {
    Error::new(ErrorCode::LogChanged, "the cursor belongs to another log: the server was reset or restored")
        .with_context("log", current.to_owned())
        .with_context("expected", expected.to_owned())
}

fn with_bounds(error: Error, first: u64, head: u64) -> Error {
    error.with_context("first", first.to_string()).with_context("head", head.to_string())
}
