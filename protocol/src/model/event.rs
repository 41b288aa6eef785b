//! Events of a chat, and the union of all events of the log.

use alloc::boxed::Box;
use alloc::string::String;
use serde::{Deserialize, Serialize};

use super::{EventContext, GroupEvent, MessageEvent, PollEvent};

/// A change of a chat itself; `type` tells which.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(tag = "type")]
pub enum ChatEvent {
    /// A custom background was set or replaced.
    #[serde(rename = "chat.backgroundChanged")]
    BackgroundChanged(EventContext),
    /// The custom background was removed.
    #[serde(rename = "chat.backgroundRemoved")]
    BackgroundRemoved(EventContext),
    /// The chat's unread count went to zero.
    #[serde(rename = "chat.markedRead")]
    MarkedRead(EventContext),
    /// The chat was archived.
    #[serde(rename = "chat.archived")]
    Archived(EventContext),
    /// The chat was taken out of the archive.
    #[serde(rename = "chat.unarchived")]
    Unarchived(EventContext),
}

/// An event that the server sent and this version does not know, so that it is not passed over in silence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(tag = "type")]
pub enum UnknownEvent {
    /// What is known of it.
    #[serde(rename = "unknown")]
    Unknown(UnknownChange),
}

/// What is known of an unknown event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct UnknownChange {
    /// Chat, sequence, time; `chatGuid` and `occurredAt` are empty when the event does not say them where others do.
    #[serde(flatten)]
    pub context: EventContext,
    /// What it is about: `message`, `chat`, `group`, `poll`, or `other`.
    pub about: String,
    /// The event as the service sent it: a `CatchUpEventsResponse` of `photon.imessage.v1`, protobuf in base64.
    pub data: String,
}

/// Any event of the durable log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(untagged)]
pub enum LiveEvent {
    /// A change of a chat.
    Chat(ChatEvent),
    /// A change of a message.
    Message(MessageEvent),
    /// A change of a group.
    Group(GroupEvent),
    /// A change of a poll.
    Poll(PollEvent),
    /// What this version does not know.
    Unknown(UnknownEvent),
}

impl LiveEvent {
    /// What every event carries.
    #[must_use]
    pub const fn context(&self) -> &EventContext {
        match self {
            Self::Chat(
                ChatEvent::BackgroundChanged(context)
                | ChatEvent::BackgroundRemoved(context)
                | ChatEvent::MarkedRead(context)
                | ChatEvent::Archived(context)
                | ChatEvent::Unarchived(context),
            ) => context,
            Self::Message(event) => event.context(),
            Self::Group(GroupEvent::Changed(changed)) => &changed.context,
            Self::Poll(PollEvent::Changed(changed)) => &changed.context,
            Self::Unknown(UnknownEvent::Unknown(change)) => &change.context,
        }
    }
}

/// The last thing a catch-up yields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(tag = "type")]
pub enum CatchUpComplete {
    /// Everything up to `headSequence` was replayed.
    #[serde(rename = "catchup.complete", rename_all = "camelCase")]
    Complete {
        /// The log's head when the catch-up began.
        head_sequence: u64,
    },
}

/// What `events.catchUp` yields: every event after the cursor, then one `catchup.complete`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(untagged)]
pub enum CatchUpEvent {
    /// An event of the log.
    Event(Box<LiveEvent>),
    /// The end.
    Complete(CatchUpComplete),
}
