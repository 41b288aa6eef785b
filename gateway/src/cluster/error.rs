//! Why the log in NATS cannot be used.

use std::path::PathBuf;

/// Why the log in NATS cannot be used, as a sentence for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClusterError {
    /// There is no `--log`.
    #[error("--log: no servers of NATS are given")]
    NoLog,
    /// There is no `--log-name`.
    #[error("--log-name: the log in NATS needs a name")]
    NoName,
    /// A file that an option names.
    #[error("{flag}: {path}: {reason}", path = path.display())]
    File {
        /// The option.
        flag: &'static str,
        /// Its file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Two ways to log in.
    #[error("{flag}: a user already stands in --log; give one of them")]
    TwoLogins {
        /// The other one.
        flag: &'static str,
    },
    /// No server can be reached, or the connection was lost.
    #[error("--log: NATS is not reached at {servers}: {reason}")]
    Unreachable {
        /// The servers.
        servers: String,
        /// Why.
        reason: String,
    },
    /// The servers do not let us in.
    #[error("{flag}: NATS refuses these credentials: {reason}")]
    Credentials {
        /// The option with the credentials.
        flag: &'static str,
        /// What the server said.
        reason: String,
    },
    /// The servers let us in, and do not allow what is needed.
    #[error("{flag}: NATS does not allow this user what the log needs: {reason}")]
    Permissions {
        /// The option with the credentials.
        flag: &'static str,
        /// What the server said.
        reason: String,
    },
    /// TLS fails.
    #[error("{flag}: no TLS with NATS at {servers}: {reason}")]
    Tls {
        /// The option to look at.
        flag: &'static str,
        /// The servers.
        servers: String,
        /// Why.
        reason: String,
    },
    /// A server that could lose the log.
    #[error(
        "--log: the server {server} of NATS is version {version}; {OLDEST} or newer is needed: older ones lose what they confirmed"
    )]
    TooOld {
        /// Its name.
        server: String,
        /// Its version.
        version: String,
    },
    /// There is no JetStream.
    #[error("--log: NATS has no JetStream for this user: {reason}; switch JetStream on in the servers and for the account")]
    NoJetStream {
        /// What the server said.
        reason: String,
    },
    /// Fewer copies than wanted.
    #[error("--log-replicas: {what} cannot be kept {wanted} times: {reason}")]
    Replicas {
        /// The bucket or stream.
        what: String,
        /// As many are wanted.
        wanted: usize,
        /// Why not.
        reason: String,
    },
    /// The monitoring addresses cannot be asked.
    #[error("--nats-monitor: {reason}")]
    Monitor {
        /// Why not.
        reason: String,
    },
    /// Not shown to be written to the disks at once.
    #[error("--nats-monitor: {reason}: what NATS confirmed would be lost when its machines lose their power. {ADVICE}")]
    Unsynced {
        /// What is not shown.
        reason: String,
    },
    /// JetStream answers with an error, or not at all.
    #[error("--log: JetStream of NATS cannot {what}: {reason}")]
    JetStream {
        /// What was asked for.
        what: &'static str,
        /// What went wrong.
        reason: String,
    },
    /// A fault of the program.
    #[error("the work on the log in NATS broke off: {reason}")]
    Failed {
        /// What is known of it.
        reason: String,
    },
}

/// The oldest version of nats-server that is used.
pub const OLDEST: &str = "2.10.23";

/// What to do about servers that are not shown to write to their disks at once.
const ADVICE: &str = "Set `sync_interval: always` in the `jetstream` block of every server and give the monitoring address of \
    each, or accept the loss with --nats-allow-unsynced";

impl ClusterError {
    /// Whether the process ends when this is met at its start. The others may pass by themselves: they are tried again.
    #[must_use]
    pub const fn is_fatal(&self) -> bool {
        !matches!(self, Self::Unreachable { .. } | Self::JetStream { .. })
    }
}
