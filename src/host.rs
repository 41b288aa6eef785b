//! What the binding needs of its runtime and cannot make itself; the TypeScript shell provides it.
//!
//! Handing it in, instead of importing a module, keeps one identity of the error classes, lets each runtime's entry choose
//! its `WebSocket`, and lets the tests replace all of it.

use js_sys::Float64Array;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// The shell's `Host` object.
    #[derive(Clone)]
    pub type Host;

    /// Builds an error of the class that `category` numbers.
    #[wasm_bindgen(method, structural, catch)]
    pub fn error(this: &Host, category: u8, message: &str, fields: &JsValue, cause: &JsValue) -> Result<JsValue, JsValue>;

    /// Asks for the user's token, to be given to `Core.token` with `attempt`.
    #[wasm_bindgen(method, structural, catch, js_name = fetchToken)]
    pub fn fetch_token(this: &Host, attempt: u32) -> Result<(), JsValue>;

    /// The sequences of an array of events, in one crossing; NaN where there is none.
    #[wasm_bindgen(method, structural, catch)]
    pub fn sequences(this: &Host, events: &JsValue) -> Result<Float64Array, JsValue>;

    /// Opens a WebSocket that reports to `Core.report(attempt, kind, value)`.
    #[wasm_bindgen(method, structural, catch, js_name = openSocket)]
    pub fn open_socket(this: &Host, url: &str, protocol: &str, attempt: u32) -> Result<Socket, JsValue>;

    /// Calls `Core.tick()` once after a time, and forgets an earlier timer; a time below zero only forgets.
    #[wasm_bindgen(method, structural, catch)]
    pub fn arm(this: &Host, delay_ms: f64) -> Result<(), JsValue>;

    /// Whether to call `Core.wake(online)` when the page comes back to life or the network changes.
    #[wasm_bindgen(method, structural, catch, js_name = watchWake)]
    pub fn watch_wake(this: &Host, watch: bool) -> Result<(), JsValue>;

    /// Takes the state of the connection, why it does not work, and the latest attempt that failed (`number`, and perhaps
    /// `nextAttemptAt`); undefined where there is none. Users are called later, never while Rust is on the stack.
    #[wasm_bindgen(method, structural, catch, js_name = statusChanged)]
    pub fn status_changed(this: &Host, state: &str, error: &JsValue, failed: &JsValue) -> Result<(), JsValue>;

    /// Called when a stream's lag may have changed; the shell asks [`crate::stream::StreamHandle::lag`] in its own time.
    #[wasm_bindgen(method, structural, catch, js_name = lagChanged)]
    pub fn lag_changed(this: &Host) -> Result<(), JsValue>;

    /// Told that a stream left out a stretch of the log, and the user's own function for that, or undefined.
    #[wasm_bindgen(method, structural, catch, js_name = gapSkipped)]
    pub fn gap_skipped(this: &Host, gap: &JsValue, on_gap: &JsValue) -> Result<(), JsValue>;

    /// An open WebSocket.
    pub type Socket;

    /// Sends a frame as JSON.
    #[wasm_bindgen(method, structural, catch)]
    pub fn send(this: &Socket, frame: &JsValue) -> Result<(), JsValue>;

    /// Stops listening and closes.
    #[wasm_bindgen(method, structural, catch)]
    pub fn close(this: &Socket, code: u16) -> Result<(), JsValue>;
}
