//! Chats, and what `chats.create` takes and returns.

use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use super::{ChatServiceType, MessageEffect, MessageSummary, SingleServiceAddressInfo};

/// A conversation, direct or group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct Chat {
    /// The server's identifier of the conversation; what every other method takes.
    pub guid: String,
    /// The other side's address for a direct chat, the group's own identifier for a group; absent = not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub chat_identifier: Option<String>,
    /// The group's stable identifier; absent for a direct chat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub group_id: Option<String>,
    /// The name to show; empty when nobody gave one.
    pub display_name: String,
    /// Whether this is a group chat.
    pub is_group: bool,
    /// The transport of the conversation.
    pub service: ChatServiceType,
    /// Whether the chat was archived.
    pub is_archived: bool,
    /// Whether the system filed the chat under unknown senders or junk.
    pub is_filtered: bool,
    /// The number of unread messages. Absent = not known, 0 = all read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub unread_count: Option<u32>,
    /// The other people in the chat.
    pub participants: Vec<SingleServiceAddressInfo>,
    /// The latest message, in short; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub last_message: Option<MessageSummary>,
}

/// What `chats.create` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct CreateChatResult {
    /// The chat, created now or found.
    pub chat: Chat,
    /// The opening message, in short; absent when the call had no `message`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub initial_message: Option<MessageSummary>,
}

/// Options of `chats.create`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct CreateChatOptions {
    /// Opening text, sent as part of the same call; not empty. Without it the chat is made, and nothing is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional, type = "string | undefined"))]
    pub message: Option<String>,
    /// Effect of the opening message, by its short name (`"confetti"`) or Apple's identifier (`MessageEffect.confetti`); goes
    /// out only together with `message`. Without it the message has no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional, type = "MessageEffectName | MessageEffect | undefined"))]
    pub effect: Option<MessageEffect>,
    /// Subject line of the opening message; goes out only together with `message`. Without it the message has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional, type = "string | undefined"))]
    pub subject: Option<String>,
    /// Idempotency key of this one logical create: the same key and the same request give the first result again. Any text of 1
    /// to 255 bytes in UTF-8 that is not only white space and has no control characters. Without it the call makes one of its
    /// own, which holds for its own retries; see `autoIdempotency` of `createClient`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional, type = "string | undefined"))]
    pub client_message_id: Option<String>,
}
