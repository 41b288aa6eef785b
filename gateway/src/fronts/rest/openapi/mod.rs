//! The routes in the OpenAPI document: the protocol's tables, and the prose about them.

mod messaging;
mod protos;
mod rules;

use im_chats_emulator::limits::{MAX_CHAT_ADDRESSES, MAX_SUBJECT_BYTES, MAX_TEXT_BYTES};
use im_chats_protocol::model::MessageEffect;
use im_chats_protocol::wire::chat_list::{self, ARCHIVED, LIST_CHATS, SIZE, TOKEN};
use im_chats_protocol::wire::response::{ADDRESS, CHAT, MESSAGE, Presence, ResponseField, ResponseKind};
use im_chats_protocol::wire::routes::{
    CHAT_GUID, INCLUDE_ARCHIVED, Method, RequestField, RequestKind, Route, RouteDefinition, SERVICES,
};
use serde_json::{Map, Value, json};

use crate::http::openapi::schema::{self, WITHOUT_NUL, guid, object, reference};
use crate::http::openapi::{Body, Content, Description, Mode, Operation, Parameter};

/// The messages that more than one response holds, with their names.
const NAMED: [(&str, &[ResponseField]); 3] = [("SingleServiceAddressInfo", ADDRESS), ("Message", MESSAGE), ("Chat", CHAT)];

/// Fields that the gateway writes and the SDK does not read.
const UNREAD: [(&str, &str); 2] = [("Message", "isSent"), ("Message", "isDelivered")];

/// Fields that the SDK needs and the document does not promise.
const UNPROMISED: [(&str, &str); 3] =
    [("SingleServiceAddressInfo", "address"), ("Message", "guid"), ("Message", "dateCreated")];

/// The operations and their schemas.
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
    let messaging = messaging::description(mode);
    // A message is whole wherever it stands; the other shapes stay as the table of chats has them.
    for (name, schema) in messaging.schemas {
        if name == "Message" || !schemas.contains_key(&name) {
            schemas.insert(name, schema);
        }
    }
    schemas.insert(response_name(&LIST_CHATS), message(&response_name(&LIST_CHATS), LIST_CHATS.response.fields()));
    let chats = Route::ALL.iter().copied().map(operation).chain([list_chats()]);
    let operations = chats.chain(messaging.operations).collect();
    Description { operations, schemas }
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
        body: is_write.then(|| Body::Json(request_name(&definition).into())),
        content: Content::Json(response_name(&definition).into()),
        takes_key: is_write,
        scope: Some(definition.scope),
        is_extension: false,
    }
}

