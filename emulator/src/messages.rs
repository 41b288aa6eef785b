//! The messages that are kept, and pages of them.

use std::ops::Bound;
use std::sync::Arc;

use im_chats_protocol::error::Error;
use im_chats_protocol::model::{Message, MessageContent};

use crate::entry::{Bubble, MessageChange};
use crate::limits::{MESSAGE_LIMIT, MESSAGE_PAGE};

/// One message, and what is known of it beside what its readers see.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Kept {
    pub(crate) message: Arc<Message>,
    /// The chat's GUID.
    pub(crate) chat: Arc<str>,
    /// When it was written, in milliseconds since 1970.
    pub(crate) at: i64,
    /// Its bubbles, where it has more than one.
    pub(crate) parts: Arc<[Bubble]>,
}

/// Messages by their place: the sequence of the event that told of them. Copies share what is the same in them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Messages {
    by_place: imbl::OrdMap<u64, Kept>,
    places: imbl::HashMap<Arc<str>, u64>,
    by_chat: imbl::OrdSet<(Arc<str>, u64)>,
}

impl Messages {
    pub(crate) fn len(&self) -> usize {
        self.by_place.len()
    }

    /// How many there are, by each of the ways to find them.
    #[cfg(test)]
    pub(crate) fn sizes(&self) -> [usize; 3] {
        [self.by_place.len(), self.places.len(), self.by_chat.len()]
    }

    /// The place of the newest one.
    pub(crate) fn last(&self) -> Option<u64> {
        self.by_place.get_max().map(|(place, _)| *place)
    }

    pub(crate) fn get(&self, guid: &str) -> Option<&Kept> {
        self.by_place.get(self.places.get(guid)?)
    }

    /// All of them with their places, the oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &Kept)> {
        self.by_place.iter().map(|(place, kept)| (*place, kept))
    }

    /// The GUIDs of the oldest ones that have to go, so that so many others have room.
    pub(crate) fn too_many(&self, others: usize) -> impl Iterator<Item = &str> {
        let count = self.len().saturating_add(others).saturating_sub(MESSAGE_LIMIT);
        self.by_place.values().take(count).map(|kept| kept.message.guid.as_str())
    }

    pub(crate) fn add(&mut self, place: u64, kept: Kept) {
        self.places.insert(kept.message.guid.as_str().into(), place);
        self.by_chat.insert((Arc::clone(&kept.chat), place));
        self.by_place.insert(place, kept);
    }

    pub(crate) fn forget(&mut self, guid: &str) {
        let Some(place) = self.places.remove(guid) else { return };
        if let Some(kept) = self.by_place.remove(&place) {
            self.by_chat.remove(&(kept.chat, place));
        }
    }

    /// Changes one of them; gives it back as it is then.
    pub(crate) fn update(&mut self, guid: &str, change: impl FnOnce(&mut Message, &mut Arc<[Bubble]>)) -> Option<&Kept> {
        let kept = self.by_place.get_mut(self.places.get(guid)?)?;
        change(Arc::make_mut(&mut kept.message), &mut kept.parts);
        Some(kept)
    }

    /// A chat's messages before a place, the newest first.
    pub(crate) fn of_chat_before(&self, chat: &str, before: Option<u64>) -> impl Iterator<Item = (u64, &Kept)> {
        let chat: Arc<str> = chat.into();
        let end = before.map_or(Bound::Included(u64::MAX), Bound::Excluded);
        let range = (Bound::Included((Arc::clone(&chat), 0)), end.map(|end| (chat, end)));
        self.by_chat.range(range).rev().filter_map(|(_, place)| Some((*place, self.by_place.get(place)?)))
    }

    /// The account's messages of a chat that nobody read so far, from this one back to the last one that was read.
    pub(crate) fn unread_by_others(&self, chat: &str, guid: &str) -> Vec<String> {
        let Some(place) = self.places.get(guid) else { return Vec::new() };
        let own = self.of_chat_before(chat, place.checked_add(1)).filter(|(_, kept)| kept.message.is_from_me);
        own.map_while(|(_, kept)| kept.message.date_read.is_none().then(|| kept.message.guid.clone())).collect()
    }

    /// The last received messages of a chat that the account did not read; so many there are at most.
    pub(crate) fn unread(&self, chat: &str, count: u32) -> Vec<String> {
        let received = self.of_chat_before(chat, None).filter(|(_, kept)| !kept.message.is_from_me);
        received
            .map_while(|(_, kept)| kept.message.date_read.is_none().then(|| kept.message.guid.clone()))
            .take(usize::try_from(count).unwrap_or(usize::MAX))
            .collect()
    }

    /// All messages before a place, the newest first.
    fn before(&self, before: Option<u64>) -> impl Iterator<Item = (u64, &Kept)> {
        let end = before.map_or(Bound::Included(u64::MAX), Bound::Excluded);
        self.by_place.range((Bound::Included(0), end)).rev().map(|(place, kept)| (*place, kept))
    }
}

