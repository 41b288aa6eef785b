//! A state at rest: what the journal up to one of its entries comes to, piece by piece. From these pieces and the entries
//! after it the state is made without the entries before. The answers of idempotency keys are not part of it: they stay in the
//! journal, where [`State::answers`] says.

use std::collections::BTreeSet;
use std::sync::Arc;

use im_chats_protocol::model::Chat;
use serde::{Deserialize, Serialize};

use super::keys::AgedKey;
use super::state::State;

/// The form of the pieces.
const VERSION: u32 = 1;

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
            Self::Version(version) => write!(formatter, "it has the form {version}, and this version reads {VERSION}"),
            Self::Order => write!(formatter, "its pieces are not in order"),
        }
    }
}

impl std::error::Error for NotACheckpoint {}

impl State {
    /// The pieces, in order.
    pub fn checkpoint(&self) -> impl Iterator<Item = CheckpointItem> + '_ {
        let first = CheckpointItem::State { version: VERSION, head: self.head, entries: self.entries };
        let chats = self.chats().map(|state| CheckpointItem::Chat {
            chat: Box::new((*state.chat).clone()),
            background: state.background.as_deref().map(str::to_owned),
        });
        std::iter::once(first).chain(chats).chain(self.keys.by_age().map(CheckpointItem::Key))
    }

    /// How many there are.
    #[must_use]
    pub fn checkpoint_len(&self) -> usize {
        1_usize.saturating_add(self.chats.len()).saturating_add(self.keys.len())
    }

    /// Takes the next piece; begin with the default.
    ///
    /// # Errors
    /// See [`NotACheckpoint`].
    pub fn take(&mut self, item: CheckpointItem) -> Result<(), NotACheckpoint> {
        let is_first = self.entries == 0;
        match item {
            CheckpointItem::State { version, .. } if version != VERSION => return Err(NotACheckpoint::Version(version)),
            CheckpointItem::State { head, entries, .. } if is_first && entries > 0 => {
                (self.head, self.entries) = (head, entries);
            }
            CheckpointItem::Chat { chat, background } if !is_first && self.chat(&chat.guid).is_none() => {
                self.add(&chat);
                self.update(&chat.guid, |state| state.background = background.map(Arc::from));
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
