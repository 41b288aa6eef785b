//! Checks everything a database holds.

use rusqlite::{Connection, Row};

use super::blob;
use super::layout::{self, EventRow, event_columns, item_checksum, journal_checksum, time_checksum};
use super::meta::Meta;
use super::problem::Problem;
use super::seen;

/// Reads every row and checks it, the structure of the file included.
pub(crate) fn everything(connection: &Connection) -> Result<Meta, Problem> {
    layout::quick_check(connection)?;
    let meta = Meta::read(connection)?;
    events(connection, &meta)?;
    times(connection)?;
    seen::verify(connection)?;
    checkpoint(connection, &meta, |_| Ok(()))?;
    answers(connection, &meta)?;
    journal(connection, &meta, |_, _| Ok(()))?;
    blob::verify(connection)?;
    Ok(meta)
}

/// Every event, and that none is missing. Rows up to `first` may be there still, when dropping them was interrupted.
fn events(connection: &Connection, meta: &Meta) -> Result<(), Problem> {
    let mut statement =
        connection.prepare(concat!("SELECT ", event_columns!(), " FROM events WHERE sequence > ?1 ORDER BY sequence"))?;
    let mut rows = statement.query([meta.first])?;
    let mut last = None;
    while let Some(row) = rows.next()? {
        let event = EventRow::read(row)?;
        if last.map_or(event.prev > meta.first, |last| event.prev != last) {
            return Err(Problem::damage(format!("events before {} are missing", event.sequence)));
        }
        last = Some(event.sequence);
    }
    if last.unwrap_or(meta.first) == meta.head {
        return Ok(());
    }
    Err(Problem::damage(format!("events up to {} are missing", meta.head)))
}

/// Hands every item of the checkpoint on, in order, once it is checked. Items of another one may be there still or already.
pub(crate) fn checkpoint<F>(connection: &Connection, meta: &Meta, mut take: F) -> Result<(), Problem>
where
    F: FnMut(&str) -> Result<(), Problem>,
{
    let upto = meta.checkpoint;
    let mut statement = connection.prepare("SELECT item, data, sum FROM checkpoint WHERE upto = ?1 ORDER BY item")?;
    let mut rows = statement.query([upto])?;
    let mut last = 0;
    while let Some(row) = rows.next()? {
        let (item, data) = (row.get(0)?, row.get_ref(1)?.as_str()?);
        if item != last + 1 {
            break;
        }
        if row.get::<_, i64>(2)? != item_checksum(upto, item, data) {
            return Err(Problem::damage(format!("item {item} of the checkpoint is not what was written")));
        }
        take(data)?;
        last = item;
    }
    if last == meta.checkpoint_items && (upto == 0) == (last == 0) {
        return Ok(());
    }
    Err(Problem::damage(format!("the checkpoint has {last} items in order instead of {}", meta.checkpoint_items)))
}

/// What the checkpoint left of the journal before it: answers that may be asked for again.
fn answers(connection: &Connection, meta: &Meta) -> Result<(), Problem> {
    let mut statement = connection.prepare("SELECT id, entry, sum FROM journal WHERE id <= ?1")?;
    let mut rows = statement.query([meta.checkpoint])?;
    while let Some(row) = rows.next()? {
        checked_entry(row)?;
    }
    Ok(())
}

/// When the log was how far.
fn times(connection: &Connection) -> Result<(), Problem> {
    let mut statement = connection.prepare("SELECT sequence, at, sum FROM times")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        checked_time(row)?;
    }
    Ok(())
}

/// A row of `times`: sequence and time.
pub(crate) fn checked_time(row: &Row<'_>) -> Result<(i64, i64), Problem> {
    let (sequence, at) = (row.get(0)?, row.get(1)?);
    if row.get::<_, i64>(2)? == time_checksum(sequence, at) {
        return Ok((sequence, at));
    }
    Err(Problem::damage(format!("the time of event {sequence} is not what was written")))
}

fn checked_entry<'a>(row: &'a Row<'_>) -> Result<(i64, &'a str), Problem> {
    let (id, entry) = (row.get(0)?, row.get_ref(1)?.as_str()?);
    if row.get::<_, i64>(2)? == journal_checksum(id, entry) {
        return Ok((id, entry));
    }
    Err(Problem::damage(format!("entry {id} of the journal is not what was written")))
}

/// Hands every entry of the journal that the checkpoint does not have on, in order, once it is checked.
pub(crate) fn journal<F>(connection: &Connection, meta: &Meta, mut take: F) -> Result<(), Problem>
where
    F: FnMut(i64, &str) -> Result<(), Problem>,
{
    let last = meta.journal;
    let mut statement = connection.prepare("SELECT id, entry, sum FROM journal WHERE id > ?1 ORDER BY id")?;
    let mut rows = statement.query([meta.checkpoint])?;
    let mut expected = meta.checkpoint.saturating_add(1);
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        if id != expected {
            return Err(Problem::damage(format!("entry {expected} of the journal is missing")));
        }
        let (id, entry) = checked_entry(row)?;
        take(id, entry)?;
        expected = id.saturating_add(1);
    }
    if expected.saturating_sub(1) == last {
        return Ok(());
    }
    Err(Problem::damage(format!("the journal ends at entry {} instead of {last}", expected.saturating_sub(1))))
}

/// One entry of the journal.
pub(crate) fn journal_entry(connection: &Connection, id: i64) -> Result<String, Problem> {
    let mut statement = connection.prepare_cached("SELECT id, entry, sum FROM journal WHERE id = ?1")?;
    let mut rows = statement.query([id])?;
    let Some(row) = rows.next()? else { return Err(Problem::damage(format!("entry {id} of the journal is missing"))) };
    checked_entry(row).map(|(_, entry)| entry.to_owned())
}
