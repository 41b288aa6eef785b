//! Addresses: e-mail in lower case, phone numbers in E.164 form, and nothing that iMessage cannot reach.

use im_chats_protocol::error::Error;
use serde::{Deserialize, Serialize};

use super::marks::is_invisible;
use super::{email, phone};

/// Longest input looked at, in bytes: an e-mail address has at most 254, and quotes and escapes that it does not need.
const MAX_BYTES: usize = 320;

/// How much of a refused value an error repeats, in characters.
const SHOWN: usize = 64;

/// A normalised address: two inputs are the same person exactly when their addresses are equal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Address {
    /// E-mail address in lower case and ASCII, or E.164 number.
    pub text: String,
    /// Two-letter country code of a phone number, where the number tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
}

impl Address {
    /// Normalises what a caller wrote; `field` is what an error names.
    ///
    /// # Errors
    /// `invalidArgument` with `context.field` and `context.value`.
    pub fn parse(input: &str, field: &str) -> Result<Self, Error> {
        let refuse = |message: &'static str| refused(field, input, message);
        let text = input.trim_matches(|letter: char| letter.is_whitespace() || is_invisible(letter));
        if text.is_empty() {
            return Err(refuse("an address must not be empty"));
        }
        if text.len() > MAX_BYTES {
            return Err(refuse("this is too long for an e-mail address or a phone number"));
        }
        if text.chars().any(char::is_control) {
            return Err(refuse("an address must not contain control characters"));
        }
        if text.contains('@') {
            return email::parse(text).map(|text| Self { text, country: None }).map_err(refuse);
        }
        phone::parse(text).map(|phone| Self { text: phone.e164, country: phone.country }).map_err(refuse)
    }

    /// The name to show for a direct chat: what stands before the @, as a person would write it; a number as it is.
    #[must_use]
    pub fn display_name(&self) -> String {
        let Some((local, _)) = self.text.rsplit_once('@') else { return self.text.clone() };
        let name = local.split_once('+').map_or(local, |(name, _)| name);
        let words: Vec<String> =
            name.split(['.', '_', '-', '"', ' ']).filter(|word| !word.is_empty()).map(capitalise).collect();
        if words.is_empty() { self.text.clone() } else { words.join(" ") }
    }
}

fn refused(field: &str, input: &str, message: &'static str) -> Error {
    let shown: String = input.chars().take(SHOWN).collect();
    Error::invalid(field.to_owned(), message).with_context("value", shown)
}

fn capitalise(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spellings_of_one_person_meet() {
        for (input, text, country) in [
            (" Alice@Example.COM ", "alice@example.com", None),
            ("+1 (415) 555-2671", "+14155552671", Some("US")),
            ("+14155552671", "+14155552671", Some("US")),
            ("+44 20 7946 0958", "+442079460958", Some("GB")),
            ("+49 (0)30 901820", "+4930901820", Some("DE")),
            ("+7 812 710-90-79", "+78127109079", Some("RU")),
            ("\u{202a}+1 (415) 555\u{2011}2671\u{202c}", "+14155552671", Some("US")),
            ("\u{2068}kim@münchen.de\u{2069}", "kim@xn--mnchen-3ya.de", None),
            ("\"kim\"@x.org", "kim@x.org", None),
            ("+39 06 4991 0001", "+390649910001", Some("IT")),
            ("+39 06 698 12345", "+390669812345", Some("VA")),
            ("+1 604 555 0123", "+16045550123", Some("CA")),
            ("+12025550123", "+12025550123", Some("US")),
        ] {
            let address = Address::parse(input, "addresses[0]").unwrap_or_else(|error| panic!("{input}: {error}"));
            assert_eq!((address.text.as_str(), address.country.as_deref()), (text, country), "{input}");
        }
    }

    #[test]
    fn what_cannot_be_reached_is_refused_by_name_and_value() {
        for (input, why) in [
            ("", "empty"),
            ("   ", "empty"),
            ("alice", "international"),
            ("alice@", "e-mail"),
            ("@example.com", "e-mail"),
            ("alice@example", "e-mail"),
            ("a b@example.com", "e-mail"),
            ("Alice <alice@example.com>", "e-mail"),
            ("alice@[127.0.0.1]", "e-mail"),
            ("alice@exam\0ple.com", "control"),
            ("12345", "short code"),
            ("911", "short code"),
            ("4155552671", "international"),
            ("+1 415 555", "possible"),
            ("+1 415", "possible"),
            ("+141555526711", "possible"),
            ("+1 015 555 2671", "exist"),
            ("+1 900 555 1234", "premium"),
            ("+49 900 1234567", "premium"),
            ("+1 800 555 0199", "service"),
            ("+49 180 1 234567", "service"),
            ("+999 123 456 789", "any country"),
            ("+14155552671x5", "international"),
            ("+1-415-FLOWERS", "international"),
            ("+12345678901234567890", "possible"),
        ] {
            let error = Address::parse(input, "addresses[2]").expect_err(input);
            assert_eq!(error.context_value("field"), Some("addresses[2]"), "{input}");
            assert_eq!(error.context_value("value"), Some(input), "{input}");
            assert!(error.message.contains(why), "{input}: {error}");
        }
    }

    #[test]
    fn a_long_text_is_judged_up_to_the_limit_and_shown_in_part() {
        for (bytes, why) in [(MAX_BYTES, "not an e-mail address"), (MAX_BYTES + 1, "too long for an e-mail address")] {
            let error = Address::parse(&"1".repeat(bytes), "a").unwrap_err();
            assert!(error.message.contains(why), "{bytes}: {error}");
            assert_eq!(error.context_value("value").map(str::len), Some(SHOWN));
        }
    }

    #[test]
    fn names_are_readable() {
        for (input, name) in [
            ("alice@example.com", "Alice"),
            ("bob.van-dam+x@example.com", "Bob Van Dam"),
            ("+14155552671", "+14155552671"),
            ("\"kim lee\"@example.com", "Kim Lee"),
            ("...@x", "...@x"),
        ] {
            assert_eq!(Address { text: input.to_owned(), country: None }.display_name(), name);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_an_address_or_an_error(text in "\\PC{0,40}|[+0-9 ()-]{0,24}|[a-z0-9.@-]{0,24}") {
            if let Ok(address) = Address::parse(&text, "a") {
                // Normalising again changes nothing.
                prop_assert_eq!(Address::parse(&address.text, "a"), Ok(address));
            }
        }
    }
}
