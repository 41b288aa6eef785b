//! What goes to the wire and comes back is what it was.

use im_chats_protocol::model::{
    AttachmentInfo, CompanionInfo, CompanionKind, EventContext, LiveEvent, Message, Poll, SingleServiceAddressInfo,
    TransferState,
};
use prost::Message as _;
use serde_json::{Value, json};

use super::event::{self, Change};
use super::from_wire;
use crate::service::proto;

const AT: &str = "2026-01-01T12:00:00.120Z";

fn who() -> Value {
    json!({ "address": "a@b.c", "service": "iMessage", "country": "DE" })
}

fn file() -> Value {
    json!({
        "guid": "A1", "originalGuid": "A0", "fileName": "a.heic", "mimeType": "image/heic", "uti": "public.heic", "totalBytes": 7,
        "isOutgoing": true, "transferState": "finished", "isHidden": false, "isSticker": false,
        "companionKind": "live-photo-video",
    })
}

fn content() -> Value {
    json!({
        "text": "Hello", "expressiveSendStyleId": "com.apple.MobileSMS.expressivesend.impact", "attachments": [file()],
        "formatting": [
            { "type": "bold", "start": 0, "length": 2 },
            { "type": "effect", "start": 2, "length": 3, "effectName": "bloom" },
        ],
        "mentions": [{ "address": "a@b.c", "start": 0, "length": 5 }],
        "balloonBundleId": "com.example",
        "miniApp": {
            "teamId": "T", "extensionBundleId": "com.example", "appName": "App", "url": "https://example.com", "sessionId": "s",
            "appStoreId": 5, "live": true, "layout": {
                "caption": "c", "subcaption": "s", "trailingCaption": "tc", "trailingSubcaption": "ts", "imageTitle": "it",
                "imageSubtitle": "is", "summary": "sum",
            },
        },
    })
}

fn reaction() -> Value {
    json!({ "kind": "emoji", "emoji": "🎉" })
}

fn placement() -> Value {
    json!({ "x": 0.5, "y": 0.25, "scale": 2.0, "rotation": 1.0, "width": 3.0 })
}

/// A message with every field it can have.
fn message() -> Value {
    let mut message = json!({
        "guid": "M1", "chatGuids": ["any;+;g"], "content": content(), "subject": "s", "isFromMe": true, "dateCreated": AT,
        "sender": who(), "sendErrorCode": 22, "shareStatus": 1, "shareDirection": 1, "itemType": "chatAction", "groupTitle": "g",
        "chatActionType": 2, "threadOriginatorGuid": "M0", "threadOriginatorPart": "0:0:5", "replyTargetGuid": "M0",
        "destinationCallerId": "me@example.com", "partCount": 2, "cachedRoomNames": "r", "reactionTargetGuid": "M0",
        "reactionTargetPartIndex": 1, "reaction": reaction(), "reactionSelected": true,
        "appliedReactions": [{
            "messageGuid": "M1", "targetPartIndex": 1, "reaction": reaction(), "sender": who(), "isFromMe": false,
            "dateCreated": AT,
        }],
        "placedStickers": [{
            "messageGuid": "M1", "targetPartIndex": 1, "sender": who(), "isFromMe": false, "dateCreated": AT, "sticker": file(),
            "placement": placement(),
        }],
    });
    for date in ["dateRead", "dateDelivered", "dateEdited", "dateRetracted", "datePlayed", "dateExpressiveSendPlayed"] {
        message[date] = json!(AT);
    }
    for flag in [
        "isSent",
        "isDelivered",
        "isDeliveredQuietly",
        "didNotifyRecipient",
        "isAudioMessage",
        "isAutoReply",
        "isSystemMessage",
        "isForward",
        "isDelayed",
        "isSpam",
        "dataDetectorResultsPresent",
        "isArchived",
        "isServiceMessage",
        "isCorrupt",
        "isExpirable",
    ] {
        message[flag] = json!(true);
    }
    message
}

fn there_and_back(message: &Message) -> Message {
    let bytes = proto::Message::from(message).encode_to_vec();
    from_wire::message(proto::Message::decode(&*bytes).unwrap()).unwrap()
}

#[test]
fn a_message_keeps_every_field() {
    let full: Message = serde_json::from_value(message()).unwrap();
    assert_eq!(serde_json::to_value(&full).unwrap(), message(), "the test has only documented fields");
    assert_eq!(there_and_back(&full), full);
    // All fields of the wire but the one that nobody reads have a value, so that none was forgotten.
    let json = serde_json::to_value(proto::Message::from(&full)).unwrap();
    let fields = json.as_object().unwrap().len();
    assert_eq!(fields, 46, "{json:#}");
}

#[test]
fn every_kind_of_tapback_is_the_same_afterwards() {
    for kind in ["love", "like", "dislike", "laugh", "emphasize", "question", "emoji", "sticker", "unknown"] {
        let reaction = serde_json::from_value(json!({ "kind": kind })).unwrap();
        assert_eq!(from_wire::reaction(proto::MessageReaction::from(&reaction)), reaction, "{kind}");
    }
}

