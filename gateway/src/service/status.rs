//! The gRPC form of an error, in both directions: the fronts write it with [`from_error`], the relay reads its upstream's
//! with [`to_error`]. The code is in `error-code`, `x-retryable: true` says that the same call may succeed later,
//! `grpc-retry-pushback-ms` when, and `error-context-<name>` are the details.
//!
//! The real service writes the same form, so what it may leave out or write otherwise is read, too.

use std::borrow::Cow;

use im_chats_protocol::error::{Error, ErrorCode, GrpcCode};
use im_chats_protocol::wire::failure::{default_code, retry_after_seconds};
use im_chats_protocol::wire::routes::REQUEST_ID_HEADER;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use tonic::metadata::{AsciiMetadataKey, AsciiMetadataValue, KeyAndValueRef, MetadataMap};
use tonic::{Code, Status};

const ERROR_CODE: &str = "error-code";
const RETRYABLE: &str = "x-retryable";
const PUSHBACK: &str = "grpc-retry-pushback-ms";

/// Prefix of the names of details.
const CONTEXT: &str = "error-context-";

/// The names of details that have capitals, which the names of metadata cannot have; comma-separated.
const NAMES: &str = "x-context-names";

/// Names with capitals that the real service uses, which does not send [`NAMES`].
const KNOWN_NAMES: [&str; 3] = ["chatGuid", "idempotencyKey", "messageGuid"];

/// What cannot travel in a metadata value, and the `%` that says so. Bytes beyond ASCII are always encoded.
const UNSAFE: &AsciiSet = &CONTROLS.add(b'%');

/// Longest text of one value, in characters: a client refuses a head that is too large, and would then learn nothing.
pub const MAX_VALUE: usize = 1024;

/// The status that carries all of an error.
#[must_use]
pub fn from_error(error: &Error) -> Status {
    let mut metadata = MetadataMap::new();
    put(&mut metadata, ERROR_CODE, &error.code);
    if error.retryable {
        put(&mut metadata, RETRYABLE, "true");
    }
    if let Some(wait) = error.retry_after_ms {
        // A signed 32-bit number by gRPC's definition.
        put(&mut metadata, PUSHBACK, &i32::try_from(wait).unwrap_or(i32::MAX).to_string());
    }
    if let Some(id) = &error.request_id {
        put(&mut metadata, REQUEST_ID_HEADER, id);
    }
    for (name, value) in &error.context {
        put(&mut metadata, &format!("{CONTEXT}{name}"), value);
    }
    let capitals = |name: &&str| name.bytes().any(|letter| letter.is_ascii_uppercase());
    let names: Vec<&str> = error.context.iter().map(|(name, _)| name.as_ref()).filter(capitals).collect();
    if !names.is_empty() {
        put(&mut metadata, NAMES, &names.join(","));
    }
    let code = if cursor_code(&error.code).is_some() { GrpcCode::FailedPrecondition } else { error.grpc_code };
    Status::with_metadata(Code::from_i32(i32::from(code.number())), clip(&error.message), metadata)
}

/// The error that a status carries. What the server left out follows from the status.
#[must_use]
pub fn to_error(status: &Status) -> Error {
    let metadata = status.metadata();
    let text = |name: &str| metadata.get(name).and_then(|value| value.to_str().ok()).map(decode);
    let grpc_code = GrpcCode::from_number(u32::try_from(i32::from(status.code())).unwrap_or(2));
    let code = text(ERROR_CODE).filter(|code| !code.is_empty());
    let mut error = Error::new(default_code(grpc_code), status.message().to_owned());
    error.grpc_code = code.as_deref().and_then(cursor_code).map_or(grpc_code, ErrorCode::grpc_code);
    if error.message.is_empty() {
        error.message = error.grpc_code.name().into();
    }
    // Without a code of the service this came from something on the way, and the status says whether it is retryable.
    error.retryable = text(RETRYABLE).map_or(code.is_none() && error.retryable, |flag| flag == "true");
    if let Some(code) = code {
        error.code = code.into();
    }
    error.context = context(metadata);
    error.request_id = text(REQUEST_ID_HEADER);
    match text(PUSHBACK) {
        Some(pushback) => match pushback.parse() {
            Ok(wait) => error.retry_after_ms = Some(wait),
            // By gRPC's definition: do not try again.
            Err(_) => error.retryable = false,
        },
        None => error.retry_after_ms = text("retry-after").as_deref().and_then(retry_after_seconds),
    }
    error
}

