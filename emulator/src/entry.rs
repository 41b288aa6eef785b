//! What is written down, and the events it stands for.

use chrono::{DateTime, SecondsFormat};
use im_chats_protocol::model::{
    Chat, ChatArchived, ChatBackgroundChanged, ChatBackgroundRemoved, ChatEvent, ChatMarkedRead, ChatUnarchived,
    CreateChatResult, EventContext, LiveEvent, MessageEvent, MessageReceived, MessageSummary, SingleServiceAddressInfo,
};
use im_chats_protocol::server::{EventKind, LoggedEvent};
use serde::{Deserialize, Serialize};

/// What the caller gets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Reply {
    /// Done.
    Done,
    /// The chat, new or found.
    Created(Box<CreateChatResult>),
}

/// One entry of the journal. It holds everything needed to apply it and to write its events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Entry {
    /// A chat came to be. No event: the service has none for it.
    ChatCreated {
        /// As it was then.
        chat: Box<Chat>,
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
        message: Box<MessageSummary>,
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
    /// The events this entry puts into the log, in order.
    ///
    /// # Errors
    /// When an event cannot be written as JSON, or a time lies outside the years 1 to 9999.
    pub fn events(&self) -> Result<Vec<LoggedEvent>, serde_json::Error> {
        match self {
            Self::ChatCreated { .. } | Self::Answered { .. } => Ok(Vec::new()),
            Self::Message { sequence, at, chat, message } => {
                let context = EventContext {
                    chat_guid: chat.clone(),
                    sequence: *sequence,
                    is_from_me: message.is_from_me,
                    occurred_at: rfc3339(*at)?,
                    actor: message.sender.clone(),
                };
                let received = MessageReceived { context, message: Box::new((**message).clone().into()) };
                Ok(vec![logged(EventKind::Message, &LiveEvent::Message(MessageEvent::Received(received)))?])
            }
            Self::Changed { sequence, at, chat, change, actor } => {
                let context = EventContext {
                    chat_guid: chat.clone(),
                    sequence: *sequence,
                    is_from_me: actor.is_none(),
                    occurred_at: rfc3339(*at)?,
                    actor: actor.clone(),
                };
                Ok(vec![logged(EventKind::Chat, &LiveEvent::Chat(change.event(context)))?])
            }
            Self::Generated { first, count, at, chats } => {
                let occurred_at = rfc3339(*at)?;
                (0..*count)
                    .zip(chats.iter().cycle())
                    .map(|(index, toggle)| {
                        let context = EventContext {
                            chat_guid: toggle.chat.clone(),
                            sequence: first.saturating_add(index),
                            is_from_me: true,
                            occurred_at: occurred_at.clone(),
                            actor: None,
                        };
                        let round = usize::try_from(index).unwrap_or(usize::MAX) / chats.len().max(1);
                        let change = if toggle.is_archived_after(round) { Change::Unarchived } else { Change::Archived };
                        logged(EventKind::Chat, &LiveEvent::Chat(change.event(context)))
                    })
                    .collect()
            }
        }
    }

    /// The last sequence it uses, if it uses any.
    #[must_use]
    pub const fn last_sequence(&self) -> Option<u64> {
        match self {
            Self::ChatCreated { .. } | Self::Answered { .. } => None,
            Self::Message { sequence, .. } | Self::Changed { sequence, .. } => Some(*sequence),
            Self::Generated { first, count, .. } => Some(first.saturating_add(*count).saturating_sub(1)),
        }
    }
}

impl Change {
    const fn event(&self, context: EventContext) -> ChatEvent {
        match self {
            Self::BackgroundChanged(_) => ChatEvent::BackgroundChanged(ChatBackgroundChanged { context }),
            Self::BackgroundRemoved => ChatEvent::BackgroundRemoved(ChatBackgroundRemoved { context }),
            Self::MarkedRead => ChatEvent::MarkedRead(ChatMarkedRead { context }),
            Self::Archived => ChatEvent::Archived(ChatArchived { context }),
            Self::Unarchived => ChatEvent::Unarchived(ChatUnarchived { context }),
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

fn logged(kind: EventKind, event: &LiveEvent) -> Result<LoggedEvent, serde_json::Error> {
    let context = event.context();
    Ok(LoggedEvent {
        sequence: context.sequence,
        kind,
        chat_guid: context.chat_guid.as_str().into(),
        json: serde_json::to_string(event)?.into(),
        proto: None,
    })
}

/// The documented form of a time in milliseconds since 1970.
pub(super) fn rfc3339(at: i64) -> Result<String, serde_json::Error> {
    let time = DateTime::from_timestamp_millis(at).map(|time| time.to_rfc3339_opts(SecondsFormat::AutoSi, true));
    time.ok_or_else(|| serde::ser::Error::custom("a time out of range"))
}
