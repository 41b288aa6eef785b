//! A unary call: request, retries, answer. One future for all nine methods, because each `async` body costs a kilobyte.

use alloc::rc::Rc;
use alloc::string::String;
use alloc::borrow::ToOwned;
use alloc::vec;
use alloc::vec::Vec;

use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;
use web_sys::AbortSignal;

use super::client::{Settings, Shared, token};
use super::deadline::Deadline;
use super::failure::Failure;
use super::js::{get, milliseconds, settled};
use crate::error::{Error, ErrorCode};
use crate::wire::answer::Answer;
use crate::wire::failure;
use crate::wire::json::{Json, whole_part};
use crate::wire::request::Request;

/// The longest that a server's `Retry-After` is obeyed, in milliseconds; the call's own timeout ends it earlier.
const MAX_RETRY_AFTER_MS: u64 = 30_000;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = encodeURIComponent, catch)]
    fn encode_uri_component(text: &str) -> Result<String, JsValue>;
}

/// Everything of a call that was checked and is ready to go.
pub(super) struct Call {
    pub(super) request: Request<JsValue>,
    /// The image of a `setBackground`.
    pub(super) data: Option<Uint8Array>,
        pub(super) signal: Option<AbortSignal>,
}

/// Carries out a call and gives what its user gets.
pub(super) async fn run(shared: Rc<Shared>, call: Result<Call, Error>) -> Result<JsValue, JsValue> {
    let outcome = match call {
        Err(error) => Err(error.into()),
        Ok(call) => match Deadline::start(&shared.host, shared.settings.timeout_ms, call.signal.as_ref()) {
            Ok(deadline) => deadline.guard(attempts(&shared, &call, &deadline.signal())).await,
            Err(failure) => Err(failure),
        },
    };
    outcome.map_err(|failure| failure.into_js(&shared.host))
}

async fn attempts(shared: &Shared, call: &Call, signal: &AbortSignal) -> Result<JsValue, Failure> {
    let request = &call.request;
    let settings = &shared.settings;
    // One key per logical write, kept over its retries: that is what makes a repeated write the same write.
    let key = match &request.idempotency_key {
        Some(key) => Some(key.clone()),
        None if request.is_write && settings.auto_idempotency => shared.host.idempotency_key().ok(),
        None => None,
    };
    let url = url(&settings.base_url, request);
    let body = body(shared, call)?;
    let mut failures = 0;
    loop {
        let outcome = match token(settled(shared.host.token()).await) {
            Ok(token) => {
                let headers = headers(settings, request, &token, key.as_deref());
                answer(request, settled(shared.host.exchange(&url, &headers, &body, signal)).await)
            }
            Err(failure) => Err(failure),
        };
        failures += 1;
        // A write without a key might happen twice, so it is never sent twice.
        let safe = (!request.is_write || key.is_some()) && u64::from(failures) < settings.max_attempts;
        let wait = match &outcome {
            Err(Failure::Ours(error, _)) if error.retryable && safe => match error.retry_after_ms {
                Some(asked) => asked.min(MAX_RETRY_AFTER_MS),
                None => settings.backoff.delay_ms(failures, js_sys::Math::random()),
            },
            _ => return outcome,
        };
        let _ = settled(shared.host.sleep(milliseconds(wait))).await;
    }
}

/// What a write carries; undefined for a read.
fn body(shared: &Shared, call: &Call) -> Result<JsValue, Failure> {
    if !call.request.is_write {
        return Ok(JsValue::UNDEFINED);
    }
    let fields = JsValue::object(call.request.fields.clone());
    let too_large = |cause| Failure::Ours(Error::invalid("data", "the image is too large for this runtime"), cause);
    shared.host.body(&fields, call.data.as_ref()).map_err(too_large)
}

fn headers(settings: &Settings, request: &Request<JsValue>, token: &str, key: Option<&str>) -> JsValue {
    let mut headers = vec![("authorization", JsValue::from_str(&["Bearer ", token].concat()))];
    if let Some(server) = &settings.server {
        headers.push(("x-photon-server", JsValue::from_str(server)));
    }
    if let Some(key) = key {
        headers.push(("x-idempotency-key", JsValue::from_str(key)));
    }
    if request.is_write {
        headers.push(("content-type", "application/json".into()));
    }
    JsValue::object(headers)
}

/// What an answer means.
fn answer(request: &Request<JsValue>, answer: Result<JsValue, JsValue>) -> Result<JsValue, Failure> {
    let answer = answer.map_err(network)?;
    if !get(&answer, "ok").is_truthy() {
        return Err(refusal(&answer).into());
    }
    let cause = get(&answer, "cause");
    if !cause.is_undefined() {
        let error = Error::new(ErrorCode::InternalError, "the server's answer is not JSON, or only a part of it");
        return Err(Failure::Ours(error, cause));
    }
    let result = request.answer.read(&get(&answer, "body"))?;
    Ok(if request.answer == Answer::Empty { JsValue::UNDEFINED } else { result })
}

fn network(cause: JsValue) -> Failure {
    let error = Error::new(ErrorCode::NetworkError, "the service could not be reached, or the connection broke").retryable();
    Failure::Ours(error, cause)
}

/// The error in an answer that is not a success.
fn refusal(answer: &JsValue) -> Error {
    let text = get(answer, "retryAfter").as_string();
    let date = || get(answer, "retryAt").as_f64().and_then(whole_part);
    let request_id = get(answer, "requestId").as_string();
    let body = get(answer, "body");
    let facts = get(&body, "context");
    let mut context = Vec::new();
    if Json::is_object(&facts) {
        for key in js_sys::Object::keys(facts.unchecked_ref::<js_sys::Object>()).iter() {
            let key = key.as_string().unwrap_or_default();
            if let Some(value) = get(&facts, &key).as_string() {
                context.push((key, value));
            }
        }
    }
    let response = failure::Response {
        status: get(answer, "status").as_f64().and_then(whole_part).and_then(|status| u16::try_from(status).ok()).unwrap_or(0),
        retry_after_ms: text.and_then(|text| failure::retry_after_seconds(&text)).or_else(date),
        request_id: request_id.as_deref(),
    };
    failure::read(response, Some(&body), context)
}

/// Where a request goes.
fn url(base_url: &str, request: &Request<JsValue>) -> String {
    let mut url = [base_url, request.path].concat();
    if request.is_write {
        return url;
    }
    let mut separator = "?";
    for (name, value) in &request.fields {
        // No read takes anything but a text or a true.
        let text = value.as_string().map_or_else(|| "true".to_owned(), |text| encode_uri_component(&text).unwrap_or_default());
        for part in [separator, name, "=", &text] {
            url.push_str(part);
        }
        separator = "&";
    }
    url
}
