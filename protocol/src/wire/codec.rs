//! How one field of a frame is read and written. Reading takes JSON that some runtime has parsed; writing makes such JSON, or text.
//!
//! The tables in `frame_fields.rs` say which fields each frame has; this module knows only the types of fields.

use alloc::borrow::{Cow, ToOwned};
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::Cell;

use serde_json::{Map, Value};

use super::filter::FEATURE;
use super::frame::{Features, MAX_ID_BYTES, SubscriptionId};
use super::json::ReadJson;

/// What a field should hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// A string.
    Text,
    /// An integer of 0 to 2^53 − 1.
    Integer,
    /// A boolean.
    Flag,
    /// An object.
    Object,
    /// An array.
    Array,
    /// An array of strings.
    Texts,
    /// A [`SubscriptionId`].
    Id,
    /// A [`super::frame::Topic`].
    Topic,
    /// A [`super::frame::Until`].
    Until,
}

impl Expected {
    /// The end of a sentence that begins with "expected".
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Integer => "an integer from 0 to 2^53 - 1",
            Self::Flag => "true or false",
            Self::Object => "an object",
            Self::Array => "an array",
            Self::Texts => "an array of strings",
            Self::Id => "a string of 1 to 64 bytes, or an integer from 0 to 2^53 - 1",
            Self::Topic => "chats or all",
            Self::Until => "head, or nothing",
        }
    }
}

/// A field that is missing or wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrongField {
    /// The field of the frame whose object it belongs to; empty for a field of the frame itself. Frames are no deeper than that.
    pub within: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What it should hold.
    pub expected: Expected,
}

impl WrongField {
    /// A frame that is not even a JSON object: it has the name `frame`.
    pub const FRAME: Self = Self { within: "", name: "frame", expected: Expected::Object };

    /// Its place in the frame, such as `after.sequence`.
    #[must_use]
    pub fn path(self) -> Cow<'static, str> {
        if self.within.is_empty() { self.name.into() } else { [self.within, ".", self.name].concat().into() }
    }
}

/// The first problems that a [`Reader`] met.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    /// A field is missing or has the wrong type: the frame is not of the protocol.
    malformed: Cell<Option<WrongField>>,
    /// A field has the right type and a value that means nothing to this version.
    unacceptable: Cell<Option<WrongField>>,
}

impl Problems {
    // One copy for all types of fields keeps the wasm small.
    #[inline(never)]
    fn add_malformed(&self, wrong: WrongField) {
        self.malformed.set(self.malformed.get().or(Some(wrong)));
    }

    pub(crate) const fn malformed(&self) -> Option<WrongField> {
        self.malformed.get()
    }

    pub(crate) const fn unacceptable(&self) -> Option<WrongField> {
        self.unacceptable.get()
    }
}

/// Reads the fields of one object and remembers the first that is wrong, for which a default stands in. The frame is then refused as
/// a whole; leaving at each field instead costs the wasm a kilobyte.
pub(crate) struct Reader<'a, J> {
    json: J,
    within: &'static str,
    problems: &'a Problems,
}

impl<'a, J: ReadJson> Reader<'a, J> {
    pub(crate) const fn new(frame: J, problems: &'a Problems) -> Self {
        Self { json: frame, within: "", problems }
    }

    pub(super) fn field<T: Field>(&self, name: &'static str) -> T {
        T::read(self, name)
    }

    /// A text, or nothing when it is absent or of another type.
    pub(super) fn text_or_none(&self, name: &'static str) -> Option<String> {
        self.json.field(name).text()
    }

    /// An array as it is; null when it is none.
    pub(super) fn array(&self, name: &'static str) -> J {
        let array = self.json.field(name);
        if array.length().is_some() {
            return array;
        }
        self.malformed(name, Expected::Array);
        J::null()
    }

    pub(super) fn object(&self, name: &'static str) -> Self {
        let json = self.json.field(name);
        if !json.is_object() {
            self.malformed(name, Expected::Object);
        }
        Self { json, within: name, problems: self.problems }
    }

    fn or_malformed<T: Default>(&self, name: &'static str, expected: Expected, value: Option<T>) -> T {
        value.unwrap_or_else(|| {
            self.malformed(name, expected);
            T::default()
        })
    }

    fn integer<T: TryFrom<u64> + Default>(&self, name: &'static str) -> T {
        let integer = self.json.field(name).integer().and_then(|integer| T::try_from(integer).ok());
        self.or_malformed(name, Expected::Integer, integer)
    }

    fn malformed(&self, name: &'static str, expected: Expected) {
        self.problems.add_malformed(WrongField { within: self.within, name, expected });
    }

    pub(super) fn unacceptable(&self, name: &'static str, expected: Expected) {
        let wrong = WrongField { within: self.within, name, expected };
        self.problems.unacceptable.set(self.problems.unacceptable.get().or(Some(wrong)));
    }
}

