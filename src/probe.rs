//! Finds out why a WebSocket did not open, where the runtime does not say.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::wire::routes::{EVENTS_PATH, HEALTH_PATH, MIDDLEWARE_HEADER};
use wasm_bindgen::prelude::*;
use web_sys::{RequestInit, RequestMode};

use crate::answer::Refusal;
use crate::diagnosis::network_reason;
use crate::error::network;
use crate::js::{Parsed, get};
use crate::timer::sleep;
use crate::transport::{Answer, InFlight, send};

/// How long the answer may take, in milliseconds.
const PROBE_MS: u64 = 3_000;

/// Asks the same server for its health, which needs no token and tells pages of every origin whether they are refused.
pub(crate) async fn probe(socket_url: &str) -> Error {
    let origin = socket_url.strip_suffix(EVENTS_PATH).unwrap_or(socket_url);
    // ws → http, wss → https.
    let origin = ["http", origin.strip_prefix("ws").unwrap_or(origin)].concat();
    let mut asking = pin!(ask(&origin));
    let mut late = pin!(sleep(PROBE_MS));
    poll_fn(|context| {
        if late.as_mut().poll(context).is_ready() {
            return Poll::Ready(Error::new(ErrorCode::NetworkError, [&origin, " did not answer within 3 s"].concat()));
        }
        asking.as_mut().poll(context)
    })
    .await
}

async fn ask(origin: &str) -> Error {
    // Until the end: to abort a request is to abort the reading of its answer, too.
    let in_flight = InFlight::new().ok();
    let request = |url, mode| request(url, mode, in_flight.as_ref());
    let url = [origin, HEALTH_PATH].concat();
    let foreign = || Error::new(ErrorCode::NetworkError, [origin, " answers, but it is not an im-chats gateway"].concat());
    let cause = match request(url.clone(), RequestMode::Cors).await {
        Ok(answer) => {
            // The gateway's mark, which also its refusals carry.
            if answer.header(MIDDLEWARE_HEADER).is_none_or(|mark| mark.is_empty()) {
                return foreign();
            }
            if answer.status() == 403 {
                let refusal = Refusal::read(403, |name| answer.header(name));
                return refusal.of_upgrade(answer.json().await.ok().map(Parsed));
            }
            let what = " answers, but the WebSocket did not open; check that every proxy on the way lets WebSockets pass";
            return Error::new(ErrorCode::NetworkError, ["the gateway at ", origin, what].concat());
        }
        Err(cause) => cause,
    };
    // A page may read only answers that allow it; without reading it may still learn that there is one.
    if !get(&js_sys::global(), "location").is_undefined() && request(url, RequestMode::NoCors).await.is_ok() {
        return foreign();
    }
    let unknown =
        || ["no server answers at ", origin, ", its certificate is not trusted, or the page's policy forbids it"].concat();
    network(network_reason(&get(&cause, "cause")).unwrap_or_else(unknown), cause)
}

async fn request(url: String, mode: RequestMode, in_flight: Option<&InFlight>) -> Result<Answer, JsValue> {
    let init = RequestInit::new();
    init.set_mode(mode);
    init.set_signal(in_flight.map(InFlight::signal).as_ref());
    Answer::of(send(None, &url, &init)?.await?)
}
