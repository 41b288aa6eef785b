//! The frames of `im.events.v1.json`; `docs/protocol.md` is their contract, and its transcripts run against both ends.
//!
//! One definition serves both: the gateway writes and reads them with serde, the binding fills the same types from the
//! objects that the runtime's own `JSON.parse` made, without copying an event.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorDetails, GrpcCode};

/// The WebSocket subprotocol, which client and server must both name.
pub const SUBPROTOCOL: &str = "im.events.v1.json";

/// The protocol version in `ready`.
pub const PROTOCOL: u32 = 1;

/// The name a client gives a subscription, unique on its socket: a string of 1 to 64 bytes or a safe integer. The server
/// gives it back exactly as it came.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SubscriptionId {
    /// A number, which is what our own client uses.
    Number(u64),
    /// A text.
    Text(String),
}

/// Which events a subscription sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Topic {
    /// Chat events only.
    Chats,
    /// Everything in the log.
    All,
}

/// Where a subscription ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Until {
    /// At the head of the moment it began: a catch-up.
    Head,
}

/// Where a subscription begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct After {
    /// The log the sequence belongs to; absent = whichever the server has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// Everything up to and including it is known already.
    pub sequence: u64,
}

/// Who the client is, for the operator's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientInfo {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// A subscription as the client asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subscribe {
    /// Its name on this socket.
    pub id: SubscriptionId,
    /// What it sees.
    pub topic: Topic,
    /// Only this chat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat: Option<String>,
    /// Where it begins; absent = the head of this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<After>,
    /// Where it ends by itself; absent = never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Until>,
    /// How many events the client can take now.
    pub credit: u64,
}

/// A frame from the client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ClientFrame {
    /// First on the socket: the credential.
    Init {
        /// The bearer token; may be absent when the upgrade carried an `Authorization` header.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<String>,
        /// Who is calling.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client: Option<ClientInfo>,
    },
    /// Opens a subscription.
    Subscribe(Subscribe),
    /// The client can take more events.
    Credit {
        /// Which subscription.
        id: SubscriptionId,
        /// How many more.
        add: u64,
    },
    /// Ends a subscription; the server answers `complete`.
    Unsubscribe {
        /// Which subscription.
        id: SubscriptionId,
    },
    /// A fresh token for a session about to expire.
    Token {
        /// The bearer token.
        token: String,
    },
    /// Asks for a `pong`.
    Ping {
        /// Comes back in the answer.
        n: u64,
    },
}

/// The log as `ready` describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogInfo {
    /// Its identity: another id is another log.
    pub id: String,
    /// The smallest cursor that is still good: every event after it is held.
    pub first: u64,
    /// The last sequence written, 0 when nothing was.
    pub head: u64,
}

/// What the server takes and gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
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

/// The position a subscription begins at, as the server understood it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attached {
    /// The log.
    pub log: String,
    /// The sequence.
    pub sequence: u64,
}

/// A frame from the server. `B` is a batch of events in whatever form the reader keeps them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ServerFrame<B> {
    /// The token was accepted.
    Ready {
        /// [`PROTOCOL`].
        protocol: u32,
        /// The log this server serves.
        log: LogInfo,
        /// How often a heartbeat comes, in milliseconds.
        heartbeat_interval_ms: u64,
        /// What the server takes and gives.
        limits: Limits,
        /// When the token ends, in milliseconds from now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token_expires_in_ms: Option<u64>,
    },
    /// The cursor is attached.
    Subscribed {
        /// Which subscription.
        id: SubscriptionId,
        /// Where it begins.
        after: Attached,
        /// The log's head at this moment.
        head: u64,
    },
    /// Everything in `prev < sequence ≤ through` that the subscription's filter lets pass.
    Events {
        /// Which subscription.
        id: SubscriptionId,
        /// Must equal the client's position.
        prev: u64,
        /// The client's next position.
        through: u64,
        /// The events, in order; may be empty.
        events: B,
    },
    /// The position reached the head told in `subscribed`; once.
    CaughtUp {
        /// Which subscription.
        id: SubscriptionId,
        /// That head.
        head: u64,
    },
    /// The subscription is over.
    Complete {
        /// Which subscription.
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
        /// As asked.
        n: u64,
    },
}

/// The `error` frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorFrame {
    /// The subscription that ends with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<SubscriptionId>,
    /// Whether a close follows.
    pub fatal: bool,
    /// An `ErrorCode`.
    pub code: String,
    /// The gRPC status number.
    pub grpc_code: u8,
    /// One sentence for a person.
    pub message: String,
    /// Whether trying again may help.
    pub retryable: bool,
    /// How long to wait before that, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// Facts by name, an object on the wire. A list here, because no reader looks many up, and a map's code is long.
    #[serde(default, with = "facts")]
    pub context: Vec<(String, String)>,
    /// Who reports it, where it is not the server itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The id of the request that met it, for the server's operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
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

/// A list of names and values as an object.
mod facts {
    use alloc::collections::BTreeMap;
    use alloc::string::String;
    use alloc::vec::Vec;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(facts: &[(String, String)], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(facts.iter().map(|(name, value)| (name, value)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(String, String)>, D::Error> {
        Ok(BTreeMap::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_frames_read_as_the_protocol_writes_them() {
        let text =
            r#"{"type":"subscribe","id":"a","topic":"chats","after":{"sequence":3},"until":"head","credit":10,"extra":1}"#;
        let frame: Result<ClientFrame, _> = serde_json::from_str(text);
        assert_eq!(
            frame.ok(),
            Some(ClientFrame::Subscribe(Subscribe {
                id: SubscriptionId::Text("a".into()),
                topic: Topic::Chats,
                chat: None,
                after: Some(After { log: None, sequence: 3 }),
                until: Some(Until::Head),
                credit: 10,
            }))
        );
    }

    #[test]
    fn server_frames_are_camel_case_throughout() {
        let frame = ServerFrame::<Vec<u8>>::Drain { reconnect_min_ms: 1, reconnect_max_ms: 2 };
        let text = serde_json::to_string(&frame).unwrap_or_default();
        assert_eq!(text, r#"{"type":"drain","reconnectMinMs":1,"reconnectMaxMs":2}"#);
        let frame = ServerFrame::<Vec<u8>>::CaughtUp { id: SubscriptionId::Number(1), head: 4 };
        assert_eq!(serde_json::to_string(&frame).unwrap_or_default(), r#"{"type":"caughtUp","id":1,"head":4}"#);
    }
}
