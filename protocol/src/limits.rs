//! Limits that both ends know, and the rules of an idempotency key, each in this one place. May use: `number`, `error`.
//!
//! Limits of one type stand with it: [`ChatGuid::MAX_BYTES`](crate::model::ChatGuid::MAX_BYTES),
//! [`MAX_ID_BYTES`](crate::wire::frame::MAX_ID_BYTES) of a subscription, and the gateway's defaults in
//! [`SessionLimits::DEFAULT`](crate::server::SessionLimits::DEFAULT). What the emulator decides by itself is in its own crate.

use alloc::string::String;

use crate::error::Error;
use crate::number::decimal;

/// The longest idempotency key, in bytes of UTF-8.
pub const MAX_KEY_BYTES: usize = 255;

/// The characters that [`check_key`] allows, as a regular expression of JSON Schema.
pub const KEY_PATTERN: &str = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$";

/// The most addresses that a `create` sends. It bounds the request; the service's own limit is lower.
pub const MAX_CREATE_ADDRESSES: usize = 1_024;

/// The most chats, and the most types, that one stream of events may name.
pub const MAX_STREAM_CHATS: usize = 100;

/// See [`MAX_STREAM_CHATS`].
pub const MAX_STREAM_TYPES: usize = 32;

/// The largest body of a request, in bytes, an image not counted.
pub const MAX_REQUEST_BODY_BYTES: usize = 262_144;

/// The longest bearer token, in bytes: with it the request's head is still far below what servers take.
pub const MAX_TOKEN_BYTES: usize = 8_192;

/// The longest life of a token that is made for someone, in seconds: a day.
pub const MAX_TOKEN_TTL_SECONDS: u64 = 86_400;

const MIB: usize = 1024 * 1024;

/// The largest image of a background, in bytes: 20 MiB.
pub const MAX_IMAGE_BYTES: usize = 20 * MIB;

/// The largest attachment, in bytes: 100 MiB. Its companion may be as large.
pub const MAX_ATTACHMENT_BYTES: usize = 100 * MIB;

/// Checks an idempotency key: any text of 1 to [`MAX_KEY_BYTES`] bytes without control characters that is not only white space.
///
/// # Errors
/// `invalidArgument` naming `field`.
pub fn check_key(key: &str, field: &'static str) -> Result<(), Error> {
    if key.len() <= MAX_KEY_BYTES && !key.trim().is_empty() && !key.contains(char::is_control) {
        return Ok(());
    }
    let rule = ["a key has 1 to ", &number(MAX_KEY_BYTES), " bytes, not only white space, and no control characters"];
    Err(Error::invalid(field, rule.concat()))
}

/// Checks how many addresses a `create` has.
///
/// # Errors
/// `invalidArgument` naming `addresses`.
pub fn check_address_count(addresses: usize) -> Result<(), Error> {
    // The number as a literal: a sentence that is put together from the constant takes 80 bytes more of wasm. A test compares them.
    if addresses <= MAX_CREATE_ADDRESSES { Ok(()) } else { Err(Error::invalid("addresses", "at most 1024 addresses")) }
}

/// Checks the size of an image, in bytes.
///
/// # Errors
/// `invalidArgument` naming `field`; above the limit `context.bytes` and `context.limit` say by how much.
pub fn check_image_size(bytes: usize, field: &'static str) -> Result<(), Error> {
    if bytes == 0 {
        return Err(Error::invalid(field, "the image must not be empty"));
    }
    if bytes > MAX_IMAGE_BYTES {
        return Err(image_too_large(field).with_context("bytes", number(bytes)));
    }
    Ok(())
}

/// The error for more than [`MAX_IMAGE_BYTES`], wherever they are counted.
#[must_use]
pub fn image_too_large(field: &'static str) -> Error {
    let rule = ["at most ", &number(MAX_IMAGE_BYTES / MIB), " MiB"];
    Error::invalid(field, rule.concat()).with_context("limit", number(MAX_IMAGE_BYTES))
}

/// The error for more than [`MAX_ATTACHMENT_BYTES`], wherever they are counted.
#[must_use]
pub fn attachment_too_large(field: &'static str) -> Error {
    let rule = ["at most ", &number(MAX_ATTACHMENT_BYTES / MIB), " MiB"];
    Error::invalid(field, rule.concat()).with_context("limit", number(MAX_ATTACHMENT_BYTES))
}

fn number(number: usize) -> String {
    decimal(u64::try_from(number).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_key_is_any_visible_text_within_the_limit() {
        let longest = "é".repeat(127) + "k";
        assert_eq!(longest.len(), MAX_KEY_BYTES);
        for key in ["k", "日本", "😀", "é", "pad ", " pad", "a b", &longest] {
            assert_eq!(check_key(key, "clientMessageId"), Ok(()), "{key}");
        }
        for key in ["", " ", "\u{3000}", "a\nb", "a\0b", "\u{7f}", "\u{85}", &"é".repeat(128)] {
            let error = check_key(key, "clientMessageId").expect_err(key);
            assert!(error.message.starts_with("clientMessageId: a key has 1 to 255 bytes"), "{error}");
        }
    }

    #[test]
    fn the_error_for_too_many_addresses_says_the_limit() {
        assert_eq!(check_address_count(MAX_CREATE_ADDRESSES), Ok(()));
        let error = check_address_count(MAX_CREATE_ADDRESSES + 1).unwrap_err();
        assert_eq!(error.message, format!("addresses: at most {MAX_CREATE_ADDRESSES} addresses"));
    }

    proptest! {
        #[test]
        fn the_pattern_of_keys_is_the_rule(
            key in prop::string::string_regex(KEY_PATTERN.trim_matches(['^', '$'])).unwrap(),
            bad in "\\PC{0,9}\\p{Cc}\\PC{0,9}",
        ) {
            if key.len() <= MAX_KEY_BYTES && !key.trim().is_empty() {
                prop_assert_eq!(check_key(&key, "clientMessageId"), Ok(()));
            }
            prop_assert!(check_key(&bad, "clientMessageId").is_err());
        }
    }

    #[test]
    fn an_image_has_a_size() {
        assert_eq!(check_image_size(1, "data").and(check_image_size(MAX_IMAGE_BYTES, "data")), Ok(()));
        assert_eq!(check_image_size(0, "data").unwrap_err().message, "data: the image must not be empty");
        let error = check_image_size(MAX_IMAGE_BYTES + 1, "data").unwrap_err();
        assert_eq!(error.message, "data: at most 20 MiB");
        assert_eq!((error.context_value("bytes"), error.context_value("limit")), (Some("20971521"), Some("20971520")));
    }
}
