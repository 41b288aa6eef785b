//! `/openapi.json`: the REST side, from one table.

use im_chats::wire::limits::MAX_KEY_BYTES;
use serde_json::{Map, Value, json};

/// One operation.
struct Operation {
    method: &'static str,
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    /// Name of the request body's schema, for a POST.
    body: Option<&'static str>,
    /// Query parameters: name, required, schema type, meaning.
    query: &'static [(&'static str, bool, &'static str, &'static str)],
    answer: Answer,
    /// Whether it takes an idempotency key.
    keyed: bool,
}

enum Answer {
    Json(&'static str),
    Image,
}

const CHAT: (&str, bool, &str, &str) = ("chatGuid", true, "string", "The chat's GUID.");

const fn write(path: &'static str, id: &'static str, summary: &'static str, body: &'static str) -> Operation {
    Operation { method: "post", path, id, summary, body: Some(body), query: &[], answer: Answer::Json("Empty"), keyed: true }
}

const fn act(
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    body: &'static str,
    answer: &'static str,
) -> Operation {
    Operation { method: "post", path, id, summary, body: Some(body), query: &[], answer: Answer::Json(answer), keyed: false }
}

type Parameters = &'static [(&'static str, bool, &'static str, &'static str)];

const fn read(path: &'static str, id: &'static str, summary: &'static str, query: Parameters, answer: Answer) -> Operation {
    Operation { method: "get", path, id, summary, body: None, query, answer, keyed: false }
}

const OPERATIONS: [Operation; 18] = [
    Operation {
        answer: Answer::Json("CreateChatResponse"),
        ..write("/v1/chats", "createChat", "Create a chat, or find the one there is.", "CreateChatRequest")
    },
    write("/v1/chats:markRead", "markChatRead", "Clear the unread count.", "ChatRequest"),
    write("/v1/chats:setBackground", "setBackground", "Set or replace the background.", "SetBackgroundRequest"),
    write("/v1/chats:removeBackground", "removeBackground", "Remove the background.", "ChatRequest"),
    write("/v1/chats:shareContactInfo", "shareContactInfo", "Send the account's contact card.", "ChatRequest"),
    write("/v1/chats:setTyping", "setTyping", "Show or hide the typing indicator.", "SetTypingRequest"),
    read("/v1/chats:get", "getChat", "One chat.", &[CHAT], Answer::Json("GetChatResponse")),
    read(
        "/v1/chats:count",
        "getChatCount",
        "How many chats there are.",
        &[("includeArchived", false, "boolean", "Count archived chats too.")],
        Answer::Json("GetChatCountResponse"),
    ),
    read(
        "/v1/chats:hasBackground",
        "hasBackground",
        "Whether a chat has a custom background.",
        &[CHAT],
        Answer::Json("HasBackgroundResponse"),
    ),
    read(
        "/emulator/v1/chats",
        "emulatorListChats",
        "All chats, page by page, in the order of their GUIDs. Emulator only.",
        &[
            ("after", false, "string", "Continue after this GUID: the previous page's nextAfter."),
            ("limit", false, "integer", "Chats of this page, 1 to 1000; 100 when absent."),
        ],
        Answer::Json("ChatPage"),
    ),
    read(
        "/emulator/v1/chats:background",
        "emulatorGetBackground",
        "The background's bytes. Emulator only.",
        &[CHAT],
        Answer::Image,
    ),
    act(
        "/emulator/v1/chats:archive",
        "emulatorArchive",
        "Put a chat into the archive. Emulator only.",
        "ActRequest",
        "Written",
    ),
    act(
        "/emulator/v1/chats:unarchive",
        "emulatorUnarchive",
        "Take a chat out of the archive. Emulator only.",
        "ActRequest",
        "Written",
    ),
    act(
        "/emulator/v1/chats:setBackground",
        "emulatorSetBackground",
        "Set a background as somebody else. Emulator only.",
        "ActSetBackgroundRequest",
        "Written",
    ),
    act(
        "/emulator/v1/chats:removeBackground",
        "emulatorRemoveBackground",
        "Remove a background as somebody else. Emulator only.",
        "ActRequest",
        "Written",
    ),
    act(
        "/emulator/v1/chats:markRead",
        "emulatorMarkRead",
        "Mark a chat read on another device. Emulator only.",
        "ActRequest",
        "Written",
    ),
    act(
        "/emulator/v1/messages:receive",
        "emulatorReceive",
        "Let a message come in. Emulator only.",
        "ReceiveRequest",
        "Written",
    ),
    act(
        "/emulator/v1/events:generate",
        "emulatorGenerate",
        "Append many chat events, for load tests. Emulator only.",
        "GenerateRequest",
        "Generated",
    ),
];

