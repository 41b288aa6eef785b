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
