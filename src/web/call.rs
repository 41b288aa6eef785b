//! A unary call: request, retries, answer. One future for all nine methods, because each `async` body costs a kilobyte.

use alloc::rc::Rc;
use alloc::string::String;
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use js_sys::{Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, Response};

use super::client::Shared;
use super::deadline::Deadline;
use super::failure::Failure;
use super::js::{Timer, set, stringify};
use crate::error::{Error, ErrorCode};
use crate::wire::failure;
use crate::wire::json::{Json, Value};
use crate::wire::request::Request;

/// The longest that a server's `Retry-After` is obeyed, in milliseconds; the call's own timeout ends it earlier.
const MAX_RETRY_AFTER_MS: u64 = 30_000;

/// How many bytes of an image are encoded at once: divisible by 3, so that only the last piece is padded.
const CHUNK_BYTES: usize = 48 * 1024;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch)]
    fn fetch(url: &str, init: &JsValue) -> Result<Promise, JsValue>;

    #[wasm_bindgen(js_name = encodeURIComponent, catch)]
    fn encode_uri_component(text: &str) -> Result<String, JsValue>;
}

/// Everything of a call that was checked and is ready to go.
pub(super) struct Call {
    pub(super) request: Request,
    /// The image of a `setBackground`.
    pub(super) data: Option<Uint8Array>,
    pub(super) signal: Option<AbortSignal>,
}

/// Carries out a call and gives what its user gets.
pub(super) async fn run(shared: Rc<Shared>, call: Result<Call, Error>) -> Result<JsValue, JsValue> {
    let outcome = match call {
        Err(error) => Err(error.into()),
        Ok(call) => guarded(&shared, call).await,
    };
    outcome.map_err(|failure| failure.into_js(&shared.host))
}

async fn guarded(shared: &Rc<Shared>, call: Call) -> Result<JsValue, Failure> {
    let deadline = Deadline::start(&shared.host, shared.settings.timeout_ms, call.signal, &shared.closing())?;
    deadline.guard(attempts(shared, &call.request, call.data.as_ref(), &deadline.signal())).await
}

async fn attempts(
    shared: &Rc<Shared>,
    request: &Request,
    data: Option<&Uint8Array>,
    signal: &AbortSignal,
) -> Result<JsValue, Failure> {
    let settings = &shared.settings;
    // One key per logical write, kept over its retries: that is what makes a repeated write the same write.
    let key = match &request.idempotency_key {
        Some(key) => Some(key.clone()),
        None if request.is_write && settings.auto_idempotency => shared.host.idempotency_key().ok(),
        None => None,
    };
    let (url, body) = target(&settings.base_url, request, data);
    let mut failures = 0;
    loop {
        let error = match attempt(shared, request, &url, &body, key.as_deref(), signal).await {
            Err(Failure::Ours(error, cause)) => (error, cause),
            other => return other,
        };
        failures += 1;
        // A write without a key might happen twice, so it is never sent twice.
        let safe = !request.is_write || key.is_some();
        if !(error.0.retryable && safe && u64::from(failures) < settings.max_attempts) {
            return Err(Failure::Ours(error.0, error.1));
        }
        let wait = match error.0.retry_after_ms {
            Some(asked) => asked.min(MAX_RETRY_AFTER_MS),
            None => settings.backoff.delay_ms(failures, js_sys::Math::random()),
        };
        sleep(wait).await;
    }
}

/// One try.
async fn attempt(
    shared: &Rc<Shared>,
    request: &Request,
    url: &str,
    body: &JsValue,
    key: Option<&str>,
    signal: &AbortSignal,
) -> Result<JsValue, Failure> {
    let token = shared.token().await?;
    let headers = js_sys::Object::new();
    let header = |name: &str, value: &str| set(&headers, name, &JsValue::from_str(value));
    header("authorization", &["Bearer ", &token].concat());
    if let Some(server) = &shared.settings.server {
        header("x-photon-server", server);
    }
    if let Some(key) = key {
        header("x-idempotency-key", key);
    }
    let mut init = vec![("signal", JsValue::from(signal.clone()))];
    if request.is_write {
        header("content-type", "application/json");
        init.push(("method", "POST".into()));
        init.push(("body", body.clone()));
    }
    init.push(("headers", headers.into()));
    let response = match fetch(url, &JsValue::object(init)) {
        Ok(promise) => JsFuture::from(promise).await,
        Err(thrown) => Err(thrown),
    };
    let response: Response = response.map_err(network)?.unchecked_into();
    let parsed = match response.json() {
        Ok(promise) => JsFuture::from(promise).await,
        Err(thrown) => Err(thrown),
    };
    if !response.ok() {
        return Err(refusal(&response, parsed.ok().as_ref()).into());
    }
    let parsed = parsed.map_err(|cause| {
        if cause.is_instance_of::<js_sys::SyntaxError>() {
            Failure::Ours(Error::new(ErrorCode::InternalError, "the server's answer is not JSON, or only a part of it"), cause)
        } else {
            network(cause)
        }
    })?;
    let answer = request.answer.read(&parsed)?;
    Ok(if request.answer == crate::wire::answer::Answer::Empty { JsValue::UNDEFINED } else { answer })
}