/// Takes the fields of one JSON object, in order. No name comes twice, and the names of the tables need no escaping.
pub trait ObjectWriter: Sized {
    /// An object with the fields that `write` puts into it.
    fn build(write: impl FnOnce(&mut Self)) -> Self;
    /// Adds a string.
    fn put_text(&mut self, name: &'static str, text: &str);
    /// Adds a boolean.
    fn put_flag(&mut self, name: &'static str, flag: bool);
    /// Adds an integer of 0 to 2^53 − 1.
    fn put_integer(&mut self, name: &'static str, integer: u64);
    /// Adds an object with the fields that `write` puts into it.
    fn put_object(&mut self, name: &'static str, write: impl FnOnce(&mut Self));
    /// Adds an object of strings, whose names may be any text.
    fn put_texts(&mut self, name: &'static str, texts: &[(String, String)]);
    /// Adds an array of strings.
    fn put_list(&mut self, name: &'static str, list: &[String]);
}

/// Parsed JSON, for tests.
impl ObjectWriter for Value {
    fn build(write: impl FnOnce(&mut Self)) -> Self {
        let mut object = Self::Object(Map::new());
        write(&mut object);
        object
    }
    fn put_text(&mut self, name: &'static str, text: &str) {
        put(self, name, text);
    }
    fn put_flag(&mut self, name: &'static str, flag: bool) {
        put(self, name, flag);
    }
    fn put_integer(&mut self, name: &'static str, integer: u64) {
        put(self, name, integer);
    }
    fn put_object(&mut self, name: &'static str, write: impl FnOnce(&mut Self)) {
        put(self, name, Self::build(write));
    }
    fn put_texts(&mut self, name: &'static str, texts: &[(String, String)]) {
        let texts: Map<_, _> = texts.iter().map(|(name, text)| (name.clone(), text.as_str().into())).collect();
        put(self, name, texts);
    }
    fn put_list(&mut self, name: &'static str, list: &[String]) {
        put(self, name, list);
    }
}

fn put(object: &mut Value, name: &str, value: impl Into<Value>) {
    if let Value::Object(fields) = object {
        fields.insert(name.to_owned(), value.into());
    }
}

/// Text, in the order in which the fields come.
impl ObjectWriter for String {
    fn build(write: impl FnOnce(&mut Self)) -> Self {
        object_text(USUAL_FRAME_BYTES, write)
    }
    fn put_text(&mut self, name: &'static str, text: &str) {
        push_name(self, name);
        push_quoted(self, text);
    }
    fn put_flag(&mut self, name: &'static str, flag: bool) {
        push_name(self, name);
        self.push_str(if flag { "true" } else { "false" });
    }
    fn put_integer(&mut self, name: &'static str, integer: u64) {
        push_name(self, name);
        self.push_str(itoa::Buffer::new().format(integer));
    }
    fn put_object(&mut self, name: &'static str, write: impl FnOnce(&mut Self)) {
        push_name(self, name);
        push_object(self, write);
    }
    fn put_texts(&mut self, name: &'static str, texts: &[(String, String)]) {
        push_name(self, name);
        push_object(self, |object| {
            for (name, text) in texts {
                push_comma(object);
                push_quoted(object, name);
                object.push(':');
                push_quoted(object, text);
            }
        });
    }
    fn put_list(&mut self, name: &'static str, list: &[String]) {
        push_name(self, name);
        self.push('[');
        for (index, text) in list.iter().enumerate() {
            if index > 0 {
                self.push(',');
            }
            push_quoted(self, text);
        }
        self.push(']');
    }
}

/// What few frames exceed, apart from batches.
pub(crate) const USUAL_FRAME_BYTES: usize = 128;

/// The text of an object, with room for so many bytes.
pub(crate) fn object_text(capacity: usize, write: impl FnOnce(&mut String)) -> String {
    let mut text = String::with_capacity(capacity);
    push_object(&mut text, write);
    text
}

fn push_object(text: &mut String, write: impl FnOnce(&mut String)) {
    text.push('{');
    write(text);
    text.push('}');
}

/// Adds a name to the object that `text` ends in; its value comes next.
pub(crate) fn push_name(text: &mut String, name: &'static str) {
    push_comma(text);
    text.push('"');
    text.push_str(name);
    text.push_str("\":");
}

fn push_comma(text: &mut String) {
    // No value ends in this brace, so it is the beginning of the object.
    if !text.ends_with('{') {
        text.push(',');
    }
}

fn push_quoted(text: &mut String, unquoted: &str) {
    let is_special = |byte: u8| byte < b' ' || byte == b'"' || byte == b'\\';
    // Without an early exit, which would cost more than it saves.
    if unquoted.bytes().fold(false, |found, byte| found | is_special(byte)) {
        // A string can always be written.
        text.push_str(&serde_json::to_string(unquoted).unwrap_or_default());
        return;
    }
    text.reserve(unquoted.len().saturating_add(4));
    text.push('"');
    text.push_str(unquoted);
    text.push('"');
}

/// A type that fields have.
pub(super) trait Field: Sized {
    /// Reads the field of this name. When it is wrong, the reader knows, and a default stands in.
    fn read<J: ReadJson>(reader: &Reader<'_, J>, name: &'static str) -> Self;

    /// Writes it under this name.
    fn write<W: ObjectWriter>(&self, name: &'static str, out: &mut W);
}

/// An absent field and `null` are the same, as in proto3-JSON. Neither is written.
impl<T: Field> Field for Option<T> {
    fn read<J: ReadJson>(reader: &Reader<'_, J>, name: &'static str) -> Self {
        if reader.json.field(name).is_null() { None } else { Some(reader.field(name)) }
    }
    fn write<W: ObjectWriter>(&self, name: &'static str, out: &mut W) {
        if let Some(value) = self {
            value.write(name, out);
        }
    }
}

impl Field for String {
    fn read<J: ReadJson>(reader: &Reader<'_, J>, name: &'static str) -> Self {
        reader.or_malformed(name, Expected::Text, reader.json.field(name).text())
    }
    fn write<W: ObjectWriter>(&self, name: &'static str, out: &mut W) {
        out.put_text(name, self);
    }
}

impl Field for bool {
    fn read<J: ReadJson>(reader: &Reader<'_, J>, name: &'static str) -> Self {
        reader.or_malformed(name, Expected::Flag, reader.json.field(name).flag())
    }
    fn write<W: ObjectWriter>(&self, name: &'static str, out: &mut W) {
        out.put_flag(name, *self);
    }
}

macro_rules! integers {
    ($($integer:ident)*) => {$(
        impl Field for $integer {
            fn read<J: ReadJson>(reader: &Reader<'_, J>, name: &'static str) -> Self {
                reader.integer(name)
            }
            fn write<W: ObjectWriter>(&self, name: &'static str, out: &mut W) {
                out.put_integer(name, u64::from(*self));
            }
        }
    )*};
}

integers! { u8 u32 u64 }

impl Field for SubscriptionId {
    fn read<J: ReadJson>(reader: &Reader<'_, J>, name: &'static str) -> Self {
        let json = reader.json.field(name);
        match json.text() {
            Some(text) if (1..=MAX_ID_BYTES).contains(&text.len()) => Self::Text(text),
            _ => Self::Number(reader.or_malformed(name, Expected::Id, json.integer())),
        }
    }
    fn write<W: ObjectWriter>(&self, name: &'static str, out: &mut W) {
        match self {
            Self::Number(number) => out.put_integer(name, *number),
            Self::Text(text) => out.put_text(name, text),
        }
    }
}

/// Texts by name, an object. Absent is empty, and what is no text is left out: a newer server may have more to say.
impl Field for Vec<(String, String)> {
    fn read<J: ReadJson>(reader: &Reader<'_, J>, name: &'static str) -> Self {
        reader.json.field(name).texts()
    }
    fn write<W: ObjectWriter>(&self, name: &'static str, out: &mut W) {
        out.put_texts(name, self);
    }
}

/// Texts in order, an array. One that is no text makes the frame malformed.
impl Field for Vec<String> {
    fn read<J: ReadJson>(reader: &Reader<'_, J>, name: &'static str) -> Self {
        let list = reader.json.field(name);
        let texts = list.length().and_then(|length| (0..length).map(|index| list.item(index).text()).collect());
        reader.or_malformed(name, Expected::Texts, texts)
    }
    fn write<W: ObjectWriter>(&self, name: &'static str, out: &mut W) {
        out.put_list(name, self);
    }
}

/// Words, an array. Absent is none of them, and unknown ones are passed over: a newer server can do more.
impl Field for Features {
    fn read<J: ReadJson>(reader: &Reader<'_, J>, name: &'static str) -> Self {
        let list = reader.json.field(name);
        let mut features = Self::default();
        for index in 0..list.length().unwrap_or_default() {
            features.filters |= list.item(index).text().is_some_and(|word| word == FEATURE);
        }
        features
    }
    fn write<W: ObjectWriter>(&self, name: &'static str, out: &mut W) {
        if self.filters {
            out.put_list(name, &[FEATURE.to_owned()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_as_serde_json_quotes_them() {
        let texts = ["", "plain text", "a\"b", "\"\"", "\\", "\\\\", "\u{1f}", "\n\n", "\n\"", " ", "\u{7f}ü\u{2028}"];
        for text in texts {
            let mut quoted = String::new();
            push_quoted(&mut quoted, text);
            assert_eq!(quoted, serde_json::to_string(text).unwrap());
        }
    }
}
