//! What every answer has: the request's id, the server's name, the failure's body.

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};
use http::{HeaderMap, HeaderValue};

use super::failure::{Failure, OwnBody};
use super::headers::{MIDDLEWARE, REQUEST_ID};

/// Who answers.
const MIDDLEWARE_VALUE: HeaderValue = HeaderValue::from_static(concat!("im-chats-gateway/", env!("CARGO_PKG_VERSION")));

/// Longest request id taken over from a caller.
pub const MAX_REQUEST_ID: usize = 128;

/// An error that was answered, as it is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The HTTP status that stands for it.
    pub status: u16,
    /// Its code.
    pub code: Cow<'static, str>,
}

/// An answer with its failure's body, and the error that it tells.
pub fn complete_body(mut response: Response, id: &str) -> (Response, Option<Told>) {
    let failure = response.extensions_mut().remove::<Failure>().or_else(|| {
        let status = response.status();
        let bare = response.extensions().get::<OwnBody>().is_none();
        (bare && (status.is_client_error() || status.is_server_error())).then(|| Failure::from_status(status))
    });
    response = identify(response, id);
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(X_FRAME_OPTIONS).or_insert(HeaderValue::from_static("DENY"));
    headers.entry(REFERRER_POLICY).or_insert(HeaderValue::from_static("no-referrer"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    let Some(failure) = failure else { return (response, None) };
    let body = failure.render(headers, id);
    headers.remove(CONTENT_LENGTH);
    *response.body_mut() = Body::from(body);
    let told = Told { status: response.status().as_u16(), code: failure.error.code.clone() };
    (response, Some(told))
}

/// Says which request this answers, and who does.
pub(super) fn identify(mut response: Response, id: &str) -> Response {
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID.clone(), value);
    }
    headers.insert(MIDDLEWARE.clone(), MIDDLEWARE_VALUE);
    response
}

/// The caller's own id where it is fit for a header and a log line, else a fresh one.
pub fn request_id(headers: &HeaderMap) -> Arc<str> {
    let fit = |id: &&str| !id.is_empty() && id.len() <= MAX_REQUEST_ID && id.bytes().all(|byte| byte.is_ascii_graphic());
    match headers.get(&REQUEST_ID).and_then(|id| id.to_str().ok()).filter(fit) {
        Some(id) => id.into(),
        None => uuid::Uuid::new_v4().to_string().into(),
    }
}
