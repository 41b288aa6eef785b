//! What a start looks at before anyone reads the log.

use im_chats_protocol::server::LogState;
use rusqlite::{Connection, TransactionBehavior};

use super::read::{check_end, signed, unsigned};
use super::store::Store;
use super::store::mark::Mark;
use super::store::meta::{self, Key, Meta};
use super::store::problem::Problem;

/// Checks the log's end; gives the log, and how many transactions its writer has made. A database that has gone back in time
/// becomes another log: a cursor of what is lost must not be taken for one of what comes now.
pub(super) fn begin(connection: &mut Connection, store: &Store) -> Result<(LogState, i64), Problem> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut meta = Meta::read(&transaction)?;
    check_end(&transaction, &meta)?;
    let behind = store.take_mark().filter(|mark| mark.commits > unsigned(meta.commits));
    if let Some(mark) = behind {
        tracing::error!(
            head = meta.head,
            head_before = mark.head,
            "the database has gone back in time: an older copy was put in its place, or its end is damaged. What came after is lost; the log goes on under another id, and readers with a cursor get logChanged"
        );
        meta.log_id = meta::fresh_id();
        meta.commits = signed(mark.commits).saturating_add(1);
        meta::set(&transaction, Key::LogId, &meta.log_id)?;
        meta::set_number(&transaction, Key::Commits, meta.commits)?;
        // Of a copy it is not known any more what it is a copy of.
        meta::remove(&transaction, Key::Position)?;
    }
    transaction.commit()?;
    let state = LogState { id: meta.log_id.into(), first: unsigned(meta.first), head: unsigned(meta.head), replica: None };
    store.mark(Mark { commits: unsigned(meta.commits), head: state.head });
    Ok((state, meta.commits))
}