/// Whether a status carries an error of the service, rather than one of the gRPC library itself.
#[must_use]
pub fn has_error(status: &Status) -> bool {
    status.metadata().contains_key(ERROR_CODE)
}

/// The error of a cursor that has this code. Ours class these as neither bad input nor a wrong state, but a client of the
/// real service drops the cursor that it has saved only on `INVALID_ARGUMENT` or `FAILED_PRECONDITION`, and would else ask
/// for ever.
fn cursor_code(code: &str) -> Option<ErrorCode> {
    ErrorCode::ALL.iter().copied().find(|known| known.is_cursor() && known.as_str() == code)
}

fn context(metadata: &MetadataMap) -> Vec<(Cow<'static, str>, Cow<'static, str>)> {
    let names = metadata.get(NAMES).and_then(|names| names.to_str().ok()).map(decode).unwrap_or_default();
    let spelt = |name: &str| {
        let known = names.split(',').chain(KNOWN_NAMES).find(|known| known.eq_ignore_ascii_case(name));
        known.unwrap_or(name).to_owned()
    };
    let detail = |entry| match entry {
        KeyAndValueRef::Ascii(key, value) => {
            let name = key.as_str().strip_prefix(CONTEXT)?;
            Some((spelt(name).into(), decode(value.to_str().ok()?).into()))
        }
        KeyAndValueRef::Binary(..) => None,
    };
    metadata.iter().filter_map(detail).collect()
}

/// A name that no metadata can have is left out: the message says it all the same.
fn put(metadata: &mut MetadataMap, name: &str, value: &str) {
    let name = AsciiMetadataKey::from_bytes(name.to_ascii_lowercase().as_bytes());
    if let (Ok(name), Ok(value)) = (name, AsciiMetadataValue::try_from(encode(clip(value)))) {
        metadata.insert(name, value);
    }
}

/// HTTP/2 allows no space at either end of a value.
fn encode(text: &str) -> String {
    let inner = text.trim_matches(' ');
    let leading = text.len().saturating_sub(text.trim_start_matches(' ').len());
    let trailing = text.len().saturating_sub(inner.len()).saturating_sub(leading);
    let inner = utf8_percent_encode(inner, UNSAFE);
    format!("{}{inner}{}", "%20".repeat(leading), "%20".repeat(trailing))
}

/// A text of a server that does not encode is as it came.
fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8().map_or_else(|_| text.to_owned(), Cow::into_owned)
}

