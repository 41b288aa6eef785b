//! Writing the log: the one place that moves the head.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use im_chats::error::{Error, ErrorCode};
use im_chats::model::MAX_SAFE_INTEGER;
use rusqlite::{Connection, Transaction, params};

use super::read::signed;
use super::{EventLog, LoggedEvent, broken};

/// Rows dropped by one transaction of [`EventLog::truncate`], so that appends wait for milliseconds at most.
const TRUNCATE_ROWS: i64 = 10_000;

/// The log's one writer. Blocks: it belongs to a thread of its own.
#[derive(Debug)]
pub struct Appender {
    connection: Connection,
    log: EventLog,
}

impl Appender {
    pub(super) const fn new(connection: Connection, log: EventLog) -> Self {
        Self { connection, log }
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

    /// Appends `events`, which must strictly increase and lie beyond the head.
    ///
    /// # Errors
    /// As [`Appender::commit`].
    pub fn append(&mut self, events: Vec<LoggedEvent>) -> Result<(), Error> {
        self.commit(events, |_| Ok(()), || ())
    }

    /// Appends `events` together with whatever `write` puts into the database: all of it is on disk when this returns, or
    /// none of it. Once it is, `committed` runs, and only then readers hear of the events: who hears of one and asks for
    /// the state finds it changed.
    ///
    /// # Errors
    /// `internalError` when a sequence does not increase or leaves the exact range, `databaseError` when the disk fails.
    pub fn commit<F, C>(&mut self, events: Vec<LoggedEvent>, write: F, committed: C) -> Result<(), Error>
    where
        F: FnOnce(&Transaction<'_>) -> Result<(), rusqlite::Error>,
        C: FnOnce(),
    {
        let mut last = self.log.head();
        for event in &events {
            if event.sequence <= last || event.sequence > MAX_SAFE_INTEGER {
                return Err(Error::new(ErrorCode::InternalError, "an event's sequence is out of order or out of range")
                    .with_context("sequence", event.sequence.to_string())
                    .with_context("head", last.to_string()));
            }
            last = event.sequence;
        }
        self.write(&events, write).map_err(broken)?;
        committed();
        self.publish(events, last);
        Ok(())
    }

    /// The last event on disk; `None` when the log is empty, or truncated up to its head.
    ///
    /// # Errors
    /// `databaseError` when the disk cannot be read.
    pub fn last(&self) -> Result<Option<LoggedEvent>, Error> {
        super::read::last(&self.connection).map_err(broken)
    }

    /// Moves beginning and head to `sequence`: what lies before is gone, and what may have been between the head and
    /// `sequence` never came. Every reader behind gets `cursorTooOld`. Nothing happens below the head.
    ///
    /// # Errors
    /// `databaseError` when the disk fails; nothing has changed then.
    pub fn skip_to(&mut self, sequence: u64) -> Result<(), Error> {
        if sequence <= self.log.head() {
            return Ok(());
        }
        let write = |connection: &mut Connection| {
            let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            transaction.execute("DELETE FROM events", [])?;
            transaction
                .execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('log_first', ?1)", params![signed(sequence)])?;
            transaction.commit()
        };
        // No reader may look while rows are gone and nobody was told.
        let _alone = self.log.0.id.write();
        write(&mut self.connection).map_err(broken)?;
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
        let fresh = uuid::Uuid::new_v4().simple().to_string();
        let write = |connection: &mut Connection| {
            let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            transaction.execute("DELETE FROM events", [])?;
            transaction.execute("DELETE FROM meta WHERE key = 'log_first'", [])?;
            transaction.execute("UPDATE meta SET value = ?1 WHERE key = 'log_id'", params![fresh])?;
            transaction.commit()
        };
        let mut id = self.log.0.id.write();
        write(&mut self.connection).map_err(broken)?;
        *id = fresh.into();
        self.log.0.tail.lock().clear(0);
        self.log.0.first.store(0, Ordering::Release);
        self.log.0.head.send_replace(0);
        Ok(())
    }

    fn write<F>(&mut self, events: &[LoggedEvent], write: F) -> Result<(), rusqlite::Error>
    where
        F: FnOnce(&Transaction<'_>) -> Result<(), rusqlite::Error>,
    {
        let transaction = self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        write(&transaction)?;
        {
            let mut insert = transaction
                .prepare_cached("INSERT INTO events (sequence, kind, chat, json, proto) VALUES (?1, ?2, ?3, ?4, ?5)")?;
            for event in events {
                let proto = event.proto.as_deref();
                insert.execute(params![signed(event.sequence), event.kind.number(), event.chat_guid, event.json, proto])?;
            }
        }
        transaction.commit()
    }

    fn publish(&self, events: Vec<LoggedEvent>, head: u64) {
        if events.is_empty() {
            return;
        }
        // The tail first, then the head: a reader that sees the head finds the events.
        let mut tail = self.log.0.tail.lock();
        for event in events {
            tail.push(Arc::new(event));
        }
        drop(tail);
        self.log.0.head.send_replace(head);
    }
}

impl EventLog {
    /// Drops every event up to and including `first`; cursors before it get `cursorTooOld` from now on. A value beyond the
    /// head means the head; one that is already dropped does nothing.
    ///
    /// # Errors
    /// `databaseError` when the disk fails.
    pub async fn truncate(&self, first: u64) -> Result<(), Error> {
        let log = self.clone();
        tokio::task::spawn_blocking(move || log.truncate_now(first)).await.map_err(broken)?
    }

    fn truncate_now(&self, first: u64) -> Result<(), Error> {
        let first = first.min(self.head());
        let connection = self.0.store.writer().map_err(broken)?;
        connection
            .execute(
                "INSERT INTO meta (key, value) VALUES ('log_first', ?1)
                 ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE excluded.value > value",
                params![signed(first)],
            )
            .map_err(broken)?;
        // Told before the first row goes, so that no reader takes the hole for silence.
        self.0.first.fetch_max(first, Ordering::AcqRel);
        loop {
            let dropped = connection
                .execute(
                    "DELETE FROM events WHERE sequence IN (SELECT sequence FROM events WHERE sequence <= ?1 ORDER BY sequence LIMIT ?2)",
                    params![signed(first), TRUNCATE_ROWS],
                )
                .map_err(broken)?;
            if dropped == 0 {
                return Ok(());
            }
        }
    }
}
