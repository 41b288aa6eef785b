use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use super::SingleServiceAddressInfo;

/// A message, as far as chats show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(target_arch = "wasm32", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// The server's identifier of the message.
    pub guid: String,
    /// The chats the message stands in.
    pub chat_guids: Vec<String>,
    /// What it says.
    pub content: MessageContent,
    /// Subject line, when it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(target_arch = "wasm32", tsify(optional))]
    pub subject: Option<String>,
    /// Whether this account sent it.
    pub is_from_me: bool,
    /// When it was written, RFC 3339.
    pub date_created: String,
    /// When it was read, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(target_arch = "wasm32", tsify(optional))]
    pub date_read: Option<String>,
    /// Who sent it; absent for this account's own messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(target_arch = "wasm32", tsify(optional))]
    pub sender: Option<SingleServiceAddressInfo>,
}

/// The content of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(target_arch = "wasm32", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct MessageContent {
    /// Its text, when it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(target_arch = "wasm32", tsify(optional))]
    pub text: Option<String>,
    /// Apple's identifier of the effect it was sent with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(target_arch = "wasm32", tsify(optional))]
    pub expressive_send_style_id: Option<String>,
}
