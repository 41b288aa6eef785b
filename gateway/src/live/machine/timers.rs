//! What happens by itself when time passes.

use im_chats::error::{Error, ErrorCode};
use im_chats::wire::frame::{ServerFrame, close};

use super::{Phase, Session};

impl Session {
    /// When [`super::Input::Tick`] is due, on the clock of the caller; `None` when only something else can move the session.
    #[must_use]
    pub fn next_deadline(&self) -> Option<u64> {
        let own = match self.phase {
            Phase::Closed => return None,
            Phase::AwaitingInit { deadline } | Phase::Verifying { deadline, .. } | Phase::Draining { deadline } => {
                Some(deadline)
            }
            Phase::Live => Some(self.next_heartbeat),
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
                let error = Error::new(ErrorCode::Timeout, "no init in time").retryable();
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
            let error = Error::new(ErrorCode::Timeout, "the client has stopped taking frames").retryable();
            return self.fail(close::TOO_MANY, error);
        }
        if matches!(self.phase, Phase::Live) && self.next_heartbeat <= now {
            self.heartbeat();
        }
    }

    fn heartbeat(&mut self) {
        // From now on, not from when it was due: after a long sleep one heartbeat is enough.
        self.next_heartbeat = self.now.saturating_add(self.limits.heartbeat_interval_ms);
        if self.out.unsent() >= self.limits.high_water_bytes {
            // What waits already is sign of life enough, and piling up more would make memory of the client's slowness.
            return;
        }
        for (id, subscription) in &mut self.subscriptions {
            if let Some(batch) = subscription.kept_back() {
                self.out.send_batch(id, &batch, self.now);
            }
        }
        self.send(&ServerFrame::Heartbeat { head: self.log.head });
    }
}
