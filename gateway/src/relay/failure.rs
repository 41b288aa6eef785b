//! The upstream's failures, as ours.

use std::error::Error as _;

use im_chats_protocol::error::{Error, ErrorCode};
use tonic::{Code, Status};

use crate::service::status::to_error;

/// Who answered, in an error that the upstream gave.
pub const UPSTREAM: &str = "upstream";

/// The error that a status means: what the upstream said, word for word, or what became of the connection to it.
#[must_use]
pub fn from_status(status: &Status) -> Error {
    if status.source().is_some() {
        return lost(status);
    }
    let mut error = to_error(status);
    error.source = Some(UPSTREAM.into());
    error
}

/// Nobody answered.
fn lost(status: &Status) -> Error {
    // The connection looks at the deadline of a call, too, and is sometimes the first to see it pass.
    if has_source::<tonic::TimeoutExpired>(status) {
        return timed_out();
    }
    let code = if status.code() == Code::DeadlineExceeded { ErrorCode::Timeout } else { ErrorCode::ServiceUnavailable };
    Error::new(code, format!("the upstream cannot be reached: {}", reason(status)))
}

/// The innermost reason: it is the one that an operator can do something about.
fn reason(status: &Status) -> String {
    let mut innermost: &dyn std::error::Error = status;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// Whether the connection was never there, so that nothing of a call can have arrived.
#[must_use]
pub fn never_connected(status: &Status) -> bool {
    has_source::<tonic::ConnectError>(status)
}

/// The upstream has let the time of a call pass.
#[must_use]
pub fn timed_out() -> Error {
    Error::new(ErrorCode::Timeout, "the upstream did not answer in time")
}

fn has_source<E: std::error::Error + 'static>(status: &Status) -> bool {
    let mut next = status.source();
    while let Some(error) = next {
        if error.is::<E>() {
            return true;
        }
        next = error.source();
    }
    false
}
