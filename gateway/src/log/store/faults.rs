//! Which operations on the disk fail at present: for `/healthz`, gRPC health and the log on stderr.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::watch;

use super::problem::Problem;
use crate::base::log_throttle::{KeyedLogThrottle, LogThrottle, MINUTE};

/// Different damages of which each has its own lines in the log.
const DAMAGE_LINES: usize = 64;

/// What is done with the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Reading.
    Read,
    /// Writing.
    Write,
}

impl Operation {
    const fn verb(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "written",
        }
    }
}

/// Failures since the operation succeeded last.
#[derive(Debug)]
struct Episode {
    reason: String,
    failures: u64,
    last: Instant,
}

#[derive(Debug, Default)]
struct State {
    read: Option<Episode>,
    write: Option<Episode>,
    /// Never cleared: a success elsewhere does not heal what is damaged.
    damage: Option<String>,
}

impl State {
    const fn episode(&mut self, operation: Operation) -> &mut Option<Episode> {
        match operation {
            Operation::Read => &mut self.read,
            Operation::Write => &mut self.write,
        }
    }

    fn reason(&self) -> Option<String> {
        let failing = |episode: &Episode, what: &str| format!("{what}: {}", episode.reason);
        let damage = self.damage.as_ref().map(|reason| format!("the stored data is damaged: {reason}"));
        let write = self.write.as_ref().map(|episode| failing(episode, "the database cannot be written"));
        let read = self.read.as_ref().map(|episode| failing(episode, "the database cannot be read"));
        damage.or(write).or(read)
    }
}

/// The failing operations of one data directory.
#[derive(Debug)]
pub struct Faults {
    state: Mutex<State>,
    /// Whether a read, and a write, fails at present: a success looks at nothing else.
    reads_fail: AtomicBool,
    writes_fail: AtomicBool,
    reason: watch::Sender<Option<String>>,
    lines: [LogThrottle; 2],
    damages: KeyedLogThrottle,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            state: Mutex::default(),
            reads_fail: AtomicBool::new(false),
            writes_fail: AtomicBool::new(false),
            reason: watch::Sender::new(None),
            lines: [LogThrottle::per_minute(), LogThrottle::per_minute()],
            damages: KeyedLogThrottle::new(MINUTE, DAMAGE_LINES),
        }
    }
}

impl Faults {
    /// Notes a failure; whether it is the first one since the operation succeeded last, damage aside.
    pub(super) fn failed(&self, operation: Operation, problem: &Problem) -> bool {
        let mut state = self.state.lock();
        if let Problem::Damage(reason) = problem {
            if let Some(repeated) = self.damages.hit(reason) {
                tracing::error!(repeated, "the stored data is damaged: {reason}; restore a backup");
            }
            state.damage.get_or_insert_with(|| reason.clone());
            self.publish(&state);
            return false;
        }
        let reason = problem.to_string();
        let begins = match state.episode(operation) {
            Some(episode) => {
                episode.failures = episode.failures.saturating_add(1);
                episode.last = Instant::now();
                episode.reason.clone_from(&reason);
                false
            }
            none => {
                *none = Some(Episode { reason: reason.clone(), failures: 1, last: Instant::now() });
                true
            }
        };
        let [reads, writes] = &self.lines;
        let line = if operation == Operation::Read { reads } else { writes };
        if let Some(repeated) = line.hit() {
            tracing::error!(repeated, "the database cannot be {}: {reason}", operation.verb());
        }
        self.flag(operation).store(true, Ordering::Release);
        self.publish(&state);
        begins
    }

    /// Notes a success.
    pub(super) fn succeeded(&self, operation: Operation) {
        if !self.fails(operation) {
            return;
        }
        let mut state = self.state.lock();
        if let Some(Episode { failures, .. }) = state.episode(operation).take() {
            tracing::info!(failures, "the database can be {} again", operation.verb());
        }
        self.flag(operation).store(false, Ordering::Release);
        self.publish(&state);
    }

    /// Whether the operation fails and nobody has tried it for `pause`: while others do, their success decides.
    pub(super) fn rests(&self, operation: Operation, pause: Duration) -> bool {
        self.fails(operation)
            && self.state.lock().episode(operation).as_ref().is_some_and(|episode| episode.last.elapsed() >= pause)
    }

    pub(super) fn fails(&self, operation: Operation) -> bool {
        self.flag(operation).load(Ordering::Acquire)
    }

    const fn flag(&self, operation: Operation) -> &AtomicBool {
        match operation {
            Operation::Read => &self.reads_fail,
            Operation::Write => &self.writes_fail,
        }
    }

    fn publish(&self, state: &State) {
        let reason = state.reason();
        self.reason.send_if_modified(|known| {
            let changed = *known != reason;
            *known = reason;
            changed
        });
    }

    /// Why the data directory cannot be fully used at present; `None` when it can.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        self.reason.borrow().clone()
    }

    /// Reports when [`Faults::reason`] changes.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Option<String>> {
        self.reason.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_lasts_until_the_same_operation_succeeds_and_damage_stays() {
        let faults = Faults::default();
        let full = || Problem::Failed(rusqlite::Error::InvalidQuery);
        assert_eq!(faults.reason(), None);
        assert!(faults.failed(Operation::Write, &full()) && !faults.failed(Operation::Write, &full()));
        faults.succeeded(Operation::Read);
        assert!(faults.reason().unwrap().starts_with("the database cannot be written: "));
        faults.succeeded(Operation::Write);
        assert_eq!(faults.reason(), None);
        faults.failed(Operation::Read, &Problem::damage("row 7"));
        faults.succeeded(Operation::Read);
        assert_eq!(faults.reason().unwrap(), "the stored data is damaged: row 7");
    }
}
