//! Reads the log for the subscriptions and moves them forward.

use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::error::Error;
use crate::wire::close;
use crate::wire::frame::{ServerFrame, SubscriptionId};

use super::{LogState, Phase, ReadId, ServerOutput, Session};
use crate::server::log::{LoggedEvent, ReadPage};
use crate::server::subscription::{Arrival, News};

impl Session {
    pub(super) fn log_moved(&mut self, log: &LogState) {
        if (&log.id, log.first, log.head) == (&self.log.id, self.log.first, self.log.head) {
            return;
        }
        let previous = self.take_log(log);
        let is_another = previous.id != self.log.id;
        let waiting = if is_another { self.wait_on(&previous.id) } else { BTreeSet::new() };
        let ids: Vec<SubscriptionId> = self.subscriptions.keys().filter(|id| !waiting.contains(*id)).cloned().collect();
        for id in ids {
            let place = if is_another {
                Err(self.log.changed(&previous.id))
            } else {
                // The log may have lost its end; a replica's comes back. If it lost its beginning, the next read finds out.
                let position = self.subscriptions.get(&id).map_or(0, |subscription| subscription.position());
                if position > self.log.head { self.log.place(position).map(drop) } else { Ok(()) }
            };
            match place {
                Ok(()) => self.enqueue(&id),
                Err(error) => self.end_subscription(id, &error),
            }
        }
    }

    /// Goes by what the log is now; gives what it was.
    fn take_log(&mut self, log: &LogState) -> LogState {
        let previous = core::mem::replace(&mut self.log, log.clone());
        self.log.learn(&previous);
        previous
    }

    /// The log grew by these events. Of thousands of subscriptions to one chat each, few can see any of them: the others move
    /// without a read.
    pub(super) fn log_grew(&mut self, log: &LogState, events: &[Arc<LoggedEvent>]) {
        if log.id != self.log.id || log.head <= self.log.head {
            return self.log_moved(log);
        }
        let before = self.take_log(log).head;
        let (head, news) = (self.log.head, News::of(events));
        for (id, subscription) in &mut self.subscriptions {
            subscription.pass_by(before, head, &news);
            if subscription.queue_up(head) {
                self.queue.push_back(id.clone());
            }
        }
    }

    /// Puts a subscription at the end of the queue when it can use a read.
    pub(super) fn enqueue(&mut self, id: &SubscriptionId) {
        let head = self.log.head;
        if let Some(subscription) = self.subscriptions.get_mut(id)
            && subscription.queue_up(head)
        {
            self.queue.push_back(id.clone());
        }
    }

    /// Begins reads, one subscription after the other, while the transport keeps up.
    pub(super) fn pump(&mut self) {
        if !matches!(self.phase, Phase::Live) {
            return self.finish_drain();
        }
        while self.reads.len() < self.limits.max_concurrent_reads && self.out.unsent() < self.limits.high_water_bytes {
            let Some(id) = self.queue.pop_front() else { return };
            let Some(subscription) = self.subscriptions.get_mut(&id) else { continue };
            let Some(query) = subscription.begin_read(self.log.head, &self.limits) else { continue };
            self.last_read = self.last_read.saturating_add(1);
            let read = ReadId(self.last_read);
            self.reads.insert(read, Some(id));
            self.out.push(ServerOutput::Read { read, query });
        }
    }

    pub(super) fn page(&mut self, read: ReadId, page: Result<ReadPage, Error>) {
        let Some(Some(id)) = self.reads.remove(&read) else { return };
        let Some(subscription) = self.subscriptions.get_mut(&id) else { return };
        match page.and_then(|page| subscription.end_read(page, &self.log, &self.limits)) {
            Err(error) => self.end_subscription(id, &error),
            Ok(batch) => {
                if let Some(batch) = batch {
                    let events = u64::try_from(batch.events.len()).unwrap_or(u64::MAX);
                    self.sent.events = self.sent.events.saturating_add(events);
                    self.out.send_batch(&id, batch, self.now);
                }
                self.arrive(&id);
                self.enqueue(&id);
            }
        }
    }

    /// Reports what a subscription has just reached.
    pub(super) fn arrive(&mut self, id: &SubscriptionId) {
        let Some(subscription) = self.subscriptions.get_mut(id) else { return };
        let head = subscription.target();
        match subscription.arrive() {
            Arrival::None => {}
            Arrival::CaughtUp => self.send(&ServerFrame::CaughtUp { id: id.clone(), head }),
            Arrival::Complete => {
                self.forget(id);
                self.send(&ServerFrame::CaughtUp { id: id.clone(), head });
                self.send(&ServerFrame::Complete { id: id.clone(), head });
            }
        }
    }

    pub(super) fn end_subscription(&mut self, id: SubscriptionId, error: &Error) {
        self.forget(&id);
        self.send_error(error, Some(id), false);
    }

    /// Its id may be used again at once. A page that is still on its way is ignored.
    pub(super) fn forget(&mut self, id: &SubscriptionId) {
        if self.subscriptions.remove(id).is_some_and(|subscription| !subscription.is_attached()) {
            self.held.retain(|held| held.id != *id);
        }
        self.queue.retain(|queued| queued != id);
        for owner in self.reads.values_mut().filter(|owner| owner.as_ref() == Some(id)) {
            *owner = None;
        }
    }

    pub(super) fn drain(&mut self) {
        if matches!(self.phase, Phase::Draining { .. } | Phase::Closed) {
            return;
        }
        self.phase = Phase::Draining { deadline: self.now.saturating_add(self.limits.drain_timeout_ms) };
        self.send(&ServerFrame::Drain {
            reconnect_min_ms: self.limits.drain_reconnect_min_ms,
            reconnect_max_ms: self.limits.drain_reconnect_max_ms,
        });
    }

    /// Closes a draining session once no batch is under way.
    fn finish_drain(&mut self) {
        if matches!(self.phase, Phase::Draining { .. }) && self.reads.values().all(Option::is_none) {
            self.go_away();
        }
    }

    pub(super) fn go_away(&mut self) {
        self.end();
        self.out.push(ServerOutput::Close { code: close::GOING_AWAY, reason: close::reason(close::GOING_AWAY) });
    }
}
