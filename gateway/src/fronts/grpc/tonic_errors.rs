//! Maps tonic's own errors to ours.

use im_chats_protocol::error::{Error, ErrorCode};
use tonic::{Code, Status};

use crate::service::status;

/// Where tonic says that protobuf could not be read.
const UNREADABLE: &str = "failed to decode Protobuf message: ";

/// What is wrong when no service or method has this name.
#[must_use]
pub fn no_such_method() -> Error {
    Error::new(ErrorCode::OperationNotSupported, "there is no such method; server reflection lists what there is")
}

/// Maps tonic's own errors to ours. `None` when the error is ours already, or needs no other words.
pub(super) fn own_words(status: &Status) -> Option<Error> {
    if status::has_error(status) {
        return None;
    }
    match status.code() {
        _ if is_too_large(status) => Some(Error::invalid("body", format!("the message is too large: {}", status.message()))),
        // Whatever fails in a handler has a code of ours: this is about the request's message.
        Code::Internal => Some(unreadable(status.message())),
        Code::Unimplemented if status.message().is_empty() => Some(no_such_method()),
        Code::Unimplemented => Some(Error::new(ErrorCode::OperationNotSupported, status.message().to_owned())),
        Code::Unknown | Code::Cancelled | Code::DeadlineExceeded => {
            Some(Error::new(ErrorCode::Timeout, "the request's message did not arrive in time"))
        }
        _ => None,
    }
}

/// Whether the library refused a message by its size.
pub(super) fn is_too_large(status: &Status) -> bool {
    !status::has_error(status) && matches!(status.code(), Code::OutOfRange | Code::ResourceExhausted)
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
    fn the_field_that_cannot_be_read_is_named_as_in_json() {
        use prost::Message as _;
        let bad = crate::service::proto::CreateChatRequest::decode(&b"\x1a\x04\x0a\x02\xff\xff"[..]).unwrap_err();
        let error = own_words(&Status::internal(bad.to_string())).unwrap();
        assert_eq!(
            (error.context_value("field"), error.code.as_ref()),
            (Some("initialMessage.text"), "invalidArgument"),
            "{error}"
        );
        let bad = crate::service::proto::CreateChatRequest::decode(&b"\x0a"[..]).unwrap_err();
        assert!(own_words(&Status::internal(bad.to_string())).unwrap().context_value("field").is_some());
        assert_eq!(own_words(&status::from_error(&Error::new(ErrorCode::InternalError, "ours"))), None);
    }
}
