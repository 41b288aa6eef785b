//! What answers that are no success, and sockets that closed, say of the reason.

use core::ops::Not;

use wasm_bindgen::prelude::*;

use crate::js::{Parsed, get};
use im_chats_protocol::error::{Cause, Error, ErrorCode};
use im_chats_protocol::number::{safe_integer, whole_part};
use im_chats_protocol::wire::close;
use im_chats_protocol::wire::failure::{self, FailedResponse};

/// The error in an answer that is not a success: `status`, `body`, and the headers `retryAfter` (`retryAt` when that is a date:
/// milliseconds from now) and `requestId`.
pub(super) fn refusal(answer: &JsValue) -> Error {
    read(answer, |response, body| failure::read(response, Some(body)))
}

fn read(answer: &JsValue, read: impl FnOnce(FailedResponse<'_>, Parsed) -> Error) -> Error {
    let text = get(answer, "retryAfter").as_string();
    let date = || get(answer, "retryAt").as_f64().and_then(whole_part);
    let request_id = get(answer, "requestId").as_string();
    let response = FailedResponse {
        status: small(answer, "status").unwrap_or(0),
        retry_after_ms: text.and_then(|text| failure::retry_after_seconds(&text)).or_else(date),
        request_id: request_id.as_deref(),
    };
    read(response, Parsed(get(answer, "body")))
}

/// Code and reason of a socket that closed: the `Closing` of the shell's `socket.ts`.
pub(super) fn closing(closing: &JsValue) -> (u16, Option<Error>) {
    let code = small(closing, "code").unwrap_or(close::ABNORMAL);
    let location = get(closing, "location").as_string();
    let reason = if get(closing, "status").is_undefined() {
        let message = get(closing, "message").as_string();
        message.map(|message| Error::new(ErrorCode::NetworkError, message).with_retryable(!get(closing, "isFinal").is_truthy()))
    } else {
        Some(read(closing, |response, body| failure::read_upgrade(response, Some(body), location.as_deref())))
    };
    (code, reason.map(|error| error.with_cause(cause(get(closing, "cause")))))
}

/// The error that is an error of the shell's classes already; users get that very object.
pub(super) fn own(error: &JsValue) -> Error {
    let text = |name| get(error, name).as_string();
    let mut own = Error::new(ErrorCode::Unauthenticated, text("message").unwrap_or_default());
    if let Some(code) = text("code") {
        own.code = code.into();
    }
    own.retry_after_ms = get(error, "retryAfter").as_f64().and_then(whole_part);
    own.with_cause(cause(error.clone()))
}

fn cause(value: JsValue) -> Option<Cause> {
    value.is_undefined().not().then(|| Cause::new(value))
}

fn small(object: &JsValue, field: &str) -> Option<u16> {
    get(object, field).as_f64().and_then(safe_integer).and_then(|number| u16::try_from(number).ok())
}
