//! Why a data directory cannot be used.

use std::path::{Path, PathBuf};

use super::layout::{self, Unusable};
use super::problem::Problem;

/// Why a data directory cannot be used. Each is a sentence for the person who started the process.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has it.
    #[error(
        "the data directory {0} is in use by another im-chats-gateway process; stop that one, or give this one its own with --data"
    )]
    InUse(PathBuf),
    /// The directory or its lock file cannot be created or opened.
    #[error("the data directory {path} cannot be used: {source}")]
    Directory {
        /// The data directory, or the database in it.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A newer version wrote it.
    #[error(
        "the data directory {path} was written by a newer version (layout {found}, this version knows {})",
        layout::VERSION
    )]
    TooNew {
        /// The data directory, or the database in it.
        path: PathBuf,
        /// The layout found there.
        found: i64,
    },
    /// An older version wrote it, and it may not be changed here.
    #[error(
        "{path} was written by an older version (layout {found}); start this version's gateway on it once, which brings it up"
    )]
    TooOld {
        /// The data directory, or the database in it.
        path: PathBuf,
        /// The layout found there.
        found: i64,
    },
    /// The other subcommand wrote it.
    #[error("the data directory {path} belongs to the {found}; give the {wanted} its own with --data")]
    OtherOwner {
        /// The data directory, or the database in it.
        path: PathBuf,
        /// The subcommand that wrote it.
        found: String,
        /// The subcommand that was to use it.
        wanted: &'static str,
    },
    /// The database cannot be opened, read or written.
    #[error("the database in {path} cannot be used: {reason}")]
    Database {
        /// The data directory, or the database in it.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// What the database holds is not what was written.
    #[error(
        "the data in {path} is damaged: {reason}. Restore a backup into another directory, or begin with an empty one; nothing was changed"
    )]
    Damaged {
        /// The data directory, or the database in it.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Another program's file has the database's name.
    #[error("{0} is not a database of im-chats-gateway, or its header is damaged; nothing was changed")]
    Foreign(PathBuf),
    /// A restore ended half-way.
    #[error("a restore into {0} was not finished; empty the directory and restore again")]
    Unfinished(PathBuf),
}

impl Unusable {
    pub(crate) fn at(self, directory: &Path, database: &Path) -> StoreError {
        let path = directory.to_owned();
        match self {
            Self::TooNew(found) => StoreError::TooNew { path, found },
            Self::TooOld(found) => StoreError::TooOld { path, found },
            Self::Foreign => StoreError::Foreign(database.to_owned()),
            Self::Problem(Problem::Damage(reason)) => StoreError::Damaged { path, reason },
            Self::Problem(problem) => StoreError::Database { path, reason: problem.to_string() },
        }
    }
}
