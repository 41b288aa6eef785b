//! The calls about messages, groups, polls, attachments, addresses and locations in the OpenAPI document.

use std::collections::BTreeSet;

use im_chats_protocol::wire::messaging::routes::{MessagingDefinition, MessagingRoute};
use im_chats_protocol::wire::routes::Method;
use serde_json::{Map, Value, json};

use super::protos::{Direction, Protos, short};
use super::rules;
use crate::http::openapi::{Body, Content, Description, Mode, Operation, Parameter};

/// Whether a service of this mode serves a route. The emulator's document is of what it serves.
const fn is_served(route: MessagingRoute, mode: Mode) -> bool {
    use MessagingRoute as Route;
    match mode {
        Mode::Relay => true,
        Mode::Emulator => !matches!(
            route,
            Route::SendCustomizedMiniAppMessage
                | Route::UpdateCustomizedMiniAppMessage
                | Route::PlaceSticker
                | Route::NotifySilencedMessage
                | Route::GetEmbeddedMedia
                | Route::GetAddressInfo
                | Route::GetFocusStatus
                | Route::GetIMessageAvailability
                | Route::ListSharedFriendLocations
                | Route::GetSharedFriendLocation
                | Route::RequestFriendLocationSharing
        ),
    }
}

/// The operations and their schemas.
pub(super) fn description(mode: Mode) -> Description {
    let protos = match Protos::read() {
        Ok(protos) => protos,
        Err(error) => {
            tracing::error!(%error, "the document lacks messages");
            return Description::default();
        }
    };
    let served = || MessagingRoute::ALL.iter().copied().filter(|route| is_served(*route, mode));
    let mut requests = BTreeSet::new();
    let mut responses = BTreeSet::new();
    for definition in served().map(MessagingRoute::definition) {
        let Some(method) = protos.method(definition.operation) else { continue };
        if definition.method == Method::Post && !takes_file(definition) {
            requests.insert(short(method.input_type()));
        }
        if !method.server_streaming() {
            responses.insert(short(method.output_type()));
        }
    }
    let mut schemas = protos.schemas(&requests, &responses, mode);
    schemas.extend(upload_form());
    let operations = served().map(|route| operation(&protos, route, mode)).collect();
    Description { operations, schemas }
}

fn takes_file(definition: MessagingDefinition) -> bool {
    definition == MessagingRoute::UploadAttachment.definition()
}

fn operation(protos: &Protos, route: MessagingRoute, mode: Mode) -> Operation {
    let definition = route.definition();
    let is_write = definition.method == Method::Post;
    // A companion is downloaded by the same call as its attachment.
    let method = protos.method(definition.operation).or_else(|| protos.method("downloadAttachment"));
    let input = method.map_or("", |method| short(method.input_type()));
    let output = method.map_or("", |method| short(method.output_type()));
    let query = match route {
        MessagingRoute::UploadAttachment => vec![Parameter {
            name: "fileName",
            required: false,
            meaning: "The file's name; it goes before the one of a form.".into(),
            schema: json!({"type": "string"}),
        }],
        _ if is_write => Vec::new(),
        _ => parameters(protos, input, mode),
    };
    let body = match route {
        MessagingRoute::UploadAttachment => Some(Body::File("UploadAttachmentForm".into())),
        _ => is_write.then(|| Body::Json(input.to_owned().into())),
    };
    let content = match route {
        MessagingRoute::DownloadAttachment | MessagingRoute::DownloadCompanion => Content::File,
        _ => Content::Json(output.to_owned().into()),
    };
    Operation {
        method: definition.method,
        path: definition.path,
        id: definition.operation,
        summary: summary(route),
        query,
        body,
        content,
        takes_key: is_write,
        scope: Some(definition.scope),
        is_extension: false,
    }
}

/// The fields of a request that is a query and a path.
fn parameters(protos: &Protos, message: &str, mode: Mode) -> Vec<Parameter> {
    let required = rules::required(message);
    let parameter = |field: &prost_types::FieldDescriptorProto| {
        // A query has no null, and its numbers are numbers.
        let schema = protos.property(message, field, Direction::Request, true, mode);
        Some(Parameter {
            name: NAMES.iter().copied().find(|name| *name == field.json_name())?,
            required: required.contains(&field.json_name()),
            meaning: meaning(field.json_name()).into(),
            schema,
        })
    };
    protos.fields(message).iter().filter_map(parameter).collect()
}

/// The names that parameters have.
const NAMES: [&str; 11] = [
    "chatGuid",
    "messageGuid",
    "pollMessageGuid",
    "attachmentGuid",
    "address",
    "pageSize",
    "pageToken",
    "isFromMe",
    "isRead",
    "before",
    "after",
];

fn meaning(name: &str) -> &'static str {
    match name {
        "chatGuid" => "The chat's GUID.",
        "messageGuid" => "The message's GUID.",
        "pollMessageGuid" => "The GUID of the poll's message.",
        "attachmentGuid" => "The attachment's GUID.",
        "address" => "An e-mail address or a phone number.",
        "pageSize" => "How many at most.",
        "pageToken" => "The nextPageToken of the page before.",
        "isFromMe" => "Only those that this account sent, or only those that it did not.",
        "isRead" => "Only those that were read, or only those that were not.",
        "before" => "Only those that are older.",
        "after" => "Only those that are newer.",
        _ => "",
    }
}

