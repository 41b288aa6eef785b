//! Successful REST responses: from proto3-JSON as a server may write it to the documented JSON that users get.
//!
//! One table per message and one function that reads all of them. It is strict: a missing message, a wrong type or an integer
//! that JavaScript cannot hold is an error that names the place. Defaults that proto3-JSON leaves out are filled in. The
//! gateway's OpenAPI document describes its responses from the same tables.

use super::json::{MakeJson, ReadJson, integer};
use super::services::SERVICES;
use crate::error::{Error, ErrorCode};
use crate::model::ChatServiceType;
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

/// What a response field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseKind {
    /// A string.
    Text,
    /// A boolean.
    Flag,
    /// An integer of 0 or more, as a number or a decimal string.
    Integer,
    /// A number as JavaScript has it, negative ones and fractions included.
    Number,
    /// A transport, by its name in [`SERVICES`] or its place there.
    Service,
    /// One of these, by its name or its place; what only a newer server knows is `unknown`.
    Choice(&'static [Choice]),
    /// An object with these fields.
    Object(&'static [ResponseField]),
    /// A list of these.
    List(&'static ResponseKind),
}

/// A value of an enum: its proto3-JSON name, and the documented one. It stands at its wire number; a number that means nothing has no
/// names.
pub type Choice = (&'static str, &'static str);

/// What users read for a value that this version does not know.
const UNKNOWN: &str = "unknown";

/// What it means when a field is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It has its type's default value, which users get.
    Default,
    /// It stays absent.
    Optional,
    /// The response is broken.
    Required,
}

/// One field of a response, by its proto3-JSON name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponseField {
    /// Its name, in camel case.
    pub name: &'static str,
    /// What it holds.
    pub kind: ResponseKind,
    /// What its absence means.
    pub presence: Presence,
}

pub(super) const fn field(name: &'static str, kind: ResponseKind, presence: Presence) -> ResponseField {
    ResponseField { name, kind, presence }
}

use Presence::{Default, Optional, Required};
use ResponseKind::{Choice as Chosen, Flag, Integer, List, Number, Object, Service, Text};

/// `SingleServiceAddressInfo`: one person's address.
pub const ADDRESS: &[ResponseField] =
    &[field("address", Text, Required), field("service", Service, Default), field("country", Text, Optional)];

const CONTENT: &[ResponseField] = &[field("text", Text, Optional), field("expressiveSendStyleId", Text, Optional)];

/// `Message`, as far as users get it.
pub const MESSAGE: &[ResponseField] = &[
    field("guid", Text, Required),
    field("chatGuids", List(&Text), Default),
    field("content", Object(CONTENT), Default),
    field("subject", Text, Optional),
    field("isFromMe", Flag, Default),
    field("dateCreated", Text, Required),
    field("dateRead", Text, Optional),
    field("sender", Object(ADDRESS), Optional),
];

/// `Chat`.
pub const CHAT: &[ResponseField] = &[
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

const EMPTY: &[ResponseField] = &[];
const GET_CHAT: &[ResponseField] = &[field("chat", Object(CHAT), Required)];
const CREATE_CHAT: &[ResponseField] =
    &[field("chat", Object(CHAT), Required), field("initialMessage", Object(MESSAGE), Optional)];
const GET_CHAT_COUNT: &[ResponseField] = &[field("count", Integer, Default)];
const HAS_BACKGROUND: &[ResponseField] = &[field("backgroundPresent", Flag, Default)];
const CREATE_TOKEN: &[ResponseField] = &[field("token", Text, Required), field("expiresAt", Text, Required)];

/// What a success returns: the fields of its body, and what of it the user gets.
///
/// Calls refer to the tables one by one, so that the wasm keeps only those of its own calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponseTable {
    /// The fields of the body.
    pub fields: &'static [ResponseField],
    /// Which part of it the user gets.
    pub part: Part,
}

/// Which part of a body the user gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Nothing: the success is all there is to know.
    Nothing,
    /// The value of the only field.
    Only,
    /// The whole object.
    Whole,
}

impl ResponseTable {
    /// Turns a parsed body into what the user gets; an empty object for [`Part::Nothing`].
    ///
    /// # Errors
    /// `internalError` when the body is not of the documented shape; `context.field` names the place.
    pub fn read<J: ReadJson>(&self, body: J) -> Result<J::Owned, Error> {
        let value = convert(Object(self.fields), &body).map_err(undocumented)?;
        Ok(match (self.part, self.fields) {
            (Part::Only, [only]) => value.into_field(only.name),
            _ => value,
        })
    }
}