fn network(cause: JsValue) -> Failure {
    let error = Error::new(ErrorCode::NetworkError, "the service could not be reached, or the connection broke").retryable();
    Failure::Ours(error, cause)
}

/// The error in an answer that is not a success.
fn refusal(response: &Response, body: Option<&JsValue>) -> Error {
    let headers = response.headers();
    let header = |name| headers.get(name).ok().flatten();
    let retry_after_ms = header("retry-after").and_then(|value| {
        failure::retry_after_seconds(&value).or_else(|| {
            let wait = js_sys::Date::parse(&value) - js_sys::Date::now();
            crate::wire::json::whole_part(wait.max(0.0))
        })
    });
    let request_id = header("x-request-id");
    let facts = |body: &JsValue| {
        let context = body.field("context");
        if !Json::is_object(&context) {
            return Vec::new();
        }
        let keys = js_sys::Object::keys(context.unchecked_ref::<js_sys::Object>());
        keys.iter()
            .filter_map(|key| key.as_string())
            .filter_map(|key| Some((context.field(&key).text()?, key)))
            .map(|(value, key)| (key, value))
            .collect()
    };
    let context = body.map(facts).unwrap_or_default();
    let response = failure::Response { status: response.status(), retry_after_ms, request_id: request_id.as_deref() };
    failure::read(response, body, context)
}

/// Where a request goes and what it carries.
fn target(base_url: &str, request: &Request, data: Option<&Uint8Array>) -> (String, JsValue) {
    let mut url = [base_url, request.path].concat();
    if request.is_write {
        let json = stringify(Value::Object(request.fields.clone()));
        return (url, data.map_or_else(|| JsValue::from_str(&json), |data| with_data(&json, data).into()));
    }
    let mut separator = "?";
    for (name, value) in &request.fields {
        let text = match value {
            Value::Text(text) => encode_uri_component(text).unwrap_or_default(),
            Value::Flag(flag) => flag.to_string(),
            // No read takes anything else.
            Value::Integer(_) | Value::List(_) | Value::Object(_) => continue,
        };
        for part in [separator, name, "=", &text] {
            url.push_str(part);
        }
        separator = "&";
    }
    (url, JsValue::UNDEFINED)
}

/// `json` with the image as its last field, as UTF-8 bytes: the text of 8 MB is never a JavaScript string, which would be
/// encoded once more, and never whole in wasm memory, which would not shrink again.
fn with_data(json: &str, data: &Uint8Array) -> Uint8Array {
    let head = [json.strip_suffix('}').unwrap_or(json), ",\"data\":\""].concat();
    let tail = "\"}";
    let length = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
    let (head_length, tail_length) = (length(head.len()), length(tail.len()));
    let encoded = data.length().div_ceil(3).saturating_mul(4);
    let body = Uint8Array::new_with_length(head_length + encoded + tail_length);
    body.subarray(0, head_length).copy_from(head.as_bytes());
    body.subarray(head_length + encoded, head_length + encoded + tail_length).copy_from(tail.as_bytes());
    let (mut plain, mut text) = (vec![0; CHUNK_BYTES], vec![0; CHUNK_BYTES / 3 * 4]);
    let (mut from, mut to) = (0, head_length);
    while from < data.length() {
        let piece = data.subarray(from, data.length().min(from + length(CHUNK_BYTES)));
        let size = usize::try_from(piece.length()).unwrap_or(0);
        let Some(plain) = plain.get_mut(..size) else { break };
        piece.copy_to(plain);
        let written = STANDARD.encode_slice(&*plain, &mut text).unwrap_or(0);
        let Some(text) = text.get(..written) else { break };
        body.subarray(to, to + length(written)).copy_from(text);
        from += piece.length();
        to += length(written);
    }
    body
}

async fn sleep(delay_ms: u64) {
    let mut timer = None;
    let promise = Promise::new(&mut |resolve, _| timer = Some(Timer::start(&resolve, delay_ms)));
    let _ = JsFuture::from(promise).await;
}
