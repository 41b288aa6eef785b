//! What a session knows of a subscription that waits for a replica of the log.

use alloc::string::String;

use crate::wire::frame::SubscriptionId;

/// One of them.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) id: SubscriptionId,
    /// The log that its cursor is of, if the client has said so.
    pub(super) log: Option<String>,
    /// Its cursor.
    pub(super) after: u64,
    /// Then it is refused.
    pub(super) until: u64,
    /// Answers to questions up to this one may be older than the cursor.
    pub(super) asked_before: u64,
}
