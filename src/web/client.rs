//! One client: its settings, and the parts that need them.

use alloc::rc::Rc;
use alloc::string::String;
use core::cell::RefCell;

use wasm_bindgen::prelude::*;

use super::driver::Driver;
use super::failure::to_js;
use super::host::Host;
use super::stream::Subscription;
use crate::error::{Error, ErrorCode};
use crate::session::Input;
use crate::wire::json::Json;

/// What all parts of a client share.
pub(super) struct Shared {
    pub(super) host: Host,
    pub(super) base_url: String,
    driver: RefCell<Option<Rc<Driver>>>,
}

impl Shared {
    /// The driver of the event streams; made with the first of them.
    pub(super) fn driver(self: &Rc<Self>) -> Rc<Driver> {
        self.driver.borrow_mut().get_or_insert_with(|| Driver::new(self)).clone()
    }

    fn open_driver(&self) -> Option<Rc<Driver>> {
        self.driver.borrow().clone()
    }
}

/// The wasm side of a client. Internal: the shell's `createClient` makes it on first use.
#[wasm_bindgen]
pub struct Core {
    pub(super) shared: Rc<Shared>,
}

#[wasm_bindgen]
impl Core {
    /// Takes the shell's host and the checked address.
    #[wasm_bindgen(constructor)]
    pub fn new(host: Host, base_url: String) -> Core {
        Self { shared: Rc::new(Shared { host, base_url, driver: RefCell::new(None) }) }
    }

    /// Gives the token that [`Host::fetch_token`] was asked for; without one, `message` says why.
    pub fn token(&self, attempt: u32, token: Option<String>, message: String) {
        let result = token.ok_or_else(|| Error::new(ErrorCode::Unauthenticated, message));
        self.shared.driver().feed(Input::Token { attempt, result });
    }

    /// Opens a stream of chat events.
    #[wasm_bindgen(js_name = subscribeEvents)]
    pub fn subscribe_events(&self, options: JsValue) -> Result<Subscription, JsValue> {
        Subscription::subscribe(&self.shared, options)
    }

    /// Opens a catch-up.
    #[wasm_bindgen(js_name = catchUp)]
    pub fn catch_up(&self, after: JsValue, options: JsValue) -> Result<Subscription, JsValue> {
        Subscription::catch_up(&self.shared, after, options)
    }

    /// How far the slowest stream is behind.
    pub fn lag(&self) -> JsValue {
        JsValue::from_integer(self.shared.open_driver().map_or(0, |driver| driver.lag()))
    }

    /// The latest failure of the connection, until it works again.
    #[wasm_bindgen(js_name = lastError)]
    pub fn last_error(&self) -> JsValue {
        let error = self.shared.open_driver().and_then(|driver| driver.last_error());
        error.map_or(JsValue::UNDEFINED, |error| to_js(&self.shared.host, &error, &JsValue::UNDEFINED))
    }

    /// Ends the streams; the shell ends the calls.
    pub fn close(&self) {
        if let Some(driver) = self.shared.open_driver() {
            driver.close();
        }
    }
}
