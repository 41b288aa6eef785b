//! Messages, their content, and the format of their text.

use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use super::{
    AttachmentInfo, MessageAppliedReaction, MessagePlacedSticker, MessageReaction, MiniAppContent, SingleServiceAddressInfo,
};

/// What kind of entry of a chat a message is.
///
/// - `normal`: a message
/// - `participantChange`: a participant joined or left
/// - `groupNameChange`: the group was renamed
/// - `chatAction`: something else happened to the chat
/// - `unknown`: a kind that this version does not know
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

/// A message, as an event brings it. What only the real service knows is absent where the emulator is what you ask.
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
    /// Subject line; absent when it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub subject: Option<String>,
    /// Whether this account sent it.
    pub is_from_me: bool,
    /// When it was written, RFC 3339.
    pub date_created: String,
    /// When it was read, RFC 3339; absent when it was not, or this is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub date_read: Option<String>,
    /// Who sent it; absent for this account's own messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub sender: Option<SingleServiceAddressInfo>,
    /// When it reached the other side, RFC 3339; absent when it did not, or this is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub date_delivered: Option<String>,
    /// When it was edited last, RFC 3339; absent when it never was, or this is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub date_edited: Option<String>,
    /// When it was taken back, RFC 3339; absent when it was not, or this is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub date_retracted: Option<String>,
    /// When its sound was played, RFC 3339; absent when it was not, or this is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub date_played: Option<String>,
    /// When its effect was played, RFC 3339; absent when it was not, or this is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub date_expressive_send_played: Option<String>,
    /// Whether it left the Mac. Absent = not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub is_sent: Option<bool>,
    /// Whether it reached the other side. Absent = not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub is_delivered: Option<bool>,
    /// Whether it reached the other side without a notification. Absent = not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub is_delivered_quietly: Option<bool>,
    /// Whether the recipient was notified. Absent = not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub did_notify_recipient: Option<bool>,
    /// Apple's code of why it was not sent; 0 = no error, absent = not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub send_error_code: Option<i32>,
    /// Whether it is a voice message. Absent = not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub is_audio_message: Option<bool>,
    /// Whether it was sent by an automatic reply. Absent = not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub is_auto_reply: Option<bool>,
    /// Whether Messages wrote it itself. Absent = not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub is_system_message: Option<bool>,
    /// Whether it was forwarded between devices. Absent = not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub is_forward: Option<bool>,
    /// Whether it waits to be sent later. Absent = not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub is_delayed: Option<bool>,
    /// Whether it was filed as junk. Absent = not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub is_spam: Option<bool>,
    /// Whether addresses, links and the like were found in it. Absent = not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub data_detector_results_present: Option<bool>,
    /// Whether this message (not its chat) is archived. Absent = not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub is_archived: Option<bool>,
    /// Whether the carrier sent it. Absent = not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub is_service_message: Option<bool>,
    /// Whether the Mac's database has it damaged. Absent = not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub is_corrupt: Option<bool>,
    /// Whether it disappears by itself. Absent = not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub is_expirable: Option<bool>,
    /// Whether name and photo were shared: 0 or 1, as Apple stores it. Absent = not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub share_status: Option<i32>,
    /// Who shared name and photo: 0 = the other side, 1 = this account. Absent = not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub share_direction: Option<i32>,
    /// Whether it is a message, or an entry that Messages wrote about the chat. Absent = not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub item_type: Option<MessageItemType>,
    /// The new name, for an entry that says a group was renamed; else absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub group_title: Option<String>,
    /// Apple's kind of chat action, for an entry that is one; else absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub chat_action_type: Option<i32>,
    /// The `guid` of the message that began the thread; absent when it stands in none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub thread_originator_guid: Option<String>,
    /// The part of that message that the thread hangs on, in Apple's notation: the part's number comes first,
    /// 0-based. Absent when it stands in no thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub thread_originator_part: Option<String>,
    /// The `guid` of the message it answers; absent when it answers none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub reply_target_guid: Option<String>,
    /// The address of this account that it was sent from or to. Absent = not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub destination_caller_id: Option<String>,
    /// The number of parts that its content was split into, such as texts and files. Absent = not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub part_count: Option<i32>,
    /// The group's name as the Mac keeps it with the message; absent when it keeps none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub cached_room_names: Option<String>,
    /// The `guid` of the message it is a tapback on; absent when it is no tapback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub reaction_target_guid: Option<String>,
    /// The part of that message that the tapback is on, 0-based; absent = the whole message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub reaction_target_part_index: Option<i32>,
    /// The kind of tapback; absent when it is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub reaction: Option<MessageReaction>,
    /// Whether the tapback was put on; false when it was taken away, absent when it is no tapback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub reaction_selected: Option<bool>,
    /// The tapbacks it has now. Absent = not known, empty = none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub applied_reactions: Option<Vec<MessageAppliedReaction>>,
    /// The stickers it has now. Absent = not known, empty = none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub placed_stickers: Option<Vec<MessagePlacedSticker>>,
}

