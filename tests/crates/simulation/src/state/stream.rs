//! What the oracle knows of streams, subscriptions and pings.

use std::collections::VecDeque;

use im_chats_protocol::client::{Start, StreamId};
use im_chats_protocol::error::ErrorCode;
use im_chats_protocol::model::Cursor;
use im_chats_protocol::server::LoggedEvent;
use serde_json::Value;

use crate::log::Chats;
use crate::log::Log;
use crate::script::SeatSpec;
use crate::tokens::EVERY_CHAT;

/// A subscription on a client's present socket.
#[derive(Debug, Default)]
pub struct Wire {
    pub stream: Option<StreamId>,
    /// Credit the client gave.
    pub credit: u64,
    /// Events that came for it.
    pub received: u64,
    /// Everything up to here came.
    pub position: Option<u64>,
    /// The head told in `subscribed`.
    pub head: Option<u64>,
}

/// A ping without an answer.
#[derive(Debug, Clone, Copy)]
pub struct Ping {
    pub n: u64,
    /// The socket may not be kept longer than this, or, while events come, than the limit.
    pub until: u64,
    pub limit: u64,
}

/// One stream of a user, from opening to its end.
#[derive(Debug)]
pub struct Run {
    pub stream: StreamId,
    pub spec: SeatSpec,
    pub start: Start,
    /// The log's head and beginning when it was opened.
    pub opened: (u64, u64),
    /// What the client had lost by then.
    pub opened_cuts: u64,
    /// The log it reads; known once it was attached.
    pub log: Option<String>,
    /// Everything up to here was given to the user; known once it was attached.
    pub delivered: Option<u64>,
    /// Everything up to here is handled.
    pub handled: Option<u64>,
    /// Everything up to here reached the client.
    pub received: Option<u64>,
    /// The log's head, as far as the client was told it for this stream. Unknown here after a link swallowed the frame that
    /// says which stream a later one is about.
    pub head: Option<u64>,
    /// Where its subscriptions began, and the chats of the token that each of them began with: it holds for what comes after
    /// that place, until the next.
    pub views: Vec<(u64, Chats)>,
    /// Skipped, as was told.
    pub gaps: Vec<(u64, u64)>,
    /// Events that wait in the client.
    pub waiting: u64,
    /// Events the user works on.
    pub taken: u64,
    pub pulling: bool,
    /// The client knows of it: one that sleeps does not.
    pub known: bool,
    pub cancelled: bool,
    /// Its end is known to the client and waits for the user.
    pub finishing: bool,
    /// Its client gave up after the token was refused twice.
    pub refused: bool,
    /// Its subscription, or its client's session, was told that the token is not for it.
    pub forbidden: Option<ErrorCode>,
    pub cursor: Option<Cursor>,
    /// Batches that a planted bug took too early.
    pub acked_too_early: VecDeque<Value>,
}

impl Run {
    pub fn new(stream: StreamId, spec: SeatSpec, start: Start, opened: (u64, u64), opened_cuts: u64) -> Self {
        let after = if let Start::After(after) = &start { Some(after.sequence) } else { None };
        Self {
            stream,
            spec,
            start,
            opened,
            opened_cuts,
            log: None,
            delivered: after,
            handled: after,
            received: after,
            head: Some(0),
            views: Vec::new(),
            gaps: Vec::new(),
            waiting: 0,
            taken: 0,
            pulling: false,
            known: false,
            cancelled: false,
            finishing: false,
            refused: false,
            forbidden: None,
            cursor: None,
            acked_too_early: VecDeque::new(),
        }
    }

    /// The user asks for more: what was taken is handled.
    pub fn handle_taken(&mut self) {
        self.taken = 0;
        self.handled = self.delivered;
    }

    /// The event that must come next after `after`, if there is one.
    pub fn next(&self, log: &Log, after: u64) -> Option<u64> {
        log.after(after).iter().find(|event| self.shows(event)).map(|event| event.sequence)
    }

    fn shows(&self, event: &LoggedEvent) -> bool {
        let skipped = |(from, to): &(u64, u64)| *from < event.sequence && event.sequence <= *to;
        let view = self.views.iter().rev().find(|(from, _)| *from < event.sequence);
        self.spec.filter.admits(event, view.map_or(EVERY_CHAT, |(_, chats)| *chats)) && !self.gaps.iter().any(skipped)
    }
}
