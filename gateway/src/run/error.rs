//! Why the gateway did not start.

use im_chats_protocol::error::Error;

use crate::cluster::{ClusterError, MemberError};
use crate::http::authority::AuthorityError;
use crate::http::listen::Listen;
use crate::http::tls::TlsError;
use crate::log::backup::BackupError;
use crate::log::store::StoreError;

/// Why the gateway did not start, or stopped by itself.
#[derive(Debug, thiserror::Error)]
pub(super) enum RunError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error(transparent)]
    Member(#[from] MemberError),
    /// An option of the relay cannot be used.
    #[error("{}", .0.message)]
    Relay(Error),
    #[error("--listen: cannot listen on {listen}: {source}")]
    Listen { listen: Listen, source: std::io::Error },
    #[error("--metrics-listen: cannot listen on {listen}: {source}")]
    MetricsListen { listen: Listen, source: std::io::Error },
    #[error("{}", .0.message)]
    MetricsToken(Error),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    #[error("{}", .0.message)]
    Token(Error),
    #[error(transparent)]
    Backup(#[from] BackupError),
    #[error("--drain-reconnect-min-ms: at most --drain-reconnect-max-ms, which is {0}")]
    Reconnect(u64),
    #[error("cannot start: {0}")]
    Start(#[from] std::io::Error),
}
