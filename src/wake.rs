//! Listens for what may mean that the network is another one: the page came back to life, or the network changed.

use std::rc::Rc;

use wasm_bindgen::prelude::*;
use web_sys::EventTarget;

use crate::js::{Listener, get, text_of};

/// What happened.
pub(crate) enum Wake {
    /// The page came back to life.
    Visible,
    /// The network came, or went.
    Network { online: bool },
}

/// Listens until it is dropped.
pub(crate) struct WakeListener {
    report: Rc<dyn Fn(Wake)>,
    listeners: Vec<(EventTarget, &'static str, Listener)>,
}

impl WakeListener {
    /// Reports every wake-up.
    pub(crate) fn listen(report: Rc<dyn Fn(Wake)>) -> Self {
        let mut listener = Self { report, listeners: Vec::new() };
        let global: JsValue = js_sys::global().into();
        let page = get(&global, "document");
        let visible = || Some(Wake::Visible);
        if page.is_object() {
            listener.add(&page, "visibilitychange", || {
                let state = text_of(&get(&js_sys::global(), "document"), "visibilityState");
                (state.as_deref() == Some("visible")).then_some(Wake::Visible)
            });
            listener.add(&page, "resume", visible);
        }
        // Only pages and workers tell these; elsewhere the global has no such events.
        if page.is_object() || get(&global, "importScripts").is_function() {
            listener.add(&global, "pageshow", visible);
            listener.add(&global, "online", || Some(Wake::Network { online: true }));
            listener.add(&global, "offline", || Some(Wake::Network { online: false }));
        }
        listener
    }

    fn add(&mut self, target: &JsValue, event: &'static str, happened: fn() -> Option<Wake>) {
        let report = Rc::clone(&self.report);
        let listener = Listener::new(move |_| {
            if let Some(wake) = happened() {
                report(wake);
            }
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