/// A message in short, as a call tells of it: a chat's `lastMessage`, and the `initialMessage` of `chats.create`. The whole
/// message, with its attachments and the rest, comes as an event.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct MessageSummary {
    /// The server's identifier of the message.
    pub guid: String,
    /// The chats the message stands in, each by its `guid`.
    pub chat_guids: Vec<String>,
    /// What it says.
    pub content: MessageSummaryContent,
    /// Subject line; absent when it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub subject: Option<String>,
    /// Whether this account sent it.
    pub is_from_me: bool,
    /// When it was written, RFC 3339.
    pub date_created: String,
    /// When it was read, RFC 3339; absent when it was not, or this is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub date_read: Option<String>,
    /// Who sent it; absent for this account's own messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub sender: Option<SingleServiceAddressInfo>,
}

/// The content of a `MessageSummary`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct MessageSummaryContent {
    /// Its text; absent when it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub text: Option<String>,
    /// Apple's identifier of the effect it was sent with; absent when there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub expressive_send_style_id: Option<String>,
}

impl Message {
    /// What a call tells of the message.
    #[must_use]
    pub fn summary(&self) -> MessageSummary {
        let MessageContent { text, expressive_send_style_id, .. } = &self.content;
        MessageSummary {
            guid: self.guid.clone(),
            chat_guids: self.chat_guids.clone(),
            content: MessageSummaryContent { text: text.clone(), expressive_send_style_id: expressive_send_style_id.clone() },
            subject: self.subject.clone(),
            is_from_me: self.is_from_me,
            date_created: self.date_created.clone(),
            date_read: self.date_read.clone(),
            sender: self.sender.clone(),
        }
    }
}

impl From<MessageSummary> for Message {
    fn from(summary: MessageSummary) -> Self {
        let MessageSummary { guid, chat_guids, content, subject, is_from_me, date_created, date_read, sender } = summary;
        let MessageSummaryContent { text, expressive_send_style_id } = content;
        Self {
            guid,
            chat_guids,
            content: MessageContent { text, expressive_send_style_id, ..MessageContent::default() },
            subject,
            is_from_me,
            date_created,
            date_read,
            sender,
            ..Self::default()
        }
    }
}

/// The content of a message, as an event brings it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct MessageContent {
    /// Its text; absent when it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub text: Option<String>,
    /// Apple's identifier of the effect it was sent with; absent when there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub expressive_send_style_id: Option<String>,
    /// The files that came with it. Absent = not known, empty = none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub attachments: Option<Vec<AttachmentInfo>>,
    /// How stretches of the text look. Absent = not known, empty = all plain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub formatting: Option<Vec<TextFormat>>,
    /// Who is mentioned where in the text. Absent = not known, empty = nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub mentions: Option<Vec<MessageMention>>,
    /// Apple's identifier of the message app it belongs to; absent when it belongs to none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub balloon_bundle_id: Option<String>,
    /// The card of that app; absent when there is none.
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
    /// Number of UTF-16 units, from `start` on.
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
    /// Number of UTF-16 units, from `start` on.
    pub length: i32,
}
