//! The calls about messages, as the client sends them, and the checks before anything is sent.

use super::checks::{identifier, key, not_empty, part_index, path_segment, timestamp};
use super::response::{MESSAGE_PAGE, ONE_MESSAGE, REACTION_KINDS, UPLOADED};
use super::routes::MessagingRoute;
use crate::error::Error;
use crate::model::{ChatGuid, MessageEffect, TextFormat};
use crate::wire::json::MakeJson;
use crate::wire::request::{Endpoint, Request, item};
use crate::wire::response::{NOTHING, ResponseTable};
use crate::wire::routes::{CHAT_GUID, CLIENT_MESSAGE_ID, EFFECT_ID, Method, SUBJECT, TEXT};
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// The most stretches of a text that may be formatted.
pub const MAX_FORMATS: usize = 1_000;

/// How stretches of a text may look, and how the text effect `effect` may be named.
const STYLES: [&str; 5] = ["bold", "italic", "underline", "strikethrough", "effect"];
const TEXT_EFFECTS: [&str; 8] = ["big", "small", "shake", "nod", "explode", "ripple", "bloom", "jitter"];

/// The most messages of one page.
pub const MAX_PAGE_SIZE: u64 = 100;

/// A message or a part of one, which something is done to or answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The message.
    message: String,
    /// The part of it, 0-based; nothing is the whole message.
    part: Option<u64>,
}

impl Target {
    /// The message with this GUID; `field` is what an error names. `part` is `Some(None)` when what was given is no whole number.
    ///
    /// # Errors
    /// `invalidArgument` for a text that is no GUID, and for a part that is none; `context.field` says which.
    pub fn new(message: &str, field: &'static str, part: Option<Option<u64>>, part_field: &'static str) -> Result<Self, Error> {
        let message = identifier(message, field)?;
        Ok(Self { message, part: part_index(part, part_field)? })
    }

    fn fields<J: MakeJson>(&self) -> Vec<(&'static str, J)> {
        let mut fields = vec![("messageGuid", J::from_text(&self.message))];
        fields.extend(self.part.map(|part| ("targetPartIndex", J::from_integer(part))));
        fields
    }
}

/// What a text and an attachment are sent with.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SendOptions {
    /// The message that it answers.
    pub reply_to: Option<Target>,
    /// Its effect.
    pub effect: Option<MessageEffect>,
    /// The subject line of a text.
    pub subject: Option<String>,
    /// How stretches of a text look.
    pub formatting: Vec<TextFormat>,
    /// The name that an attachment is sent under.
    pub file_name: Option<String>,
    /// Whether an attachment is a voice message.
    pub is_audio_message: bool,
    /// The caller's own idempotency key.
    pub client_message_id: Option<String>,
}

/// Which messages of a chat are listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListOptions {
    /// How many at most; `Some(None)` when what was given is no whole number.
    pub page_size: Option<Option<u64>>,
    /// Where the page before ended.
    pub page_token: Option<String>,
    /// Only own ones, or only those of others.
    pub is_from_me: Option<bool>,
    /// Only read ones, or only unread ones.
    pub is_read: Option<bool>,
    /// Only those that were written before this time.
    pub before: Option<String>,
    /// Only those that were written after this time.
    pub after: Option<String>,
}

