//! The truth: every event that was ever written, also those the server has dropped since.

use std::sync::Arc;

use im_chats_protocol::error::Error;
use im_chats_protocol::server::{EventKind, LogState, LoggedEvent, ReadPage, ReadQuery, cursor_too_old};
use im_chats_protocol::wire::frame::Topic;

/// The chats there are; small, so that filters hide much but not everything.
pub const CHATS: [&str; 3] = ["any;-;a@example.com", "any;-;b@example.com", "any;+;group"];

/// Chats as bits, by their index in [`CHATS`].
pub type Chats = u8;

/// How many of the latest events the server has in memory.
const RECENT_EVENTS: usize = 32;

/// The types of events there are: those of a chat event first.
pub const TYPES: [&str; 4] = ["chat.archived", "chat.markedRead", "message.received", "message.read"];

/// Types as bits, by their index in [`TYPES`].
pub type Types = u8;

/// How many of [`TYPES`] are of chat events.
pub const CHAT_TYPES: usize = 2;

/// Which events a stream sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filter {
    pub topic: Topic,
    /// Index in [`CHATS`].
    pub chat: Option<usize>,
    /// A list of chats, without `chat`.
    pub chats: Option<Chats>,
    pub types: Option<Types>,
}

impl Filter {
    /// The chats that it names; absent = it names none.
    pub fn named(self) -> Option<Chats> {
        self.chat.map(|chat| 1 << chat).or(self.chats)
    }

    /// Whether a stream with this filter shows an event, when its token is for `chats`.
    pub fn admits(self, event: &LoggedEvent, chats: Chats) -> bool {
        let has = |bits: u8, place: Option<usize>| place.is_some_and(|place| bits & (1 << place) != 0);
        let chat = CHATS.iter().position(|chat| **chat == *event.chat_guid);
        let is_of = |name: &&str| event.json.contains(&format!("\"{name}\""));
        event.kind.is_in(self.topic)
            && has(chats, chat)
            && self.named().is_none_or(|named| has(named, chat))
            && self.types.is_none_or(|types| has(types, TYPES.iter().position(is_of)))
    }
}

/// One log. It survives the server; a replaced one is kept for the oracle.
#[derive(Debug)]
pub struct Log {
    pub id: Arc<str>,
    /// Event n has index n - 1.
    events: Vec<Arc<LoggedEvent>>,
    /// The smallest good cursor.
    pub first: u64,
}

impl Log {
    pub fn new(number: usize) -> Self {
        Self { id: format!("log-{number}").into(), events: Vec::new(), first: 0 }
    }

    pub fn head(&self) -> u64 {
        self.events.len() as u64
    }

    pub fn state(&self) -> LogState {
        LogState { id: Arc::clone(&self.id), first: self.first, head: self.head(), replica: None }
    }

    pub fn append(&mut self, kind: EventKind, chat: usize) {
        let sequence = self.head() + 1;
        // All that travels of an event is opaque to both machines but its sequence, and to the server its type.
        let types = if kind == EventKind::Chat { &TYPES[..CHAT_TYPES] } else { &TYPES[CHAT_TYPES..] };
        let name = types[(sequence / 2) as usize % types.len()];
        let json = format!(r#"{{"type":"{name}","sequence":{sequence}}}"#).into();
        self.events.push(Arc::new(LoggedEvent { sequence, kind, chat_guid: CHATS[chat].into(), json, proto: None }));
    }

    pub fn prune(&mut self, through: u64) {
        self.first = self.first.max(through.min(self.head()));
    }

    /// The events after `after`.
    pub fn after(&self, after: u64) -> &[Arc<LoggedEvent>] {
        self.events.get(after as usize..).unwrap_or_default()
    }

    /// The events after `after`, while few enough for the server to have them in memory.
    pub fn recent(&self, after: u64) -> Option<&[Arc<LoggedEvent>]> {
        self.events.get(after as usize..).filter(|events| events.len() <= RECENT_EVENTS)
    }

    /// A page as the durable log gives it: at most `scan` events are looked at.
    pub fn read(&self, query: &ReadQuery, scan: usize) -> Result<ReadPage, Error> {
        if query.after < self.first {
            return Err(cursor_too_old(self.first, self.head()));
        }
        let bound = query.through.min(self.head());
        let mut page = ReadPage { through: query.after, events: Vec::new() };
        if query.after >= bound || query.max_events == 0 {
            return Ok(page);
        }
        let mut bytes = 0;
        for event in self.events[query.after as usize..bound as usize].iter().take(scan) {
            if query.filter.admits(event.kind, &event.chat_guid, &event.json) {
                bytes += event.json.len();
                if page.events.len() == query.max_events || (bytes > query.max_bytes && !page.events.is_empty()) {
                    return Ok(page);
                }
                page.events.push(Arc::clone(event));
            }
            page.through = event.sequence;
        }
        Ok(page)
    }
}
