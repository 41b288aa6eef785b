//! The fields that all events of the log share: chat, sequence, time and actor.

use alloc::string::String;
use serde::{Deserialize, Serialize};

use super::SingleServiceAddressInfo;

/// What every event of the durable log carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct EventContext {
    /// The chat it happened in.
    pub chat_guid: String,
    /// Its place in the server's one log: strictly increasing, not dense for a reader of chats only. At most 2^53 − 1.
    pub sequence: u64,
    /// Whether this account caused it.
    pub is_from_me: bool,
    /// When it happened, RFC 3339.
    pub occurred_at: String,
    /// Who caused it; absent when the server does not know, or it was this account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub actor: Option<SingleServiceAddressInfo>,
}
