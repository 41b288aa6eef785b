//! Writing the log: the one place that moves the head.

use std::sync::atomic::Ordering;
use std::time::Instant;

use im_chats_protocol::error::Error;
use im_chats_protocol::server::LoggedEvent;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::order::head_after;
use super::read::{signed, unsigned};
use super::reader::EventLog;
use super::store::layout::{EventRow, INSERT_EVENT};
use super::store::mark::Mark;
use super::store::meta::{self, Key};
use super::store::problem::Problem;
use super::store::seen;
use super::store::{Operation, Store};

/// The log's one writer. Blocks: it belongs to a thread of its own.
#[derive(Debug)]
pub struct Appender {
    connection: Connection,
    log: EventLog,
    /// Transactions so far.
    commits: i64,
}

impl Appender {
    pub(super) const fn new(connection: Connection, log: EventLog, commits: i64) -> Self {
        Self { connection, log, commits }
    }

    /// The readers' side.
    #[must_use]
    pub const fn log(&self) -> &EventLog {
        &self.log
    }

    /// Reads what other tables of the same database hold.
    #[must_use]
    pub const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Reads beside the writing; a failure is noted for health and log.
    pub(crate) fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T, Problem>) -> Result<T, Error> {
        let store = self.log.store()?;
        let value = work(&self.connection).map_err(|problem| store.failed(Operation::Read, &problem))?;
        store.succeeded(Operation::Read);
        Ok(value)
    }

    /// Appends `events`, which must strictly increase and lie beyond the head.
    ///
    /// # Errors
    /// As [`Appender::commit`].
    pub fn append(&mut self, events: Vec<LoggedEvent>) -> Result<(), Error> {
        self.append_with(events, |_| Ok(()))
    }

    /// Appends `events` of an upstream, together with what they show of its chats and whatever `write` puts into the database.
    ///
    /// # Errors
    /// As [`Appender::commit`].
    pub(crate) fn append_with<F>(&mut self, events: Vec<LoggedEvent>, write: F) -> Result<(), Error>
    where
        F: FnOnce(&Transaction<'_>) -> Result<(), rusqlite::Error>,
    {
        let shown = seen::shown(&events);
        let note = |transaction: &Transaction<'_>| {
            write(transaction)?;
            seen::note(transaction, &shown)
        };
        self.commit(events, note, || ())
    }

    /// Appends `events` together with whatever `write` puts into the database: all of it is on disk when this returns, or
    /// none of it. Once it is, `committed` runs, and only then readers hear of the events. So a read of the state after
    /// an event sees the change.
    ///
    /// # Errors
    /// `internalError` when a sequence does not increase or leaves the exact range, `databaseError` when the disk fails.
    pub fn commit<F, C>(&mut self, events: Vec<LoggedEvent>, write: F, committed: C) -> Result<(), Error>
    where
        F: FnOnce(&Transaction<'_>) -> Result<(), rusqlite::Error>,
        C: FnOnce(),
    {
        let head = self.log.head();
        let last = head_after(head, &events)?;
        self.transact(last, events.len(), |transaction| {
            write(transaction)?;
            insert(transaction, head, &events)?;
            if events.is_empty() { Ok(()) } else { meta::set_number(transaction, Key::LogHead, signed(last)) }
        })?;
        committed();
        self.log.publish(events, last);
        Ok(())
    }

    /// The last event on disk; `None` when the log is empty, or truncated up to its head.
    ///
    /// # Errors
    /// `databaseError` when the disk cannot be read.
    pub fn last(&self) -> Result<Option<LoggedEvent>, Error> {
        let store = self.log.store()?;
        super::read::last(&self.connection).map_err(|problem| store.failed(Operation::Read, &problem))
    }

    /// Moves beginning and head to `sequence`: what lies before is gone, and what may have been between the head and
    /// `sequence` never came. Every reader behind gets `cursorTooOld`. Nothing happens below the head.
    ///
    /// # Errors
    /// `databaseError` when the disk fails; nothing has changed then.
    pub fn skip_to(&mut self, sequence: u64) -> Result<(), Error> {
        self.skip_with(sequence, |_| Ok(()))
    }

    /// As [`Appender::skip_to`], together with whatever `write` puts into the database.
    ///
    /// # Errors
    /// As [`Appender::skip_to`].
    pub(crate) fn skip_with<F>(&mut self, sequence: u64, write: F) -> Result<(), Error>
    where
        F: FnOnce(&Transaction<'_>) -> Result<(), rusqlite::Error>,
    {
        if sequence <= self.log.head() {
            return Ok(());
        }
        // No reader may look while rows are gone and no reader knows it yet.
        let log = self.log.clone();
        let _alone = log.0.id.write();
        self.transact(sequence, 0, |transaction| {
            write(transaction)?;
            empty(transaction, sequence)
        })?;
        self.log.0.tail.lock().clear(sequence);
        self.log.0.first.store(sequence, Ordering::Release);
        self.log.0.head.send_replace(sequence);
        Ok(())
    }

    /// Begins another log, empty and with an id of its own, in the place of this one. Every reader gets `logChanged`.
    ///
    /// # Errors
    /// `databaseError` when the disk fails; nothing has changed then.
    pub fn replace(&mut self) -> Result<(), Error> {
        self.begin_anew(&meta::fresh_id(), |_| Ok(()))
    }

    /// Empties the log, which has this id from here on, together with whatever `write` puts into the database. Where that is the id it
    /// has, its readers wait until it has come as far as they are.
    ///
    /// # Errors
    /// `databaseError` when the disk fails; nothing has changed then.
    pub(crate) fn begin_anew<F>(&mut self, next: &str, write: F) -> Result<(), Error>
    where
        F: FnOnce(&Transaction<'_>) -> Result<(), rusqlite::Error>,
    {
        let log = self.log.clone();
        let mut id = log.0.id.write();
        self.transact(0, 0, |transaction| {
            write(transaction)?;
            meta::set(transaction, Key::LogId, next)?;
            empty(transaction, 0)
        })?;
        *id = next.into();
        self.log.0.tail.lock().clear(0);
        self.log.0.first.store(0, Ordering::Release);
        self.log.0.head.send_replace(0);
        Ok(())
    }

    /// One numbered transaction that writes so many events, after which the log's head is `head`. The mark follows it.
    fn transact<F>(&mut self, head: u64, events: usize, write: F) -> Result<(), Error>
    where
        F: FnOnce(&Transaction<'_>) -> Result<(), rusqlite::Error>,
    {
        let commits = self.commits.saturating_add(1);
        let store = self.log.store()?;
        store.check_present().map_err(|problem| store.failed(Operation::Write, &problem))?;
        let started = Instant::now();
        let committed = commit(&mut self.connection, store, commits, write);
        let has_room = committed.map_err(|problem| store.failed(Operation::Write, &problem))?;
        store.metrics().committed(started.elapsed(), events);
        self.commits = commits;
        store.mark(Mark { commits: unsigned(commits), head });
        if has_room {
            store.succeeded(Operation::Write);
        }
        Ok(())
    }
}

/// Commits what `write` writes, unless that takes more room than there is. Whether there was room for more.
fn commit<F>(connection: &mut Connection, store: &Store, commits: i64, write: F) -> Result<bool, Problem>
where
    F: FnOnce(&Transaction<'_>) -> Result<(), rusqlite::Error>,
{
    let _turn = store.turn();
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let before = store.room().before(&transaction)?;
    write(&transaction)?;
    meta::set_number(&transaction, Key::Commits, commits)?;
    let has_room = store.room().check(&transaction, before)?;
    transaction.commit()?;
    Ok(has_room)
}

/// A log without events, whose next one comes after `sequence`.
fn empty(transaction: &Transaction<'_>, sequence: u64) -> Result<(), rusqlite::Error> {
    transaction.execute_batch("DELETE FROM events; DELETE FROM times")?;
    seen::forget_archived(transaction)?;
    meta::set_number(transaction, Key::LogFirst, signed(sequence))?;
    meta::set_number(transaction, Key::LogHead, signed(sequence))
}

fn insert(transaction: &Transaction<'_>, head: u64, events: &[LoggedEvent]) -> Result<(), rusqlite::Error> {
    let mut statement = transaction.prepare_cached(INSERT_EVENT)?;
    let mut prev = signed(head);
    for event in events {
        let sequence = signed(event.sequence);
        let (kind, chat, json) = (event.kind.number(), &event.chat_guid, &event.json);
        EventRow { sequence, prev, kind, chat, json, proto: event.proto.as_deref() }.insert(&mut statement)?;
        prev = sequence;
    }
    Ok(())
}
