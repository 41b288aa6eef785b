//! The answers of REST: from proto3-JSON as a server may write it to the documented JSON that users get.
//!
//! One table per shape and one function that walks it. The walk is strict where the wire is: a missing message, a wrong type
//! or an integer that JavaScript cannot hold is an error that names the place, and defaults that proto3-JSON leaves out are
//! filled in.

use super::json::{Json, integer};
use crate::error::{Error, ErrorCode};
use crate::model::ChatServiceType;
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

/// How a field travels and what becomes of it.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Text,
    Flag,
    /// An integer of 0 or more, as a number or a decimal string.
    Integer,
    /// `ChatServiceType`, by its proto name or number.
    Service,
    Object(&'static [Field]),
    List(&'static Kind),
}

#[derive(Debug, Clone, Copy)]
enum Presence {
    /// Absent means the type's default, which users get.
    Default,
    /// Absent stays absent.
    Optional,
    /// Absent is an error.
    Required,
}

/// One field of a shape.
#[derive(Debug, Clone, Copy)]
struct Field {
    name: &'static str,
    kind: Kind,
    presence: Presence,
}

const fn field(name: &'static str, kind: Kind, presence: Presence) -> Field {
    Field { name, kind, presence }
}

use Kind::{Flag, Integer, List, Object, Service, Text};
use Presence::{Default, Optional, Required};

const ADDRESS: &[Field] =
    &[field("address", Text, Required), field("service", Service, Default), field("country", Text, Optional)];

const CONTENT: &[Field] = &[field("text", Text, Optional), field("expressiveSendStyleId", Text, Optional)];

const MESSAGE: &[Field] = &[
    field("guid", Text, Required),
    field("chatGuids", List(&Text), Default),
    field("content", Object(CONTENT), Default),
    field("subject", Text, Optional),
    field("isFromMe", Flag, Default),
    field("dateCreated", Text, Required),
    field("dateRead", Text, Optional),
    field("sender", Object(ADDRESS), Optional),
];

const CHAT: &[Field] = &[
    field("guid", Text, Required),
    field("chatIdentifier", Text, Optional),
    field("groupId", Text, Optional),
    field("displayName", Text, Default),
    field("isGroup", Flag, Default),
    field("service", Service, Default),
    field("isArchived", Flag, Default),
    field("isFiltered", Flag, Default),
    field("unreadCount", Integer, Optional),
    field("participants", List(&Object(ADDRESS)), Default),
    field("lastMessage", Object(MESSAGE), Optional),
];

const EMPTY: &[Field] = &[];
const GET_CHAT: &[Field] = &[field("chat", Object(CHAT), Required)];
const CREATE_CHAT: &[Field] = &[field("chat", Object(CHAT), Required), field("initialMessage", Object(MESSAGE), Optional)];
const GET_CHAT_COUNT: &[Field] = &[field("count", Integer, Default)];
const HAS_BACKGROUND: &[Field] = &[field("backgroundPresent", Flag, Default)];

/// What a call answers, and which part of it the user gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// `{}`: the user gets nothing.
    Empty,
    /// The `Chat` in `chat`.
    Chat,
    /// `chat` and `initialMessage`.
    Created,
    /// The number in `count`.
    Count,
    /// The boolean in `backgroundPresent`.
    BackgroundPresent,
}

impl Answer {
    const ALL: [Self; 5] = [Self::Empty, Self::Chat, Self::Created, Self::Count, Self::BackgroundPresent];

    /// Its number, for who can keep only that.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// What [`Answer::number`] numbered; nothing has any other number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|answer| answer.number() == number)
    }

    /// Turns a parsed answer into what the user gets; null for [`Answer::Empty`].
    ///
    /// # Errors
    /// `internalError` when the body is not of the documented shape; `context.field` names the place.
    pub fn read<J: Json>(self, body: &J) -> Result<J, Error> {
        let (fields, part) = match self {
            Self::Empty => (EMPTY, None),
            Self::Chat => (GET_CHAT, Some("chat")),
            Self::Created => (CREATE_CHAT, None),
            Self::Count => (GET_CHAT_COUNT, Some("count")),
            Self::BackgroundPresent => (HAS_BACKGROUND, Some("backgroundPresent")),
        };
        let value = convert(Object(fields), body).map_err(undocumented)?;
        Ok(part.map_or_else(|| value.clone(), |name| value.field(name)))
    }
}

/// The place of a mistake, collected from the inside out.
type Path = String;

fn convert<J: Json>(kind: Kind, value: &J) -> Result<J, Path> {
    let same = |fits: bool| if fits { Ok(value.clone()) } else { Err(Path::new()) };
    match kind {
        Text => same(value.is_text()),
        Flag => same(value.flag().is_some()),
        Integer => integer(value).map(J::from_integer).ok_or_else(Path::new),
        Service => service(value).map(|service| J::from_text(service.as_str())).ok_or_else(Path::new),
        List(kind) => {
            let length = value.length().ok_or_else(Path::new)?;
            (0..length).map(|index| convert(*kind, &value.item(index))).collect::<Result<_, _>>().map(J::array)
        }
        Object(fields) => {
            if !value.is_object() {
                return Err(Path::new());
            }
            let mut out = Vec::with_capacity(fields.len());
            for field in fields {
                let given = value.field(field.name);
                let converted = match (given.is_null(), field.presence) {
                    (true, Optional) => continue,
                    (true, Required) => Err(Path::new()),
                    (true, Default) => Ok(default(field.kind)),
                    (false, _) => convert(field.kind, &given),
                };
                let converted = converted.map_err(|inner| {
                    if inner.is_empty() { field.name.to_owned() } else { [field.name, inner.as_str()].join(".") }
                })?;
                out.push((field.name, converted));
            }
            Ok(J::object(out))
        }
    }
}

