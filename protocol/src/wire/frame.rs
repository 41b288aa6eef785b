//! The frames of `im.events.v1.json`; `docs/protocol.md` is their contract, and its transcripts run against both ends.
//! `frame_fields.rs` says how their fields are written; `server/outgoing.rs` writes frames of events around the events' own text.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use super::filter::Filter;
pub use super::filter::Topic;
use crate::error::{Error, ErrorDetails, GrpcCode};

/// The WebSocket subprotocol, which client and server must both name.
pub const SUBPROTOCOL: &str = "im.events.v1.json";

/// The protocol version in `ready`.
pub const PROTOCOL: u32 = 1;

/// Longest text of a [`SubscriptionId`], in bytes.
pub const MAX_ID_BYTES: usize = 64;

/// The name a client gives a subscription, unique on its socket. The server sends it back as it came.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SubscriptionId {
    /// An integer of 0 to 2^53 − 1, which is what our own client uses.
    Number(u64),
    /// A string of 1 to [`MAX_ID_BYTES`] bytes.
    Text(String),
}

/// Where a subscription ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Until {
    /// At the log's head at the moment it begins: a catch-up.
    Head,
}

/// Where a subscription begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct After {
    /// The log the sequence belongs to; absent = any log.
    pub log: Option<String>,
    /// The client knows everything up to and including this sequence.
    pub sequence: u64,
}

/// The client's name and version, for the operator's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientInfo {
    /// The name of the program or library.
    pub name: String,
    /// Its version, in any form.
    pub version: String,
}

/// A subscription as the client asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribe {
    /// Its name on this socket.
    pub id: SubscriptionId,
    /// Which events it gets; on the wire its fields are those of the frame.
    pub filter: Filter,
    /// Where it begins; absent = the log's head at this moment.
    pub after: Option<After>,
    /// Where it ends by itself; absent = never.
    pub until: Option<Until>,
    /// How many events the client can take now.
    pub credit: u64,
}

/// A frame from the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientFrame {
    /// First on the socket: the credential.
    Init {
        /// The bearer token; may be absent when the upgrade carried an `Authorization` header.
        token: Option<String>,
        /// Who is calling.
        client: Option<ClientInfo>,
    },
    /// Opens a subscription.
    Subscribe(Subscribe),
    /// The client can take more events.
    Credit {
        /// The subscription that the credit is for.
        id: SubscriptionId,
        /// How many events more.
        add: u64,
    },
    /// Ends a subscription; the server answers `complete`.
    Unsubscribe {
        /// The subscription to end.
        id: SubscriptionId,
    },
    /// A fresh token for a session about to expire.
    Token {
        /// The bearer token.
        token: String,
    },
    /// Asks for a `pong`.
    Ping {
        /// A number that `pong` repeats.
        n: u64,
    },
}

/// The log as `ready` describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogInfo {
    /// Its identity: another id is another log.
    pub id: String,
    /// The smallest cursor that is still good: every event after it is held.
    pub first: u64,
    /// The last sequence written, 0 when nothing was.
    pub head: u64,
}

/// The server's limits for one socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest frame from the client, in bytes.
    pub max_frame_bytes: u64,
    /// Largest frame from the server, in bytes.
    pub max_outgoing_frame_bytes: u64,
    /// Most events in one `events` frame.
    pub max_batch_events: u64,
    /// Most subscriptions on one socket.
    pub max_subscriptions: u64,
}

/// What a server can do beyond the first version of the protocol: a list of words, of which a reader knows some.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Features {
    /// `filters`: it knows `chats` and `types` of a [`Filter`].
    pub filters: bool,
}

/// The position a subscription begins at, as the server understood it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// The id of the log.
    pub log: String,
    /// The sequence after which the events begin.
    pub sequence: u64,
}

