//! The phases of a connection, its state as users see it, and the errors of a socket that closed or never opened.

use crate::error::{Category, Error, ErrorCode, GrpcCode};
use crate::number::decimal;
use crate::wire::close::{self, Reaction};
use alloc::borrow::ToOwned;
use alloc::string::String;

/// What the limit on silence adds to two heartbeats, in milliseconds.
pub const SILENCE_MARGIN_MS: u64 = 5_000;

/// How the connection is, in one word.
///
/// - `idle`: no stream is open, so there is no need for a socket
/// - `connecting`: the first attempt is under way
/// - `catchingUp`: receiving, but not yet everything that was there when the stream began
/// - `live`: receiving, caught up, and the server was heard within two heartbeats
/// - `reconnecting`: an attempt failed or the connection was lost; the next attempt is under way or waits for its turn
/// - `offline`: not connected, and the runtime says that there is no network
/// - `closed`: the client was closed
/// - `failed`: given up; the streams ended with the error. A new stream tries again
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub enum ConnectionState {
    /// No stream is open, so there is no need for a socket.
    Idle,
    /// The first attempt is under way.
    Connecting,
    /// Receiving, but not yet everything that was there when the stream began.
    CatchingUp,
    /// Receiving: caught up, and the server was heard within two heartbeats.
    Live,
    /// An attempt failed or the connection was lost; the next attempt is under way or waits for its turn.
    Reconnecting,
    /// Not connected, and the runtime says that there is no network.
    Offline,
    /// The client was closed.
    Closed,
    /// Given up; the streams ended with the error. A new stream tries again.
    Failed,
}

impl ConnectionState {
    /// The word users read.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Connecting => "connecting",
            Self::CatchingUp => "catchingUp",
            Self::Live => "live",
            Self::Reconnecting => "reconnecting",
            Self::Offline => "offline",
            Self::Closed => "closed",
            Self::Failed => "failed",
        }
    }

    /// Whether a wake-up or a change of the network matters: a driver listens for them only in these states.
    #[must_use]
    pub const fn wants_wake_ups(self) -> bool {
        !matches!(self, Self::Idle | Self::Closed | Self::Failed)
    }
}

/// An attempt to connect that failed, or a connection that was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailedAttempt {
    /// How many attempts failed in a row, this one included; 0 when a connection that worked was lost.
    pub number: u32,
    /// When the next attempt begins, on the clock of the machine; `None` when there is none.
    pub retry_at: Option<u64>,
}

/// The connection as its observers see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// How the connection is.
    pub state: ConnectionState,
    /// The latest attempt that failed; `None` once the connection works.
    pub failed: Option<FailedAttempt>,
    /// Why the connection does not work, or will soon stop to; `None` while all is well.
    pub error: Option<Error>,
}

/// Where the machine is on its way to a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nobody needs a socket.
    Idle,
    /// Waiting before the next attempt.
    Backoff { until: u64 },
    /// A token was asked for.
    Authorizing { until: u64 },
    /// A socket was asked for; the token is for its `init`.
    Connecting { until: u64, token: String },
    /// `init` was sent.
    Greeting { until: u64 },
    /// `ready` came.
    Ready(Ready),
    /// Given up.
    Failed,
    /// For good.
    Closed,
}

/// A session that works, as far as is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ready {
    pub since: u64,
    pub heartbeat_interval_ms: u64,
    pub last_frame_at: u64,
    /// How many pings were sent on this socket.
    pub pings: u64,
    /// The ping that is not answered yet.
    pub ping: Option<Ping>,
    /// When to ask for a fresh token, and how long tokens last here.
    pub refresh: Option<Refresh>,
}

/// A ping that waits for its pong. One goes out with every heartbeat, because heartbeats show only that the server is heard:
/// on a link that swallows what the client says, credit is lost and the stream would stand still for ever. Another one goes
/// out when the machine may have slept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ping {
    pub n: u64,
    /// The pong must come by then. A batch with events buys time, since on a slow link the pong may be behind many more.
    pub until: u64,
    /// But not beyond this: events may trickle in for hours on a link that swallows the credit for more.
    pub limit: u64,
    /// After a wake-up some frame must come by then. Only the pong ends the probe, since other frames may have lain in the
    /// runtime's queue all the time that the machine slept; but each of them buys time.
    pub probe_until: Option<u64>,
}

/// Tokens of this session end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refresh {
    pub at: u64,
    pub period_ms: u64,
}