fn default<J: Json>(kind: Kind) -> J {
    match kind {
        Text => J::from_text(""),
        Flag => J::from_flag(false),
        Integer => J::from_integer(0),
        Service => J::from_text(ChatServiceType::Unknown.as_str()),
        Object(_) => J::object(Vec::new()),
        List(_) => J::array(Vec::new()),
    }
}

/// A transport by its proto name or its number; one that only a newer server knows is "unknown".
fn service<J: Json>(value: &J) -> Option<ChatServiceType> {
    const NAMES: [&str; 4] =
        ["CHAT_SERVICE_TYPE_UNSPECIFIED", "CHAT_SERVICE_TYPE_IMESSAGE", "CHAT_SERVICE_TYPE_SMS", "CHAT_SERVICE_TYPE_RCS"];
    let number = match value.text() {
        Some(name) => NAMES.iter().position(|known| *known == name),
        None => Some(usize::try_from(integer(value)?).ok()?),
    };
    Some(number.and_then(|number| ChatServiceType::ALL.get(number).copied()).unwrap_or_default())
}

fn undocumented(path: Path) -> Error {
    let error = Error::new(ErrorCode::InternalError, "the server's answer does not have the documented shape");
    if path.is_empty() { error } else { error.with_field(path) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Chat, CreateChatResult};
    use serde_json::{Value, json};

    fn read(answer: Answer, body: &Value) -> Result<Value, String> {
        answer.read(body).map_err(|error| error.context_value("field").unwrap_or("body").to_owned())
    }

    #[test]
    fn defaults_that_the_wire_leaves_out_are_filled_in() {
        let chat = read(Answer::Chat, &json!({ "chat": { "guid": "any;-;a@b.c" } }));
        assert_eq!(
            chat,
            Ok(json!({
                "guid": "any;-;a@b.c", "displayName": "", "isGroup": false, "service": "unknown",
                "isArchived": false, "isFiltered": false, "participants": []
            }))
        );
        assert_eq!(read(Answer::Count, &json!({})), Ok(json!(0)));
        assert_eq!(read(Answer::BackgroundPresent, &json!({})), Ok(json!(false)));
    }

    #[test]
    fn enums_integers_and_nested_messages_become_the_documented_ones() {
        let body = json!({
            "chat": {
                "guid": "any;+;g", "isGroup": true, "service": 1, "unreadCount": "3", "future": { "x": 1 }, "groupId": null,
                "participants": [
                    { "address": "a@b.c", "service": "CHAT_SERVICE_TYPE_SMS" },
                    { "address": "+15550100", "service": "CHAT_SERVICE_TYPE_CARRIER_PIGEON", "country": "US" }
                ]
            },
            "initialMessage": { "guid": "m", "dateCreated": "2026-01-01T12:00:00Z", "content": { "text": "hi" } }
        });
        let created = read(Answer::Created, &body).unwrap();
        assert_eq!(created["chat"]["service"], "iMessage");
        assert_eq!(created["chat"]["unreadCount"], 3);
        assert_eq!(created["chat"]["participants"][0]["service"], "SMS");
        assert_eq!(
            created["chat"]["participants"][1],
            json!({ "address": "+15550100", "service": "unknown", "country": "US" })
        );
        assert!(created["chat"].get("future").is_none() && created["chat"].get("groupId").is_none());
        // The table and the documented type are the same shape, key by key.
        let typed: CreateChatResult = serde_json::from_value(created.clone()).unwrap();
        assert_eq!(serde_json::to_value(typed).unwrap(), created);
    }

    #[test]
    fn a_body_of_another_shape_is_an_error_that_names_the_place() {
        let message = |date: Value| json!({ "chat": { "guid": "g", "lastMessage": { "guid": "m", "dateCreated": date } } });
        for (answer, body, field) in [
            (Answer::Chat, json!({}), "chat"),
            (Answer::Chat, json!([]), "body"),
            (Answer::Empty, json!("ok"), "body"),
            (Answer::Chat, json!({ "chat": {} }), "chat.guid"),
            (Answer::Chat, json!({ "chat": { "guid": "g", "isGroup": "yes" } }), "chat.isGroup"),
            (Answer::Chat, json!({ "chat": { "guid": "g", "participants": [{ "service": 1 }] } }), "chat.participants.address"),
            (Answer::Chat, message(json!(5)), "chat.lastMessage.dateCreated"),
            (Answer::Count, json!({ "count": "many" }), "count"),
            (Answer::Count, json!({ "count": "9007199254740992" }), "count"),
            (Answer::BackgroundPresent, json!({ "backgroundPresent": 1 }), "backgroundPresent"),
        ] {
            assert_eq!(read(answer, &body), Err(field.to_owned()), "{body}");
        }
    }

    #[test]
    fn every_answer_has_a_number_of_its_own_and_no_other_number_is_an_answer() {
        for number in 0..=u8::MAX {
            let known = Answer::ALL.into_iter().find(|answer| answer.number() == number);
            assert_eq!(Answer::from_number(number), known);
        }
        assert_eq!(Answer::from_number(5), None);
    }

    #[test]
    fn the_documented_chat_reads_itself() {
        let chat = read(Answer::Chat, &json!({ "chat": { "guid": "g", "service": "CHAT_SERVICE_TYPE_RCS" } })).unwrap();
        let typed: Chat = serde_json::from_value(chat).unwrap();
        assert_eq!(typed.service, ChatServiceType::Rcs);
    }
}
