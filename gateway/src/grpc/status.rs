//! Between our errors and gRPC's statuses: the code in `error-code`, `x-retryable: true`, facts in `error-context-<name>`.

use im_chats::error::{Error, ErrorCode};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use tonic::metadata::{AsciiMetadataKey, AsciiMetadataValue, MetadataMap};
use tonic::{Code, Status};

/// What cannot travel in a metadata value, and the `%` that says so. Bytes beyond ASCII are always encoded.
const UNSAFE: &AsciiSet = &CONTROLS.add(b'%');

/// Longest text of one value, in characters: a client refuses a head that is too large, and would then learn nothing.
const MAX_VALUE: usize = 1024;

/// Where tonic says that protobuf could not be read.
const UNREADABLE: &str = "failed to decode Protobuf message: ";

/// The status that carries all of an error.
#[must_use]
pub fn from_error(error: &Error) -> Status {
    let mut metadata = MetadataMap::new();
    put(&mut metadata, "error-code", &error.code);
    if error.retryable {
        put(&mut metadata, "x-retryable", "true");
    }
    if let Some(wait) = error.retry_after_ms {
        put(&mut metadata, "grpc-retry-pushback-ms", &wait.to_string());
    }
    for (name, value) in &error.context {
        put(&mut metadata, &format!("error-context-{name}"), value);
    }
    Status::with_metadata(Code::from_i32(i32::from(error.grpc_code.number())), clip(&error.message), metadata)
}

/// A name that no metadata can have is left out: the message says it all the same.
fn put(metadata: &mut MetadataMap, name: &str, value: &str) {
    let value = utf8_percent_encode(clip(value), UNSAFE).to_string();
    if let (Ok(name), Ok(value)) = (AsciiMetadataKey::from_bytes(name.as_bytes()), AsciiMetadataValue::try_from(value)) {
        metadata.insert(name, value);
    }
}

fn clip(text: &str) -> &str {
    text.char_indices().nth(MAX_VALUE).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

/// What is wrong when no service or method has this name.
#[must_use]
pub fn no_such_method() -> Error {
    Error::new(ErrorCode::OperationNotSupported, "there is no such method; server reflection lists what there is")
}

/// What a refusal of the gRPC library itself means in our codes; nothing when it is ours already, or means what it says.
pub(super) fn own_words(status: &Status) -> Option<Error> {
    if status.metadata().contains_key("error-code") {
        return None;
    }
    match status.code() {
        Code::OutOfRange | Code::ResourceExhausted => {
            Some(Error::invalid("body", format!("the message is too large: {}", status.message())))
        }
        // Whatever fails in a handler has a code of ours: this is about the request's message.
        Code::Internal => Some(unreadable(status.message())),
        Code::Unimplemented if status.message().is_empty() => Some(no_such_method()),
        Code::Unimplemented => Some(Error::new(ErrorCode::OperationNotSupported, status.message().to_owned())),
        Code::Unknown | Code::Cancelled | Code::DeadlineExceeded => {
            Some(Error::new(ErrorCode::Timeout, "the request's message did not arrive in time").retryable())
        }
        _ => None,
    }
}

/// The library names messages and fields on its way to the fault: `CreateChatRequest.addresses: …`.
fn unreadable(message: &str) -> Error {
    let Some(mut rest) = message.strip_prefix(UNREADABLE) else {
        return Error::invalid("body", format!("the message cannot be read: {message}"));
    };
    let mut path = Vec::new();
    while let Some((place, after)) = rest.split_once(": ") {
        let Some((_, field)) = place.rsplit_once('.').filter(|_| !place.contains(' ')) else { break };
        // The innermost comes first.
        path.insert(0, camel_case(field));
        rest = after;
    }
    let field = if path.is_empty() { "body".to_owned() } else { path.join(".") };
    Error::invalid(field, rest.to_owned())
}

fn camel_case(name: &str) -> String {
    let mut upper = false;
    name.chars().fold(String::with_capacity(name.len()), |mut camel, letter| {
        if letter == '_' {
            upper = true;
        } else {
            camel.push(if upper { letter.to_ascii_uppercase() } else { letter });
            upper = false;
        }
        camel
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_carries_all_of_an_error() {
        let error = Error::new(ErrorCode::ChatNotFound, "no such chat")
            .with_context("chat", "any;-;é@example.com 100%\n")
            .with_context("retryAfter", "1")
            .with_context("not a name", "x")
            .retryable();
        let status = from_error(&error);
        assert_eq!((status.code(), status.message()), (Code::NotFound, "no such chat"));
        let value = |name: &str| status.metadata().get(name).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(value("error-code").as_deref(), Some("chatNotFound"));
        assert_eq!(value("x-retryable").as_deref(), Some("true"));
        assert_eq!(value("error-context-chat").as_deref(), Some("any;-;%C3%A9@example.com 100%25%0A"));
        assert_eq!(value("error-context-retryafter").as_deref(), Some("1"));
        assert_eq!(status.metadata().len(), 4);
        assert!(from_error(&Error::invalid("x", "y")).metadata().get("x-retryable").is_none());
    }

    #[test]
    fn what_is_too_long_for_a_head_is_cut_between_characters() {
        let status = from_error(&Error::invalid("field", "é".repeat(5000)).with_context("value", "é".repeat(5000)));
        assert_eq!(status.message().chars().count(), MAX_VALUE);
        assert_eq!(status.metadata().get("error-context-value").unwrap().as_bytes().len(), MAX_VALUE * 6);
    }

    #[test]
    fn the_field_that_cannot_be_read_is_named_as_in_json() {
        use prost::Message as _;
        let bad = crate::proto::CreateChatRequest::decode(&b"\x1a\x04\x0a\x02\xff\xff"[..]).unwrap_err();
        let error = own_words(&Status::internal(bad.to_string())).unwrap();
        assert_eq!(
            (error.context_value("field"), error.code.as_ref()),
            (Some("initialMessage.text"), "invalidArgument"),
            "{error}"
        );
        let bad = crate::proto::CreateChatRequest::decode(&b"\x0a"[..]).unwrap_err();
        assert!(own_words(&Status::internal(bad.to_string())).unwrap().context_value("field").is_some());
        assert_eq!(own_words(&from_error(&Error::new(ErrorCode::InternalError, "ours"))), None);
    }
}
