//! What can go wrong with the database. The kinds differ in what helps against them.

use im_chats_protocol::error::{Error, ErrorCode};
use rusqlite::ErrorCode as Sqlite;

/// Why the database could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    /// What was read is not what was written. Trying again does not help.
    #[error("{0}")]
    Damage(String),
    /// There is no room on the disk.
    #[error("the disk is full ({0})")]
    Full(rusqlite::Error),
    /// What the operator allows is used up.
    #[error("{flag}: {what}")]
    NoRoom {
        /// The flag that says so.
        flag: &'static str,
        /// What is full.
        what: &'static str,
        /// What the flag says, in bytes.
        limit: u64,
    },
    /// Anything else: a failing disk, too many open files.
    #[error("{0}")]
    Failed(rusqlite::Error),
}

impl Problem {
    pub(crate) fn damage(reason: impl Into<String>) -> Self {
        Self::Damage(reason.into())
    }

    /// What a caller gets.
    pub(crate) fn to_error(&self) -> Error {
        let error = |message: String| Error::new(ErrorCode::DatabaseError, message);
        match self {
            Self::Damage(reason) => error(format!("the stored data is damaged: {reason}")).with_retryable(false),
            Self::Full(_) => error("the server's disk is full; nothing was stored".to_owned()),
            Self::NoRoom { flag, what, limit } => {
                Error::new(ErrorCode::ServiceUnavailable, format!("{flag}: {what}; nothing was stored"))
                    .with_context("limit", limit.to_string())
            }
            Self::Failed(_) => error("the database failed; the server's log says more".to_owned()),
        }
    }
}

impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error as E;
        match error.sqlite_error_code() {
            Some(Sqlite::DatabaseCorrupt | Sqlite::NotADatabase) => return Self::Damage(error.to_string()),
            // Beyond a limit on the size of files the operating system says "too large" instead of "no space".
            Some(Sqlite::DiskFull) => return Self::Full(error),
            _ => {}
        }
        match error {
            // A column holds something that nobody writes there.
            E::FromSqlConversionFailure(..) | E::IntegralValueOutOfRange(..) | E::InvalidColumnType(..) | E::Utf8Error(..) => {
                Self::Damage(error.to_string())
            }
            error => Self::Failed(error),
        }
    }
}

impl From<rusqlite::types::FromSqlError> for Problem {
    fn from(error: rusqlite::types::FromSqlError) -> Self {
        Self::Damage(error.to_string())
    }
}
