//! Answers about messages and attachments: from proto3-JSON to the documented shapes. A group's answers are those of chats.

use crate::wire::response::Presence::{Default, Optional, Required};
use crate::wire::response::ResponseKind::{Choice as Chosen, Flag, Integer, List, Number, Object, Text};
use crate::wire::response::{ADDRESS, Choice, Part, ResponseField, ResponseTable, field};

/// `MessageItemType`.
const ITEM_TYPES: &[Choice] = &[
    ("MESSAGE_ITEM_TYPE_NORMAL", "normal"),
    ("MESSAGE_ITEM_TYPE_PARTICIPANT_CHANGE", "participantChange"),
    ("MESSAGE_ITEM_TYPE_GROUP_NAME_CHANGE", "groupNameChange"),
    ("MESSAGE_ITEM_TYPE_CHAT_ACTION", "chatAction"),
];

/// `MessageReactionKind`.
pub const REACTION_KINDS: &[Choice] = &[
    ("MESSAGE_REACTION_KIND_LOVE", "love"),
    ("MESSAGE_REACTION_KIND_LIKE", "like"),
    ("MESSAGE_REACTION_KIND_DISLIKE", "dislike"),
    ("MESSAGE_REACTION_KIND_LAUGH", "laugh"),
    ("MESSAGE_REACTION_KIND_EMPHASIZE", "emphasize"),
    ("MESSAGE_REACTION_KIND_QUESTION", "question"),
    ("MESSAGE_REACTION_KIND_EMOJI", "emoji"),
    ("MESSAGE_REACTION_KIND_STICKER", "sticker"),
];

/// `TransferState`, whose numbers leave two out.
const TRANSFER_STATES: &[Choice] = &[
    ("TRANSFER_STATE_PENDING", "pending"),
    ("TRANSFER_STATE_TRANSFERRING", "transferring"),
    ("TRANSFER_STATE_FAILED", "failed"),
    ("", ""),
    ("", ""),
    ("TRANSFER_STATE_FINISHED", "finished"),
];

/// `CompanionKind`, whose first value means that there is none.
const COMPANION_KINDS: &[Choice] = &[("", ""), ("COMPANION_KIND_LIVE_PHOTO_VIDEO", "live-photo-video")];

/// `AttachmentInfo`.
pub const ATTACHMENT: &[ResponseField] = &[
    field("guid", Text, Required),
    field("originalGuid", Text, Optional),
    field("fileName", Text, Default),
    field("mimeType", Text, Default),
    field("uti", Text, Default),
    field("totalBytes", Integer, Default),
    field("isOutgoing", Flag, Default),
    field("transferState", Chosen(TRANSFER_STATES), Default),
    field("isHidden", Flag, Default),
    field("isSticker", Flag, Default),
    field("companionKind", Chosen(COMPANION_KINDS), Optional),
];

pub(super) const TEXT_FORMAT: &[ResponseField] = &[
    field("type", Text, Default),
    field("start", Number, Default),
    field("length", Number, Default),
    field("effectName", Text, Optional),
];

pub(super) const MENTION: &[ResponseField] =
    &[field("address", Text, Default), field("start", Number, Default), field("length", Number, Default)];

pub(super) const MINI_APP_LAYOUT: &[ResponseField] = &[
    field("caption", Text, Optional),
    field("subcaption", Text, Optional),
    field("trailingCaption", Text, Optional),
    field("trailingSubcaption", Text, Optional),
    field("imageTitle", Text, Optional),
    field("imageSubtitle", Text, Optional),
    field("summary", Text, Optional),
];

pub(super) const MINI_APP: &[ResponseField] = &[
    field("teamId", Text, Default),
    field("extensionBundleId", Text, Default),
    field("appName", Text, Optional),
    field("url", Text, Optional),
    field("sessionId", Text, Optional),
    field("appStoreId", Integer, Optional),
    field("live", Flag, Default),
    field("layout", Object(MINI_APP_LAYOUT), Optional),
];

/// `MessageContent`, whole.
pub(super) const CONTENT: &[ResponseField] = &[
    field("text", Text, Optional),
    field("expressiveSendStyleId", Text, Optional),
    field("attachments", List(&Object(ATTACHMENT)), Default),
    field("formatting", List(&Object(TEXT_FORMAT)), Default),
    field("mentions", List(&Object(MENTION)), Default),
    field("balloonBundleId", Text, Optional),
    field("miniApp", Object(MINI_APP), Optional),
];

