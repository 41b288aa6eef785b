//! One client: its settings, and the parts that need them.

use alloc::rc::Rc;
use alloc::string::String;
use core::cell::RefCell;

use wasm_bindgen::prelude::*;

use super::chats::Chats;
use super::driver::Driver;
use super::failure::{Failure, to_js};
use super::host::Host;
use super::js::get;
use super::stream::Subscription;
use crate::error::{Error, ErrorCode};
use crate::session::Backoff;
use crate::wire::json::{Json, integer};

/// What `createClient` was given, checked by the shell.
pub(super) struct Settings {
    pub(super) base_url: String,
    pub(super) timeout_ms: f64,
    /// Tries of a unary call, the first included.
    pub(super) max_attempts: u64,
    pub(super) backoff: Backoff,
    pub(super) auto_idempotency: bool,
    pub(super) server: Option<String>,
}

/// What all parts of a client share.
pub(super) struct Shared {
    pub(super) host: Host,
    pub(super) settings: Settings,
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

/// The token that the user's function gave, or why there is none.
pub(super) fn token(asked: Result<JsValue, JsValue>) -> Result<String, Failure> {
    let refused = |message: &'static str, cause| Failure::Ours(Error::new(ErrorCode::Unauthenticated, message), cause);
    let value = asked.map_err(|cause| {
        // An error of our own classes is already what the user wants to see.
        if get(&cause, "grpcCode").as_f64().is_some() {
            Failure::Theirs(cause)
        } else {
            refused("the token function failed", cause)
        }
    })?;
    match value.as_string() {
        // Anything else could not travel in a header, and `fetch` would call it a network failure.
        Some(token) if !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(token),
        _ => Err(refused("the token is empty or not made of visible ASCII characters", JsValue::UNDEFINED)),
    }
}

/// The wasm side of a client. Internal: the shell's `createClient` makes it on first use.
#[wasm_bindgen]
pub struct Core {
    shared: Rc<Shared>,
}

#[wasm_bindgen]
impl Core {
    /// Takes the shell's host and the settings it checked.
    #[wasm_bindgen(constructor)]
    pub fn new(host: Host, settings: &JsValue) -> Core {
        let number = |name| integer(&get(settings, name)).unwrap_or(0);
        let text = |name| get(settings, name).text();
        let shared = Shared {
            settings: Settings {
                base_url: text("baseUrl").unwrap_or_default(),
                timeout_ms: get(settings, "timeout").as_f64().unwrap_or(0.0),
                max_attempts: number("maxAttempts"),
                backoff: Backoff { initial_ms: number("initialDelay"), cap_ms: number("maxDelay") },
                auto_idempotency: get(settings, "autoIdempotency").is_truthy(),
                server: text("server"),
            },
            host,
            driver: RefCell::new(None),
        };
        Self { shared: Rc::new(shared) }
    }

    /// The nine unary calls.
    #[wasm_bindgen(getter)]
    pub fn chats(&self) -> Chats {
        Chats::new(&self.shared)
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
