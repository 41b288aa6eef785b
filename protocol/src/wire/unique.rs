//! JSON in which no object has a key twice. `serde_json::Value` alone would silently keep the last value.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};

/// Any JSON value in which no object has a key twice.
pub struct Unique(pub Value);

/// The field that an error of serde calls repeated; `None` for any other error. [`Unique`] and derived readers say it in the same words.
pub fn repeated(message: &str) -> Option<&str> {
    message.strip_prefix(REPEATED)?.split_once('`').map(|(name, _)| name)
}

/// The beginning of serde's own message.
const REPEATED: &str = "duplicate field `";

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any).map(Self)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Value;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Unique(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            match map.entry(key) {
                Entry::Occupied(entry) => return Err(A::Error::custom(format_args!("{REPEATED}{}`", entry.key()))),
                Entry::Vacant(entry) => {
                    let Unique(value) = entries.next_value()?;
                    entry.insert(value);
                }
            }
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn every_json_value_reads_as_itself() {
        for text in [
            "null",
            "true",
            "false",
            "0",
            "18446744073709551615",
            "-7",
            "1.5",
            "\"a\"",
            "[]",
            "[1,[\"b\"]]",
            "{}",
            r#"{"a":{"a":1}}"#,
        ] {
            let Unique(value) = serde_json::from_str(text).unwrap();
            assert_eq!(value, serde_json::from_str::<Value>(text).unwrap(), "{text}");
        }
    }

    #[test]
    fn a_repeated_key_is_named_wherever_it_is() {
        for text in [r#"{"id":1,"id":1}"#, r#"[{"a":{"id":1,"b":2,"id":3}}]"#] {
            let error = serde_json::from_str::<Unique>(text).err().unwrap().to_string();
            assert_eq!(repeated(&error), Some("id"), "{error}");
        }
        assert_eq!(repeated(&serde_json::from_str::<Unique>("{").err().unwrap().to_string()), None);
    }
}
