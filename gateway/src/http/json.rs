//! JSON bodies, with errors that name the field.

use axum::extract::Request;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use im_chats_protocol::error::Error;
use im_chats_protocol::limits::{MAX_IMAGE_BYTES, MAX_REQUEST_BODY_BYTES, image_too_large};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::body;
use super::failure::Failure;
use im_chats_protocol::wire::unique::{Unique, repeated};

/// Largest body, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimit(pub usize);

/// Largest body of a call that carries no image.
pub const SMALL_BODY: BodyLimit = BodyLimit(MAX_REQUEST_BODY_BYTES);

/// Largest body of `setBackground`: the largest image in base64, and room for the rest. Some programs write every `/` of
/// base64 as `\/`, which is one character in 64.
const IMAGE_BODY: BodyLimit = BodyLimit(MAX_IMAGE_BYTES / 3 * 4 + MAX_IMAGE_BYTES / 48 + 64 * 1024);

/// Reads a request's body as `T`.
///
/// # Errors
/// 415 for another media type, 413 above the limit, else `invalidArgument` naming the field.
pub async fn read<T: DeserializeOwned>(request: Request, limit: BodyLimit) -> Result<T, Failure> {
    // One copy of the code for all bodies: only what parses is another one for each.
    let bytes: BoxFuture<'_, _> = Box::pin(bytes(request, limit));
    Ok(parse(&bytes.await?)?)
}

/// The body of a request that says it is JSON.
async fn bytes(request: Request, limit: BodyLimit) -> Result<Bytes, Failure> {
    let media = request.headers().get(CONTENT_TYPE).map(|value| value.to_str().unwrap_or("(not readable)").to_owned());
    if let Some(media) = media.filter(|media| !is_json(media)) {
        let error = Error::invalid("content-type", "send application/json").with_context("value", media);
        return Err(Failure::with_status(error, StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    body::read(request.into_body(), limit.0).await
}

/// Reads a body with an image in it. What makes such a body too large is the image, and that is what the error names.
///
/// # Errors
/// As [`read`]; 413 names the field `data`.
pub async fn with_image<T: DeserializeOwned>(request: Request) -> Result<T, Failure> {
    read(request, IMAGE_BODY).await.map_err(|failure| match failure.status {
        StatusCode::PAYLOAD_TOO_LARGE => Failure::with_status(image_too_large("data"), failure.status),
        _ => failure,
    })
}

fn is_json(media: &str) -> bool {
    let essence = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// Reads proto3-JSON. An empty body is an empty message, and a field that is `null` is absent.
///
/// # Errors
/// `invalidArgument`; `context.field` names the field, or is `body`.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return parse(b"{}");
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let first = serde_path_to_error::deserialize(&mut reader).map_err(named).and_then(|value| {
        reader.end().map_err(|error| Error::invalid("body", error.to_string()))?;
        Ok(value)
    });
    // The generated readers take no null, and no `5.0` for a whole number. Both are rare, so only a body that failed is searched for
    // them.
    let is_float = |window: &[u8]| matches!(window, [before, b'.'] if before.is_ascii_digit());
    match first {
        Err(_) if bytes.windows(4).any(|window| window == b"null") || bytes.windows(2).any(is_float) => normalised(bytes),
        result => result,
    }
}

fn normalised<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    let text = plain(bytes)?;
    serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(&text)).map_err(|error| {
        // A place in the text that was made here is none in what came.
        let place = format!(" at line {} column {}", error.inner().line(), error.inner().column());
        let mut error = named(error);
        error.message = error.message.trim_end_matches(place.as_str()).to_owned().into();
        error
    })
}

/// The same body as the generated readers take it.
fn plain(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let Unique(mut value) = serde_path_to_error::deserialize(&mut reader).map_err(named)?;
    reader.end().map_err(|error| Error::invalid("body", error.to_string()))?;
    normalise(&mut value);
    serde_json::to_vec(&value).map_err(|error| Error::invalid("body", error.to_string()))
}

fn normalise(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(normalise);
        }
        // The proto3-JSON mapping allows no null in a list.
        Value::Array(items) => items.iter_mut().for_each(normalise),
        Value::Number(number) => {
            let whole = number.as_f64().filter(|float| number.is_f64() && float.fract() == 0.0);
            if let Some(whole) = whole.and_then(|float| float.to_string().parse::<i64>().ok()) {
                *number = whole.into();
            }
        }
        _ => {}
    }
}

