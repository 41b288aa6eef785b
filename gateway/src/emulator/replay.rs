//! The state as the disk has it: the checkpoint, and what the journal has after it.

use im_chats_emulator::{CheckpointItem, Entry, State};
use rusqlite::Connection;

use crate::log::store::meta::Meta;
use crate::log::store::problem::Problem;
use crate::log::store::verify;

/// The state on disk, and the number of the last entry it was made from: the checkpoint, and the entries after it. One piece or
/// entry that is not what was written is too many: the state would be another one than clients know.
pub(super) fn replay(connection: &Connection) -> Result<(State, i64), Problem> {
    let meta = Meta::read(connection)?;
    let mut state = checkpointed(connection, &meta)?;
    for answer in state.answers() {
        let id = i64::try_from(answer).unwrap_or(i64::MAX);
        let mut statement = connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM journal WHERE id = ?1)")?;
        if !statement.query_row([id], |row| row.get::<_, bool>(0))? {
            return Err(Problem::damage(format!("entry {id} of the journal is missing")));
        }
    }
    verify::journal(connection, &meta, |id, entry| {
        let entry: Entry = serde_json::from_str(entry)
            .map_err(|error| Problem::damage(format!("entry {id} of the journal cannot be read: {error}")))?;
        state.apply(&entry);
        Ok(())
    })?;
    Ok((state, meta.journal))
}

/// The state of the checkpoint.
pub(super) fn checkpointed(connection: &Connection, meta: &Meta) -> Result<State, Problem> {
    let mut state = State::default();
    let unreadable = |error: &dyn std::fmt::Display| Problem::damage(format!("the checkpoint cannot be read: {error}"));
    verify::checkpoint(connection, meta, |item| {
        let item: CheckpointItem = serde_json::from_str(item).map_err(|error| unreadable(&error))?;
        state.take(item).map_err(|error| unreadable(&error))
    })?;
    if i64::try_from(state.entries()) == Ok(meta.checkpoint) {
        return Ok(state);
    }
    Err(Problem::damage("the checkpoint is one of another journal"))
}
