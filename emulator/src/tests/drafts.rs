//! Texts, and how they look, before they are sent.

use im_chats_protocol::model::TextFormat;

use super::*;
use crate::limits::{MAX_FORMATTING, MAX_SUBJECT_BYTES, MAX_TEXT_BYTES};

#[test]
fn a_text_is_trimmed_and_has_its_limits() {
    assert_eq!(checked_text(" \u{2003}a b\n", "text", 3).as_deref(), Ok("a b"));
    for (text, limit) in [("", 9), (" \n\t ", 9), ("abcd", 3), ("é", 1), ("a\0b", 9)] {
        assert_eq!(field(&checked_text(text, "newText", limit).unwrap_err()), Some("newText"), "{text:?}");
    }
    let error = checked_text("abcd", "text", 3).unwrap_err();
    assert_eq!((error.context_value("bytes"), error.context_value("limit")), (Some("4"), Some("3")));
    assert!(Draft::text(&"x".repeat(MAX_TEXT_BYTES), Vec::new(), "text").is_ok());
    assert_eq!(field(&Draft::text(&"x".repeat(MAX_TEXT_BYTES + 1), Vec::new(), "text").unwrap_err()), Some("text"));
}

#[test]
fn subject_and_effect_are_checked_and_empty_ones_are_none() {
    let with = |subject: Option<&str>| draft("hi").subject(subject, "subject");
    assert_eq!(with(Some(" ")).unwrap().subject, None);
    assert_eq!(with(None).unwrap().subject, None);
    assert_eq!(field(&with(Some(&"x".repeat(MAX_SUBJECT_BYTES + 1))).unwrap_err()), Some("subject"));
    assert_eq!(draft("hi").effect(Some(""), "effectId").unwrap().effect, None);
    let error = draft("hi").effect(Some("confetti"), "effectId").unwrap_err();
    assert_eq!((field(&error), error.context_value("value")), (Some("effectId"), Some("confetti")));
}

#[test]
fn formatted_stretches_move_with_the_trimmed_text() {
    let moved = |text: &str, formatting: Vec<TextFormat>| match &Draft::text(text, formatting, "text").unwrap().parts[..] {
        [Part::Text { formatting, .. }] => formatting.iter().map(|format| (format.start, format.length)).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(moved("  ab  ", vec![format("bold", 2, 2)]), [(0, 2)]);
    assert_eq!(moved("  ab  ", vec![format("bold", 0, 6)]), [(0, 2)], "what lies in the white space goes");
    assert_eq!(moved("  ab  ", vec![format("bold", 0, 2), format("italic", 3, 3), format("bold", 4, 2)]), [(1, 1)]);
    assert_eq!(moved("👍👍", vec![format("bold", 2, 2)]), [(2, 2)], "in UTF-16 units");
    let effect = TextFormat { effect_name: Some("bloom".to_owned()), ..format("effect", 0, 1) };
    assert_eq!(moved("a", vec![effect]), [(0, 1)]);
}

#[test]
fn a_stretch_that_is_none_is_refused_by_its_field() {
    let named = |name: &str, style: &str| TextFormat { effect_name: Some(name.to_owned()), ..format(style, 0, 1) };
    for (wrong, at) in [
        (format("blink", 0, 1), "formatting[1].type"),
        (format("effect", 0, 1), "formatting[1].effectName"),
        (named("fly", "effect"), "formatting[1].effectName"),
        (named("bloom", "bold"), "formatting[1].effectName"),
        (format("bold", -1, 1), "formatting[1].start"),
        (format("bold", 0, 0), "formatting[1].length"),
        (format("bold", 0, 5), "formatting[1].length"),
        (format("bold", 5, i32::MAX), "formatting[1].length"),
    ] {
        let error = Draft::text("👍👍", vec![format("bold", 0, 4), wrong.clone()], "text").unwrap_err();
        assert_eq!(field(&error), Some(at), "{wrong:?}");
    }
    let many = vec![format("bold", 0, 1); MAX_FORMATTING + 1];
    assert_eq!(field(&Draft::text("a", many, "text").unwrap_err()), Some("formatting"));
    let error = Part::text("a", vec![format("x", 0, 1)], None, "parts[3].text").unwrap_err();
    assert_eq!(field(&error), Some("parts[3].formatting[0].type"));
    assert_eq!(
        field(&Part::text("a", Vec::new(), Some("nobody"), "parts[3].text").unwrap_err()),
        Some("parts[3].mentionedAddress")
    );
}
