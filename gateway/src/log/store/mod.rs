//! The data directory: one SQLite database, owned by one process at a time. It may use `base`,
//! and counts in `metrics`.

pub(crate) mod blob;
#[cfg(test)]
mod blob_tests;
mod checksum;
mod connection;
mod directory;
mod error;
mod faults;
pub(crate) mod layout;
pub(crate) mod mark;
pub(crate) mod meta;
#[cfg(test)]
mod migration_tests;
mod owner;
mod pool;
pub(crate) mod problem;
mod room;
pub(crate) mod seen;
pub(crate) mod verify;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use im_chats_protocol::error::{Error, ErrorCode};
use parking_lot::{FairMutex, FairMutexGuard, Mutex};
use rusqlite::Connection;

use crate::base::log_throttle::LogThrottle;
use crate::base::private;
use crate::metrics::Metrics;
pub(crate) use connection::open_reader;
use connection::open_writer;
use directory::BESIDE_DATABASE;
pub(crate) use directory::{DATABASE, LOCK, UNFINISHED, lock};
pub use error::StoreError;
pub use faults::{Faults, Operation};
use layout::Unusable;
use mark::{Mark, MarkFile};
use meta::{Key, Meta};
pub use owner::Owner;
use pool::Pool;
use problem::Problem;
use room::Room;
pub use room::RoomArgs;

/// Up to this size the file's structure is checked as a whole at every start; beyond, each page when it is read. Every
/// row's checksum is verified whenever it is read, whatever the size.
const QUICK_CHECK_BYTES: u64 = 32 * 1024 * 1024;

/// How often a failing disk is tried again, so that it is noticed when it works and nobody asks for anything.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);

/// How long a probe waits after the last failed access that was not a probe. A probe is small, and succeeds where what others
/// write does not.
const PROBE_PAUSE: Duration = Duration::from_secs(3);

/// An open data directory. The lock is held until the last clone is gone; the operating system lets go of it when the
/// process dies, however it dies.
#[derive(Debug, Clone)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    directory: PathBuf,
    database: PathBuf,
    pool: Pool,
    faults: Faults,
    metrics: Metrics,
    mark: MarkFile,
    room: Room,
    /// Whose turn it is to write. SQLite has no order among those that wait, and they wait asleep.
    turn: FairMutex<()>,
    /// What the mark said at the start, until the log has looked at it.
    marked: Mutex<Option<Mark>>,
    _lock: File,
}

/// What was written lies in the one file afterwards, and no file is left beside it. The last connection to close sees to
/// that, unless it is one that only reads.
impl Drop for Inner {
    fn drop(&mut self) {
        self.pool.close();
        drop(open_writer(&self.database));
    }
}

