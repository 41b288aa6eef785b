//! The WebSocket of the event streams.
//!
//! web-sys and not gloo-net's: that one costs 1.48 times the CPU per event, since each text enters the wasm's memory, and 2.9 KB; it
//! queues frames without a bound, and needs a global `WebSocket`, which Node has only from version 22 on.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use im_chats_protocol::client::Attempt;
use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::wire::close;
use js_sys::{Array, Function, JsString, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::{CloseEvent, MessageEvent, WebSocket};

use crate::answer::Refusal;
use crate::diagnosis::{matches, network_reason};
use crate::driver::Driver;
use crate::error::cause;
use crate::js::{Parsed, get, method, parse_json, text_of, to_json};
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

/// An open socket, or one that is about to open. Dropped, it listens no longer.
pub(crate) struct Socket {
    raw: WebSocket,
    _open: Closure<dyn Fn()>,
    _message: Closure<dyn Fn(MessageEvent)>,
    _error: Closure<dyn Fn(JsValue)>,
    _close: Closure<dyn Fn(CloseEvent)>,
}

/// What is known of a socket before it closes.
#[derive(Default)]
struct Known {
    is_open: Cell<bool>,
    error: RefCell<Option<Error>>,
}

impl Socket {
    /// Opens a socket that reports to `driver`.
    ///
    /// # Errors
    /// What the runtime's constructor throws.
    pub(crate) fn open(
        constructor: &Function,
        url: &str,
        protocol: &str,
        attempt: Attempt,
        driver: &Weak<Driver>,
    ) -> Result<Self, JsValue> {
        // Not the constructor of web-sys, which is the global one: the runtime's entry chooses, in Node that of `ws`.
        let raw: WebSocket = Reflect::construct(constructor, &Array::of2(&url.into(), &protocol.into()))?.unchecked_into();
        let known = Rc::new(Known::default());
        let on_open = Closure::<dyn Fn()>::new({
            let (known, driver) = (Rc::clone(&known), Weak::clone(driver));
            move || {
                known.is_open.set(true);
                driver.upgrade().inspect(|driver| driver.connected(attempt));
            }
        });
        let on_message = Closure::<dyn Fn(MessageEvent)>::new({
            let driver = Weak::clone(driver);
            move |event: MessageEvent| {
                // A frame that is no text, or no JSON, is reported as one that is not of the protocol.
                let data = event.data();
                let frame = if data.is_string() { parse_json(&data).ok() } else { None };
                driver.upgrade().inspect(|driver| driver.frame(attempt, frame.map(Parsed)));
            }
        });
        let on_error = Closure::<dyn Fn(JsValue)>::new({
            let known = Rc::clone(&known);
            move |event: JsValue| {
                let mut error = known.error.borrow_mut();
                *error = error.take().or_else(|| describe(&event));
            }
        });
        let on_close = Closure::<dyn Fn(CloseEvent)>::new({
            let (raw, url, driver) = (raw.clone(), url.to_owned(), Weak::clone(driver));
            move |event: CloseEvent| closed(&event, &raw, &url, &known, attempt, &driver)
        });
        raw.set_onopen(Some(on_open.as_ref().unchecked_ref()));
        raw.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        raw.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        raw.set_onclose(Some(on_close.as_ref().unchecked_ref()));
        Ok(Self { raw, _open: on_open, _message: on_message, _error: on_error, _close: on_close })
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
        self.raw.set_onopen(None);
        self.raw.set_onmessage(None);
        self.raw.set_onclose(None);
        // Not none: `ws` throws an error that has no listener, also after we closed the socket.
        let ignore = method(&js_sys::global(), "Boolean");
        self.raw.set_onerror(ignore.as_ref());
    }
}

/// Reports that a socket closed, and why, as far as it can be found out.
fn closed(event: &CloseEvent, raw: &WebSocket, url: &str, known: &Known, attempt: Attempt, driver: &Weak<Driver>) {
    let code = event.code();
    let text = event.reason();
    let said = || (known.is_open.get() && !text.is_empty()).then(|| Error::new(ErrorCode::NetworkError, text));
    let reason = refused(raw).or_else(|| known.error.take()).or_else(said);
    let driver = Weak::clone(driver);
    let report = move |reason| {
        driver.upgrade().inspect(|driver| driver.disconnected(attempt, code, reason));
    };
    if reason.is_some() || known.is_open.get() {
        return report(reason);
    }
    let url = url.to_owned();
    spawn_local(async move { report(Some(probe(&url).await)) });
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

/// The code of a socket that never was.
pub(crate) const NEVER_OPENED: u16 = close::ABNORMAL;
