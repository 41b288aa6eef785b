//! Failed REST responses: the service's own failure body, or the response of an intermediary such as a proxy.

use super::json::{ReadJson, integer};
use crate::error::{Category, Error, ErrorCode, ErrorDetails, GrpcCode};
use crate::number::decimal;
use alloc::borrow::ToOwned;
use alloc::vec::Vec;

/// The `source` of an error that is not the service's own.
const INTERMEDIARY: &str = "intermediary";

/// An HTTP response that is not a success, apart from its body.
#[derive(Debug, Clone, Copy)]
pub struct FailedResponse<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The header `Retry-After`, in milliseconds.
    pub retry_after_ms: Option<u64>,
    /// The header `x-request-id`.
    pub request_id: Option<&'a str>,
}

/// The error in a failed response. `body` is the parsed body when it was JSON.
///
/// A body of the service has `code`, the lower-case name of a gRPC status. Any other body came from an intermediary, and the HTTP
/// status alone decides.
pub fn read<J: ReadJson>(response: FailedResponse<'_>, body: Option<J>) -> Error {
    let status = body.as_ref().and_then(|body| GrpcCode::from_name(&body.field("code").text()?));
    let mut error = match (body, status) {
        (Some(body), Some(grpc_code)) => {
            let text = |name: &str| body.field(name).text().filter(|text| !text.is_empty());
            ErrorDetails {
                code: text("errorCode").map_or_else(|| default_name(grpc_code).into(), Into::into),
                grpc_code,
                message: text("message").map_or_else(|| grpc_code.name().into(), Into::into),
                retryable: body.field("retryable").flag().unwrap_or(false),
                context: body.field("context").texts().into_iter().map(|(key, value)| (key.into(), value.into())).collect(),
                retry_after_ms: integer(&body.field("retryAfterMs")),
                source: text("source").map(Into::into),
                request_id: text("requestId"),
                cause: None,
            }
            .into()
        }
        _ => {
            let grpc_code = GrpcCode::from_http_status(response.status);
            let error: Error = ErrorDetails {
                code: intermediary_code(response.status).into(),
                grpc_code,
                message: "the service did not answer; something before it did".into(),
                retryable: matches!(response.status, 408 | 429 | 502 | 503 | 504),
                context: Vec::new(),
                retry_after_ms: None,
                source: Some(INTERMEDIARY.into()),
                request_id: None,
                cause: None,
            }
            .into();
            error.with_context("httpStatus", decimal(response.status.into()))
        }
    };
    // The body has milliseconds, the header whole seconds.
    error.retry_after_ms = error.retry_after_ms.or(response.retry_after_ms);
    if error.request_id.is_none() {
        error.request_id = response.request_id.map(str::to_owned);
    }
    error
}

/// The error in a response that refuses a WebSocket upgrade; `location` is the target of a redirect.
///
/// It is retryable, because an intermediary may soon stop refusing, unless the gateway itself refuses. After `unauthenticated`
/// the client asks for a fresh token.
pub fn read_upgrade<J: ReadJson>(response: FailedResponse<'_>, body: Option<J>, location: Option<&str>) -> Error {
    let mut error = read(response, body);
    let status = response.status;
    if error.source.as_deref() != Some(INTERMEDIARY) {
        error.retryable |= error.category() != Category::Authentication;
        return error;
    }
    let redirect;
    let what = match status {
        300..=399 => {
            redirect = ["it redirects to ", location.unwrap_or("elsewhere")].concat();
            redirect.as_str()
        }
        401 => "something before the gateway asks for another credential",
        403 | 407 | 429 => "something before the gateway refuses this client",
        502..=504 => "the gateway behind the proxy does not answer",
        _ => "it is not an im-chats gateway, or the path of the address is wrong",
    };
    error.message = ["the server answered ", &decimal(status.into()), ": ", what].concat().into();
    if !matches!(status, 401 | 403 | 407 | 429 | 502..=504) {
        error.code = ErrorCode::NetworkError.as_str().into();
        error.grpc_code = ErrorCode::NetworkError.grpc_code();
    }
    error.retryable = status != 401;
    error
}

/// The code for an intermediary's failure. It is never about chats: a proxy's 404 says nothing about a chat.
const fn intermediary_code(status: u16) -> &'static str {
    match status {
        408 | 504 => ErrorCode::Timeout.as_str(),
        502 | 503 => ErrorCode::ServiceUnavailable.as_str(),
        401 => ErrorCode::Unauthenticated.as_str(),
        403 => ErrorCode::Unauthorized.as_str(),
        _ => ErrorCode::InternalError.as_str(),
    }
}

