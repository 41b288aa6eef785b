//! The durable event log: one sequence for the whole server, on disk before anyone hears of it, read by cursor. It may use
//! `base` and `metrics`; the data directory it lives in is its own ([`store`]), with backup and restore ([`backup`]).
//!
//! [`EventLog`] is the readers' side, cheap to clone. [`Appender`] is the one writer. An event is serialised once, when it
//! is written; readers share those bytes.
//!
//! A log can lose its beginning ([`Keeper`], [`EventLog::truncate`], [`Appender::skip_to`]) and be replaced by another one
//! ([`Appender::replace`]): its id changes, and nothing of one log is ever given to a reader of another.
//!
//! [`LogWriter`] is who writes a log wherever it is kept: here ([`OwnLog`]), or elsewhere with a copy here ([`LogCopy`]).

#[cfg(feature = "server")]
mod append;
#[cfg(feature = "server")]
pub mod backup;
#[cfg(feature = "server")]
mod begin;
#[cfg(feature = "server")]
mod chats;
#[cfg(test)]
mod chats_tests;
#[cfg(feature = "server")]
mod copy;
#[cfg(test)]
mod damage;
#[cfg(feature = "server")]
mod end;
pub mod kind;
mod order;
mod page;
#[cfg(feature = "server")]
mod read;
mod reader;
#[cfg(feature = "server")]
mod retain;
#[cfg(test)]
mod retain_tests;
#[cfg(feature = "server")]
pub mod store;
mod tail;
#[cfg(test)]
mod tests;
#[cfg(feature = "server")]
mod whole;
#[cfg(feature = "server")]
mod writer;

#[cfg(feature = "server")]
pub use append::Appender;
#[cfg(feature = "server")]
pub use copy::{LogCopy, Position};
pub use im_chats_protocol::server::{ChatFilter, EventFilter, EventKind, LogState, LoggedEvent, ReadPage, ReadQuery};
pub use order::head_after;
pub use reader::EventLog;
#[cfg(feature = "server")]
pub use retain::{Keeper, Pruned, RetainArgs};
#[cfg(feature = "server")]
pub use store::seen::{ChatNote, SeenChat, SeenQuery};
#[cfg(feature = "server")]
use store::{Store, StoreError};
#[cfg(feature = "server")]
pub use whole::EndSource;
#[cfg(feature = "server")]
pub use writer::{LogWriter, OwnLog};

#[cfg(feature = "server")]
/// Opens the log of a data directory: the readers' side and the one writer.
///
/// # Errors
/// When the database cannot be read or written, or its end is not what was written.
pub fn open(store: &Store) -> Result<(EventLog, Appender), StoreError> {
    let mut connection = store.writer().map_err(|error| store.unusable(error))?;
    let (state, commits) = begin::begin(&mut connection, store).map_err(|problem| store.unusable(problem))?;
    let log = EventLog::new(state, store.clone());
    let appender = Appender::new(connection, log.clone(), commits);
    Ok((log, appender))
}
