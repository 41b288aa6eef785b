//! The binding in a real JavaScript engine, with a host, a `fetch` and a WebSocket that are the tests' own.

mod calls;
mod shapes;
mod streams;

use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::wasm_bindgen_test_configure;

use crate::client::Client;
use crate::js::get;
use crate::timer::sleep;

wasm_bindgen_test_configure!(run_in_browser);

/// The value of a JavaScript expression.
fn js(expression: &str) -> JsValue {
    let body = ["return (", expression, ")"].concat();
    Function::new_no_args(&body).call0(&JsValue::UNDEFINED).unwrap()
}

/// What a JavaScript function makes of a value.
fn apply(function: &str, value: &JsValue) -> JsValue {
    js(function).unchecked_into::<Function>().call1(&JsValue::UNDEFINED, value).unwrap()
}

fn text(value: &JsValue, name: &str) -> String {
    get(value, name).as_string().unwrap_or_default()
}

fn json(value: &JsValue) -> String {
    js_sys::JSON::stringify(value).map(String::from).unwrap_or_default()
}

/// What a promise settles to.
async fn settled<P: JsCast>(promise: P) -> Result<JsValue, JsValue> {
    JsFuture::from(promise.unchecked_into::<Promise>()).await
}

/// Looks until something holds, for 20 s at most.
async fn until(holds: impl Fn() -> bool) {
    for _ in 0..4_000 {
        if holds() {
            return;
        }
        sleep(5).await;
    }
    panic!("it never holds");
}

/// A host whose errors are plain objects, and whose sockets are in the tests' hands. `changes` are put over it.
fn host(changes: &str) -> JsValue {
    let host = js("({
        baseUrl: 'http://im.example.com', timeout: 60000, maxAttempts: 1, initialDelay: 0, maxDelay: 0, autoIdempotency: true,
        server: undefined, states: [], gaps: [], sockets: [], listening: 0,
        token: () => 't',
        error: (category, message, details, cause) => Object.assign(new Error(message), { category, cause }, details),
        webSocket() {
            const host = this;
            return class {
                constructor(url, protocol) {
                    Object.assign(this, { url, protocol, sent: [] });
                    host.sockets.push(this);
                }
                send(text) { this.sent.push(JSON.parse(text)); }
                close(code) { this.closed = code; }
            };
        },
        onAbort(signal, act) {
            this.listening += 1;
            signal.addEventListener('abort', act);
            return () => {
                this.listening -= 1;
                signal.removeEventListener('abort', act);
            };
        },
        sequences: (events) => Float64Array.from(events, (event) => (typeof event.sequence === 'number' ? event.sequence : NaN)),
        base64: (bytes) => btoa(String.fromCharCode(...bytes)),
        statusChanged(state, error) {
            this.states.push(state);
            this.lastError = error;
        },
        lagChanged() {},
        gapSkipped(gap, onGap) {
            this.gaps.push(gap);
            onGap?.(gap);
        },
    })");
    js_sys::Object::<JsValue>::assign(host.unchecked_ref(), js(changes).unchecked_ref());
    host
}

fn client(host: &JsValue) -> Client {
    Client::new(apply("(host) => ({ deref: () => host })", host).unchecked_into()).unwrap()
}

/// A `fetch` of the test's own, until it is dropped.
struct Network {
    real: JsValue,
    /// What it was given: `url`, `method`, `headers`, `body`, `signal`.
    requests: js_sys::Array,
}

impl Network {
    /// Answers with what `answer` gives for a request and its number; that may be a promise.
    fn new(answer: &str) -> Self {
        let global: JsValue = js_sys::global().into();
        let real = get(&global, "fetch");
        let requests = js_sys::Array::new();
        let make = js("(requests, answer) => (url, init) => {
            const { method = 'GET', headers, body, signal } = init;
            requests.push({ url, method, headers: Object.fromEntries(headers ?? []), body, signal });
            return answer(requests.at(-1), requests.length);
        }");
        let fetch = make.unchecked_into::<Function>().call2(&JsValue::UNDEFINED, &requests, &js(answer)).unwrap();
        Reflect::set(&global, &"fetch".into(), &fetch).unwrap();
        Self { real, requests }
    }

    fn request(&self, index: u32) -> JsValue {
        self.requests.get(index)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        Reflect::set(&js_sys::global(), &"fetch".into(), &self.real).unwrap();
    }
}
