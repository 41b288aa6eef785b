//! What is written down, and the events it stands for.

mod events;

use std::sync::Arc;

use im_chats_protocol::model::{
    AttachmentInfo, Chat, CompanionInfo, CreateChatResult, Message, MessageAppliedReaction, MessageContent, Poll,
    PollChangeDelta, SingleServiceAddressInfo,
};
use serde::{Deserialize, Serialize};

pub(crate) use events::{milliseconds, rfc3339};

/// What the caller gets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Reply {
    /// Done.
    Done,
    /// The chat, new or found.
    Created(Box<CreateChatResult>),
    /// The message, sent or changed.
    Message(Box<Message>),
    /// The chat, changed.
    Chat(Box<Chat>),
    /// The poll, sent or changed.
    Poll(Box<Poll>),
    /// The file that is kept.
    Attachment(Box<Attachment>),
}

/// A file that is kept. Its bytes, and those of its companion, are beside the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attachment {
    /// What is known of it.
    pub info: AttachmentInfo,
    /// The moving half of a live photo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub companion: Option<CompanionInfo>,
}

/// One entry of the journal. It holds everything needed to apply it and to write its events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Entry {
    /// A chat came to be. No event: the service has none for it.
    ChatCreated {
        /// As it was then.
        chat: Box<Chat>,
        /// When, in milliseconds since 1970. A journal of an earlier version does not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<i64>,
    },
    /// A message landed in a chat, sent or received.
    Message {
        /// Its event's place in the log.
        sequence: u64,
        /// When, in milliseconds since 1970.
        at: i64,
        /// The chat's GUID.
        chat: String,
        /// The message.
        message: Arc<Message>,
        /// Its bubbles, where it has more than one.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        parts: Vec<Bubble>,
    },
    /// A message changed.
    MessageChanged {
        /// Its event's place in the log.
        sequence: u64,
        /// When, in milliseconds since 1970.
        at: i64,
        /// The chat's GUID.
        chat: String,
        /// The message's GUID.
        message: String,
        /// The change.
        change: MessageChange,
        /// Who did it; absent = this account.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        actor: Option<SingleServiceAddressInfo>,
    },
    /// A poll came to be with the message just before, or changed.
    PollChanged {
        /// Its event's place in the log.
        sequence: u64,
        /// When, in milliseconds since 1970.
        at: i64,
        /// The chat's GUID.
        chat: String,
        /// The GUID of the message that carries the poll.
        poll: String,
        /// The change.
        change: PollChangeDelta,
        /// Who did it; absent = this account.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        actor: Option<SingleServiceAddressInfo>,
    },
    /// A file is kept, and its companion where it has one. No event: the service has none for it.
    Uploaded {
        /// The file.
        attachment: Box<Attachment>,
    },
    /// The oldest messages and files went, because there are too many. No event: the service has none for it.
    Forgotten {
        /// GUIDs of messages; the poll of one goes with it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        messages: Vec<String>,
        /// GUIDs of attachments.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        attachments: Vec<String>,
    },
    /// A chat changed.
    Changed {
        /// Its event's place in the log.
        sequence: u64,
        /// When, in milliseconds since 1970.
        at: i64,
        /// The chat's GUID.
        chat: String,
        /// The change.
        change: Change,
        /// Who did it; absent = this account.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        actor: Option<SingleServiceAddressInfo>,
    },
    /// A run of events made for a load test: event `i` takes `chats[i % chats.len()]` into the archive or out of it.
    Generated {
        /// The first one's place in the log.
        first: u64,
        /// The number of events.
        count: u64,
        /// When, in milliseconds since 1970.
        at: i64,
        /// The chats, in turn.
        chats: Vec<Toggle>,
    },
    /// A write with idempotency keys was answered.
    Answered {
        /// The keys it came with.
        keys: Vec<String>,
        /// SHA-256 of the request, in hexadecimal.
        fingerprint: String,
        /// When, in milliseconds since 1970.
        at: i64,
        /// The answer, which a repeated write gets again.
        answer: Box<Reply>,
    },
}

/// What can change about a chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Change {
    /// A background of this media type was set.
    BackgroundChanged(String),
    /// The background was removed.
    BackgroundRemoved,
    /// The unread count went to zero.
    MarkedRead,
    /// Into the archive.
    Archived,
    /// Out of the archive.
    Unarchived,
    /// The group got this name.
    DisplayNameChanged(String),
    /// Someone came into the group; the account itself came back to it.
    ParticipantAdded(SingleServiceAddressInfo),
    /// Someone was put out of the group.
    ParticipantRemoved(SingleServiceAddressInfo),
    /// Someone left the group; the account itself did.
    ParticipantLeft(SingleServiceAddressInfo),
    /// An icon of this media type was set.
    IconChanged(String),
    /// The icon was removed.
    IconRemoved,
}

/// What can change about a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum MessageChange {
    /// It says something else.
    Edited {
        /// What it says now.
        content: Box<MessageContent>,
        /// Its bubbles, where it has more than one.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        parts: Vec<Bubble>,
    },
    /// It was taken back.
    Unsent,
    /// It was read, and with it the account's messages of the chat before it.
    Read,
    /// A tapback was put on it.
    ReactionAdded(Box<MessageAppliedReaction>),
    /// A tapback was taken from it: the one of this person on this bubble.
    ReactionRemoved(Box<MessageAppliedReaction>),
}

/// One bubble of a message of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Bubble {
    /// A text of so many UTF-16 units.
    Text(i32),
    /// A file.
    File,
}

/// A chat of a generated run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Toggle {
    /// The chat's GUID.
    pub chat: String,
    /// Whether it was in the archive before the run.
    pub was_archived: bool,
}

impl Entry {
    /// The last sequence it uses, if it uses any.
    #[must_use]
    pub const fn last_sequence(&self) -> Option<u64> {
        match self {
            Self::ChatCreated { .. } | Self::Answered { .. } | Self::Uploaded { .. } | Self::Forgotten { .. } => None,
            Self::Message { sequence, .. }
            | Self::Changed { sequence, .. }
            | Self::MessageChanged { sequence, .. }
            | Self::PollChanged { sequence, .. } => Some(*sequence),
            Self::Generated { first, count, .. } => Some(first.saturating_add(*count).saturating_sub(1)),
        }
    }
}

impl Toggle {
    /// Whether the chat is in the archive after so many toggles.
    #[must_use]
    pub const fn is_archived_after(&self, toggles: usize) -> bool {
        self.was_archived != (toggles % 2 == 1)
    }
}