fn named(error: serde_path_to_error::Error<serde_json::Error>) -> Error {
    let path = error.path().to_string();
    let inside = !matches!(path.as_str(), "." | "?");
    let message = error.inner().to_string();
    // The path ends at the object; only the message names the repeated field.
    if let Some(name) = repeated(&message) {
        let field = if inside { format!("{path}.{name}") } else { name.to_owned() };
        return Error::invalid(field, "this field is given more than once");
    }
    Error::invalid(if inside { path } else { "body".to_owned() }, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::proto::{CreateChatRequest, SetTypingRequest};

    fn field(json: &str) -> String {
        let error = parse::<CreateChatRequest>(json.as_bytes()).unwrap_err();
        error.context_value("field").unwrap_or_default().to_owned()
    }

    #[test]
    fn an_error_names_its_field() {
        for (json, name) in [
            (r#"{"addresses":["a@b.c",5]}"#, "addresses[1]"),
            (r#"{"addresses":"a@b.c"}"#, "addresses"),
            (r#"{"addresses":["a@b.c",null]}"#, "addresses[1]"),
            (r#"{"initialMessage":{"text":true}}"#, "initialMessage.text"),
            (r#"{"service":"PIGEON"}"#, "service"),
            (r#"{"clientMessageId":"\ud800"}"#, "clientMessageId"),
            (r"[]", "body"),
            (r"{", "body"),
            (r"{} {}", "body"),
        ] {
            assert_eq!(field(json), name, "{json}");
        }
        assert!(parse::<CreateChatRequest>(b"{\"clientMessageId\":\"\xff\"}").is_err());
        assert!(parse::<CreateChatRequest>("[".repeat(100_000).as_bytes()).is_err());
    }

    #[test]
    fn a_field_that_is_given_twice_is_refused_by_name() {
        for (json, name) in [
            (r#"{"clientMessageId":"a","clientMessageId":"b"}"#, "clientMessageId"),
            (r#"{"clientMessageId":"a","client_message_id":"a"}"#, "clientMessageId"),
            (r#"{"initialMessage":{"text":"a","text":"b"}}"#, "initialMessage.text"),
            (r#"{"initialMessage":{"text":"a"},"initialMessage":{"text":"a"}}"#, "initialMessage"),
            // With a null somewhere, the body is read in another way.
            (r#"{"service":null,"clientMessageId":"a","clientMessageId":"b"}"#, "clientMessageId"),
            (r#"{"initialMessage":{"text":null,"text":"b"}}"#, "initialMessage.text"),
        ] {
            assert_eq!(field(json), name, "{json}");
        }
    }

    #[test]
    fn absent_null_and_unknown_are_all_the_default() {
        for json in ["", " ", "{}", r#"{"chatGuid":null,"isTyping":null}"#, r#"{"isTyping":false,"later":{"x":[1]}}"#] {
            assert_eq!(parse::<SetTypingRequest>(json.as_bytes()), Ok(SetTypingRequest::default()), "{json}");
        }
    }

    #[test]
    fn a_whole_number_may_be_written_with_a_point() {
        let service = |json: &str| parse::<CreateChatRequest>(json.as_bytes()).map(|request| request.service);
        assert_eq!(service(r#"{"service":2.0}"#), Ok(2));
        assert_eq!(service(r#"{"service":2.0,"clientMessageId":null}"#), Ok(2));
        for json in [r#"{"service":2.5}"#, r#"{"service":1e300,"x":1.0}"#, r#"{"service":"2.0"}"#] {
            assert_eq!(field(json), "service", "{json}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_a_request_or_an_error(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..64)) {
            if let Err(error) = parse::<CreateChatRequest>(&bytes) {
                proptest::prop_assert!(error.context_value("field").is_some());
            }
        }
    }
}