fn default_name(grpc_code: GrpcCode) -> &'static str {
    DEFAULT_CODES.get(usize::from(grpc_code.number())).copied().unwrap_or_default()
}

/// The default codes by status, computed at compile time so that the wasm keeps only these names.
#[expect(clippy::indexing_slicing, reason = "the compiler would see an index out of range")]
const DEFAULT_CODES: [&str; GrpcCode::ALL.len()] = {
    let mut names = [""; GrpcCode::ALL.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = default_code(GrpcCode::ALL[index]).as_str();
        index += 1;
    }
    names
};

/// The code for a failure of the service whose body has none.
#[must_use]
pub const fn default_code(grpc_code: GrpcCode) -> ErrorCode {
    match grpc_code {
        GrpcCode::Unauthenticated => ErrorCode::Unauthenticated,
        GrpcCode::PermissionDenied => ErrorCode::Unauthorized,
        GrpcCode::NotFound => ErrorCode::ChatNotFound,
        GrpcCode::ResourceExhausted => ErrorCode::BurstRateExceeded,
        GrpcCode::InvalidArgument => ErrorCode::InvalidArgument,
        GrpcCode::FailedPrecondition => ErrorCode::PreconditionFailed,
        GrpcCode::AlreadyExists => ErrorCode::DuplicateMessage,
        GrpcCode::Unimplemented => ErrorCode::OperationNotSupported,
        GrpcCode::Unavailable => ErrorCode::ServiceUnavailable,
        GrpcCode::DeadlineExceeded => ErrorCode::Timeout,
        _ => ErrorCode::InternalError,
    }
}

