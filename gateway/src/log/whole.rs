//! What a replica knows of the whole log that it is one of, and who can be asked.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::server::{REPLICA_WAIT_MS, Replica, WholeEnd};
use parking_lot::RwLock;
use tokio::sync::Mutex;
use tokio::time::timeout;

/// How long a cursor waits for a replica, and a question for its answer.
pub(super) const WAIT: Duration = Duration::from_millis(REPLICA_WAIT_MS);

/// Whoever knows which log is the log that this one is a replica of, and where it ends.
pub trait EndSource: Send + Sync {
    /// Asks for the log's id and last sequence. The answer decides whether a cursor is ahead of the log, or of another log, which ends its
    /// reader's stream: it must tell of the log that was there when it was asked, and hold everything that was in it then, so it must
    /// come from the leader. Whoever is not sure gives an error; the reader then tries again.
    fn ask(&self) -> BoxFuture<'static, Result<WholeEnd, Error>>;
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
    end: Result<WholeEnd, Error>,
}

impl fmt::Debug for WholeLog {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = Arc::clone(&self.of.read());
        let known = self.known(&of);
        formatter.debug_struct("WholeLog").field("of", &of).field("known", &known).finish_non_exhaustive()
    }
}

impl WholeLog {
    /// That of the log with this id, which was held up to `head`.
    pub(super) fn new(source: Arc<dyn EndSource>, log: Arc<str>, head: u64) -> Self {
        Self {
            source,
            of: RwLock::new(log),
            written: AtomicU64::new(head),
            announced: AtomicU64::new(0),
            begun: AtomicU64::new(0),
            last: Mutex::new(None),
        }
    }

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
    pub(super) async fn ask(&self) -> Result<WholeEnd, Error> {
        let before = self.begun.load(Ordering::Acquire);
        let mut last = self.last.lock().await;
        if let Some(Answer { end, .. }) = last.as_ref().filter(|answer| answer.number > before) {
            return end.clone();
        }
        let number = self.begun.fetch_add(1, Ordering::AcqRel).saturating_add(1);
        let late = |_| Err(Error::new(ErrorCode::Timeout, "the log does not say in time where it ends"));
        let end = timeout(WAIT, self.source.ask()).await.unwrap_or_else(late);
        *last = Some(Answer { number, end: end.clone() });
        end
    }
}
