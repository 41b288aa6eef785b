//! The shapes that only JavaScript sees: options, and what is reported of the connection. tsify writes their TypeScript; their values
//! are read in `input.rs`, or made as [`Value`](crate::value::Value)s.
//!
//! Not read with `Ts<T>::to_rust`: serde's derived code and the texts of its errors, which do not name the field, cost 7 KB or more.

#![expect(dead_code, reason = "only their TypeScript is used")]

use tsify::Tsify;

/// Options that every call takes.
#[derive(Tsify)]
pub struct CallOptions {
    /// Aborts the call; it then rejects with the signal's reason. Without it only the client's `timeout` limits the call.
    #[tsify(optional, type = "AbortSignal | undefined")]
    signal: (),
}

/// Options of `chats.count`.
#[derive(Tsify)]
#[serde(rename_all = "camelCase")]
pub struct CountChatsOptions {
    /// Also count archived chats. Default false.
    #[tsify(optional, type = "boolean | undefined")]
    include_archived: bool,
}

/// What a token may allow: one of the scopes of `tokens.create`.
///
/// - `chats:read`: reading chats, and listing them
/// - `chats:write`: changing chats: marking them read, typing, backgrounds, the contact card
/// - `chats:create`: creating chats, or finding the one there is; not with a token that is limited to chats
/// - `chats:count`: counting all chats; not with a token that is limited to chats
/// - `events`: events about chats
/// - `events:all`: events of every kind, messages included
/// - `messages:read`: reading messages, polls and attachments
/// - `messages:write`: sending and changing messages, reactions, polls and attachments
/// - `groups:write`: changing groups: their name, people and icon
#[derive(Tsify)]
pub enum TokenScope {
    #[serde(rename = "chats:read")]
    ChatsRead,
    #[serde(rename = "chats:write")]
    ChatsWrite,
    #[serde(rename = "chats:create")]
    ChatsCreate,
    #[serde(rename = "chats:count")]
    ChatsCount,
    #[serde(rename = "events")]
    Events,
    #[serde(rename = "events:all")]
    EventsAll,
    #[serde(rename = "messages:read")]
    MessagesRead,
    #[serde(rename = "messages:write")]
    MessagesWrite,
    #[serde(rename = "groups:write")]
    GroupsWrite,
}

/// What `tokens.create` makes a token of.
#[derive(Tsify)]
#[serde(rename_all = "camelCase")]
pub struct CreateTokenOptions {
    /// Whose token it is: your own id of the user, 1 to 256 bytes of UTF-8. The audit log has its hash, and limits count by it.
    sub: String,
    /// What it allows: a list such as `["chats:read", "events"]`, or its space-separated form. At least one scope.
    #[tsify(type = "TokenScope | readonly TokenScope[] | (string & {})")]
    scope: (),
    /// The chats it is for, by their `guid`: 1 to 100. Without it: every chat.
    #[tsify(optional, type = "readonly string[] | undefined")]
    chats: (),
    /// How long it is good for, a whole number of seconds, 1 to 86,400 (a day). Short is better; the client asks its token function for the next one.
    ttl_seconds: f64,
}

/// A token that was made.
#[derive(Tsify)]
#[serde(rename_all = "camelCase")]
pub struct CreateTokenResult {
    /// The token, for the option `token` of a client.
    token: String,
    /// When it ends: an RFC 3339 timestamp such as `2026-11-27T08:00:00.000Z`.
    expires_at: String,
}

/// A stretch of the log that a stream left out, because the server no longer holds it.
#[derive(Tsify)]
pub struct Gap {
    /// The last sequence before the gap.
    from: f64,
    /// The last sequence inside the gap; the stream goes on behind it.
    to: f64,
}

/// An attempt to connect that failed, or a connection that was lost.
#[derive(Tsify)]
#[serde(rename_all = "camelCase")]
pub struct FailedAttempt {
    /// How many attempts failed in a row, this one included. 0: a connection that worked was lost.
    number: f64,
    /// The address of the WebSocket, such as `ws://127.0.0.1:8787/v1/events`.
    address: String,
    /// When the next attempt begins, in milliseconds since the epoch, as of `Date.now()`. Absent when there is none.
    #[tsify(optional)]
    next_attempt_at: f64,
}

/// Where the user of a stream is that was closed.
#[derive(Tsify)]
pub struct StreamEnd {
    /// The cursor: everything up to it was handled. Absent when the stream was never attached.
    #[tsify(optional)]
    handled: String,
    /// The cursor once the event that was given last is handled, too.
    #[tsify(optional)]
    given: String,
}
