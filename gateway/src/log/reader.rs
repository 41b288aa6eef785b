//! The readers' side of the log.

use std::sync::Arc;
#[cfg(feature = "server")]
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
#[cfg(feature = "server")]
use std::time::Instant;

use im_chats_protocol::error::{Error, ErrorCode};
#[cfg(feature = "server")]
use im_chats_protocol::server::Replica;
use im_chats_protocol::server::{LogState, LoggedEvent, ReadPage, ReadQuery, cursor_too_old, log_changed};
use parking_lot::{Mutex, RwLock, RwLockReadGuard};
#[cfg(feature = "server")]
use rusqlite::Connection;
use tokio::sync::watch;

use super::order::head_after;
#[cfg(feature = "server")]
use super::read;
#[cfg(feature = "server")]
use super::store::problem::Problem;
#[cfg(feature = "server")]
use super::store::{Faults, Store};
use super::tail::Tail;
#[cfg(feature = "server")]
use super::whole::WholeLog;

/// Bytes of recent events kept in memory, shared by all readers: at about 200 bytes an event, the last 20,000 or so.
#[cfg(feature = "server")]
const TAIL_BYTES: usize = 4 * 1024 * 1024;

/// Most events that [`EventLog::recent`] gives.
const RECENT: usize = 1024;

/// Rows looked at by one read at most, so that a reader whose filter hides nearly everything still moves, and says so.
pub(super) const SCAN_ROWS: usize = 8192;

/// The readers' side of the log.
#[derive(Debug, Clone)]
pub struct EventLog(pub(super) Arc<Shared>);

#[derive(Debug)]
pub(super) struct Shared {
    /// Held while the log is replaced, and shared by everyone who must see only one log.
    pub(super) id: RwLock<Arc<str>>,
    pub(super) first: AtomicU64,
    pub(super) head: watch::Sender<u64>,
    pub(super) tail: Mutex<Tail>,
    /// Where the events before the tail are; none where the tail holds them all.
    #[cfg(feature = "server")]
    pub(super) store: Option<Store>,
    /// Only of a replica: what is known of the log beyond it.
    #[cfg(feature = "server")]
    pub(super) whole: OnceLock<WholeLog>,
}

impl EventLog {
    /// The log that `store` holds, as it is at the start.
    #[cfg(feature = "server")]
    pub(super) fn new(state: LogState, store: Store) -> Self {
        Self(Arc::new(Shared {
            id: RwLock::new(state.id),
            first: AtomicU64::new(state.first),
            head: watch::Sender::new(state.head),
            tail: Mutex::new(Tail::new(state.head, TAIL_BYTES)),
            store: Some(store),
            whole: OnceLock::new(),
        }))
    }

    /// An empty log with this id that is in memory as a whole, for as long as somebody has it.
    #[must_use]
    pub fn in_memory(id: Arc<str>) -> Self {
        Self(Arc::new(Shared {
            id: RwLock::new(id),
            first: AtomicU64::new(0),
            head: watch::Sender::new(0),
            tail: Mutex::new(Tail::new(0, usize::MAX)),
            #[cfg(feature = "server")]
            store: None,
            #[cfg(feature = "server")]
            whole: OnceLock::new(),
        }))
    }

    /// Appends events to a log that is in memory as a whole.
    ///
    /// # Errors
    /// `internalError` when a sequence does not increase or leaves the exact range.
    pub(crate) fn append_in_memory(&self, events: Vec<LoggedEvent>) -> Result<(), Error> {
        let head = head_after(self.head(), &events)?;
        self.publish(events, head);
        Ok(())
    }

    /// Lets readers see events that are safe.
    pub(super) fn publish(&self, events: Vec<LoggedEvent>, head: u64) {
        if events.is_empty() {
            return;
        }
        // The tail first, then the head: a reader that sees the head finds the events.
        let mut tail = self.0.tail.lock();
        for event in events {
            tail.push(Arc::new(event));
        }
        drop(tail);
        #[cfg(feature = "server")]
        self.note_written(head);
        self.0.head.send_replace(head);
    }

    /// The data directory.
    #[cfg(feature = "server")]
    pub(super) fn store(&self) -> Result<&Store, Error> {
        let missing = || Error::new(ErrorCode::OperationNotSupported, "this log is in memory and has no data directory");
        self.0.store.as_ref().ok_or_else(missing)
    }

    /// As [`EventLog::store`], for those who work in it.
    #[cfg(feature = "server")]
    pub(super) fn disk(&self) -> Result<&Store, Problem> {
        self.store().map_err(|error| Problem::damage(error.to_string()))
    }

    /// The log's identity. Random, made with the database, or when the log was replaced, restored or went back in time.
    #[must_use]
    pub fn id(&self) -> Arc<str> {
        Arc::clone(&self.0.id.read())
    }

    /// What fails at present.
    #[cfg(feature = "server")]
    #[must_use]
    pub fn faults(&self) -> &Faults {
        /// Memory does not fail.
        static NONE: std::sync::LazyLock<Faults> = std::sync::LazyLock::new(Faults::default);
        self.0.store.as_ref().map_or(&*NONE, Store::faults)
    }

