//! Parsed JSON as the frames, requests and answers see it: the objects of a JavaScript engine, or `serde_json`'s values.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use serde_json::Value;

use crate::number::MAX_SAFE_INTEGER;

/// A JSON value that some runtime has parsed. Text stays where it is until it is asked for: in a browser, a message never enters
/// wasm memory on its way to the user.
pub trait ReadJson: Clone {
    /// The type of a value that is kept. Reading one kind of JSON makes the same kind.
    type Owned: MakeJson;

    /// The value itself, text and all, without a look at it.
    fn keep(self) -> Self::Owned;
    /// The value that stands for an absent one.
    fn null() -> Self;
    /// Whether it is `null` (or, in JavaScript, undefined).
    fn is_null(&self) -> bool;
    /// Whether it is an object that is not an array.
    fn is_object(&self) -> bool;
    /// Whether it is a string.
    fn is_text(&self) -> bool;
    /// Whether it is a number, of whatever kind.
    fn is_number(&self) -> bool;
    /// Its text, when it is a string.
    fn text(&self) -> Option<String>;
    /// Its value, when it is a boolean.
    fn flag(&self) -> Option<bool>;
    /// Its value, when it is a number and an integer of 0 to 2^53 − 1.
    fn integer(&self) -> Option<u64>;
    /// Its length, when it is an array.
    fn length(&self) -> Option<usize>;
    /// An element of an array; null when there is none.
    fn item(&self, index: usize) -> Self;
    /// A field of an object; null when there is none.
    fn field(&self, name: &str) -> Self;
    /// The fields of an object that are strings, whatever their names; none of anything else.
    fn texts(&self) -> Vec<(String, String)>;
}

