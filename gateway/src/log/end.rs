//! Where the whole log ends, when this one is a replica of it: who can be asked, and what is known.

use std::fmt;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::server::{LogState, Place, REPLICA_WAIT_MS, Replica, cursor_ahead, replica_behind};
use parking_lot::RwLock;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until, timeout};

use super::reader::EventLog;

/// How long a cursor waits for a replica, and a question for its answer.
const WAIT: Duration = Duration::from_millis(REPLICA_WAIT_MS);

/// Whoever knows where the log ends that this one is a replica of.
pub trait EndSource: Send + Sync {
    /// Asks for the last sequence of the log with this id. The answer decides whether a cursor is ahead of the log, which ends its
    /// reader's stream: it must hold everything that was in the log when it was asked for, so it must come from the log's leader, and
    /// be about this log and no other. Whoever is not sure gives an error; the reader then tries again.
    fn ask(&self, log: Arc<str>) -> BoxFuture<'static, Result<u64, Error>>;
}

/// What a replica has beside its own events.
pub(super) struct WholeLog {
    source: Arc<dyn EndSource>,
    /// The log that `written` and `announced` are about.
    of: RwLock<Arc<str>>,
    written: AtomicU64,
    announced: AtomicU64,
    /// How many questions were begun.
    begun: AtomicU64,
    /// Held while a question is under way.
    last: Mutex<Option<Answer>>,
}

/// The last answer.
struct Answer {
    /// The number of its question.
    number: u64,
    /// The log that it is about.
    of: Arc<str>,
    end: Result<u64, Error>,
}

impl fmt::Debug for WholeLog {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = Arc::clone(&self.of.read());
        let known = self.known(&of);
        formatter.debug_struct("WholeLog").field("of", &of).field("known", &known).finish_non_exhaustive()
    }
}

impl WholeLog {
    /// What is known of the log with this id.
    pub(super) fn known(&self, log: &Arc<str>) -> Replica {
        let of = self.of.read();
        if *of != *log {
            return Replica::default();
        }
        Replica { written: self.written.load(Ordering::Acquire), announced: self.announced.load(Ordering::Acquire) }
    }

    /// Something more is known of the log with this id, which is the present one.
    pub(super) fn learn(&self, log: &Arc<str>, Replica { written, announced }: Replica) {
        let of = self.of.read();
        if *of == *log {
            self.written.fetch_max(written, Ordering::AcqRel);
            self.announced.fetch_max(announced, Ordering::AcqRel);
            return;
        }
        drop(of);
        let mut of = self.of.write();
        *of = Arc::clone(log);
        self.written.store(written, Ordering::Release);
        self.announced.store(announced, Ordering::Release);
    }

    /// Asks. Everybody who comes while a question is under way shares the next one: thousands of readers that move here at once must not
    /// become thousands of questions.
    async fn ask(&self, log: &Arc<str>) -> Result<u64, Error> {
        let before = self.begun.load(Ordering::Acquire);
        let mut last = self.last.lock().await;
        if let Some(Answer { end, .. }) = last.as_ref().filter(|answer| answer.number > before && answer.of == *log) {
            return end.clone();
        }
        let number = self.begun.fetch_add(1, Ordering::AcqRel).saturating_add(1);
        let late = |_| Err(Error::new(ErrorCode::Timeout, "the log does not say in time where it ends"));
        let end = timeout(WAIT, self.source.ask(Arc::clone(log))).await.unwrap_or_else(late);
        *last = Some(Answer { number, of: Arc::clone(log), end: end.clone() });
        end
    }
}

impl EventLog {
    /// Says that this log is a replica, which may be behind, and go back while it is rebuilt; and whom to ask where the whole log ends.
    /// Once, before it has readers; another time nothing happens.
    pub fn set_end_source(&self, source: Arc<dyn EndSource>) {
        // What was held when nobody could tell is known to be written.
        let (of, head) = (self.id(), self.head());
        let whole = WholeLog {
            source,
            of: RwLock::new(of),
            written: AtomicU64::new(head),
            announced: AtomicU64::new(0),
            begun: AtomicU64::new(0),
            last: Mutex::new(None),
        };
        let _ = self.0.whole.set(whole);
    }

    /// Says how far the log with this id is known to become as soon as it can be written. Readers are told it, so that they see how far
    /// behind they are; nothing is decided by it. It is ignored for another log, and for a log that is no replica.
    pub fn announce(&self, log: &Arc<str>, end: u64) {
        if let Some(whole) = self.0.whole.get()
            && let Ok(_same) = self.same(log)
        {
            whole.learn(log, Replica { written: 0, announced: end });
        }
    }

    /// Asks where the log with this id ends, and remembers it: new readers of what comes begin there. For a log that is no replica the
    /// answer is its head.
    ///
    /// # Errors
    /// `logChanged` when it is another log by now; what the source says; `timeout` when it says nothing within two seconds.
    pub async fn ask_end(&self, log: &Arc<str>) -> Result<u64, Error> {
        let end = match self.0.whole.get() {
            None => self.head(),
            Some(whole) => whole.ask(log).await?,
        };
        let _same = self.same(log)?;
        if let Some(whole) = self.0.whole.get() {
            whole.learn(log, Replica { written: end, announced: 0 });
        }
        Ok(end)
    }

    /// Whether the log has such a place; its state at a moment at which it had. A cursor beyond the head of a replica waits for the replica
    /// to get there, for two seconds at most.
    ///
    /// # Errors
    /// `cursorTooOld` before the beginning, `cursorAhead` beyond the end, `logChanged` when the log is replaced meanwhile;
    /// `serviceUnavailable` when the replica stays behind.
    pub async fn check_cursor(&self, sequence: u64) -> Result<LogState, Error> {
        // Taken before the state is: no move falls between the two.
        let mut head = self.watch_head();
        let state = self.state();
        if state.place(sequence)? == Place::Here {
            return Ok(state);
        }
        let deadline = Instant::now() + WAIT;
        let id = state.id;
        let mut asking = Some(Box::pin(self.ask_end(&id)));
        loop {
            let asked = async {
                match asking.as_mut() {
                    Some(asking) => asking.await,
                    None => pending().await,
                }
            };
            let (end, is_late) = tokio::select! {
                end = asked => (Some(end), false),
                Ok(()) = head.changed() => (None, false),
                () = sleep_until(deadline) => (None, true),
            };
            if end.is_some() {
                asking = None;
            }
            self.check_id(&id)?;
            let state = self.state();
            match (state.place(sequence)?, end) {
                (Place::Here, _) => return Ok(state),
                (Place::Beyond, Some(Ok(end))) if end < sequence => return Err(cursor_ahead(state.first, end)),
                (Place::Beyond, _) if is_late => return Err(replica_behind(state.first, state.head)),
                (Place::Beyond, _) => {}
            }
        }
    }

    /// The head has moved to `head`.
    pub(super) fn note_written(&self, head: u64) {
        if let Some(whole) = self.0.whole.get() {
            whole.learn(&self.id(), Replica { written: head, announced: 0 });
        }
    }
}