#[test]
fn an_attachment_and_its_companion_stay_what_they_are() {
    let mut info: AttachmentInfo = serde_json::from_value(file()).unwrap();
    for state in [
        TransferState::Pending,
        TransferState::Transferring,
        TransferState::Failed,
        TransferState::Finished,
        TransferState::Unknown,
    ] {
        info.transfer_state = state;
        assert_eq!(from_wire::attachment((&info).into()), info);
    }
    let companion = CompanionInfo {
        file_name: "a.mov".to_owned(),
        mime_type: "video/quicktime".to_owned(),
        total_bytes: 8,
        kind: CompanionKind::LivePhotoVideo,
    };
    assert_eq!(from_wire::companion((&companion).into()), companion);
}

#[test]
fn a_poll_stays_what_it_is() {
    let poll: Poll = serde_json::from_value(json!({
        "pollMessageGuid": "P", "chatGuid": "any;+;g", "title": "Go?",
        "options": [{ "text": "Yes", "optionIdentifier": "option-1", "creatorHandle": "a@b.c" }],
        "votes": [{ "optionIdentifier": "option-1", "participant": who() }],
    }))
    .unwrap();
    assert_eq!(from_wire::poll((&poll).into()), poll);
}

fn events() -> Vec<Value> {
    let group = |change: Value| json!({ "type": "group.changed", "change": change });
    let poll = |delta: Value| json!({ "type": "poll.changed", "pollMessageGuid": "P", "delta": delta });
    let options = json!([{ "text": "Yes", "optionIdentifier": "option-1" }]);
    let target = |kind: &str| json!({ "type": kind, "messageGuid": "M1", "targetPartIndex": 1, "reaction": reaction() });
    vec![
        json!({ "type": "chat.backgroundChanged" }),
        json!({ "type": "chat.backgroundRemoved" }),
        json!({ "type": "chat.markedRead" }),
        json!({ "type": "chat.archived" }),
        json!({ "type": "chat.unarchived" }),
        json!({ "type": "message.received", "message": message() }),
        json!({ "type": "message.edited", "messageGuid": "M1", "content": content(), "editedAt": AT }),
        json!({ "type": "message.read", "messageGuid": "M1", "readAt": AT }),
        json!({ "type": "message.unsent", "messageGuid": "M1", "retractedAt": AT }),
        target("message.reactionAdded"),
        target("message.reactionRemoved"),
        json!({
            "type": "message.stickerPlaced", "messageGuid": "M1", "targetPartIndex": 0, "sticker": file(), "placement": placement(),
        }),
        group(json!({ "type": "displayNameChanged", "displayName": "Us" })),
        group(json!({ "type": "participantAdded", "participant": who() })),
        group(json!({ "type": "participantRemoved", "participant": who() })),
        group(json!({ "type": "participantLeft", "participant": who() })),
        group(json!({ "type": "iconChanged" })),
        group(json!({ "type": "iconRemoved" })),
        poll(json!({ "type": "created", "title": "Go?", "options": options })),
        poll(json!({ "type": "optionAdded", "title": "Go?", "options": options })),
        poll(json!({ "type": "voted", "optionIdentifier": "option-1" })),
        poll(json!({ "type": "unvoted", "optionIdentifier": "option-1" })),
    ]
}

#[test]
fn every_event_is_the_same_afterwards() {
    let actor: SingleServiceAddressInfo = serde_json::from_value(who()).unwrap();
    for mut json in events() {
        json["chatGuid"] = json!("any;+;g");
        json["sequence"] = json!(7);
        json["isFromMe"] = json!(true);
        json["occurredAt"] = json!(AT);
        json["actor"] = who();
        let event: LiveEvent = serde_json::from_value(json.clone()).unwrap_or_else(|error| panic!("{json}: {error}"));
        let context = EventContext {
            chat_guid: "any;+;g".to_owned(),
            sequence: 7,
            is_from_me: true,
            occurred_at: AT.to_owned(),
            actor: Some(actor.clone()),
        };
        let (back, said) = match Change::from(&event) {
            Change::Chat(change) => (event::chat(change.clone(), context), (change.chat_guid, change.actor, change.is_from_me)),
            Change::Message(change) => {
                (event::message((*change).clone(), context), (change.chat_guid, change.actor, change.is_from_me))
            }
            Change::Group(change) => {
                (event::group((*change).clone(), context), (change.chat_guid, change.actor, change.is_from_me))
            }
            Change::Poll(change) => {
                (event::poll((*change).clone(), context), (change.chat_guid, change.actor, change.is_from_me))
            }
            Change::Unknown => panic!("{json} is known"),
        };
        assert_eq!(said, ("any;+;g".to_owned(), Some((&actor).into()), true));
        assert_eq!(serde_json::to_value(back.unwrap()).unwrap(), json);
    }
}
