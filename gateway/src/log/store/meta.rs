//! The table `meta`: single values about the whole, each with its checksum.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, params};

use super::checksum::Checksum;
use super::problem::Problem;

/// The names in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    /// The log's id.
    LogId,
    /// The smallest good cursor.
    LogFirst,
    /// The last sequence.
    LogHead,
    /// The last entry of the journal.
    Journal,
    /// Up to which entry of the journal the checkpoint has everything; 0 without one.
    Checkpoint,
    /// How many items the checkpoint has.
    CheckpointItems,
    /// Transactions of the log's writer so far.
    Commits,
    /// Which subcommand the directory belongs to.
    Owner,
    /// Present in a finished backup: when it was made.
    Backup,
    /// Of a replica: the last message of the stream that is in it.
    Position,
}

impl Key {
    const ALL: [Self; 10] = [
        Self::LogId,
        Self::LogFirst,
        Self::LogHead,
        Self::Journal,
        Self::Checkpoint,
        Self::CheckpointItems,
        Self::Commits,
        Self::Owner,
        Self::Backup,
        Self::Position,
    ];

    /// What is a number, and in every database.
    const NUMBERS: [Self; 6] =
        [Self::LogFirst, Self::LogHead, Self::Journal, Self::Checkpoint, Self::CheckpointItems, Self::Commits];

    const fn name(self) -> &'static str {
        match self {
            Self::LogId => "log_id",
            Self::LogFirst => "log_first",
            Self::LogHead => "log_head",
            Self::Journal => "journal",
            Self::Checkpoint => "checkpoint",
            Self::CheckpointItems => "checkpoint_items",
            Self::Commits => "commits",
            Self::Owner => "owner",
            Self::Backup => "backup",
            Self::Position => "position",
        }
    }
}

/// Everything the table says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Meta {
    pub log_id: String,
    pub first: i64,
    pub head: i64,
    pub journal: i64,
    pub checkpoint: i64,
    pub checkpoint_items: i64,
    pub commits: i64,
    pub owner: Option<String>,
    pub backup: Option<String>,
    pub position: Option<String>,
}

impl Meta {
    /// Reads and checks all of it: a missing, unknown or changed value is damage.
    pub(crate) fn read(connection: &Connection) -> Result<Self, Problem> {
        let mut statement = connection.prepare_cached("SELECT key, value, sum FROM meta")?;
        let mut rows = statement.query([])?;
        let mut meta = Self::default();
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let name = row.get_ref(0)?.as_str()?;
            let wrong = || Problem::damage(format!("the value {name:?} of the table meta is not what was written"));
            let key = Key::ALL.into_iter().find(|key| key.name() == name).ok_or_else(wrong)?;
            let value = row.get_ref(1)?;
            if row.get::<_, i64>(2)? != checksum(key, value)? || found.contains(&key) {
                return Err(wrong());
            }
            found.push(key);
            match key {
                Key::LogId => meta.log_id = value.as_str()?.to_owned(),
                Key::LogFirst => meta.first = value.as_i64()?,
                Key::LogHead => meta.head = value.as_i64()?,
                Key::Journal => meta.journal = value.as_i64()?,
                Key::Checkpoint => meta.checkpoint = value.as_i64()?,
                Key::CheckpointItems => meta.checkpoint_items = value.as_i64()?,
                Key::Commits => meta.commits = value.as_i64()?,
                Key::Owner => meta.owner = Some(value.as_str()?.to_owned()),
                Key::Backup => meta.backup = Some(value.as_str()?.to_owned()),
                Key::Position => meta.position = Some(value.as_str()?.to_owned()),
            }
        }
        match [Key::LogId].into_iter().chain(Key::NUMBERS).find(|key| !found.contains(key)) {
            Some(key) => Err(Problem::damage(format!("the table meta has lost its value {:?}", key.name()))),
            None => Ok(meta),
        }
    }
}

fn checksum(key: Key, value: ValueRef<'_>) -> Result<i64, Problem> {
    let sum = Checksum::default().text(key.name());
    Ok(match value {
        ValueRef::Integer(number) => sum.number(0).number(number).finish(),
        ValueRef::Text(_) => sum.number(1).text(value.as_str()?).finish(),
        _ => return Err(Problem::damage("the table meta holds a value of another type")),
    })
}

pub(crate) fn set(connection: &Connection, key: Key, value: &str) -> Result<(), rusqlite::Error> {
    let sum = Checksum::default().text(key.name()).number(1).text(value).finish();
    let mut put = connection.prepare_cached("INSERT OR REPLACE INTO meta (key, value, sum) VALUES (?1, ?2, ?3)")?;
    put.execute(params![key.name(), value, sum]).map(drop)
}

pub(crate) fn set_number(connection: &Connection, key: Key, value: i64) -> Result<(), rusqlite::Error> {
    let sum = Checksum::default().text(key.name()).number(0).number(value).finish();
    let mut put = connection.prepare_cached("INSERT OR REPLACE INTO meta (key, value, sum) VALUES (?1, ?2, ?3)")?;
    put.execute(params![key.name(), value, sum]).map(drop)
}

pub(crate) fn remove(connection: &Connection, key: Key) -> Result<(), rusqlite::Error> {
    connection.execute("DELETE FROM meta WHERE key = ?1", [key.name()]).map(drop)
}

/// What an empty log says.
pub(crate) fn initialise(connection: &Connection, log_id: &str) -> Result<(), rusqlite::Error> {
    set(connection, Key::LogId, log_id)?;
    Key::NUMBERS.into_iter().try_for_each(|key| set_number(connection, key, 0))
}

/// An id that no other log has.
pub(crate) fn fresh_id() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}
