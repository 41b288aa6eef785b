//! Errors on their way to JavaScript, and those that come from there.

use im_chats_protocol::error::{Cause, Error, ErrorCode};
use im_chats_protocol::number::{decimal, whole_part};
use im_chats_protocol::wire::json::MakeJson;
use wasm_bindgen::JsValue;

use crate::host::{Host, WeakHost};
use crate::js::{get, text_of};
use crate::value::Value;

/// Clocks that differ by more than this, in seconds, are worth a word.
const MAX_SKEW_S: u64 = 60;

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
        let shell = self.deref();
        let is_fixed = shell.as_ref().is_some_and(Host::token_is_fixed);
        let message = [error.message.as_ref(), &advice(error, is_fixed), &clock(error).unwrap_or_default()].concat();
        let cause = error.cause.as_ref().and_then(|cause| cause.downcast_ref::<JsValue>()).cloned().unwrap_or_default();
        let made = shell.map(|host| host.error(error.category().number(), &message, &details, &cause));
        // Nobody is left who could be told, or the shell cannot even build an error: the message is better than nothing.
        made.and_then(Result::ok).unwrap_or_else(|| JsValue::from_str(&message))
    }
}

/// What to do about a token that the server refused. The server does not know where tokens come from here.
fn advice(error: &Error, is_fixed: bool) -> String {
    let code = error.code.as_ref();
    if code == ErrorCode::TokenExpired.as_str() {
        return if is_fixed {
            "; give createClient a function as `token` that fetches a fresh one"
        } else {
            "; the token function must fetch a fresh one each time"
        }
        .to_owned();
    }
    if code == ErrorCode::TokenBlocked.as_str() {
        return "; sign in again".to_owned();
    }
    let lacks = || error.context_value("scope").or_else(|| error.context_value("chat"));
    match lacks().filter(|_| code == ErrorCode::Unauthorized.as_str()) {
        Some(what) => [" (", what, "); get a token that allows it"].concat(),
        None => String::new(),
    }
}

/// That the clocks differ, when the server told its time because a token was too old or too new for it.
fn clock(error: &Error) -> Option<String> {
    let theirs = error.context_value("serverTime")?.parse::<u64>().ok()?;
    let ours = whole_part(js_sys::Date::now() / 1_000.0)?;
    let skew = ours.abs_diff(theirs);
    if skew <= MAX_SKEW_S {
        return None;
    }
    let way = if ours > theirs { " min ahead of" } else { " min behind" };
    let minutes = decimal((skew + 30) / 60);
    Some(["; the clock here is ", &minutes, way, " the server's: set it, or that of whoever signs the tokens"].concat())
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
