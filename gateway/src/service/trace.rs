//! W3C Trace Context: the trace that a caller's request belongs to. It is passed on as it came. The gateway makes no spans, so
//! it begins no trace, decides nothing about sampling, and stands in no trace's way.

use std::sync::Arc;

use http::{HeaderMap, HeaderName};

/// `traceparent`
pub static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// `tracestate`
pub static TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Length of a `traceparent` of version 00, and of the part of a later one that this version can read.
const KNOWN_LENGTH: usize = 55;

/// Entries of a `tracestate` at most, by its definition.
const MAX_ENTRIES: usize = 32;

/// Longest `tracestate` that is passed on: by its definition at least so much must be.
const MAX_STATE: usize = 512;

/// Entries longer than this go first when a `tracestate` must become shorter.
const LARGE_ENTRY: usize = 128;

/// Most bytes of an entry's key, and of its value.
const MAX_PART: usize = 256;

/// The trace that a request belongs to. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    parent: Arc<str>,
    state: Option<Arc<str>>,
}

impl TraceContext {
    /// Reads both headers. A `traceparent` that breaks its rules is as none, and the `tracestate` beside it too; a `tracestate`
    /// that breaks its own is left out.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut parents = headers.get_all(&TRACEPARENT).iter();
        let parent = parents.next()?.to_str().ok().filter(|parent| is_parent(parent))?;
        // Of two, nobody knows which is meant.
        if parents.next().is_some() {
            return None;
        }
        Some(Self { parent: parent.into(), state: state(headers) })
    }

    /// `traceparent`, as it came.
    #[must_use]
    pub fn parent(&self) -> &str {
        &self.parent
    }

    /// `tracestate`, its headers in one.
    #[must_use]
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// The trace's id: 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> &str {
        self.parent.split('-').nth(1).unwrap_or_default()
    }
}

/// `version-traceid-parentid-flags`. A later version may have more behind another `-`.
fn is_parent(text: &str) -> bool {
    let Some((known, more)) = text.split_at_checked(KNOWN_LENGTH) else { return false };
    let mut parts = known.split('-');
    let mut part = |length: usize| {
        let hex = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
        parts.next().filter(|part| part.len() == length && part.bytes().all(hex))
    };
    let (Some(version), Some(trace), Some(parent), Some(_flags), None) = (part(2), part(32), part(16), part(2), parts.next())
    else {
        return false;
    };
    let named = |id: &str| id.bytes().any(|digit| digit != b'0');
    let ends = more.is_empty() || (version != "00" && more.starts_with('-'));
    version != "ff" && named(trace) && named(parent) && ends
}

/// The entries of all headers, in order.
fn state(headers: &HeaderMap) -> Option<Arc<str>> {
    let mut entries: Vec<&str> = Vec::new();
    for header in headers.get_all(&TRACESTATE) {
        for entry in header.to_str().ok()?.split(',').map(|entry| entry.trim_matches([' ', '\t'])) {
            // Empty ones are allowed, and say nothing.
            if entry.is_empty() {
                continue;
            }
            let (key, value) = entry.split_once('=')?;
            let known = |other: &&str| other.split_once('=').is_some_and(|(other, _)| other == key);
            if !is_key(key) || !is_value(value) || entries.iter().any(known) || entries.len() >= MAX_ENTRIES {
                return None;
            }
            entries.push(entry);
        }
    }
    let length = |entries: &[&str]| entries.iter().map(|entry| entry.len().saturating_add(1)).sum::<usize>().saturating_sub(1);
    if length(&entries) > MAX_STATE {
        entries.retain(|entry| entry.len() <= LARGE_ENTRY);
    }
    // The newest come first.
    while length(&entries) > MAX_STATE {
        entries.pop();
    }
    (!entries.is_empty()).then(|| entries.join(",").into())
}

fn is_key(key: &str) -> bool {
    let mut bytes = key.bytes();
    let first = bytes.next().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let rest =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-' | b'*' | b'/' | b'@');
    first && key.len() <= MAX_PART && bytes.all(rest)
}

