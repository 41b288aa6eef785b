//! One page of the log, as its events are looked at one after the other.

use std::sync::Arc;

use im_chats_protocol::server::{LoggedEvent, ReadPage, ReadQuery};

#[cfg(feature = "server")]
use super::store::problem::Problem;

/// Collects a page within the query's limits and keeps `through` honest.
pub(super) struct PageBuilder {
    through: u64,
    events: Vec<Arc<LoggedEvent>>,
    looked_at: usize,
    room_events: usize,
    room_bytes: usize,
}

impl PageBuilder {
    pub(super) const fn new(query: &ReadQuery) -> Self {
        Self {
            through: query.after,
            events: Vec::new(),
            looked_at: 0,
            room_events: query.max_events,
            room_bytes: query.max_bytes,
        }
    }

    /// Whether one more event of this size fits; the first one always does, or its reader would stand still for ever.
    pub(super) const fn has_room(&self, bytes: usize) -> bool {
        self.room_events > 0 && (bytes <= self.room_bytes || self.events.is_empty())
    }

    pub(super) fn push(&mut self, event: Arc<LoggedEvent>) {
        self.room_events = self.room_events.saturating_sub(1);
        self.room_bytes = self.room_bytes.saturating_sub(event.json.len());
        self.skip(event.sequence);
        self.events.push(event);
    }

    pub(super) const fn skip(&mut self, sequence: u64) {
        self.through = sequence;
        self.looked_at = self.looked_at.saturating_add(1);
    }

    pub(super) const fn looked_at(&self) -> usize {
        self.looked_at
    }

    #[cfg(feature = "server")]
    /// The last sequence looked at, at first the reader's position.
    pub(super) const fn through(&self) -> u64 {
        self.through
    }

    #[cfg(feature = "server")]
    /// Whether the next event, which comes after `prev`, is the next one indeed.
    pub(super) fn follows(&self, prev: u64) -> Result<(), Problem> {
        // A reader's position need not be an event's.
        let follows = if self.looked_at == 0 { prev <= self.through } else { prev == self.through };
        if follows { Ok(()) } else { Err(missing(self.through, prev)) }
    }

    /// There may be more after the last event looked at.
    pub(super) fn partial(self) -> ReadPage {
        ReadPage { through: self.through, events: self.events }
    }

    /// There is nothing more up to `bound`.
    pub(super) fn whole(self, bound: u64) -> ReadPage {
        ReadPage { through: bound, events: self.events }
    }
}

#[cfg(feature = "server")]
pub(super) fn missing(after: u64, through: u64) -> Problem {
    Problem::damage(format!("events after {after} and up to {through} are missing"))
}
