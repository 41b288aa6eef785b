//! The client's session machine: all event streams of one client over one socket.
//!
//! May use: `number`, `error`, `model`, `limits`, `wire`. Time, random numbers, tokens and frames come in as [`ClientInput`]s; what must be
//! done comes out as [`ClientOutput`]s. The binding drives it with a WebSocket, the simulation with a virtual clock and a
//! hostile network. `docs/protocol.md` is its contract.

use alloc::string::String;
use alloc::vec::Vec;

mod backoff;
mod connection;
mod machine;
mod stream;
mod timer;

pub use backoff::Backoff;
pub use connection::{ConnectionState, FailedAttempt, SILENCE_MARGIN_MS, Silence, Status};
pub use machine::{Machine, PROBE_MS};
pub use stream::{OnGap, Plan, Start};
pub use timer::Timer;

use crate::error::Error;
use crate::model::Cursor;
use crate::wire::codec::WrongField;
use crate::wire::frame::{ClientFrame, ClientInfo, ServerFrame};

/// Events of one `events` frame, in whatever form the reader keeps them. The machine only counts and orders them.
pub trait Batch {
    /// How many there are.
    fn count(&self) -> usize;
    /// The sequence of one of them; `None` when it has none that JavaScript can hold exactly.
    fn sequence(&self, index: usize) -> Option<u64>;
}

impl Batch for serde_json::Value {
    fn count(&self) -> usize {
        self.as_array().map_or(0, Vec::len)
    }
    fn sequence(&self, index: usize) -> Option<u64> {
        self.get(index)?.get("sequence")?.as_u64().filter(|sequence| *sequence <= crate::number::MAX_SAFE_INTEGER)
    }
}

/// The number of a user's stream. Numbers increase and are never used twice in one machine.
pub type StreamId = u32;

/// One attempt to connect. Inputs of an earlier attempt are ignored, so a late callback does no harm.
pub type Attempt = u32;

/// The number of a question for a token. Only the answer to the latest one counts: an older one may hold a token that has ended since,
/// as after a sleep.
pub type Ask = u32;

/// What happened.
#[derive(Debug, Clone)]
pub enum ClientInput<B> {
    /// A user opens a stream.
    Open {
        /// Larger than the number of every stream opened before.
        stream: StreamId,
        /// What it delivers, and from where.
        plan: Plan,
    },
    /// A user asks for the next batch: everything given before is handled.
    Pull {
        /// The user's stream.
        stream: StreamId,
    },
    /// A user closed a stream.
    Cancel {
        /// The stream to close.
        stream: StreamId,
    },
    /// The token came, or the token function failed.
    Token {
        /// The question that it answers.
        ask: Ask,
        /// The token.
        result: Result<String, Error>,
    },
    /// The socket is open.
    Connected {
        /// The attempt that opened it.
        attempt: Attempt,
    },
    /// A frame came.
    Frame {
        /// The attempt that opened its socket.
        attempt: Attempt,
        /// What was in it; `None` is a type this version does not know.
        frame: Result<Option<ServerFrame<B>>, WrongField>,
    },
    /// The socket closed, or did not open.
    Disconnected {
        /// The attempt it ends.
        attempt: Attempt,
        /// The WebSocket close code, [`close::ABNORMAL`](crate::wire::close::ABNORMAL) when there was none.
        code: u16,
        /// Why, as far as the runtime or the answer to the upgrade says. Before [`ClientInput::Connected`] it also says whether
        /// trying again can help: a reason that is not retryable ends the streams, and an `unauthenticated` one asks for a
        /// fresh token once.
        reason: Option<Error>,
    },
    /// The computer may have slept, or the network may have changed: an open socket may be dead.
    Wake,
    /// The runtime reports whether there is a network.
    Network {
        /// `false` = no network.
        online: bool,
    },
    /// Time passed; due when [`Machine::deadline`] says so, harmless at any other time.
    Tick,
    /// The user closed the client.
    Close,
}

/// What must be done, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientOutput<B> {
    /// Ask for a token and give [`ClientInput::Token`].
    FetchToken {
        /// Goes back with the token.
        ask: Ask,
    },
    /// Open a socket and give [`ClientInput::Connected`] or [`ClientInput::Disconnected`].
    Connect {
        /// Goes back with everything this socket reports.
        attempt: Attempt,
    },
    /// Send a frame on the socket of the latest [`ClientOutput::Connect`].
    Send(ClientFrame),
    /// Close that socket; nothing of it is listened to any more.
    Disconnect {
        /// WebSocket close code.
        code: u16,
    },
    /// The server has the stream's cursor: from here on nothing is missed.
    Attached {
        /// The stream this belongs to.
        stream: StreamId,
    },
    /// The answer to the waiting pull.
    Deliver {
        /// The stream this belongs to.
        stream: StreamId,
        /// At least one event.
        batch: B,
    },
    /// Events that the log no longer holds were skipped, as the user allowed.
    Gap {
        /// The stream this belongs to.
        stream: StreamId,
        /// The last sequence before the gap.
        from: u64,
        /// The last sequence inside the gap.
        to: u64,
    },
    /// The stream is over: the answer to the pull that is waiting, and to every later one. It comes before the first pull when
    /// nothing is left to give.
    End {
        /// The stream this belongs to.
        stream: StreamId,
        /// The head a catch-up reached, nothing for a stream that was closed, or what went wrong.
        result: Result<Option<u64>, Error>,
        /// Where a later stream can resume.
        cursor: Option<Cursor>,
    },
    /// The state of the connection changed, an attempt to connect failed, or a failure is over.
    Status(Status),
}

/// What can be set, all times in milliseconds.
#[derive(Debug, Clone)]
pub struct Config {
    /// Name and version that `init` sends.
    pub client: ClientInfo,
    /// The address of the sockets, for the texts of errors.
    pub address: String,
    /// The most events that wait in the client, per stream, however slow its reader is.
    pub window: u64,
    /// How long an attempt may take from asking for the token to `ready`.
    pub connect_timeout_ms: u64,
    /// How long a socket without streams is kept, so that a re-mount re-uses it.
    pub linger_ms: u64,
    /// The waits between attempts.
    pub backoff: Backoff,
    /// Whether there is one token and no other, so that one that was refused ends the streams at once.
    pub token_is_fixed: bool,
}

impl Config {
    /// The window of `docs/protocol.md`, in events.
    pub const WINDOW: u64 = 2048;

    /// The time for an attempt of `docs/protocol.md`, in milliseconds.
    pub const CONNECT_TIMEOUT_MS: u64 = 15_000;

    /// The settings of `docs/protocol.md`.
    #[must_use]
    pub const fn new(client: ClientInfo, address: String) -> Self {
        Self {
            client,
            address,
            window: Self::WINDOW,
            connect_timeout_ms: Self::CONNECT_TIMEOUT_MS,
            linger_ms: 500,
            backoff: Backoff::RECONNECT,
            token_is_fixed: false,
        }
    }
}
