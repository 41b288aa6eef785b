//! Backgrounds on their way out: read from disk piece by piece, as fast as the client takes them.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, stream};
use im_chats_protocol::error::{Error, ErrorCode};
use rusqlite::{Connection, MAIN_DB, OptionalExtension as _};
use tokio::time::Instant;

use super::{Emulator, database_failed};
use crate::log::store::checksum::Checksum;
use crate::log::store::layout::background_checksum_of_pieces;
use crate::log::store::problem::Problem;
use crate::log::store::{Operation, Store};
use im_chats_emulator::Command;

/// What is read at once, and so what a client that takes nothing makes the gateway hold.
const PIECE: usize = 512 * 1024;

/// How long an answer may take: while it does, the database keeps what it was before later writes.
const LONGEST: Duration = Duration::from_secs(300);

/// Pages that a connection keeps in memory, in KiB: every page of a background is read once.
const CACHE_KIB: i64 = 64;

/// How often a background that is not where it should be is looked for again, while others come and go.
const ATTEMPTS: u32 = 3;

/// A chat's background as it was at one moment, whatever is written meanwhile.
#[derive(Debug)]
pub(crate) struct Background {
    pub(crate) mime: String,
    /// Its size in bytes.
    pub(crate) length: usize,
    store: Store,
    snapshot: Snapshot,
}

/// A connection inside a read transaction.
#[derive(Debug)]
struct Snapshot {
    connection: Connection,
    row: i64,
    /// What is left to be read, from `at` on.
    left: usize,
    at: usize,
    /// Of what was read, and what it must be in the end.
    sum: Checksum,
    expected: i64,
}

impl Emulator {
    /// A chat's background; `None` when it has none.
    ///
    /// # Errors
    /// `chatNotFound`, or `databaseError` when the disk fails or what it holds is not what was written.
    pub(crate) async fn background(&self, guid: &str) -> Result<Option<Background>, Error> {
        let store = &self.0.store;
        for attempt in 0.. {
            if self.0.view.read().existing(guid)?.background.is_none() {
                return Ok(None);
            }
            let (source, chat) = (store.clone(), guid.to_owned());
            let opened = tokio::task::spawn_blocking(move || open(source, &chat)).await.map_err(database_failed)?;
            let found = opened.map_err(|problem| store.failed(Operation::Read, &problem))?;
            if found.is_some() {
                store.succeeded(Operation::Read);
                return Ok(found);
            }
            if attempt == ATTEMPTS {
                break;
            }
            // It may have been removed meanwhile, on disk already and in the view not yet: the writer's next answer comes
            // after both.
            self.execute(Command::Touch { chat: guid.to_owned() }, None, None).await?;
        }
        Err(store.failed(Operation::Read, &Problem::damage("a background is missing")))
    }
}

/// Finds a background and reads it once, so that nothing of a damaged one is sent.
fn open(store: Store, chat: &str) -> Result<Option<Background>, Problem> {
    let connection = store.reader()?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.execute_batch("BEGIN")?;
    let found: Option<(i64, String, i64, i64)> = connection
        .query_row("SELECT rowid, mime, length(data), sum FROM backgrounds WHERE chat = ?1", [chat], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .optional()?;
    let Some((row, mime, size, expected)) = found else { return Ok(None) };
    let length = usize::try_from(size).unwrap_or(0);
    let begin = background_checksum_of_pieces(chat, &mime, size);
    if checksum(&connection, row, begin.clone())? != expected {
        return Err(Problem::damage("a background is not what was written"));
    }
    let snapshot = Snapshot { connection, row, left: length, at: 0, sum: begin, expected };
    Ok(Some(Background { mime, length, store, snapshot }))
}

fn checksum(connection: &Connection, row: i64, mut sum: Checksum) -> Result<i64, Problem> {
    let blob = connection.blob_open(MAIN_DB, "backgrounds", "data", row, true)?;
    let mut piece = vec![0; PIECE];
    let mut at = 0;
    loop {
        let read = blob.read_at(&mut piece, at)?;
        if read == 0 {
            return Ok(sum.finish());
        }
        sum = sum.bytes(piece.get(..read).unwrap_or_default());
        at = at.saturating_add(read);
    }
}

impl Background {
    /// The bytes, piece by piece. `place` is whatever must be held until the last of them.
    pub(crate) fn into_pieces<P: Send + 'static>(self, place: P) -> impl Stream<Item = Result<Bytes, Error>> + Send + 'static {
        let end = Instant::now() + LONGEST;
        let Self { store, snapshot, .. } = self;
        stream::try_unfold((snapshot, store, place), move |(snapshot, store, place)| async move {
            if snapshot.left == 0 {
                return Ok(None);
            }
            if Instant::now() >= end {
                return Err(Error::new(ErrorCode::Timeout, "the background was not taken in time"));
            }
            let read = tokio::task::spawn_blocking(move || snapshot.read()).await.map_err(database_failed)?;
            let (piece, snapshot) = read.map_err(|problem| store.failed(Operation::Read, &problem))?;
            Ok(Some((piece, (snapshot, store, place))))
        })
    }
}

impl Snapshot {
    /// The next piece. The last one is given only when all of them together are what was written.
    fn read(mut self) -> Result<(Bytes, Self), Problem> {
        let size = self.left.min(PIECE);
        let mut piece = vec![0; size];
        self.connection.blob_open(MAIN_DB, "backgrounds", "data", self.row, true)?.read_at_exact(&mut piece, self.at)?;
        self.at = self.at.saturating_add(size);
        self.left = self.left.saturating_sub(size);
        self.sum = self.sum.bytes(&piece);
        if self.left == 0 && self.sum.clone().finish() != self.expected {
            return Err(Problem::damage("a background is not what was written"));
        }
        Ok((piece.into(), self))
    }
}