/// Which messages to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessageQuery {
    /// Only those of this chat.
    pub chat: Option<String>,
    /// How many at most.
    pub page_size: usize,
    /// Where the page before ended: its [`MessagePage::next_page_token`].
    pub page_token: Option<String>,
    /// Only those that the account sent, or only those of others.
    pub is_from_me: Option<bool>,
    /// Only those that were read, or only those that were not.
    pub is_read: Option<bool>,
    /// Only those written before this time, in milliseconds since 1970.
    pub before: Option<i64>,
    /// Only those written after this time, in milliseconds since 1970.
    pub after: Option<i64>,
}

/// Messages, the newest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MessagePage {
    /// The messages.
    pub messages: Vec<Arc<Message>>,
    /// What gives the page after this one; absent when this is the last.
    pub next_page_token: Option<String>,
}

impl MessageQuery {
    fn takes(&self, kept: &Kept) -> bool {
        let wants = |wanted: Option<bool>, is: bool| wanted.is_none_or(|wanted| wanted == is);
        wants(self.is_from_me, kept.message.is_from_me)
            && wants(self.is_read, kept.message.date_read.is_some())
            && self.before.is_none_or(|before| kept.at < before)
            && self.after.is_none_or(|after| kept.at > after)
    }
}

impl MessageChange {
    /// What it does to the message itself.
    pub(crate) fn apply(&self, message: &mut Message, bubbles: &mut Arc<[Bubble]>, time: Option<String>) {
        match self {
            Self::Edited { content, parts } => {
                message.content = (**content).clone();
                message.date_edited = time;
                *bubbles = parts.as_slice().into();
            }
            Self::Unsent => {
                message.date_retracted = time;
                message.content = MessageContent {
                    attachments: Some(Vec::new()),
                    formatting: Some(Vec::new()),
                    mentions: Some(Vec::new()),
                    ..MessageContent::default()
                };
                message.subject = None;
                message.applied_reactions = Some(Vec::new());
            }
            Self::Read => message.date_read = time,
            Self::ReactionAdded(applied) => {
                let reactions = message.applied_reactions.get_or_insert_default();
                reactions.push((**applied).clone());
            }
            Self::ReactionRemoved(applied) => {
                let reactions = message.applied_reactions.get_or_insert_default();
                reactions.retain(|other| other.message_guid != applied.message_guid);
            }
        }
    }
}

impl Messages {
    /// A page of messages, the newest first.
    ///
    /// # Errors
    /// `invalidArgument` naming `pageSize` or `pageToken`.
    pub(crate) fn page(&self, query: &MessageQuery) -> Result<MessagePage, Error> {
        let (_, most) = MESSAGE_PAGE;
        if !(1..=most).contains(&query.page_size) {
            return Err(Error::invalid("pageSize", format!("1 to {most}")).with_context("value", query.page_size.to_string()));
        }
        let before = query.page_token.as_deref().map(|token| self.place(token, query.chat.as_deref())).transpose()?;
        Ok(match &query.chat {
            Some(chat) => page(self.of_chat_before(chat, before), query),
            None => page(self.before(before), query),
        })
    }

    /// The place that a page ended at. Its token is the message's GUID: whoever has it has seen it.
    fn place(&self, token: &str, chat: Option<&str>) -> Result<u64, Error> {
        let is_listed = |place: &u64| chat.is_none_or(|chat| self.by_place.get(place).is_some_and(|kept| *kept.chat == *chat));
        self.places.get(token).copied().filter(is_listed).ok_or_else(|| {
            Error::invalid(
                "pageToken",
                "no list of these messages gave this, or its message is forgotten; begin again without it",
            )
        })
    }
}

fn page<'a>(messages: impl Iterator<Item = (u64, &'a Kept)>, query: &MessageQuery) -> MessagePage {
    let mut page = MessagePage::default();
    for (_, kept) in messages.filter(|(_, kept)| query.takes(kept)) {
        if page.messages.len() == query.page_size {
            page.next_page_token = page.messages.last().map(|last| last.guid.clone());
            break;
        }
        page.messages.push(Arc::clone(&kept.message));
    }
    page
}
