//! `/openapi.json`: the REST side, from one table. What the emulator decides by itself is said only in the emulator's.

mod schemas;

use serde_json::{Map, Value, json};

/// One operation.
struct Operation {
    method: &'static str,
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    /// Name of the request body's schema, for a POST.
    body: Option<&'static str>,
    query: Parameters,
    answer: Answer,
    /// Whether it takes an idempotency key.
    keyed: bool,
}

enum Answer {
    Json(&'static str),
    Image,
}

/// A query parameter.
#[derive(Clone, Copy)]
struct Parameter {
    name: &'static str,
    required: bool,
    /// Name of its schema.
    schema: &'static str,
    meaning: &'static str,
}

type Parameters = &'static [Parameter];

const CHAT: Parameter = Parameter { name: "chatGuid", required: true, schema: "ChatGuid", meaning: "The chat's GUID." };

const fn optional(name: &'static str, schema: &'static str, meaning: &'static str) -> Parameter {
    Parameter { name, required: false, schema, meaning }
}

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
        &[optional("includeArchived", "Flag", "Count archived chats too.")],
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
            optional("after", "Text", "Continue after this GUID: the previous page's nextAfter."),
            optional("limit", "PageSize", "Chats of this page; 100 when absent."),
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

/// What a call may answer instead, and when.
const STATUSES: [(u16, &str, When); 13] = [
    (400, "The input is wrong: context.field names where. Or the state of the chat does not allow it.", When::Always),
    (401, "The token is missing, wrong or expired.", When::Always),
    (403, "The token does not allow this, or this host or web origin is not served.", When::Always),
    (404, "There is no such chat.", When::Always),
    (408, "The body did not arrive in time.", When::Body),
    (409, "The idempotency key was used for another request.", When::Body),
    (413, "The body is too large.", When::Body),
    (415, "The body is not application/json.", When::Body),
    (429, "A limit of the service was reached; Retry-After says when to go on.", When::Relay),
    (500, "The server failed; its log says more under this request id.", When::Always),
    (501, "The service cannot do this.", When::Relay),
    (503, "The service is busy or away; Retry-After says when to go on.", When::Always),
    (504, "The service did not answer in time.", When::Relay),
];

/// Which calls answer with a status.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    Always,
    /// Those with a body.
    Body,
    /// Those that another service answers.
    Relay,
}

const ABOUT: &str = "iMessage chats over HTTP: proto3-JSON, so 64-bit numbers are strings, bytes are base64, and fields with their \
    default value may be absent. Fields that are not named here may be there. Live events are at /v1/events, a WebSocket.";

/// The document: of the emulator, or of a relay, which has no control plane and leaves the rules to the service behind it.
#[must_use]
pub fn document(emulator: bool) -> Value {
    let mut paths = Map::new();
    for operation in OPERATIONS.iter().filter(|operation| emulator || !operation.path.starts_with("/emulator/")) {
        let item = paths.entry(operation.path).or_insert_with(|| json!({}));
        if let Value::Object(item) = item {
            item.insert(operation.method.to_owned(), operation.describe(emulator));
        }
    }
    paths.insert("/healthz".to_owned(), health(emulator));
    let whose = if emulator {
        "This is the emulator: it is the service, and these are its rules."
    } else {
        "This is a relay: the service behind it decides which addresses, texts and images it takes, and what it allows."
    };
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "im-chats gateway",
            "version": env!("CARGO_PKG_VERSION"),
            "description": format!("{ABOUT} {whose}"),
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        // Where the document came from.
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas::all(emulator),
        },
    })
}

fn health(emulator: bool) -> Value {
    let up = if emulator {
        json!({"text/plain": {"schema": {"type": "string"}}})
    } else {
        json!({"application/json": {"schema": reference("Health")}})
    };
    json!({"get": {
        "operationId": "health", "summary": "Whether the gateway is up.", "security": [],
        "responses": {
            "200": {"description": "It is.", "content": up},
            "503": {
                "description": "It is not, or is busy; the body says why.",
                "content": {"application/json": {"schema": {"anyOf": [reference("Health"), reference("Failure")]}}},
            },
            "default": failure("Why not."),
        },
    }})
}

impl Operation {
    fn describe(&self, emulator: bool) -> Value {
        let mut parameters: Vec<Value> = self
            .query
            .iter()
            .map(|parameter| {
                json!({
                    "name": parameter.name, "in": "query", "required": parameter.required,
                    "description": parameter.meaning, "schema": schemas::parameter(parameter.schema),
                })
            })
            .collect();
        if self.keyed {
            parameters.push(json!({
                "name": "x-idempotency-key", "in": "header", "required": false,
                "description": "Makes the write repeatable: the same key with the same request is answered again, not done again.",
                "schema": schemas::key("string"),
            }));
        }
        let mut described = json!({
            "operationId": self.id,
            "summary": self.summary,
            "parameters": parameters,
            "responses": self.responses(emulator),
        });
        if let (Some(body), Value::Object(fields)) = (self.body, &mut described) {
            fields.insert(
                "requestBody".to_owned(),
                json!({"required": true, "content": {"application/json": {"schema": reference(body)}}}),
            );
        }
        described
    }

    fn responses(&self, emulator: bool) -> Value {
        let content = match self.answer {
            Answer::Json(schema) => json!({"application/json": {"schema": reference(schema)}}),
            Answer::Image => schemas::image_types(),
        };
        let done =
            json!({"description": "Done.", "content": content, "headers": {"x-request-id": {"schema": {"type": "string"}}}});
        let mut responses = Map::from_iter([("200".to_owned(), done), ("default".to_owned(), failure("Why not."))]);
        for (status, meaning, when) in STATUSES {
            let applies = match when {
                When::Always => true,
                When::Body => self.body.is_some(),
                When::Relay => !emulator,
            };
            if applies {
                responses.insert(status.to_string(), failure(meaning));
            }
        }
        Value::Object(responses)
    }
}

fn failure(meaning: &str) -> Value {
    json!({"description": meaning, "content": {"application/json": {"schema": reference("Failure")}}})
}

fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}
