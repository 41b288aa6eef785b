//! The error of a full server, the same in every front.

use im_chats_protocol::error::{Error, ErrorCode};

/// The server has as many `what` (a plural) as it takes. That is the server's state and not the caller's rate, so it is
/// `serviceUnavailable`; `context.limit` says how many.
#[must_use]
pub fn error(what: &str, limit: usize) -> Error {
    Error::new(ErrorCode::ServiceUnavailable, format!("the server has as many {what} as it takes; try again later"))
        .with_context("limit", limit.to_string())
}
