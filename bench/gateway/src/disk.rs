//! The log without a server: plain SQLite, and the gateway's own log through its API, with the very rows a gateway wrote.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use im_chats_gateway::log::store::Store;
use im_chats_gateway::log::{self, EventKind, LoggedEvent};
use rusqlite::{Connection, OpenFlags, TransactionBehavior, params};
use tempfile::TempDir;

use crate::process::own_cpu_time;

/// Rows of one transaction, as `events:generate` makes them.
const BATCH: usize = 4096;

/// What a gateway wrote.
pub(crate) struct Written {
    /// The statement that makes its table of events.
    schema: String,
    rows: Vec<LoggedEvent>,
}

/// Commits of one event each.
pub(crate) struct OneByOne<'a> {
    connection: Connection,
    rows: std::slice::Iter<'a, LoggedEvent>,
    _folder: TempDir,
}

impl OneByOne<'_> {
    /// The next one is on the disk when this returns.
    pub(crate) fn commit(&mut self) -> Result<()> {
        let row = self.rows.next().context("there are no more events to commit")?;
        insert(&mut self.connection, std::slice::from_ref(row))
    }
}

/// What some work took.
#[derive(Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) time: Duration,
    pub(crate) cpu: Duration,
}

impl Written {
    /// Reads the database of a gateway.
    pub(crate) fn read(database: &Path) -> Result<Self> {
        let connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let schema = connection.query_row("SELECT sql FROM sqlite_master WHERE name = 'events'", [], |row| row.get(0))?;
        let mut statement = connection.prepare("SELECT sequence, chat, json FROM events ORDER BY sequence")?;
        let mut found = statement.query([])?;
        let mut rows = Vec::new();
        while let Some(row) = found.next()? {
            let (chat, json): (String, String) = (row.get(1)?, row.get(2)?);
            let sequence = u64::try_from(row.get::<_, i64>(0)?)?;
            let (chat_guid, json) = (chat.into(), json.into());
            rows.push(LoggedEvent { sequence, kind: EventKind::Chat, chat_guid, json, proto: None });
        }
        Ok(Self { schema, rows })
    }

    /// How many events.
    pub(crate) const fn len(&self) -> usize {
        self.rows.len()
    }

    /// What it takes SQLite alone to write all of it.
    pub(crate) fn by_sqlite(&self, beside: &Path) -> Result<Cost> {
        let folder = tempfile::tempdir_in(beside)?;
        let mut connection = self.database(folder.path())?;
        timed(|| self.rows.chunks(BATCH).try_for_each(|batch| insert(&mut connection, batch)))
    }

    /// What it takes the gateway's own log.
    pub(crate) fn by_event_log(&self, beside: &Path) -> Result<Cost> {
        let folder = tempfile::tempdir_in(beside)?;
        let (_log, mut appender) = log::open(&Store::open(folder.path())?)?;
        let batches: Vec<_> = self.rows.chunks(BATCH).map(<[_]>::to_vec).collect();
        timed(|| batches.into_iter().try_for_each(|batch| Ok(appender.append(batch)?)))
    }

    /// A database of its own with the first `filled` events, into which the next ones are committed one after the other.
    pub(crate) fn one_by_one(&self, beside: &Path, filled: u64) -> Result<OneByOne<'_>> {
        let folder = tempfile::tempdir_in(beside)?;
        let mut connection = self.database(folder.path())?;
        let (first, next) = self.rows.split_at_checked(usize::try_from(filled)?).context("too few events")?;
        first.chunks(BATCH).try_for_each(|batch| insert(&mut connection, batch))?;
        Ok(OneByOne { connection, rows: next.iter(), _folder: folder })
    }

    /// An empty database with the gateway's table and settings: a commit is on the disk before it returns.
    fn database(&self, folder: &Path) -> Result<Connection> {
        let connection = Connection::open(folder.join("alone.sqlite3"))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch(&self.schema)?;
        Ok(connection)
    }
}

fn insert(connection: &mut Connection, rows: &[LoggedEvent]) -> Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    {
        let mut statement = transaction
            // The checksum's place holds a number of its size: what is compared is SQLite, not arithmetic.
            .prepare_cached(
                "INSERT INTO events (sequence, prev, kind, chat, json, proto, sum) VALUES (?1, ?1 - 1, 0, ?2, ?3, NULL, ?4)",
            )?;
        for row in rows {
            statement.execute(params![i64::try_from(row.sequence)?, row.chat_guid, row.json, i64::from(u32::MAX)])?;
        }
    }
    Ok(transaction.commit()?)
}

fn timed(work: impl FnOnce() -> Result<()>) -> Result<Cost> {
    let (start, before) = (Instant::now(), own_cpu_time()?);
    work()?;
    Ok(Cost { time: start.elapsed(), cpu: own_cpu_time()?.saturating_sub(before) })
}
