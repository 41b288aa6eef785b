//! The WebSocket of the event streams.
//!
//! web-sys and not gloo-net's: that one costs 1.48 times the CPU per event, since each text enters the wasm's memory, and 2.9 KB; it
//! queues frames without a bound, and needs a global `WebSocket`, which Node has only from version 22 on.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use im_chats_protocol::error::{Error, ErrorCode};
use js_sys::{Array, Function, JsString, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::{CloseEvent, MessageEvent, WebSocket};

use crate::answer::Refusal;
use crate::diagnosis::{matches, network_reason};
use crate::ending::Ending;
use crate::error::cause;
use crate::js::{Listener, Parsed, get, method, parse_json, text_of, to_json};
use crate::probe::probe;
use crate::timer::sleep;

/// How long a socket that we closed may take to say goodbye, in milliseconds, where the runtime lets us end it.
const CLOSE_GRACE_MS: u64 = 1_000;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(extends = WebSocket)]
    type TextSocket;

    /// web-sys has it only for texts in the wasm's memory.
    #[wasm_bindgen(method, js_name = send, catch)]
    fn send_text(this: &TextSocket, text: &JsString) -> Result<(), JsValue>;
}

/// What a socket reports.
pub(crate) enum Report {
    /// It is open.
    Open,
    /// A frame came; nothing when it was no JSON.
    Frame(Option<Parsed>),
    /// It closed, or did not open: the close code, and why, as far as it can be found out.
    Closed(u16, Option<Error>),
}

/// Takes what a socket reports.
pub(crate) type Reporter = Rc<dyn Fn(Report)>;

/// An open socket, or one that is about to open. Dropped, it listens no longer.
pub(crate) struct Socket {
    raw: WebSocket,
    dropped: Ending,
    _listeners: [Listener; 4],
}

/// What listens to a socket, and what it knows of it before that closes.
struct Observer {
    raw: WebSocket,
    url: String,
    report: Reporter,
    is_open: Cell<bool>,
    error: RefCell<Option<Error>>,
    /// Nobody asks any more why it closed.
    dropped: Ending,
}

impl Socket {
    /// Opens a socket.
    ///
    /// # Errors
    /// What the runtime's constructor throws.
    pub(crate) fn open(constructor: &Function, url: &str, protocol: &str, report: Reporter) -> Result<Self, JsValue> {
        // Not the constructor of web-sys, which is the global one: the runtime's entry chooses, in Node that of `ws`.
        let raw: WebSocket = Reflect::construct(constructor, &Array::of2(&url.into(), &protocol.into()))?.unchecked_into();
        let dropped = Ending::default();
        let observer = Rc::new(Observer {
            raw: raw.clone(),
            url: url.to_owned(),
            report,
            is_open: Cell::new(false),
            error: RefCell::new(None),
            dropped: dropped.clone(),
        });
        let listen = |notify: fn(&Observer, JsValue)| {
            let observer = Rc::clone(&observer);
            Listener::new(move |event| notify(&observer, event))
        };
        let listeners =
            [listen(Observer::opened), listen(Observer::message), listen(Observer::error), listen(Observer::closed)];
        let [open, message, error, close] = listeners.each_ref().map(|listener| Some(listener.as_ref().unchecked_ref()));
        raw.set_onopen(open);
        raw.set_onmessage(message);
        raw.set_onerror(error);
        raw.set_onclose(close);
        Ok(Self { raw, dropped, _listeners: listeners })
    }

    /// Sends a frame. A socket that cannot send is about to report that it closed.
    pub(crate) fn send(&self, frame: &JsValue) {
        if let Ok(text) = to_json(frame) {
            let _ = self.raw.unchecked_ref::<TextSocket>().send_text(&text);
        }
    }

    /// Closes it, and listens no longer.
    pub(crate) fn close(self, code: u16) {
        let raw = self.raw.clone();
        drop(self);
        let _ = raw.close_with_code(code);
        // `ws` waits half a minute for the other side's close. On a half-open link it never comes, and Node would not end.
        if let Some(terminate) = method(&raw, "terminate") {
            spawn_local(async move {
                sleep(CLOSE_GRACE_MS).unref().await;
                let _ = terminate.call0(&raw);
            });
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.dropped.end(JsValue::UNDEFINED);
        self.raw.set_onopen(None);
        self.raw.set_onmessage(None);
        self.raw.set_onclose(None);
        // Not none: `ws` throws an error that has no listener, also after we closed the socket.
        let ignore = method(&js_sys::global(), "Boolean");
        self.raw.set_onerror(ignore.as_ref());
    }
}

impl Observer {
    fn opened(&self, _: JsValue) {
        self.is_open.set(true);
        (self.report)(Report::Open);
    }

    fn message(&self, event: JsValue) {
        // A frame that is no text, or no JSON, is reported as one that is not of the protocol.
        let data = event.unchecked_into::<MessageEvent>().data();
        let frame = if data.is_string() { parse_json(&data).ok() } else { None };
        (self.report)(Report::Frame(frame.map(Parsed)));
    }

    fn error(&self, event: JsValue) {
        let mut error = self.error.borrow_mut();
        *error = error.take().or_else(|| describe(&event));
    }

    /// Reports that the socket closed, and why, as far as it can be found out.
    fn closed(&self, event: JsValue) {
        let event: CloseEvent = event.unchecked_into();
        let (code, text) = (event.code(), event.reason());
        let said = || (self.is_open.get() && !text.is_empty()).then(|| Error::new(ErrorCode::NetworkError, text));
        let reason = refused(&self.raw).or_else(|| self.error.take()).or_else(said);
        if reason.is_some() || self.is_open.get() {
            return (self.report)(Report::Closed(code, reason));
        }
        let (url, report, dropped) = (self.url.clone(), Rc::clone(&self.report), self.dropped.clone());
        spawn_local(async move {
            let mut probing = pin!(probe(&url));
            let found = poll_fn(|context| match dropped.poll(context) {
                Poll::Ready(_) => Poll::Ready(None),
                Poll::Pending => probing.as_mut().poll(context).map(Some),
            });
            if let Some(error) = found.await {
                report(Report::Closed(code, Some(error)));
            }
        });
    }
}

/// What was answered instead of the upgrade, where the shell's constructor keeps that as `answer`.
fn refused(socket: &JsValue) -> Option<Error> {
    let answer = get(socket, "answer");
    let status = get(&answer, "status").as_f64()?;
    let headers = get(&answer, "headers");
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast of a float saturates")]
    let refusal = Refusal::read(status as u16, |name| text_of(&headers, name));
    Some(refusal.of_upgrade(Some(Parsed(get(&answer, "body")))))
}

/// What an error event tells; nothing in browsers, by design.
fn describe(event: &JsValue) -> Option<Error> {
    let error = get(event, "error");
    let text = network_reason(&error).or_else(|| text_of(event, "message")).filter(|text| !text.is_empty())?;
    // Some runtimes say of every upgrade that was refused only that it was not answered with 101.
    (!matches(&text, "\\b101\\b")).then(|| Error::new(ErrorCode::NetworkError, text).with_cause(cause(error)))
}