/// A JSON value that can be made.
pub trait MakeJson: Sized {
    /// An array of these.
    fn array(items: Vec<Self>) -> Self;
    /// An object of these.
    fn object(fields: Vec<(&'static str, Self)>) -> Self;
    /// A string.
    fn from_text(text: &str) -> Self;
    /// A boolean.
    fn from_flag(flag: bool) -> Self;
    /// A number; `integer` is at most 2^53 − 1.
    fn from_integer(integer: u64) -> Self;
    /// The field of an object; null when there is none.
    fn into_field(self, name: &str) -> Self;
}

/// An integer of 0 to 2^53 − 1, as a number or – as proto3-JSON writes 64-bit ones – a decimal string.
pub fn integer<J: ReadJson>(value: &J) -> Option<u64> {
    value.integer().or_else(|| value.text()?.parse().ok().filter(|integer| *integer <= MAX_SAFE_INTEGER))
}

/// By reference, so that nothing is copied but the texts that are asked for.
impl ReadJson for &Value {
    type Owned = Value;

    fn keep(self) -> Value {
        self.clone()
    }
    fn null() -> Self {
        &Value::Null
    }
    fn is_null(&self) -> bool {
        Value::is_null(self)
    }
    fn is_object(&self) -> bool {
        Value::is_object(self)
    }
    fn is_text(&self) -> bool {
        self.is_string()
    }
    fn is_number(&self) -> bool {
        Value::is_number(self)
    }
    fn text(&self) -> Option<String> {
        self.as_str().map(str::to_owned)
    }
    fn flag(&self) -> Option<bool> {
        self.as_bool()
    }
    fn integer(&self) -> Option<u64> {
        self.as_u64().filter(|integer| *integer <= MAX_SAFE_INTEGER)
    }
    fn length(&self) -> Option<usize> {
        self.as_array().map(Vec::len)
    }
    fn item(&self, index: usize) -> Self {
        self.get(index).unwrap_or(&Value::Null)
    }
    fn field(&self, name: &str) -> Self {
        self.get(name).unwrap_or(&Value::Null)
    }
    fn texts(&self) -> Vec<(String, String)> {
        let text = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
        self.as_object().map_or_else(Vec::new, |fields| fields.iter().filter_map(text).collect())
    }
}

impl MakeJson for Value {
    fn array(items: Vec<Self>) -> Self {
        Self::Array(items)
    }
    fn object(fields: Vec<(&'static str, Self)>) -> Self {
        Self::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }
    fn from_text(text: &str) -> Self {
        Self::String(text.to_owned())
    }
    fn from_flag(flag: bool) -> Self {
        Self::Bool(flag)
    }
    fn from_integer(integer: u64) -> Self {
        Self::from(integer)
    }
    fn into_field(self, name: &str) -> Self {
        match self {
            Self::Object(mut fields) => fields.remove(name).unwrap_or_default(),
            _ => Self::Null,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn integers_come_as_numbers_or_decimal_strings_and_are_never_rounded() {
        assert_eq!(integer(&&json!(7)), Some(7));
        assert_eq!(integer(&&json!("9007199254740991")), Some(MAX_SAFE_INTEGER));
        for refused in
            [json!(-1), json!(1.5), json!("9007199254740992"), json!(9_007_199_254_740_992_u64), json!("7x"), json!(null)]
        {
            assert_eq!(integer(&&refused), None, "{refused}");
        }
    }

    #[test]
    fn a_value_is_seen_as_it_is() {
        let value = json!({
            "null": null, "yes": true, "no": false, "text": "hello", "empty": "", "number": 7, "most": MAX_SAFE_INTEGER,
            "large": MAX_SAFE_INTEGER + 1, "negative": -1, "part": 1.5, "list": [1, "two"], "object": { "a": "b", "c": 1, "d": "e" }
        });
        let object = &value;
        assert!(ReadJson::is_object(&object) && !ReadJson::is_null(&object) && !object.is_text());
        let field = |name: &str| ReadJson::field(&object, name);
        assert!(["null", "absent"].iter().all(|name| ReadJson::is_null(&field(name))) && <&Value>::null().is_null());
        for name in ["yes", "text", "number", "list"] {
            assert!(!ReadJson::is_null(&field(name)) && !ReadJson::is_object(&field(name)), "{name}");
        }
        assert!(ReadJson::is_object(&field("object")));
        assert_eq!(["part", "negative", "text"].map(|name| ReadJson::is_number(&field(name))), [true, true, false]);
        assert_eq!(["yes", "no", "text", "null"].map(|name| field(name).flag()), [Some(true), Some(false), None, None]);
        let texts = ["text", "empty", "number"].map(|name| (field(name).is_text(), field(name).text()));
        assert_eq!(texts, [(true, Some("hello".to_owned())), (true, Some(String::new())), (false, None)]);
        let integers = ["number", "most", "large", "negative", "part", "text"].map(|name| field(name).integer());
        assert_eq!(integers, [Some(7), Some(MAX_SAFE_INTEGER), None, None, None, None]);
        assert_eq!(["list", "object", "text"].map(|name| field(name).length()), [Some(2), None, None]);
        let list = field("list");
        assert_eq!((list.item(0).integer(), list.item(1).text()), (Some(1), Some("two".to_owned())));
        assert!(ReadJson::is_null(&list.item(2)));
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(field("object").texts(), [pair("a", "b"), pair("d", "e")]);
        assert!(list.texts().is_empty());
    }

    #[test]
    fn what_is_made_reads_back() {
        let made = Value::object(vec![
            ("text", Value::from_text("a")),
            ("flag", Value::from_flag(true)),
            ("list", Value::array(vec![Value::from_integer(7), Value::Null])),
        ]);
        assert_eq!(made, json!({ "text": "a", "flag": true, "list": [7, null] }));
        assert_eq!((&made).keep(), made);
        assert_eq!((made.clone().into_field("text"), made.into_field("none")), (json!("a"), json!(null)));
        assert_eq!(json!(["a"]).into_field("0"), json!(null));
    }
}
