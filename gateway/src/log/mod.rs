//! The durable event log: one sequence for the whole server, on disk before anyone hears of it, read by cursor.
//!
//! [`EventLog`] is the readers' side, cheap to clone. [`Appender`] is the one writer. An event is serialised once, when it
//! is written; readers share those bytes.

mod append;
mod read;
mod tail;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use im_chats::error::{Error, ErrorCode};
use im_chats::wire::frame::Topic;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::store::{Store, StoreError};
pub use append::Appender;
use read::Readers;
use tail::Tail;

/// Bytes of recent events kept in memory, shared by all readers: at about 200 bytes an event, the last 20,000 or so.
const TAIL_BYTES: usize = 4 * 1024 * 1024;

/// Rows looked at by one read at most, so that a reader whose filter hides nearly everything still moves, and says so.
const SCAN_ROWS: usize = 8192;

/// What an event is about; a [`Topic`] selects by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// A change of a chat.
    Chat,
    /// A change of a message.
    Message,
}

impl EventKind {
    const fn number(self) -> i64 {
        match self {
            Self::Chat => 0,
            Self::Message => 1,
        }
    }

    const fn from_number(number: i64) -> Option<Self> {
        match number {
            0 => Some(Self::Chat),
            1 => Some(Self::Message),
            _ => None,
        }
    }

    /// Whether a reader of `topic` sees events of this kind.
    #[must_use]
    pub const fn is_in(self, topic: Topic) -> bool {
        match topic {
            Topic::All => true,
            Topic::Chats => matches!(self, Self::Chat),
        }
    }
}

/// An event as the log holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedEvent {
    /// Its place, 1 to 2^53 − 1.
    pub sequence: u64,
    /// What it is about.
    pub kind: EventKind,
    /// The chat it happened in.
    pub chat_guid: Box<str>,
    /// The documented public JSON.
    pub json: Box<str>,
}

/// What a reader asks for.
#[derive(Debug, Clone)]
pub struct ReadQuery {
    /// The reader's position: it has everything up to and including this.
    pub after: u64,
    /// Upper bound, inclusive; a value beyond the head means the head.
    pub through: u64,
    /// Which kinds it sees.
    pub topic: Topic,
    /// Only this chat.
    pub chat: Option<Box<str>>,
    /// Most events in the answer; 0 gives none.
    pub max_events: usize,
    /// Most bytes of JSON in the answer; one event is given even when it alone is larger.
    pub max_bytes: usize,
}

impl ReadQuery {
    fn admits(&self, kind: EventKind, chat: &str) -> bool {
        kind.is_in(self.topic) && self.chat.as_deref().is_none_or(|wanted| wanted == chat)
    }
}

/// What a reader gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadPage {
    /// The reader's next position: every event in `after < sequence <= through` that its filter lets pass is in `events`.
    pub through: u64,
    /// Those events, in order; may be empty although `through` moved.
    pub events: Vec<Arc<LoggedEvent>>,
}

/// The readers' side of the log.
#[derive(Debug, Clone)]
pub struct EventLog(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    id: String,
    first: AtomicU64,
    head: watch::Sender<u64>,
    tail: Mutex<Tail>,
    readers: Readers,
    store: Store,
}

/// Opens the log of a data directory: the readers' side and the one writer.
///
/// # Errors
/// When the database cannot be read.
pub fn open(store: &Store) -> Result<(EventLog, Appender), StoreError> {
    let connection = store.writer().map_err(|error| store.damaged(error))?;
    let (first, head) = read::bounds(&connection).map_err(|error| store.damaged(error))?;
    let log = EventLog(Arc::new(Shared {
        id: store.log_id().to_owned(),
        first: AtomicU64::new(first),
        head: watch::Sender::new(head),
        tail: Mutex::new(Tail::new(head, TAIL_BYTES)),
        readers: Readers::new(store.clone()),
        store: store.clone(),
    }));
    let appender = Appender::new(connection, log.clone());
    Ok((log, appender))
}

impl EventLog {
    /// The log's identity. Random, made with the database: a new data directory is another log.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// The smallest cursor that is still good: every event after it is held. 0 for a whole log.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.0.first.load(Ordering::Acquire)
    }

    /// The last sequence that is on disk, 0 when nothing was written.
    #[must_use]
    pub fn head(&self) -> u64 {
        *self.0.head.borrow()
    }

    /// Tells when the head moves.
    #[must_use]
    pub fn watch_head(&self) -> watch::Receiver<u64> {
        self.0.head.subscribe()
    }

    /// The next page for a reader. It looks at a bounded number of events, so a filtered reader may get an empty page whose
    /// `through` moved; when `through` stays at `after`, there is nothing more within the bound of the query.
    ///
    /// # Errors
    /// `cursorTooOld` when events after the position are gone, `databaseError` when the disk cannot be read.
    pub async fn read(&self, query: ReadQuery) -> Result<ReadPage, Error> {
        self.check_held(query.after)?;
        let bound = query.through.min(self.head());
        if query.after >= bound || query.max_events == 0 {
            return Ok(ReadPage { through: query.after, events: Vec::new() });
        }
        if let Some(page) = self.0.tail.lock().read(&query, bound, SCAN_ROWS) {
            return Ok(page);
        }
        let after = query.after;
        let log = self.clone();
        let page =
            tokio::task::spawn_blocking(move || log.0.readers.read(&query, bound, SCAN_ROWS)).await.map_err(broken)??;
        // Looked at again: rows may have been dropped while they were read, and a hole must never pass for silence.
        self.check_held(after)?;
        Ok(page)
    }

    fn check_held(&self, after: u64) -> Result<(), Error> {
        let first = self.first();
        if after >= first {
            return Ok(());
        }
        Err(Error::new(ErrorCode::CursorTooOld, "the log no longer holds the events after this cursor")
            .with_context("first", first.to_string())
            .with_context("head", self.head().to_string()))
    }
}

fn broken(error: impl std::fmt::Display) -> Error {
    tracing::error!(%error, "the event log's database failed");
    Error::new(ErrorCode::DatabaseError, "the event log's database failed; the server's log says more").retryable()
}
