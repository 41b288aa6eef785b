//! The idempotency key of a write.

use js_sys::Math;
use wasm_bindgen::JsValue;

use crate::js::{get, method};

/// A version 4 UUID, as the service's own SDK sends.
pub(crate) fn idempotency_key() -> String {
    // Node 18 has no global `crypto`, and pages without TLS no `randomUUID`.
    let crypto = get(&js_sys::global(), "crypto");
    let made = method(&crypto, "randomUUID").and_then(|random_uuid| random_uuid.call0(&crypto).ok());
    made.as_ref().and_then(JsValue::as_string).unwrap_or_else(random_key)
}

/// A key only has to be unlike the account's other recent keys, not secret.
fn random_key() -> String {
    "xxxxxxxx-xxxx-4xxx-axxx-xxxxxxxxxxxx".chars().map(|place| if place == 'x' { random_digit() } else { place }).collect()
}

fn random_digit() -> char {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to below 16")]
    let digit = (Math::random() * 16.0) as u32;
    char::from_digit(digit, 16).unwrap_or('0')
}
