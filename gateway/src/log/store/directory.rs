//! The data directory: the names in it, and its lock.

use std::fs::{File, TryLockError};
use std::path::Path;

use super::error::StoreError;
use super::mark;
use crate::base::private;

/// The file whose lock says that a process has the directory.
pub(crate) const LOCK: &str = "lock";

/// The database's file in the data directory.
pub(crate) const DATABASE: &str = "gateway.sqlite3";

/// What SQLite appends to its name for the files that it keeps beside it.
pub(super) const BESIDE_DATABASE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// What a restore writes before it is finished.
pub(crate) const UNFINISHED: &str = "gateway.sqlite3.restoring";

/// Creates the directory where absent, and takes its lock.
pub(crate) fn lock(directory: &Path) -> Result<File, StoreError> {
    let io = |source| StoreError::Directory { path: directory.to_owned(), source };
    private::directory(directory, is_ours).map_err(io)?;
    let lock = private::file(&directory.join(LOCK)).map_err(io)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(directory.to_owned())),
        Err(TryLockError::Error(source)) => Err(io(source)),
    }
}

/// Whether an entry of a data directory is the gateway's, or of the file system itself.
fn is_ours(name: &str) -> bool {
    name == LOCK
        || name == mark::FILE
        || name == "lost+found"
        || name == private::TLS
        || name.starts_with(DATABASE)
        || name.starts_with(private::TOKEN_KEY)
}
