//! Chat GUIDs: their form, and how one is made from an address.

use alloc::borrow::{Cow, ToOwned};
use alloc::string::String;
use core::fmt;

use crate::error::Error;

/// A chat GUID of the right form: `any;-;<recipient>` for a direct chat, `any;+;<group-id>` for a group.
///
/// The form is all it promises: whether such a chat exists, only the server knows.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChatGuid(String);

/// NUL, which no store of the service keeps, and what JavaScript takes for the end of a line: a GUID with one of them was put
/// together by mistake.
const FORBIDDEN: [char; 5] = ['\0', '\n', '\r', '\u{2028}', '\u{2029}'];

impl ChatGuid {
    /// What the GUID of a direct chat begins with; the recipient's address follows.
    pub const DIRECT_PREFIX: &str = "any;-;";

    /// What the GUID of a group begins with.
    pub const GROUP_PREFIX: &str = "any;+;";

    /// The longest GUID, in bytes of UTF-8, the spaces around it included.
    pub const MAX_BYTES: usize = 512;

    /// The form that [`ChatGuid::parse`] checks, as a regular expression of JSON Schema.
    pub const PATTERN: &str = "^any;[-+];[^\\u0000\\n\\r\\u2028\\u2029]*[^\\s\\u0000][^\\u0000\\n\\r\\u2028\\u2029]*$";

    /// Trims `text` and checks its form and length; `field` is what the error names.
    ///
    /// # Errors
    /// `invalidArgument` with `context.field`, and `context.value` unless the text is too long to be repeated.
    pub fn parse(text: &str, field: impl Into<Cow<'static, str>>) -> Result<Self, Error> {
        Self::parse_as(text, field.into())
    }

    // One copy for all types of names keeps the wasm small.
    fn parse_as(text: &str, field: Cow<'static, str>) -> Result<Self, Error> {
        let guid = text.trim();
        let is_short = text.len() <= Self::MAX_BYTES;
        let rest = guid.strip_prefix(Self::DIRECT_PREFIX).or_else(|| guid.strip_prefix(Self::GROUP_PREFIX));
        match rest {
            Some(rest) if is_short && !rest.is_empty() && !rest.contains(FORBIDDEN) => Ok(Self(guid.to_owned())),
            _ => {
                let error = Error::invalid(
                    field,
                    "a chat GUID looks like any;-;<recipient> or any;+;<group-id>: pass the guid that create, get or an event gave",
                );
                Err(if is_short { error.with_context("value", guid.to_owned()) } else { error })
            }
        }
    }

    /// The GUID of the direct chat with a normalised address.
    #[must_use]
    pub fn direct(address: &str) -> Self {
        Self([Self::DIRECT_PREFIX, address].concat())
    }

    /// The GUID of the group with this identifier.
    #[must_use]
    pub fn group(group_id: &str) -> Self {
        Self([Self::GROUP_PREFIX, group_id].concat())
    }

    /// Whether it names a group.
    #[must_use]
    pub fn is_group(&self) -> bool {
        self.0.starts_with(Self::GROUP_PREFIX)
    }

    /// The GUID as it travels.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ChatGuid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_forms_are_taken_and_trimmed() {
        for (text, group) in [("any;-;alice@example.com", false), ("  any;+;g1 \n", true)] {
            let guid = ChatGuid::parse(text, "chat");
            assert_eq!(guid.as_ref().map(ChatGuid::as_str), Ok(text.trim()));
            assert_eq!(guid.map(|guid| guid.is_group()), Ok(group));
        }
    }

    #[test]
    fn anything_else_is_refused_with_the_field() {
        let texts = ["", "any;-;", "any;+;   ", "alice@example.com", "iMessage;-;a@b.c", "any;*;x", "any;-", "ANY;-;x"];
        for text in texts.into_iter().chain(["any;-;a\nb", "any;-;a\0b", "\0any;-;a", "any;-;a\u{2029}b"]) {
            let error = ChatGuid::parse(text, "chat").unwrap_err();
            assert_eq!(error.context_value("field"), Some("chat"), "{text:?}");
            assert_eq!(error.context_value("value"), Some(text.trim()));
        }
    }

    #[test]
    fn a_guid_is_put_together_as_it_is_read() {
        let (direct, group) = (ChatGuid::direct("alice@example.com"), ChatGuid::group("g1"));
        assert_eq!((direct.as_str(), direct.is_group()), ("any;-;alice@example.com", false));
        assert_eq!((group.to_string(), group.is_group()), ("any;+;g1".to_owned(), true));
        for guid in [direct, group] {
            assert_eq!(ChatGuid::parse(guid.as_str(), "chat"), Ok(guid));
        }
    }

    #[test]
    fn one_that_is_too_long_is_refused_and_not_repeated() {
        let longest = ["any;+;", &"é".repeat(253)].concat();
        assert_eq!(longest.len(), ChatGuid::MAX_BYTES);
        assert_eq!(ChatGuid::parse(&longest, "chat").map(|guid| guid.0), Ok(longest.clone()));
        for text in [longest.clone() + "x", longest + " ", " ".repeat(500) + "any;-;alice@example.com", "x".repeat(513)] {
            let error = ChatGuid::parse(&text, "chat").unwrap_err();
            assert_eq!((error.context_value("field"), error.context_value("value")), (Some("chat"), None));
        }
    }

    proptest! {
        #[test]
        fn what_the_pattern_allows_is_taken(
            text in prop::string::string_regex(ChatGuid::PATTERN.trim_matches(['^', '$'])).unwrap(),
        ) {
            prop_assume!(text.len() <= ChatGuid::MAX_BYTES);
            prop_assert!(ChatGuid::parse(&text, "chat").is_ok(), "{:?}", text);
        }
    }
}
