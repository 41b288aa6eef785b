//! The nine calls, and the one that makes tokens, as the client sends them, and the checks before anything is sent.

use super::json::MakeJson;
use super::response::{ResponseShape, ResponseTable};
use super::routes::{
    ADDRESSES, CHAT_GUID, CLIENT_MESSAGE_ID, EFFECT_ID, IMESSAGE, INCLUDE_ARCHIVED, INITIAL_MESSAGE, IS_TYPING, Method, Route,
    SERVICE, SUBJECT, TEXT, TOKENS_PATH,
};
use crate::error::Error;
use crate::grant::{EXPECTED_CHATS, MAX_CHATS, Scope};
use crate::limits::{MAX_TOKEN_TTL_SECONDS, check_address_count, check_key};
use crate::model::{ChatGuid, CreateChatOptions, MessageEffect};
use crate::number::decimal;
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

// Sentences with numbers and names in them are literals: put together from the constants they would take more of the wasm. Tests compare.

const NO_SCOPE: &str = "expected one or more of chats:read, chats:write, chats:create, chats:count, events, events:all, \
    messages:read, messages:write, groups:write";

/// Where a call goes, and what comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// How it is called.
    pub method: Method,
    /// The path below the service's address.
    pub path: Cow<'static, str>,
    /// What a success returns.
    pub response: &'static ResponseTable,
    /// Whether doing it twice does no harm, so that it needs no idempotency key to be sent again.
    pub repeatable: bool,
}

impl Endpoint {
    /// The call that makes a token for someone. It needs the operator's own token.
    pub const CREATE_TOKEN: Self = Self {
        method: Method::Post,
        path: Cow::Borrowed(TOKENS_PATH),
        response: ResponseShape::Token.table(),
        repeatable: true,
    };

    // Inlined with the table, so that the wasm keeps only these columns.
    #[inline(always)]
    const fn of(route: Route) -> Self {
        let row = route.definition();
        let repeatable = matches!(row.method, Method::Get);
        Self { method: row.method, path: Cow::Borrowed(row.path), response: row.response.table(), repeatable }
    }
}

/// One call, ready to be sent. `J` is JSON as the sender keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request<J> {
    /// Where it goes, and what comes back.
    pub endpoint: Endpoint,
    /// The fields of the query or the body.
    pub fields: Vec<(&'static str, J)>,
    /// The caller's own idempotency key.
    pub idempotency_key: Option<String>,
}

