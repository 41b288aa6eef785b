//! The tables, and how a database of an earlier version is brought to them.

use rusqlite::{Connection, Transaction, params};

use super::blob::{self, Kind};
use super::checksum::Checksum;
use super::meta::{self, Key};
use super::owner::Owner;
use super::problem::Problem;
use super::seen;

/// The layout this version writes; a database with a higher number was written by a newer version and is left alone.
pub(super) const VERSION: i64 = 6;

/// The oldest layout with checksums: what it has is as it should be, tables are missing, and backgrounds lie elsewhere.
const CHECKED: i64 = 3;

/// The first layout without a table of backgrounds.
const NO_BACKGROUNDS: i64 = 5;

/// How many statements of [`SCHEMA`] an earlier layout with checksums had; before [`NO_BACKGROUNDS`] also [`BACKGROUNDS`].
const fn tables_of(version: i64) -> Option<usize> {
    match version {
        CHECKED => Some(3),
        4 => Some(5),
        NO_BACKGROUNDS => Some(6),
        _ => None,
    }
}

/// In the file's header: tells our databases from everything else that SQLite wrote.
const APPLICATION_ID: i64 = 0x494D_4348;

/// Whether a file that begins with these bytes is one of our databases.
pub(crate) fn is_ours(header: &[u8]) -> bool {
    let application = header.get(68..72).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
    header.starts_with(b"SQLite format 3\0") && application.map(i64::from) == Some(APPLICATION_ID)
}

/// Every row carries the checksum of its other columns. An event also names the one before (`prev`), so that a missing row
/// is noticed as well as a changed one; the journal counts without gaps, from 1 or from its checkpoint on, whose items do, too.
const SCHEMA: [&str; 8] = [
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value, sum INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE events (sequence INTEGER PRIMARY KEY, prev INTEGER NOT NULL, kind INTEGER NOT NULL, chat TEXT NOT NULL, json TEXT NOT NULL, proto BLOB, sum INTEGER NOT NULL)",
    "CREATE TABLE journal (id INTEGER PRIMARY KEY, entry TEXT NOT NULL, sum INTEGER NOT NULL)",
    "CREATE TABLE times (sequence INTEGER PRIMARY KEY, at INTEGER NOT NULL, sum INTEGER NOT NULL)",
    "CREATE TABLE checkpoint (upto INTEGER NOT NULL, item INTEGER NOT NULL, data TEXT NOT NULL, sum INTEGER NOT NULL, PRIMARY KEY (upto, item)) WITHOUT ROWID",
    "CREATE TABLE blobs (kind TEXT NOT NULL, owner TEXT NOT NULL, piece INTEGER NOT NULL, mime TEXT NOT NULL, length INTEGER NOT NULL, sum INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (kind, owner, piece))",
    "CREATE TABLE chats (guid TEXT PRIMARY KEY, activity INTEGER NOT NULL, archived INTEGER, sum INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE INDEX chats_by_activity ON chats (activity, guid, archived)",
];

/// What [`blob`] has replaced.
const BACKGROUNDS: &str =
    "CREATE TABLE backgrounds (chat TEXT PRIMARY KEY, mime TEXT NOT NULL, data BLOB NOT NULL, sum INTEGER NOT NULL)";

/// What stands in the way of using a database.
#[derive(Debug)]
pub(crate) enum Unusable {
    TooNew(i64),
    TooOld(i64),
    /// Another program's, or damaged beyond recognition.
    Foreign,
    Problem(Problem),
}

impl<T: Into<Problem>> From<T> for Unusable {
    fn from(problem: T) -> Self {
        Self::Problem(problem.into())
    }
}

