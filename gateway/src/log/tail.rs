//! The recent end of the log in memory, bounded by bytes and shared by all readers.

use std::collections::VecDeque;
use std::sync::Arc;

use im_chats_protocol::server::{LoggedEvent, ReadPage, ReadQuery};

use super::page::PageBuilder;

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

    #[cfg(feature = "server")]
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
        // A replica that went back has emptied this, and what it does not hold now is no silence.
        if after < self.floor || through > self.end() {
            return None;
        }
        let start = self.events.partition_point(|event| event.sequence <= after);
        let end = self.events.partition_point(|event| event.sequence <= through);
        (end.saturating_sub(start) <= most).then(|| self.events.range(start..end).cloned().collect())
    }

    /// The last event that was held since it was emptied.
    fn end(&self) -> u64 {
        self.events.back().map_or(self.floor, |event| event.sequence)
    }

    /// Answers from memory, or `None` when the reader is further back than memory goes.
    pub(super) fn read(&self, query: &ReadQuery, bound: u64, scan: usize) -> Option<ReadPage> {
        if query.after < self.floor {
            return None;
        }
        let start = self.events.partition_point(|event| event.sequence <= query.after);
        let mut page = PageBuilder::new(query);
        for event in self.events.range(start..).take_while(|event| event.sequence <= bound).take(scan) {
            if query.filter.admits(event.kind, &event.chat_guid, &event.json) {
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
