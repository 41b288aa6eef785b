//! What users hand in, checked before anything else happens.
//!
//! The shell made plain values of it (`snapshot.ts`), so that reading them runs no code of the user's: an exception of that would
//! leave everything borrowed that is borrowed here.

use js_sys::{Array, JsString, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::AbortSignal;

use crate::js::get;
use crate::value::Value;
use im_chats_protocol::error::Error;
use im_chats_protocol::limits::check_image_size;
use im_chats_protocol::model::{ChatGuid, CreateChatOptions};
use im_chats_protocol::number::safe_integer;
use im_chats_protocol::wire::chat_list::ListChatsOptions;
use im_chats_protocol::wire::request::{Request, effect, item};

/// A string that UTF-8 can carry. Half a surrogate pair cannot be sent; replacing it silently would change the user's text.
pub(crate) fn text(value: &JsValue, field: &str) -> Result<String, Error> {
    let Some(text) = value.as_string() else {
        return Err(unexpected(field, "a string", value));
    };
    // Only a replacement character can hide a lone surrogate, so the second look is rare.
    let replaced = text.as_bytes().windows(3).any(|bytes| bytes == "\u{FFFD}".as_bytes());
    if replaced && JsValue::from_str(&text) != *value {
        return Err(Error::invalid(field.to_owned(), "the text contains half a surrogate pair, which is not a character"));
    }
    Ok(text)
}

/// A boolean.
pub(crate) fn flag(value: &JsValue, field: &'static str) -> Result<bool, Error> {
    value.as_bool().ok_or_else(|| unexpected(field, "true or false", value))
}

/// A chat GUID.
pub(crate) fn guid(value: &JsValue) -> Result<ChatGuid, Error> {
    ChatGuid::parse(&text(value, "chat")?, "chat")
}

/// The addresses of a `create`.
pub(crate) fn addresses(value: &JsValue) -> Result<Vec<String>, Error> {
    texts(value, "addresses", "an array of addresses")
}

/// An array of strings.
fn texts(value: &JsValue, field: &str, expected: &str) -> Result<Vec<String>, Error> {
    let Some(items) = value.dyn_ref::<Array>() else {
        return Err(unexpected(field, expected, value));
    };
    items.iter().enumerate().map(|(index, value)| text(&value, &item(field, index))).collect()
}

/// The bytes of an image, of which the shell made a `Uint8Array`.
pub(crate) fn bytes(value: &JsValue) -> Result<Uint8Array, Error> {
    let Some(bytes) = value.dyn_ref::<Uint8Array>() else {
        return Err(unexpected("data", "the image as a Uint8Array or an ArrayBuffer", value));
    };
    check_image_size(usize::try_from(bytes.length()).unwrap_or(usize::MAX), "data")?;
    Ok(bytes.clone())
}

/// An options object, whose keys the shell checked: every value of its type; undefined is absent.
pub(crate) struct Options(JsValue);

impl Options {
    /// Options as they were given; undefined is none at all.
    pub(crate) const fn new(value: JsValue) -> Self {
        Self(value)
    }

    /// A value, when it is given.
    pub(crate) fn value(&self, name: &'static str) -> Option<JsValue> {
        if self.0.is_undefined() {
            return None;
        }
        let value = get(&self.0, name);
        (!value.is_undefined()).then_some(value)
    }

    /// A string.
    pub(crate) fn text(&self, name: &'static str) -> Result<Option<String>, Error> {
        self.value(name).map(|value| text(&value, name)).transpose()
    }

    /// An array of strings.
    pub(crate) fn texts(&self, name: &'static str, expected: &str) -> Result<Option<Vec<String>>, Error> {
        self.value(name).map(|value| texts(&value, name, expected)).transpose()
    }

    /// A boolean.
    pub(crate) fn flag(&self, name: &'static str) -> Result<Option<bool>, Error> {
        self.value(name).map(|value| flag(&value, name)).transpose()
    }

    /// The `signal`.
    pub(crate) fn signal(&self) -> Result<Option<AbortSignal>, Error> {
        let Some(value) = self.value("signal") else { return Ok(None) };
        // By its shape and not its class: a polyfill's signal, or one of another realm, is as good.
        if get(&value, "aborted").as_bool().is_some() && get(&value, "addEventListener").is_function() {
            return Ok(Some(value.unchecked_into()));
        }
        Err(unexpected("signal", "an AbortSignal", &value))
    }

    /// The options of `list`, and where the page before ended.
    pub(crate) fn list_chats(&self) -> Result<ListChatsOptions, Error> {
        Ok(ListChatsOptions {
            archived: self.flag("archived")?.unwrap_or(false),
            page_size: self.value("pageSize").map(|size| size.as_f64().and_then(safe_integer)),
            page_token: self.text("pageToken")?,
        })
    }

    /// The options of `create`.
    pub(crate) fn create(&self) -> Result<CreateChatOptions, Error> {
        Ok(CreateChatOptions {
            message: self.text("message")?,
            effect: self.text("effect")?.map(|id| effect(&id)).transpose()?,
            subject: self.text("subject")?,
            client_message_id: self.text("clientMessageId")?,
        })
    }
}

/// The token that a `tokens.create` asks for.
pub(crate) fn token(options: &Options) -> Result<Request<Value>, Error> {
    // What is missing is undefined, and refused as such.
    let given = |name| options.value(name).unwrap_or_default();
    let sub = text(&given("sub"), "sub")?;
    let scope = given("scope");
    let scope = scope.dyn_ref::<JsString>().map(|scope| scope.split(" ").into()).unwrap_or(scope);
    let scopes = texts(&scope, "scope", "an array of scopes")?;
    let chats = options.texts("chats", "an array of chat GUIDs")?;
    let ttl = given("ttlSeconds").as_f64().and_then(safe_integer);
    Request::create_token(&sub, &scopes, chats.as_deref(), ttl)
}

/// The error for a value of another type.
pub(crate) fn unexpected(field: &str, expected: &str, value: &JsValue) -> Error {
    Error::invalid(field.to_owned(), ["expected ", expected, ", got ", &type_name(value)].concat())
}

/// What a value is, in the words of JavaScript.
fn type_name(value: &JsValue) -> String {
    if value.is_null() {
        "null".into()
    } else if Array::is_array(value) {
        "array".into()
    } else {
        value.js_typeof().as_string().unwrap_or_default()
    }
}
