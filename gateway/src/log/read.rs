//! Reading the log from disk. Every row is checked against its checksum and against the row before it.

use std::sync::Arc;

use bytes::Bytes;
use im_chats_protocol::server::{EventKind, LoggedEvent, ReadPage, ReadQuery};
use rusqlite::{Connection, OptionalExtension, params};

use super::page::{PageBuilder, missing};
use super::store::layout::{EventRow, event_columns};
use super::store::meta::Meta;
use super::store::problem::Problem;

/// The next page, and how many rows were looked at for it. What is damaged ends it: what comes before is given, and the next read begins with the damage and fails.
pub(super) fn page(connection: &Connection, query: &ReadQuery, bound: u64, scan: usize) -> Result<(ReadPage, usize), Problem> {
    // One row more than the page may hold, and no upper bound: the row behind the page names the last one of it, which
    // proves that none is missing at its end.
    let mut statement = connection.prepare_cached(concat!(
        "SELECT ",
        event_columns!(),
        " FROM events WHERE sequence > ?1 ORDER BY sequence LIMIT ?2"
    ))?;
    let limit = i64::try_from(scan.saturating_add(1)).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![signed(query.after), limit])?;
    let mut page = PageBuilder::new(query);
    loop {
        let next = match rows.next() {
            Ok(Some(row)) => EventRow::read(row).and_then(|event| page.follows(unsigned(event.prev)).map(|()| Some(event))),
            Ok(None) if page.through() < bound => Err(missing(page.through(), bound)),
            Ok(None) => Ok(None),
            Err(error) => Err(error.into()),
        };
        let event = match next {
            Ok(Some(event)) => event,
            Ok(None) => return Ok(counted(page, |page| page.whole(bound))),
            Err(_) if page.looked_at() > 0 => return Ok(counted(page, PageBuilder::partial)),
            Err(Problem::Damage(reason)) => return Err(Problem::Damage(format!("after event {}: {reason}", query.after))),
            Err(problem) => return Err(problem),
        };
        let sequence = unsigned(event.sequence);
        if sequence > bound {
            return Ok(counted(page, |page| page.whole(bound)));
        }
        if page.looked_at() == scan {
            return Ok(counted(page, PageBuilder::partial));
        }
        if !query.filter.admits(kind(&event), event.chat, event.json) {
            page.skip(sequence);
            continue;
        }
        if !page.has_room(event.json.len()) {
            return Ok(counted(page, PageBuilder::partial));
        }
        page.push(Arc::new(logged(&event)));
    }
}

fn counted(page: PageBuilder, finish: impl FnOnce(PageBuilder) -> ReadPage) -> (ReadPage, usize) {
    let rows = page.looked_at();
    (finish(page), rows)
}

/// A kind this version does not know was written by a newer one; its reader is a reader of everything.
fn kind(event: &EventRow<'_>) -> EventKind {
    EventKind::from_number(event.kind).unwrap_or(EventKind::Unknown)
}

fn logged(event: &EventRow<'_>) -> LoggedEvent {
    LoggedEvent {
        sequence: unsigned(event.sequence),
        kind: kind(event),
        chat_guid: event.chat.into(),
        json: event.json.into(),
        proto: event.proto.map(Bytes::copy_from_slice),
    }
}

/// Whether the log ends where it says.
pub(super) fn check_end(connection: &Connection, meta: &Meta) -> Result<(), Problem> {
    let last = last(connection)?.map_or(0, |event| signed(event.sequence));
    // A log that was truncated up to its head has no rows left, and its head all the same.
    if last == meta.head || (meta.first == meta.head && last < meta.head) {
        return Ok(());
    }
    Err(Problem::damage(format!("the log ends at event {last} instead of {}", meta.head)))
}

/// The last event on disk, when there is one.
pub(super) fn last(connection: &Connection) -> Result<Option<LoggedEvent>, Problem> {
    let mut statement =
        connection.prepare(concat!("SELECT ", event_columns!(), " FROM events ORDER BY sequence DESC LIMIT 1"))?;
    let event = statement.query_row([], |row| Ok(EventRow::read(row).map(|event| logged(&event)))).optional()?;
    event.transpose()
}

/// Sequences are at most 2^53 − 1, so they fit SQLite's integer.
pub(super) fn signed(sequence: u64) -> i64 {
    i64::try_from(sequence).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
