//! The state, and how an entry changes it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use im_chats_protocol::model::Chat;
use im_chats_protocol::number::MAX_SAFE_INTEGER;

use super::entry::{Change, Entry, rfc3339};
use super::keys::Keys;

/// Everything the emulator knows. Cheap enough to keep twice: once with what is being written, once with what is on disk.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    pub(super) head: u64,
    /// How many entries it was made from.
    pub(super) entries: u64,
    pub(super) chats: BTreeMap<Arc<str>, ChatState>,
    /// Groups by their sorted addresses: the same people are the same group.
    groups: HashMap<Vec<String>, Arc<str>>,
    pub(super) keys: Keys,
}

/// One chat.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatState {
    /// As `get` answers it.
    pub chat: Arc<Chat>,
    /// Media type of its background, when it has one; the bytes are beside the journal.
    pub background: Option<Arc<str>>,
}

impl State {
    /// The last sequence used.
    #[must_use]
    pub const fn head(&self) -> u64 {
        self.head
    }

    /// How many entries it was made from: the number of the journal's last one, counted from 1.
    #[must_use]
    pub const fn entries(&self) -> u64 {
        self.entries
    }

    /// The sequence so many places after the head, unless the exact range ends before.
    #[must_use]
    pub fn sequence(&self, offset: u64) -> Option<u64> {
        self.head.checked_add(offset).filter(|sequence| *sequence <= MAX_SAFE_INTEGER)
    }

    /// One chat by its GUID.
    #[must_use]
    pub fn chat(&self, guid: &str) -> Option<&ChatState> {
        self.chats.get(guid)
    }

    /// All chats, in the order of their GUIDs.
    pub fn chats(&self) -> impl Iterator<Item = &ChatState> {
        self.chats.values()
    }

    /// The group of exactly these people.
    pub(super) fn group(&self, addresses: &[String]) -> Option<&ChatState> {
        self.groups.get(addresses).and_then(|guid| self.chats.get(guid))
    }

    /// Applies one entry. An entry about a chat that does not exist changes nothing; the journal has none.
    pub fn apply(&mut self, entry: &Entry) {
        self.entries = self.entries.saturating_add(1);
        if let Some(sequence) = entry.last_sequence() {
            self.head = self.head.max(sequence);
        }
        match entry {
            Entry::ChatCreated { chat } => self.add(chat),
            Entry::Message { chat, message, .. } => self.update(chat, |state| {
                let chat = Arc::make_mut(&mut state.chat);
                if !message.is_from_me {
                    chat.unread_count = Some(chat.unread_count.unwrap_or(0).saturating_add(1));
                }
                chat.last_message = Some((**message).clone());
            }),
            Entry::Changed { at, chat, change, .. } => self.update(chat, |state| change.apply(state, *at)),
            Entry::Generated { count, chats, .. } => {
                let count = usize::try_from(*count).unwrap_or(usize::MAX);
                let rounds = count / chats.len().max(1);
                let rest = count % chats.len().max(1);
                for (index, toggle) in chats.iter().enumerate() {
                    let toggles = rounds.saturating_add(usize::from(index < rest));
                    self.update(&toggle.chat, |state| {
                        Arc::make_mut(&mut state.chat).is_archived = toggle.is_archived_after(toggles);
                    });
                }
            }
            Entry::Answered { keys, fingerprint, at, .. } => self.keys.remember(keys, fingerprint, *at, self.entries),
        }
    }

    pub(super) fn add(&mut self, chat: &Chat) {
        let guid: Arc<str> = chat.guid.as_str().into();
        if chat.is_group {
            self.groups.insert(sorted(chat.participants.iter().map(|who| who.address.clone())), Arc::clone(&guid));
        }
        self.chats.insert(guid, ChatState { chat: Arc::new(chat.clone()), background: None });
    }

    pub(super) fn update(&mut self, guid: &str, change: impl FnOnce(&mut ChatState)) {
        if let Some(state) = self.chats.get_mut(guid) {
            change(state);
        }
    }
}

impl Change {
    fn apply(&self, state: &mut ChatState, at: i64) {
        match self {
            Self::BackgroundChanged(mime) => state.background = Some(mime.as_str().into()),
            Self::BackgroundRemoved => state.background = None,
            Self::MarkedRead => {
                let chat = Arc::make_mut(&mut state.chat);
                chat.unread_count = Some(0);
                if let Some(message) = chat.last_message.as_mut().filter(|message| !message.is_from_me) {
                    message.date_read = rfc3339(at).ok();
                }
            }
            Self::Archived => Arc::make_mut(&mut state.chat).is_archived = true,
            Self::Unarchived => Arc::make_mut(&mut state.chat).is_archived = false,
        }
    }
}

/// Addresses in the one order that makes a set of people a key.
pub(super) fn sorted(addresses: impl Iterator<Item = String>) -> Vec<String> {
    let mut addresses: Vec<String> = addresses.collect();
    addresses.sort_unstable();
    addresses
}
