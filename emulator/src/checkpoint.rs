//! A state at rest: what the journal up to one of its entries comes to, piece by piece. From these pieces and the entries
//! after it the state is made without the entries before. The answers of idempotency keys are not part of it: they stay in the
//! journal, where [`State::answers`] says.

use std::collections::BTreeSet;
use std::sync::Arc;

use im_chats_protocol::model::{Chat, Message, Poll};
use serde::{Deserialize, Serialize};

use super::entry::{Attachment, Bubble};
use super::keys::AgedKey;
use super::messages::Kept;
use super::state::{ChatState, State};
use crate::entry::milliseconds;

/// The form of the pieces. The first one knew no messages, polls and files, and no icons and left groups; the second one did not say when
/// something last happened in a chat. The pieces of both are read.
const VERSION: u32 = 3;

/// One piece.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "item", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum CheckpointItem {
    /// The first one.
    State {
        /// The form of the pieces.
        version: u32,
        /// The last sequence used.
        head: u64,
        /// How many entries it was made from.
        entries: u64,
    },
    /// A chat.
    Chat {
        /// As `get` answers it.
        chat: Box<Chat>,
        /// Media type of its background, when it has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        background: Option<String>,
        /// Media type of its icon, when it has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        icon: Option<String>,
        /// Whether the account left it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        has_left: bool,
        /// When its last message was written, or when it came to be, in milliseconds since 1970.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        activity: Option<i64>,
    },
    /// A message; the oldest comes first.
    Message {
        /// The sequence of the event that told of it.
        place: u64,
        /// When it was written, in milliseconds since 1970.
        at: i64,
        /// The message.
        message: Arc<Message>,
        /// Its bubbles, where it has more than one.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        parts: Vec<Bubble>,
    },
    /// A poll.
    Poll(Box<Poll>),
    /// A file; the oldest comes first.
    Attachment {
        /// The number of the journal's entry that told of it.
        place: u64,
        /// The file.
        attachment: Box<Attachment>,
    },
    /// An idempotency key; the oldest comes first.
    Key(AgedKey),
}

/// Why a state cannot be made from pieces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotACheckpoint {
    /// Another form.
    Version(u32),
    /// Out of order, or twice.
    Order,
}

impl std::fmt::Display for NotACheckpoint {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Version(version) => write!(formatter, "it has the form {version}, and this version reads up to {VERSION}"),
            Self::Order => write!(formatter, "its pieces are not in order"),
        }
    }
}

impl std::error::Error for NotACheckpoint {}

/// When a chat's last message was written.
fn last_message(chat: &Chat) -> Option<i64> {
    milliseconds(&chat.last_message.as_ref()?.date_created)
}

impl State {
    /// The pieces, in order.
    pub fn checkpoint(&self) -> impl Iterator<Item = CheckpointItem> + '_ {
        let first = CheckpointItem::State { version: VERSION, head: self.head, entries: self.entries };
        let chats = self.chats().map(|state| CheckpointItem::Chat {
            chat: Box::new((*state.chat).clone()),
            background: state.background.as_deref().map(str::to_owned),
            icon: state.icon.as_deref().map(str::to_owned),
            has_left: state.has_left,
            activity: Some(state.activity),
        });
        let messages = self.messages.iter().map(|(place, kept)| CheckpointItem::Message {
            place,
            at: kept.at,
            message: Arc::clone(&kept.message),
            parts: kept.parts.to_vec(),
        });
        let polls = self.polls.iter().map(|poll| CheckpointItem::Poll(Box::new(poll.clone())));
        let attachments = self
            .attachments
            .iter()
            .map(|(place, attachment)| CheckpointItem::Attachment { place, attachment: Box::new(attachment.clone()) });
        let keys = self.keys.by_age().map(CheckpointItem::Key);
        std::iter::once(first).chain(chats).chain(messages).chain(polls).chain(attachments).chain(keys)
    }

    /// How many there are.
    #[must_use]
    pub fn checkpoint_len(&self) -> usize {
        let lengths = [self.chats.len(), self.messages.len(), self.polls.len(), self.attachments.len(), self.keys.len()];
        lengths.into_iter().fold(1, usize::saturating_add)
    }

    /// Takes the next piece; begin with the default.
    ///
    /// # Errors
    /// See [`NotACheckpoint`].
    pub fn take(&mut self, item: CheckpointItem) -> Result<(), NotACheckpoint> {
        let is_first = self.entries == 0;
        match item {
            CheckpointItem::State { version, .. } if !(1..=VERSION).contains(&version) => {
                return Err(NotACheckpoint::Version(version));
            }
            CheckpointItem::State { head, entries, .. } if is_first && entries > 0 => {
                (self.head, self.entries) = (head, entries);
            }
            CheckpointItem::Chat { chat, background, icon, has_left, activity }
                if !is_first && self.chat(&chat.guid).is_none() =>
            {
                let (background, icon) = (background.map(Arc::from), icon.map(Arc::from));
                let activity = activity.or_else(|| last_message(&chat)).unwrap_or(0);
                self.add(ChatState { chat: Arc::new(*chat), background, icon, has_left, activity });
            }
            CheckpointItem::Message { place, at, message, parts } if !is_first && self.messages.last() < Some(place) => {
                let chat = message.chat_guids.first().map_or("", String::as_str).into();
                self.messages.add(place, Kept { message, chat, at, parts: parts.into() });
            }
            CheckpointItem::Poll(poll) if !is_first && self.polls.get(&poll.poll_message_guid).is_none() => {
                self.polls.add(*poll)
            }
            CheckpointItem::Attachment { place, attachment } if !is_first && self.attachments.last() < Some(place) => {
                self.attachments.add(place, *attachment);
            }
            CheckpointItem::Key(key) if !is_first => self.keys.take(key),
            _ => return Err(NotACheckpoint::Order),
        }
        Ok(())
    }

    /// The numbers of the journal's entries that hold answers which may be asked for again.
    #[must_use]
    pub fn answers(&self) -> BTreeSet<u64> {
        self.keys.answers().collect()
    }
}
