//! Subscriptions whose cursor lies beyond the head of a replica, or in a log that the replica is not of: their client came from a server
//! that is further. They are neither refused nor forgotten for [`REPLICA_WAIT_MS`]: the replica gets there, or its source is asked whether
//! the log reaches that far at all, and which log is the log.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use crate::error::Error;
use crate::wire::frame::SubscriptionId;

use super::{Phase, ServerOutput, Session};
use crate::server::exchange::AskId;
use crate::server::held::Held;
use crate::server::log::{Place, REPLICA_WAIT_MS, WholeEnd, cursor_ahead, log_changed, other_replica, replica_behind};

impl Session {
    pub(super) fn hold(&mut self, id: SubscriptionId, log: Option<String>, after: u64) {
        let until = self.now.saturating_add(REPLICA_WAIT_MS);
        self.held.push_back(Held { id, log, after, until, asked_before: self.last_ask });
        self.ask();
    }

    /// The log is not the one with the id `previous` any more: gives those whose cursor was of another one anyway, and asks on their behalf.
    /// What was said of a log before it was here has led to nothing.
    pub(super) fn wait_on(&mut self, previous: &str) -> BTreeSet<SubscriptionId> {
        let waits_on = |held: &&Held| held.log.as_deref().is_some_and(|log| log != previous);
        let waiting: BTreeSet<_> = self.held.iter().filter(waits_on).map(|held| held.id.clone()).collect();
        if !waiting.is_empty() {
            self.ask();
        }
        waiting
    }

    /// Asks where the log ends, unless a question is under way: the next one then serves all that came meanwhile.
    fn ask(&mut self) {
        if self.asking.is_none() {
            self.last_ask = self.last_ask.saturating_add(1);
            let ask = AskId(self.last_ask);
            self.asking = Some(ask);
            self.out.push(ServerOutput::AskEnd { ask });
        }
    }

    /// When the first of them is refused.
    pub(super) fn held_until(&self) -> Option<u64> {
        self.held.front().map(|held| held.until)
    }

    /// Attaches those that the replica has reached, and refuses those that have waited long enough.
    pub(super) fn look_at_held(&mut self) {
        if !matches!(self.phase, Phase::Live) {
            return;
        }
        let (log, now) = (self.log.clone(), self.now);
        self.release(|held| {
            let is_over = held.until <= now;
            if let Some(expected) = held.log.as_deref().filter(|expected| **expected != *log.id) {
                return is_over.then(|| Err(other_replica(&log, expected)));
            }
            match log.place(held.after) {
                Ok(Place::Beyond) => is_over.then(|| Err(replica_behind(log.first, log.head))),
                Ok(Place::Here) => Some(Ok(())),
                Err(error) => Some(Err(error)),
            }
        });
    }

    /// It is known which log is the log and where it ends, or cannot be had now.
    pub(super) fn end_told(&mut self, ask: AskId, end: Result<WholeEnd, Error>) {
        if self.asking != Some(ask) {
            return;
        }
        self.asking = None;
        // Of a question that failed only those hear nothing who might have had an answer: asked again at once it would be the same.
        if let Ok(WholeEnd { log, end }) = end {
            let (is_ours, first) = (log == self.log.id, self.log.first);
            if is_ours && let Some(replica) = &mut self.log.replica {
                replica.written = end.max(replica.written);
            }
            self.release(|held| match held.log.as_deref() {
                _ if held.asked_before >= ask.0 => None,
                // An id is never used again: that log was the log once, or somewhere else.
                Some(expected) if *expected != *log => Some(Err(log_changed(&log, expected))),
                _ => (is_ours && held.after > end).then(|| Err(cursor_ahead(first, end))),
            });
        }
        if self.held.iter().any(|held| held.asked_before >= ask.0) {
            self.ask();
        }
    }

    /// Ends the wait of those for which `judge` knows how: with their place in the log, or without. There may be thousands, so each is
    /// looked at once.
    fn release(&mut self, judge: impl Fn(&Held) -> Option<Result<(), Error>>) {
        let mut done = Vec::new();
        for held in core::mem::take(&mut self.held) {
            match judge(&held) {
                None => self.held.push_back(held),
                Some(outcome) => done.push((held.id, outcome)),
            }
        }
        for (id, outcome) in done {
            match outcome {
                Ok(()) => self.attach(&id),
                Err(error) => {
                    // No read is under way for it, and it stands in no queue.
                    self.subscriptions.remove(&id);
                    self.send_error(&error, Some(id), false);
                }
            }
        }
    }
}