/// A frame from the server. `B` is a batch of events in the form in which its reader or writer keeps them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerFrame<B> {
    /// The token was accepted.
    Ready {
        /// [`PROTOCOL`].
        protocol: u32,
        /// The log this server serves.
        log: LogInfo,
        /// How often a heartbeat comes, in milliseconds.
        heartbeat_interval_ms: u64,
        /// The server's limits for one socket.
        limits: Limits,
        /// When the token ends, in milliseconds from now.
        token_expires_in_ms: Option<u64>,
        /// What the server can do beyond the first version of the protocol.
        features: Features,
    },
    /// The cursor is attached.
    Subscribed {
        /// The subscription that began.
        id: SubscriptionId,
        /// Where it begins.
        after: Attached,
        /// The log's head at this moment.
        head: u64,
    },
    /// Everything in `prev < sequence ≤ through` that the subscription's filter lets pass.
    Events {
        /// The subscription that the events are for.
        id: SubscriptionId,
        /// Must equal the client's position.
        prev: u64,
        /// The client's next position.
        through: u64,
        /// The events, in order; may be empty.
        events: B,
    },
    /// The position has reached the head that `subscribed` reported. Sent once.
    CaughtUp {
        /// The subscription that caught up.
        id: SubscriptionId,
        /// That head.
        head: u64,
    },
    /// The subscription is over.
    Complete {
        /// The subscription that is over.
        id: SubscriptionId,
        /// The position it ended at.
        head: u64,
    },
    /// The server is alive.
    Heartbeat {
        /// The log's head.
        head: u64,
    },
    /// The server is going away and will close with 1001.
    Drain {
        /// Reconnect no earlier than this, in milliseconds.
        reconnect_min_ms: u64,
        /// Spread reconnects up to this, in milliseconds.
        reconnect_max_ms: u64,
    },
    /// Something is wrong: with a subscription when `id` is there, else with the session.
    Error(ErrorFrame),
    /// The answer to `ping`.
    Pong {
        /// The number in the `ping`.
        n: u64,
    },
}

/// The `error` frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorFrame {
    /// The subscription that ends with it.
    pub id: Option<SubscriptionId>,
    /// Whether a close follows.
    pub fatal: bool,
    /// An `ErrorCode`.
    pub code: String,
    /// The number of the gRPC status.
    pub grpc_code: u8,
    /// One sentence for a person.
    pub message: String,
    /// Whether another attempt may succeed.
    pub retryable: bool,
    /// How long to wait before the next attempt, in milliseconds.
    pub retry_after_ms: Option<u64>,
    /// Details by name, an object on the wire. A list here: no reader looks up many, and a map costs wasm bytes.
    pub context: Vec<(String, String)>,
    /// Who reports it, when it is not the server itself.
    pub source: Option<String>,
    /// The id of the request that failed, for the server's operator.
    pub request_id: Option<String>,
}

impl ErrorFrame {
    /// The frame that reports `error`.
    #[must_use]
    pub fn new(error: &Error, id: Option<SubscriptionId>, fatal: bool) -> Self {
        Self {
            id,
            fatal,
            code: error.code.clone().into_owned(),
            grpc_code: error.grpc_code.number(),
            message: error.message.clone().into_owned(),
            retryable: error.retryable,
            retry_after_ms: error.retry_after_ms,
            context: error.context.iter().map(|(key, value)| (key.clone().into_owned(), value.clone().into_owned())).collect(),
            source: error.source.clone().map(Cow::into_owned),
            request_id: error.request_id.clone(),
        }
    }
}

/// The error that a frame reports: what [`ErrorFrame::new`] was given.
impl From<ErrorFrame> for Error {
    fn from(frame: ErrorFrame) -> Self {
        ErrorDetails {
            code: frame.code.into(),
            grpc_code: GrpcCode::from_number(u32::from(frame.grpc_code)),
            message: frame.message.into(),
            retryable: frame.retryable,
            context: frame.context.into_iter().map(|(key, value)| (key.into(), value.into())).collect(),
            retry_after_ms: frame.retry_after_ms,
            source: frame.source.map(Into::into),
            request_id: frame.request_id,
            cause: None,
        }
        .into()
    }
}
