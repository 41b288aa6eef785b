//! The upstream's failures, as ours.

use std::error::Error as _;

use im_chats::error::{Error, ErrorCode, GrpcCode};
use im_chats::wire::failure::default_code;
use tonic::metadata::KeyAndValueRef;
use tonic::{Code, Status};

/// Prefix of the trailers that carry facts.
const CONTEXT: &str = "error-context-";

/// Facts whose names have capitals, which the names of trailers cannot have.
const NAMES: [&str; 3] = ["chatGuid", "idempotencyKey", "messageGuid"];

/// Who answered, in an error that the upstream gave.
pub const UPSTREAM: &str = "upstream";

/// The error that a status means: what the upstream said, word for word, or what became of the connection to it.
#[must_use]
pub fn from_status(status: &Status) -> Error {
    if status.source().is_some() {
        return lost(status);
    }
    let text = |key: &str| status.metadata().get(key).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let grpc_code = GrpcCode::from_number(u32::try_from(i32::from(status.code())).unwrap_or(2));
    let code = text("error-code").filter(|code| !code.is_empty());
    // Without a code of the service this came from something on the way, whose status says whether to try again.
    let passing = matches!(grpc_code, GrpcCode::Unavailable | GrpcCode::ResourceExhausted | GrpcCode::DeadlineExceeded);
    let retryable = text("x-retryable").map_or(code.is_none() && passing, |flag| flag == "true");
    let message = if status.message().is_empty() { grpc_code.name() } else { status.message() };
    let mut error = Error::new(default_code(grpc_code), message.to_owned());
    if let Some(code) = code {
        error.code = code.into();
    }
    error.grpc_code = grpc_code;
    error.retryable = retryable;
    error.source = Some(UPSTREAM.into());
    error.context = context(status);
    error.retry_after_ms = text("retry-after").as_deref().and_then(im_chats::wire::failure::retry_after_seconds);
    error
}

fn context(status: &Status) -> Vec<(std::borrow::Cow<'static, str>, std::borrow::Cow<'static, str>)> {
    let fact = |entry| match entry {
        KeyAndValueRef::Ascii(key, value) => {
            let name = key.as_str().strip_prefix(CONTEXT)?;
            let name = NAMES.iter().find(|known| known.eq_ignore_ascii_case(name)).map_or(name, |known| *known);
            Some((name.to_owned().into(), value.to_str().ok()?.to_owned().into()))
        }
        KeyAndValueRef::Binary(..) => None,
    };
    status.metadata().iter().filter_map(fact).collect()
}

/// Nobody answered.
fn lost(status: &Status) -> Error {
    let code = if status.code() == Code::DeadlineExceeded { ErrorCode::Timeout } else { ErrorCode::ServiceUnavailable };
    Error::new(code, format!("the upstream cannot be reached: {}", reason(status))).retryable()
}

/// The innermost reason: it is the one that an operator can do something about.
fn reason(status: &Status) -> String {
    let mut innermost: &dyn std::error::Error = status;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// Whether the connection was never there, so that nothing of a call can have arrived.
#[must_use]
pub fn never_connected(status: &Status) -> bool {
    let mut next = status.source();
    while let Some(error) = next {
        if error.is::<tonic::ConnectError>() {
            return true;
        }
        next = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic::metadata::MetadataMap;

    fn status(code: Code, trailers: &[(&'static str, &str)]) -> Status {
        let mut metadata = MetadataMap::new();
        for (key, value) in trailers {
            metadata.insert(*key, value.parse().unwrap());
        }
        Status::with_metadata(code, "said", metadata)
    }

    #[test]
    fn what_the_upstream_said_passes_word_for_word() {
        let error = from_status(&status(
            Code::ResourceExhausted,
            &[
                ("error-code", "moonPhaseExceeded"),
                ("x-retryable", "true"),
                ("error-context-chat", "any;-;a"),
                ("retry-after", "3"),
            ],
        ));
        assert_eq!((error.code.as_ref(), error.grpc_code), ("moonPhaseExceeded", GrpcCode::ResourceExhausted));
        assert_eq!((error.message.as_ref(), error.retryable, error.retry_after_ms), ("said", true, Some(3000)));
        assert_eq!((error.context_value("chat"), error.source.as_deref()), (Some("any;-;a"), Some("upstream")));
    }

    #[test]
    fn a_status_without_a_code_is_understood_by_itself() {
        for (code, name, retryable) in [
            (Code::Unauthenticated, "unauthenticated", false),
            (Code::Unavailable, "serviceUnavailable", true),
            (Code::NotFound, "chatNotFound", false),
            (Code::Internal, "internalError", false),
        ] {
            let error = from_status(&status(code, &[]));
            assert_eq!((error.code.as_ref(), error.retryable), (name, retryable), "{code:?}");
        }
        assert!(!from_status(&status(Code::Unavailable, &[("error-code", "serviceUnavailable")])).retryable);
    }
}
