//! Backgrounds, icons and files on their way out: read from disk piece by piece, as fast as the client takes them.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, stream};
use im_chats_emulator::{Command, State};
use im_chats_protocol::error::{Error, ErrorCode};
use rusqlite::Connection;
use tokio::time::Instant;

use super::{Beside, Emulator, database_failed};
use crate::log::store::blob::{self, Head, Kind};
use crate::log::store::problem::Problem;
use crate::log::store::{Operation, Store};

/// How long an answer may take, whatever its size: while it does, the database keeps what it was before later writes.
const LONGEST: Duration = Duration::from_secs(300);

/// Bytes for which it may take a second longer.
const SLOWEST: u64 = 64 * 1024;

/// Pages that a connection keeps in memory, in KiB: every page is read once.
const CACHE_KIB: i64 = 64;

/// How often bytes that are not where they should be are looked for again, while others come and go.
const ATTEMPTS: u32 = 3;

/// Bytes as they were at one moment, whatever is written meanwhile.
#[derive(Debug)]
pub(crate) struct Stored {
    /// The media type.
    pub(crate) mime: String,
    /// How many bytes there are.
    pub(crate) length: u64,
    store: Store,
    snapshot: Snapshot,
}

/// A connection inside a read transaction.
#[derive(Debug)]
struct Snapshot {
    connection: Connection,
    kind: Kind,
    owner: String,
    /// The next piece, and how many there are.
    next: i64,
    pieces: i64,
}

impl Emulator {
    /// A chat's background; `None` when it has none.
    ///
    /// # Errors
    /// `chatNotFound`, or `databaseError` when the disk fails or what it holds is not what was written.
    pub(crate) async fn background(&self, chat: &str) -> Result<Option<Stored>, Error> {
        self.stored(Kind::Background, chat, |state| Ok(state.existing(chat)?.background.is_some())).await
    }

    /// The bytes of `owner`; `None` when `has` says that there are none.
    pub(super) async fn stored<F>(&self, kind: Kind, owner: &str, has: F) -> Result<Option<Stored>, Error>
    where
        F: Fn(&State) -> Result<bool, Error>,
    {
        let store = &self.0.store;
        for attempt in 0.. {
            if !has(&self.0.view.read())? {
                return Ok(None);
            }
            let (source, name) = (store.clone(), owner.to_owned());
            let opened = tokio::task::spawn_blocking(move || open(source, kind, name)).await.map_err(database_failed)?;
            let found = opened.map_err(|problem| store.failed(Operation::Read, &problem))?;
            if found.is_some() {
                store.succeeded(Operation::Read);
                return Ok(found);
            }
            if attempt == ATTEMPTS {
                break;
            }
            // They may have been removed meanwhile, on disk already and in the view not yet: the writer's next answer comes
            // after both.
            let settle = Command::Touch { chat: owner.to_owned() };
            let _ = self.execute(settle, None, Beside::default()).await;
        }
        Err(store.failed(Operation::Read, &kind.of(owner).missing()))
    }
}

/// Finds the bytes and reads them once, so that nothing of damaged ones is sent.
fn open(store: Store, kind: Kind, owner: String) -> Result<Option<Stored>, Problem> {
    let connection = store.reader()?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.execute_batch("BEGIN")?;
    let Some(head) = blob::head(&connection, kind.of(&owner))? else { return Ok(None) };
    blob::check(&connection, kind.of(&owner), &head)?;
    let snapshot = Snapshot { connection, next: 0, pieces: head.pieces(), kind, owner };
    let Head { mime, length } = head;
    Ok(Some(Stored { mime, length, store, snapshot }))
}

impl Stored {
    /// The bytes, piece by piece. `place` is whatever must be held until the last of them.
    pub(crate) fn into_pieces<P: Send + 'static>(self, place: P) -> impl Stream<Item = Result<Bytes, Error>> + Send + 'static {
        let end = Instant::now() + LONGEST + Duration::from_secs(self.length / SLOWEST);
        let Self { store, snapshot, .. } = self;
        stream::try_unfold((snapshot, store, place), move |(snapshot, store, place)| async move {
            if snapshot.next == snapshot.pieces {
                return Ok(None);
            }
            if Instant::now() >= end {
                return Err(Error::new(ErrorCode::Timeout, "the bytes were not taken in time"));
            }
            let read = tokio::task::spawn_blocking(move || snapshot.read()).await.map_err(database_failed)?;
            let (piece, snapshot) = read.map_err(|problem| store.failed(Operation::Read, &problem))?;
            Ok(Some((piece, (snapshot, store, place))))
        })
    }
}

impl Snapshot {
    /// The next piece, which is what was written.
    fn read(mut self) -> Result<(Bytes, Self), Problem> {
        let piece = blob::piece(&self.connection, self.kind.of(&self.owner), self.next)?;
        self.next = self.next.saturating_add(1);
        Ok((piece.into(), self))
    }
}