pub(super) const REACTION: &[ResponseField] = &[field("kind", Chosen(REACTION_KINDS), Default), field("emoji", Text, Optional)];

pub(super) const APPLIED_REACTION: &[ResponseField] = &[
    field("messageGuid", Text, Default),
    field("targetPartIndex", Number, Optional),
    field("reaction", Object(REACTION), Required),
    field("sender", Object(ADDRESS), Optional),
    field("isFromMe", Flag, Default),
    field("dateCreated", Text, Required),
];

pub(super) const PLACEMENT: &[ResponseField] = &[
    field("x", Number, Default),
    field("y", Number, Default),
    field("scale", Number, Optional),
    field("rotation", Number, Optional),
    field("width", Number, Optional),
];

pub(super) const PLACED_STICKER: &[ResponseField] = &[
    field("messageGuid", Text, Default),
    field("targetPartIndex", Number, Optional),
    field("sender", Object(ADDRESS), Optional),
    field("isFromMe", Flag, Default),
    field("dateCreated", Text, Required),
    field("sticker", Object(ATTACHMENT), Optional),
    field("placement", Object(PLACEMENT), Optional),
];

/// `Message`, whole, in the order of the documented shape.
pub const MESSAGE: &[ResponseField] = &[
    field("guid", Text, Required),
    field("chatGuids", List(&Text), Default),
    field("content", Object(CONTENT), Required),
    field("subject", Text, Optional),
    field("isFromMe", Flag, Default),
    field("dateCreated", Text, Required),
    field("dateRead", Text, Optional),
    field("sender", Object(ADDRESS), Optional),
    field("dateDelivered", Text, Optional),
    field("dateEdited", Text, Optional),
    field("dateRetracted", Text, Optional),
    field("datePlayed", Text, Optional),
    field("dateExpressiveSendPlayed", Text, Optional),
    field("isSent", Flag, Default),
    field("isDelivered", Flag, Default),
    field("isDeliveredQuietly", Flag, Default),
    field("didNotifyRecipient", Flag, Default),
    field("sendErrorCode", Number, Default),
    field("isAudioMessage", Flag, Default),
    field("isAutoReply", Flag, Default),
    field("isSystemMessage", Flag, Default),
    field("isForward", Flag, Default),
    field("isDelayed", Flag, Default),
    field("isSpam", Flag, Default),
    field("dataDetectorResultsPresent", Flag, Default),
    field("isArchived", Flag, Default),
    field("isServiceMessage", Flag, Default),
    field("isCorrupt", Flag, Default),
    field("isExpirable", Flag, Default),
    field("shareStatus", Number, Optional),
    field("shareDirection", Number, Optional),
    field("itemType", Chosen(ITEM_TYPES), Default),
    field("groupTitle", Text, Optional),
    field("chatActionType", Number, Optional),
    field("threadOriginatorGuid", Text, Optional),
    field("threadOriginatorPart", Text, Optional),
    field("replyTargetGuid", Text, Optional),
    field("destinationCallerId", Text, Optional),
    field("partCount", Number, Optional),
    field("cachedRoomNames", Text, Optional),
    field("reactionTargetGuid", Text, Optional),
    field("reactionTargetPartIndex", Number, Optional),
    field("reaction", Object(REACTION), Optional),
    field("reactionSelected", Flag, Optional),
    field("appliedReactions", List(&Object(APPLIED_REACTION)), Default),
    field("placedStickers", List(&Object(PLACED_STICKER)), Default),
];

/// The message in `message`.
pub const ONE_MESSAGE: &ResponseTable =
    &ResponseTable { fields: &[field("message", Object(MESSAGE), Required)], part: Part::Only };

/// A page of messages, and the token of the next one.
pub const MESSAGE_PAGE: &ResponseTable = &ResponseTable {
    fields: &[field("messages", List(&Object(MESSAGE)), Default), field("nextPageToken", Text, Optional)],
    part: Part::Whole,
};

/// The attachment that was uploaded, in `attachment`.
pub const UPLOADED: &ResponseTable =
    &ResponseTable { fields: &[field("attachment", Object(ATTACHMENT), Required)], part: Part::Only };
