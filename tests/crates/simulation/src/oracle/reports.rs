//! Checks what a client reports of its connection.

use im_chats_protocol::client::{ClientOutput, ConnectionState, FailedAttempt};
use serde_json::Value;

use crate::bugs::Bug;
use crate::world::World;

impl World<'_> {
    /// Every attempt that fails is reported, with its number, its cause and the time of the next; and nothing that did not happen.
    pub fn check_reports(&mut self, client: usize, fails: bool, repeats: bool, outputs: &[ClientOutput<Value>]) {
        if self.bug.is_some_and(|bug| bug != Bug::SwallowFailure) {
            return;
        }
        let now = self.now;
        let state = &mut self.clients[client];
        let mut wrong = None;
        let mut heard = false;
        for output in outputs {
            let ClientOutput::Status(status) = output else { continue };
            let known = state.reported.as_ref();
            if known == Some(status) && !fails && !repeats {
                wrong = Some("the same was reported twice".to_owned());
            }
            let news = (known.and_then(|known| known.failed), known.and_then(|known| known.error.as_ref()));
            match status.failed {
                Some(FailedAttempt { number, retry_at }) if fails || news != (status.failed, status.error.as_ref()) => {
                    let is_end =
                        matches!(status.state, ConnectionState::Idle | ConnectionState::Failed | ConnectionState::Closed);
                    let only_the_end = !fails && is_end && news.0.is_some_and(|known| known.number == number);
                    if !only_the_end {
                        heard = true;
                        state.failed_attempts = if state.is_ready { 0 } else { state.failed_attempts + 1 };
                        if number != state.failed_attempts {
                            wrong = Some(format!("attempt {number} failed, which is number {}", state.failed_attempts));
                        }
                    }
                    if status.error.is_none() {
                        wrong = Some("an attempt failed without a reason".to_owned());
                    }
                    if retry_at.is_none() != is_end || retry_at.is_some_and(|at| at < now) {
                        wrong = Some(format!("{} at {now}, and the next attempt at {retry_at:?}", status.state.as_str()));
                    }
                }
                _ => {}
            }
            state.reported = Some(status.clone());
        }
        if heard || outputs.iter().any(|output| matches!(output, ClientOutput::Disconnect { .. })) {
            state.is_ready = false;
        }
        if fails && !heard {
            wrong = Some("an attempt failed, and nobody was told".to_owned());
        }
        if let Some(wrong) = wrong {
            self.fail(format!("c{client}: {wrong}"));
        }
    }
}
