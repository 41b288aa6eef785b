//! Messages, their content, and the format of their text.

use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use super::{
    AttachmentInfo, MessageAppliedReaction, MessagePlacedSticker, MessageReaction, MiniAppContent, SingleServiceAddressInfo,
};

/// What kind of entry of a chat a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub enum MessageItemType {
    /// A message.
    #[serde(rename = "normal")]
    Normal,
    /// A participant joined or left.
    #[serde(rename = "participantChange")]
    ParticipantChange,
    /// The group was renamed.
    #[serde(rename = "groupNameChange")]
    GroupNameChange,
    /// Something else happened to the chat.
    #[serde(rename = "chatAction")]
    ChatAction,
    /// A kind that this version does not know.
    #[serde(rename = "unknown")]
    Unknown,
}

/// A message. What only the real service knows is absent where the emulator, or a chat's `lastMessage`, is what you ask.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
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
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub subject: Option<String>,
    /// Whether this account sent it.
    pub is_from_me: bool,
    /// When it was written, RFC 3339.
    pub date_created: String,
    /// When it was read, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub date_read: Option<String>,
    /// Who sent it; absent for this account's own messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub sender: Option<SingleServiceAddressInfo>,
    /// When it reached the other side, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub date_delivered: Option<String>,
    /// When it was edited last, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub date_edited: Option<String>,
    /// When it was taken back, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub date_retracted: Option<String>,
    /// When its sound was played, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub date_played: Option<String>,
    /// When its effect was played, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub date_expressive_send_played: Option<String>,
    /// Whether it left the Mac.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub is_sent: Option<bool>,
    /// Whether it reached the other side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub is_delivered: Option<bool>,
    /// Whether it reached the other side without a notification.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub is_delivered_quietly: Option<bool>,
    /// Whether the recipient was notified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub did_notify_recipient: Option<bool>,
    /// Apple's code of why it was not sent; 0 = no error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub send_error_code: Option<i32>,
    /// Whether it is a voice message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub is_audio_message: Option<bool>,
    /// Whether it was sent by an automatic reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub is_auto_reply: Option<bool>,
    /// Whether Messages wrote it itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub is_system_message: Option<bool>,
    /// Whether it was forwarded between devices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub is_forward: Option<bool>,
    /// Whether it waits to be sent later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub is_delayed: Option<bool>,
    /// Whether it was filed as junk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub is_spam: Option<bool>,
    /// Whether addresses, links and the like were found in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub data_detector_results_present: Option<bool>,
    /// Whether this message (not its chat) is archived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub is_archived: Option<bool>,
    /// Whether the carrier sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub is_service_message: Option<bool>,
    /// Whether the Mac's database has it damaged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub is_corrupt: Option<bool>,
    /// Whether it disappears by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub is_expirable: Option<bool>,
    /// Whether name and photo were shared: 0 or 1, as Apple stores it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub share_status: Option<i32>,
    /// Who shared them: 0 = the other side, 1 = this account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub share_direction: Option<i32>,
    /// Whether it is a message, or an entry that Messages wrote about the chat. Absent = not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub item_type: Option<MessageItemType>,
    /// The new name, for an entry that says a group was renamed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub group_title: Option<String>,
    /// Apple's kind of chat action, for an entry that is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub chat_action_type: Option<i32>,
    /// The message that began the thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub thread_originator_guid: Option<String>,
    /// The part of that message that the thread hangs on, in Apple's notation: the part's number comes first, 0-based.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub thread_originator_part: Option<String>,
    /// The message it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub reply_target_guid: Option<String>,
    /// The address of this account that it was sent from or to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub destination_caller_id: Option<String>,
    /// The number of parts that its content was split into, such as texts and files. Absent = not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub part_count: Option<i32>,
    /// The group's name as the Mac keeps it with the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub cached_room_names: Option<String>,
    /// The message it is a tapback on, when it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub reaction_target_guid: Option<String>,
    /// The part of that message that the tapback is on, 0-based; absent = the whole message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub reaction_target_part_index: Option<i32>,
    /// The kind of tapback, when it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub reaction: Option<MessageReaction>,
    /// Whether the tapback was put on (or taken away).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub reaction_selected: Option<bool>,
    /// The tapbacks it has now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub applied_reactions: Option<Vec<MessageAppliedReaction>>,
    /// The stickers it has now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub placed_stickers: Option<Vec<MessagePlacedSticker>>,
}

/// The content of a message.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct MessageContent {
    /// Its text, when it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub text: Option<String>,
    /// Apple's identifier of the effect it was sent with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub expressive_send_style_id: Option<String>,
    /// The files that came with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub attachments: Option<Vec<AttachmentInfo>>,
    /// How stretches of the text look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub formatting: Option<Vec<TextFormat>>,
    /// Who is mentioned where in the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub mentions: Option<Vec<MessageMention>>,
    /// The message app it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub balloon_bundle_id: Option<String>,
    /// The card of that app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub mini_app: Option<MiniAppContent>,
}

/// How a stretch of a text looks; positions count UTF-16 units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct TextFormat {
    /// `bold`, `italic`, `underline`, `strikethrough`, `effect` …
    #[serde(rename = "type")]
    pub style: String,
    /// First UTF-16 unit, 0-based.
    pub start: i32,
    /// Number of UTF-16 units.
    pub length: i32,
    /// Apple's name of the text effect, for the type `effect`; else absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub effect_name: Option<String>,
}

/// Someone named in a text; positions count UTF-16 units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct MessageMention {
    /// Phone number or e-mail address of the person who is named.
    pub address: String,
    /// First UTF-16 unit, 0-based.
    pub start: i32,
    /// Number of UTF-16 units.
    pub length: i32,
}
