//! The cursor: a place in one log, as a text that users store.

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;

use crate::error::Error;
use crate::number::MAX_SAFE_INTEGER;

/// A place in one log: everything up to and including `sequence` was handled.
///
/// Its text form (`<sequence>@<log>`) is what `stream.cursor` gives; users store it and hand it back, and do not read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// Which log; a server that was reset has another one.
    pub log: String,
    /// The last sequence that was handled, at most 2^53 − 1.
    pub sequence: u64,
}

impl Cursor {
    /// Reads the text form.
    ///
    /// # Errors
    /// `invalidArgument` with `context.field` when `text` is not a cursor.
    pub fn parse(text: &str, field: &'static str) -> Result<Self, Error> {
        text.split_once('@')
            .and_then(|(sequence, log)| Some((sequence.parse::<u64>().ok()?, log)))
            .filter(|(sequence, log)| *sequence <= MAX_SAFE_INTEGER && !log.is_empty() && log.len() <= 128)
            .map(|(sequence, log)| Self { log: log.to_owned(), sequence })
            .ok_or_else(|| Error::invalid(field, "not a cursor: pass what stream.cursor gave, unchanged"))
    }
}

impl Cursor {
    /// The text form.
    // Beside `Display`, since without it the wasm is free of `core::fmt`.
    #[must_use]
    pub fn to_text(&self) -> String {
        [&crate::number::decimal(self.sequence), "@", &self.log].concat()
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.to_text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_text_form_leads_back(log in "[a-zA-Z0-9@-]{1,64}", sequence in 0..=MAX_SAFE_INTEGER) {
            let cursor = Cursor { log, sequence };
            prop_assert_eq!(Cursor::parse(&cursor.to_string(), "after"), Ok(cursor));
        }

        #[test]
        fn any_text_is_a_cursor_or_an_error(text in ".*") {
            if let Ok(cursor) = Cursor::parse(&text, "after") {
                prop_assert!(cursor.sequence <= MAX_SAFE_INTEGER);
            }
        }
    }

    #[test]
    fn a_cursor_has_an_exact_sequence_and_a_log_of_1_to_128_bytes() {
        let long = "x".repeat(128);
        for (text, sequence) in
            [("0@a".to_owned(), 0), ("9007199254740991@a".to_owned(), MAX_SAFE_INTEGER), (format!("7@{long}"), 7)]
        {
            assert_eq!(Cursor::parse(&text, "after").map(|cursor| cursor.sequence), Ok(sequence), "{text}");
        }
        for text in ["", "@", "7", "7@", "@a", "-1@a", "a@7", "9007199254740992@a", &format!("7@{long}x")] {
            let error = Cursor::parse(text, "after").unwrap_err();
            assert_eq!(error.context_value("field"), Some("after"), "{text}");
        }
    }
}
