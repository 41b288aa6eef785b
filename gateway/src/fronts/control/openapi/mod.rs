//! The control plane in the OpenAPI document.

mod messages;

use std::borrow::Cow;

use im_chats_protocol::number::MAX_SAFE_INTEGER;
use im_chats_protocol::wire::routes::CHAT_GUID;
use serde_json::{Map, Value, json};

use super::handlers::{MAX_GENERATED, PAGE};
use crate::http::openapi::schema::{WITHOUT_NUL, guid, image, object, reference};
use crate::http::openapi::{Mode, Parameter};
use im_chats_emulator::limits::MAX_TEXT_BYTES;

/// The query of a page of the chats.
pub(super) fn page_query() -> Vec<Parameter> {
    let (default, most) = PAGE;
    let size = json!({"type": "integer", "minimum": 1, "maximum": most, "default": default});
    let parameter = |name, meaning: Cow<'static, str>, schema| Parameter { name, required: false, meaning, schema };
    vec![
        parameter("after", "Continue after this GUID: the previous page's nextAfter.".into(), json!({"type": "string"})),
        parameter("limit", format!("Chats of this page; {default} when absent.").into(), size),
    ]
}

/// The query that names a chat.
pub(super) fn chat_query() -> Vec<Parameter> {
    vec![Parameter { name: CHAT_GUID.name, required: true, meaning: "The chat's GUID.".into(), schema: guid() }]
}

/// The schemas that only the control plane uses.
pub(super) fn schemas() -> Map<String, Value> {
    let sequence = json!({"type": "integer", "minimum": 1, "maximum": MAX_SAFE_INTEGER});
    let sequences = json!({"type": "array", "items": sequence});
    let address = json!({"type": "string", "minLength": 1, "description": "An e-mail address or a phone number."});
    let actor = json!({
        "type": ["string", "null"], "minLength": 1,
        "description": "Who does it: an e-mail address or a phone number. This account on another device, when it is absent.",
    });
    let text = json!({
        "type": "string", "minLength": 1, "pattern": WITHOUT_NUL, "description": format!("At most {MAX_TEXT_BYTES} bytes."),
    });
    let flag = json!({"type": "boolean"});
    let chat = json!({
        "chat": reference("Chat"), "hasBackground": flag, "hasIcon": flag, "hasLeft": flag,
        "typing": {"type": "array", "items": {"type": "string"}, "description": "Who is typing now, by address."},
    });
    let page = json!({
        "chats": {"type": "array", "items": object(&["chat", "hasBackground", "hasIcon", "hasLeft", "typing"], &chat)},
        "nextAfter": {"type": "string"},
    });
    let background = json!({(CHAT_GUID.name): guid(), "data": image(Mode::Emulator), "actor": actor});
    let generate = json!({
        "count": {"type": "integer", "minimum": 1, "maximum": MAX_GENERATED},
        "chatGuids": {"type": ["array", "null"], "items": guid()},
    });
    let generated = json!({"first": sequence, "last": sequence, "count": {"type": "integer"}, "sequences": sequences});
    let schemas = [
        ("ChatPage", object(&["chats"], &page)),
        ("ActRequest", object(&[CHAT_GUID.name], &json!({(CHAT_GUID.name): guid(), "actor": actor}))),
        ("ActSetBackgroundRequest", object(&[CHAT_GUID.name, "data"], &background)),
        ("GenerateRequest", object(&["count"], &generate)),
        ("Generated", object(&["first", "last", "count"], &generated)),
    ];
    let all = schemas.into_iter().chain(messages::asked(&address, &actor, &text)).chain(messages::written(&sequences));
    all.map(|(name, schema)| (name.to_owned(), schema)).collect()
}
