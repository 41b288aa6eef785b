//! Phone numbers, by libphonenumber's metadata. May use: `marks`.
//!
//! `rlibphonenumber` is a port of Google's library and not only of its metadata: it takes what Google's takes. (The crate
//! `phonenumber` strips a national prefix that is part of the number, and so refuses all of `+7 8…`.) With `regex-lite` it is
//! 108 KB of compressed wasm. `tests.rs` holds it against Google's own answers.

use rlibphonenumber::{PHONE_NUMBER_UTIL, ParseError, PhoneNumberFormat, PhoneNumberType};

#[cfg(test)]
mod tests;

/// Digits of a short code.
const SHORT_CODE: std::ops::RangeInclusive<usize> = 3..=6;

/// The plus, as it is on a keyboard, and in full width.
const PLUS: [char; 2] = ['+', '\u{ff0b}'];

const FORM: &str = "not an e-mail address or an international phone number; write + and the country code, such as +14155550123";

const LENGTH: &str = "not a possible phone number: too few or too many digits";

const RANGE: &str = "no such phone number can exist: its country does not use this range";

/// A number that a person can be reached at.
pub(super) struct Phone {
    pub(super) e164: String,
    pub(super) country: Option<String>,
}

/// Reads an international number as people write it.
///
/// Only the digits reach the parser: it guesses at much that nobody should rely on (letters, extensions, national
/// prefixes), and an emulator must not accept what the service refuses.
pub(super) fn parse(text: &str) -> Result<Phone, &'static str> {
    let (international, digits) = digits(text)?;
    if !international {
        return Err(if SHORT_CODE.contains(&digits.len()) { "a short code cannot be reached over iMessage" } else { FORM });
    }
    let number = PHONE_NUMBER_UTIL.parse(format!("+{digits}"), None).map_err(|error| match error {
        ParseError::InvalidCountryCode => "not a phone number of any country",
        _ => LENGTH,
    })?;
    if number.is_possible_with_reason().is_err() {
        return Err(LENGTH);
    }
    if !number.is_valid() {
        return Err(RANGE);
    }
    check_type(number.get_type())?;
    let region = number.get_region_code().map(|region| region.as_region_str().to_string());
    // Numbers of no country have a region of three digits.
    let country = region.filter(|id| id.len() == 2);
    Ok(Phone { e164: number.format_as(PhoneNumberFormat::E164).into_owned(), country })
}

/// The digits of what was written, and whether there was a plus before them.
fn digits(text: &str) -> Result<(bool, String), &'static str> {
    let text = uri(text).unwrap_or(text);
    let mut international = false;
    let mut digits = String::new();
    for letter in text.chars() {
        if PLUS.contains(&letter) && !international && digits.is_empty() {
            international = true;
        } else if !is_separator(letter) {
            // A digit of any script, as 0 to 9.
            let digit = PHONE_NUMBER_UTIL.normalize_digits_only(letter.encode_utf8(&mut [0; 4]));
            if digit.is_empty() {
                return Err(FORM);
            }
            digits.push_str(&digit);
        }
    }
    Ok((international, digits))
}

/// What follows `tel:`, which is what copying a link gives. A parameter such as `;ext=5` is left in, and refused.
fn uri(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once(':')?;
    scheme.eq_ignore_ascii_case("tel").then_some(rest)
}

/// What people and programs write between digits: spaces, hyphens, dashes, dots, slashes and parentheses in their Unicode
/// forms, too, and the invisible marks that Apple's apps put around a number.
fn is_separator(letter: char) -> bool {
    let dash = matches!(letter, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe63}' | '\u{ff0d}');
    let other = matches!(letter, '.' | '/' | '(' | ')' | '\u{ff08}' | '\u{ff09}' | '\u{ff0e}' | '\u{ff0f}');
    dash || other || letter.is_whitespace() || super::marks::is_invisible(letter)
}

fn check_type(kind: PhoneNumberType) -> Result<(), &'static str> {
    use PhoneNumberType as Type;
    match kind {
        Type::Mobile | Type::FixedLine | Type::FixedLineOrMobile | Type::VoIP | Type::PersonalNumber => Ok(()),
        Type::PremiumRate => Err("a premium-rate number cannot be reached over iMessage"),
        Type::TollFree | Type::SharedCost | Type::Pager | Type::UAN | Type::VoiceMail => {
            Err("a service number cannot be reached over iMessage")
        }
        Type::Unknown => Err(RANGE),
    }
}
