//! The bodies of REST, as the gateway reads requests and as the SDK reads answers and failures.

use im_chats::wire::answer::Answer;
use im_chats::wire::failure::{self, Response};
use im_chats_gateway::proto;
use im_chats_gateway::rest::json::parse;
use im_chats_gateway::rest::query::Query;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The first byte chooses the message; the rest is the body, and the query string.
pub(crate) fn bodies(data: &[u8]) {
    let Some((kind, body)) = data.split_first() else { return };
    match kind % 6 {
        0 => body_of::<proto::CreateChatRequest>(body),
        1 => body_of::<proto::SetBackgroundRequest>(body),
        2 => body_of::<proto::SetTypingRequest>(body),
        3 => body_of::<proto::MarkChatReadRequest>(body),
        4 => body_of::<proto::Chat>(body),
        _ => query(body),
    }
}

/// What is read and written is read as the same again.
fn body_of<T: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(body: &[u8]) {
    match parse::<T>(body) {
        Ok(message) => {
            // A timestamp outside the years 1 to 9999 has no text; every other message does.
            let Ok(text) = serde_json::to_vec(&message) else { return };
            assert_eq!(parse::<T>(&text).ok(), Some(message));
        }
        Err(error) => assert!(error.context_value("field").is_some(), "an error without a field: {error:?}"),
    }
}

fn query(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    if let Ok(query) = Query::parse(text) {
        let _ = (query.guid("chatGuid"), query.flag("includeArchived"));
    }
}

/// The first byte chooses the call; the rest is what the service answered.
pub(crate) fn answers(data: &[u8]) {
    let Some((kind, body)) = data.split_first() else { return };
    let body = serde_json::from_slice::<Value>(body);
    let answer = match kind % 5 {
        0 => Answer::Empty,
        1 => Answer::Chat,
        2 => Answer::Created,
        3 => Answer::Count,
        _ => Answer::BackgroundPresent,
    };
    if let Ok(body) = &body {
        match answer.read(body) {
            // The user's `undefined` and the documented shapes: never a null inside.
            Ok(value) if answer != Answer::Empty => assert!(!has_null(&value), "{value} of {body}"),
            Ok(_) => {}
            Err(error) => assert_eq!(error.code, "internalError"),
        }
    }
    let status = 400 + u16::from(*kind);
    let retry_after_ms = failure::retry_after_seconds(&String::from_utf8_lossy(data));
    let error = failure::read(Response { status, retry_after_ms, request_id: None }, body.as_ref().ok());
    assert!(!error.code.is_empty() && !error.message.is_empty(), "an error that says nothing: {error:?}");
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(has_null),
        Value::Object(fields) => fields.values().any(has_null),
        _ => false,
    }
}

pub(crate) fn body_seeds() -> Vec<Vec<u8>> {
    [
        r#" {"addresses":["alice@example.com","+14155552671"],"service":"CHAT_SERVICE_TYPE_SMS","initialMessage":{"text":"hi","effectId":"x","subject":null},"clientMessageId":"k"}"#,
        "\u{1}{\"chatGuid\":\"any;-;a@b.cd\",\"data\":\"/9j/4AAQ\"}",
        "\u{2}{\"chatGuid\":\"any;-;a@b.cd\",\"isTyping\":true}",
        "\u{3}{\"chat_guid\":\"any;+;x\"}",
        "\u{4}{\"guid\":\"any;-;a@b.cd\",\"unreadCount\":3,\"participants\":[{\"address\":\"a@b.cd\",\"service\":1}],\"lastMessage\":{\"guid\":\"m\",\"dateCreated\":\"2026-01-01T12:00:00.120Z\"}}",
        "\u{5}chatGuid=any%3B%2B%3Bx&includeArchived=true",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect()
}

pub(crate) fn answer_seeds() -> Vec<Vec<u8>> {
    [
        "\u{0}{}",
        "\u{1}{\"chat\":{\"guid\":\"any;-;a@b.cd\",\"service\":\"CHAT_SERVICE_TYPE_IMESSAGE\",\"unreadCount\":0,\"participants\":[{\"address\":\"a@b.cd\"}]}}",
        "\u{2}{\"chat\":{\"guid\":\"any;+;x\",\"isGroup\":true},\"initialMessage\":{\"guid\":\"m\",\"content\":{\"text\":\"hi\"},\"isFromMe\":true}}",
        "\u{3}{\"count\":\"12\"}",
        "\u{4}{\"backgroundPresent\":true}",
        "\u{4}{\"code\":\"not_found\",\"message\":\"m\",\"errorCode\":\"chatNotFound\",\"retryable\":false,\"context\":{\"chat\":\"x\"},\"requestId\":\"r\"}",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect()
}
