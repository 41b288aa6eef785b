//! The inputs and outputs of a session.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::error::Error;
use crate::grant::Grant;

use super::log::{LoggedEvent, ReadPage, ReadQuery, WholeEnd};

/// How a socket was opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Opening {
    /// Whether both sides named `im.events.v1.json`.
    pub subprotocol_agreed: bool,
    /// The token of the upgrade's `Authorization` header, used when `init` has none.
    pub header_token: Option<String>,
    /// Why the server has no room for this socket; absent = it has.
    pub refused: Option<Error>,
}

/// Identifies a read of the log until its page comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReadId(pub(super) u64);

/// Identifies a question for the log's end until the answer comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AskId(pub(super) u64);

/// What happened, for [`super::Session::handle`].
#[derive(Debug)]
pub enum ServerInput<'a> {
    /// A text frame came.
    Text(&'a str),
    /// A text frame came that is too large for the transport to hand over.
    Oversized,
    /// A binary frame came.
    Binary,
    /// Bytes came that are no WebSocket frame, or text that is not UTF-8.
    Malformed,
    /// The log grew, and these are all the events after the head that the session knew.
    Appended {
        /// The events, in order.
        events: &'a [Arc<LoggedEvent>],
    },
    /// A read that [`ServerOutput::Read`] asked for has ended.
    Page {
        /// The id in that output.
        read: ReadId,
        /// What was read, or why it could not be.
        page: Result<ReadPage, Error>,
    },
    /// The answer to a [`ServerOutput::AskEnd`].
    End {
        /// The id in that output.
        ask: AskId,
        /// Which log was the log at some moment after the question, and the last sequence that it held then; or why that cannot be
        /// said.
        end: Result<WholeEnd, Error>,
    },
    /// The result of a [`ServerOutput::Verify`]. Results come in the order of the outputs.
    Verified(Result<Grant, Error>),
    /// The token that the session goes by is good no longer: it was denied, or its key was taken away.
    Revoked(Error),
    /// The transport has taken this many bytes of what was sent.
    Written {
        /// Bytes of frame text.
        bytes: usize,
    },
    /// Time has passed, or the log moved, was pruned or replaced.
    Tick,
    /// The server is to stop.
    Drain,
    /// The socket is closed or cut.
    Gone,
}

/// What a session has sent since it was asked last, for whoever counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sent {
    /// Events, once for each subscription that they went to.
    pub events: u64,
    /// The codes of error frames, each once, and how many frames had it.
    pub errors: Vec<(Cow<'static, str>, u64)>,
}

/// What the driver does next, from [`super::Session::poll`].
#[derive(Debug)]
pub enum ServerOutput {
    /// Send this text frame.
    Send(String),
    /// Read the log.
    Read {
        /// Comes back with the page.
        read: ReadId,
        /// The part of the log to read.
        query: ReadQuery,
    },
    /// Ask which log is the log, and where it ends. Only a session over a replica asks, and one question at a time.
    AskEnd {
        /// Comes back with the answer.
        ask: AskId,
    },
    /// Verify this token.
    Verify {
        /// The bearer token, as the client sent it.
        token: String,
    },
    /// Close the socket once everything before this is sent. It is the last output.
    Close {
        /// The close code.
        code: u16,
        /// The reason in the close frame, at most 123 bytes.
        reason: &'static str,
    },
}
