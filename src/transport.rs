//! The seam to the network: gloo-net makes the headers of requests and reads the responses.
//!
//! Not gloo's `Request::send`: it panics when `fetch` resolves to anything but a real `Response`, as in a test with a mock, and when
//! it rejects with anything but an `Error`, as after `abort("stop")`; and its errors drop the runtime's own. Not its
//! `RequestBuilder`: it makes two `Request`s and a `URL` for each call, at 1.1 to 1.4 times the CPU of a whole `get`, and is 2.4 KB.

use gloo_net::http::{Headers, Response};
use im_chats_protocol::error::Error;
use js_sys::{Function, Promise, SyntaxError};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, AbortSignal, RequestInit};

use crate::diagnosis::why_unreachable;
use crate::error::network;
use crate::js::{Parsed, get, method};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch)]
    fn fetch(url: &str, init: &RequestInit) -> Result<JsValue, JsValue>;
}

/// Aborts a request that is dropped before it is answered: that frees its connection.
pub(crate) struct InFlight {
    controller: AbortController,
    is_answered: bool,
}

impl InFlight {
    pub(crate) fn new() -> Result<Self, JsValue> {
        Ok(Self { controller: AbortController::new()?, is_answered: false })
    }

    pub(crate) fn signal(&self) -> AbortSignal {
        self.controller.signal()
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        // Not after an answer: the reason that `abort` makes, with its stack, would cost more than all else here.
        if !self.is_answered {
            self.controller.abort();
        }
    }
}

/// A request that is ready to be sent.
pub(crate) struct Outgoing<'a> {
    pub(crate) url: &'a str,
    pub(crate) headers: Headers,
    /// The JSON of a write; a read has none.
    pub(crate) body: Option<&'a JsValue>,
    /// What sends it in the place of the runtime's `fetch`.
    pub(crate) fetch: Option<Function>,
}

/// A response, and its body once that is read.
pub(crate) struct Incoming {
    pub(crate) response: Answer,
    /// The parsed body, or why it is no JSON.
    pub(crate) body: Result<Parsed, JsValue>,
}

/// Sends a request and reads the JSON of its answer.
///
/// # Errors
/// `networkError` when no whole answer came, with the runtime's own error as its cause.
pub(crate) async fn exchange(address: &str, outgoing: Outgoing<'_>) -> Result<Incoming, Error> {
    try_exchange(outgoing).await.map_err(|cause| {
        let why = why_unreachable(&cause);
        network([address, " could not be reached, or the connection broke: ", &why].concat(), cause)
    })
}

async fn try_exchange(outgoing: Outgoing<'_>) -> Result<Incoming, JsValue> {
    let mut in_flight = InFlight::new()?;
    let init = RequestInit::new();
    init.set_signal(Some(&in_flight.signal()));
    init.set_headers(&outgoing.headers.into_raw());
    if let Some(body) = outgoing.body {
        init.set_method("POST");
        init.set_body(body);
    }
    let response = Answer::of(send(outgoing.fetch.as_ref(), outgoing.url, &init)?.await?)?;
    let body = match response.json().await {
        Ok(body) => Ok(Parsed(body)),
        // Wrong JSON is a response. A success that broke off is not.
        Err(cause) if response.is_ok() && !cause.is_instance_of::<SyntaxError>() => return Err(cause),
        Err(cause) => Err(cause),
    };
    in_flight.is_answered = true;
    Ok(Incoming { response, body })
}

/// Sends a request; the promise may be a mock's, and resolve to anything.
pub(crate) fn send(own: Option<&Function>, url: &str, init: &RequestInit) -> Result<JsFuture, JsValue> {
    let answer = match own {
        Some(own) => own.call2(&JsValue::UNDEFINED, &url.into(), init)?,
        None => fetch(url, init)?,
    };
    Ok(JsFuture::from(Promise::resolve(&answer)))
}

/// What `fetch` resolved to: a `Response`, or what a test gives in place of one.
pub(crate) struct Answer {
    raw: web_sys::Response,
    gloo: Response,
}

impl Answer {
    /// Looks whether it can be read as a response.
    ///
    /// # Errors
    /// An error that says it cannot.
    pub(crate) fn of(value: JsValue) -> Result<Self, JsValue> {
        if get(&value, "json").is_function() {
            let gloo = Response::from(value.clone().unchecked_into::<web_sys::Response>());
            return Ok(Self { raw: value.unchecked_into(), gloo });
        }
        Err(js_sys::TypeError::new("fetch resolved to something that is no Response").into())
    }

    pub(crate) fn is_ok(&self) -> bool {
        self.gloo.ok()
    }

    pub(crate) fn status(&self) -> u16 {
        self.gloo.status()
    }

    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        // Not gloo's `Headers`, which panics where there are none, or they throw, as in a mock's answer.
        let headers = get(&self.raw, "headers");
        method(&headers, "get")?.call1(&headers, &name.into()).ok()?.as_string()
    }

    /// The body as parsed JSON.
    pub(crate) fn json(&self) -> JsFuture {
        // Not gloo's `json`: with serde_json it costs 10.6 KB, and its texts pass through the wasm's memory.
        let body = self.raw.json().unwrap_or_else(|cause| Promise::reject(&cause));
        // A mock's may be no promise.
        JsFuture::from(Promise::resolve(&body))
    }
}