/// The form of an upload.
fn upload_form() -> Map<String, Value> {
    let bytes = json!({"type": "string", "format": "binary"});
    let kind = json!({"type": "string", "enum": ["COMPANION_KIND_LIVE_PHOTO_VIDEO"]});
    let form = json!({
        "type": "object", "required": ["file"], "additionalProperties": false,
        "properties": {"file": bytes, "companion": bytes, "companionKind": kind},
        "dependentRequired": {"companionKind": ["companion"]},
    });
    Map::from_iter([("UploadAttachmentForm".to_owned(), form)])
}

const fn summary(route: MessagingRoute) -> &'static str {
    use MessagingRoute as Route;
    match route {
        Route::SendTextMessage => "Send a text.",
        Route::SendAttachmentMessage => "Send an attachment that was uploaded before.",
        Route::SendMultipartMessage => "Send texts and attachments as one message.",
        Route::SendCustomizedMiniAppMessage => "Send the card of a mini app.",
        Route::UpdateCustomizedMiniAppMessage => "Change the card of a mini app.",
        Route::EditMessage => "Change the text of a message.",
        Route::UnsendMessage => "Take a message back.",
        Route::SetReaction => "Add or remove a reaction.",
        Route::PlaceSticker => "Place a sticker on a message.",
        Route::NotifySilencedMessage => "Notify a person who has silenced notifications.",
        Route::GetMessage => "One message.",
        Route::ListRecentMessages => "The newest messages of all chats.",
        Route::ListChatMessages => "The messages of a chat, the newest first.",
        Route::GetEmbeddedMedia => "The media that is embedded in a message.",
        Route::SetDisplayName => "Name a group.",
        Route::AddParticipants => "Add people to a group.",
        Route::RemoveParticipants => "Remove people from a group.",
        Route::LeaveGroup => "Leave a group.",
        Route::SetIcon => "Set or replace a group's icon.",
        Route::RemoveIcon => "Remove a group's icon.",
        Route::GetIcon => "A group's icon.",
        Route::CreatePoll => "Create a poll.",
        Route::VotePoll => "Vote in a poll.",
        Route::UnvotePoll => "Take the vote in a poll back.",
        Route::AddPollOption => "Add an option to a poll.",
        Route::GetPoll => "One poll.",
        Route::UploadAttachment => "Upload a file of at most 100 MiB, alone or with its companion.",
        Route::GetAttachmentInfo => "What is known of an attachment.",
        Route::DownloadAttachment => "The bytes of an attachment.",
        Route::DownloadCompanion => "The bytes of an attachment's companion.",
        Route::GetAddressInfo => "The transports of an address.",
        Route::GetFocusStatus => "Whether a person has silenced notifications.",
        Route::GetIMessageAvailability => "Whether an address can be reached over iMessage.",
        Route::ListSharedFriendLocations => "The places of the friends who share theirs.",
        Route::GetSharedFriendLocation => "The place of one friend.",
        Route::RequestFriendLocationSharing => "Ask a friend to share a place.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_of_the_protos_has_a_route() {
        let protos = Protos::read().unwrap();
        for route in MessagingRoute::ALL.iter().copied().filter(|route| *route != MessagingRoute::DownloadCompanion) {
            assert!(protos.method(route.definition().operation).is_some(), "{route:?}");
        }
        let missing: Vec<_> = protos
            .methods()
            .filter(|method| !method.server_streaming())
            .map(|method| method.name().to_owned())
            .filter(|name| {
                let same = |operation: &str| operation.eq_ignore_ascii_case(name);
                !MessagingRoute::ALL.iter().any(|route| same(route.definition().operation))
                    && !im_chats_protocol::wire::routes::Route::ALL.iter().any(|route| same(route.definition().operation))
            })
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn every_field_that_must_be_there_is_one_of_its_message() {
        let protos = Protos::read().unwrap();
        let description = description(Mode::Relay);
        for name in description.schemas.keys() {
            for field in rules::required(name) {
                assert!(protos.fields(name).iter().any(|known| known.json_name() == *field), "{name}.{field}");
            }
        }
        for operation in description.operations.iter().filter(|operation| operation.method == Method::Get) {
            let in_path = operation.path.matches('{').count();
            let named = operation.query.iter().filter(|parameter| operation.path.contains(&format!("{{{}}}", parameter.name)));
            assert_eq!(named.count(), in_path, "{}", operation.path);
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn references(value: &Value, found: &mut Vec<String>) {
            match value {
                Value::Object(fields) => {
                    if let Some(Value::String(reference)) = fields.get("$ref") {
                        found.push(reference.rsplit('/').next().unwrap().to_owned());
                    }
                    fields.values().for_each(|value| references(value, found));
                }
                Value::Array(items) => items.iter().for_each(|value| references(value, found)),
                _ => {}
            }
        }
        for mode in [Mode::Emulator, Mode::Relay] {
            let schemas = super::super::description(mode).schemas;
            let mut found = Vec::new();
            schemas.values().for_each(|schema| references(schema, &mut found));
            for name in found {
                assert!(schemas.contains_key(&name), "{name}");
            }
        }
    }
}
