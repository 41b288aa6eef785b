//! Checks everything a database holds.

use rusqlite::Connection;

use super::layout::{self, EventRow, background_checksum, event_columns, journal_checksum};
use super::meta::Meta;
use super::problem::Problem;

/// Reads every row and checks it, the structure of the file included.
pub(crate) fn everything(connection: &Connection) -> Result<Meta, Problem> {
    layout::quick_check(connection)?;
    let meta = Meta::read(connection)?;
    events(connection, &meta)?;
    journal(connection, meta.journal, |_, _| Ok(()))?;
    backgrounds(connection)?;
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

/// Hands every entry of the journal on, in order, once it is checked.
pub(crate) fn journal<F>(connection: &Connection, last: i64, mut take: F) -> Result<(), Problem>
where
    F: FnMut(i64, &str) -> Result<(), Problem>,
{
    let mut statement = connection.prepare("SELECT id, entry, sum FROM journal ORDER BY id")?;
    let mut rows = statement.query([])?;
    let mut expected = 1;
    while let Some(row) = rows.next()? {
        let (id, entry) = (row.get(0)?, row.get_ref(1)?.as_str()?);
        if id != expected {
            return Err(Problem::damage(format!("entry {expected} of the journal is missing")));
        }
        if row.get::<_, i64>(2)? != journal_checksum(id, entry) {
            return Err(Problem::damage(format!("entry {id} of the journal is not what was written")));
        }
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
    let mut statement = connection.prepare_cached("SELECT entry, sum FROM journal WHERE id = ?1")?;
    let mut rows = statement.query([id])?;
    let Some(row) = rows.next()? else { return Err(Problem::damage(format!("entry {id} of the journal is missing"))) };
    let entry: String = row.get(0)?;
    if row.get::<_, i64>(1)? != journal_checksum(id, &entry) {
        return Err(Problem::damage(format!("entry {id} of the journal is not what was written")));
    }
    Ok(entry)
}

fn backgrounds(connection: &Connection) -> Result<(), Problem> {
    let mut statement = connection.prepare("SELECT chat, mime, data, sum FROM backgrounds")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (chat, mime) = (row.get_ref(0)?.as_str()?, row.get_ref(1)?.as_str()?);
        if row.get::<_, i64>(3)? != background_checksum(chat, mime, row.get_ref(2)?.as_blob()?) {
            return Err(Problem::damage("a background is not what was written"));
        }
    }
    Ok(())
}
