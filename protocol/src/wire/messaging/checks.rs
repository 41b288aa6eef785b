//! What calls about messages and groups check before anything is sent.

use crate::error::Error;
use crate::limits::check_key;
use crate::wire::routes::CLIENT_MESSAGE_ID;
use alloc::borrow::ToOwned;
use alloc::string::String;

/// The longest identifier of a message or an attachment, in bytes.
pub const MAX_IDENTIFIER_BYTES: usize = 512;

/// The identifier of a message or an attachment, without the spaces around it. What it looks like is the service's to say.
pub(super) fn identifier(text: &str, field: &'static str) -> Result<String, Error> {
    let guid = text.trim();
    // Dots alone would lead to another path.
    let is_path = guid.trim_matches('.').is_empty();
    if is_path || guid.len() > MAX_IDENTIFIER_BYTES || guid.contains(char::is_control) {
        return Err(Error::invalid(field, "expected the guid that an answer or an event gave"));
    }
    Ok(guid.to_owned())
}

/// A text that is more than white space.
pub(super) fn not_empty(text: &str, field: &'static str) -> Result<(), Error> {
    if text.trim().is_empty() { Err(Error::invalid(field, "it must not be empty")) } else { Ok(()) }
}

/// The caller's own idempotency key.
pub(super) fn key(key: &str) -> Result<(), Error> {
    check_key(key, CLIENT_MESSAGE_ID.name)
}

/// The part of a message.
pub(super) fn part_index(part: Option<Option<u64>>, field: &'static str) -> Result<Option<u64>, Error> {
    match part {
        Some(index) if index.is_none_or(|index| index > i32::MAX.unsigned_abs().into()) => {
            Err(Error::invalid(field, "expected a part of the message, a whole number from 0"))
        }
        given => Ok(given.flatten()),
    }
}

/// A time as RFC 3339 has it, in UTC or with an offset. Whether there is such a day is the service's to say.
pub(super) fn timestamp<'a>(text: &'a str, field: &'static str) -> Result<&'a str, Error> {
    const FORM: &[u8] = b"0000-00-00T00:00:00";
    let fits = |bytes: &[u8], form: &[u8]| {
        bytes.len() == form.len()
            && bytes.iter().zip(form).all(|(byte, form)| if *form == b'0' { byte.is_ascii_digit() } else { byte == form })
    };
    let is_time = text.as_bytes().split_at_checked(FORM.len()).is_some_and(|(time, rest)| {
        let fraction = rest.strip_prefix(b".").map(|rest| rest.iter().take_while(|byte| byte.is_ascii_digit()).count());
        let zone = rest.get(fraction.map_or(0, |digits| digits.saturating_add(1))..).unwrap_or_default();
        let is_zone = zone == b"Z" || fits(zone, b"+00:00") || fits(zone, b"-00:00");
        fits(time, FORM) && fraction.is_none_or(|digits| (1..=9).contains(&digits)) && is_zone
    });
    let error = || Error::invalid(field, "expected a time such as 2026-11-27T08:00:00Z, or a Date");
    if is_time { Ok(text) } else { Err(error()) }
}

/// A text as a part of a path.
pub(super) fn path_segment(text: &str) -> String {
    let mut segment = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            segment.push(char::from(byte));
        } else {
            segment.push('%');
            for digit in [byte >> 4, byte & 15] {
                segment.extend(char::from_digit(digit.into(), 16).map(|digit| digit.to_ascii_uppercase()));
            }
        }
    }
    segment
}
