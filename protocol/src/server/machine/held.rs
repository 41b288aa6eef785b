//! Subscriptions whose cursor lies beyond the head of a replica: their client came from a server that is further. They are neither
//! refused nor forgotten for [`REPLICA_WAIT_MS`]: the replica gets there, or the log is asked whether it reaches that far at all.

use alloc::vec::Vec;

use crate::error::Error;
use crate::wire::frame::SubscriptionId;

use super::{Phase, ServerOutput, Session};
use crate::server::exchange::AskId;
use crate::server::held::Held;
use crate::server::log::{Place, REPLICA_WAIT_MS, cursor_ahead, replica_behind};

impl Session {
    pub(super) fn hold(&mut self, id: SubscriptionId, after: u64) {
        let until = self.now.saturating_add(REPLICA_WAIT_MS);
        self.held.push_back(Held { id, after, until, asked_before: self.last_ask });
        self.ask();
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
        self.release(|held| match log.place(held.after) {
            Ok(Place::Beyond) if held.until <= now => Some(Err(replica_behind(log.first, log.head))),
            Ok(Place::Beyond) => None,
            Ok(Place::Here) => Some(Ok(())),
            Err(error) => Some(Err(error)),
        });
    }

    /// The log's end is known, or cannot be had now.
    pub(super) fn end_told(&mut self, ask: AskId, end: Result<u64, Error>) {
        // The answer to an older question may be about another log.
        if self.asking != Some(ask) {
            return;
        }
        self.asking = None;
        // Of a question that failed only those hear nothing who might have had an answer: asked again at once it would be the same.
        if let Ok(end) = end {
            if let Some(replica) = &mut self.log.replica {
                replica.written = end.max(replica.written);
            }
            let first = self.log.first;
            self.release(|held| (held.asked_before < ask.0 && held.after > end).then(|| Err(cursor_ahead(first, end))));
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
