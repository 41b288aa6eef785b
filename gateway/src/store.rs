//! The data directory: one SQLite database, owned by one process at a time.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use crate::private;

/// The layout this version writes; a database with a higher number was written by a newer version and is left alone.
const SCHEMA_VERSION: i64 = 2;

/// How long one connection waits for another of the same process before it gives up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The file whose lock says that a process has the directory.
const LOCK: &str = "lock";

/// The database's file.
const DATABASE: &str = "gateway.sqlite3";

/// What SQLite appends to its name for the files that it keeps beside it.
const BESIDE_DATABASE: [&str; 3] = ["-wal", "-shm", "-journal"];

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (sequence INTEGER PRIMARY KEY, kind INTEGER NOT NULL, chat TEXT NOT NULL, json TEXT NOT NULL, proto BLOB);
CREATE TABLE IF NOT EXISTS journal (id INTEGER PRIMARY KEY, entry TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS backgrounds (chat TEXT PRIMARY KEY, mime TEXT NOT NULL, data BLOB NOT NULL);
";

/// From one layout to the next, for a database that an earlier version made: the first entry leads from layout 1 to 2.
const MIGRATIONS: [&str; 1] = ["ALTER TABLE events ADD COLUMN proto BLOB;"];

/// Who writes a data directory: the two keep different things in it, and neither can go on from the other's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// The emulator.
    Emulator,
    /// The relay.
    Relay,
}

impl Owner {
    /// The subcommand's name, which is also what the database says.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Emulator => "emulator",
            Self::Relay => "relay",
        }
    }
}

/// Why a data directory cannot be used. Each is a sentence for the person who started the process.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has it.
    #[error(
        "the data directory {0} is in use by another im-chats-gateway process; stop that one, or give this one its own with --data"
    )]
    InUse(PathBuf),
    /// The directory or its lock file cannot be created or opened.
    #[error("the data directory {path} cannot be used: {source}")]
    Directory {
        /// Which.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A newer version wrote it.
    #[error("the data directory {path} was written by a newer version (layout {found}, this version knows {SCHEMA_VERSION})")]
    TooNew {
        /// Which.
        path: PathBuf,
        /// The layout found there.
        found: i64,
    },
    /// The other subcommand wrote it.
    #[error("the data directory {path} belongs to the {found}; give the {wanted} its own with --data")]
    OtherOwner {
        /// Which.
        path: PathBuf,
        /// Who wrote it.
        found: String,
        /// Who was to.
        wanted: &'static str,
    },
    /// The database is damaged or unreadable.
    #[error("the database in {path} cannot be read: {reason}")]
    Database {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// An open data directory. The lock is held until the last clone is gone; the operating system lets go of it when the
/// process dies, however it dies.
#[derive(Debug, Clone)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    directory: PathBuf,
    database: PathBuf,
    _lock: File,
}

impl Store {
    /// Opens `directory`, creating it and its database where absent.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        let io = |source| StoreError::Directory { path: directory.to_owned(), source };
        private::directory(directory, is_ours).map_err(io)?;
        let lock = private::file(&directory.join(LOCK)).map_err(io)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse(directory.to_owned())),
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
        let database = directory.join(DATABASE);
        // SQLite gives the files beside the database the mode of the database, so it must be right before SQLite sees it.
        drop(private::file(&database).map_err(io)?);
        for suffix in BESIDE_DATABASE {
            private::tighten(&directory.join(format!("{DATABASE}{suffix}"))).map_err(io)?;
        }
        prepare(directory, &database)?;
        Ok(Self(Arc::new(Inner { directory: directory.to_owned(), database, _lock: lock })))
    }

    /// Makes the directory `owner`'s, if it is nobody's yet.
    ///
    /// # Errors
    /// When it is somebody else's, or cannot be written.
    pub fn claim(&self, owner: Owner) -> Result<(), StoreError> {
        let connection = self.writer().map_err(|error| self.damaged(error))?;
        let found = claim(&connection, owner).map_err(|error| self.damaged(error))?;
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

    /// A connection that may write. Commits are on the disk before they return.
    ///
    /// # Errors
    /// When the database cannot be opened.
    pub fn writer(&self) -> Result<Connection, rusqlite::Error> {
        open_writer(&self.0.database)
    }

    /// A connection that only reads; it never waits for a writer, nor a writer for it.
    ///
    /// # Errors
    /// When the database cannot be opened.
    pub fn reader(&self) -> Result<Connection, rusqlite::Error> {
        let connection =
            Connection::open_with_flags(&self.0.database, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        Ok(connection)
    }

    /// Turns a database failure into one that names this directory.
    #[must_use]
    pub fn damaged(&self, reason: impl std::fmt::Display) -> StoreError {
        StoreError::Database { path: self.0.directory.clone(), reason: reason.to_string() }
    }
}

/// Whether an entry of a data directory is the gateway's, or of the file system itself.
fn is_ours(name: &str) -> bool {
    name == LOCK || name == "lost+found" || name.starts_with(DATABASE)
}

fn open_writer(database: &Path) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open(database)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // FULL, not NORMAL: in WAL mode only FULL waits for the disk at every commit, which is what an answer promises.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

fn prepare(directory: &Path, database: &Path) -> Result<(), StoreError> {
    let failed = |error: rusqlite::Error| StoreError::Database { path: directory.to_owned(), reason: error.to_string() };
    let mut connection = open_writer(database).map_err(failed)?;
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed)?;
    if found > SCHEMA_VERSION {
        return Err(StoreError::TooNew { path: directory.to_owned(), found });
    }
    lay_out(&mut connection, found).map_err(failed)
}

