//! Connections to the database.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

/// How long one connection waits for another of the same process before it gives up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes that the write-ahead log keeps once everything in it lies in the database.
const WAL_BYTES: i64 = 16 * 1024 * 1024;

/// A connection that may write. Commits are on the disk before they return.
pub(crate) fn open_writer(database: &Path) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open(database)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // FULL, not NORMAL: in WAL mode only FULL waits for the disk at every commit, which is what an answer promises.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // A long read keeps the file beside the database growing; afterwards it is cut to this.
    connection.pragma_update(None, "journal_size_limit", WAL_BYTES)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

/// A connection that only reads, with every file it needs open.
pub(crate) fn open_reader(database: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.query_row("SELECT count(*) FROM meta", [], |_| Ok(()))?;
    Ok(connection)
}
