//! Parsed JSON, seen from outside: whoever parsed it.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::model::MAX_SAFE_INTEGER;

/// A JSON value that some runtime parsed. Text stays where it is until somebody asks for it: in the browser a message never
/// enters wasm memory on its way to the user.
pub trait Json: Clone {
    /// Whether it is `null` (or, in JavaScript, not there).
    fn is_null(&self) -> bool;
    /// Whether it is an object that is not an array.
    fn is_object(&self) -> bool;
    /// Whether it is a string.
    fn is_text(&self) -> bool;
    /// Its text, when it is a string.
    fn text(&self) -> Option<String>;
    /// Its truth, when it is a boolean.
    fn flag(&self) -> Option<bool>;
    /// Its value, when it is a number.
    fn number(&self) -> Option<f64>;
    /// Its length, when it is an array.
    fn length(&self) -> Option<usize>;
    /// An element of an array; null when there is none.
    fn item(&self, index: usize) -> Self;
    /// A field of an object; null when there is none.
    fn field(&self, name: &str) -> Self;
    /// The fields of an object that are strings, whatever their names; none of anything else.
    fn texts(&self) -> Vec<(String, String)>;
    /// An array of these.
    fn array(items: Vec<Self>) -> Self;
    /// An object of these.
    fn object(fields: Vec<(&'static str, Self)>) -> Self;
    /// A string.
    fn from_text(text: &str) -> Self;
    /// A boolean.
    fn from_flag(flag: bool) -> Self;
    /// A number that is exactly representable.
    fn from_integer(integer: u64) -> Self;
}

/// A non-negative integer that JavaScript holds exactly, as a number or – as proto3-JSON writes 64-bit ones – a decimal string.
pub fn integer<J: Json>(value: &J) -> Option<u64> {
    match value.number() {
        Some(number) => safe_integer(number),
        None => value.text()?.parse().ok().filter(|integer| *integer <= MAX_SAFE_INTEGER),
    }
}

/// A number in decimal. One function for all types of numbers: the wasm would have one copy for each otherwise.
#[must_use]
pub fn decimal(number: u64) -> String {
    number.to_string()
}

/// `number` as an integer, when it is one of 0 to 2^53 − 1.
#[must_use]
pub fn safe_integer(number: f64) -> Option<u64> {
    // Within the range both casts are exact, so a fraction is what makes a difference.
    #[expect(clippy::cast_precision_loss, reason = "at most 2^53 - 1")]
    whole_part(number).filter(|whole| *whole as f64 == number)
}

/// `number` without its fraction, when that is one of 0 to 2^53 − 1.
#[must_use]
pub fn whole_part(number: f64) -> Option<u64> {
    // There is no conversion trait between the two, and no `floor` without the standard library.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked: within range")]
    (0.0..9_007_199_254_740_992.0).contains(&number).then_some(number as u64)
}

#[cfg(not(target_arch = "wasm32"))]
impl Json for serde_json::Value {
    fn is_null(&self) -> bool {
        self.is_null()
    }
    fn is_object(&self) -> bool {
        self.is_object()
    }
    fn is_text(&self) -> bool {
        self.is_string()
    }
    fn text(&self) -> Option<String> {
        self.as_str().map(str::to_owned)
    }
    fn flag(&self) -> Option<bool> {
        self.as_bool()
    }
    fn number(&self) -> Option<f64> {
        self.as_f64()
    }
    fn length(&self) -> Option<usize> {
        self.as_array().map(Vec::len)
    }
    fn item(&self, index: usize) -> Self {
        self.get(index).cloned().unwrap_or_default()
    }
    fn field(&self, name: &str) -> Self {
        self.get(name).cloned().unwrap_or_default()
    }
    fn texts(&self) -> Vec<(String, String)> {
        let text = |(name, value): (&String, &Self)| Some((name.clone(), value.as_str()?.to_owned()));
        self.as_object().map_or_else(Vec::new, |fields| fields.iter().filter_map(text).collect())
    }
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
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn integers_come_as_numbers_or_decimal_strings_and_are_never_rounded() {
        assert_eq!(integer(&json!(7)), Some(7));
        assert_eq!(integer(&json!("9007199254740991")), Some(MAX_SAFE_INTEGER));
        for refused in
            [json!(-1), json!(1.5), json!("9007199254740992"), json!(9_007_199_254_740_992_u64), json!("7x"), json!(null)]
        {
            assert_eq!(integer(&refused), None, "{refused}");
        }
    }

    proptest! {
        #[test]
        fn every_number_is_a_safe_integer_or_refused(number in proptest::num::f64::ANY) {
            if let Some(integer) = safe_integer(number) {
                prop_assert!(integer <= MAX_SAFE_INTEGER);
                prop_assert_eq!(integer.to_string().parse::<f64>(), Ok(number));
            }
        }
    }
}
