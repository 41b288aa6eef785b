//! A unary call, as one future: token, request, answer, and the next attempt after a failure. Dropping it cancels all of them.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use gloo_net::http::Headers;
use im_chats_protocol::client::Backoff;
use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::number::decimal;
use im_chats_protocol::wire::json::MakeJson;
use im_chats_protocol::wire::messaging::routes::MessagingRoute;
use im_chats_protocol::wire::request::Request;
use im_chats_protocol::wire::response::{Part, ResponseTable};
use im_chats_protocol::wire::routes::{IDEMPOTENCY_KEY_HEADER, Method, SERVER_HEADER};
use js_sys::{JsString, Promise, Uint8Array, encode_uri_component};
use wasm_bindgen::prelude::*;
use web_sys::AbortSignal;

use crate::answer::Refusal;
use crate::ending::{AbortListener, Ending, Endings};
use crate::error::cause;
use crate::host::{Host, WeakHost};
use crate::idempotency::idempotency_key;
use crate::input::Options;
use crate::js::to_json;
use crate::promise::promise;
use crate::timer::sleep;
use crate::token;
use crate::transport::{Outgoing, exchange};
use crate::value::Value;

/// The longest that a server's `Retry-After` is obeyed, in milliseconds; the call's own timeout ends it earlier.
const MAX_RETRY_AFTER_MS: u64 = 30_000;

/// A call whose input was checked.
pub(crate) struct Call {
    pub(crate) request: Request<Value>,
    /// The image of a `setBackground`, or the file of an upload.
    pub(crate) data: Option<Uint8Array>,
    pub(crate) signal: Option<AbortSignal>,
    /// What is sent once an upload was answered.
    #[cfg(feature = "messages")]
    pub(crate) then: Option<crate::messages::file_message::FileMessage>,
}

impl Call {
    /// A call without an image.
    pub(crate) fn new(request: Result<Request<Value>, Error>, options: &Options) -> Result<Self, Error> {
        Self::with_data(request?, None, options)
    }

    /// A call with the bytes of an image or a file.
    pub(crate) fn with_data(request: Request<Value>, data: Option<Uint8Array>, options: &Options) -> Result<Self, Error> {
        Ok(Self {
            request,
            data,
            signal: options.signal()?,
            #[cfg(feature = "messages")]
            then: None,
        })
    }
}

/// Begins a call.
pub(crate) fn start(calls: &Rc<Calls>, call: Result<Call, Error>) -> Promise {
    let calls = Rc::clone(calls);
    promise(async move { calls.run(call).await })
}

/// The calls of one client.
pub(crate) struct Calls {
    host: WeakHost,
    base_url: String,
    timeout_ms: u32,
    max_attempts: u32,
    backoff: Backoff,
    auto_idempotency: bool,
    server: Option<String>,
    endings: Endings,
}

impl Calls {
    pub(crate) fn new(weak: WeakHost, host: &Host) -> Self {
        Self {
            host: weak,
            base_url: host.base_url(),
            timeout_ms: host.timeout(),
            max_attempts: host.max_attempts(),
            backoff: Backoff { initial_ms: host.initial_delay().into(), cap_ms: host.max_delay().into() },
            auto_idempotency: host.auto_idempotency(),
            server: host.server(),
            endings: Endings::default(),
        }
    }

    /// Ends every call that is under way. The shell told their users already.
    pub(crate) fn close(&self) {
        self.endings.end_all(&JsValue::UNDEFINED);
    }

    /// Carries a call out, until its timeout, its user's signal or [`Calls::close`] ends it.
    pub(crate) async fn run(&self, call: Result<Call, Error>) -> Result<JsValue, JsValue> {
        let call = call.map_err(|error| self.host.to_js(&error))?;
        let registered = self.endings.add();
        let ending = &registered.ending;
        let _listener = call.signal.map(|signal| AbortListener::listen(&self.host, signal, ending)).transpose()?;
        let progress = Progress::default();
        #[cfg(not(feature = "messages"))]
        let work = self.attempts(call.request, call.data, &progress);
        #[cfg(feature = "messages")]
        let work = self.steps(call.request, call.data, call.then, &progress);
        let work = async { work.await.map_err(|error| self.host.to_js(&error)) };
        self.limited(ending, &progress, work).await
    }

    /// The key of a write: the caller's own one, or a new one where every write gets one.
    pub(crate) fn key(&self, own: Option<String>) -> Option<String> {
        own.or_else(|| self.auto_idempotency.then(idempotency_key))
    }

    /// Runs `work` until it is done, is late or is ended.
    async fn limited<T>(
        &self,
        ending: &Ending,
        progress: &Progress,
        work: impl Future<Output = Result<T, JsValue>>,
    ) -> Result<T, JsValue> {
        let mut work = pin!(work);
        let mut late = pin!(sleep(self.timeout_ms.into()));
        poll_fn(|context| {
            if let Poll::Ready(reason) = ending.poll(context) {
                return Poll::Ready(Err(reason));
            }
            if late.as_mut().poll(context).is_ready() {
                return Poll::Ready(Err(self.host.to_js(&self.late(progress))));
            }
            work.as_mut().poll(context)
        })
        .await
    }

