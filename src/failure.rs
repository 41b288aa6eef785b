//! Errors on their way to JavaScript.

use alloc::vec;
use wasm_bindgen::prelude::*;

use crate::host::Host;
use crate::js::{integer, object, set};
use im_chats_protocol::error::Error;

/// The JavaScript error that `error` is.
pub(super) fn to_js(host: &Host, error: &Error, cause: &JsValue) -> JsValue {
    let cause = error.cause.as_ref().and_then(|cause| cause.downcast_ref()).unwrap_or(cause);
    let context = js_sys::Object::new();
    for (key, value) in &error.context {
        set(&context, key, &JsValue::from_str(value));
    }
    let mut fields = vec![
        ("code", JsValue::from_str(&error.code)),
        ("grpcCode", integer(u64::from(error.grpc_code.number()))),
        ("retryable", JsValue::from_bool(error.retryable)),
        ("context", context.into()),
    ];
    if let Some(wait) = error.retry_after_ms {
        fields.push(("retryAfter", integer(wait)));
    }
    if let Some(source) = &error.source {
        fields.push(("source", JsValue::from_str(source)));
    }
    if let Some(request_id) = &error.request_id {
        fields.push(("requestId", JsValue::from_str(request_id)));
    }
    // A shell that cannot even build an error leaves the message, which is better than nothing.
    host.error(error.category().number(), &error.message, &object(fields), cause)
        .unwrap_or_else(|_| JsValue::from_str(&error.message))
}
