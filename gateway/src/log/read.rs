//! Reading the log from disk.

use std::sync::Arc;

use bytes::Bytes;
use im_chats::error::Error;
use parking_lot::Mutex;
use rusqlite::types::{FromSqlError, Type, ValueRef};
use rusqlite::{Connection, OptionalExtension, params};

use super::tail::PageBuilder;
use super::{EventKind, LogState, LoggedEvent, ReadPage, ReadQuery, broken};
use crate::store::Store;

/// Connections kept for the next read; more are opened when needed and dropped afterwards.
const KEPT: usize = 4;

#[derive(Debug)]
pub(super) struct Readers {
    store: Store,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(super) const fn new(store: Store) -> Self {
        Self { store, idle: Mutex::new(Vec::new()) }
    }

    /// Blocks: call it where blocking is allowed.
    pub(super) fn read(&self, query: &ReadQuery, bound: u64, scan: usize) -> Result<ReadPage, Error> {
        let kept = self.idle.lock().pop();
        let connection = match kept {
            Some(connection) => connection,
            None => self.store.reader().map_err(broken)?,
        };
        let page = page(&connection, query, bound, scan).map_err(broken)?;
        let mut idle = self.idle.lock();
        if idle.len() < KEPT {
            idle.push(connection);
        }
        Ok(page)
    }
}

fn page(connection: &Connection, query: &ReadQuery, bound: u64, scan: usize) -> Result<ReadPage, rusqlite::Error> {
    let mut statement = connection.prepare_cached(
        "SELECT sequence, kind, chat, json, proto FROM events WHERE sequence > ?1 AND sequence <= ?2 ORDER BY sequence LIMIT ?3",
    )?;
    let mut rows = statement.query(params![signed(query.after), signed(bound), i64::try_from(scan).unwrap_or(i64::MAX)])?;
    let mut page = PageBuilder::new(query);
    while let Some(row) = rows.next()? {
        let sequence = unsigned(row.get(0)?);
        let chat = text(row.get_ref(2)?)?;
        // A kind this version does not know was written by a newer one; its reader is a reader of everything.
        let kind = EventKind::from_number(row.get(1)?).unwrap_or(EventKind::Unknown);
        if !query.admits(kind, chat) {
            page.skip(sequence);
            continue;
        }
        let json = text(row.get_ref(3)?)?;
        if !page.has_room(json.len()) {
            return Ok(page.partial());
        }
        let proto = row.get_ref(4)?.as_blob_or_null().map_err(other_type)?.map(Bytes::copy_from_slice);
        page.push(Arc::new(LoggedEvent { sequence, kind, chat_guid: chat.into(), json: json.into(), proto }));
    }
    Ok(if page.looked_at() < scan { page.whole(bound) } else { page.partial() })
}

fn text(value: ValueRef<'_>) -> Result<&str, rusqlite::Error> {
    value.as_str().map_err(other_type)
}

fn other_type(error: FromSqlError) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Null, Box::new(error))
}

/// Identity, smallest good cursor, head.
pub(super) fn state(connection: &Connection) -> Result<LogState, rusqlite::Error> {
    let id: String = connection.query_row("SELECT value FROM meta WHERE key = 'log_id'", [], |row| row.get(0))?;
    let first: Option<i64> =
        connection.query_row("SELECT value FROM meta WHERE key = 'log_first'", [], |row| row.get(0)).optional()?;
    let last: Option<i64> = connection.query_row("SELECT max(sequence) FROM events", [], |row| row.get(0))?;
    let first = first.map_or(0, unsigned);
    // A log that was truncated up to its head has no rows left, and its head all the same.
    Ok(LogState { id: id.into(), first, head: last.map_or(0, unsigned).max(first) })
}

/// The last event on disk, when there is one.
pub(super) fn last(connection: &Connection) -> Result<Option<LoggedEvent>, rusqlite::Error> {
    let mut statement =
        connection.prepare("SELECT sequence, kind, chat, json, proto FROM events ORDER BY sequence DESC LIMIT 1")?;
    let read = |row: &rusqlite::Row<'_>| {
        let (chat, json): (String, String) = (row.get(2)?, row.get(3)?);
        let proto: Option<Vec<u8>> = row.get(4)?;
        Ok(LoggedEvent {
            sequence: unsigned(row.get(0)?),
            kind: EventKind::from_number(row.get(1)?).unwrap_or(EventKind::Unknown),
            chat_guid: chat.into(),
            json: json.into(),
            proto: proto.map(Bytes::from),
        })
    };
    statement.query_row([], read).optional()
}

/// Sequences are at most 2^53 − 1, so they fit SQLite's integer.
pub(super) fn signed(sequence: u64) -> i64 {
    i64::try_from(sequence).unwrap_or(i64::MAX)
}

fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
