//! The deny list: tokens that were signed and are good no more. A line is a JSON object, is empty, or begins with `#`:
//!
//! ```text
//! # stolen laptop
//! {"jti": "0b1c2d3e-…"}
//! {"sub": "user-17", "issuedBefore": "2026-11-27T07:00:00Z"}
//! ```

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::DateTime;
use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::limits::MAX_TOKEN_BYTES;
use serde::Deserialize;
use serde_json::json;

use super::claims::LATEST_S;

/// Largest deny list, in bytes.
pub const MAX_DENY_BYTES: u64 = 16 * 1024 * 1024;

/// What is denied.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct DenyList {
    ids: HashSet<String>,
    /// By subject: tokens that were issued before this second. The latest of all lines counts.
    subjects: HashMap<String, u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Line {
    jti: Option<String>,
    sub: Option<String>,
    issued_before: Option<Time>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Time {
    Seconds(u64),
    Iso(String),
}

impl Time {
    /// In whole seconds, rounded up: a token of the second that has begun is older.
    fn seconds(&self) -> Result<u64, String> {
        let wrong = "issuedBefore must be seconds since 1970, or a time such as 2026-11-27T07:00:00Z";
        match self {
            Self::Seconds(seconds) if *seconds > LATEST_S => Err(format!("{wrong}; this looks like milliseconds")),
            Self::Seconds(seconds) => Ok(*seconds),
            Self::Iso(text) => {
                let time = DateTime::parse_from_rfc3339(text).map_err(|_| wrong)?;
                let begun = i64::from(time.timestamp_subsec_nanos() > 0);
                u64::try_from(time.timestamp().saturating_add(begun)).map_err(|_| wrong.to_owned())
            }
        }
    }
}

impl DenyList {
    /// Reads a list.
    ///
    /// # Errors
    /// What is wrong with it, with the number of the line. One bad line makes the whole of it bad: what it meant to deny is not known.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "this is not UTF-8")?;
        let mut list = Self::default();
        for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                list.add(line).map_err(|reason| format!("line {}: {reason}", index.saturating_add(1)))?;
            }
        }
        Ok(list)
    }

    fn add(&mut self, line: &str) -> Result<(), String> {
        let wanted = r#"expected {"jti": "…"}, or {"sub": "…", "issuedBefore": "…"}"#;
        let line: Line = serde_json::from_str(line).map_err(|error| format!("{wanted}: {error}"))?;
        match line {
            Line { jti: Some(jti), sub: None, issued_before: None } if !jti.is_empty() => {
                self.ids.insert(jti);
            }
            Line { jti: None, sub: Some(sub), issued_before } if !sub.is_empty() => {
                // Without a time it is every token of theirs, for ever.
                let before = issued_before.map_or(Ok(u64::MAX), |time| time.seconds())?;
                let known = self.subjects.entry(sub).or_default();
                *known = before.max(*known);
            }
            _ => return Err(wanted.to_owned()),
        }
        Ok(())
    }

    /// What it denies, in lines of one form; what stood beside that is not in them. A name longer than a token is left out: no token
    /// can have it.
    pub(super) fn lines(&self) -> BTreeSet<String> {
        let short = |name: &&String| name.len() <= MAX_TOKEN_BYTES;
        let ids = self.ids.iter().filter(short).map(|id| json!({ "jti": id }).to_string());
        let subjects = self.subjects.iter().filter(|(sub, _)| short(sub)).map(|(sub, before)| {
            // No token is issued later than that.
            if *before > LATEST_S { json!({ "sub": sub }) } else { json!({ "sub": sub, "issuedBefore": before }) }.to_string()
        });
        ids.chain(subjects).collect()
    }

    /// Refuses a token that is denied.
    ///
    /// # Errors
    /// `tokenBlocked`.
    pub(super) fn check(&self, id: Option<&str>, subject: Option<&str>, issued_at: u64) -> Result<(), Error> {
        let by_id = id.is_some_and(|id| self.ids.contains(id));
        let by_subject = subject.and_then(|subject| self.subjects.get(subject)).is_some_and(|before| issued_at < *before);
        if by_id || by_subject {
            return Err(Error::new(ErrorCode::TokenBlocked, "the token was withdrawn"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_denies_by_id_and_by_subject_and_time_and_nothing_else() {
        let list = DenyList::parse(
            b"# stolen\r\n\r\n{\"jti\":\"a\"}\r\n  {\"sub\":\"u 1\",\"issuedBefore\":1000}\n{\"sub\":\"u 1\",\"issuedBefore\":500}\n\
              {\"sub\":\"u2\",\"issuedBefore\":\"1970-01-01T01:00:00.5+00:00\"}\n{\"sub\":\"u3\"}",
        )
        .unwrap();
        let denied = |id, subject, issued_at| match list.check(id, Some(subject), issued_at) {
            Ok(()) => false,
            Err(error) => {
                assert_eq!(error.code, "tokenBlocked");
                true
            }
        };
        assert!(denied(Some("a"), "anyone", 5000) && !denied(Some("b"), "anyone", 0) && !denied(None, "a", 0));
        assert!(denied(None, "u 1", 999) && !denied(Some("u 1"), "u 1", 1000));
        assert!(denied(None, "u2", 3600) && !denied(None, "u2", 3601));
        assert!(denied(None, "u3", 4_000_000_000));
        assert_eq!(DenyList::parse(b"").unwrap(), DenyList::default());
    }

    #[test]
    fn its_lines_deny_the_same_and_say_nothing_else() {
        let long = "x".repeat(MAX_TOKEN_BYTES + 1);
        let text = format!(
            "# why\n{{\"jti\":\"a\\nb\"}}\n{{\"jti\":\"{long}\"}}\n{{\"sub\":\"u\",\"issuedBefore\":7}}\n{{\"sub\":\"v\"}}\n\
             {{\"sub\":\"w\",\"issuedBefore\":\"9999-01-01T00:00:00Z\"}}"
        );
        let lines = DenyList::parse(text.as_bytes()).unwrap().lines();
        let wanted = [r#"{"jti":"a\nb"}"#, r#"{"issuedBefore":7,"sub":"u"}"#, r#"{"sub":"v"}"#, r#"{"sub":"w"}"#];
        assert_eq!(lines, wanted.map(str::to_owned).into());
        let text = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect::<String>();
        assert_eq!(DenyList::parse(text.as_bytes()).unwrap().lines(), lines);
    }

    #[test]
    fn a_line_that_is_wrong_is_named() {
        for (line, says) in [
            (r#"{"jti":""}"#, "expected"),
            (r#"{"jti":"a","sub":"b"}"#, "expected"),
            (r#"{"jti":"a","issuedBefore":1}"#, "expected"),
            (r#"{"sub":"a","issuedBefor":1}"#, "issuedBefor"),
            (r#"{"sub":"a","issuedBefore":1700000000000}"#, "milliseconds"),
            (r#"{"sub":"a","issuedBefore":"yesterday"}"#, "2026-11-27T07:00:00Z"),
            (r#"{"sub":"a","sub":"b"}"#, "duplicate"),
            ("jti a", "expected"),
            ("{}", "expected"),
        ] {
            let error = DenyList::parse(format!("# list\n{line}\n").as_bytes()).unwrap_err();
            assert!(error.starts_with("line 2: ") && error.contains(says), "{line}: {error}");
        }
        assert!(DenyList::parse(b"\xff").is_err());
    }
}
