//! How much may be written: the operator's limit to the data directory, and what must stay free around it.

use std::path::{Path, PathBuf};

use clap::Args;
use rusqlite::Connection;

use super::connection::open_reader;
use super::problem::Problem;

/// Least that `--max-data-bytes` takes: the files beside the database alone have a few MiB.
const LEAST_DATA_BYTES: u64 = 16 * 1024 * 1024;

/// What a commit may add to the write-ahead log beside the pages that are new: pages that change.
const CHANGED_BYTES: u64 = 64 * 1024;

/// Options of what the data directory may take.
#[derive(Debug, Clone, Args)]
pub struct RoomArgs {
    /// Most bytes of the data directory. A write that would go beyond is refused, and reads go on. Absent = no limit.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(LEAST_DATA_BYTES..))]
    pub max_data_bytes: Option<u64>,

    /// Bytes of its file system that must stay free: with less, writes are refused before the disk is full. 0 = none.
    #[arg(long, value_name = "N", default_value_t = 64 * 1024 * 1024)]
    pub min_free_bytes: u64,
}

/// The limits of one data directory.
#[derive(Debug)]
pub(crate) struct Room {
    limits: RoomArgs,
    directory: PathBuf,
    write_ahead_log: PathBuf,
}

/// How it was at the beginning of a transaction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Before {
    /// Bytes of pages in use; absent where nobody asks for them.
    used: Option<u64>,
    /// The file system has too little space left.
    is_short: bool,
}

impl Room {
    pub(super) fn new(directory: &Path, database: &Path, limits: &RoomArgs) -> Self {
        let mut write_ahead_log = database.as_os_str().to_owned();
        write_ahead_log.push("-wal");
        Self { limits: limits.clone(), directory: directory.to_owned(), write_ahead_log: write_ahead_log.into() }
    }

    /// How it is at the beginning of a transaction.
    pub(crate) fn before(&self, transaction: &Connection) -> Result<Before, Problem> {
        let is_short = self.is_short();
        let asks = is_short || self.limits.max_data_bytes.is_some();
        Ok(Before { used: if asks { Some(used(transaction)?) } else { None }, is_short })
    }

    /// Fails when what the transaction has written is too much; call it before the commit. A transaction after which less room
    /// is in use than before goes through: it is the way out. Whether there was room without that.
    pub(crate) fn check(&self, transaction: &Connection, before: Before) -> Result<bool, Problem> {
        let Some(used_before) = before.used else { return Ok(true) };
        let after = used(transaction)?;
        // Until the next checkpoint, what is new lies in the write-ahead log.
        let to_come = after.saturating_sub(used_before).saturating_add(CHANGED_BYTES);
        let judgement = if before.is_short { Err(self.too_little_space()) } else { self.within(after, to_come) };
        if judgement.is_err() && after < used_before {
            return Ok(false);
        }
        judgement.map(|()| true)
    }

    /// Whether there is room for anything.
    pub(super) fn has_some(&self, database: &Path) -> bool {
        let used = || open_reader(database).map_err(Problem::from).and_then(|connection| used(&connection));
        !self.is_short()
            && (self.limits.max_data_bytes.is_none() || used().and_then(|used| self.within(used, CHANGED_BYTES)).is_ok())
    }

    /// One question to the system a commit: next to waiting for the disk, that is nothing. Where the system does not say, the
    /// file system says so itself, once it is full.
    fn is_short(&self) -> bool {
        let limit = self.limits.min_free_bytes;
        limit > 0 && fs4::available_space(&self.directory).is_ok_and(|free| free < limit)
    }

    const fn too_little_space(&self) -> Problem {
        let limit = self.limits.min_free_bytes;
        Problem::NoRoom { flag: "--min-free-bytes", what: "the file system has too little space left", limit }
    }

    fn within(&self, used: u64, to_come: u64) -> Result<(), Problem> {
        let Some(limit) = self.limits.max_data_bytes else { return Ok(()) };
        let beside = std::fs::metadata(&self.write_ahead_log).map_or(0, |file| file.len());
        if used.saturating_add(beside).saturating_add(to_come) <= limit {
            return Ok(());
        }
        Err(Problem::NoRoom { flag: "--max-data-bytes", what: "the data directory is full", limit })
    }
}

/// Bytes of the database that hold something: pages that were freed are written again before the file grows.
fn used(connection: &Connection) -> Result<u64, Problem> {
    let number = |name: &str| -> Result<u64, Problem> {
        let number: i64 = connection.pragma_query_value(None, name, |row| row.get(0))?;
        Ok(u64::try_from(number).unwrap_or(0))
    };
    let pages = number("page_count")?.saturating_sub(number("freelist_count")?);
    number("page_size").map(|size| pages.saturating_mul(size))
}
