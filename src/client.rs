//! One client.

use alloc::rc::Rc;
use alloc::string::String;

use wasm_bindgen::prelude::*;

use crate::driver::Driver;
use crate::host::Host;
use crate::refusal::own;
use crate::stream::StreamHandle;
use im_chats_protocol::client::ClientInput;

/// The wasm side of a client. Internal: the shell's `createClient` makes it on first use.
#[wasm_bindgen]
pub struct Core {
    pub(super) driver: Rc<Driver>,
}

#[wasm_bindgen]
impl Core {
    /// Takes the shell's host and the checked address.
    #[wasm_bindgen(constructor)]
    pub fn new(host: Host, base_url: String) -> Core {
        Self { driver: Rc::new(Driver::new(host, base_url)) }
    }

    /// Opens a stream of chat events.
    #[wasm_bindgen(js_name = subscribeEvents)]
    pub fn subscribe_events(&self, options: JsValue) -> Result<StreamHandle, JsValue> {
        StreamHandle::subscribe(&self.driver, options)
    }

    /// Opens a catch-up.
    #[wasm_bindgen(js_name = catchUp)]
    pub fn catch_up(&self, after: JsValue, options: JsValue) -> Result<StreamHandle, JsValue> {
        StreamHandle::catch_up(&self.driver, after, options)
    }

    /// Takes the token that [`Host::fetch_token`] asked for; without one, `error` says why: an error of the shell's classes.
    pub fn token(&self, attempt: u32, token: Option<String>, error: &JsValue) {
        let result = token.ok_or_else(|| own(error));
        self.driver.feed(ClientInput::Token { attempt, result });
    }

    /// What a WebSocket has to say: kind 0 that it is open, 1 a parsed frame (undefined when it was not JSON), 2 that it closed,
    /// with a code and what is known of the reason.
    pub fn report(&self, attempt: u32, kind: u32, value: &JsValue) {
        self.driver.report(attempt, kind, value);
    }

    /// The timer of [`Host::arm`] is due.
    pub fn tick(&self) {
        self.driver.tick();
    }

    /// The page came back to life, or – then `online` is not undefined – the network changed.
    pub fn wake(&self, online: Option<bool>) {
        self.driver.feed(online.map_or(ClientInput::Wake, |online| ClientInput::Network { online }));
    }

    /// Ends the streams; the shell ends the calls.
    pub fn close(&self) {
        self.driver.feed(ClientInput::Close);
    }
}
