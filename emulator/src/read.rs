//! What can be read of the state: one message, poll or attachment, and pages of messages.

use std::sync::Arc;

use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::model::{Message, Poll};

use super::messages::{Kept, MessagePage, MessageQuery};
use super::state::State;
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
}

fn missing(code: ErrorCode, what: &'static str, guid: &str) -> Error {
    Error::new(code, format!("there is no such {what}")).with_context(what, guid.to_owned())
}
