//! What goes into the machine, and what comes out.

use alloc::string::String;
use alloc::sync::Arc;

use crate::error::Error;

use super::log::{LoggedEvent, ReadPage, ReadQuery};

/// What a good token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Grant {
    /// When the token ends, in milliseconds from now; absent = never.
    pub expires_in_ms: Option<u64>,
}

/// How a socket was opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Opening {
    /// Whether both sides named `im.events.v1.json`.
    pub subprotocol_agreed: bool,
    /// The token of the upgrade's `Authorization` header, used when `init` has none.
    pub header_token: Option<String>,
    /// Why the server has no room for it, when it has none.
    pub refused: Option<Error>,
}

/// Names a read of the log until its page comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReadId(pub(super) u64);

/// What happened.
#[derive(Debug)]
pub enum ServerInput<'a> {
    /// A text frame came.
    Text(&'a str),
    /// A text frame came that is larger than the transport is willing to hand over.
    Oversized,
    /// A binary frame came.
    Binary,
    /// The transport met bytes that are no WebSocket frame, or text that is not UTF-8.
    Malformed,
    /// The log grew, and these are all the events after the head that the session knew.
    Appended {
        /// The events, in order.
        events: &'a [Arc<LoggedEvent>],
    },
    /// A read that [`ServerOutput::Read`] asked for has ended.
    Page {
        /// Which.
        read: ReadId,
        /// What it found.
        page: Result<ReadPage, Error>,
    },
    /// The judgement that [`ServerOutput::Verify`] asked for; they come in the order they were asked for.
    Verified(Result<Grant, Error>),
    /// The transport has taken this many bytes of what was sent.
    Written {
        /// Bytes of frame text.
        bytes: usize,
    },
    /// Time has passed, or the log moved, was pruned or replaced.
    Tick,
    /// The server is to stop.
    Drain,
    /// The transport is gone, or the client closed it.
    Gone,
}

/// What is to be done.
#[derive(Debug)]
pub enum ServerOutput {
    /// Send this text frame.
    Send(String),
    /// Read the log.
    Read {
        /// Goes back with the page.
        read: ReadId,
        /// What to read.
        query: ReadQuery,
    },
    /// Judge this token.
    Verify {
        /// The token.
        token: String,
    },
    /// Close, after everything before this was sent. It is the last output.
    Close {
        /// The close code.
        code: u16,
        /// A word for it, at most 123 bytes.
        reason: &'static str,
    },
}
