//! Schemas that more than one front uses. Requests are described as strictly as they are read.

use im_chats_protocol::limits::{KEY_PATTERN, MAX_IMAGE_BYTES, MAX_KEY_BYTES};
use im_chats_protocol::model::ChatGuid;
use serde_json::{Map, Value, json};

use super::mode::Mode;

/// Base64 in either alphabet, padded or not.
const BASE64: &str = "^[A-Za-z0-9+/_-]+={0,2}$";

/// A text that can be sent.
pub const WITHOUT_NUL: &str = "^[^\\u0000]*$";

/// The media types of backgrounds.
const IMAGES: [&str; 4] = ["image/jpeg", "image/png", "image/heic", "image/heif"];

/// A reference to a named schema.
#[must_use]
pub fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

/// An object with these properties.
#[must_use]
pub fn object(required: &[&str], properties: &Value) -> Value {
    json!({"type": "object", "required": required, "properties": properties})
}

/// The content of a response that is an image. A client that accepts only `application/octet-stream` gets that: generated clients
/// can read it.
pub(super) fn image_types() -> Value {
    let bytes = json!({"schema": {"type": "string", "format": "binary"}});
    let types = IMAGES.iter().chain(&["application/octet-stream"]);
    types.map(|name| ((*name).to_owned(), bytes.clone())).collect::<Map<_, _>>().into()
}

/// An idempotency key, of this type or types.
#[must_use]
pub fn key(kind: impl Into<Value>) -> Value {
    json!({
        "type": kind.into(), "minLength": 1, "maxLength": MAX_KEY_BYTES, "pattern": KEY_PATTERN,
        "description": format!("1 to {MAX_KEY_BYTES} bytes."),
    })
}

/// A chat's GUID.
#[must_use]
pub fn guid() -> Value {
    json!({"type": "string", "pattern": ChatGuid::PATTERN, "examples": ["any;-;alice@example.com"]})
}

/// An image in a body.
#[must_use]
pub fn image(mode: Mode) -> Value {
    let rules = match mode {
        Mode::Emulator => {
            format!("A JPEG, PNG, HEIC or HEIF image of at most {} MiB, in base64.", MAX_IMAGE_BYTES / (1024 * 1024))
        }
        Mode::Relay => "An image, in base64.".to_owned(),
    };
    json!({"type": "string", "contentEncoding": "base64", "pattern": BASE64, "description": rules})
}