pub(super) const NOTHING: &ResponseTable = &ResponseTable { fields: EMPTY, part: Part::Nothing };
/// A static: the list of chats is told from other calls by the address of its table, and a constant may have several.
pub(super) static CHAT_PAGE: ResponseTable = ResponseTable {
    fields: &[field("chats", List(&Object(CHAT)), Default), field("nextPageToken", Text, Optional)],
    part: Part::Whole,
};
pub(super) const ONE_CHAT: &ResponseTable = &ResponseTable { fields: GET_CHAT, part: Part::Only };

/// What one of the nine calls, or the one that makes tokens, returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseShape {
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
    /// `chats` and `nextPageToken`.
    ChatPage,
    /// `token` and `expiresAt`.
    Token,
}

impl ResponseShape {
    /// Its table. Inlined, so that the wasm keeps only those of its own calls.
    #[inline(always)]
    #[must_use]
    pub const fn table(self) -> &'static ResponseTable {
        match self {
            Self::Empty => NOTHING,
            Self::Chat => ONE_CHAT,
            Self::Created => &ResponseTable { fields: CREATE_CHAT, part: Part::Whole },
            Self::Count => &ResponseTable { fields: GET_CHAT_COUNT, part: Part::Only },
            Self::BackgroundPresent => &ResponseTable { fields: HAS_BACKGROUND, part: Part::Only },
            Self::ChatPage => &CHAT_PAGE,
            Self::Token => &ResponseTable { fields: CREATE_TOKEN, part: Part::Whole },
        }
    }

    /// The fields of the body.
    #[must_use]
    pub const fn fields(self) -> &'static [ResponseField] {
        self.table().fields
    }

    /// Turns a parsed body into what the user gets; an empty object for [`ResponseShape::Empty`].
    ///
    /// # Errors
    /// `internalError` when the body is not of the documented shape; `context.field` names the place.
    pub fn read<J: ReadJson>(self, body: J) -> Result<J::Owned, Error> {
        self.table().read(body)
    }
}

/// The place of a mistake, collected from the inside out.
type Path = String;

fn convert<J: ReadJson>(kind: ResponseKind, value: &J) -> Result<J::Owned, Path> {
    let same = |fits: bool| if fits { Ok(value.clone().keep()) } else { Err(Path::new()) };
    match kind {
        Text => same(value.is_text()),
        Flag => same(value.flag().is_some()),
        Integer => integer(value).map(MakeJson::from_integer).ok_or_else(Path::new),
        Number => same(value.is_number()),
        Service => choice(value, &TRANSPORTS).map(MakeJson::from_text).ok_or_else(Path::new),
        Chosen(choices) => choice(value, choices).map(MakeJson::from_text).ok_or_else(Path::new),
        List(kind) => {
            let length = value.length().ok_or_else(Path::new)?;
            // A loop and no `collect`, which would make the wasm larger.
            let mut items = Vec::with_capacity(length);
            for index in 0..length {
                items.push(convert(*kind, &value.item(index))?);
            }
            Ok(MakeJson::array(items))
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
                    if inner.is_empty() { field.name.to_owned() } else { [field.name, ".", &inner].concat() }
                })?;
                out.push((field.name, converted));
            }
            Ok(MakeJson::object(out))
        }
    }
}

fn default<J: MakeJson>(kind: ResponseKind) -> J {
    match kind {
        Text => J::from_text(""),
        Flag => J::from_flag(false),
        Integer | Number => J::from_integer(0),
        Service => J::from_text(UNKNOWN),
        Chosen(choices) => J::from_text(choices.first().map_or(UNKNOWN, |(_, documented)| documented)),
        Object(_) => J::object(Vec::new()),
        List(_) => J::array(Vec::new()),
    }
}

/// The transports. [`SERVICES`] and [`ChatServiceType::ALL`] have the same order.
#[expect(clippy::indexing_slicing, reason = "both have four, and the compiler would see an index out of range")]
const TRANSPORTS: [Choice; SERVICES.len()] = {
    let mut transports = [("", UNKNOWN); SERVICES.len()];
    let mut index = 0;
    while index < transports.len() {
        transports[index] = (SERVICES[index], ChatServiceType::ALL[index].as_str());
        index += 1;
    }
    transports
};

/// The documented name of a value by its proto name or its number; one that only a newer server knows is "unknown".
fn choice<J: ReadJson>(value: &J, choices: &[Choice]) -> Option<&'static str> {
    let number = match value.text() {
        Some(name) => choices.iter().position(|(known, _)| *known == name && !name.is_empty()),
        None if value.is_number() => integer(value).and_then(|number| usize::try_from(number).ok()),
        None => return None,
    };
    let documented = number.and_then(|number| choices.get(number)).map(|(_, documented)| *documented);
    Some(documented.filter(|documented| !documented.is_empty()).unwrap_or(UNKNOWN))
}

