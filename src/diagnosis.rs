//! Why the network failed, in words that say what to do.

use js_sys::{Array, JsString, RegExp};
use wasm_bindgen::{JsCast, JsValue};

use crate::js::{get, text_of};

/// What a TLS library or a parser says when the other side speaks the other protocol, and what to do then.
const OTHER_SCHEME: [(&str, &str); 2] = [
    (
        "wrong version number|packet length too long|EPROTO|InvalidContentType",
        "the server speaks no TLS there: use an http:// address, or tls: false",
    ),
    ("Expected HTTP/", "the server may expect TLS: use an https:// address"),
];

/// Whether a text has a pattern in it. The runtime looks: Rust's own search would cost two kilobytes.
pub(crate) fn matches(text: &str, pattern: &str) -> bool {
    RegExp::new(pattern, "").test(text)
}

/// A text that is not empty.
fn words(target: &JsValue, key: &str) -> Option<String> {
    text_of(target, key).filter(|text| !text.is_empty())
}

/// The words of a network error, in one line; nothing when the runtime gives none.
pub(crate) fn network_reason(error: &JsValue) -> Option<String> {
    let code = words(error, "code");
    // A host with several addresses fails with one error for each, and no words of its own.
    let first = || get(error, "errors").dyn_ref::<Array>().and_then(|errors| words(&errors.get(0), "message"));
    let text = words(error, "message").or_else(first).or_else(|| code.clone())?;
    let text = String::from(JsString::from(text).replace_by_pattern(&RegExp::new("\\s+", "g"), " ").trim());
    let said = [&text, " ", code.as_deref().unwrap_or_default()].concat();
    for (pattern, hint) in OTHER_SCHEME {
        if matches(&said, pattern) {
            return Some([hint, " (", &code.unwrap_or(text), ")"].concat());
        }
    }
    Some(text)
}

/// Why `fetch` failed. Node hides the reason one level down; a page gets no reason, so both usual ones are named.
pub(crate) fn why_unreachable(cause: &JsValue) -> String {
    let inner = get(cause, "cause");
    let why = if !inner.is_undefined() {
        network_reason(&inner)
    } else if let Some(origin) = words(&get(&js_sys::global(), "location"), "origin") {
        Some(["no server answers, or it is not a gateway that allows pages of ", &origin, " (--allow-origin)"].concat())
    } else {
        words(cause, "message").or_else(|| cause.as_string())
    };
    why.unwrap_or_else(|| "no reason is known".to_owned())
}
