//! What bodies, parameters and answers look like. Requests are described as strictly as they are read.

use im_chats_protocol::limits::MAX_KEY_BYTES;
use serde_json::{Value, json};

use super::reference;
use crate::emulator::input::{MAX_ADDRESSES, MAX_SUBJECT_BYTES, MAX_TEXT_BYTES};
use crate::fronts::control::{MAX_GENERATED, PAGE};

/// A chat's GUID: some text after the prefix, in one line.
const GUID: &str = "^any;[-+];[^\\u0000\\n\\r\\u2028\\u2029]*[^\\s\\u0000][^\\u0000\\n\\r\\u2028\\u2029]*$";

/// Base64 in either alphabet, padded or not.
const BASE64: &str = "^[A-Za-z0-9+/_-]+={0,2}$";

/// A text that can be sent.
const WITHOUT_NUL: &str = "^[^\\u0000]*$";

/// The media types of backgrounds.
const IMAGES: [&str; 4] = ["image/jpeg", "image/png", "image/heic", "image/heif"];

/// The content of an answer that is an image. `application/octet-stream` is sent to whoever accepts nothing else: generated clients
/// know how to read that.
pub(super) fn image_types() -> Value {
    let bytes = json!({"schema": {"type": "string", "format": "binary"}});
    let types = IMAGES.iter().chain(&["application/octet-stream"]);
    types.map(|name| ((*name).to_owned(), bytes.clone())).collect::<serde_json::Map<_, _>>().into()
}

/// An idempotency key, of this type or types.
pub(super) fn key(kind: impl Into<Value>) -> Value {
    json!({
        "type": kind.into(), "minLength": 1, "maxLength": MAX_KEY_BYTES, "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]*$",
        "description": format!("1 to {MAX_KEY_BYTES} bytes."),
    })
}

/// The schema of a query parameter.
pub(super) fn parameter(name: &str) -> Value {
    match name {
        "ChatGuid" => guid(),
        "Flag" => json!({"type": "boolean", "default": false}),
        "PageSize" => json!({"type": "integer", "minimum": 1, "maximum": PAGE.1, "default": PAGE.0}),
        _ => json!({"type": "string"}),
    }
}

fn guid() -> Value {
    json!({"type": "string", "pattern": GUID, "examples": ["any;-;alice@example.com"]})
}

/// An object with these properties.
fn object(required: &[&str], properties: &Value) -> Value {
    json!({"type": "object", "required": required, "properties": properties})
}

/// All named schemas.
pub(super) fn all(emulator: bool) -> Value {
    let mut schemas = json!({
        "Empty": {"type": "object"},
        "ChatServiceType": {"type": "string", "enum": [
            "CHAT_SERVICE_TYPE_UNSPECIFIED", "CHAT_SERVICE_TYPE_IMESSAGE", "CHAT_SERVICE_TYPE_SMS", "CHAT_SERVICE_TYPE_RCS",
        ]},
        "Failure": failure(),
        "Health": object(&["status"], &json!({
            "status": {"type": "string", "enum": ["ok", "degraded"]}, "code": {"type": "string"}, "reason": {"type": "string"},
        })),
        "ChatRequest": object(&["chatGuid"], &json!({"chatGuid": guid()})),
        "SetBackgroundRequest": object(&["chatGuid", "data"], &json!({"chatGuid": guid(), "data": image(emulator)})),
        "SetTypingRequest": object(&["chatGuid"], &json!({"chatGuid": guid(), "isTyping": {"type": ["boolean", "null"]}})),
        "CreateChatRequest": create(emulator),
    });
    let mut add = |more: Value| {
        if let (Value::Object(schemas), Value::Object(more)) = (&mut schemas, more) {
            schemas.extend(more);
        }
    };
    add(answers());
    if emulator {
        add(control());
    }
    schemas
}

fn image(emulator: bool) -> Value {
    let rules = if emulator { "A JPEG, PNG, HEIC or HEIF image of at most 20 MiB, in base64." } else { "An image, in base64." };
    json!({"type": "string", "contentEncoding": "base64", "pattern": BASE64, "description": rules})
}

