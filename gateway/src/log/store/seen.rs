//! The table of the chats that a relay has seen. The real service lists none, so what its events and its answers show of them is noted here,
//! in the same transaction as the events: which chats there are, when something last happened in each, and whether it is archived.
//! It is what a list begins with; what the chats are now, the service says.

use std::collections::HashMap;

use chrono::DateTime;
use im_chats_protocol::grant::ChatSet;
use im_chats_protocol::model::ChatGuid;
use im_chats_protocol::server::{EventKind, LoggedEvent};
use im_chats_protocol::wire::chat_list::ChatPlace;
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};
use serde::Deserialize;

use super::checksum::Checksum;
use super::problem::Problem;

/// A chat that was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenChat {
    /// Its place among the others.
    pub place: ChatPlace,
    /// Whether it is archived; absent = not known.
    pub archived: Option<bool>,
}

/// Which seen chats, the one in which something happened last first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenQuery {
    /// Those that are archived, and not those that are visible. A chat of which that is not known is among both.
    pub archived: bool,
    /// Only those after this place.
    pub after: Option<ChatPlace>,
    /// Only these. One that was never seen is among them, as the oldest.
    pub within: Option<ChatSet>,
    /// How many at most.
    pub limit: usize,
}

/// What a read of a chat has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChatNote {
    /// It is as it says.
    Shown {
        /// Its GUID.
        guid: String,
        /// When its last message was written, in milliseconds since 1970; absent when it has none.
        last_message: Option<i64>,
        /// When it was created, if it was just now.
        created: Option<i64>,
        /// Whether it is archived.
        archived: bool,
    },
    /// It was seen like this, and is like that.
    Changed(SeenChat, SeenChat),
    /// It was seen like this, and is not there any more.
    Gone(SeenChat),
}

impl ChatNote {
    pub(crate) fn write(&self, transaction: &Transaction<'_>) -> Result<(), rusqlite::Error> {
        match self {
            Self::Shown { guid, .. } if !is_guid(guid) => Ok(()),
            Self::Shown { guid, last_message, created, archived } => {
                let known = row(transaction, guid)?;
                let before = known.as_ref().map(|known| known.place.activity);
                let activity = before.max(*last_message).or(*created).unwrap_or(0);
                let place = ChatPlace { activity, guid: guid.clone() };
                // An event may have come since the chat was read: which of the two is newer is not known.
                let differs = known.as_ref().and_then(|known| known.archived) == Some(!archived);
                put(transaction, known.as_ref(), &SeenChat { place, archived: (!differs).then_some(*archived) })
            }
            // What an event has shown meanwhile is newer.
            Self::Changed(before, after) => match row(transaction, &before.place.guid)? {
                Some(known) if known != *before => Ok(()),
                known => put(transaction, known.as_ref(), after),
            },
            Self::Gone(before) => {
                let mut delete = transaction.prepare_cached("DELETE FROM chats WHERE guid = ?1 AND activity = ?2")?;
                delete.execute(params![before.place.guid, before.place.activity]).map(drop)
            }
        }
    }
}

/// What events show of one chat.
#[derive(Debug)]
pub(crate) struct Shown {
    /// When its last message came, if one did.
    message: Option<i64>,
    /// When the last event came.
    last: i64,
    archived: Archived,
}

/// What events say of whether a chat is archived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Archived {
    /// Nothing.
    Unsaid,
    /// If it was, a message may have brought it back.
    Perhaps,
    /// It was archived, and a message may have brought it back.
    Unknown,
    Is(bool),
}

/// What events show, chat by chat.
pub(crate) fn shown(events: &[LoggedEvent]) -> HashMap<String, Shown> {
    let mut last: HashMap<&str, (Option<&LoggedEvent>, &LoggedEvent, Archived)> = HashMap::new();
    for event in events {
        let known = last.entry(&event.chat_guid).or_insert((None, event, Archived::Unsaid));
        known.1 = event;
        match kind(event) {
            "message.received" => {
                known.0 = Some(event);
                known.2 = match known.2 {
                    Archived::Unsaid => Archived::Perhaps,
                    Archived::Is(true) => Archived::Unknown,
                    said => said,
                };
            }
            "chat.archived" => known.2 = Archived::Is(true),
            "chat.unarchived" => known.2 = Archived::Is(false),
            _ => {}
        }
    }
    let chats = last.into_iter().filter(|(guid, _)| is_guid(guid));
    let chats = chats.map(|(guid, (message, last, archived))| {
        let shown = Shown { message: message.and_then(time), last: time(last).unwrap_or(0), archived };
        (guid.to_owned(), shown)
    });
    chats.collect()
}

/// Notes what events show.
pub(crate) fn note(transaction: &Transaction<'_>, chats: &HashMap<String, Shown>) -> Result<(), rusqlite::Error> {
    for (guid, shown) in chats {
        let known = row(transaction, guid)?;
        let before = known.as_ref().map(|known| known.place.activity);
        let activity = before.max(shown.message).unwrap_or(shown.last);
        let archived = match (shown.archived, known.as_ref().and_then(|known| known.archived)) {
            (Archived::Is(archived), _) => Some(archived),
            (Archived::Unknown, _) | (Archived::Perhaps, Some(true)) => None,
            (_, before) => before,
        };
        put(transaction, known.as_ref(), &SeenChat { place: ChatPlace { activity, guid: guid.clone() }, archived })?;
    }
    Ok(())
}