impl<J: MakeJson> Request<J> {
    // Inlined with the table, so that the wasm keeps only these columns.
    #[inline(always)]
    pub(super) fn messaging(route: MessagingRoute, response: &'static ResponseTable, fields: Vec<(&'static str, J)>) -> Self {
        let row = route.definition();
        let repeatable = matches!(row.method, Method::Get);
        let endpoint = Endpoint { method: row.method, path: Cow::Borrowed(row.path), response, repeatable };
        Self { endpoint, fields, idempotency_key: None }
    }

    /// Adds the caller's own idempotency key, which the body carries unchanged.
    pub(super) fn with_key(mut self, client_message_id: Option<String>) -> Result<Self, Error> {
        if let Some(id) = client_message_id {
            key(&id)?;
            self.fields.push((CLIENT_MESSAGE_ID.name, J::from_text(&id)));
            self.idempotency_key = Some(id);
        }
        Ok(self)
    }

    /// Sends a text.
    ///
    /// # Errors
    /// `invalidArgument` for an empty text, formats that do not fit it and a key of the wrong length; `context.field` says which.
    pub fn send_text(chat: &ChatGuid, text: &str, options: SendOptions) -> Result<Self, Error> {
        not_empty(text, "text")?;
        let formatting = formats(&options.formatting, text)?;
        let mut fields = vec![(CHAT_GUID.name, J::from_text(chat.as_str())), (TEXT.name, J::from_text(text))];
        if !formatting.is_empty() {
            fields.push(("formatting", J::array(formatting)));
        }
        Self::sent(MessagingRoute::SendTextMessage, fields, options)
    }

    /// Sends an attachment that is at the service.
    ///
    /// # Errors
    /// `invalidArgument` for an attachment that is no GUID, an empty name and a key of the wrong length; `context.field` says which.
    pub fn send_attachment(chat: &ChatGuid, attachment: &str, options: SendOptions) -> Result<Self, Error> {
        let mut reference = vec![("attachmentGuid", J::from_text(&identifier(attachment, "data")?))];
        if let Some(name) = &options.file_name {
            not_empty(name, "fileName")?;
            reference.push(("attachmentName", J::from_text(name)));
        }
        let mut fields = vec![(CHAT_GUID.name, J::from_text(chat.as_str())), ("attachment", J::object(reference))];
        if options.is_audio_message {
            fields.push(("isAudioMessage", J::from_flag(true)));
        }
        Self::sent(MessagingRoute::SendAttachmentMessage, fields, options)
    }

    fn sent(route: MessagingRoute, mut fields: Vec<(&'static str, J)>, options: SendOptions) -> Result<Self, Error> {
        let SendOptions { reply_to, effect, subject, client_message_id, .. } = options;
        fields.extend(reply_to.map(|target| ("replyTo", J::object(target.fields()))));
        fields.extend(effect.map(|effect| (EFFECT_ID.name, J::from_text(effect.id()))));
        fields.extend(subject.map(|subject| (SUBJECT.name, J::from_text(&subject))));
        Self::messaging(route, ONE_MESSAGE, fields).with_key(client_message_id)
    }

    /// Uploads a file; its bytes are the body, which the transport adds, and the fields are the query.
    ///
    /// # Errors
    /// `invalidArgument` with `context.field` = `fileName` when that is empty.
    pub fn upload(file_name: &str) -> Result<Self, Error> {
        not_empty(file_name, "fileName")?;
        Ok(Self::messaging(MessagingRoute::UploadAttachment, UPLOADED, vec![("fileName", J::from_text(file_name))]))
    }

    fn targeted(route: MessagingRoute, response: &'static ResponseTable, chat: &ChatGuid, target: &Target) -> Self {
        let mut fields = vec![(CHAT_GUID.name, J::from_text(chat.as_str()))];
        fields.extend(target.fields());
        Self::messaging(route, response, vec![("target", J::object(fields))])
    }

    /// Changes the text of an own message.
    ///
    /// # Errors
    /// `invalidArgument` for an empty text and a key of the wrong length; `context.field` says which.
    pub fn edit_message(
        chat: &ChatGuid,
        target: &Target,
        text: &str,
        backward_compat_text: Option<&str>,
        client_message_id: Option<String>,
    ) -> Result<Self, Error> {
        not_empty(text, "text")?;
        let mut request = Self::targeted(MessagingRoute::EditMessage, ONE_MESSAGE, chat, target);
        request.fields.push(("newText", J::from_text(text)));
        if let Some(text) = backward_compat_text {
            not_empty(text, "backwardCompatText")?;
            request.fields.push(("backwardCompatText", J::from_text(text)));
        }
        request.with_key(client_message_id)
    }

    /// Takes an own message back.
    ///
    /// # Errors
    /// `invalidArgument` for a key of the wrong length.
    pub fn unsend_message(chat: &ChatGuid, target: &Target, client_message_id: Option<String>) -> Result<Self, Error> {
        Self::targeted(MessagingRoute::UnsendMessage, NOTHING, chat, target).with_key(client_message_id)
    }

    /// Puts a reaction on a message, or removes it. `kind` is its documented name; an emoji belongs to `emoji` alone.
    ///
    /// # Errors
    /// `invalidArgument` for a kind that cannot be set, an emoji that is missing or too many, and a key of the wrong length;
    /// `context.field` says which.
    pub fn set_reaction(
        chat: &ChatGuid,
        target: &Target,
        kind: &str,
        emoji: Option<&str>,
        is_set: bool,
        client_message_id: Option<String>,
    ) -> Result<Self, Error> {
        // A sticker is placed with a picture, and is no reaction to be set.
        let settable = REACTION_KINDS.iter().filter(|(_, documented)| *documented != "sticker");
        let Some((wire, _)) = settable.into_iter().find(|(_, documented)| *documented == kind) else {
            return Err(Error::invalid(
                "reaction",
                "expected love, like, dislike, laugh, emphasize or question, or { kind: \"emoji\", emoji }",
            ));
        };
        let mut reaction = vec![("kind", J::from_text(wire))];
        match emoji {
            Some(emoji) if kind == "emoji" && !emoji.trim().is_empty() => reaction.push(("emoji", J::from_text(emoji))),
            None if kind != "emoji" => {}
            _ => {
                return Err(Error::invalid("reaction.emoji", "the kind emoji needs one emoji, and no other kind has one"));
            }
        }
        let mut request = Self::targeted(MessagingRoute::SetReaction, ONE_MESSAGE, chat, target);
        request.fields.push(("reaction", J::object(reaction)));
        request.fields.push(("isSet", J::from_flag(is_set)));
        request.with_key(client_message_id)
    }

    /// Fetches a message.
    ///
    /// # Errors
    /// `invalidArgument` with `context.field` = `message` for a text that is no GUID.
    pub fn get_message(message: &str) -> Result<Self, Error> {
        let message = identifier(message, "message")?;
        let mut request = Self::messaging(MessagingRoute::GetMessage, ONE_MESSAGE, Vec::new());
        let (before, _) = request.endpoint.path.split_once('{').unwrap_or_default();
        request.endpoint.path = [before, &path_segment(&message)].concat().into();
        Ok(request)
    }

    /// Lists the messages of a chat, the newest first.
    ///
    /// # Errors
    /// `invalidArgument` for a page of no or too many messages, an empty token and times that are none; `context.field` says which.
    pub fn list_messages(chat: &ChatGuid, options: ListOptions) -> Result<Self, Error> {
        let ListOptions { page_size, page_token, is_from_me, is_read, before, after } = options;
        let mut fields = vec![(CHAT_GUID.name, J::from_text(chat.as_str()))];
        if let Some(size) = page_size {
            let Some(size) = size.filter(|size| (1..=MAX_PAGE_SIZE).contains(size)) else {
                return Err(Error::invalid("pageSize", "expected a whole number from 1 to 100"));
            };
            fields.push(("pageSize", J::from_integer(size)));
        }
        if let Some(token) = page_token {
            not_empty(&token, "pageToken")?;
            fields.push(("pageToken", J::from_text(&token)));
        }
        fields.extend(is_from_me.map(|flag| ("isFromMe", J::from_flag(flag))));
        fields.extend(is_read.map(|flag| ("isRead", J::from_flag(flag))));
        for (name, time) in [("before", before), ("after", after)] {
            if let Some(time) = time {
                fields.push((name, J::from_text(timestamp(&time, name)?)));
            }
        }
        Ok(Self::messaging(MessagingRoute::ListChatMessages, MESSAGE_PAGE, fields))
    }
}

