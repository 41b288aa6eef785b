//! Timers that are cleared when they are dropped.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use wasm_bindgen::prelude::*;

use crate::js::{Listener, method};

#[wasm_bindgen]
extern "C" {
    // Looked up with every call: tests put fake timers in their place.
    #[wasm_bindgen(js_name = setTimeout, catch)]
    fn set_timeout(act: &Listener, delay_ms: f64) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(js_name = clearTimeout, catch)]
    fn clear_timeout(timer: &JsValue) -> Result<(), JsValue>;
}

/// A delay as timers take it: at most 2^31 − 1 ms.
pub(crate) fn milliseconds(delay_ms: u64) -> f64 {
    f64::from(u32::try_from(delay_ms).unwrap_or(u32::MAX).min(i32::MAX.unsigned_abs()))
}

/// Calls a function once, unless it is dropped before.
pub(crate) struct Timer {
    id: JsValue,
    _act: Listener,
}

impl Timer {
    /// Calls `act` after so many milliseconds.
    pub(crate) fn start(delay_ms: u64, act: impl Fn() + 'static) -> Self {
        let act = Listener::new(move |_| act());
        let id = set_timeout(&act, milliseconds(delay_ms)).unwrap_or_default();
        Self { id, _act: act }
    }

    /// Lets the program end although the timer runs, where a timer would keep it.
    pub(crate) fn unref(self) -> Self {
        if let Some(unref) = method(&self.id, "unref") {
            let _ = unref.call0(&self.id);
        }
        self
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        let _ = clear_timeout(&self.id);
    }
}

/// Done after so many milliseconds.
pub(crate) fn sleep(delay_ms: u64) -> Sleep {
    let waker: Rc<Cell<Option<Waker>>> = Rc::default();
    let fired: Rc<Cell<bool>> = Rc::default();
    let timer = Timer::start(delay_ms, {
        let (waker, fired) = (Rc::clone(&waker), Rc::clone(&fired));
        move || {
            fired.set(true);
            if let Some(a) = waker.take() {
                Waker::wake(a)
            }
        }
    });
    Sleep { timer, waker, fired }
}

/// What [`sleep`] gives. Dropped, it clears its timer.
pub(crate) struct Sleep {
    timer: Timer,
    waker: Rc<Cell<Option<Waker>>>,
    fired: Rc<Cell<bool>>,
}

impl Sleep {
    /// Lets the program end before.
    pub(crate) fn unref(self) -> Self {
        Self { timer: self.timer.unref(), ..self }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.fired.get() {
            return Poll::Ready(());
        }
        self.waker.set(Some(context.waker().clone()));
        Poll::Pending
    }
}