fn undocumented(path: Path) -> Error {
    let error = Error::new(ErrorCode::InternalError, "the server's answer does not have the documented shape");
    if path.is_empty() { error } else { error.with_field(path) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Chat, CreateChatResult, MessageSummary, MessageSummaryContent, SingleServiceAddressInfo};
    use serde_json::{Value, json};

    fn read(shape: ResponseShape, body: &Value) -> Result<Value, String> {
        shape.read(body).map_err(|error| error.context_value("field").unwrap_or("body").to_owned())
    }

    #[test]
    fn defaults_that_the_wire_leaves_out_are_filled_in() {
        let chat = read(ResponseShape::Chat, &json!({ "chat": { "guid": "any;-;a@b.c" } }));
        assert_eq!(
            chat,
            Ok(json!({
                "guid": "any;-;a@b.c", "displayName": "", "isGroup": false, "service": "unknown",
                "isArchived": false, "isFiltered": false, "participants": []
            }))
        );
        assert_eq!(read(ResponseShape::Count, &json!({})), Ok(json!(0)));
        assert_eq!(read(ResponseShape::BackgroundPresent, &json!({})), Ok(json!(false)));
        let token = json!({ "token": "t", "expiresAt": "2026-11-27T08:00:00.000Z" });
        assert_eq!(read(ResponseShape::Token, &token), Ok(token));
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
        let created = read(ResponseShape::Created, &body).unwrap();
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
    fn the_documented_summary_of_a_message_is_what_the_table_gives_and_nothing_else() {
        let text = || "t".to_owned();
        let sender = SingleServiceAddressInfo { address: text(), service: ChatServiceType::Sms, country: Some(text()) };
        let whole = MessageSummary {
            guid: text(),
            chat_guids: vec![text()],
            content: MessageSummaryContent { text: Some(text()), expressive_send_style_id: Some(text()) },
            subject: Some(text()),
            is_from_me: true,
            date_created: text(),
            date_read: Some(text()),
            sender: Some(sender),
        };
        let typed = serde_json::to_value(&whole).unwrap();
        let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        let listed = |table: &[ResponseField]| {
            let mut names: Vec<_> = table.iter().map(|field| field.name.to_owned()).collect();
            names.sort();
            names
        };
        assert_eq!((names(&typed), names(&typed["content"])), (listed(MESSAGE), listed(CONTENT)));
        let mut body = typed.clone();
        body["sender"]["service"] = json!("CHAT_SERVICE_TYPE_SMS");
        body["content"]["attachments"] = json!([]);
        let chat = read(ResponseShape::Chat, &json!({ "chat": { "guid": "g", "lastMessage": body } })).unwrap();
        assert_eq!(chat["lastMessage"], typed);
    }

    #[test]
    fn a_body_of_another_shape_is_an_error_that_names_the_place() {
        let message = |date: Value| json!({ "chat": { "guid": "g", "lastMessage": { "guid": "m", "dateCreated": date } } });
        for (shape, body, field) in [
            (ResponseShape::Chat, json!({}), "chat"),
            (ResponseShape::Chat, json!([]), "body"),
            (ResponseShape::Empty, json!("ok"), "body"),
            (ResponseShape::Chat, json!({ "chat": {} }), "chat.guid"),
            (ResponseShape::Chat, json!({ "chat": { "guid": "g", "isGroup": "yes" } }), "chat.isGroup"),
            (
                ResponseShape::Chat,
                json!({ "chat": { "guid": "g", "participants": [{ "service": 1 }] } }),
                "chat.participants.address",
            ),
            (ResponseShape::Chat, message(json!(5)), "chat.lastMessage.dateCreated"),
            (ResponseShape::Count, json!({ "count": "many" }), "count"),
            (ResponseShape::Count, json!({ "count": "9007199254740992" }), "count"),
            (ResponseShape::BackgroundPresent, json!({ "backgroundPresent": 1 }), "backgroundPresent"),
            (ResponseShape::Token, json!({ "expiresAt": "2026-11-27T08:00:00.000Z" }), "token"),
            (ResponseShape::Token, json!({ "token": "t", "expiresAt": 1 }), "expiresAt"),
        ] {
            assert_eq!(read(shape, &body), Err(field.to_owned()), "{body}");
        }
    }

    #[test]
    fn the_documented_chat_reads_itself() {
        let chat = read(ResponseShape::Chat, &json!({ "chat": { "guid": "g", "service": "CHAT_SERVICE_TYPE_RCS" } })).unwrap();
        let typed: Chat = serde_json::from_value(chat).unwrap();
        assert_eq!(typed.service, ChatServiceType::Rcs);
    }
}
