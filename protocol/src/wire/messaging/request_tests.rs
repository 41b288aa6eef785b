//! What goes out, and what is refused before it goes out.

use serde_json::{Value, json};

use super::groups::group;
use super::request::{ListOptions, MAX_FORMATS, MAX_PAGE_SIZE, SendOptions, Target};
use super::response::REACTION_KINDS;
use super::routes::MessagingRoute;
use crate::error::Error;
use crate::model::{ChatGuid, MessageEffect, MessageReactionKind, TextFormat};
use crate::wire::json::MakeJson;
use crate::wire::routes::Method;

type Request = crate::wire::request::Request<Value>;

fn chat() -> ChatGuid {
    ChatGuid::parse("any;-;a@b.c", "chat").unwrap()
}

fn message() -> Target {
    Target::new(" M-1 ", "message", None, "partIndex").unwrap()
}

/// The path, the body or query, and the key of a request, which is of this route.
fn sent(request: Result<Request, Error>, route: MessagingRoute) -> (String, Value, Option<String>) {
    let Request { endpoint, fields, idempotency_key } = request.unwrap();
    assert_eq!(endpoint.method, route.definition().method);
    assert_eq!(endpoint.repeatable, endpoint.method == Method::Get, "a write needs a key");
    (endpoint.path.into_owned(), Value::object(fields), idempotency_key)
}

fn field_of<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.code, "invalidArgument");
    error.context_value("field").unwrap().to_owned()
}

fn format(style: &str, start: i32, length: i32, effect: Option<&str>) -> TextFormat {
    TextFormat { style: style.into(), start, length, effect_name: effect.map(Into::into) }
}

#[test]
fn a_text_goes_out_with_all_it_is_sent_with() {
    let bare = Request::send_text(&chat(), "hi", SendOptions::default());
    let (path, body, key) = sent(bare, MessagingRoute::SendTextMessage);
    assert_eq!((path.as_str(), key), ("/v1/messages:sendText", None));
    assert_eq!(body, json!({ "chatGuid": "any;-;a@b.c", "text": "hi" }));
    let options = SendOptions {
        reply_to: Some(Target::new("M", "replyTo", Some(Some(2)), "replyTo.partIndex").unwrap()),
        effect: Some(MessageEffect::Slam),
        subject: Some("s".into()),
        formatting: vec![format("bold", 0, 2, None), format("effect", 1, 3, Some("shake"))],
        client_message_id: Some("k".into()),
        ..SendOptions::default()
    };
    let (_, body, key) = sent(Request::send_text(&chat(), "h\u{1F389}i", options), MessagingRoute::SendTextMessage);
    assert_eq!(key.as_deref(), Some("k"));
    assert_eq!(
        body,
        json!({
            "chatGuid": "any;-;a@b.c", "text": "h\u{1F389}i", "subject": "s", "clientMessageId": "k",
            "replyTo": { "messageGuid": "M", "targetPartIndex": 2 }, "effectId": "com.apple.MobileSMS.expressivesend.impact",
            "formatting": [
                { "type": "bold", "start": 0, "length": 2 }, { "type": "effect", "start": 1, "length": 3, "effectName": "shake" }
            ]
        })
    );
}

#[test]
fn formats_fit_the_text_they_are_of() {
    let send = |formatting: Vec<TextFormat>| {
        Request::send_text(&chat(), "h\u{1F389}i", SendOptions { formatting, ..SendOptions::default() })
    };
    // Four UTF-16 units.
    assert!(send(vec![format("italic", 0, 4, None); MAX_FORMATS]).is_ok());
    assert_eq!(field_of(send(vec![format("italic", 0, 4, None); MAX_FORMATS + 1])), "formatting");
    for (wrong, field) in [
        (format("blink", 0, 1, None), "formatting[1].type"),
        (format("bold", 0, 5, None), "formatting[1]"),
        (format("bold", 4, 1, None), "formatting[1]"),
        (format("bold", -1, 1, None), "formatting[1]"),
        (format("bold", 0, 0, None), "formatting[1]"),
        (format("bold", i32::MAX, i32::MAX, None), "formatting[1]"),
        (format("effect", 0, 1, None), "formatting[1].effectName"),
        (format("effect", 0, 1, Some("wobble")), "formatting[1].effectName"),
        (format("bold", 0, 1, Some("shake")), "formatting[1].effectName"),
    ] {
        assert_eq!(field_of(send(vec![format("underline", 0, 1, None), wrong])), field);
    }
    let error = send(vec![format("bold", 0, 1, None); MAX_FORMATS + 1]).unwrap_err();
    assert!(error.message.contains(&MAX_FORMATS.to_string()), "{error}");
}

