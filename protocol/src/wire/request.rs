//! The nine calls as the client sends them, and the checks before anything is sent.

use super::json::MakeJson;
use super::routes::{
    ADDRESSES, CHAT_GUID, CLIENT_MESSAGE_ID, EFFECT_ID, IMESSAGE, INCLUDE_ARCHIVED, INITIAL_MESSAGE, IS_TYPING, Route, SERVICE,
    SUBJECT, TEXT,
};
use crate::error::Error;
use crate::limits::{check_address_count, check_key};
use crate::model::{ChatGuid, CreateChatOptions, MessageEffect};
use crate::number::decimal;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// One call, ready to be sent. `J` is JSON as the sender keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request<J> {
    /// Where it goes, and what comes back.
    pub route: Route,
    /// The fields of the query or the body.
    pub fields: Vec<(&'static str, J)>,
    /// The caller's own idempotency key.
    pub idempotency_key: Option<String>,
}

impl<J: MakeJson> Request<J> {
    const fn new(route: Route, fields: Vec<(&'static str, J)>) -> Self {
        Self { route, fields, idempotency_key: None }
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
        check_address_count(addresses.len())?;
        if let Some(index) = addresses.iter().position(|address| address.trim().is_empty()) {
            return Err(Error::invalid(item("addresses", index), "an address must not be empty"));
        }
        let CreateChatOptions { message, effect, subject, client_message_id } = options;
        let mut fields = vec![
            (ADDRESSES.name, J::array(addresses.iter().map(|address| J::from_text(address)).collect())),
            (SERVICE.name, J::from_text(IMESSAGE)),
        ];
        if let Some(text) = message {
            if text.is_empty() {
                return Err(Error::invalid("message", "an opening message must not be empty; leave it out to send none"));
            }
            let mut opening = vec![(TEXT.name, J::from_text(&text))];
            if let Some(effect) = effect {
                opening.push((EFFECT_ID.name, J::from_text(effect.id())));
            }
            if let Some(subject) = subject {
                opening.push((SUBJECT.name, J::from_text(&subject)));
            }
            fields.push((INITIAL_MESSAGE.name, J::object(opening)));
        }
        if let Some(key) = &client_message_id {
            check_key(key, CLIENT_MESSAGE_ID.name)?;
            fields.push((CLIENT_MESSAGE_ID.name, J::from_text(key)));
        }
        Ok(Self { idempotency_key: client_message_id, ..Self::new(Route::CreateChat, fields) })
    }

    /// A call about one chat that takes no other field: everything but a create and a count. [`Request::set_typing`] adds one; the
    /// image of a background may be large, so the transport adds it.
    #[must_use]
    pub fn about(route: Route, chat: &ChatGuid) -> Self {
        Self::new(route, vec![(CHAT_GUID.name, J::from_text(chat.as_str()))])
    }

    /// Counts chats.
    #[must_use]
    pub fn count(include_archived: bool) -> Self {
        let fields = if include_archived { vec![(INCLUDE_ARCHIVED.name, J::from_flag(true))] } else { Vec::new() };
        Self::new(Route::GetChatCount, fields)
    }

    /// Shows or hides the typing indicator.
    #[must_use]
    pub fn set_typing(chat: &ChatGuid, is_typing: bool) -> Self {
        let mut request = Self::about(Route::SetTyping, chat);
        request.fields.push((IS_TYPING.name, J::from_flag(is_typing)));
        request
    }
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
    use crate::limits::MAX_CREATE_ADDRESSES;
    use crate::wire::routes::{RequestField, RequestKind};
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
    fn as_many_addresses_as_the_limit_go_out() {
        let request = Request::create(vec!["a@b.c".to_owned(); MAX_CREATE_ADDRESSES], CreateChatOptions::default()).unwrap();
        assert_eq!(body(request)["addresses"].as_array().map(Vec::len), Some(1024));
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
    fn every_request_has_the_fields_of_its_route_and_no_others() {
        let chat = ChatGuid::parse("any;-;a@b.c", "chat").unwrap();
        let key = Some("k".to_owned());
        let options = CreateChatOptions {
            message: Some("hi".into()),
            effect: Some(MessageEffect::Slam),
            subject: Some("s".into()),
            client_message_id: key,
        };
        for route in Route::ALL.iter().copied() {
            let request = match route {
                Route::CreateChat => Request::create(vec!["a@b.c".into()], options.clone()).unwrap(),
                Route::GetChatCount => Request::count(true),
                Route::SetTyping => Request::set_typing(&chat, false),
                _ => Request::about(route, &chat),
            };
            assert_eq!(request.route, route);
            assert_fits(&body(request), route.definition().fields);
        }
    }

    fn assert_fits(given: &Parsed, fields: &[RequestField]) {
        for name in given.as_object().unwrap().keys() {
            assert!(fields.iter().any(|field| field.name == name), "{name}");
        }
        for field in fields {
            match (given.get(field.name), field.kind) {
                (Some(value), RequestKind::Object(fields)) => assert_fits(value, fields),
                (Some(_), _) => {}
                // The transport adds an image.
                (None, kind) => assert!(!field.required || kind == RequestKind::Image, "{}", field.name),
            }
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