impl Ping {
    /// How many silence timeouts a ping may wait in all, however many events arrive.
    pub const MAX_EXTENSIONS: u64 = 4;

    /// An event came.
    pub fn wait_on(&mut self, until: u64) {
        self.until = until.min(self.limit);
    }
}

impl Ready {
    /// Longer silence is a cut, in milliseconds.
    pub const fn silence_timeout_ms(&self) -> u64 {
        self.heartbeat_interval_ms.saturating_mul(2).saturating_add(SILENCE_MARGIN_MS)
    }

    /// From then on the server has been silent for too long to be called live.
    pub const fn stale_at(&self) -> u64 {
        self.last_frame_at.saturating_add(self.silence_timeout_ms())
    }

    /// When the socket is given up unless something comes.
    pub fn dead_at(&self) -> u64 {
        match self.ping {
            None => self.stale_at(),
            Some(Ping { until, probe_until: None, .. }) => until.min(self.stale_at()),
            Some(Ping { until, probe_until: Some(probe_until), .. }) => until.min(probe_until),
        }
    }

    /// When to look next whether the socket is dead, or only silent for too long to be called live.
    pub fn look_at(&self, now: u64) -> u64 {
        let stale_at = self.stale_at();
        if stale_at > now { self.dead_at().min(stale_at) } else { self.dead_at() }
    }
}

/// What the client does after a socket closed with a code and an error. `opened` is whether there was a socket at all.
pub(super) fn reaction(code: u16, error: &Error, opened: bool) -> Reaction {
    match close::meaning(code).reaction() {
        // A server that refuses in words and is cut before the close code arrives refused all the same.
        Reaction::Retry if error.grpc_code == GrpcCode::Unauthenticated => Reaction::FreshToken,
        Reaction::Retry if error.retryable => Reaction::Retry,
        Reaction::Retry if !opened || error.category() == Category::Authentication => Reaction::GiveUp,
        reaction => reaction,
    }
}

/// Why a socket is given up by the clock, not by what came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// Nothing was heard of the server.
    OfServer,
    /// The server is heard, and does not answer a ping.
    OfClient,
}

impl Silence {
    /// The silence that an error of [`Machine::last_error`](super::Machine::last_error) reports, if it reports one.
    #[must_use]
    pub fn of(error: &Error) -> Option<Self> {
        [Self::OfServer, Self::OfClient].into_iter().find(|silence| error.message == silence.message())
    }

    /// What users read.
    pub(super) const fn message(self) -> &'static str {
        match self {
            Self::OfServer => "the server fell silent",
            Self::OfClient => "the server no longer hears this client",
        }
    }
}

/// The error of an attempt that never came to a socket.
pub(super) fn unopened_error(address: &str, code: u16, reason: Option<Error>) -> Error {
    let mut error = reason.unwrap_or_else(|| Error::new(ErrorCode::NetworkError, ""));
    let detail = if error.message.is_empty() { "" } else { ": " };
    error.message = ["could not connect to ", address, detail, &error.message].concat().into();
    error.with_context("address", address.to_owned()).with_context("closeCode", decimal(code.into()))
}

/// The error of a socket that closed without saying why in a frame.
pub(super) fn closed_error(address: &str, code: u16, reason: Option<Error>) -> Error {
    let error = close::meaning(code).error();
    let mut error = error.with_context("address", address.to_owned()).with_context("closeCode", decimal(code.into()));
    if let Some(reason) = reason {
        error.message = [&error.message, ": ", &reason.message].concat().into();
        error.cause = reason.cause.clone();
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_recognised_by_its_error_alone() {
        for silence in [Silence::OfServer, Silence::OfClient] {
            assert_eq!(Silence::of(&Error::new(ErrorCode::NetworkError, silence.message())), Some(silence));
        }
        assert_eq!(Silence::of(&closed_error("ws://host", 1006, None)), None);
    }

    #[test]
    fn wake_ups_matter_while_there_is_a_connection_to_keep_or_to_get() {
        use ConnectionState::{CatchingUp, Closed, Connecting, Failed, Idle, Live, Offline, Reconnecting};
        assert!([Connecting, CatchingUp, Live, Reconnecting, Offline].into_iter().all(ConnectionState::wants_wake_ups));
        assert!(![Idle, Closed, Failed].into_iter().any(ConnectionState::wants_wake_ups));
    }
}
