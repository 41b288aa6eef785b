//! What is asked for and answered about messages, groups and polls.

use im_chats_emulator::limits::MAX_POLL_OPTIONS;
use serde_json::{Value, json};

use crate::http::openapi::schema::{WITHOUT_NUL, guid, object, reference};

/// What is written, and what it is written about.
pub(super) fn written(sequences: &Value) -> [(&'static str, Value); 4] {
    let with = |name: &str, shown: Value| object(&["sequences", name], &json!({"sequences": sequences, name: shown}));
    let message = json!({"sequences": sequences, "message": reference("Message"), "attachment": reference("AttachmentInfo")});
    [
        ("Written", object(&["sequences"], &json!({"sequences": sequences}))),
        ("WrittenMessage", object(&["sequences", "message"], &message)),
        ("WrittenPoll", with("poll", reference("PollInfo"))),
        ("WrittenChat", with("chat", reference("Chat"))),
    ]
}

/// What is asked for.
pub(super) fn asked(address: &Value, actor: &Value, text: &Value) -> Vec<(&'static str, Value)> {
    let chat = guid();
    let name = json!({"type": "string", "minLength": 1});
    let line = json!({"type": ["string", "null"], "pattern": WITHOUT_NUL});
    let flag = |default: bool| json!({"type": ["boolean", "null"], "default": default});
    let part = json!({"type": ["integer", "null"], "minimum": 0, "description": "Which bubble; the first when it is absent."});
    let on_message = json!({"chatGuid": chat, "messageGuid": name, "targetPartIndex": part, "actor": actor});
    let kinds = ["love", "like", "dislike", "laugh", "emphasize", "question", "emoji"];
    let receive = json!({
        "chatGuid": chat, "from": address, "text": text, "formatting": formatting(), "subject": line, "effectId": line,
        "replyTo": reply_to(&name, &part),
    });
    let receive_attachment = json!({
        "chatGuid": chat, "from": address, "fileName": line, "data": {"type": "string", "contentEncoding": "base64"},
        "isAudioMessage": flag(false), "replyTo": reply_to(&name, &part),
    });
    let react = json!({"kind": {"type": "string", "enum": kinds}, "emoji": line, "isSet": flag(true)});
    let read = json!({
        "chatGuid": chat, "actor": address,
        "messageGuid": {"type": ["string", "null"], "minLength": 1, "description": "The newest one when it is absent."},
    });
    let join = json!({"chatGuid": chat, "address": address, "actor": actor});
    let rename = json!({"chatGuid": chat, "displayName": name, "actor": actor});
    let mut all = vec![
        ("ActTypingRequest", object(&["chatGuid"], &json!({"chatGuid": chat, "actor": actor, "isTyping": flag(true)}))),
        ("ReceiveRequest", object(&["chatGuid", "from", "text"], &receive)),
        ("ReceiveAttachmentRequest", object(&["chatGuid", "from", "data"], &receive_attachment)),
        ("ActOnMessageRequest", object(&["chatGuid", "messageGuid"], &on_message)),
        ("ActEditRequest", object(&["chatGuid", "messageGuid", "text"], &with(&on_message, &json!({"text": text})))),
        ("ActReactRequest", object(&["chatGuid", "messageGuid", "kind"], &with(&on_message, &react))),
        ("ActReadRequest", object(&["chatGuid", "actor"], &read)),
        ("ActJoinRequest", object(&["chatGuid", "address"], &join)),
        ("ActRenameRequest", object(&["chatGuid", "displayName"], &rename)),
    ];
    all.extend(polls(&name, actor));
    all
}

fn polls(name: &Value, actor: &Value) -> [(&'static str, Value); 4] {
    let options = json!({"type": "array", "minItems": 2, "maxItems": MAX_POLL_OPTIONS, "items": name});
    let create = json!({"chatGuid": guid(), "title": name, "options": options, "actor": actor});
    let on_poll = json!({"pollMessageGuid": name, "actor": actor});
    let vote = with(&on_poll, &json!({"optionIdentifier": name}));
    let add = with(&on_poll, &json!({"optionText": name}));
    [
        ("ActCreatePollRequest", object(&["chatGuid", "title", "options"], &create)),
        ("ActVoteRequest", object(&["pollMessageGuid", "optionIdentifier"], &vote)),
        ("ActOnPollRequest", object(&["pollMessageGuid"], &on_poll)),
        ("ActAddOptionRequest", object(&["pollMessageGuid", "optionText"], &add)),
    ]
}

/// These fields, and more.
fn with(fields: &Value, more: &Value) -> Value {
    [fields, more]
        .into_iter()
        .filter_map(Value::as_object)
        .flatten()
        .map(|(name, schema)| (name.clone(), schema.clone()))
        .collect()
}

fn reply_to(name: &Value, part: &Value) -> Value {
    json!({
        "type": ["object", "null"], "required": ["messageGuid"], "properties": {"messageGuid": name, "targetPartIndex": part},
        "description": "The message that it answers.",
    })
}

fn formatting() -> Value {
    json!({"type": ["array", "null"], "items": {
        "type": "object", "required": ["type", "length"],
        "properties": {
            "type": {"type": "string"}, "start": {"type": "integer", "minimum": 0}, "length": {"type": "integer", "minimum": 1},
            "effectName": {"type": "string"},
        },
    }})
}