/// The value of a `Retry-After` header that is in whole seconds, in milliseconds; `None` when it is a date.
#[must_use]
pub fn retry_after_seconds(header: &str) -> Option<u64> {
    header.trim().parse::<u64>().ok().and_then(|seconds| seconds.checked_mul(1000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Category;
    use serde_json::{Value, json};

    const BARE: FailedResponse<'_> = FailedResponse { status: 500, retry_after_ms: None, request_id: None };

    #[test]
    fn the_services_own_body_is_taken_at_its_word() {
        let body = json!({
            "code": "not_found", "message": "no such chat", "source": "middleware", "errorCode": "chatNotFound",
            "retryable": false, "context": { "chat": "any;-;x" }, "requestId": "r-1"
        });
        let error = read(FailedResponse { status: 404, ..BARE }, Some(&body));
        assert_eq!((error.code.as_ref(), error.category()), ("chatNotFound", Category::NotFound));
        assert_eq!(error.context_value("chat"), Some("any;-;x"));
        assert_eq!((error.source.as_deref(), error.request_id.as_deref()), (Some("middleware"), Some("r-1")));
    }

    #[test]
    fn codes_of_a_newer_server_pass_through() {
        let body = json!({ "code": "resource_exhausted", "errorCode": "moonPhaseExceeded", "retryable": true });
        let error = read(FailedResponse { status: 429, retry_after_ms: Some(1500), ..BARE }, Some(&body));
        assert_eq!((error.code.as_ref(), error.category()), ("moonPhaseExceeded", Category::RateLimit));
        assert_eq!((error.retryable, error.retry_after_ms), (true, Some(1500)));
    }

    #[test]
    fn a_refused_upgrade_says_who_answered_and_whether_to_try_again() {
        let location = Some("https://elsewhere.example/v1/events");
        for (status, code, category, retryable, words) in [
            (301, "networkError", Category::Connection, true, "redirects to https://elsewhere.example/v1/events"),
            (401, "unauthenticated", Category::Authentication, false, "another credential"),
            (403, "unauthorized", Category::Authentication, true, "something before the gateway"),
            (404, "networkError", Category::Connection, true, "not an im-chats gateway"),
            (429, "internalError", Category::RateLimit, true, "something before the gateway"),
            (500, "networkError", Category::Connection, true, "not an im-chats gateway"),
            (502, "serviceUnavailable", Category::Connection, true, "behind the proxy"),
        ] {
            let error = read_upgrade::<&Value>(FailedResponse { status, ..BARE }, None, location);
            assert_eq!((error.code.as_ref(), error.category(), error.retryable), (code, category, retryable), "{status}");
            assert!(error.message.contains(words) && error.message.contains(&status.to_string()), "{}", error.message);
            assert_eq!(error.context_value("httpStatus"), Some(status.to_string().as_str()));
        }
        let refused =
            json!({ "code": "permission_denied", "message": "start it with --allow-origin", "errorCode": "unauthorized" });
        let error = read_upgrade(FailedResponse { status: 403, ..BARE }, Some(&refused), None);
        assert_eq!((error.message.as_ref(), error.retryable), ("start it with --allow-origin", false));
        let absent = json!({ "code": "unimplemented", "message": "there is nothing at this path", "retryable": false });
        assert!(read_upgrade(FailedResponse { status: 404, ..BARE }, Some(&absent), None).retryable);
    }

    #[test]
    fn an_intermediary_is_understood_by_its_status() {
        for (status, grpc, code, retryable) in [
            (400, 3, "internalError", false),
            (401, 16, "unauthenticated", false),
            (403, 7, "unauthorized", false),
            (404, 5, "internalError", false),
            (408, 4, "timeout", true),
            (429, 8, "internalError", true),
            (500, 13, "internalError", false),
            (502, 14, "serviceUnavailable", true),
            (503, 14, "serviceUnavailable", true),
            (504, 4, "timeout", true),
            (418, 2, "internalError", false),
        ] {
            for body in [None, Some(json!({ "error": "x" })), Some(json!({ "code": 7 })), Some(json!("text"))] {
                let error = read::<&Value>(FailedResponse { status, ..BARE }, body.as_ref());
                assert_eq!((error.grpc_code.number(), error.retryable), (grpc, retryable), "{status}");
                assert_eq!((error.code.as_ref(), error.source.as_deref()), (code, Some("intermediary")), "{status}");
            }
        }
    }

    #[test]
    fn a_failure_without_a_code_has_that_of_its_status() {
        let cases = [
            ("cancelled", ErrorCode::InternalError),
            ("unknown", ErrorCode::InternalError),
            ("invalid_argument", ErrorCode::InvalidArgument),
            ("deadline_exceeded", ErrorCode::Timeout),
            ("not_found", ErrorCode::ChatNotFound),
            ("already_exists", ErrorCode::DuplicateMessage),
            ("permission_denied", ErrorCode::Unauthorized),
            ("resource_exhausted", ErrorCode::BurstRateExceeded),
            ("failed_precondition", ErrorCode::PreconditionFailed),
            ("unimplemented", ErrorCode::OperationNotSupported),
            ("internal", ErrorCode::InternalError),
            ("unavailable", ErrorCode::ServiceUnavailable),
            ("unauthenticated", ErrorCode::Unauthenticated),
        ];
        for (status, code) in cases {
            let error = read(BARE, Some(&json!({ "code": status })));
            assert_eq!(error.code, code.as_str(), "{status}");
            assert_eq!((error.message.as_ref(), error.source.as_deref()), (error.grpc_code.name(), None), "{status}");
            assert_eq!((error.retryable, error.context.is_empty(), &error.request_id), (false, true, &None), "{status}");
        }
    }

    #[test]
    fn the_body_counts_more_than_the_headers() {
        let headers = FailedResponse { status: 429, retry_after_ms: Some(1_000), request_id: Some("header") };
        let body = json!({ "code": "resource_exhausted", "message": "", "retryAfterMs": "250", "requestId": "body" });
        let error = read(headers, Some(&body));
        assert_eq!((error.retry_after_ms, error.request_id.as_deref()), (Some(250), Some("body")));
        assert_eq!(error.message, error.grpc_code.name(), "an empty message says nothing");
        let error = read(headers, Some(&json!({ "code": "resource_exhausted" })));
        assert_eq!((error.retry_after_ms, error.request_id.as_deref()), (Some(1_000), Some("header")));
        let error = read::<&Value>(headers, None);
        assert_eq!((error.retry_after_ms, error.request_id.as_deref()), (Some(1_000), Some("header")));
    }

    #[test]
    fn every_status_of_an_intermediary_at_the_upgrade_has_its_words() {
        for (status, words) in [
            (299, "not an im-chats gateway"),
            (300, "redirects to elsewhere"),
            (399, "redirects to elsewhere"),
            (400, "not an im-chats gateway"),
            (407, "refuses this client"),
            (501, "not an im-chats gateway"),
            (503, "behind the proxy"),
            (504, "behind the proxy"),
            (505, "not an im-chats gateway"),
        ] {
            let error = read_upgrade::<&Value>(FailedResponse { status, ..BARE }, None, None);
            assert!(error.message.contains(words), "{status}: {}", error.message);
            let is_kept = matches!(status, 407 | 503 | 504);
            assert_eq!(error.code == "networkError", !is_kept, "{status}: {}", error.code);
        }
    }

    #[test]
    fn retry_after_is_whole_seconds() {
        assert_eq!(retry_after_seconds(" 120 "), Some(120_000));
        assert_eq!(retry_after_seconds("0"), Some(0));
        for header in ["", "1.5", "-1", "Wed, 21 Oct 2026 07:28:00 GMT", "18446744073709551615"] {
            assert_eq!(retry_after_seconds(header), None, "{header}");
        }
    }
}
