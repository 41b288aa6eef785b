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

/// Most bytes of the write-ahead log with which a write without new pages goes through although space is short.
const MOST_AHEAD_BYTES: u64 = 8 * 1024 * 1024;

/// Least bytes of freed pages with which such a write goes through: a few of them are always there.
const FREED_BYTES: u64 = 1024 * 1024;

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
    /// What the database takes; absent where nobody asks for it.
    size: Option<Size>,
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
        Ok(Before { size: if asks { Some(size(transaction)?) } else { None }, is_short })
    }

    /// Fails when what the transaction has written is too much; call it before the commit. A transaction after which less room
    /// is in use than before goes through: it is the way out. Whether there was room without that.
    pub(crate) fn check(&self, transaction: &Connection, before: Before) -> Result<bool, Problem> {
        let Some(before_it) = before.size else { return Ok(true) };
        let after = size(transaction)?;
        // Until the next checkpoint, what is new lies in the write-ahead log.
        let to_come = after.used.saturating_sub(before_it.used).saturating_add(CHANGED_BYTES);
        // Pages that were freed take no space of the file system, and the log of changes is soon written over.
        let freed = before_it.file.saturating_sub(before_it.used) >= FREED_BYTES;
        let fits_in = freed && after.file <= before_it.file && self.write_ahead_bytes() <= MOST_AHEAD_BYTES;
        let judgement =
            if before.is_short && !fits_in { Err(self.too_little_space()) } else { self.within(after.used, to_come) };
        if judgement.is_err() && after.used < before_it.used {
            return Ok(false);
        }
        judgement.map(|()| true)
    }

    /// Whether there is room for anything.
    pub(crate) fn has_some(&self, database: &Path) -> bool {
        let size = || open_reader(database).map_err(Problem::from).and_then(|connection| size(&connection));
        let judge =
            || self.limits.max_data_bytes.is_none() || size().and_then(|size| self.within(size.used, CHANGED_BYTES)).is_ok();
        // While every commit is refused, none of them brings the write-ahead log back to the database.
        let cut = || {
            Connection::open(database)
                .and_then(|connection| connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())))
                .is_ok()
        };
        !self.is_short() && (judge() || (cut() && judge()))
    }

    fn write_ahead_bytes(&self) -> u64 {
        std::fs::metadata(&self.write_ahead_log).map_or(0, |file| file.len())
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
        if used.saturating_add(self.write_ahead_bytes()).saturating_add(to_come) <= limit {
            return Ok(());
        }
        Err(Problem::NoRoom { flag: "--max-data-bytes", what: "the data directory is full", limit })
    }
}

/// What a database takes, in bytes.
#[derive(Debug, Clone, Copy)]
struct Size {
    /// Pages that hold something: those that were freed are written again before the file grows.
    used: u64,
    /// All pages.
    file: u64,
}

fn size(connection: &Connection) -> Result<Size, Problem> {
    let number = |name: &str| -> Result<u64, Problem> {
        let number: i64 = connection.pragma_query_value(None, name, |row| row.get(0))?;
        Ok(u64::try_from(number).unwrap_or(0))
    };
    let (pages, free, bytes) = (number("page_count")?, number("freelist_count")?, number("page_size")?);
    Ok(Size { used: pages.saturating_sub(free).saturating_mul(bytes), file: pages.saturating_mul(bytes) })
}