/// The document; without `emulator`, without the control plane.
#[must_use]
pub fn document(emulator: bool) -> Value {
    let mut paths = Map::new();
    for operation in OPERATIONS.iter().filter(|operation| emulator || !operation.path.starts_with("/emulator/")) {
        let item = paths.entry(operation.path).or_insert_with(|| json!({}));
        if let Value::Object(item) = item {
            item.insert(operation.method.to_owned(), operation.describe());
        }
    }
    paths.insert(
        "/healthz".to_owned(),
        json!({"get": {
            "operationId": "health", "summary": "Whether the gateway is up.", "security": [],
            "responses": {"200": {"description": "It is.", "content": {"text/plain": {"schema": {"type": "string"}}}}},
        }}),
    );
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "im-chats gateway",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "iMessage chats over HTTP: proto3-JSON, so 64-bit numbers are strings, bytes are base64, and fields with their default value may be absent. Live events are at /v1/events, a WebSocket.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}, "schemas": schemas()},
    })
}

impl Operation {
    fn describe(&self) -> Value {
        let mut parameters: Vec<Value> = self
            .query
            .iter()
            .map(|(name, required, kind, meaning)| {
                json!({"name": name, "in": "query", "required": required, "description": meaning, "schema": {"type": kind}})
            })
            .collect();
        if self.keyed {
            parameters.push(json!({
                "name": "x-idempotency-key", "in": "header", "required": false,
                "description": "Makes the write repeatable: the same key with the same request is answered again, not done again.",
                "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY_BYTES},
            }));
        }
        let content = match self.answer {
            Answer::Json(schema) => json!({"application/json": {"schema": reference(schema)}}),
            Answer::Image => json!({"image/*": {}}),
        };
        let mut described = json!({
            "operationId": self.id,
            "summary": self.summary,
            "parameters": parameters,
            "responses": {
                "200": {"description": "Done.", "content": content, "headers": {"x-request-id": {"schema": {"type": "string"}}}},
                "default": {"description": "Why not.", "content": {"application/json": {"schema": reference("Failure")}}},
            },
        });
        if let (Some(body), Value::Object(fields)) = (self.body, &mut described) {
            fields.insert(
                "requestBody".to_owned(),
                json!({"required": true, "content": {"application/json": {"schema": reference(body)}}}),
            );
        }
        described
    }
}

fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

