//! The nine routes in the OpenAPI document: the protocol's table, and the prose about it.

use im_chats_protocol::model::MessageEffect;
use im_chats_protocol::wire::response::{ADDRESS, CHAT, MESSAGE, Presence, ResponseField, ResponseKind};
use im_chats_protocol::wire::routes::{
    CHAT_GUID, INCLUDE_ARCHIVED, Method, RequestField, RequestKind, Route, RouteDefinition, SERVICES,
};
use serde_json::{Map, Value, json};

use crate::emulator::input::{MAX_ADDRESSES, MAX_SUBJECT_BYTES, MAX_TEXT_BYTES};
use crate::http::openapi::schema::{self, WITHOUT_NUL, guid, object, reference};
use crate::http::openapi::{Content, Description, Mode, Operation, Parameter};

/// The messages that more than one response holds, with their names.
const NAMED: [(&str, &[ResponseField]); 3] = [("SingleServiceAddressInfo", ADDRESS), ("Message", MESSAGE), ("Chat", CHAT)];

/// Fields that the gateway writes and the SDK does not read.
const UNREAD: [(&str, &str); 2] = [("Message", "isSent"), ("Message", "isDelivered")];

/// Fields that the SDK needs and the document does not promise.
const UNPROMISED: [(&str, &str); 3] =
    [("SingleServiceAddressInfo", "address"), ("Message", "guid"), ("Message", "dateCreated")];

/// The nine operations and their schemas.
#[must_use]
pub fn description(mode: Mode) -> Description {
    let mut schemas = Map::from_iter([
        ("Empty".to_owned(), json!({"type": "object"})),
        ("ChatServiceType".to_owned(), json!({"type": "string", "enum": SERVICES})),
    ]);
    schemas.extend(NAMED.iter().map(|(name, fields)| ((*name).to_owned(), message(name, fields))));
    for definition in Route::ALL.iter().map(|route| route.definition()) {
        if definition.method == Method::Post {
            schemas.insert(request_name(&definition), request(definition.fields, mode));
        }
        let fields = definition.response.fields();
        if !fields.is_empty() {
            let name = response_name(&definition);
            let described = message(&name, fields);
            schemas.insert(name, described);
        }
    }
    Description { operations: Route::ALL.iter().copied().map(operation).collect(), schemas }
}

fn operation(route: Route) -> Operation {
    let definition = route.definition();
    let is_write = definition.method == Method::Post;
    Operation {
        method: definition.method,
        path: definition.path,
        id: definition.operation,
        summary: summary(route),
        query: if is_write { Vec::new() } else { definition.fields.iter().map(parameter).collect() },
        body: is_write.then(|| request_name(&definition).into()),
        content: Content::Json(response_name(&definition).into()),
        takes_key: is_write,
    }
}

const fn summary(route: Route) -> &'static str {
    match route {
        Route::CreateChat => "Create a chat, or find the one there is.",
        Route::MarkChatRead => "Clear the unread count.",
        Route::SetBackground => "Set or replace the background.",
        Route::RemoveBackground => "Remove the background.",
        Route::ShareContactInfo => "Send the account's contact card.",
        Route::SetTyping => "Show or hide the typing indicator.",
        Route::GetChat => "One chat.",
        Route::GetChatCount => "How many chats there are.",
        Route::HasBackground => "Whether a chat has a custom background.",
    }
}

/// The proto's name of a route's request. Those that only name a chat share one.
fn request_name(definition: &RouteDefinition) -> String {
    if definition.fields == [CHAT_GUID] { "ChatRequest".to_owned() } else { message_name(definition, "Request") }
}

/// The proto's name of a route's response.
fn response_name(definition: &RouteDefinition) -> String {
    if definition.response.fields().is_empty() { "Empty".to_owned() } else { message_name(definition, "Response") }
}

fn message_name(definition: &RouteDefinition, suffix: &str) -> String {
    let mut letters = definition.operation.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).chain(suffix.chars()).collect()
}

/// A query parameter. The table says that a query holds nothing but GUIDs and flags.
fn parameter(field: &RequestField) -> Parameter {
    let schema = match field.kind {
        RequestKind::ChatGuid => guid(),
        RequestKind::Flag => json!({"type": "boolean", "default": false}),
        _ => json!({"type": "string"}),
    };
    let meaning = match *field {
        CHAT_GUID => "The chat's GUID.",
        INCLUDE_ARCHIVED => "Count archived chats too.",
        _ => "",
    };
    Parameter { name: field.name, required: field.required, meaning, schema }
}