fn clip(text: &str) -> &str {
    text.char_indices().nth(MAX_VALUE).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    fn status(code: Code, trailers: &[(&'static str, &str)]) -> Status {
        let mut metadata = MetadataMap::new();
        for (key, value) in trailers {
            metadata.insert(*key, value.parse().unwrap());
        }
        Status::with_metadata(code, "said", metadata)
    }

    #[test]
    fn a_status_carries_all_of_an_error() {
        let error = Error::new(ErrorCode::ChatNotFound, "no such chat")
            .with_context("chat", "any;-;é@example.com 100%\n")
            .with_context("retryAfter", " 1 ")
            .with_context("not a name", "x")
            .with_retryable(true);
        let status = from_error(&error);
        assert_eq!((status.code(), status.message()), (Code::NotFound, "no such chat"));
        let value = |name: &str| status.metadata().get(name).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(value("error-code").as_deref(), Some("chatNotFound"));
        assert_eq!(value("x-retryable").as_deref(), Some("true"));
        assert_eq!(value("error-context-chat").as_deref(), Some("any;-;%C3%A9@example.com 100%25%0A"));
        assert_eq!(value("error-context-retryafter").as_deref(), Some("%201%20"));
        assert_eq!(value("x-context-names").as_deref(), Some("retryAfter"));
        assert_eq!(status.metadata().len(), 5);
        assert!(from_error(&Error::invalid("x", "y")).metadata().get("x-retryable").is_none());
    }

    #[test]
    fn what_is_too_long_for_a_head_is_cut_between_characters() {
        let status = from_error(&Error::invalid("field", "é".repeat(5000)).with_context("value", "é".repeat(5000)));
        assert_eq!(status.metadata().get("error-context-value").unwrap().as_bytes().len(), MAX_VALUE * 6);
        assert_eq!(status.message().chars().count(), MAX_VALUE);
    }

    #[test]
    fn what_the_upstream_said_passes_word_for_word() {
        let error = to_error(&status(
            Code::ResourceExhausted,
            &[
                ("error-code", "moonPhaseExceeded"),
                ("x-retryable", "true"),
                ("error-context-chat", "any;-;100% é"),
                ("error-context-chatguid", "any;-;b"),
                ("retry-after", "3"),
                ("x-request-id", "r-1"),
            ],
        ));
        assert_eq!((error.code.as_ref(), error.grpc_code), ("moonPhaseExceeded", GrpcCode::ResourceExhausted));
        assert_eq!((error.message.as_ref(), error.retryable, error.retry_after_ms), ("said", true, Some(3000)));
        assert_eq!(error.context_value("chatGuid"), Some("any;-;b"));
        assert_eq!(error.request_id.as_deref(), Some("r-1"));
    }

    #[test]
    fn a_status_without_a_code_is_understood_by_itself() {
        for (code, name, retryable) in [
            (Code::Unauthenticated, "unauthenticated", false),
            (Code::Unavailable, "serviceUnavailable", true),
            (Code::DeadlineExceeded, "timeout", true),
            (Code::ResourceExhausted, "burstRateExceeded", true),
            (Code::NotFound, "chatNotFound", false),
            (Code::Internal, "internalError", false),
        ] {
            let error = to_error(&status(code, &[]));
            assert_eq!((error.code.as_ref(), error.retryable), (name, retryable), "{code:?}");
        }
        assert!(!to_error(&status(Code::Unavailable, &[("error-code", "serviceUnavailable")])).retryable);
    }

    #[test]
    fn a_pushback_is_a_wait_or_an_order_not_to_try_again() {
        for (pushback, retryable, wait) in [("250", true, Some(250)), ("-1", false, None), ("soon", false, None)] {
            let trailers = [("error-code", "serviceUnavailable"), ("x-retryable", "true"), (PUSHBACK, pushback)];
            let error = to_error(&status(Code::Unavailable, &trailers));
            assert_eq!((error.retryable, error.retry_after_ms), (retryable, wait), "{pushback}");
        }
    }

    #[test]
    fn a_client_of_the_real_service_drops_a_cursor_that_is_refused() {
        for code in ErrorCode::ALL.iter().copied().filter(|code| code.is_cursor()) {
            let error = Error::new(code, code.grpc_code().name()).with_context("head", "3");
            let status = from_error(&error);
            assert_eq!(status.code(), Code::FailedPrecondition);
            assert_eq!(to_error(&status), error, "our own readers see the class they always did");
            let silent = Status::with_metadata(status.code(), "", status.metadata().clone());
            assert_eq!(to_error(&silent), error, "without a message, too");
        }
    }

    /// Any error that a front may have to write.
    pub(crate) fn any_error() -> impl Strategy<Value = Error> {
        let code = prop_oneof![
            prop::sample::select(ErrorCode::ALL).prop_map(|code| (code.as_str().to_owned(), code.grpc_code())),
            ("[a-zA-Z]{1,20}", 1..17_u32).prop_map(|(code, number)| (code, GrpcCode::from_number(number))),
        ];
        let text = prop_oneof!["\\PC{1,40}", "[ -~]{1,40}", " {0,3}[ä%25\n\t]{1,9} {0,3}", any::<String>()];
        let context = prop::collection::hash_map("[a-z][a-zA-Z0-9_.-]{0,12}", text.clone(), 0..6);
        let wait = prop::option::of(0..=u64::from(i32::MAX.unsigned_abs()));
        let request_id = prop::option::of("[!-~]{1,64}");
        (code, text, any::<bool>(), context, wait, request_id).prop_map(
            |((code, grpc_code), message, retryable, context, retry_after_ms, request_id)| {
                let mut error = Error::new(ErrorCode::InternalError, message);
                (error.code, error.grpc_code, error.retryable) = (code.into(), grpc_code, retryable);
                (error.retry_after_ms, error.request_id) = (retry_after_ms, request_id);
                // Names that differ in their capitals alone are one name in HTTP.
                let mut seen = std::collections::HashSet::new();
                for (name, value) in context {
                    if seen.insert(name.to_lowercase()) {
                        error = error.with_context(name, value);
                    }
                }
                error
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_written_is_what_is_read(error in any_error()) {
            // Over the wire, not only through the library's own type.
            let response = from_error(&error).into_http::<()>();
            let mut read = to_error(&Status::from_header_map(response.headers()).expect("a status"));
            let mut written = error;
            written.context.sort();
            read.context.sort();
            if written.message.is_empty() {
                written.message = written.grpc_code.name().into();
            }
            prop_assert_eq!(read, written);
        }
    }
}
