//! Tapbacks and stickers on a message.

use alloc::string::String;
use serde::{Deserialize, Serialize};

use super::{AttachmentInfo, SingleServiceAddressInfo};

/// The kinds of tapback.
///
/// - `love`: a heart
/// - `like`: a thumb up
/// - `dislike`: a thumb down
/// - `laugh`: ha ha
/// - `emphasize`: two exclamation marks
/// - `question`: a question mark
/// - `emoji`: any emoji; the tapback's `emoji` says which
/// - `sticker`: a sticker
/// - `unknown`: one that this version does not know
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub enum MessageReactionKind {
    /// A heart.
    #[serde(rename = "love")]
    Love,
    /// A thumb up.
    #[serde(rename = "like")]
    Like,
    /// A thumb down.
    #[serde(rename = "dislike")]
    Dislike,
    /// Ha ha.
    #[serde(rename = "laugh")]
    Laugh,
    /// Two exclamation marks.
    #[serde(rename = "emphasize")]
    Emphasize,
    /// A question mark.
    #[serde(rename = "question")]
    Question,
    /// Any emoji; `emoji` says which.
    #[serde(rename = "emoji")]
    Emoji,
    /// A sticker.
    #[serde(rename = "sticker")]
    Sticker,
    /// One that this version does not know.
    #[serde(rename = "unknown")]
    Unknown,
}

/// A tapback.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct MessageReaction {
    /// One of the fixed tapbacks, or `emoji` or `sticker`.
    pub kind: MessageReactionKind,
    /// The emoji itself, for the kind `emoji`; else absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub emoji: Option<String>,
}

/// Where a sticker sits on its message, in Apple's normalised coordinates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct StickerPlacement {
    /// Distance from the left edge of the message, as a share of its width.
    pub x: f64,
    /// Distance from the top edge of the message, as a share of its height.
    pub y: f64,
    /// Size, as a factor. Absent = not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub scale: Option<f64>,
    /// Angle of rotation, as the service reports it. Absent = not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub rotation: Option<f64>,
    /// Width of the sticker, as the service reports it. Absent = not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub width: Option<f64>,
}

/// A tapback that a message has now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct MessageAppliedReaction {
    /// The `guid` of the tapback's own message.
    pub message_guid: String,
    /// The part of the message that it is on, 0-based; absent = the whole message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub target_part_index: Option<i32>,
    /// The tapback.
    pub reaction: MessageReaction,
    /// Who made it; absent = not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub sender: Option<SingleServiceAddressInfo>,
    /// Whether this account made it.
    pub is_from_me: bool,
    /// When it was put there, RFC 3339.
    pub date_created: String,
}

/// A sticker that a message has now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct MessagePlacedSticker {
    /// The `guid` of the sticker's own message.
    pub message_guid: String,
    /// The part of the message that it is on, 0-based; absent = the whole message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub target_part_index: Option<i32>,
    /// Who placed it; absent = not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub sender: Option<SingleServiceAddressInfo>,
    /// Whether this account placed it.
    pub is_from_me: bool,
    /// When it was put there, RFC 3339.
    pub date_created: String,
    /// Its image; absent = not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub sticker: Option<AttachmentInfo>,
    /// Where it sits; absent = not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub placement: Option<StickerPlacement>,
}
