//! One request decided: what it changes, and what its caller hears once that is safe. Every journal decides here.

use std::sync::Arc;

use async_trait::async_trait;
use im_chats_emulator::{Decision, Entry, Reply, Request, State};
use im_chats_protocol::error::{Error, ErrorCode};
use parking_lot::RwLock;

use super::beside::{Beside, Deed};
use super::stored::Stored;
use crate::log::LoggedEvent;
use crate::log::kind::Kind;

/// Where requests become entries that last.
#[async_trait]
pub(super) trait Journal: std::fmt::Debug + Send + Sync {
    /// Decides a request and waits until what it changes is safe.
    async fn commit(&self, request: Request, beside: Beside) -> Result<Committed, Error>;

    /// The bytes that lie at a place.
    async fn find(&self, kind: Kind, owner: &str) -> Result<Option<Stored>, Error>;

    /// The error of bytes that are not where they should be.
    fn lost(&self, kind: Kind, owner: &str) -> Error;
}

/// What a request led to, once it is safe.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Committed {
    pub(crate) answer: Reply,
    /// First and last sequence written, when any was.
    pub(crate) sequences: Option<(u64, u64)>,
}

/// What is safe, as everyone but the writer sees it.
pub(super) type View = Arc<RwLock<State>>;

/// A request that was decided, and applied to the state it was decided against.
pub(super) enum Turn {
    /// It changes this.
    New(Changes),
    /// It was done before, and this entry of the journal holds its answer.
    Again(u64),
}

/// What a request changes.
pub(super) struct Changes {
    pub(super) committed: Committed,
    pub(super) entries: Vec<Entry>,
    pub(super) events: Vec<LoggedEvent>,
    pub(super) deeds: Vec<Deed>,
}

/// Decides a request and applies what it changes.
pub(super) fn decide(state: &mut State, request: &Request, beside: &Beside) -> Result<Turn, Error> {
    let outcome = match state.decide(request)? {
        Decision::New(outcome) => outcome,
        Decision::Again { entry } => return Ok(Turn::Again(entry)),
    };
    let mut events = Vec::new();
    for entry in &outcome.entries {
        events.extend(entry.events().map_err(unwritable)?);
    }
    let sequences = events.first().zip(events.last()).map(|(first, last)| (first.sequence, last.sequence));
    let mut deeds = Vec::new();
    for entry in &outcome.entries {
        deeds.extend(Deed::of(entry, beside));
        state.apply(entry);
    }
    let committed = Committed { answer: outcome.answer, sequences };
    Ok(Turn::New(Changes { committed, entries: outcome.entries, events, deeds }))
}

/// The error of an event that has no text.
pub(super) fn unwritable(error: impl std::fmt::Display) -> Error {
    tracing::error!(%error, "an event cannot be written");
    Error::new(ErrorCode::InternalError, "an event cannot be written")
}

/// The answer that an entry of the journal holds.
pub(super) fn answer(entry: Option<Entry>) -> Result<Reply, Error> {
    match entry {
        Some(Entry::Answered { answer, .. }) => Ok(*answer),
        _ => Err(super::failure::database_failed("the answer of an idempotency key is not where it was written")),
    }
}
