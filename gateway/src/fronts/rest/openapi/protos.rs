//! Schemas from the compiled protos: every message that a call takes or gives has exactly the fields of its proto.

use std::collections::{BTreeMap, BTreeSet};

use im_chats_protocol::error::{Error, ErrorCode};
use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet, MethodDescriptorProto};
use serde_json::{Map, Value, json};

use super::rules;
use crate::http::openapi::Mode;
use crate::http::openapi::schema::{object, reference};
use crate::service::proto::DESCRIPTORS;

const TIMESTAMP: &str = ".google.protobuf.Timestamp";

/// The compiled protos.
pub(super) struct Protos(FileDescriptorSet);

/// Whether a message is read or written. What is read may also be `null`, and numbers may be strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Request,
    Response,
}

impl Protos {
    /// Reads them. They are compiled in, so they can be read.
    pub(super) fn read() -> Result<Self, Error> {
        let read = FileDescriptorSet::decode(DESCRIPTORS);
        read.map(Self).map_err(|error| Error::new(ErrorCode::InternalError, format!("the descriptors cannot be read: {error}")))
    }

    /// The method with this name, which begins with a small letter.
    pub(super) fn method(&self, operation: &str) -> Option<&MethodDescriptorProto> {
        self.methods().find(|method| {
            let mut letters = method.name().chars();
            letters.next().is_some_and(|first| first.to_ascii_lowercase().to_string() + letters.as_str() == operation)
        })
    }

    /// Every method of every service.
    pub(super) fn methods(&self) -> impl Iterator<Item = &MethodDescriptorProto> {
        self.0.file.iter().flat_map(|file| &file.service).flat_map(|service| &service.method)
    }

    /// The fields of a message.
    pub(super) fn fields(&self, message: &str) -> &[FieldDescriptorProto] {
        self.message(message).map_or(&[], |message| &message.field)
    }

    fn message(&self, name: &str) -> Option<&DescriptorProto> {
        self.0.file.iter().flat_map(|file| &file.message_type).find(|message| message.name() == short(name))
    }

    fn enumeration(&self, name: &str) -> Option<&EnumDescriptorProto> {
        self.0.file.iter().flat_map(|file| &file.enum_type).find(|found| found.name() == short(name))
    }

    /// The schemas of these messages and of all that they hold. One that is read and written is described as it is read.
    pub(super) fn schemas(&self, requests: &BTreeSet<&str>, responses: &BTreeSet<&str>, mode: Mode) -> Map<String, Value> {
        let mut found = BTreeMap::new();
        for (roots, direction) in [(responses, Direction::Response), (requests, Direction::Request)] {
            let mut left: Vec<String> = roots.iter().map(|name| (*name).to_owned()).collect();
            let mut seen = BTreeSet::new();
            while let Some(name) = left.pop() {
                if !seen.insert(name.clone()) {
                    continue;
                }
                if let Some(message) = self.message(&name) {
                    left.extend(message.field.iter().filter(|field| field.type_name() != TIMESTAMP).filter_map(held));
                    found.insert(name, self.describe(message, direction, mode));
                } else if let Some(enumeration) = self.enumeration(&name) {
                    let names: Vec<&str> = enumeration.value.iter().map(|value| value.name()).collect();
                    found.insert(name, json!({"type": "string", "enum": names}));
                }
            }
        }
        found.into_iter().collect()
    }

    fn describe(&self, message: &DescriptorProto, direction: Direction, mode: Mode) -> Value {
        let required = rules::required(message.name());
        let properties: Map<_, _> = message
            .field
            .iter()
            .map(|field| {
                let needed = required.contains(&field.json_name());
                (field.json_name().to_owned(), self.property(message.name(), field, direction, needed, mode))
            })
            .collect();
        object(required, &properties.into())
    }

    /// A field of a message.
    pub(super) fn property(
        &self,
        message: &str,
        field: &FieldDescriptorProto,
        direction: Direction,
        needed: bool,
        mode: Mode,
    ) -> Value {
        let is_list = field.label() == Label::Repeated;
        let mut schema = self.single(field, direction);
        if direction == Direction::Request {
            rules::narrow(message, field.json_name(), &mut schema, mode);
        }
        if is_list {
            schema = json!({"type": "array", "items": schema});
            if direction == Direction::Request {
                rules::narrow_list(message, field.json_name(), &mut schema, mode);
            }
        }
        if direction == Direction::Request && !needed { or_null(schema) } else { schema }
    }

    fn single(&self, field: &FieldDescriptorProto, direction: Direction) -> Value {
        let number = |digits: &str| match direction {
            Direction::Request => json!({"anyOf": [{"type": "integer"}, {"type": "string", "pattern": digits}]}),
            Direction::Response => json!({"type": "integer"}),
        };
        match field.r#type() {
            Type::String => json!({"type": "string"}),
            Type::Bool => json!({"type": "boolean"}),
            Type::Bytes => json!({"type": "string", "contentEncoding": "base64"}),
            Type::Double | Type::Float => json!({"type": "number"}),
            Type::Int32 | Type::Sint32 | Type::Sfixed32 => number("^[+-]?[0-9]+$"),
            Type::Uint32 | Type::Fixed32 => number("^[+]?[0-9]+$"),
            // Proto3-JSON writes 64 bits as a string.
            Type::Int64 | Type::Sint64 | Type::Sfixed64 | Type::Uint64 | Type::Fixed64 => {
                json!({"type": "string", "pattern": "^-?[0-9]+$"})
            }
            Type::Enum => self.enumerated(field, direction),
            Type::Message | Type::Group if field.type_name() == TIMESTAMP => json!({"type": "string", "format": "date-time"}),
            Type::Message | Type::Group => reference(short(field.type_name())),
        }
    }

    /// By name; a request may give the number, too.
    fn enumerated(&self, field: &FieldDescriptorProto, direction: Direction) -> Value {
        let name = short(field.type_name());
        if direction == Direction::Response {
            return reference(name);
        }
        let values = self.enumeration(name).map(|found| found.value.as_slice()).unwrap_or_default();
        let numbers: Vec<i32> = values.iter().map(|value| value.number()).collect();
        json!({"anyOf": [reference(name), {"type": "integer", "enum": numbers}]})
    }
}

/// The message or enumeration that a field holds.
fn held(field: &FieldDescriptorProto) -> Option<String> {
    field.type_name.as_deref().map(|name| short(name).to_owned())
}

/// The last part of a name.
pub(super) fn short(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// A field that may be absent may be `null`.
fn or_null(mut schema: Value) -> Value {
    let absent = json!({"type": "null"});
    if let Some(Value::Array(any)) = schema.get_mut("anyOf") {
        any.push(absent);
        return schema;
    }
    match schema.get_mut("type") {
        Some(kind) => {
            *kind = json!([kind.take(), "null"]);
            schema
        }
        None => json!({"anyOf": [schema, absent]}),
    }
}
