//! Who writes the log. One process alone keeps it in its own database; where several share one, it is elsewhere, and each of them has a copy.

use async_trait::async_trait;
use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::server::LoggedEvent;

use super::append::Appender;

/// The one writer of a log. After an error, what was to be written may be in the log or not: [`LogWriter::head`] and [`LogWriter::last`]
/// say where to go on.
#[async_trait]
pub trait LogWriter: Send {
    /// The last sequence of the log, 0 when nothing was written.
    fn head(&self) -> u64;

    /// The last event; `None` when the log is empty, or truncated up to its head.
    ///
    /// # Errors
    /// `databaseError` when it cannot be read.
    async fn last(&mut self) -> Result<Option<LoggedEvent>, Error>;

    /// Appends events, which must strictly increase and lie beyond the head. They are safe when this returns.
    ///
    /// # Errors
    /// `internalError` when a sequence does not increase, `databaseError` or `serviceUnavailable` when the log cannot be written.
    async fn append(&mut self, events: Vec<LoggedEvent>) -> Result<(), Error>;

    /// Moves beginning and head to `sequence`: what lies before is gone. Nothing happens below the head.
    ///
    /// # Errors
    /// As [`LogWriter::append`].
    async fn skip_to(&mut self, sequence: u64) -> Result<(), Error>;

    /// Begins another log, empty and with an id of its own, in the place of this one.
    ///
    /// # Errors
    /// As [`LogWriter::append`].
    async fn replace(&mut self) -> Result<(), Error>;
}

/// The writer of this process's own database.
#[derive(Debug)]
pub struct OwnLog {
    /// Away while it writes.
    appender: Option<Appender>,
    log: super::EventLog,
}

impl From<Appender> for OwnLog {
    fn from(appender: Appender) -> Self {
        Self { log: appender.log().clone(), appender: Some(appender) }
    }
}

impl OwnLog {
    /// Works where blocking is allowed.
    async fn work<T, F>(&mut self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut Appender) -> Result<T, Error> + Send + 'static,
    {
        let failed = |reason: &str| Error::new(ErrorCode::DatabaseError, format!("the writer of the log failed: {reason}"));
        let mut appender = self.appender.take().ok_or_else(|| failed("it was stopped"))?;
        let worked = tokio::task::spawn_blocking(move || {
            let result = work(&mut appender);
            (appender, result)
        });
        let (appender, result) = worked.await.map_err(|error| {
            tracing::error!(%error, "the writer of the log failed");
            failed(&error.to_string())
        })?;
        self.appender = Some(appender);
        result
    }
}

#[async_trait]
impl LogWriter for OwnLog {
    fn head(&self) -> u64 {
        self.log.head()
    }

    async fn last(&mut self) -> Result<Option<LoggedEvent>, Error> {
        self.work(|appender| appender.last()).await
    }

    async fn append(&mut self, events: Vec<LoggedEvent>) -> Result<(), Error> {
        self.work(|appender| appender.append(events)).await
    }

    async fn skip_to(&mut self, sequence: u64) -> Result<(), Error> {
        self.work(move |appender| appender.skip_to(sequence)).await
    }

    async fn replace(&mut self) -> Result<(), Error> {
        self.work(Appender::replace).await
    }
}