fn is_value(value: &str) -> bool {
    // What stands at its ends was trimmed.
    !value.is_empty() && value.len() <= MAX_PART && value.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'=')
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    /// Of a version that is not known yet.
    fn later() -> String {
        PARENT.replacen("00-", "cc-", 1)
    }

    fn read(parents: &[&str], states: &[&str]) -> Option<TraceContext> {
        let mut headers = HeaderMap::new();
        for (name, values) in [(&TRACEPARENT, parents), (&TRACESTATE, states)] {
            for value in values {
                headers.append(name, HeaderValue::from_str(value).unwrap());
            }
        }
        TraceContext::of(&headers)
    }

    #[test]
    fn a_parent_passes_as_it_came_and_names_the_trace() {
        let newer = later();
        for parent in [PARENT, &PARENT.replace("-01", "-00"), &newer, &format!("{newer}-what-the-future-holds")] {
            let trace = read(&[parent], &[]).unwrap_or_else(|| panic!("{parent}"));
            assert_eq!((trace.parent(), trace.trace_id()), (parent, "0af7651916cd43dd8448eb211c80319c"));
        }
    }

    #[test]
    fn a_parent_that_breaks_the_rules_is_as_none_and_so_is_the_state_beside_it() {
        let (zero_trace, zero_parent) = ("0".repeat(32), "0".repeat(16));
        let newer = later();
        for parent in [
            "",
            "00",
            &PARENT.to_uppercase(),
            &PARENT.replace("00-", "ff-"),
            &PARENT.replace("00-", "0g-"),
            &PARENT.replace("0af7651916cd43dd8448eb211c80319c", &zero_trace),
            &PARENT.replace("b7ad6b7169203331", &zero_parent),
            &PARENT.replace('-', "_"),
            PARENT.strip_suffix('1').unwrap(),
            &format!("{PARENT}0"),
            &format!("{PARENT}-"),
            &format!("{PARENT}-more"),
            &format!("{newer}more"),
            &PARENT.replace("-b7ad6b7169203331", "b-7ad6b7169203331"),
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0é",
        ] {
            assert_eq!(read(&[parent], &["a=1"]), None, "{parent}");
        }
        assert_eq!(read(&[PARENT, PARENT], &[]), None);
        assert_eq!(read(&[], &["a=1"]), None);
    }

    #[test]
    fn a_state_is_one_list_in_order_and_a_broken_one_costs_only_itself() {
        let state = |states: &[&str]| read(&[PARENT], states).expect("the parent is good").state().map(str::to_owned);
        assert_eq!(state(&["a=1, b@v=x y ", "", "c/*-_=!~"]).as_deref(), Some("a=1,b@v=x y,c/*-_=!~"));
        assert_eq!(state(&[]), None);
        assert_eq!(state(&[" , ,"]), None);
        let many: Vec<String> = (0..33).map(|number| format!("k{number}=1")).collect();
        assert_eq!(state(&[&many[..32].join(",")]).map(|state| state.split(',').count()), Some(32));
        let long = format!("a={}", "x".repeat(257));
        for broken in ["A=1", "=1", "a=", "a", "a=1,a=2", "a=1=2", "_a=1", "a=\u{e9}", &many.join(","), &long] {
            assert_eq!(state(&[broken]), None, "{broken}");
        }
        assert_eq!(state(&["a=1", "a=2"]), None, "over two headers, too");
    }

    #[test]
    fn a_long_state_loses_its_large_entries_first_and_then_its_oldest() {
        let entry = |name: &str, length: usize| format!("{name}={}", "x".repeat(length - name.len() - 1));
        let state = |entries: &[String]| read(&[PARENT], &[&entries.join(",")]).unwrap().state().unwrap().to_owned();
        let fits = [entry("a", 255), entry("b", 256)];
        assert_eq!(state(&fits), fits.join(","), "512 bytes are passed on");
        let large = [entry("a", 129), entry("b", 128), entry("c", 128), entry("d", 128)];
        assert_eq!(state(&large), large[1..].join(","));
        let small: Vec<_> = ["a", "b", "c", "d", "e"].iter().map(|name| entry(name, 128)).collect();
        assert_eq!(state(&small), small[..3].join(","));
    }
}
