//! REST bodies and queries as the gateway reads them.

use im_chats_gateway::http::json::parse;
use im_chats_gateway::http::query::Query;
use im_chats_gateway::service::proto;
use im_chats_protocol::wire::routes::Route;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The first byte chooses the message; the rest is the body, and the query string.
pub(crate) fn run(data: &[u8]) {
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

/// A message that was read, written and read again is the same.
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
        for field in Route::ALL.iter().flat_map(|route| route.definition().fields) {
            let _ = (query.guid(field.name), query.flag(field.name));
        }
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
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
