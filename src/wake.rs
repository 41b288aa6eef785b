//! Listens for what may mean that the network is another one: the page came back to life, or the network changed.

use std::rc::Weak;

use im_chats_protocol::client::ClientInput;
use wasm_bindgen::prelude::*;
use web_sys::EventTarget;

use crate::driver::Driver;
use crate::js::{Listener, get, text_of};

/// Listens until it is dropped.
pub(crate) struct WakeListener {
    listeners: Vec<(EventTarget, &'static str, Listener)>,
}

impl WakeListener {
    /// Tells `driver` of every wake-up.
    pub(crate) fn listen(driver: &Weak<Driver>) -> Self {
        let mut listener = Self { listeners: Vec::new() };
        let global: JsValue = js_sys::global().into();
        let page = get(&global, "document");
        let wake = |driver: &Driver| driver.feed(ClientInput::Wake);
        if page.is_object() {
            listener.add(&page, "visibilitychange", driver, |driver| {
                if text_of(&get(&js_sys::global(), "document"), "visibilityState").as_deref() == Some("visible") {
                    driver.feed(ClientInput::Wake);
                }
            });
            listener.add(&page, "resume", driver, wake);
        }
        // Only pages and workers tell these; elsewhere the global has no such events.
        if page.is_object() || get(&global, "importScripts").is_function() {
            listener.add(&global, "pageshow", driver, wake);
            listener.add(&global, "online", driver, |driver| driver.network(true));
            listener.add(&global, "offline", driver, |driver| driver.network(false));
        }
        listener
    }

    fn add(&mut self, target: &JsValue, event: &'static str, driver: &Weak<Driver>, act: fn(&Driver)) {
        let driver = Weak::clone(driver);
        let listener = Listener::new(move |_| {
            driver.upgrade().inspect(|driver| act(driver));
        });
        let target: EventTarget = target.clone().unchecked_into();
        if target.add_event_listener_with_callback(event, listener.as_ref().unchecked_ref()).is_ok() {
            self.listeners.push((target, event, listener));
        }
    }
}

impl Drop for WakeListener {
    fn drop(&mut self) {
        for (target, event, listener) in &self.listeners {
            let _ = target.remove_event_listener_with_callback(event, listener.as_ref().unchecked_ref());
        }
    }
}

/// Whether the runtime says that there is a network; nothing where it does not know.
pub(crate) fn is_online() -> Option<bool> {
    get(&get(&js_sys::global(), "navigator"), "onLine").as_bool()
}