#[test]
fn an_attachment_is_uploaded_by_its_name_and_sent_by_its_guid() {
    let (path, query, _) = sent(Request::upload("a b.jpg"), MessagingRoute::UploadAttachment);
    assert_eq!((path.as_str(), query), ("/v1/attachments:upload", json!({ "fileName": "a b.jpg" })));
    let options = SendOptions {
        file_name: Some("a.caf".into()),
        is_audio_message: true,
        effect: Some(MessageEffect::Loud),
        ..SendOptions::default()
    };
    let (path, body, _) = sent(Request::send_attachment(&chat(), " A-1 ", options), MessagingRoute::SendAttachmentMessage);
    assert_eq!(path, "/v1/messages:sendAttachment");
    assert_eq!(
        body,
        json!({
            "chatGuid": "any;-;a@b.c", "attachment": { "attachmentGuid": "A-1", "attachmentName": "a.caf" },
            "isAudioMessage": true, "effectId": "com.apple.MobileSMS.expressivesend.loud"
        })
    );
    let plain = Request::send_attachment(&chat(), "A", SendOptions::default());
    let (_, body, _) = sent(plain, MessagingRoute::SendAttachmentMessage);
    assert_eq!(body, json!({ "chatGuid": "any;-;a@b.c", "attachment": { "attachmentGuid": "A" } }));
}

#[test]
fn what_is_done_to_a_message_names_it_and_its_chat() {
    let target = json!({ "chatGuid": "any;-;a@b.c", "messageGuid": "M-1" });
    let edit = Request::edit_message(&chat(), &message(), "new", Some("old"), Some("k".into()));
    let (path, body, key) = sent(edit, MessagingRoute::EditMessage);
    assert_eq!((path.as_str(), key.as_deref()), ("/v1/messages:edit", Some("k")));
    assert_eq!(body, json!({ "target": target, "newText": "new", "backwardCompatText": "old", "clientMessageId": "k" }));
    let part = Target::new("M-1", "message", Some(Some(0)), "partIndex").unwrap();
    let (path, body, _) = sent(Request::unsend_message(&chat(), &part, None), MessagingRoute::UnsendMessage);
    assert_eq!(path, "/v1/messages:unsend");
    assert_eq!(body, json!({ "target": { "chatGuid": "any;-;a@b.c", "messageGuid": "M-1", "targetPartIndex": 0 } }));
}

#[test]
fn a_reaction_has_its_kind_and_an_emoji_only_where_it_is_one() {
    let react = |kind, emoji, is_set| Request::set_reaction(&chat(), &message(), kind, emoji, is_set, None);
    let (path, body, _) = sent(react("love", None, true), MessagingRoute::SetReaction);
    assert_eq!(path, "/v1/messages:setReaction");
    assert_eq!((&body["reaction"], &body["isSet"]), (&json!({ "kind": "MESSAGE_REACTION_KIND_LOVE" }), &json!(true)));
    let (_, body, _) = sent(react("emoji", Some("\u{1F389}"), false), MessagingRoute::SetReaction);
    let reaction = json!({ "kind": "MESSAGE_REACTION_KIND_EMOJI", "emoji": "\u{1F389}" });
    assert_eq!((&body["reaction"], &body["isSet"]), (&reaction, &json!(false)));
    for kind in ["like", "dislike", "laugh", "emphasize", "question"] {
        assert!(react(kind, None, true).is_ok(), "{kind}");
    }
    for (kind, emoji, field) in [
        ("sticker", None, "reaction"),
        ("unknown", None, "reaction"),
        ("Love", None, "reaction"),
        ("emoji", None, "reaction.emoji"),
        ("emoji", Some(" "), "reaction.emoji"),
        ("love", Some("\u{1F389}"), "reaction.emoji"),
    ] {
        assert_eq!(field_of(react(kind, emoji, true)), field, "{kind}");
    }
    let documented = |kind: &str| serde_json::from_value::<MessageReactionKind>(json!(kind)).unwrap();
    assert!(REACTION_KINDS.iter().all(|(_, kind)| documented(kind) != MessageReactionKind::Unknown));
}

#[test]
fn a_message_is_fetched_by_its_path() {
    let (path, query, _) = sent(Request::get_message(" 0-A/b;\u{e9} "), MessagingRoute::GetMessage);
    assert_eq!((path.as_str(), query), ("/v1/messages/0-A%2Fb%3B%C3%A9", json!({})));
    for wrong in ["", " ", ".", "..", "a\nb", &"m".repeat(513)] {
        assert_eq!(field_of(Request::get_message(wrong)), "message", "{wrong}");
    }
}