/// Brings a database of layout `found` (0: it is new) to the present one, whole or not at all.
fn lay_out(connection: &mut Connection, found: i64) -> Result<(), rusqlite::Error> {
    let transaction = connection.transaction()?;
    if let Ok(from) = usize::try_from(found.saturating_sub(1))
        && found > 0
    {
        for migration in MIGRATIONS.iter().skip(from) {
            transaction.execute_batch(migration)?;
        }
    }
    transaction.execute_batch(SCHEMA)?;
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    let fresh = uuid::Uuid::new_v4().simple().to_string();
    transaction.execute("INSERT OR IGNORE INTO meta (key, value) VALUES ('log_id', ?1)", params![fresh])?;
    transaction.commit()
}

/// Who owns the database, after `owner` has asked to.
fn claim(connection: &Connection, owner: Owner) -> Result<String, rusqlite::Error> {
    let known: Option<String> =
        connection.query_row("SELECT value FROM meta WHERE key = 'owner'", [], |row| row.get(0)).optional()?;
    if let Some(known) = known {
        return Ok(known);
    }
    // A directory from before owners were written down is the emulator's: there was nothing else.
    let used: bool = connection.query_row("SELECT EXISTS (SELECT 1 FROM journal)", [], |row| row.get(0))?;
    let owner = if used { Owner::Emulator } else { owner };
    connection.execute("INSERT INTO meta (key, value) VALUES ('owner', ?1)", params![owner.name()])?;
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
    fn a_database_of_the_first_layout_is_brought_up_and_keeps_what_it_has() {
        let directory = tempfile::tempdir().unwrap();
        let old = Connection::open(directory.path().join("gateway.sqlite3")).unwrap();
        old.execute_batch(
            "CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
             CREATE TABLE events (sequence INTEGER PRIMARY KEY, kind INTEGER NOT NULL, chat TEXT NOT NULL, json TEXT NOT NULL);
             CREATE TABLE journal (id INTEGER PRIMARY KEY, entry TEXT NOT NULL);
             CREATE TABLE backgrounds (chat TEXT PRIMARY KEY, mime TEXT NOT NULL, data BLOB NOT NULL);
             INSERT INTO meta VALUES ('log_id', 'the old one');
             INSERT INTO events VALUES (7, 0, 'any;-;a', '{}');
             INSERT INTO journal VALUES (1, 'an entry');
             PRAGMA user_version = 1;",
        )
        .unwrap();
        drop(old);
        for _ in 0..2 {
            let store = Store::open(directory.path()).unwrap();
            let (log, _) = crate::log::open(&store).unwrap();
            assert_eq!((&*log.id(), log.head()), ("the old one", 7));
        }
        let store = Store::open(directory.path()).unwrap();
        assert!(matches!(store.claim(Owner::Relay), Err(StoreError::OtherOwner { .. })));
        store.claim(Owner::Emulator).unwrap();
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
        store.writer().unwrap().pragma_update(None, "user_version", SCHEMA_VERSION + 1).unwrap();
        drop(store);
        assert!(matches!(Store::open(directory.path()), Err(StoreError::TooNew { .. })));
    }
}
