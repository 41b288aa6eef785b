//! The journal on disk as its callers see it: requests go to the writer's thread, bytes are read piece by piece, as fast as the client
//! takes them.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use im_chats_emulator::Request;
use im_chats_protocol::error::{Error, ErrorCode};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::beside::Beside;
use super::failure::database_failed;
use super::journal::Job;
use super::stored::{BytePieces, Stored};
use super::turn::{Committed, Journal};
use crate::log::store::blob::{self, Head, Kind};
use crate::log::store::problem::Problem;
use crate::log::store::{Operation, Store};

/// How long an answer may take, whatever its size: while it does, the database keeps what it was before later writes.
const LONGEST: Duration = Duration::from_secs(300);

/// Bytes for which it may take a second longer.
const SLOWEST: u64 = 64 * 1024;

/// Pages that a connection keeps in memory, in KiB: every page is read once.
const CACHE_KIB: i64 = 64;

/// The journal of a data directory.
#[derive(Debug)]
pub(super) struct Disk {
    pub(super) jobs: mpsc::Sender<Job>,
    pub(super) store: Store,
}

#[async_trait]
impl Journal for Disk {
    async fn commit(&self, request: Request, beside: Beside) -> Result<Committed, Error> {
        let (reply, outcome) = oneshot::channel();
        self.jobs.send(Job { request, beside, reply }).await.map_err(|_| stopped())?;
        outcome.await.map_err(|_| stopped())?
    }

    async fn find(&self, kind: Kind, owner: &str) -> Result<Option<Stored>, Error> {
        let (store, name) = (self.store.clone(), owner.to_owned());
        let opened = tokio::task::spawn_blocking(move || open(store, kind, name)).await.map_err(database_failed)?;
        let found = opened.map_err(|problem| self.store.failed(Operation::Read, &problem))?;
        if found.is_some() {
            self.store.succeeded(Operation::Read);
        }
        Ok(found)
    }

    fn lost(&self, kind: Kind, owner: &str) -> Error {
        self.store.failed(Operation::Read, &kind.of(owner).missing())
    }
}

fn stopped() -> Error {
    Error::new(ErrorCode::ServiceUnavailable, "the emulator is stopping")
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

/// Finds the bytes and reads them once, so that nothing of damaged ones is sent.
fn open(store: Store, kind: Kind, owner: String) -> Result<Option<Stored>, Problem> {
    let connection = store.reader()?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.execute_batch("BEGIN")?;
    let Some(head) = blob::head(&connection, kind.of(&owner))? else { return Ok(None) };
    blob::check(&connection, kind.of(&owner), &head)?;
    let snapshot = Snapshot { connection, next: 0, pieces: head.pieces(), kind, owner };
    let Head { mime, length } = head;
    Ok(Some(Stored { mime, length, pieces: Box::new(move || snapshot.into_pieces(store, length)) }))
}

impl Snapshot {
    fn into_pieces(self, store: Store, length: u64) -> BytePieces {
        let end = Instant::now() + LONGEST + Duration::from_secs(length / SLOWEST);
        stream::try_unfold((self, store), move |(snapshot, store)| async move {
            if snapshot.next == snapshot.pieces {
                return Ok(None);
            }
            if Instant::now() >= end {
                return Err(Error::new(ErrorCode::Timeout, "the bytes were not taken in time"));
            }
            let read = tokio::task::spawn_blocking(move || snapshot.read()).await.map_err(database_failed)?;
            let (piece, snapshot) = read.map_err(|problem| store.failed(Operation::Read, &problem))?;
            Ok(Some((piece, (snapshot, store))))
        })
        .boxed()
    }

    /// The next piece, which is what was written.
    fn read(mut self) -> Result<(Bytes, Self), Problem> {
        let piece = blob::piece(&self.connection, self.kind.of(&self.owner), self.next)?;
        self.next = self.next.saturating_add(1);
        Ok((piece.into(), self))
    }
}