/// Which layout a database has; 0 for one that is new.
pub(super) fn found(connection: &Connection) -> Result<i64, Unusable> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let application: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    match (found, tables) {
        (VERSION, _) => check(connection, application, &SCHEMA).map(|()| VERSION),
        (CHECKED..VERSION, 1..) if application == APPLICATION_ID => {
            let kept = tables_of(found).and_then(|tables| SCHEMA.get(..tables)).unwrap_or_default();
            let backgrounds: &[&str] = if found < NO_BACKGROUNDS { &[BACKGROUNDS] } else { &[] };
            check(connection, application, &[kept, backgrounds].concat()).map(|()| found)
        }
        (newer, _) if newer > VERSION => Err(Unusable::TooNew(newer)),
        (0, 0) => Ok(0),
        // The versions before those gave their files no application id.
        (1..CHECKED, 1..) if application == 0 => Ok(found),
        _ => Err(Unusable::Foreign),
    }
}

/// As [`found`], where nothing may be changed.
pub(crate) fn require_present(connection: &Connection) -> Result<(), Unusable> {
    match found(connection)? {
        VERSION => Ok(()),
        0 => Err(Unusable::Foreign),
        older => Err(Unusable::TooOld(older)),
    }
}

/// Whether a database of the present layout has exactly its tables: with any other the same statements would do other
/// things.
fn check(connection: &Connection, application: i64, schema: &[&str]) -> Result<(), Unusable> {
    if application != APPLICATION_ID {
        return Err(Unusable::Foreign);
    }
    let model = Connection::open_in_memory()?;
    create(&model, schema)?;
    if tables(connection)? == tables(&model)? {
        return Ok(());
    }
    Err(Problem::damage("its tables are not those that this version writes").into())
}

type Table = (String, String, String, Option<String>);

fn tables(connection: &Connection) -> Result<Vec<Table>, rusqlite::Error> {
    let mut statement = connection.prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    rows.collect()
}

fn create(connection: &Connection, schema: &[&str]) -> Result<(), rusqlite::Error> {
    schema.iter().try_for_each(|table| connection.execute(table, []).map(drop))
}

/// Brings a database of layout `found` to the present one, whole or not at all.
pub(super) fn lay_out(connection: &mut Connection, found: i64) -> Result<(), Problem> {
    if found == VERSION {
        return Ok(());
    }
    if found > 0 {
        if found < CHECKED {
            // What is damaged now would get a good checksum.
            quick_check(connection)?;
        }
        tracing::info!(from = found, to = VERSION, "bringing the data directory to the present layout");
    }
    let transaction = connection.transaction()?;
    match found {
        0 => {
            create(&transaction, &SCHEMA)?;
            meta::initialise(&transaction, &meta::fresh_id())?;
        }
        older => match tables_of(older) {
            Some(tables) => extend(&transaction, older, tables)?,
            None => migrate(&transaction, older)?,
        },
    }
    if found > 0 {
        note_chats(&transaction)?;
    }
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    Ok(transaction.commit()?)
}

/// Asks SQLite whether the file is sound.
pub(super) fn quick_check(connection: &Connection) -> Result<(), Problem> {
    let said: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if said == "ok" { Ok(()) } else { Err(Problem::Damage(said)) }
}

/// From a layout with checksums that had so many of the tables.
fn extend(transaction: &Transaction<'_>, found: i64, tables: usize) -> Result<(), Problem> {
    create(transaction, SCHEMA.get(tables..).unwrap_or_default())?;
    if found == CHECKED {
        meta::set_number(transaction, Key::Checkpoint, 0)?;
        meta::set_number(transaction, Key::CheckpointItems, 0)?;
    }
    if found >= NO_BACKGROUNDS {
        return Ok(());
    }
    let mut read = transaction.prepare("SELECT chat, mime, data, sum FROM backgrounds")?;
    let mut rows = read.query([])?;
    while let Some(row) = rows.next()? {
        let (chat, mime, data) = (row.get_ref(0)?.as_str()?, row.get_ref(1)?.as_str()?, row.get_ref(2)?.as_blob()?);
        let place = Kind::Background.of(chat);
        blob::put(transaction, place, mime, data)?;
        if row.get::<_, i64>(3)? != Checksum::default().text(chat).text(mime).blob(Some(data)).finish() {
            // One that is damaged must not become one that is not.
            blob::spoil(transaction, place)?;
        }
    }
    drop(rows);
    drop(read);
    Ok(transaction.execute_batch("DROP TABLE backgrounds")?)
}

