//! The nine unary calls as they go out, and everything about them that can be wrong before the network.

use super::answer::Answer;
use super::json::Json;
use crate::error::Error;
use crate::limits::check_key;
use crate::model::{ChatGuid, CreateChatOptions, MessageEffect};
use crate::number::decimal;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// The most addresses a `create` takes. A guard for the wire, not a rule of the service, whose own limit is lower.
const MAX_ADDRESSES: usize = 1024;

/// One unary call. `J` is JSON as whoever sends it keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request<J> {
    /// The path below the service's address.
    pub path: &'static str,
    /// Whether it changes something: `POST` with a body and an idempotency key, else `GET` with a query.
    pub is_write: bool,
    /// Its fields, for the body or the query.
    pub fields: Vec<(&'static str, J)>,
    /// The caller's own idempotency key.
    pub idempotency_key: Option<String>,
    /// What it answers.
    pub answer: Answer,
}

impl<J: Json> Request<J> {
    fn write(path: &'static str, fields: Vec<(&'static str, J)>, answer: Answer) -> Self {
        Self { path, is_write: true, fields, idempotency_key: None, answer }
    }

    fn read(path: &'static str, fields: Vec<(&'static str, J)>, answer: Answer) -> Self {
        Self { path, is_write: false, fields, idempotency_key: None, answer }
    }

    /// Creates a chat, or resolves the one there is.
    ///
    /// # Errors
    /// `invalidArgument` for no, too many or empty addresses, an empty message and a key of the wrong length; `context.field`
    /// says which.
    pub fn create(addresses: Vec<String>, options: CreateChatOptions) -> Result<Self, Error> {
        if addresses.is_empty() {
            return Err(Error::invalid(
                "addresses",
                "at least one address is needed: an e-mail address or an E.164 phone number",
            ));
        }
        if addresses.len() > MAX_ADDRESSES {
            return Err(Error::invalid("addresses", "at most 1024 addresses"));
        }
        if let Some(index) = addresses.iter().position(|address| address.trim().is_empty()) {
            return Err(Error::invalid(item("addresses", index), "an address must not be empty"));
        }
        let CreateChatOptions { message, effect, subject, client_message_id } = options;
        let mut fields = vec![
            ("addresses", J::array(addresses.iter().map(|address| J::from_text(address)).collect())),
            ("service", J::from_text("CHAT_SERVICE_TYPE_IMESSAGE")),
        ];
        if let Some(text) = message {
            if text.is_empty() {
                return Err(Error::invalid("message", "an opening message must not be empty; leave it out to send none"));
            }
            let mut opening = vec![("text", J::from_text(&text))];
            if let Some(effect) = effect {
                opening.push(("effectId", J::from_text(effect.id())));
            }
            if let Some(subject) = subject {
                opening.push(("subject", J::from_text(&subject)));
            }
            fields.push(("initialMessage", J::object(opening)));
        }
        if let Some(key) = &client_message_id {
            check_key(key, "clientMessageId")?;
            fields.push(("clientMessageId", J::from_text(key)));
        }
        Ok(Self { idempotency_key: client_message_id, ..Self::write("/v1/chats", fields, Answer::Created) })
    }

    /// Fetches a chat.
    #[must_use]
    pub fn get(chat: &ChatGuid) -> Self {
        Self::read("/v1/chats:get", vec![guid(chat)], Answer::Chat)
    }

    /// Counts chats.
    #[must_use]
    pub fn count(include_archived: bool) -> Self {
        let fields = if include_archived { vec![("includeArchived", J::from_flag(true))] } else { Vec::new() };
        Self::read("/v1/chats:count", fields, Answer::Count)
    }

    /// Marks everything in a chat as read.
    #[must_use]
    pub fn mark_read(chat: &ChatGuid) -> Self {
        Self::write("/v1/chats:markRead", vec![guid(chat)], Answer::Empty)
    }

    /// Shows or hides the typing indicator.
    #[must_use]
    pub fn set_typing(chat: &ChatGuid, is_typing: bool) -> Self {
        Self::write("/v1/chats:setTyping", vec![guid(chat), ("isTyping", J::from_flag(is_typing))], Answer::Empty)
    }

    /// Sends the account's contact card.
    #[must_use]
    pub fn share_contact_info(chat: &ChatGuid) -> Self {
        Self::write("/v1/chats:shareContactInfo", vec![guid(chat)], Answer::Empty)
    }

    /// Sets a background. The image itself is not among the fields: it may be large, and the transport adds it as `data`.
    #[must_use]
    pub fn set_background(chat: &ChatGuid) -> Self {
        Self::write("/v1/chats:setBackground", vec![guid(chat)], Answer::Empty)
    }

    /// Asks whether there is a custom background.
    #[must_use]
    pub fn has_background(chat: &ChatGuid) -> Self {
        Self::read("/v1/chats:hasBackground", vec![guid(chat)], Answer::BackgroundPresent)
    }

    /// Removes the custom background.
    #[must_use]
    pub fn remove_background(chat: &ChatGuid) -> Self {
        Self::write("/v1/chats:removeBackground", vec![guid(chat)], Answer::Empty)
    }
}

