//! Events of a message: received, edited, read, unsent, reactions and stickers.

use alloc::boxed::Box;
use alloc::string::String;
use serde::{Deserialize, Serialize};

use super::{AttachmentInfo, EventContext, Message, MessageContent, MessageReaction, StickerPlacement};

/// A message landed in a chat, sent by this account or received.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct MessageReceived {
    /// Chat, sequence, time.
    #[serde(flatten)]
    pub context: EventContext,
    /// The message.
    pub message: Box<Message>,
}

/// A message got another content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct MessageEdited {
    /// Chat, sequence, time.
    #[serde(flatten)]
    pub context: EventContext,
    /// The `guid` of the message that changed.
    pub message_guid: String,
    /// What it says now.
    pub content: MessageContent,
    /// When it was edited, RFC 3339.
    pub edited_at: String,
}

/// A message of this account was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct MessageRead {
    /// Chat, sequence, time.
    #[serde(flatten)]
    pub context: EventContext,
    /// The `guid` of the message that changed.
    pub message_guid: String,
    /// When it was read, RFC 3339.
    pub read_at: String,
}

/// A message was taken back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct MessageUnsent {
    /// Chat, sequence, time.
    #[serde(flatten)]
    pub context: EventContext,
    /// The `guid` of the message that changed.
    pub message_guid: String,
    /// When it was taken back, RFC 3339.
    pub retracted_at: String,
}

/// A tapback was put on a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct MessageReactionAdded {
    /// Chat, sequence, time.
    #[serde(flatten)]
    pub context: EventContext,
    /// The `guid` of the message that changed.
    pub message_guid: String,
    /// The tapback.
    pub reaction: MessageReaction,
    /// The part of the message that it is on, 0-based; absent = the whole message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub target_part_index: Option<i32>,
}

/// A tapback was taken from a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct MessageReactionRemoved {
    /// Chat, sequence, time.
    #[serde(flatten)]
    pub context: EventContext,
    /// The `guid` of the message that changed.
    pub message_guid: String,
    /// The tapback that is gone.
    pub reaction: MessageReaction,
    /// The part of the message that it is on, 0-based; absent = the whole message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub target_part_index: Option<i32>,
}

/// A sticker was put on a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct MessageStickerPlaced {
    /// Chat, sequence, time.
    #[serde(flatten)]
    pub context: EventContext,
    /// The `guid` of the message that changed.
    pub message_guid: String,
    /// The image of the sticker; absent = not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub sticker: Option<AttachmentInfo>,
    /// The sticker's place on the message; absent = not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub placement: Option<StickerPlacement>,
    /// The part of the message that it is on, 0-based; absent = the whole message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub target_part_index: Option<i32>,
}

tagged_union! {
    /// A change of a message; `type` tells which.
    pub enum MessageEvent {
        /// A message landed in a chat.
        Received(MessageReceived) = "message.received",
        /// A message was edited.
        Edited(MessageEdited) = "message.edited",
        /// A message of this account was read.
        Read(MessageRead) = "message.read",
        /// A message was taken back.
        Unsent(MessageUnsent) = "message.unsent",
        /// A tapback was put on a message.
        ReactionAdded(MessageReactionAdded) = "message.reactionAdded",
        /// A tapback was taken from a message.
        ReactionRemoved(MessageReactionRemoved) = "message.reactionRemoved",
        /// A sticker was put on a message.
        StickerPlaced(MessageStickerPlaced) = "message.stickerPlaced",
    }
}

impl MessageEvent {
    /// What every event carries.
    #[must_use]
    pub const fn context(&self) -> &EventContext {
        match self {
            Self::Received(event) => &event.context,
            Self::Edited(event) => &event.context,
            Self::Read(event) => &event.context,
            Self::Unsent(event) => &event.context,
            Self::ReactionAdded(event) => &event.context,
            Self::ReactionRemoved(event) => &event.context,
            Self::StickerPlaced(event) => &event.context,
        }
    }
}
