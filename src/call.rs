//! A unary call: the request that goes out, and the meaning of the response.
//!
//! In between the shell waits for the token, the network and the next attempt. With that here, as futures, the module was a
//! seventh larger: a queue of tasks, a state machine per `async`, and the code that drops each of their states.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec;

use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;
use web_sys::AbortSignal;

use crate::client::Core;
use crate::failure::to_js;
use crate::js::{Parsed, get, object};
use crate::refusal::refusal;
use im_chats_protocol::client::Backoff;
use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::wire::json::{MakeJson, ReadJson};
use im_chats_protocol::wire::request::Request;
use im_chats_protocol::wire::response::ResponseShape;
use im_chats_protocol::wire::routes::{Method, Route};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = encodeURIComponent, catch)]
    fn encode_uri_component(text: &str) -> Result<String, JsValue>;
}

/// A call that was checked and is ready to be sent.
pub(super) struct PreparedCall {
    pub(super) request: Request<Parsed>,
    /// The image of a `setBackground`.
    pub(super) image: Option<Uint8Array>,
    pub(super) signal: Option<AbortSignal>,
}

impl PreparedCall {
    /// The `Call` of the shell's `call.ts`.
    pub(super) fn into_js(self, base_url: &str) -> JsValue {
        let Self { request, image, signal } = self;
        let is_write = request.route.definition().method == Method::Post;
        let mut fields = vec![
            ("url", JsValue::from_str(&url(base_url, &request))),
            ("route", JsValue::from(request.route.number())),
            ("key", request.idempotency_key.into()),
            ("image", image.into()),
            ("signal", signal.into()),
        ];
        if is_write {
            fields.push(("fields", Parsed::object(request.fields).0));
        }
        object(fields)
    }
}

#[wasm_bindgen]
impl Core {
    /// What the user gets for the response to a call; `route` is the call's [`Route::number`]. `answer` is an object with `ok`,
    /// `status`, `body` as parsed JSON or `cause` when it is not JSON, and the headers `retryAfter` (`retryAt` when that is a
    /// date: milliseconds from now) and `requestId`.
    pub fn answer(&self, route: u8, answer: &JsValue) -> Result<JsValue, JsValue> {
        let refuse = |error: &Error, cause: &JsValue| Err(to_js(&self.driver.host, error, cause));
        if !get(answer, "ok").is_truthy() {
            return refuse(&refusal(answer), &JsValue::UNDEFINED);
        }
        let cause = get(answer, "cause");
        if !cause.is_undefined() {
            let message = "the server's answer is not JSON, or only a part of it";
            return refuse(&Error::new(ErrorCode::InternalError, message), &cause);
        }
        let Some(shape) = Route::from_number(route).map(|route| route.definition().response) else {
            return refuse(&Error::new(ErrorCode::InternalError, "an answer of an unknown kind"), &JsValue::UNDEFINED);
        };
        match shape.read(Parsed(get(answer, "body"))) {
            Ok(_) if shape == ResponseShape::Empty => Ok(JsValue::UNDEFINED),
            Ok(result) => Ok(result.0),
            Err(error) => refuse(&error, &JsValue::UNDEFINED),
        }
    }
}

/// How long to wait, in milliseconds, after so many failures in a row.
#[wasm_bindgen(js_name = retryDelay)]
pub fn retry_delay(failures: u32, initial_ms: u32, cap_ms: u32) -> f64 {
    let backoff = Backoff { initial_ms: initial_ms.into(), cap_ms: cap_ms.into() };
    crate::js::milliseconds(backoff.delay_ms(failures, js_sys::Math::random()))
}

/// The URL of a request: a read carries its fields in the query.
fn url(base_url: &str, request: &Request<Parsed>) -> String {
    let route = request.route.definition();
    let mut url = [base_url, route.path].concat();
    if route.method == Method::Post {
        return url;
    }
    let mut separator = "?";
    for (name, value) in &request.fields {
        // No read takes anything but a text or a true.
        let text = value.text().map_or_else(|| "true".to_owned(), |text| encode_uri_component(&text).unwrap_or_default());
        for part in [separator, name, "=", &text] {
            url.push_str(part);
        }
        separator = "&";
    }
    url
}
