//! What can be read of the state: one message, poll or attachment, and pages of messages and of chats.

use std::sync::Arc;

use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::model::{Message, Poll};
use im_chats_protocol::wire::chat_list::{ChatPlace, PAGE_SIZE, SIZE};

use super::chat_list::{ChatPage, ChatQuery};
use super::messages::{Kept, MessagePage, MessageQuery};
use super::state::{ChatState, State};
use crate::entry::Attachment;

impl State {
    /// One message.
    ///
    /// # Errors
    /// `messageNotFound` with `context.message`.
    pub fn message(&self, guid: &str) -> Result<&Arc<Message>, Error> {
        self.kept(guid).map(|kept| &kept.message)
    }

    pub(crate) fn kept(&self, guid: &str) -> Result<&Kept, Error> {
        self.messages.get(guid).ok_or_else(|| missing(ErrorCode::MessageNotFound, "message", guid))
    }

    /// A page of messages, the newest first.
    ///
    /// # Errors
    /// `chatNotFound`; `invalidArgument` naming `pageSize` or `pageToken`.
    pub fn messages(&self, query: &MessageQuery) -> Result<MessagePage, Error> {
        if let Some(chat) = &query.chat {
            self.existing(chat)?;
        }
        self.messages.page(query)
    }

    /// One poll, by the GUID of the message that carries it.
    ///
    /// # Errors
    /// `pollNotFound` with `context.poll`.
    pub fn poll(&self, guid: &str) -> Result<Poll, Error> {
        self.known_poll(guid).cloned()
    }

    pub(crate) fn known_poll(&self, guid: &str) -> Result<&Poll, Error> {
        self.polls.get(guid).ok_or_else(|| missing(ErrorCode::PollNotFound, "poll", guid))
    }

    /// One file.
    ///
    /// # Errors
    /// `attachmentNotFound` with `context.attachment`.
    pub fn attachment(&self, guid: &str) -> Result<&Attachment, Error> {
        self.attachments.get(guid).ok_or_else(|| missing(ErrorCode::AttachmentNotFound, "attachment", guid))
    }

    /// A page of chats, the one in which something happened last first. What happened is a message, or that the chat came to be.
    ///
    /// # Errors
    /// `invalidArgument` naming `pageSize` or `pageToken`.
    pub fn list_chats(&self, query: &ChatQuery) -> Result<ChatPage, Error> {
        let (_, most) = PAGE_SIZE;
        if !(1..=most).contains(&query.page_size) {
            return Err(Error::invalid(SIZE.name, format!("1 to {most}")).with_context("value", query.page_size.to_string()));
        }
        let token = query.page_token.as_deref();
        let place = token.map(|token| ChatPlace::parse(token, query.archived)).transpose()?;
        Ok(match &query.within {
            None => page(self.by_activity.after(query.archived, place.as_ref()).filter_map(|guid| self.chats.get(guid)), query),
            // Those of a token are few, and perhaps the last of many.
            Some(within) => {
                let mut chats: Vec<_> = within.iter().filter_map(|guid| self.chat(guid)).collect();
                chats.retain(|state| state.chat.is_archived == query.archived);
                chats.retain(|state| place.as_ref().is_none_or(|place| place_of(state) < *place));
                chats.sort_by_cached_key(|state| std::cmp::Reverse(place_of(state)));
                page(chats.into_iter(), query)
            }
        })
    }
}

fn place_of(state: &ChatState) -> ChatPlace {
    ChatPlace { activity: state.activity, guid: state.chat.guid.clone() }
}

fn page<'a>(mut chats: impl Iterator<Item = &'a ChatState>, query: &ChatQuery) -> ChatPage {
    let listed: Vec<&ChatState> = chats.by_ref().take(query.page_size).collect();
    let last = listed.last().filter(|_| chats.next().is_some());
    ChatPage {
        next_page_token: last.map(|last| place_of(last).token(query.archived)),
        chats: listed.into_iter().map(|state| Arc::clone(&state.chat)).collect(),
    }
}

fn missing(code: ErrorCode, what: &'static str, guid: &str) -> Error {
    Error::new(code, format!("there is no such {what}")).with_context(what, guid.to_owned())
}