    /// Why the data directory does not work at present, if it does not.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        #[cfg(feature = "server")]
        return self.faults().reason();
        #[cfg(not(feature = "server"))]
        None
    }

    /// Identity, beginning and end, as they belong together; of a replica also what is known of the whole log.
    #[must_use]
    pub fn state(&self) -> LogState {
        let id = self.0.id.read();
        // The head last: it is never below the beginning that was read before it.
        let first = self.first();
        #[cfg(feature = "server")]
        let replica = self.0.whole.get().map(|whole| whole.known(&id));
        #[cfg(not(feature = "server"))]
        let replica = None;
        LogState { id: Arc::clone(&id), first, head: self.head(), replica }
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

    /// Tells when the head moves, or the log is replaced.
    #[must_use]
    pub fn watch_head(&self) -> watch::Receiver<u64> {
        self.0.head.subscribe()
    }

    /// The next page for a reader of the log as it is now; see [`EventLog::read_of`].
    ///
    /// # Errors
    /// As [`EventLog::read_of`].
    pub async fn read(&self, query: ReadQuery) -> Result<ReadPage, Error> {
        self.read_of(self.id(), query).await
    }

    /// The next page for a reader whose position is one of the log with this id. It looks at a bounded number of events, so a
    /// filtered reader may get an empty page whose `through` moved; when `through` stays at `after`, there is nothing more
    /// within the bound of the query.
    ///
    /// # Errors
    /// `cursorTooOld` when events after the position are gone, `logChanged` when the log is another one by now,
    /// `databaseError` when the disk cannot be read.
    pub async fn read_of(&self, id: Arc<str>, query: ReadQuery) -> Result<ReadPage, Error> {
        self.read_counted(id, query).await.map(|(page, _)| page)
    }

    /// As [`EventLog::read_of`], with the number of rows on disk that were looked at; 0 for a page from memory.
    ///
    /// # Errors
    /// As [`EventLog::read_of`].
    pub async fn read_counted(&self, id: Arc<str>, query: ReadQuery) -> Result<(ReadPage, usize), Error> {
        let bound = {
            let _same = self.same(&id)?;
            self.check_held(query.after)?;
            let bound = query.through.min(self.head());
            if query.after >= bound || query.max_events == 0 {
                return Ok((ReadPage { through: query.after, events: Vec::new() }, 0));
            }
            let page = self.0.tail.lock().read(&query, bound, SCAN_ROWS);
            if let Some(page) = page {
                #[cfg(feature = "server")]
                if let Some(store) = &self.0.store {
                    store.metrics().read_from_memory();
                }
                return Ok((page, 0));
            }
            bound
        };
        self.read_from_disk(id, query, bound).await
    }

    /// Nothing is anywhere but in memory.
    #[cfg(not(feature = "server"))]
    async fn read_from_disk(&self, _: Arc<str>, _: ReadQuery, _: u64) -> Result<(ReadPage, usize), Error> {
        Err(Error::new(ErrorCode::InternalError, "the log has lost its beginning"))
    }

    #[cfg(feature = "server")]
    async fn read_from_disk(&self, id: Arc<str>, query: ReadQuery, bound: u64) -> Result<(ReadPage, usize), Error> {
        let started = Instant::now();
        let log = self.clone();
        let read = move |connection: &Connection| {
            // Held while the disk is read: a log that is replaced waits for its readers.
            let _same = match log.same(&id) {
                Ok(same) => same,
                Err(error) => return Ok(Err(error)),
            };
            // A replica may have gone back since: what it does not hold now is no silence, and no damage.
            let bound = bound.min(log.head());
            if query.after >= bound {
                return Ok(Ok((ReadPage { through: query.after, events: Vec::new() }, 0)));
            }
            let page = read::page(connection, &query, bound, SCAN_ROWS);
            // Looked at again: rows may have been dropped while they were read, and a hole must never pass for silence, nor
            // for damage.
            if let Err(error) = log.check_held(query.after) {
                return Ok(Err(error));
            }
            page.map(Ok)
        };
        let store = self.store()?;
        let page = store.read(read).await?;
        store.metrics().read_from_disk(started.elapsed());
        page
    }

    /// All events in `after < sequence <= through` of the log with this id, when they are few and in memory.
    #[must_use]
    pub fn recent(&self, id: &Arc<str>, after: u64, through: u64) -> Option<Vec<Arc<LoggedEvent>>> {
        let _same = self.same(id).ok()?;
        self.0.tail.lock().recent(after, through, RECENT)
    }

    /// Whether it is still the log with this id.
    ///
    /// # Errors
    /// `logChanged` when it is another one.
    pub fn check_id(&self, id: &Arc<str>) -> Result<(), Error> {
        self.same(id).map(drop)
    }

    /// The head has moved to `head`.
    #[cfg(feature = "server")]
    pub(super) fn note_written(&self, head: u64) {
        if let Some(whole) = self.0.whole.get() {
            whole.learn(&self.id(), Replica { written: head, announced: 0 });
        }
    }

    /// Keeps the log from being replaced while the guard lives.
    pub(super) fn same(&self, id: &Arc<str>) -> Result<RwLockReadGuard<'_, Arc<str>>, Error> {
        let current = self.0.id.read();
        if *current == *id {
            return Ok(current);
        }
        Err(log_changed(&current, id))
    }

    fn check_held(&self, after: u64) -> Result<(), Error> {
        let first = self.first();
        if after >= first { Ok(()) } else { Err(cursor_too_old(first, self.head())) }
    }
}

#[cfg(feature = "server")]
pub(super) fn stopped() -> Error {
    Error::new(ErrorCode::InternalError, "the work on the event log was stopped")
}
