//! What comes back, as users get it.

use core::cell::Cell;

use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Value, json};

use super::response::{
    APPLIED_REACTION, ATTACHMENT, CONTENT, MENTION, MESSAGE, MESSAGE_PAGE, MINI_APP, MINI_APP_LAYOUT, ONE_MESSAGE,
    PLACED_STICKER, PLACEMENT, REACTION, TEXT_FORMAT, UPLOADED,
};
use crate::model::{
    AttachmentInfo, Message, MessageAppliedReaction, MessageContent, MessageMention, MessagePlacedSticker, MessageReaction,
    MessageReactionKind, MiniAppContent, MiniAppLayoutInfo, StickerPlacement, TextFormat,
};
use crate::wire::response::{ResponseField, ResponseTable};

fn read(table: &ResponseTable, body: &Value) -> Result<Value, String> {
    table.read(body).map_err(|error| error.context_value("field").unwrap_or("body").to_owned())
}

#[test]
fn a_message_without_its_defaults_has_them_all() {
    let least = json!({ "message": { "guid": "m", "dateCreated": "2026-01-01T12:00:00Z", "content": {} } });
    let message = read(ONE_MESSAGE, &least).unwrap();
    let flags = [
        "isFromMe",
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
    ];
    assert!(flags.iter().all(|flag| message[flag] == json!(false)), "{message}");
    assert_eq!(message["content"], json!({ "attachments": [], "formatting": [], "mentions": [] }));
    assert_eq!((&message["itemType"], &message["sendErrorCode"]), (&json!("normal"), &json!(0)));
    for absent in ["dateRead", "sender", "reactionSelected", "partCount", "subject"] {
        assert!(message.get(absent).is_none(), "{absent}");
    }
    let typed: Message = serde_json::from_value(message.clone()).unwrap();
    assert_eq!(serde_json::to_value(typed).unwrap(), message);
}

/// A message of the wire that has everything.
fn whole() -> Value {
    let attachment = json!({
        "guid": "a", "originalGuid": "o", "fileName": "f", "mimeType": "image/heic", "uti": "public.heic", "totalBytes": "5368709120",
        "isOutgoing": true, "transferState": "TRANSFER_STATE_FINISHED", "isHidden": true, "isSticker": true,
        "companionKind": "COMPANION_KIND_LIVE_PHOTO_VIDEO"
    });
    let sender = json!({ "address": "a@b.c", "service": "CHAT_SERVICE_TYPE_IMESSAGE", "country": "US" });
    let reaction = json!({ "kind": "MESSAGE_REACTION_KIND_EMOJI", "emoji": "\u{1F389}" });
    let mut message = json!({
        "guid": "m", "chatGuids": ["g"], "subject": "s", "isFromMe": true, "sender": sender, "sendErrorCode": -1,
        "shareStatus": 1, "shareDirection": 1, "itemType": "MESSAGE_ITEM_TYPE_CHAT_ACTION", "groupTitle": "t", "chatActionType": 3,
        "threadOriginatorGuid": "o", "threadOriginatorPart": "PART:0:1", "replyTargetGuid": "r", "destinationCallerId": "e:me",
        "partCount": 2, "cachedRoomNames": "c", "reactionTargetGuid": "x", "reactionTargetPartIndex": 1, "reaction": reaction,
        "reactionSelected": true,
        "appliedReactions": [{
            "messageGuid": "r", "targetPartIndex": 1, "reaction": reaction, "sender": sender, "isFromMe": true, "dateCreated": "t"
        }],
        "placedStickers": [{
            "messageGuid": "p", "targetPartIndex": 1, "sender": sender, "isFromMe": true, "dateCreated": "t", "sticker": attachment,
            "placement": { "x": 0.5, "y": -1.25, "scale": 2.5, "rotation": 0.1, "width": 3.5 }
        }]
    });
    message["content"] = json!({
        "text": "hi", "expressiveSendStyleId": "e", "attachments": [attachment], "balloonBundleId": "b",
        "formatting": [{ "type": "effect", "start": 1, "length": 2, "effectName": "nod" }],
        "mentions": [{ "address": "a@b.c", "start": 1, "length": 2 }],
        "miniApp": {
            "teamId": "t", "extensionBundleId": "x", "appName": "n", "url": "u", "sessionId": "s", "appStoreId": "7", "live": true,
            "layout": {
                "caption": "1", "subcaption": "2", "trailingCaption": "3", "trailingSubcaption": "4", "imageTitle": "5",
                "imageSubtitle": "6", "summary": "7"
            }
        }
    });
    let fields = message.as_object_mut().unwrap();
    for field in MESSAGE.iter().map(|field| field.name) {
        let known = fields.contains_key(field);
        let value = if field.starts_with("date") && field != "dataDetectorResultsPresent" { json!("t") } else { json!(true) };
        if !known {
            fields.insert(field.to_owned(), value);
        }
    }
    message
}

