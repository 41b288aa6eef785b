//! A copy of a log that is kept elsewhere. It may be thrown away at any time, so its commits do not wait for the disk: after a power
//! failure it lacks the last ones, or begins again.

use im_chats_protocol::error::Error;
use im_chats_protocol::server::LoggedEvent;

use super::append::Appender;
use super::reader::EventLog;
use super::store::meta::{self, Key, Meta};
use super::store::{Store, StoreError};

/// Which message of the stream was copied last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// Its number.
    pub number: u64,
    /// The name of the commit in it, which no other one has.
    pub commit: String,
}

impl Position {
    fn text(&self) -> String {
        format!("{} {}", self.number, self.commit)
    }

    fn parse(text: &str) -> Option<Self> {
        let (number, commit) = text.split_once(' ')?;
        Some(Self { number: number.parse().ok()?, commit: commit.to_owned() })
    }
}

/// The writer of a copy. Blocks, as [`Appender`].
#[derive(Debug)]
pub struct LogCopy(Appender);

impl LogCopy {
    /// For the log that `appender` writes.
    ///
    /// # Errors
    /// When the database cannot be told not to wait for the disk.
    pub fn new(appender: Appender, store: &Store) -> Result<Self, StoreError> {
        let relaxed = appender.connection().pragma_update(None, "synchronous", "NORMAL");
        relaxed.map_err(|error| store.unusable(error))?;
        Ok(Self(appender))
    }

    /// The readers' side.
    #[must_use]
    pub const fn log(&self) -> &EventLog {
        self.0.log()
    }

    /// What was copied last: the number 0 when nothing was since the copy began, `None` when this is no copy of anything yet.
    ///
    /// # Errors
    /// `databaseError` when the disk cannot be read.
    pub fn position(&self) -> Result<Option<Position>, Error> {
        let meta = self.0.read(Meta::read)?;
        Ok(meta.position.as_deref().and_then(Position::parse))
    }

    /// Appends the events of all messages up to `position`.
    ///
    /// # Errors
    /// As [`Appender::commit`].
    pub fn append(&mut self, events: Vec<LoggedEvent>, position: &Position) -> Result<(), Error> {
        let text = position.text();
        self.0.append_with(events, |transaction| meta::set(transaction, Key::Position, &text))
    }

    /// The log begins at `sequence`: what lies before is gone. `position` is the message that said so, if one did.
    ///
    /// # Errors
    /// As [`Appender::skip_to`].
    pub fn begin_at(&mut self, sequence: u64, position: Option<&Position>) -> Result<(), Error> {
        let text = position.map(Position::text);
        self.0.skip_with(sequence, |transaction| text.map_or(Ok(()), |text| meta::set(transaction, Key::Position, &text)))
    }

    /// Empties the copy, which is one of the log with this id from here on.
    ///
    /// # Errors
    /// `databaseError` when the disk fails; nothing has changed then.
    pub fn begin_anew(&mut self, id: &str) -> Result<(), Error> {
        let text = Position { number: 0, commit: String::new() }.text();
        self.0.begin_anew(id, |transaction| meta::set(transaction, Key::Position, &text))
    }
}
