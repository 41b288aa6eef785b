//! The control plane in the OpenAPI document.

use std::borrow::Cow;

use im_chats_protocol::number::MAX_SAFE_INTEGER;
use im_chats_protocol::wire::routes::CHAT_GUID;
use serde_json::{Map, Value, json};

use super::handlers::{MAX_GENERATED, PAGE};
use crate::http::openapi::schema::{WITHOUT_NUL, guid, image, object, reference};
use crate::http::openapi::{Mode, Parameter};
use im_chats_emulator::limits::{MAX_POLL_OPTIONS, MAX_TEXT_BYTES};

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
    let all = schemas.into_iter().chain(messages(&address, &actor, &text)).chain(written(&sequences));
    all.map(|(name, schema)| (name.to_owned(), schema)).collect()
}

/// What is written, and what it is written about.
fn written(sequences: &Value) -> [(&'static str, Value); 4] {
    let with = |name: &str, shown: Value| object(&["sequences", name], &json!({"sequences": sequences, name: shown}));
    let attachment = json!({"type": "object", "description": "The file that came with it, as its metadata are answered."});
    let message = json!({"sequences": sequences, "message": reference("Message"), "attachment": attachment});
    [
        ("Written", object(&["sequences"], &json!({"sequences": sequences}))),
        ("WrittenMessage", object(&["sequences", "message"], &message)),
        ("WrittenPoll", with("poll", json!({"type": "object", "description": "As it is answered to a vote."}))),
        ("WrittenChat", with("chat", reference("Chat"))),
    ]
}

/// What is asked for about messages, groups and polls.
fn messages(address: &Value, actor: &Value, text: &Value) -> [(&'static str, Value); 13] {
    let name = json!({"type": "string", "minLength": 1});
    let short = json!({"type": "string", "minLength": 1, "pattern": WITHOUT_NUL});
    let part = json!({"type": ["integer", "null"], "minimum": 0, "description": "Which bubble; the first when it is absent."});
    let flag = json!({"type": ["boolean", "null"], "default": true});
    let reply = json!({
        "type": ["object", "null"], "required": ["messageGuid"], "properties": {"messageGuid": name, "targetPartIndex": part},
        "description": "The message that it answers.",
    });
    let formatting = json!({"type": "array", "items": {
        "type": "object", "required": ["type", "length"],
        "properties": {
            "type": {"type": "string"}, "start": {"type": "integer", "minimum": 0}, "length": {"type": "integer", "minimum": 1},
            "effectName": {"type": "string"},
        },
    }});
    let kinds = ["love", "like", "dislike", "laugh", "emphasize", "question", "emoji"];
    let line = json!({"type": ["string", "null"], "pattern": WITHOUT_NUL});
    // Of a request with these fields beside the chat's GUID, all of them needed but the actor and those that may be null.
    let request = |fields: Value| {
        let Value::Object(mut fields) = fields else { return Value::Null };
        let may_be_absent = |schema: &Value| schema["type"].is_array() || schema["type"] == "array";
        let required: Vec<String> =
            fields.iter().filter(|(_, schema)| !may_be_absent(schema)).map(|(name, _)| name.clone()).collect();
        fields.entry("actor").or_insert_with(|| actor.clone());
        object(&required.iter().map(String::as_str).collect::<Vec<_>>(), &Value::Object(fields))
    };
    let without_actor = |mut schema: Value| {
        if let Some(fields) = schema["properties"].as_object_mut() {
            fields.remove("actor");
        }
        schema
    };
    let chat = guid();
    let file = json!({"type": "string", "contentEncoding": "base64"});
    let options = json!({"type": "array", "minItems": 2, "maxItems": MAX_POLL_OPTIONS, "items": short});
    [
        ("ActTypingRequest", request(json!({"chatGuid": chat, "isTyping": flag}))),
        (
            "ReceiveRequest",
            without_actor(request(json!({
                "chatGuid": chat, "from": address, "text": text, "formatting": formatting, "subject": line, "effectId": line,
                "replyTo": reply,
            }))),
        ),
        (
            "ReceiveAttachmentRequest",
            without_actor(request(json!({
                "chatGuid": chat, "from": address, "fileName": line, "data": file, "isAudioMessage": flag_off(), "replyTo": reply,
            }))),
        ),
        ("ActOnMessageRequest", request(json!({"chatGuid": chat, "messageGuid": name, "targetPartIndex": part}))),
        ("ActEditRequest", request(json!({"chatGuid": chat, "messageGuid": name, "targetPartIndex": part, "text": text}))),
        (
            "ActReactRequest",
            request(json!({
                "chatGuid": chat, "messageGuid": name, "targetPartIndex": part, "kind": {"type": "string", "enum": kinds},
                "emoji": line, "isSet": flag,
            })),
        ),
        ("ActReadRequest", request(json!({"chatGuid": chat, "messageGuid": line, "actor": address}))),
        ("ActJoinRequest", request(json!({"chatGuid": chat, "address": address}))),
        ("ActRenameRequest", request(json!({"chatGuid": chat, "displayName": short}))),
        ("ActCreatePollRequest", {
            let mut schema = request(json!({"chatGuid": chat, "title": short, "options": options}));
            if let Some(required) = schema["required"].as_array_mut() {
                required.push("options".into());
            }
            schema
        }),
        ("ActVoteRequest", request(json!({"pollMessageGuid": name, "optionIdentifier": name}))),
        ("ActOnPollRequest", request(json!({"pollMessageGuid": name}))),
        ("ActAddOptionRequest", request(json!({"pollMessageGuid": name, "optionText": short}))),
    ]
}

fn flag_off() -> Value {
    json!({"type": ["boolean", "null"], "default": false})
}