/// Of events that were not seen nobody knows which chats they archived.
pub(crate) fn forget_archived(transaction: &Transaction<'_>) -> Result<(), rusqlite::Error> {
    let mut statement = transaction.prepare("SELECT guid, activity, archived, sum FROM chats WHERE archived IS NOT NULL")?;
    let known: Vec<_> = statement.query_map([], read)?.collect::<Result<_, _>>()?;
    // A damaged one stays as it is, and is told of to whoever reads it.
    for chat in known.into_iter().filter_map(|row| checked(row).ok()) {
        put(transaction, None, &SeenChat { archived: None, ..chat })?;
    }
    Ok(())
}

/// Notes the chat of an event that was written before there were notes.
pub(crate) fn note_event(transaction: &Transaction<'_>, chat: &str, json: &str) -> Result<(), rusqlite::Error> {
    let event = LoggedEvent { sequence: 0, kind: EventKind::Unknown, chat_guid: chat.into(), json: json.into(), proto: None };
    note(transaction, &shown(&[event]))
}

/// Checks every row.
pub(crate) fn verify(connection: &Connection) -> Result<(), Problem> {
    let mut statement = connection.prepare("SELECT guid, activity, archived, sum FROM chats")?;
    for row in statement.query_map([], read)? {
        checked(row?)?;
    }
    Ok(())
}

/// The chats that were seen, the one in which something happened last first.
pub(crate) fn seen(connection: &Connection, query: &SeenQuery) -> Result<Vec<SeenChat>, Problem> {
    let Some(within) = &query.within else {
        let mut statement = connection.prepare_cached(
            "SELECT guid, activity, archived, sum FROM chats WHERE (archived IS NULL OR archived = ?1)
             AND (activity, guid) < (?2, ?3) ORDER BY activity DESC, guid DESC LIMIT ?4",
        )?;
        let (activity, guid) = query.after.as_ref().map_or((i64::MAX, ""), |after| (after.activity, &*after.guid));
        let limit = i64::try_from(query.limit).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![query.archived, activity, guid, limit], read)?;
        return rows.map(|row| checked(row?)).collect();
    };
    let mut statement = connection.prepare_cached("SELECT guid, activity, archived, sum FROM chats WHERE guid = ?1")?;
    let mut chats = Vec::new();
    for guid in within.iter() {
        let known = statement.query_row([guid], read).optional()?.map(checked).transpose()?;
        let never = || SeenChat { place: ChatPlace { activity: 0, guid: guid.to_owned() }, archived: None };
        chats.push(known.unwrap_or_else(never));
    }
    chats.retain(|chat| chat.archived.is_none_or(|archived| archived == query.archived));
    chats.retain(|chat| query.after.as_ref().is_none_or(|after| chat.place < *after));
    chats.sort_by(|one, other| other.place.cmp(&one.place));
    chats.truncate(query.limit);
    Ok(chats)
}

/// A row; one that is not what was written is as good as none, and will be written again.
fn row(connection: &Connection, guid: &str) -> Result<Option<SeenChat>, rusqlite::Error> {
    let mut statement = connection.prepare_cached("SELECT guid, activity, archived, sum FROM chats WHERE guid = ?1")?;
    let found = statement.query_row([guid], read).optional()?;
    Ok(found.and_then(|row| checked(row).ok()))
}

fn put(connection: &Connection, before: Option<&SeenChat>, after: &SeenChat) -> Result<(), rusqlite::Error> {
    if before == Some(after) {
        return Ok(());
    }
    let SeenChat { place: ChatPlace { activity, guid }, archived } = after;
    let mut insert =
        connection.prepare_cached("INSERT OR REPLACE INTO chats (guid, activity, archived, sum) VALUES (?1, ?2, ?3, ?4)")?;
    insert.execute(params![guid, activity, archived, checksum(guid, *activity, *archived)]).map(drop)
}

/// A row, and its checksum.
fn read(row: &Row<'_>) -> Result<(SeenChat, i64), rusqlite::Error> {
    let place = ChatPlace { guid: row.get(0)?, activity: row.get(1)? };
    Ok((SeenChat { place, archived: row.get(2)? }, row.get(3)?))
}

fn checked((chat, sum): (SeenChat, i64)) -> Result<SeenChat, Problem> {
    if sum == checksum(&chat.place.guid, chat.place.activity, chat.archived) {
        return Ok(chat);
    }
    Err(Problem::damage(format!("what is noted of the chat {} is not what was written", chat.place.guid)))
}

/// Whether it is one that a list can give, and find again.
fn is_guid(guid: &str) -> bool {
    ChatGuid::parse(guid, "chat").is_ok_and(|parsed| parsed.as_str() == guid)
}

/// The type of an event, which stands first in it.
fn kind(event: &LoggedEvent) -> &str {
    event.json.strip_prefix("{\"type\":\"").and_then(|rest| rest.split('"').next()).unwrap_or_default()
}

/// When an event happened, in milliseconds since 1970.
fn time(event: &LoggedEvent) -> Option<i64> {
    #[derive(Deserialize)]
    struct Timed<'a> {
        #[serde(borrow, rename = "occurredAt")]
        at: std::borrow::Cow<'a, str>,
    }
    let timed: Timed<'_> = serde_json::from_str(&event.json).ok()?;
    DateTime::parse_from_rfc3339(&timed.at).ok().map(|at| at.timestamp_millis())
}

/// Of what is noted of a chat.
fn checksum(guid: &str, activity: i64, archived: Option<bool>) -> i64 {
    Checksum::default().text(guid).number(activity).number(archived.map_or(-1, i64::from)).finish()
}
