//! The state, and how an entry changes it.

use std::sync::Arc;

use im_chats_protocol::error::Error;
use im_chats_protocol::model::{Chat, MessageSummary};
use im_chats_protocol::number::MAX_SAFE_INTEGER;

use super::attachments::Attachments;
use super::chat_list::{ByActivity, Rank};
use super::entry::{Change, Entry, MessageChange, rfc3339};
use super::keys::Keys;
use super::messages::{Kept, Messages};
use super::polls::Polls;
use crate::account::ACCOUNT;

/// Everything the emulator knows. Cheap enough to keep twice: once with what is being written, once with what is on disk.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    pub(super) head: u64,
    /// How many entries it was made from.
    pub(super) entries: u64,
    pub(super) chats: imbl::OrdMap<Arc<str>, ChatState>,
    /// The chats once more, by when something last happened in them.
    pub(super) by_activity: ByActivity,
    /// Groups by their sorted addresses: the same people are the same group. The people of two can become the same; then the
    /// first one by its GUID counts.
    pub(super) groups: imbl::OrdSet<(Vec<String>, Arc<str>)>,
    pub(super) keys: Keys,
    pub(super) messages: Messages,
    pub(super) polls: Polls,
    pub(super) attachments: Attachments,
}

/// One chat.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatState {
    /// As `get` answers it.
    pub chat: Arc<Chat>,
    /// Media type of its background, when it has one; the bytes are beside the journal.
    pub background: Option<Arc<str>>,
    /// Media type of its icon, when it is a group that has one; the bytes are beside the journal.
    pub icon: Option<Arc<str>>,
    /// Whether it is a group that the account left.
    pub has_left: bool,
    /// When its last message was written, or when it came to be, in milliseconds since 1970; 0 when a journal of an earlier version does
    /// not say.
    pub activity: i64,
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

    /// The media type of a chat's icon; absent when it has none.
    ///
    /// # Errors
    /// `chatNotFound`.
    pub fn icon(&self, chat: &str) -> Result<Option<&str>, Error> {
        Ok(self.existing(chat)?.icon.as_deref())
    }

    /// The group of exactly these people and the account.
    pub(super) fn group(&self, addresses: Vec<String>) -> Option<&ChatState> {
        let first: (Vec<String>, Arc<str>) = (addresses, "".into());
        let (found, guid) = self.groups.range::<_, (Vec<String>, Arc<str>)>(&first..).next()?;
        (*found == first.0).then(|| self.chats.get(guid)).flatten()
    }

    /// Applies one entry. An entry about what does not exist changes nothing; the journal has none.
    pub fn apply(&mut self, entry: &Entry) {
        self.entries = self.entries.saturating_add(1);
        if let Some(sequence) = entry.last_sequence() {
            self.head = self.head.max(sequence);
        }
        match entry {
            Entry::ChatCreated { chat, at } => self.add(ChatState::new(chat, at.unwrap_or(0))),
            Entry::Message { sequence, at, chat, message, parts } => {
                self.land(
                    *sequence,
                    Kept { message: Arc::clone(message), chat: chat.as_str().into(), at: *at, parts: parts.as_slice().into() },
                );
            }
            Entry::MessageChanged { at, chat, message, change, .. } => self.change_message(chat, message, change, *at),
            Entry::PollChanged { chat, poll, change, actor, .. } => self.polls.apply(chat, poll, change, actor.as_ref()),
            Entry::Uploaded { attachment } => self.attachments.add(self.entries, (**attachment).clone()),
            Entry::Forgotten { messages, attachments } => {
                messages.iter().for_each(|guid| self.forget(guid));
                attachments.iter().for_each(|guid| self.attachments.forget(guid));
            }
            Entry::Changed { at, chat, change, .. } => self.change_chat(chat, change, *at),
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

    /// A message lands in its chat. A journal of an earlier version has no entry that forgets, so the limit holds here too.
    fn land(&mut self, place: u64, kept: Kept) {
        let oldest: Vec<String> = self.messages.too_many(1).map(str::to_owned).collect();
        oldest.iter().for_each(|guid| self.forget(guid));
        self.update(&kept.chat, |state| {
            let chat = Arc::make_mut(&mut state.chat);
            if !kept.message.is_from_me {
                chat.unread_count = Some(chat.unread_count.unwrap_or(0).saturating_add(1));
            }
            chat.last_message = Some(kept.message.summary());
            state.activity = kept.at;
        });
        self.messages.add(place, kept);
    }

    fn forget(&mut self, message: &str) {
        self.messages.forget(message);
        self.polls.forget(message);
    }

    fn change_message(&mut self, chat: &str, guid: &str, change: &MessageChange, at: i64) {
        let time = rfc3339(at).ok();
        if matches!(change, MessageChange::Read) {
            return self.read_by_others(chat, guid, time.as_deref());
        }
        let changed = self.messages.update(guid, |message, parts| change.apply(message, parts, time));
        let summary = changed.map(|kept| kept.message.summary());
        self.summarise(chat, summary);
    }

    /// The chat shows its last message as that is now.
    fn summarise(&mut self, chat: &str, summary: Option<MessageSummary>) {
        self.update(chat, |state| {
            let is_last = |summary: &MessageSummary| {
                state.chat.last_message.as_ref().is_some_and(|last| last.guid == summary.guid && last != summary)
            };
            if let Some(summary) = summary.filter(is_last) {
                Arc::make_mut(&mut state.chat).last_message = Some(summary);
            }
        });
    }

    /// This message of the account was read, and so were those before it.
    fn read_by_others(&mut self, chat: &str, guid: &str, time: Option<&str>) {
        let unread = self.messages.unread_by_others(chat, guid);
        for guid in unread {
            let changed = self.messages.update(&guid, |message, _| message.date_read = time.map(str::to_owned));
            let summary = changed.map(|kept| kept.message.summary());
            self.summarise(chat, summary);
        }
    }

    fn change_chat(&mut self, guid: &str, change: &Change, at: i64) {
        if matches!(change, Change::MarkedRead) {
            let unread = self.chat(guid).and_then(|state| state.chat.unread_count).unwrap_or(0);
            for message in self.messages.unread(guid, unread) {
                self.messages.update(&message, |message, _| message.date_read = rfc3339(at).ok());
            }
        }
        let Some(mut state) = self.chats.get(guid).cloned() else { return };
        if change.is_about_people() {
            self.groups.remove(&state.people());
            change.apply(&mut state, at);
            return self.add(state);
        }
        change.apply(&mut state, at);
        self.put(state);
    }

    pub(super) fn add(&mut self, state: ChatState) {
        if state.chat.is_group && !state.has_left {
            self.groups.insert(state.people());
        }
        self.put(state);
    }

    fn put(&mut self, state: ChatState) {
        let guid: Arc<str> = state.chat.guid.as_str().into();
        self.by_activity.put(&guid, self.chats.get(&guid).map(ChatState::rank), state.rank());
        self.chats.insert(guid, state);
    }

    fn update(&mut self, guid: &str, change: impl FnOnce(&mut ChatState)) {
        let Some(state) = self.chats.get_mut(guid) else { return };
        let before = state.rank();
        change(state);
        self.by_activity.put(guid, Some(before), state.rank());
    }
}

impl ChatState {
    /// What of it decides its place in the list.
    fn rank(&self) -> Rank {
        (self.chat.is_archived, self.activity)
    }

    fn new(chat: &Chat, created: i64) -> Self {
        Self { chat: Arc::new(chat.clone()), background: None, icon: None, has_left: false, activity: created }
    }

    /// What a group is found by.
    fn people(&self) -> (Vec<String>, Arc<str>) {
        (sorted(self.chat.participants.iter().map(|who| who.address.clone())), self.chat.guid.as_str().into())
    }
}

impl Change {
    const fn is_about_people(&self) -> bool {
        matches!(self, Self::ParticipantAdded(_) | Self::ParticipantRemoved(_) | Self::ParticipantLeft(_))
    }

    fn apply(&self, state: &mut ChatState, at: i64) {
        match self {
            Self::BackgroundChanged(mime) => state.background = Some(mime.as_str().into()),
            Self::BackgroundRemoved => state.background = None,
            Self::MarkedRead => {
                let chat = Arc::make_mut(&mut state.chat);
                chat.unread_count = Some(0);
                let last = chat.last_message.as_mut().filter(|message| !message.is_from_me && message.date_read.is_none());
                if let Some(message) = last {
                    message.date_read = rfc3339(at).ok();
                }
            }
            Self::Archived => Arc::make_mut(&mut state.chat).is_archived = true,
            Self::Unarchived => Arc::make_mut(&mut state.chat).is_archived = false,
            Self::DisplayNameChanged(name) => Arc::make_mut(&mut state.chat).display_name.clone_from(name),
            Self::ParticipantAdded(who) if who.address == ACCOUNT => state.has_left = false,
            Self::ParticipantAdded(who) => Arc::make_mut(&mut state.chat).participants.push(who.clone()),
            Self::ParticipantLeft(who) if who.address == ACCOUNT => state.has_left = true,
            Self::ParticipantRemoved(who) | Self::ParticipantLeft(who) => {
                Arc::make_mut(&mut state.chat).participants.retain(|other| other.address != who.address);
            }
            Self::IconChanged(mime) => state.icon = Some(mime.as_str().into()),
            Self::IconRemoved => state.icon = None,
        }
    }
}

/// Addresses in the one order that makes a set of people a key.
pub(super) fn sorted(addresses: impl Iterator<Item = String>) -> Vec<String> {
    let mut addresses: Vec<String> = addresses.collect();
    addresses.sort_unstable();
    addresses
}