fn schemas() -> Value {
    let text = json!({"type": "string"});
    let flag = json!({"type": "boolean"});
    let time = json!({"type": "string", "format": "date-time"});
    let bytes = json!({"type": "string", "contentEncoding": "base64"});
    let sequence = json!({"type": "integer", "minimum": 1, "maximum": im_chats::model::MAX_SAFE_INTEGER});
    let sequences = json!({"type": "array", "items": sequence});
    json!({
        "Empty": {"type": "object"},
        "ChatServiceType": {"type": "string", "enum": [
            "CHAT_SERVICE_TYPE_UNSPECIFIED", "CHAT_SERVICE_TYPE_IMESSAGE", "CHAT_SERVICE_TYPE_SMS", "CHAT_SERVICE_TYPE_RCS",
        ]},
        "SingleServiceAddressInfo": {"type": "object", "properties": {
            "address": text, "service": reference("ChatServiceType"), "country": {"type": "string", "pattern": "^[A-Z]{2}$"},
        }},
        "Message": {"type": "object", "properties": {
            "guid": text, "chatGuids": {"type": "array", "items": text}, "subject": text, "dateCreated": time, "dateRead": time,
            "content": {"type": "object", "properties": {"text": text, "expressiveSendStyleId": text}},
            "sender": reference("SingleServiceAddressInfo"), "isFromMe": flag, "isSent": flag, "isDelivered": flag,
        }},
        "Chat": {"type": "object", "required": ["guid"], "properties": {
            "guid": text, "chatIdentifier": text, "groupId": text, "displayName": text, "isGroup": flag,
            "service": reference("ChatServiceType"), "isArchived": flag, "isFiltered": flag,
            "unreadCount": {"type": "integer", "minimum": 0},
            "participants": {"type": "array", "items": reference("SingleServiceAddressInfo")}, "lastMessage": reference("Message"),
        }},
        "CreateChatRequest": {"type": "object", "required": ["addresses"], "properties": {
            "addresses": {"type": "array", "items": text, "minItems": 1, "maxItems": crate::emulator::input::MAX_ADDRESSES},
            "service": reference("ChatServiceType"),
            "initialMessage": {"type": "object", "required": ["text"], "properties": {
                "text": {"type": "string", "minLength": 1}, "attributedBody": bytes, "effectId": text, "subject": text,
            }},
            "clientMessageId": {"type": "string", "minLength": 1, "maxLength": MAX_KEY_BYTES},
        }},
        "CreateChatResponse": {"type": "object", "required": ["chat"], "properties": {
            "chat": reference("Chat"), "initialMessage": reference("Message"),
        }},
        "ChatRequest": {"type": "object", "required": ["chatGuid"], "properties": {"chatGuid": text}},
        "SetBackgroundRequest": {"type": "object", "required": ["chatGuid", "data"], "properties": {"chatGuid": text, "data": bytes}},
        "SetTypingRequest": {"type": "object", "required": ["chatGuid"], "properties": {"chatGuid": text, "isTyping": flag}},
        "GetChatResponse": {"type": "object", "required": ["chat"], "properties": {"chat": reference("Chat")}},
        "GetChatCountResponse": {"type": "object", "properties": {"count": {"type": "string", "pattern": "^[0-9]+$"}}},
        "HasBackgroundResponse": {"type": "object", "properties": {"backgroundPresent": flag}},
        "ChatPage": {"type": "object", "required": ["chats"], "properties": {
            "chats": {"type": "array", "items": {"type": "object", "required": ["chat", "hasBackground"], "properties": {
                "chat": reference("Chat"), "hasBackground": flag,
            }}},
            "nextAfter": text,
        }},
        "ActRequest": {"type": "object", "required": ["chatGuid"], "properties": {"chatGuid": text, "actor": text}},
        "ActSetBackgroundRequest": {"type": "object", "required": ["chatGuid", "data"], "properties": {"chatGuid": text, "data": bytes, "actor": text}},
        "ReceiveRequest": {"type": "object", "required": ["chatGuid", "from", "text"], "properties": {"chatGuid": text, "from": text, "text": text}},
        "GenerateRequest": {"type": "object", "required": ["count"], "properties": {
            "count": {"type": "integer", "minimum": 1, "maximum": crate::emulator::control::MAX_GENERATED},
            "chatGuids": {"type": "array", "items": text},
        }},
        "Written": {"type": "object", "required": ["sequences"], "properties": {"sequences": sequences}},
        "Generated": {"type": "object", "required": ["first", "last", "count"], "properties": {
            "first": sequence, "last": sequence, "count": {"type": "integer"}, "sequences": sequences,
        }},
        "Failure": {"type": "object", "required": ["code", "message", "source", "errorCode", "retryable", "context", "requestId"], "properties": {
            "code": text, "message": text, "source": text, "errorCode": text, "retryable": flag,
            "context": {"type": "object", "additionalProperties": text}, "retryAfterMs": {"type": "integer", "minimum": 0}, "requestId": text,
        }},
    })
}