impl Store {
    /// Opens `directory`, creating it and its database where absent, without a limit to its size.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        Self::open_with(directory, &RoomArgs { max_data_bytes: None, min_free_bytes: 0 }, Metrics::default())
    }

    /// As [`Store::open`], within limits; what is written and read is counted in `metrics`.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn open_with(directory: &Path, room: &RoomArgs, metrics: Metrics) -> Result<Self, StoreError> {
        let io = |source| StoreError::Directory { path: directory.to_owned(), source };
        let lock = lock(directory)?;
        if directory.join(UNFINISHED).exists() {
            return Err(StoreError::Unfinished(directory.to_owned()));
        }
        let database = directory.join(DATABASE);
        // SQLite gives the files beside the database the mode of the database, so it must be right before SQLite sees it.
        drop(private::file(&database).map_err(io)?);
        for suffix in BESIDE_DATABASE {
            private::tighten(&directory.join(format!("{DATABASE}{suffix}"))).map_err(io)?;
        }
        private::tighten(&directory.join(mark::FILE)).map_err(io)?;
        prepare(&database).map_err(|unusable| unusable.at(directory, &database))?;
        let pool = Pool::open(&database).map_err(|error| Unusable::from(error).at(directory, &database))?;
        let (mark, marked) = MarkFile::open(directory).map_err(io)?;
        Ok(Self(Arc::new(Inner {
            directory: directory.to_owned(),
            room: Room::new(directory, &database, room),
            database,
            pool,
            faults: Faults::default(),
            metrics,
            mark,
            turn: FairMutex::new(()),
            marked: Mutex::new(marked),
            _lock: lock,
        })))
    }

    /// Makes the directory `owner`'s, if it is nobody's yet.
    ///
    /// # Errors
    /// When it is somebody else's, or cannot be written.
    pub fn claim(&self, owner: Owner) -> Result<(), StoreError> {
        let claimed = self.writer().map_err(Problem::from).and_then(|connection| claim(&connection, owner));
        let found = claimed.map_err(|problem| self.unusable(problem))?;
        if found == owner.name() {
            return Ok(());
        }
        Err(StoreError::OtherOwner { path: self.directory().to_owned(), found, wanted: owner.name() })
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.0.directory
    }

    /// What fails at present.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.0.faults
    }

    /// Where the log counts what it does.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// A connection that may write. Commits are on the disk before they return.
    ///
    /// # Errors
    /// When the database cannot be opened.
    pub fn writer(&self) -> Result<Connection, rusqlite::Error> {
        open_writer(&self.0.database)
    }

    /// A connection that only reads, beside the shared ones; it never waits for a writer, nor a writer for it.
    ///
    /// # Errors
    /// When the database cannot be opened.
    pub fn reader(&self) -> Result<Connection, rusqlite::Error> {
        open_reader(&self.0.database)
    }

    /// Reads with one of the shared connections, where blocking is allowed. Waits for one to be free; who gives up the
    /// future gives up the place.
    pub(crate) async fn read<T, F>(&self, work: F) -> Result<T, Error>
    where
        F: FnOnce(&Connection) -> Result<T, Problem> + Send + 'static,
        T: Send + 'static,
    {
        let stopped = || Error::new(ErrorCode::InternalError, "the read was stopped");
        let place = self.0.pool.place().await.ok_or_else(stopped)?;
        let store = self.clone();
        let read = move || match store.0.pool.work(&store.0.database, place, work) {
            Ok(value) => {
                store.succeeded(Operation::Read);
                Ok(value)
            }
            Err(problem) => Err(store.failed(Operation::Read, &problem)),
        };
        tokio::task::spawn_blocking(read).await.map_err(|_| stopped())?
    }

    /// Notes a failure for health and log; gives what the caller gets.
    pub(crate) fn failed(&self, operation: Operation, problem: &Problem) -> Error {
        if self.0.faults.failed(operation, problem) {
            let store = Arc::downgrade(&self.0);
            // Without the thread, the next success of somebody's ends the episode.
            let _ = std::thread::Builder::new().name("disk-probe".to_owned()).spawn(move || probe(&store));
        }
        problem.to_error()
    }

    /// Notes a success.
    pub(crate) fn succeeded(&self, operation: Operation) {
        self.0.faults.succeeded(operation);
    }

    /// Waits for the turn to write. Everyone who writes beside others takes it, for one short transaction: first come, first
    /// served, and without the sleep of who finds the database locked.
    pub(crate) fn turn(&self) -> FairMutexGuard<'_, ()> {
        self.0.turn.lock()
    }

    /// The limits of what may be written.
    pub(crate) fn room(&self) -> &Room {
        &self.0.room
    }

    /// Fails when the database's file was deleted or moved away: SQLite would go on writing into a file that has no name, and
    /// all of it would be gone with the process.
    pub(crate) fn check_present(&self) -> Result<(), Problem> {
        match std::fs::metadata(&self.0.database) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(Problem::damage("the database's file was deleted while the gateway ran"))
            }
            _ => Ok(()),
        }
    }

    /// Writes the mark; call it after the commit.
    pub(crate) fn mark(&self, mark: Mark) {
        static FAILED: LogThrottle = LogThrottle::per_minute();
        if let Err(error) = self.0.mark.write(mark)
            && let Some(repeated) = FAILED.hit()
        {
            tracing::warn!(%error, repeated, "the mark beside the database cannot be written");
        }
    }

    /// What the mark said when the directory was opened.
    pub(crate) fn take_mark(&self) -> Option<Mark> {
        self.0.marked.lock().take()
    }

    /// Turns a problem into the reason why this directory cannot be used.
    pub(crate) fn unusable(&self, problem: impl Into<Problem>) -> StoreError {
        Unusable::Problem(problem.into()).at(&self.0.directory, &self.0.database)
    }

    /// This directory's data is not what was written.
    #[must_use]
    pub fn damaged(&self, reason: impl std::fmt::Display) -> StoreError {
        StoreError::Damaged { path: self.0.directory.clone(), reason: reason.to_string() }
    }
}

