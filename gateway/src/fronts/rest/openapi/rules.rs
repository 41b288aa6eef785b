//! What the protos do not say of requests: which fields must be there, and what they may hold. A name means the same in every request.

use im_chats_emulator::limits::{
    MAX_CHAT_ADDRESSES, MAX_FORMATTING, MAX_GROUP_NAME_BYTES, MAX_MESSAGE_PARTS, MAX_POLL_OPTIONS, MAX_POLL_TEXT_BYTES,
    MAX_SUBJECT_BYTES, MAX_TEXT_BYTES, MESSAGE_PAGE,
};
use im_chats_protocol::model::MessageEffect;
use serde_json::{Map, Value, json};

use crate::http::openapi::Mode;
use crate::http::openapi::schema::{WITHOUT_NUL, guid, image, key};

/// A text that is not only white space, and can be sent.
const SAYS_SOMETHING: &str = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$";

/// The fields that must be there.
pub(super) fn required(message: &str) -> &'static [&'static str] {
    match message {
        "SendTextMessageRequest" => &["chatGuid", "text"],
        "SendAttachmentMessageRequest" => &["chatGuid", "attachment"],
        "SendMultipartMessageRequest" => &["chatGuid", "parts"],
        "SendCustomizedMiniAppMessageRequest" => &["chatGuid", "teamId", "extensionBundleId", "appName", "url", "layout"],
        "UpdateCustomizedMiniAppMessageRequest" => &["session", "teamId", "extensionBundleId", "appName", "url", "layout"],
        "EditMessageRequest" => &["target", "newText"],
        "UnsendMessageRequest" => &["target"],
        "SetReactionRequest" => &["target", "reaction"],
        "PlaceStickerRequest" => &["target", "sticker"],
        "NotifySilencedMessageRequest" | "GetEmbeddedMediaRequest" | "MessageTarget" => &["chatGuid", "messageGuid"],
        "GetMessageRequest" | "ReplyTarget" => &["messageGuid"],
        "TextFormat" => &["type", "length"],
        "SetDisplayNameRequest" => &["chatGuid", "displayName"],
        "AddParticipantsRequest" | "RemoveParticipantsRequest" => &["chatGuid", "addresses"],
        "SetIconRequest" => &["chatGuid", "data"],
        "LeaveGroupRequest" | "RemoveIconRequest" | "GetIconRequest" | "ListChatMessagesRequest" => &["chatGuid"],
        "CreatePollRequest" => &["chatGuid", "title", "options"],
        "VotePollRequest" => &["pollMessageGuid", "optionIdentifier"],
        "AddPollOptionRequest" => &["pollMessageGuid", "optionText"],
        "UnvotePollRequest" | "GetPollRequest" => &["pollMessageGuid"],
        "GetAttachmentInfoRequest" | "DownloadAttachmentRequest" => &["attachmentGuid"],
        "GetAddressInfoRequest"
        | "GetFocusStatusRequest"
        | "GetIMessageAvailabilityRequest"
        | "GetSharedFriendLocationRequest" => &["address"],
        "RequestFriendLocationSharingRequest" => &["chatGuid", "address"],
        _ => &[],
    }
}

/// What a field of a request may hold, or each item of a list.
pub(super) fn narrow(message: &str, field: &str, schema: &mut Value, mode: Mode) {
    let bytes = |limit: usize| match mode {
        Mode::Emulator => format!("At most {limit} bytes."),
        Mode::Relay => String::new(),
    };
    let said = |limit: usize| json!({"type": "string", "pattern": SAYS_SOMETHING, "description": bytes(limit)});
    let narrowed = match field {
        "chatGuid" => guid(),
        "clientMessageId" => key("string"),
        "messageGuid" | "pollMessageGuid" | "attachmentGuid" | "optionIdentifier" | "attachmentName" | "address"
        | "addresses" => {
            json!({"type": "string", "minLength": 1})
        }
        "text" | "newText" => said(MAX_TEXT_BYTES),
        "displayName" => said(MAX_GROUP_NAME_BYTES),
        "title" | "optionText" | "options" => said(MAX_POLL_TEXT_BYTES),
        "subject" => json!({"type": "string", "pattern": WITHOUT_NUL, "description": bytes(MAX_SUBJECT_BYTES)}),
        "effectId" => effect(mode),
        "data" if message == "SetIconRequest" => image(mode),
        "type" if message == "TextFormat" => {
            json!({"type": "string", "enum": ["bold", "italic", "underline", "strikethrough", "effect"]})
        }
        "pageSize" => match mode {
            Mode::Emulator => json!({"type": "integer", "minimum": 1, "maximum": MESSAGE_PAGE.1, "default": MESSAGE_PAGE.0}),
            Mode::Relay => json!({"type": "integer", "minimum": 1, "maximum": i32::MAX}),
        },
        _ => return,
    };
    *schema = narrowed;
}

/// How long a list of a request may be.
pub(super) fn narrow_list(message: &str, field: &str, schema: &mut Value, mode: Mode) {
    let (fewest, most) = match (message, field) {
        ("AddParticipantsRequest" | "RemoveParticipantsRequest", "addresses") => (1, MAX_CHAT_ADDRESSES),
        ("CreatePollRequest", "options") => (2, MAX_POLL_OPTIONS),
        ("SendMultipartMessageRequest", "parts") => (1, MAX_MESSAGE_PARTS),
        (_, "formatting") => (0, MAX_FORMATTING),
        _ => return,
    };
    let Value::Object(schema) = schema else { return };
    insert(schema, "minItems", fewest);
    if mode == Mode::Emulator {
        insert(schema, "maxItems", most);
    }
}

fn insert(schema: &mut Map<String, Value>, name: &str, limit: usize) {
    schema.insert(name.to_owned(), limit.into());
}

fn effect(mode: Mode) -> Value {
    let mut effect = json!({"type": "string", "description": "Apple's identifier of a bubble or screen effect."});
    if let (Mode::Emulator, Value::Object(effect)) = (mode, &mut effect) {
        effect.insert("enum".to_owned(), MessageEffect::ALL.iter().map(|effect| Value::from(effect.id())).collect());
    }
    effect
}
