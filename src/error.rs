//! Errors on their way to JavaScript, and those that come from there.

use im_chats_protocol::error::{Cause, Error, ErrorCode};
use im_chats_protocol::number::whole_part;
use im_chats_protocol::wire::json::MakeJson;
use wasm_bindgen::JsValue;

use crate::host::WeakHost;
use crate::js::{get, text_of};
use crate::value::Value;

impl WeakHost {
    /// The JavaScript error that `error` is, of the shell's classes.
    pub(crate) fn to_js(&self, error: &Error) -> JsValue {
        let context = error.context.iter().map(|(name, text)| (name.clone(), text.as_ref()));
        let mut details = vec![
            ("code", Value::from_text(&error.code)),
            ("grpcCode", Value::Integer(error.grpc_code.number().into())),
            ("retryable", Value::Flag(error.retryable)),
            ("context", Value::texts(context)),
        ];
        details.extend(error.retry_after_ms.map(|wait| ("retryAfter", Value::Integer(wait))));
        details.extend(error.source.as_ref().map(|source| ("source", Value::from_text(source))));
        details.extend(error.request_id.as_ref().map(|id| ("requestId", Value::from_text(id))));
        let details = Value::object(details).to_js();
        let cause = error.cause.as_ref().and_then(|cause| cause.downcast_ref::<JsValue>()).cloned().unwrap_or_default();
        let made = self.deref().map(|host| host.error(error.category().number(), &error.message, &details, &cause));
        // Nobody is left who could be told, or the shell cannot even build an error: the message is better than nothing.
        made.and_then(Result::ok).unwrap_or_else(|| JsValue::from_str(&error.message))
    }
}

/// The error that is an error of the shell's classes already; users get that very object.
pub(crate) fn own(error: &JsValue) -> Option<Error> {
    let mut own = Error::new(ErrorCode::Unauthenticated, text_of(error, "message")?);
    get(error, "grpcCode").as_f64()?;
    own.code = text_of(error, "code")?.into();
    own.retry_after_ms = get(error, "retryAfter").as_f64().and_then(whole_part);
    Some(own.with_cause(cause(error.clone())))
}

/// What caused an error; nothing when it is undefined.
pub(crate) fn cause(value: JsValue) -> Option<Cause> {
    (!value.is_undefined()).then(|| Cause::new(value))
}

/// No answer came: the network, or whatever stands for it, failed with `cause`.
pub(crate) fn network(message: String, cause: JsValue) -> Error {
    Error::new(ErrorCode::NetworkError, message).with_cause(self::cause(cause))
}
