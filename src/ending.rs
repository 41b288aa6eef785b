//! What ends an operation from outside: its user's signal, or its client's `close()`.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use js_sys::Function;
use wasm_bindgen::prelude::*;
use web_sys::AbortSignal;

use crate::host::WeakHost;
use crate::js::Listener;

/// Ends one operation, which then is dropped with its timers, listeners and requests.
#[derive(Clone, Default)]
pub(crate) struct Ending(Rc<State>);

#[derive(Default)]
struct State {
    reason: RefCell<Option<JsValue>>,
    waker: Cell<Option<Waker>>,
}

impl Ending {
    /// Ends the operation with `reason`.
    pub(crate) fn end(&self, reason: JsValue) {
        self.0.reason.borrow_mut().get_or_insert(reason);
        if let Some(a) = self.0.waker.take() {
            Waker::wake(a)
        }
    }

    /// Ready with the reason once there is one.
    pub(crate) fn poll(&self, context: &Context<'_>) -> Poll<JsValue> {
        if let Some(reason) = self.0.reason.borrow_mut().take() {
            return Poll::Ready(reason);
        }
        self.0.waker.set(Some(context.waker().clone()));
        Poll::Pending
    }
}

/// The operations of one client that are under way.
#[derive(Default)]
pub(crate) struct Endings(RefCell<Vec<Ending>>);

impl Endings {
    /// Adds an operation, until what it gives is dropped.
    pub(crate) fn add(&self) -> Registered<'_> {
        let ending = Ending::default();
        self.0.borrow_mut().push(ending.clone());
        Registered { endings: self, ending }
    }

    /// Ends all of them.
    pub(crate) fn end_all(&self, reason: &JsValue) {
        for ending in self.0.take() {
            ending.end(reason.clone());
        }
    }
}

/// An operation under way.
pub(crate) struct Registered<'a> {
    endings: &'a Endings,
    pub(crate) ending: Ending,
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        self.endings.0.borrow_mut().retain(|other| !Rc::ptr_eq(&other.0, &self.ending.0));
    }
}

/// Listens to a user's signal until it is dropped.
pub(crate) struct AbortListener {
    stop: Function,
    _act: Listener,
}

impl AbortListener {
    /// Ends `ending` with the signal's reason once it is aborted.
    ///
    /// # Errors
    /// The reason, when it is aborted already.
    pub(crate) fn listen(weak: &WeakHost, signal: AbortSignal, ending: &Ending) -> Result<Option<Self>, JsValue> {
        let Some(host) = weak.deref() else { return Ok(None) };
        if signal.aborted() {
            return Err(host.abort_reason(&signal)?);
        }
        let act = Listener::new({
            let (host, signal, ending) = (WeakHost::clone(weak), signal.clone(), ending.clone());
            move |_| ending.end(host.deref().and_then(|host| host.abort_reason(&signal).ok()).unwrap_or_default())
        });
        let stop = host.on_abort(&signal, act.as_ref().unchecked_ref())?;
        Ok(Some(Self { stop, _act: act }))
    }
}

impl Drop for AbortListener {
    fn drop(&mut self) {
        let _ = self.stop.call0(&JsValue::UNDEFINED);
    }
}