impl<J: MakeJson> Request<J> {
    pub(super) const fn new(route: Route, fields: Vec<(&'static str, J)>) -> Self {
        Self { endpoint: Endpoint::of(route), fields, idempotency_key: None }
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

    /// Makes a token for `sub` with these scopes; `chats` limits it to these chats. `ttl` is its life in
    /// seconds, nothing when what was given is no whole number.
    ///
    /// # Errors
    /// `invalidArgument` for an empty `sub`, no scope or an unknown one, chats that are none, too many or no GUIDs, and a life that is
    /// not 1 second to [`MAX_TOKEN_TTL_SECONDS`]; `context.field` says which.
    pub fn create_token(sub: &str, scopes: &[String], chats: Option<&[String]>, ttl: Option<u64>) -> Result<Self, Error> {
        if sub.trim().is_empty() {
            return Err(Error::invalid("sub", "expected whose token it is, such as the user's id; it is empty"));
        }
        let mut scope = String::new();
        for name in scopes {
            if !Scope::ALL.iter().any(|scope| scope.as_str() == name) {
                return Err(Error::invalid("scope", NO_SCOPE).with_context("value", name.clone()));
            }
            if !scope.is_empty() {
                scope.push(' ');
            }
            scope.push_str(name);
        }
        if scope.is_empty() {
            return Err(Error::invalid("scope", NO_SCOPE));
        }
        let mut fields = vec![("sub", J::from_text(sub)), ("scope", J::from_text(&scope))];
        if let Some(chats) = chats {
            if chats.is_empty() || chats.len() > MAX_CHATS {
                return Err(Error::invalid("chats", EXPECTED_CHATS));
            }
            let mut guids = Vec::with_capacity(chats.len());
            for chat in chats {
                guids.push(J::from_text(ChatGuid::parse(chat, "chats")?.as_str()));
            }
            fields.push(("chats", J::array(guids)));
        }
        let Some(ttl) = ttl.filter(|ttl| (1..=MAX_TOKEN_TTL_SECONDS).contains(ttl)) else {
            return Err(Error::invalid("ttlSeconds", "expected a whole number of seconds from 1 to 86400"));
        };
        fields.push(("ttlSeconds", J::from_integer(ttl)));
        Ok(Self { endpoint: Endpoint::CREATE_TOKEN, fields, idempotency_key: None })
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
            assert_eq!(request.endpoint, Endpoint::of(route));
            assert_eq!(request.endpoint.repeatable, route.definition().method == Method::Get, "a write needs a key");
            assert_fits(&body(request), route.definition().fields);
        }
    }

    fn token(sub: &str, scope: &str, chats: Option<&[&str]>, ttl: Option<u64>) -> Result<Parsed, Error> {
        let chats: Option<Vec<String>> = chats.map(|chats| chats.iter().map(|chat| (*chat).to_owned()).collect());
        let scopes: Vec<_> = scope.split_terminator(' ').map(str::to_owned).collect();
        let request = Request::create_token(sub, &scopes, chats.as_deref(), ttl)?;
        assert_eq!(request.endpoint, Endpoint::CREATE_TOKEN);
        Ok(body(request))
    }

    #[test]
    fn a_token_says_whose_it_is_what_it_allows_and_for_how_long() {
        let all = token("user 1", "chats:read events", None, Some(1)).unwrap();
        assert_eq!(all, json!({ "sub": "user 1", "scope": "chats:read events", "ttlSeconds": 1 }));
        let limited = token("u", "events", Some(&[" any;-;a@b.c ", "any;+;g"]), Some(MAX_TOKEN_TTL_SECONDS)).unwrap();
        assert_eq!(limited, json!({ "sub": "u", "scope": "events", "chats": ["any;-;a@b.c", "any;+;g"], "ttlSeconds": 86400 }));
        let most = vec!["any;+;g"; MAX_CHATS];
        assert!(token("u", "events", Some(&most), Some(60)).is_ok());
    }

    #[test]
    fn what_is_wrong_with_a_token_is_named() {
        let too_many = vec!["any;+;g"; MAX_CHATS + 1];
        for (sub, scope, chats, ttl, field) in [
            ("", "events", None, Some(60), "sub"),
            (" ", "events", None, Some(60), "sub"),
            ("u", "event", None, Some(60), "scope"),
            ("u", "chats:read,events", None, Some(60), "scope"),
            ("u", "", None, Some(60), "scope"),
            ("u", "events", Some(&[][..]), Some(60), "chats"),
            ("u", "events", Some(&too_many[..]), Some(60), "chats"),
            ("u", "events", Some(&["alice@example.com"][..]), Some(60), "chats"),
            ("u", "events", None, None, "ttlSeconds"),
            ("u", "events", None, Some(0), "ttlSeconds"),
            ("u", "events", None, Some(MAX_TOKEN_TTL_SECONDS + 1), "ttlSeconds"),
        ] {
            let error = token(sub, scope, chats, ttl).unwrap_err();
            assert_eq!((error.code.as_ref(), error.context_value("field")), ("invalidArgument", Some(field)));
        }
        let error = token("u", "events", None, None).unwrap_err();
        assert!(error.message.ends_with(&MAX_TOKEN_TTL_SECONDS.to_string()), "{error}");
        let error = token("u", "events", Some(&[]), None).unwrap_err();
        assert!(error.message.contains(&format!("1 to {MAX_CHATS} chat")), "{error}");
        assert!(NO_SCOPE.ends_with(&Scope::ALL.map(Scope::as_str).join(", ")), "{NO_SCOPE}");
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