    fn late(&self, progress: &Progress) -> Error {
        let who = if progress.asks_for_token.get() { "the token function" } else { &self.base_url };
        let limit = decimal(self.timeout_ms.into());
        Error::new(ErrorCode::Timeout, ["no answer from ", who, " within ", &limit, " ms"].concat())
    }

    /// Sends a request, again after failures that may heal.
    pub(crate) async fn attempts(
        &self,
        request: Request<Value>,
        data: Option<Uint8Array>,
        progress: &Progress,
    ) -> Result<JsValue, Error> {
        let Request { endpoint, fields, idempotency_key: key } = request;
        // One key per logical write: its retries carry the same key, so the service does the write once.
        let key = if endpoint.repeatable { key } else { self.key(key) };
        // A write without a key might be done twice, so it is never sent twice.
        let max_attempts = if endpoint.repeatable || key.is_some() { self.max_attempts } else { 1 };
        let mut url = [self.base_url.as_str(), &endpoint.path].concat();
        // A file is a body by itself, and what else there is to say of it a query.
        let is_file = cfg!(feature = "messages") && endpoint.path == MessagingRoute::UploadAttachment.definition().path;
        let content_type = if is_file { "application/octet-stream" } else { "application/json" };
        let body = if endpoint.method == Method::Post && !is_file {
            Some(self.body(fields, data)?)
        } else {
            add_query(&mut url, &fields);
            data.map(Into::into)
        };
        let body = body.as_ref().map(|body| (body, content_type));
        let mut failures = 0;
        loop {
            progress.asks_for_token.set(true);
            let token = token::fetch(&self.host).await?;
            progress.asks_for_token.set(false);
            let error = match self.attempt(endpoint.response, &url, &token, key.as_deref(), body).await {
                Ok(result) => return Ok(result),
                Err(error) => endpoint.explain(error),
            };
            failures += 1;
            if !error.retryable || failures >= max_attempts {
                return Err(error);
            }
            let backoff = || self.backoff.delay_ms(failures, js_sys::Math::random());
            sleep(error.retry_after_ms.map_or_else(backoff, |wait| wait.min(MAX_RETRY_AFTER_MS))).await;
        }
    }

    /// Sends the request once.
    async fn attempt(
        &self,
        table: &ResponseTable,
        url: &str,
        token: &str,
        key: Option<&str>,
        body: Option<(&JsValue, &str)>,
    ) -> Result<JsValue, Error> {
        let headers = Headers::new();
        headers.set("authorization", &["Bearer ", token].concat());
        if let Some(server) = &self.server {
            headers.set(SERVER_HEADER, server);
        }
        // A header would refuse or change any other key. What takes one from the user has it in its body, too, unchanged.
        if let Some(key) = key.filter(|key| token::is_visible_ascii(key)) {
            headers.set(IDEMPOTENCY_KEY_HEADER, key);
        }
        if let Some((_, content_type)) = body {
            headers.set("content-type", content_type);
        }
        let fetch = self.host.deref().and_then(|host| host.fetch());
        let outgoing = Outgoing { url, headers, body: body.map(|(body, _)| body), fetch };
        let incoming = exchange(&self.base_url, outgoing).await?;
        if !incoming.response.is_ok() {
            let refusal = Refusal::read(incoming.response.status(), |name| incoming.response.header(name));
            return Err(refusal.of_call(incoming.body.ok()));
        }
        let body = incoming.body.map_err(|reason| {
            let message = "the server's answer is not JSON, or only a part of it";
            Error::new(ErrorCode::InternalError, message).with_cause(cause(reason))
        })?;
        let result = table.read(body)?;
        // The body of an answer that says nothing is an empty object.
        Ok(if table.part == Part::Nothing { JsValue::UNDEFINED } else { result.to_js() })
    }

    /// The body of a write.
    fn body(&self, fields: Vec<(&'static str, Value)>, image: Option<Uint8Array>) -> Result<JsValue, Error> {
        let fields = Value::object(fields).to_js();
        let text = to_json(&fields).unwrap_or_default();
        let Some(image) = image else { return Ok(text.into()) };
        let image = self.host.deref().and_then(|host| host.base64(&image).ok());
        let image = image.ok_or_else(|| Error::invalid("data", "the image is too large for this runtime"))?;
        // The text stays in JavaScript: the wasm's memory, which never shrinks, does not grow with it.
        let head: JsString = text.slice(0, text.length().saturating_sub(1));
        let [data, end] = [",\"data\":\"", "\"}"].map(JsString::from);
        Ok(head.concat(&data).concat(&image).concat(&end).into())
    }
}

/// What a call waits for.
#[derive(Default)]
pub(crate) struct Progress {
    asks_for_token: Cell<bool>,
}

/// Adds the fields of a read to its URL.
fn add_query(url: &mut String, fields: &[(&str, Value)]) {
    let mut separator = "?";
    for (name, value) in fields {
        let value = match value {
            Value::Text(text) => String::from(encode_uri_component(text)),
            Value::Integer(integer) => decimal(*integer),
            // No query has anything else.
            value => if matches!(value, Value::Flag(true)) { "true" } else { "false" }.to_owned(),
        };
        for part in [separator, name, "=", &value] {
            url.push_str(part);
        }
        separator = "&";
    }
}
