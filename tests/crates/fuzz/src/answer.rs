//! REST responses and failures as the SDK reads them.

use im_chats_protocol::wire::failure::{self, FailedResponse};
use im_chats_protocol::wire::response::ResponseShape;
use serde_json::Value;

/// The first byte chooses the shape; the rest is the response's body.
pub(crate) fn run(data: &[u8]) {
    let Some((kind, body)) = data.split_first() else { return };
    let body = serde_json::from_slice::<Value>(body);
    let shape = match kind % 5 {
        0 => ResponseShape::Empty,
        1 => ResponseShape::Chat,
        2 => ResponseShape::Created,
        3 => ResponseShape::Count,
        4 => ResponseShape::BackgroundPresent,
        _ => ResponseShape::Token,
    };
    if let Ok(body) = &body {
        match shape.read(body) {
            // The user's `undefined` and the documented shapes: never a null inside.
            Ok(value) if shape != ResponseShape::Empty => assert!(!has_null(&value), "{value} of {body}"),
            Ok(_) => {}
            Err(error) => assert_eq!(error.code, "internalError"),
        }
    }
    let status = 400 + u16::from(*kind);
    let retry_after_ms = failure::retry_after_seconds(&String::from_utf8_lossy(data));
    let error = failure::read(FailedResponse { status, retry_after_ms, request_id: None }, body.as_ref().ok());
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

pub(crate) fn seeds() -> Vec<Vec<u8>> {
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