fn guid<J: Json>(chat: &ChatGuid) -> (&'static str, J) {
    ("chatGuid", J::from_text(chat.as_str()))
}

/// The name of an element, as errors give it: `addresses[2]`.
#[must_use]
pub fn item(list: &str, index: usize) -> String {
    [list, "[", &decimal(u64::try_from(index).unwrap_or(u64::MAX)), "]"].concat()
}

/// The effect with this short name, or with Apple's identifier.
///
/// # Errors
/// `invalidArgument` with `context.field` = `effect` when there is none.
pub fn effect(text: &str) -> Result<MessageEffect, Error> {
    MessageEffect::ALL.iter().copied().find(|effect| effect.name() == text || effect.id() == text).ok_or_else(|| {
        Error::invalid("effect", "not a message effect: use a name such as \"confetti\", or a value of MessageEffect")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value as Parsed, json};

    type Request = super::Request<Parsed>;

    fn body(request: Request) -> Parsed {
        Parsed::object(request.fields)
    }

    #[test]
    fn effect_and_subject_only_go_out_with_a_message() {
        let options = CreateChatOptions {
            effect: Some(MessageEffect::Confetti),
            subject: Some("s".into()),
            ..CreateChatOptions::default()
        };
        let without = Request::create(vec!["a@b.c".into()], options.clone()).unwrap();
        assert_eq!(body(without), json!({ "addresses": ["a@b.c"], "service": "CHAT_SERVICE_TYPE_IMESSAGE" }));
        let with = CreateChatOptions { message: Some("hi".into()), client_message_id: Some("k".into()), ..options };
        let with = Request::create(vec!["a@b.c".into()], with).unwrap();
        assert_eq!(with.idempotency_key.as_deref(), Some("k"));
        assert_eq!(
            body(with),
            json!({
                "addresses": ["a@b.c"], "service": "CHAT_SERVICE_TYPE_IMESSAGE", "clientMessageId": "k",
                "initialMessage": { "text": "hi", "effectId": "com.apple.messages.effect.CKConfettiEffect", "subject": "s" }
            })
        );
    }

    #[test]
    fn bad_addresses_and_keys_are_named() {
        let none = CreateChatOptions::default;
        let key = |key: &str| CreateChatOptions { client_message_id: Some(key.into()), ..none() };
        for (addresses, options, field) in [
            (vec![], none(), "addresses"),
            (vec!["a@b.c".to_owned(), "  ".to_owned()], none(), "addresses[1]"),
            (vec!["a@b.c".to_owned(); 1025], none(), "addresses"),
            (vec!["a@b.c".to_owned()], CreateChatOptions { message: Some(String::new()), ..none() }, "message"),
            (vec!["a@b.c".to_owned()], key(" "), "clientMessageId"),
            (vec!["a@b.c".to_owned()], key(&"k".repeat(257)), "clientMessageId"),
        ] {
            let error = Request::create(addresses, options).unwrap_err();
            assert_eq!(error.context_value("field"), Some(field));
        }
    }

    #[test]
    fn every_effect_is_found_by_its_name_and_by_its_identifier() {
        for known in MessageEffect::ALL {
            assert_eq!((effect(known.name()), effect(known.id())), (Ok(*known), Ok(*known)));
        }
        assert_eq!(effect("Confetti").unwrap_err().context_value("field"), Some("effect"));
    }
}
