//! The rule that sequences increase. Both engines of the log check it here.

use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::number::MAX_SAFE_INTEGER;
use im_chats_protocol::server::LoggedEvent;

/// The head of a log after `events` were appended to it; `head` is the one before.
///
/// # Errors
/// `internalError` when a sequence does not increase or leaves the exact range.
pub fn head_after(head: u64, events: &[LoggedEvent]) -> Result<u64, Error> {
    let mut last = head;
    for event in events {
        if event.sequence <= last || event.sequence > MAX_SAFE_INTEGER {
            return Err(Error::new(ErrorCode::InternalError, "an event's sequence is out of order or out of range")
                .with_context("sequence", event.sequence.to_string())
                .with_context("head", last.to_string()));
        }
        last = event.sequence;
    }
    Ok(last)
}