/// Notes the chats of a relay's events. An emulator has a list of its own.
fn note_chats(transaction: &Transaction<'_>) -> Result<(), Problem> {
    if meta::Meta::read(transaction)?.owner.as_deref() == Some(Owner::Emulator.name()) {
        return Ok(());
    }
    let mut statement = transaction.prepare(concat!(
        "SELECT ",
        event_columns!(),
        " FROM events WHERE sequence IN (SELECT max(sequence) FROM events GROUP BY chat)"
    ))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        // A damaged one is told of to whoever reads it.
        if let Ok(event) = EventRow::read(row) {
            seen::note_event(transaction, event.chat, event.json)?;
        }
    }
    Ok(())
}

/// From layout 1 (no `proto`) or 2 (no checksums): the rows are written once more, with what they lacked.
fn migrate(transaction: &Transaction<'_>, found: i64) -> Result<(), Problem> {
    for table in ["meta", "events", "journal", "backgrounds"] {
        transaction.execute(&format!("ALTER TABLE {table} RENAME TO old_{table}"), [])?;
    }
    create(transaction, &SCHEMA)?;
    let (log_id, first) = transaction.query_row(
        "SELECT (SELECT value FROM old_meta WHERE key = 'log_id'), (SELECT value FROM old_meta WHERE key = 'log_first')",
        [],
        |row| Ok((row.get::<_, String>(0)?, row.get::<_, Option<i64>>(1)?.unwrap_or(0))),
    )?;
    meta::initialise(transaction, &log_id)?;
    let owner: Option<String> =
        transaction.query_row("SELECT (SELECT value FROM old_meta WHERE key = 'owner')", [], |row| row.get(0))?;
    if let Some(owner) = owner {
        meta::set(transaction, Key::Owner, &owner)?;
    }
    let head = migrate_events(transaction, found, first)?;
    meta::set_number(transaction, Key::LogFirst, first)?;
    meta::set_number(transaction, Key::LogHead, head)?;
    meta::set_number(transaction, Key::Journal, migrate_journal(transaction)?)?;
    migrate_backgrounds(transaction)?;
    for table in ["meta", "events", "journal", "backgrounds"] {
        transaction.execute(&format!("DROP TABLE old_{table}"), [])?;
    }
    Ok(())
}

fn migrate_events(transaction: &Transaction<'_>, found: i64, first: i64) -> Result<i64, Problem> {
    let proto = if found == 1 { "NULL" } else { "proto" };
    let mut read =
        transaction.prepare(&format!("SELECT sequence, kind, chat, json, {proto} FROM old_events ORDER BY sequence"))?;
    let mut write = transaction.prepare(INSERT_EVENT)?;
    let mut rows = read.query([])?;
    let mut head = 0;
    while let Some(row) = rows.next()? {
        let (sequence, kind) = (row.get(0)?, row.get(1)?);
        let (chat, json) = (row.get_ref(2)?.as_str()?, row.get_ref(3)?.as_str()?);
        let event = EventRow { sequence, prev: head, kind, chat, json, proto: row.get_ref(4)?.as_blob_or_null()? };
        event.insert(&mut write)?;
        head = sequence;
    }
    Ok(head.max(first))
}

fn migrate_journal(transaction: &Transaction<'_>) -> Result<i64, Problem> {
    let mut read = transaction.prepare("SELECT entry FROM old_journal ORDER BY id")?;
    let mut rows = read.query([])?;
    let mut last = 0;
    while let Some(row) = rows.next()? {
        last += 1;
        insert_journal(transaction, last, row.get_ref(0)?.as_str()?)?;
    }
    Ok(last)
}

fn migrate_backgrounds(transaction: &Transaction<'_>) -> Result<(), Problem> {
    let mut read = transaction.prepare("SELECT chat, mime, data FROM old_backgrounds")?;
    let mut rows = read.query([])?;
    while let Some(row) = rows.next()? {
        let (chat, mime) = (row.get_ref(0)?.as_str()?, row.get_ref(1)?.as_str()?);
        blob::put(transaction, Kind::Background.of(chat), mime, row.get_ref(2)?.as_blob()?)?;
    }
    Ok(())
}

