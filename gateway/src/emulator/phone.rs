//! Phone numbers, by libphonenumber's metadata.
//!
//! The `phonenumber` crate has the metadata and the parser. Its own classification drops the leading zeros that are part
//! of a number in Italy and a few other countries, so the kind of a number is looked up here.

use phonenumber::metadata::{DATABASE, Descriptor};
use phonenumber::{Metadata, Mode};

/// Digits of an international number, country code included (E.164 allows 15; nothing below 7 is reachable from abroad).
const DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// Digits of a short code.
const SHORT_CODE: std::ops::RangeInclusive<usize> = 3..=6;

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
    const FORM: &str =
        "not an e-mail address or an international phone number; write + and the country code, such as +14155550123";
    let international = text.strip_prefix('+');
    let written = international.unwrap_or(text);
    if !written.chars().all(|c| c.is_ascii_digit() || matches!(c, ' ' | '-' | '.' | '(' | ')' | '/' | '\u{a0}')) {
        return Err(FORM);
    }
    let digits: String = written.chars().filter(char::is_ascii_digit).collect();
    if international.is_none() {
        return Err(if SHORT_CODE.contains(&digits.len()) { "a short code cannot be reached over iMessage" } else { FORM });
    }
    if !DIGITS.contains(&digits.len()) {
        return Err("not a possible phone number: too few or too many digits");
    }
    let number = phonenumber::parse(None, format!("+{digits}")).map_err(|_| "not a phone number of any country")?;
    let code = number.code().value();
    let national = number.national().to_string();
    let metadata = country(code, &national).ok_or("no such phone number can exist: its country does not use this range")?;
    check_kind(metadata, &national)?;
    let id = metadata.id();
    let country = (id.len() == 2 && id.bytes().all(|letter| letter.is_ascii_uppercase())).then(|| id.to_owned());
    Ok(Phone { e164: number.format().mode(Mode::E164).to_string(), country })
}

/// The country of a number, among those that share its calling code.
fn country(code: u16, national: &str) -> Option<&'static Metadata> {
    let candidates = DATABASE.by_code(&code)?;
    let alone = candidates.len() == 1;
    candidates.into_iter().find(|metadata| match metadata.leading_digits() {
        Some(digits) if !alone => digits.find(national).is_some_and(|found| found.start() == 0),
        _ => is(Some(metadata.descriptors().general()), national) && kind(metadata, national).is_some(),
    })
}

/// What a number is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Person,
    Premium,
    Service,
}

fn check_kind(metadata: &Metadata, national: &str) -> Result<(), &'static str> {
    match kind(metadata, national) {
        Some(Kind::Person) => Ok(()),
        Some(Kind::Premium) => Err("a premium-rate number cannot be reached over iMessage"),
        Some(Kind::Service) => Err("a service number cannot be reached over iMessage"),
        None => Err("no such phone number can exist: its country does not use this range"),
    }
}

/// Services first: their ranges may lie inside those of ordinary numbers.
fn kind(metadata: &Metadata, national: &str) -> Option<Kind> {
    let all = metadata.descriptors();
    if !is(Some(all.general()), national) {
        return None;
    }
    if is(all.premium_rate(), national) {
        return Some(Kind::Premium);
    }
    let services = [all.toll_free(), all.shared_cost(), all.pager(), all.uan(), all.voicemail()];
    if services.into_iter().any(|descriptor| is(descriptor, national)) {
        return Some(Kind::Service);
    }
    let people = [all.mobile(), all.fixed_line(), all.voip(), all.personal_number()];
    people.into_iter().any(|descriptor| is(descriptor, national)).then_some(Kind::Person)
}

fn is(descriptor: Option<&Descriptor>, national: &str) -> bool {
    descriptor.is_some_and(|descriptor| descriptor.is_match(national))
}
