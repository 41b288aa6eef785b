//! The failure body: one shape for everything that goes wrong, in every layer.

use std::collections::BTreeMap;

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use im_chats_protocol::error::{Category, Error, ErrorCode, GrpcCode};
use serde::Serialize;

/// Marks an answer whose status says that something is wrong and whose body says what, in a form of its own.
#[derive(Debug, Clone, Copy)]
pub struct OwnBody;

/// An error on its way out. The body is written by the outermost layer, which knows the request's id.
#[derive(Debug, Clone)]
pub struct Failure {
    /// What went wrong.
    pub error: Error,
    /// The HTTP status, where it says more than the error's own.
    pub status: StatusCode,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let status = StatusCode::from_u16(error.grpc_code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { error, status }
    }
}

impl Failure {
    /// With a status of its own.
    #[must_use]
    pub const fn with_status(error: Error, status: StatusCode) -> Self {
        Self { error, status }
    }

    /// What a bare status means that some layer below answered with.
    #[must_use]
    pub fn from_status(status: StatusCode) -> Self {
        let error = match status {
            StatusCode::NOT_FOUND => Error::new(
                ErrorCode::OperationNotSupported,
                "there is nothing at this path; GET /openapi.json lists what there is",
            ),
            StatusCode::METHOD_NOT_ALLOWED => Error::new(
                ErrorCode::OperationNotSupported,
                "this path has no such method; the header Allow lists those it has",
            ),
            StatusCode::PAYLOAD_TOO_LARGE => Error::invalid("body", "too large"),
            StatusCode::REQUEST_TIMEOUT => Error::new(ErrorCode::Timeout, "the request did not arrive in time"),
            status if status.is_client_error() => Error::invalid("request", "cannot be understood"),
            _ => Error::new(ErrorCode::InternalError, "the server failed; its log says more under this request id"),
        };
        Self { error, status }
    }

    /// Writes the body.
    pub(super) fn render(&self, headers: &mut HeaderMap, request_id: &str) -> Vec<u8> {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if self.error.grpc_code == GrpcCode::Unauthenticated {
            // Some routes take something else.
            headers.entry(WWW_AUTHENTICATE).or_insert(HeaderValue::from_static("Bearer"));
        }
        let wait = self.error.retry_after_ms.map(|millis| millis.div_ceil(1000)).or_else(|| self.default_wait());
        if let Some(seconds) = wait {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        let body = FailureBody {
            code: self.error.grpc_code.name(),
            message: &self.error.message,
            source: self.error.source.as_deref().unwrap_or("middleware"),
            error_code: &self.error.code,
            retryable: self.error.retryable,
            context: self.error.context.iter().map(|(key, value)| (key.as_ref(), value.as_ref())).collect(),
            retry_after_ms: self.error.retry_after_ms,
            request_id,
        };
        // Strings and a map of strings: this cannot fail, and if it did the status would still say what is wrong.
        serde_json::to_vec(&body).unwrap_or_default()
    }

    /// Where the server is away for a moment, a second is a good guess; where the client is too fast, too.
    fn default_wait(&self) -> Option<u64> {
        let pause = matches!(self.error.category(), Category::RateLimit) || self.status == StatusCode::SERVICE_UNAVAILABLE;
        (self.error.retryable && pause).then_some(1)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FailureBody<'a> {
    code: &'static str,
    message: &'a str,
    source: &'a str,
    error_code: &'a str,
    retryable: bool,
    context: BTreeMap<&'a str, &'a str>,
    /// The wait to the millisecond: the header has whole seconds only.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
    request_id: &'a str,
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use im_chats_protocol::wire::failure::{FailedResponse, read, retry_after_seconds};
    use proptest::prelude::*;

    use super::*;
    use crate::service::status::tests::any_error;

    proptest! {
        #[test]
        fn what_is_written_is_what_is_read(error in any_error()) {
            let failure = Failure::from(error.clone());
            let mut headers = HeaderMap::new();
            let body: serde_json::Value = serde_json::from_slice(&failure.render(&mut headers, "r-1")).unwrap();
            let header = headers.get(RETRY_AFTER).and_then(|value| retry_after_seconds(value.to_str().unwrap()));
            let answer = FailedResponse { status: failure.status.as_u16(), retry_after_ms: header, request_id: None };
            let mut read = read(answer, Some(&body));
            let mut written = error;
            // Who answers, and to which request, is for the front to say.
            (written.source, written.request_id) = (Some("middleware".into()), Some("r-1".into()));
            written.retry_after_ms = written.retry_after_ms.or(header);
            if written.message.is_empty() {
                written.message = written.grpc_code.name().into();
            }
            written.context.sort();
            read.context.sort();
            prop_assert_eq!(read, written);
        }
    }
}