/// Writes an [`EventRow`].
pub(crate) const INSERT_EVENT: &str =
    "INSERT INTO events (sequence, prev, kind, chat, json, proto, sum) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";

/// Everything of one row of `events` but its checksum.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EventRow<'a> {
    pub sequence: i64,
    /// The sequence of the event before; for the first one after a skip, where the log was then.
    pub prev: i64,
    pub kind: i64,
    pub chat: &'a str,
    pub json: &'a str,
    pub proto: Option<&'a [u8]>,
}

/// The columns that [`EventRow::read`] expects, in its order.
macro_rules! event_columns {
    () => {
        "sequence, prev, kind, chat, json, proto, sum"
    };
}
pub(crate) use event_columns;

impl<'a> EventRow<'a> {
    /// Reads a row and checks it.
    pub(crate) fn read(row: &'a rusqlite::Row<'_>) -> Result<Self, Problem> {
        let event = Self {
            sequence: row.get(0)?,
            prev: row.get(1)?,
            kind: row.get(2)?,
            chat: row.get_ref(3)?.as_str()?,
            json: row.get_ref(4)?.as_str()?,
            proto: row.get_ref(5)?.as_blob_or_null()?,
        };
        if row.get::<_, i64>(6)? == event.checksum() && event.prev < event.sequence {
            return Ok(event);
        }
        Err(Problem::damage(format!("event {} is not what was written", event.sequence)))
    }
}

impl EventRow<'_> {
    pub(crate) fn checksum(&self) -> i64 {
        let numbers = Checksum::default().number(self.sequence).number(self.prev).number(self.kind);
        numbers.text(self.chat).text(self.json).blob(self.proto).finish()
    }

    pub(crate) fn insert(&self, statement: &mut rusqlite::Statement<'_>) -> Result<(), rusqlite::Error> {
        let sum = self.checksum();
        statement.execute(params![self.sequence, self.prev, self.kind, self.chat, self.json, self.proto, sum]).map(drop)
    }
}

pub(crate) fn journal_checksum(id: i64, entry: &str) -> i64 {
    Checksum::default().number(id).text(entry).finish()
}

pub(crate) fn insert_journal(transaction: &Transaction<'_>, id: i64, entry: &str) -> Result<(), rusqlite::Error> {
    let mut insert = transaction.prepare_cached("INSERT INTO journal (id, entry, sum) VALUES (?1, ?2, ?3)")?;
    insert.execute(params![id, entry, journal_checksum(id, entry)]).map(drop)
}

/// Of one item of a checkpoint that has everything up to entry `upto` of the journal.
pub(crate) fn item_checksum(upto: i64, item: i64, data: &str) -> i64 {
    Checksum::default().number(upto).number(item).text(data).finish()
}

pub(crate) fn insert_item(transaction: &Transaction<'_>, upto: i64, item: i64, data: &str) -> Result<(), rusqlite::Error> {
    let mut insert = transaction.prepare_cached("INSERT INTO checkpoint (upto, item, data, sum) VALUES (?1, ?2, ?3, ?4)")?;
    insert.execute(params![upto, item, data, item_checksum(upto, item, data)]).map(drop)
}

/// Of a note that everything up to `sequence` was there at `at`, in milliseconds since 1970.
pub(crate) fn time_checksum(sequence: i64, at: i64) -> i64 {
    Checksum::default().number(sequence).number(at).finish()
}

pub(crate) fn insert_time(transaction: &Transaction<'_>, sequence: i64, at: i64) -> Result<(), rusqlite::Error> {
    let mut insert = transaction.prepare_cached("INSERT OR REPLACE INTO times (sequence, at, sum) VALUES (?1, ?2, ?3)")?;
    insert.execute(params![sequence, at, time_checksum(sequence, at)]).map(drop)
}
