//! The recent end of the log in memory, bounded by bytes and shared by all readers.

use std::collections::VecDeque;
use std::sync::Arc;

use super::read::missing;
use super::{LoggedEvent, ReadPage, ReadQuery};
use crate::log::store::problem::Problem;

/// What one event costs beside its text: the vector slot, the reference count, the struct.
const OVERHEAD: usize = 96;

#[derive(Debug)]
pub(super) struct Tail {
    /// Every event after this one, and up to the head, is in `events`.
    floor: u64,
    events: VecDeque<Arc<LoggedEvent>>,
    bytes: usize,
    limit: usize,
}

impl Tail {
    pub(super) const fn new(head: u64, limit: usize) -> Self {
        Self { floor: head, events: VecDeque::new(), bytes: 0, limit }
    }

    /// Forgets everything; what comes next comes after `head`.
    pub(super) fn clear(&mut self, head: u64) {
        *self = Self::new(head, self.limit);
    }

    pub(super) fn push(&mut self, event: Arc<LoggedEvent>) {
        self.bytes = self.bytes.saturating_add(cost(&event));
        self.events.push_back(event);
        while self.bytes > self.limit {
            let Some(oldest) = self.events.pop_front() else { break };
            self.bytes = self.bytes.saturating_sub(cost(&oldest));
            self.floor = oldest.sequence;
        }
    }

    /// The events after `after` up to `through`, or `None` when memory does not go back so far or they are more than `most`.
    pub(super) fn recent(&self, after: u64, through: u64, most: usize) -> Option<Vec<Arc<LoggedEvent>>> {
        if after < self.floor {
            return None;
        }
        let start = self.events.partition_point(|event| event.sequence <= after);
        let end = self.events.partition_point(|event| event.sequence <= through);
        (end.saturating_sub(start) <= most).then(|| self.events.range(start..end).cloned().collect())
    }

    /// Answers from memory, or `None` when the reader is further back than memory goes.
    pub(super) fn read(&self, query: &ReadQuery, bound: u64, scan: usize) -> Option<ReadPage> {
        if query.after < self.floor {
            return None;
        }
        let start = self.events.partition_point(|event| event.sequence <= query.after);
        let mut page = PageBuilder::new(query);
        for event in self.events.range(start..).take_while(|event| event.sequence <= bound).take(scan) {
            if query.admits(event.kind, &event.chat_guid) {
                if !page.has_room(event.json.len()) {
                    return Some(page.partial());
                }
                page.push(Arc::clone(event));
            } else {
                page.skip(event.sequence);
            }
        }
        Some(if page.looked_at() < scan { page.whole(bound) } else { page.partial() })
    }
}

fn cost(event: &LoggedEvent) -> usize {
    event.size().saturating_add(OVERHEAD)
}

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

    /// The last sequence looked at, at first the reader's position.
    pub(super) const fn through(&self) -> u64 {
        self.through
    }

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
