//! The list of chats. No proto has it, so its types are these.

use im_chats_protocol::grant::ChatSet;
use serde::Serialize;

use super::proto::Chat;

/// Which chats to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListChatsRequest {
    /// The archived ones, and not the visible ones.
    pub archived: bool,
    /// How many at most.
    pub page_size: usize,
    /// Where the page before ended.
    pub page_token: Option<String>,
    /// Only these.
    pub within: Option<ChatSet>,
}

/// A page of chats.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListChatsResponse {
    /// The chats, the one in which something happened last first.
    pub chats: Vec<Chat>,
    /// What gives the page after this one; absent when this is the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}