#[test]
fn a_list_takes_every_filter_and_none() {
    let (path, query, _) = sent(Request::list_messages(&chat(), ListOptions::default()), MessagingRoute::ListChatMessages);
    assert_eq!((path.as_str(), query), ("/v1/messages:listByChat", json!({ "chatGuid": "any;-;a@b.c" })));
    let all = ListOptions {
        page_size: Some(Some(MAX_PAGE_SIZE)),
        page_token: Some("t".into()),
        is_from_me: Some(false),
        is_read: Some(true),
        before: Some("2026-11-27T08:00:00.123Z".into()),
        after: Some("2026-11-27T08:00:00+01:00".into()),
    };
    let (_, query, _) = sent(Request::list_messages(&chat(), all), MessagingRoute::ListChatMessages);
    assert_eq!(
        query,
        json!({
            "chatGuid": "any;-;a@b.c", "pageSize": 100, "pageToken": "t", "isFromMe": false, "isRead": true,
            "before": "2026-11-27T08:00:00.123Z", "after": "2026-11-27T08:00:00+01:00"
        })
    );
    let list = |options| Request::list_messages(&chat(), options);
    for size in [None, Some(0), Some(101)] {
        assert_eq!(field_of(list(ListOptions { page_size: Some(size), ..ListOptions::default() })), "pageSize");
    }
    assert_eq!(field_of(list(ListOptions { page_token: Some(String::new()), ..ListOptions::default() })), "pageToken");
    for time in [
        "",
        "now",
        "2026-11-27",
        "2026-11-27T08:00:00",
        "2026-11-27T08:00:00.Z",
        "2026-11-27T08:00:00.1234567890Z",
        "2026-11-27 08:00:00Z",
        "2026-11-27T08:00:00+0100",
        "2026-11-27T08:00:00Zulu",
        "2\u{e9}26-11-27T08:00:00Z",
    ] {
        assert_eq!(field_of(list(ListOptions { before: Some(time.into()), ..ListOptions::default() })), "before", "{time}");
        assert_eq!(field_of(list(ListOptions { after: Some(time.into()), ..ListOptions::default() })), "after", "{time}");
    }
}

#[test]
fn wrong_input_is_named_before_anything_goes_out() {
    let keyed = |key: &str| SendOptions { client_message_id: Some(key.into()), ..SendOptions::default() };
    let named = |name: &str| SendOptions { file_name: Some(name.into()), ..SendOptions::default() };
    for (refused, field) in [
        (Request::send_text(&chat(), " \n", SendOptions::default()), "text"),
        (Request::send_text(&chat(), "hi", keyed(" ")), "clientMessageId"),
        (Request::send_attachment(&chat(), "", SendOptions::default()), "data"),
        (Request::send_attachment(&chat(), "A", named(" ")), "fileName"),
        (Request::upload(""), "fileName"),
        (Request::edit_message(&chat(), &message(), "", None, None), "text"),
        (Request::edit_message(&chat(), &message(), "t", Some(""), None), "backwardCompatText"),
        (Request::unsend_message(&chat(), &message(), Some("a\nb".into())), "clientMessageId"),
    ] {
        assert_eq!(field_of(refused), field);
    }
    assert_eq!(field_of(Target::new("", "replyTo", None, "replyTo.partIndex")), "replyTo");
    for part in [None, Some(2_147_483_648)] {
        assert_eq!(field_of(Target::new("M", "message", Some(part), "partIndex")), "partIndex");
    }
    assert!(Target::new("M", "message", Some(Some(2_147_483_647)), "partIndex").is_ok());
}

#[test]
fn groups_are_named_by_the_guid_of_a_group() {
    let guid = group("any;+;g").unwrap();
    let rename = Request::rename_group(&guid, "Trip", Some("k".into()));
    let (path, body, key) = sent(rename, MessagingRoute::SetDisplayName);
    assert_eq!((path.as_str(), key.as_deref()), ("/v1/groups:setDisplayName", Some("k")));
    assert_eq!(body, json!({ "chatGuid": "any;+;g", "displayName": "Trip", "clientMessageId": "k" }));
    let addresses = ["a@b.c".to_owned(), "+15550100".to_owned()];
    for (add, route, path) in [
        (true, MessagingRoute::AddParticipants, "/v1/groups:addParticipants"),
        (false, MessagingRoute::RemoveParticipants, "/v1/groups:removeParticipants"),
    ] {
        let (sent_to, body, _) = sent(Request::change_participants(&guid, &addresses, add, None), route);
        assert_eq!((sent_to.as_str(), body), (path, json!({ "chatGuid": "any;+;g", "addresses": addresses })));
    }
    let (path, body, _) = sent(Request::leave_group(&guid, None), MessagingRoute::LeaveGroup);
    assert_eq!((path.as_str(), body), ("/v1/groups:leave", json!({ "chatGuid": "any;+;g" })));
    assert_eq!(Request::get_group(&guid).endpoint.path, "/v1/chats:get");
    for direct in ["any;-;a@b.c", "g", ""] {
        assert_eq!(field_of(group(direct)), "chat", "{direct}");
    }
    let change = |addresses: &[String]| Request::change_participants(&guid, addresses, true, None);
    assert_eq!(field_of(change(&[])), "addresses");
    assert_eq!(field_of(change(&vec!["a@b.c".to_owned(); 1_025])), "addresses");
    assert_eq!(field_of(change(&["a@b.c".to_owned(), " ".to_owned()])), "addresses[1]");
    assert_eq!(field_of(Request::rename_group(&guid, " ", None)), "name");
}