/// Tries a failing disk until it works or nobody needs it any more.
fn probe(store: &Weak<Inner>) {
    loop {
        std::thread::sleep(PROBE_INTERVAL);
        let Some(inner) = store.upgrade() else { return };
        let faults = &inner.faults;
        let writes = || inner.room.has_some(&inner.database) && try_write(&inner).is_ok();
        if faults.rests(Operation::Write, PROBE_PAUSE) && writes() {
            faults.succeeded(Operation::Write);
        }
        if faults.rests(Operation::Read, PROBE_PAUSE) && open_reader(&inner.database).is_ok() {
            faults.succeeded(Operation::Read);
        }
        if !faults.fails(Operation::Write) && !faults.fails(Operation::Read) {
            return;
        }
    }
}

/// Writes what is there already.
fn try_write(inner: &Inner) -> Result<(), rusqlite::Error> {
    let mut connection = open_writer(&inner.database)?;
    let _turn = inner.turn.lock();
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    transaction.execute("UPDATE meta SET value = value", [])?;
    transaction.commit()
}

fn prepare(database: &Path) -> Result<(), Unusable> {
    let mut connection = open_writer(database)?;
    let found = layout::found(&connection)?;
    let size = std::fs::metadata(database).map_or(0, |file| file.len());
    if found == layout::VERSION && size <= QUICK_CHECK_BYTES {
        layout::quick_check(&connection)?;
    }
    Ok(layout::lay_out(&mut connection, found)?)
}

/// Who owns the database, after `owner` has asked to.
fn claim(connection: &Connection, owner: Owner) -> Result<String, Problem> {
    if let Some(known) = Meta::read(connection)?.owner {
        return Ok(known);
    }
    // A directory from before owners were written down is the emulator's: there was nothing else.
    let used: bool = connection.query_row("SELECT EXISTS (SELECT 1 FROM journal)", [], |row| row.get(0))?;
    let owner = if used { Owner::Emulator } else { owner };
    meta::set(connection, Key::Owner, owner.name())?;
    Ok(owner.name().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_owner_is_refused_and_the_next_one_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let first = Store::open(directory.path()).unwrap();
        let second = Store::open(directory.path()).unwrap_err();
        assert!(matches!(second, StoreError::InUse(_)), "{second}");
        drop(first);
        Store::open(directory.path()).unwrap();
    }

    #[test]
    fn a_directory_is_the_relays_or_the_emulators() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        store.claim(Owner::Relay).unwrap();
        store.claim(Owner::Relay).unwrap();
        let error = store.claim(Owner::Emulator).unwrap_err().to_string();
        assert!(error.contains("belongs to the relay") && error.contains("--data"), "{error}");
    }

    #[test]
    fn a_newer_layout_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        store.writer().unwrap().pragma_update(None, "user_version", layout::VERSION + 1).unwrap();
        drop(store);
        assert!(matches!(Store::open(directory.path()), Err(StoreError::TooNew { .. })));
    }
}
