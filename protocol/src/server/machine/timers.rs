//! Deadlines and heartbeats.

use crate::error::{Error, ErrorCode};
use crate::wire::close;
use crate::wire::frame::ServerFrame;

use super::{Phase, Session};
use crate::server::subscription::Subscription;

/// How often a client without credit gets the head while it moves on: nothing else says how far behind the client is.
const HEAD_INTERVAL_MS: u64 = 1_000;

impl Session {
    /// When [`super::ServerInput::Tick`] is due, on the clock of the caller; `None` when only something else can move the session.
    #[must_use]
    pub fn next_deadline(&self) -> Option<u64> {
        let own = match self.phase {
            Phase::Closed => return None,
            Phase::AwaitingInit { deadline } | Phase::Verifying { deadline, .. } | Phase::Draining { deadline } => {
                Some(deadline)
            }
            Phase::Live => Some(self.held_until().map_or(self.heartbeat_due(), |until| until.min(self.heartbeat_due()))),
        };
        [own, self.token_ends, self.write_deadline()].into_iter().flatten().min()
    }

    fn write_deadline(&self) -> Option<u64> {
        self.out.stalled_since().map(|since| since.saturating_add(self.limits.write_timeout_ms))
    }

    pub(super) fn run_timers(&mut self) {
        let now = self.now;
        let due = |deadline: Option<u64>| deadline.is_some_and(|deadline| deadline <= now);
        match self.phase {
            Phase::Closed => return,
            Phase::AwaitingInit { deadline } | Phase::Verifying { deadline, .. } if deadline <= now => {
                let error = Error::new(ErrorCode::Timeout, "no init in time");
                return self.fail(close::INIT_TIMEOUT, error);
            }
            Phase::Draining { deadline } if deadline <= now => return self.go_away(),
            _ => {}
        }
        if due(self.token_ends) {
            let message = "the token has ended: send a fresh one in a token frame before it does";
            return self.refuse(Error::new(ErrorCode::TokenExpired, message));
        }
        if due(self.write_deadline()) {
            let error = Error::new(ErrorCode::Timeout, "the client has stopped taking frames");
            return self.fail(close::TOO_MANY, error);
        }
        if matches!(self.phase, Phase::Live) && self.heartbeat_due() <= now {
            self.heartbeat();
        }
    }

    /// When the next heartbeat is due: earlier than usual for a client that does not know how far behind it is.
    fn heartbeat_due(&self) -> u64 {
        let is_unaware = |subscription: &Subscription| {
            subscription.head_that_waits().is_some_and(|reported| reported.max(self.heartbeat_head) < self.log.reported())
        };
        if self.subscriptions.values().any(|subscription| is_unaware(subscription)) {
            // The head may have moved only now, long after the last heartbeat.
            let due = self.last_heartbeat.saturating_add(HEAD_INTERVAL_MS).max(self.now);
            return self.next_heartbeat.min(due);
        }
        self.next_heartbeat
    }

    fn heartbeat(&mut self) {
        self.last_heartbeat = self.now;
        // Counted from now, not from when it was due: after a long sleep one heartbeat is enough.
        self.next_heartbeat = self.now.saturating_add(self.limits.heartbeat_interval_ms);
        if self.out.unsent() >= self.limits.high_water_bytes {
            // The frames that wait show that the server is alive. More of them would only cost memory for a slow consumer.
            return;
        }
        for (id, subscription) in &mut self.subscriptions {
            if let Some(batch) = subscription.kept_back() {
                self.out.send_batch(id, batch, self.now);
            }
        }
        // Of a replica that is behind: how far the log is known to reach, so that the client sees how far behind it is.
        self.heartbeat_head = self.log.reported();
        self.send(&ServerFrame::Heartbeat { head: self.heartbeat_head });
    }
}