/// A body.
fn request(fields: &[RequestField], mode: Mode) -> Value {
    let required: Vec<&str> = fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    let properties: Map<_, _> = fields.iter().map(|field| (field.name.to_owned(), property(field, mode))).collect();
    object(&required, &properties.into())
}

/// A field of a body. One that may be absent may also be null.
fn property(field: &RequestField, mode: Mode) -> Value {
    let kind = |name: &str| if field.required { json!(name) } else { json!([name, "null"]) };
    let limit = |bytes: usize| match mode {
        Mode::Emulator => format!("At most {bytes} bytes."),
        Mode::Relay => String::new(),
    };
    match field.kind {
        RequestKind::ChatGuid => guid(),
        RequestKind::Flag => json!({"type": kind("boolean")}),
        RequestKind::Addresses => addresses(mode),
        RequestKind::Service => {
            let number = json!({"type": "integer", "minimum": 0, "maximum": SERVICES.len() - 1});
            json!({"anyOf": [reference("ChatServiceType"), number, {"type": "null"}]})
        }
        RequestKind::MessageText => json!({
            "type": kind("string"), "minLength": 1, "pattern": WITHOUT_NUL, "description": limit(MAX_TEXT_BYTES),
        }),
        RequestKind::Subject => {
            json!({"type": kind("string"), "pattern": WITHOUT_NUL, "description": limit(MAX_SUBJECT_BYTES)})
        }
        RequestKind::Effect => effect(kind("string"), mode),
        RequestKind::IdempotencyKey => schema::key(kind("string")),
        RequestKind::Bytes => json!({"type": kind("string"), "contentEncoding": "base64"}),
        RequestKind::Image => schema::image(mode),
        RequestKind::Object(fields) => {
            let mut described = request(fields, mode);
            if let Value::Object(described) = &mut described {
                described.insert("type".to_owned(), kind("object"));
            }
            described
        }
    }
}

fn addresses(mode: Mode) -> Value {
    let mut addresses = json!({
        "type": "array", "minItems": 1, "uniqueItems": true, "items": {"type": "string", "minLength": 1},
        "description": "E-mail addresses and phone numbers, the latter with a plus sign and the country's code.",
    });
    if let (Mode::Emulator, Value::Object(addresses)) = (mode, &mut addresses) {
        addresses.insert("maxItems".to_owned(), MAX_ADDRESSES.into());
    }
    addresses
}

fn effect(kind: Value, mode: Mode) -> Value {
    let mut effect = json!({"type": kind, "description": "Apple's identifier of a bubble or screen effect."});
    if let (Mode::Emulator, Value::Object(effect)) = (mode, &mut effect) {
        let known = MessageEffect::ALL.iter().map(|effect| Value::from(effect.id()));
        effect.insert("enum".to_owned(), known.chain([Value::Null]).collect());
    }
    effect
}

/// A message of a response, by its name.
fn message(name: &str, fields: &[ResponseField]) -> Value {
    let promised = |field: &&ResponseField| field.presence == Presence::Required && !UNPROMISED.contains(&(name, field.name));
    let required: Vec<&str> = fields.iter().filter(promised).map(|field| field.name).collect();
    object(&required, &properties(name, fields))
}

fn properties(name: &str, fields: &[ResponseField]) -> Value {
    let mut properties: Map<_, _> = fields.iter().map(|field| (field.name.to_owned(), value(field.kind))).collect();
    let unread = UNREAD.iter().filter(|(message, _)| *message == name);
    properties.extend(unread.map(|(_, field)| ((*field).to_owned(), value(ResponseKind::Flag))));
    properties.into()
}

fn value(kind: ResponseKind) -> Value {
    match kind {
        ResponseKind::Text => json!({"type": "string"}),
        ResponseKind::Time => json!({"type": "string", "format": "date-time"}),
        ResponseKind::Country => json!({"type": "string", "pattern": "^[A-Z]{2}$"}),
        ResponseKind::Flag => json!({"type": "boolean"}),
        ResponseKind::Integer => json!({"type": "integer", "minimum": 0}),
        ResponseKind::Long => json!({"type": "string", "pattern": "^[0-9]+$"}),
        ResponseKind::Service => reference("ChatServiceType"),
        ResponseKind::List(item) => json!({"type": "array", "items": value(*item)}),
        ResponseKind::Object(fields) => match NAMED.iter().find(|(_, named)| *named == fields) {
            Some((name, _)) => reference(name),
            None => json!({"type": "object", "properties": properties("", fields)}),
        },
    }
}
