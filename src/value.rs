//! JSON on its way out of the wasm: bodies of requests, frames, answers as users get them, details of errors, gaps.
//!
//! The protocol's tables build it, and serde-wasm-bindgen makes the JavaScript of it, in one place. One type for all of them: each
//! type that derives `Serialize` by itself would bring its own copy of the serializer.

use std::borrow::Cow;

use im_chats_protocol::wire::codec::ObjectWriter;
use im_chats_protocol::wire::json::MakeJson;
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use wasm_bindgen::JsValue;

/// A JSON value.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    /// A string.
    Text(String),
    /// A boolean.
    Flag(bool),
    /// An integer of 0 to 2^53 − 1.
    Integer(u64),
    /// An array.
    List(Vec<Value>),
    /// An object.
    Object(Vec<(Cow<'static, str>, Value)>),
    /// A value that JavaScript made, handed on as it is: the text of a message never enters the wasm's memory.
    Js(JsValue),
}

impl Value {
    /// The JavaScript value.
    pub(crate) fn to_js(&self) -> JsValue {
        // It fails only for what JSON cannot hold, and that is no `Value`.
        self.serialize(&serde_wasm_bindgen::Serializer::json_compatible()).unwrap_or_default()
    }

    /// An object of texts.
    pub(crate) fn texts<K, V>(texts: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: Into<Cow<'static, str>>,
        V: Into<String>,
    {
        Self::Object(texts.into_iter().map(|(name, text)| (name.into(), Self::Text(text.into()))).collect())
    }

    fn put(&mut self, name: &'static str, value: Self) {
        if let Self::Object(fields) = self {
            fields.push((name.into(), value));
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            // As the number that JavaScript has for it. `serialize_u64` would bring an error text, and what formats it, for integers
            // that are too large, which there are none of.
            #[expect(clippy::cast_precision_loss, reason = "a safe integer by contract")]
            Self::Integer(integer) => serializer.serialize_f64(*integer as f64),
            Self::List(items) => {
                let mut list = serializer.serialize_seq(None)?;
                for item in items {
                    list.serialize_element(item)?;
                }
                list.end()
            }
            Self::Object(fields) => {
                let mut object = serializer.serialize_map(None)?;
                for (name, value) in fields {
                    object.serialize_entry(name.as_ref(), value)?;
                }
                object.end()
            }
            Self::Js(value) => serde_wasm_bindgen::preserve::serialize(value, serializer),
        }
    }
}

impl MakeJson for Value {
    fn array(items: Vec<Self>) -> Self {
        Self::List(items)
    }
    fn object(fields: Vec<(&'static str, Self)>) -> Self {
        Self::Object(fields.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }
    fn from_text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
    fn from_flag(flag: bool) -> Self {
        Self::Flag(flag)
    }
    fn from_integer(integer: u64) -> Self {
        Self::Integer(integer)
    }
    fn into_field(self, name: &str) -> Self {
        let Self::Object(fields) = self else { return Self::Js(JsValue::UNDEFINED) };
        let field = fields.into_iter().find(|(field, _)| field == name);
        field.map_or(Self::Js(JsValue::UNDEFINED), |(_, value)| value)
    }
}

impl ObjectWriter for Value {
    fn build(write: impl FnOnce(&mut Self)) -> Self {
        let mut object = Self::Object(Vec::new());
        write(&mut object);
        object
    }
    fn put_text(&mut self, name: &'static str, text: &str) {
        self.put(name, Self::from_text(text));
    }
    fn put_flag(&mut self, name: &'static str, flag: bool) {
        self.put(name, Self::Flag(flag));
    }
    fn put_integer(&mut self, name: &'static str, integer: u64) {
        self.put(name, Self::Integer(integer));
    }
    fn put_object(&mut self, name: &'static str, write: impl FnOnce(&mut Self)) {
        self.put(name, Self::build(write));
    }
    fn put_texts(&mut self, name: &'static str, texts: &[(String, String)]) {
        self.put(name, Self::texts(texts.iter().cloned()));
    }
    fn put_list(&mut self, name: &'static str, list: &[String]) {
        self.put(name, Self::List(list.iter().cloned().map(Self::Text).collect()));
    }
}