fn create(emulator: bool) -> Value {
    let text = |limit: usize| if emulator { format!("At most {limit} bytes.") } else { String::new() };
    let mut addresses = json!({
        "type": "array", "minItems": 1, "uniqueItems": true, "items": {"type": "string", "minLength": 1},
        "description": "E-mail addresses and phone numbers, the latter with a plus sign and the country's code.",
    });
    let mut effect = json!({"type": ["string", "null"], "description": "Apple's identifier of a bubble or screen effect."});
    if emulator && let (Value::Object(addresses), Value::Object(effect)) = (&mut addresses, &mut effect) {
        addresses.insert("maxItems".to_owned(), MAX_ADDRESSES.into());
        let known = im_chats_protocol::model::MessageEffect::ALL.iter().map(|effect| Value::from(effect.id()));
        effect.insert("enum".to_owned(), known.chain([Value::Null]).collect());
    }
    object(
        &["addresses"],
        &json!({
            "addresses": addresses,
            "service": {"anyOf": [reference("ChatServiceType"), {"type": "integer", "minimum": 0, "maximum": 3}, {"type": "null"}]},
            "initialMessage": {"type": ["object", "null"], "required": ["text"], "properties": {
                "text": {"type": "string", "minLength": 1, "pattern": WITHOUT_NUL, "description": text(MAX_TEXT_BYTES)},
                "attributedBody": {"type": ["string", "null"], "contentEncoding": "base64"},
                "effectId": effect,
                "subject": {"type": ["string", "null"], "pattern": WITHOUT_NUL, "description": text(MAX_SUBJECT_BYTES)},
            }},
            "clientMessageId": key(json!(["string", "null"])),
        }),
    )
}

fn failure() -> Value {
    let text = json!({"type": "string"});
    let required = ["code", "message", "source", "errorCode", "retryable", "context", "requestId"];
    object(
        &required,
        &json!({
            "code": text, "message": text, "source": text, "errorCode": text, "retryable": {"type": "boolean"},
            "context": {"type": "object", "additionalProperties": text}, "retryAfterMs": {"type": "integer", "minimum": 0},
            "requestId": text,
        }),
    )
}

fn answers() -> Value {
    let text = json!({"type": "string"});
    let flag = json!({"type": "boolean"});
    let time = json!({"type": "string", "format": "date-time"});
    json!({
        "SingleServiceAddressInfo": object(&[], &json!({
            "address": text, "service": reference("ChatServiceType"), "country": {"type": "string", "pattern": "^[A-Z]{2}$"},
        })),
        "Message": object(&[], &json!({
            "guid": text, "chatGuids": {"type": "array", "items": text}, "subject": text, "dateCreated": time, "dateRead": time,
            "content": {"type": "object", "properties": {"text": text, "expressiveSendStyleId": text}},
            "sender": reference("SingleServiceAddressInfo"), "isFromMe": flag, "isSent": flag, "isDelivered": flag,
        })),
        "Chat": object(&["guid"], &json!({
            "guid": text, "chatIdentifier": text, "groupId": text, "displayName": text, "isGroup": flag,
            "service": reference("ChatServiceType"), "isArchived": flag, "isFiltered": flag,
            "unreadCount": {"type": "integer", "minimum": 0},
            "participants": {"type": "array", "items": reference("SingleServiceAddressInfo")}, "lastMessage": reference("Message"),
        })),
        "CreateChatResponse": object(&["chat"], &json!({"chat": reference("Chat"), "initialMessage": reference("Message")})),
        "GetChatResponse": object(&["chat"], &json!({"chat": reference("Chat")})),
        "GetChatCountResponse": object(&[], &json!({"count": {"type": "string", "pattern": "^[0-9]+$"}})),
        "HasBackgroundResponse": object(&[], &json!({"backgroundPresent": flag})),
    })
}

/// The control plane.
fn control() -> Value {
    let sequence = json!({"type": "integer", "minimum": 1, "maximum": im_chats_protocol::number::MAX_SAFE_INTEGER});
    let sequences = json!({"type": "array", "items": sequence});
    let address = json!({"type": "string", "minLength": 1, "description": "An e-mail address or a phone number."});
    let actor = json!({
        "type": ["string", "null"], "minLength": 1,
        "description": "Who does it: an e-mail address or a phone number. This account on another device, when it is absent.",
    });
    let text = json!({
        "type": "string", "minLength": 1, "pattern": WITHOUT_NUL, "description": format!("At most {MAX_TEXT_BYTES} bytes."),
    });
    json!({
        "ChatPage": object(&["chats"], &json!({
            "chats": {"type": "array", "items": object(&["chat", "hasBackground"], &json!({
                "chat": reference("Chat"), "hasBackground": {"type": "boolean"},
            }))},
            "nextAfter": {"type": "string"},
        })),
        "ActRequest": object(&["chatGuid"], &json!({"chatGuid": guid(), "actor": actor})),
        "ActSetBackgroundRequest": object(&["chatGuid", "data"], &json!({"chatGuid": guid(), "data": image(true), "actor": actor})),
        "ReceiveRequest": object(&["chatGuid", "from", "text"], &json!({"chatGuid": guid(), "from": address, "text": text})),
        "GenerateRequest": object(&["count"], &json!({
            "count": {"type": "integer", "minimum": 1, "maximum": MAX_GENERATED},
            "chatGuids": {"type": ["array", "null"], "items": guid()},
        })),
        "Written": object(&["sequences"], &json!({"sequences": sequences})),
        "Generated": object(&["first", "last", "count"], &json!({
            "first": sequence, "last": sequence, "count": {"type": "integer"}, "sequences": sequences,
        })),
    })
}