/// The formats as the request has them, each within the text.
fn formats<J: MakeJson>(formats: &[TextFormat], text: &str) -> Result<Vec<J>, Error> {
    if formats.len() > MAX_FORMATS {
        return Err(Error::invalid("formatting", "at most 1000 formats"));
    }
    let units = if formats.is_empty() { 0 } else { text.encode_utf16().count() };
    let mut made = Vec::with_capacity(formats.len());
    for (index, format) in formats.iter().enumerate() {
        let at = |name: &str| [&item("formatting", index), name].concat();
        let TextFormat { style, start, length, effect_name } = format;
        if !STYLES.iter().any(|known| known == style) {
            return Err(Error::invalid(at(".type"), "expected bold, italic, underline, strikethrough or effect"));
        }
        let span = usize::try_from(*start).ok().zip(usize::try_from(*length).ok());
        let Some((start, length)) = span.filter(|(start, length)| *length > 0 && start.saturating_add(*length) <= units) else {
            return Err(Error::invalid(at(""), "start and length must name a stretch of the text, in UTF-16 units"));
        };
        let number = |number: usize| J::from_integer(u64::try_from(number).unwrap_or(u64::MAX));
        let mut fields = vec![("type", J::from_text(style)), ("start", number(start)), ("length", number(length))];
        let is_known = |name: &String| TEXT_EFFECTS.iter().any(|known| known == name);
        match effect_name {
            Some(name) if style == "effect" && is_known(name) => fields.push(("effectName", J::from_text(name))),
            None if style != "effect" => {}
            _ => {
                let rule = "the type effect needs one of big, small, shake, nod, explode, ripple, bloom and jitter; no other type has one";
                return Err(Error::invalid(at(".effectName"), rule));
            }
        }
        made.push(J::object(fields));
    }
    Ok(made)
}
