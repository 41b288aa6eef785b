//! The binding in a real JavaScript engine. `page.js` stands for the shell and for the network: nothing leaves the page, and no test
//! waits for a clock, since the timers are the test's.

use js_sys::{JSON, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::wasm_bindgen_test_configure;

use crate::client::Client;
use crate::host::WeakHost;

mod calls;
mod cancelling;
mod failing;
mod input;
#[cfg(feature = "messages")]
mod messages;
mod minting;
mod refused;
mod retries;
mod shapes;
mod sockets;
mod streams;
mod tokens;
mod waking;

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen(module = "/src/tests/page.js")]
extern "C" {
    #[wasm_bindgen(js_name = Page)]
    type World;

    #[wasm_bindgen(constructor, js_class = "Page")]
    fn new(options: &JsValue) -> World;

    #[wasm_bindgen(method, getter)]
    fn weak(this: &World) -> WeakHost;

    #[wasm_bindgen(method, setter)]
    fn set_client(this: &World, client: Client);

    #[wasm_bindgen(method)]
    fn start(this: &World, promise: &JsValue);

    #[wasm_bindgen(method, getter)]
    fn settled(this: &World) -> Promise;

    #[wasm_bindgen(method)]
    fn until(this: &World, condition: &JsValue) -> Promise;

    #[wasm_bindgen(method)]
    fn turn(this: &World) -> Promise;

    #[wasm_bindgen(method)]
    fn restore(this: &World);

    #[wasm_bindgen(catch)]
    fn evaluate(expression: &str, page: &JsValue) -> Result<JsValue, JsValue>;
}

/// The value of a JavaScript expression.
fn js(expression: &str) -> JsValue {
    evaluate(expression, &JsValue::UNDEFINED).unwrap()
}

/// A value as JSON, to compare.
fn shown(value: &JsValue) -> String {
    JSON::stringify(value).ok().and_then(|text| text.as_string()).unwrap_or_else(|| "undefined".to_owned())
}

/// A page with a client, and the globals replaced until it is dropped.
struct Page(World);

impl Page {
    fn new() -> Self {
        Self::with("{}")
    }

    /// The shell's half has these options and methods in place of its own.
    fn with(options: &str) -> Self {
        let world = World::new(&js(options));
        world.set_client(Client::new(world.weak()).unwrap());
        Self(world)
    }

    /// The value of an expression about `page`, `client`, `chats`, `events`, `messages` and `groups`, or what it throws.
    fn attempt(&self, expression: &str) -> Result<JsValue, JsValue> {
        evaluate(expression, &self.0)
    }

    /// The value of an expression that must not throw.
    #[track_caller]
    fn run(&self, expression: &str) -> JsValue {
        self.attempt(expression).unwrap()
    }

    /// The value of an expression is that of another one, in JSON.
    #[track_caller]
    fn expect(&self, expression: &str, expected: &str) {
        assert_eq!(shown(&self.run(expression)), shown(&js(expected)), "{expression}");
    }

    /// Begins what gives a promise; once that settled, `page.result` has its `value` or `error`.
    #[track_caller]
    fn start(&self, expression: &str) {
        self.0.start(&self.run(expression));
    }

    /// Waits for what was begun.
    async fn settled(&self) {
        JsFuture::from(self.0.settled()).await.unwrap();
    }

    /// Begins it, and waits for it.
    async fn settle(&self, expression: &str) {
        self.start(expression);
        self.settled().await;
    }

    /// Waits until a condition holds.
    async fn until(&self, condition: &str) {
        let condition = self.run(&["() => (", condition, ")"].concat());
        JsFuture::from(self.0.until(&condition)).await.unwrap();
    }

    /// Lets everything go on that waits for nothing but its turn.
    async fn turn(&self) {
        JsFuture::from(self.0.turn()).await.unwrap();
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.0.restore();
    }
}