#[test]
fn a_whole_message_is_the_documented_one_key_by_key() {
    let message = read(ONE_MESSAGE, &json!({ "message": whole(), "miniAppCardSession": {} })).unwrap();
    let typed: Message = serde_json::from_value(message.clone()).unwrap();
    assert_eq!(serde_json::to_value(&typed).unwrap(), message);
    let Message { content, applied_reactions, placed_stickers, item_type, send_error_code, .. } = typed;
    let MessageContent { attachments, formatting, mini_app, .. } = content;
    let AttachmentInfo { total_bytes, .. } = &attachments.unwrap()[0];
    assert_eq!((*total_bytes, send_error_code), (5_368_709_120, Some(-1)));
    assert_eq!(message["content"]["attachments"][0]["transferState"], "finished");
    assert_eq!(message["content"]["attachments"][0]["companionKind"], "live-photo-video");
    assert_eq!((item_type.map(|kind| json!(kind)), formatting.unwrap()[0].length), (Some(json!("chatAction")), 2));
    assert_eq!(mini_app.and_then(|app| app.app_store_id), Some(7));
    let MessageAppliedReaction { reaction, .. } = &applied_reactions.unwrap()[0];
    assert_eq!(reaction.kind, MessageReactionKind::Emoji);
    let MessagePlacedSticker { placement, .. } = &placed_stickers.unwrap()[0];
    assert_eq!(placement.as_ref().map(|placement| placement.y), Some(-1.25));
}

/// Reads nothing but which fields a type has.
struct FieldsOf<'a>(&'a Cell<&'static [&'static str]>);

impl<'de> Deserializer<'de> for FieldsOf<'_> {
    type Error = serde::de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(Self::Error::custom("no value"))
    }
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.0.set(fields);
        self.deserialize_any(visitor)
    }
    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct seq tuple
        tuple_struct map enum identifier ignored_any
    }
}

#[test]
fn every_field_of_the_documented_message_is_in_the_table_in_its_order() {
    fn assert_same<T: DeserializeOwned>(table: &[ResponseField]) {
        let documented = Cell::new(&[][..]);
        assert!(T::deserialize(FieldsOf(&documented)).is_err());
        assert_eq!(table.iter().map(|field| field.name).collect::<Vec<_>>(), documented.get());
        assert!(!table.is_empty());
    }
    assert_same::<Message>(MESSAGE);
    assert_same::<AttachmentInfo>(ATTACHMENT);
    assert_same::<MessageContent>(CONTENT);
    assert_same::<MiniAppContent>(MINI_APP);
    assert_same::<MiniAppLayoutInfo>(MINI_APP_LAYOUT);
    assert_same::<MessageReaction>(REACTION);
    assert_same::<MessageAppliedReaction>(APPLIED_REACTION);
    assert_same::<MessagePlacedSticker>(PLACED_STICKER);
    assert_same::<StickerPlacement>(PLACEMENT);
    assert_same::<TextFormat>(TEXT_FORMAT);
    assert_same::<MessageMention>(MENTION);
}

#[test]
fn what_only_a_newer_server_knows_is_unknown() {
    let with = |name: &str, value: Value| {
        let mut message = whole();
        message[name] = value;
        read(ONE_MESSAGE, &json!({ "message": message })).unwrap()[name].clone()
    };
    assert_eq!(with("itemType", json!("MESSAGE_ITEM_TYPE_HOLOGRAM")), json!("unknown"));
    assert_eq!(with("itemType", json!(2)), json!("groupNameChange"));
    assert_eq!(with("itemType", json!(9)), json!("unknown"));
    let uploaded = |state: Value| {
        let answer = json!({ "attachment": { "guid": "a", "transferState": state } });
        read(UPLOADED, &answer).unwrap()["transferState"].clone()
    };
    let states = [json!(null), json!(5), json!(3), json!(-1), json!("TRANSFER_STATE_UNAVAILABLE"), json!("")];
    assert_eq!(states.map(uploaded), ["pending", "finished", "unknown", "unknown", "unknown", "unknown"].map(Value::from));
}

#[test]
fn a_page_has_its_messages_and_a_token_only_when_there_is_more() {
    assert_eq!(read(MESSAGE_PAGE, &json!({})), Ok(json!({ "messages": [] })));
    let page = read(MESSAGE_PAGE, &json!({ "messages": [whole(), whole()], "nextPageToken": "t" })).unwrap();
    assert_eq!((page["messages"].as_array().map(Vec::len), &page["nextPageToken"]), (Some(2), &json!("t")));
}

#[test]
fn an_answer_of_another_shape_names_the_place() {
    let with = |name: &str, value: Value| {
        let mut message = whole();
        message[name] = value;
        json!({ "message": message })
    };
    for (table, body, field) in [
        (ONE_MESSAGE, json!({}), "message"),
        (ONE_MESSAGE, with("guid", json!(null)), "message.guid"),
        (ONE_MESSAGE, with("content", json!(null)), "message.content"),
        (ONE_MESSAGE, with("isSent", json!("yes")), "message.isSent"),
        (ONE_MESSAGE, with("partCount", json!("two")), "message.partCount"),
        (ONE_MESSAGE, with("itemType", json!(true)), "message.itemType"),
        (ONE_MESSAGE, with("appliedReactions", json!([{ "dateCreated": "t" }])), "message.appliedReactions.reaction"),
        (MESSAGE_PAGE, json!({ "messages": {} }), "messages"),
        (UPLOADED, json!({ "attachment": {} }), "attachment.guid"),
        (UPLOADED, json!({ "attachment": { "guid": "a", "totalBytes": "9007199254740992" } }), "attachment.totalBytes"),
    ] {
        assert_eq!(read(table, &body), Err(field.to_owned()));
    }
}
