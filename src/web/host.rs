//! What the binding needs of its runtime and cannot make itself; the TypeScript shell provides it.
//!
//! Handing it in, instead of importing a module, keeps one identity of the error classes, lets each runtime's entry choose
//! its `WebSocket`, and lets the tests replace all of it.

use alloc::string::String;
use js_sys::{Float64Array, Function, Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::AbortSignal;

#[wasm_bindgen]
extern "C" {
    /// The shell's `Host` object.
    #[derive(Clone)]
    pub type Host;

    /// Builds an error of the class that `category` numbers.
    #[wasm_bindgen(method, structural, catch)]
    pub fn error(this: &Host, category: u8, message: &str, fields: &JsValue, cause: &JsValue) -> Result<JsValue, JsValue>;

    /// A fresh idempotency key.
    #[wasm_bindgen(method, structural, catch, js_name = idempotencyKey)]
    pub fn idempotency_key(this: &Host) -> Result<String, JsValue>;

    /// The body of a write: `fields` as JSON, with `image` as the field `data` in base64 when there is one. The text of an image
    /// is made by the runtime, which is quicker at it, and never enters wasm memory, which would not shrink again.
    #[wasm_bindgen(method, structural, catch)]
    pub fn body(this: &Host, fields: &JsValue, image: Option<&Uint8Array>) -> Result<JsValue, JsValue>;

    /// The sequences of an array of events, in one crossing; NaN where there is none.
    #[wasm_bindgen(method, structural, catch)]
    pub fn sequences(this: &Host, events: &JsValue) -> Result<Float64Array, JsValue>;

    /// Opens a WebSocket that reports to `report(attempt, kind, value)`: kind 0 open, 1 a parsed frame (undefined when it was
    /// not JSON), 2 closed with a code.
    #[wasm_bindgen(method, structural, catch, js_name = openSocket)]
    pub fn open_socket(this: &Host, url: &str, protocol: &str, attempt: u32, report: &Function) -> Result<Socket, JsValue>;

    /// The user's token, asked for anew.
    #[wasm_bindgen(method, structural, catch)]
    pub fn token(this: &Host) -> Result<Promise, JsValue>;

    /// One HTTP request, a `POST` when there is a body: a promise of an object with `ok`, `status`, `body` as parsed JSON or
    /// `cause` when it is not JSON, and the headers `retryAfter` (`retryAt` when that is a date: milliseconds from now) and
    /// `requestId`. It rejects when no answer came, or only a part of one.
    #[wasm_bindgen(method, structural, catch)]
    pub fn exchange(this: &Host, url: &str, headers: &JsValue, body: &JsValue, signal: &AbortSignal) -> Result<Promise, JsValue>;

    /// Limits a call to a time, the user's signal and the client's life. Throws the signal's reason when it is aborted already.
    #[wasm_bindgen(method, structural, catch)]
    pub fn deadline(this: &Host, timeout_ms: f64, signal: Option<&AbortSignal>) -> Result<HostDeadline, JsValue>;

    /// Resolves after a time.
    #[wasm_bindgen(method, structural, catch)]
    pub fn sleep(this: &Host, delay_ms: f64) -> Result<Promise, JsValue>;

    /// The bytes of any view or buffer, or undefined when it is none; what is outside a view is not among them.
    #[wasm_bindgen(method, structural, catch)]
    pub fn bytes(this: &Host, value: &JsValue) -> Result<Option<Uint8Array>, JsValue>;

    /// Calls `wake(online)` when the page comes back to life or the network changes; gives a function that stops it.
    #[wasm_bindgen(method, structural, catch, js_name = watchWake)]
    pub fn watch_wake(this: &Host, wake: &Function) -> Result<Function, JsValue>;

    /// Told whenever the state of the connection changes; users are called later, never while Rust is on the stack.
    #[wasm_bindgen(method, structural, catch, js_name = stateChanged)]
    pub fn state_changed(this: &Host, state: &str) -> Result<(), JsValue>;

    /// Told that a stream left out a stretch of the log, and the user's own function for that, or undefined.
    #[wasm_bindgen(method, structural, catch, js_name = gapSkipped)]
    pub fn gap_skipped(this: &Host, gap: &JsValue, on_gap: &JsValue) -> Result<(), JsValue>;

    /// The limit of one call.
    pub type HostDeadline;

    /// Resolves when the call's time is over: with undefined after the time itself, or with an object whose `reason` is the
    /// reason of the signal.
    #[wasm_bindgen(method, structural, getter)]
    pub fn expired(this: &HostDeadline) -> Promise;

    /// What `fetch` is given; aborted by `stop`.
    #[wasm_bindgen(method, structural, getter)]
    pub fn signal(this: &HostDeadline) -> AbortSignal;

    /// Stops listening, resolves `expired`, and aborts what is still under way.
    #[wasm_bindgen(method, structural, catch)]
    pub fn stop(this: &HostDeadline) -> Result<(), JsValue>;

    /// An open WebSocket.
    pub type Socket;

    /// Sends a frame as JSON.
    #[wasm_bindgen(method, structural, catch)]
    pub fn send(this: &Socket, frame: &JsValue) -> Result<(), JsValue>;

    /// Stops listening and closes.
    #[wasm_bindgen(method, structural, catch)]
    pub fn close(this: &Socket, code: u16) -> Result<(), JsValue>;
}