fn list_chats() -> Operation {
    Operation {
        method: LIST_CHATS.method,
        path: LIST_CHATS.path,
        id: LIST_CHATS.operation,
        summary: "Chats, the one in which something happened last first.",
        query: LIST_CHATS.fields.iter().map(parameter).collect(),
        body: None,
        content: Content::Json(response_name(&LIST_CHATS).into()),
        takes_key: false,
        scope: Some(LIST_CHATS.scope),
        is_extension: true,
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

/// A query parameter. The table says that a query holds nothing but GUIDs, flags, and what pages are asked for with.
fn parameter(field: &RequestField) -> Parameter {
    let schema = match field.kind {
        RequestKind::ChatGuid => guid(),
        RequestKind::Flag => json!({"type": "boolean", "default": false}),
        RequestKind::PageSize => {
            json!({"type": "integer", "minimum": 1, "maximum": chat_list::PAGE_SIZE.1, "default": chat_list::PAGE_SIZE.0})
        }
        _ => json!({"type": "string"}),
    };
    let meaning = match *field {
        CHAT_GUID => "The chat's GUID.",
        INCLUDE_ARCHIVED => "Count archived chats too.",
        ARCHIVED => "The archived chats, and not the visible ones.",
        SIZE => "How many at most.",
        TOKEN => "The nextPageToken of the page before.",
        _ => "",
    };
    Parameter { name: field.name, required: field.required, meaning: meaning.into(), schema }
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
        RequestKind::PageSize => json!({"type": kind("integer")}),
        RequestKind::PageToken => json!({"type": kind("string")}),
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
        addresses.insert("maxItems".to_owned(), MAX_CHAT_ADDRESSES.into());
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
    let mut properties: Map<_, _> = fields.iter().map(|field| (field.name.to_owned(), response_property(field))).collect();
    let unread = UNREAD.iter().filter(|(message, _)| *message == name);
    properties.extend(unread.map(|(_, field)| ((*field).to_owned(), value(ResponseKind::Flag))));
    properties.into()
}

/// A field of a response. A name that means more than its kind says has a form of its own.
fn response_property(field: &ResponseField) -> Value {
    match field.name {
        "dateCreated" | "dateRead" => json!({"type": "string", "format": "date-time"}),
        "country" => json!({"type": "string", "pattern": "^[A-Z]{2}$"}),
        // The count of chats has 64 bits, which proto3-JSON writes as a string.
        "count" => json!({"type": "string", "pattern": "^[0-9]+$"}),
        _ => value(field.kind),
    }
}

fn value(kind: ResponseKind) -> Value {
    match kind {
        ResponseKind::Text => json!({"type": "string"}),
        ResponseKind::Flag => json!({"type": "boolean"}),
        ResponseKind::Integer => json!({"type": "integer", "minimum": 0}),
        ResponseKind::Number => json!({"type": "number"}),
        ResponseKind::Choice(choices) => {
            let names: Vec<_> = choices.iter().map(|(name, _)| *name).filter(|name| !name.is_empty()).collect();
            json!({"type": "string", "enum": names})
        }
        ResponseKind::Service => reference("ChatServiceType"),
        ResponseKind::List(item) => json!({"type": "array", "items": value(*item)}),
        ResponseKind::Object(fields) => match NAMED.iter().find(|(_, named)| *named == fields) {
            Some((name, _)) => reference(name),
            None => json!({"type": "object", "properties": properties("", fields)}),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::proto::DESCRIPTORS;
    use prost::Message;
    use prost_types::field_descriptor_proto::{Label, Type};
    use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorSet};

    struct Protos(FileDescriptorSet);

    impl Protos {
        fn message(&self, name: &str) -> &DescriptorProto {
            let short = name.rsplit('.').next().unwrap();
            self.0.file.iter().flat_map(|file| &file.message_type).find(|message| message.name() == short).unwrap()
        }

        fn field<'a>(&'a self, message: &str, name: &str) -> &'a FieldDescriptorProto {
            let fields = &self.message(message).field;
            fields.iter().find(|field| field.json_name() == name).unwrap_or_else(|| panic!("{message} has no {name}"))
        }

        fn assert_request(&self, message: &str, fields: &[RequestField]) {
            assert_eq!(self.message(message).field.len(), fields.len(), "{message}");
            for field in fields {
                let proto = self.field(message, field.name);
                let (kind, label) = match field.kind {
                    RequestKind::Flag => (Type::Bool, Label::Optional),
                    RequestKind::Addresses => (Type::String, Label::Repeated),
                    RequestKind::Service => (Type::Enum, Label::Optional),
                    RequestKind::Bytes | RequestKind::Image => (Type::Bytes, Label::Optional),
                    RequestKind::Object(fields) => {
                        self.assert_request(proto.type_name(), fields);
                        (Type::Message, Label::Optional)
                    }
                    _ => (Type::String, Label::Optional),
                };
                assert_eq!((proto.r#type(), proto.label()), (kind, label), "{message}.{}", field.name);
            }
        }

        fn assert_response(&self, message: &str, fields: &[ResponseField]) {
            for field in fields {
                let proto = self.field(message, field.name);
                let at = format!("{message}.{}", field.name);
                let (kind, label) = match field.kind {
                    ResponseKind::List(item) => (*item, Label::Repeated),
                    kind => (kind, Label::Optional),
                };
                assert_eq!(proto.label(), label, "{at}");
                let described = response_property(field);
                let fits = match (kind, proto.r#type()) {
                    (ResponseKind::Text, Type::Message) => {
                        proto.type_name() == ".google.protobuf.Timestamp" && described["format"] == "date-time"
                    }
                    (ResponseKind::Integer, Type::Int64) => described["type"] == "string",
                    (ResponseKind::Object(fields), Type::Message) => {
                        self.assert_response(proto.type_name(), fields);
                        true
                    }
                    (ResponseKind::Service, Type::Enum) | (ResponseKind::Text, Type::String) => true,
                    (ResponseKind::Integer, Type::Int32 | Type::Uint32) => described["type"] == "integer",
                    (ResponseKind::Flag, Type::Bool) => true,
                    _ => false,
                };
                assert!(fits, "{at}");
            }
        }
    }

    #[test]
    fn every_call_of_the_proto_has_a_route_with_the_same_fields() {
        let protos = Protos(FileDescriptorSet::decode(DESCRIPTORS).unwrap());
        let services = protos.0.file.iter().flat_map(|file| &file.service);
        let chats = services.into_iter().find(|service| service.name() == "ChatService").unwrap();
        let calls: Vec<_> = chats.method.iter().filter(|method| !method.server_streaming()).collect();
        assert_eq!(calls.len(), Route::ALL.len());
        for definition in Route::ALL.iter().map(|route| route.definition()) {
            let name = message_name(&definition, "");
            let call = calls.iter().find(|call| call.name() == name).unwrap_or_else(|| panic!("no call {name}"));
            protos.assert_request(call.input_type(), definition.fields);
            protos.assert_response(call.output_type(), definition.response.fields());
            assert!(call.output_type().ends_with(&format!(".{}", response_name(&definition))));
        }
        let enums = protos.0.file.iter().flat_map(|file| &file.enum_type);
        let services = enums.into_iter().find(|found| found.name() == "ChatServiceType").unwrap();
        let names: Vec<_> =
            services.value.iter().map(|value| (value.name(), usize::try_from(value.number()).unwrap())).collect();
        assert_eq!(names, SERVICES.iter().enumerate().map(|(number, name)| (*name, number)).collect::<Vec<_>>());
    }
}
