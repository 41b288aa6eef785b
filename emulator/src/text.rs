//! Texts of any kind, and the stretches of them that look different.

use im_chats_protocol::error::Error;
use im_chats_protocol::model::TextFormat;

use crate::limits::MAX_FORMATTING;

/// How much of a refused value an error repeats, in characters.
const SHOWN: usize = 100;

/// What a stretch of text can look like.
const STYLES: [&str; 5] = ["bold", "italic", "underline", "strikethrough", EFFECT];

/// The style that needs a name.
const EFFECT: &str = "effect";

/// How a stretch of text can move.
const EFFECTS: [&str; 8] = ["big", "small", "shake", "nod", "explode", "ripple", "bloom", "jitter"];

/// A text without the white space around it: not empty, at most `limit` bytes, and without NUL.
///
/// # Errors
/// `invalidArgument` with `context.field`; above the limit `context.bytes` and `context.limit` say by how much.
pub fn checked_text(text: &str, field: &str, limit: usize) -> Result<String, Error> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Error::invalid(field.to_owned(), "a text is needed that is not only white space"));
    }
    if text.len() > limit {
        return Err(Error::invalid(field.to_owned(), format!("at most {limit} bytes"))
            .with_context("bytes", text.len().to_string())
            .with_context("limit", limit.to_string()));
    }
    if text.contains('\0') {
        return Err(Error::invalid(field.to_owned(), "a NUL character cannot be sent"));
    }
    Ok(text.to_owned())
}

/// The stretches of a text as it was given, checked and moved to where they are in the trimmed text. One that lies only in the
/// white space around it is dropped.
pub(crate) fn checked_formatting(text: &str, formatting: Vec<TextFormat>, field: &str) -> Result<Vec<TextFormat>, Error> {
    if formatting.len() > MAX_FORMATTING {
        return Err(Error::invalid(field.to_owned(), format!("at most {MAX_FORMATTING} stretches"))
            .with_context("count", formatting.len().to_string())
            .with_context("limit", MAX_FORMATTING.to_string()));
    }
    let length = units(text);
    let first = length.saturating_sub(units(text.trim_start()));
    let last = first.saturating_add(units(text.trim()));
    let mut moved = Vec::with_capacity(formatting.len());
    for (index, format) in formatting.into_iter().enumerate() {
        check(&format, length, &format!("{field}[{index}]"))?;
        let start = format.start.max(first);
        let end = format.start.saturating_add(format.length).min(last);
        if start < end {
            moved.push(TextFormat { start: start.saturating_sub(first), length: end.saturating_sub(start), ..format });
        }
    }
    Ok(moved)
}

fn check(format: &TextFormat, length: i32, field: &str) -> Result<(), Error> {
    let refuse = |name: &str, message: String, value: String| {
        Err(Error::invalid(format!("{field}.{name}"), message).with_context("value", value))
    };
    if !STYLES.contains(&format.style.as_str()) {
        return refuse("type", format!("one of {}", STYLES.join(", ")), shown(&format.style));
    }
    let name = format.effect_name.as_deref().unwrap_or_default();
    if format.style == EFFECT && !EFFECTS.contains(&name) {
        return refuse("effectName", format!("one of {}", EFFECTS.join(", ")), shown(name));
    }
    if format.style != EFFECT && !name.is_empty() {
        return refuse("effectName", "only the type effect has one".to_owned(), shown(name));
    }
    if format.start < 0 {
        return refuse("start", "0 or more".to_owned(), format.start.to_string());
    }
    if format.length < 1 {
        return refuse("length", "1 or more".to_owned(), format.length.to_string());
    }
    if format.start.checked_add(format.length).is_none_or(|end| end > length) {
        return refuse("length", format!("the text ends after {length} UTF-16 units"), format.length.to_string());
    }
    Ok(())
}

/// The length of a text in UTF-16 units.
pub(crate) fn units(text: &str) -> i32 {
    i32::try_from(text.encode_utf16().count()).unwrap_or(i32::MAX)
}

/// As much of a refused value as an error repeats.
pub(crate) fn shown(value: &str) -> String {
    value.chars().take(SHOWN).collect()
}
