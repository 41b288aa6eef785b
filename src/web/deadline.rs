//! The end of a call's patience: its timeout, the user's signal, the client's close, whichever comes first.

use alloc::vec::Vec;
use core::future::Future;
use core::pin::pin;
use core::task::Poll;

use js_sys::{Function, Promise};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, AbortSignal};

use super::failure::Failure;
use super::host::Host;
use super::js::{Timer, get};
use crate::error::{Error, ErrorCode};

/// Listens until it is dropped; then the listeners and the timer are gone, and a request still under way is aborted.
pub(super) struct Deadline {
    /// What `fetch` is given.
    controller: AbortController,
    signals: Vec<AbortSignal>,
    stop_listening: Vec<Function>,
    expired: Promise,
    expire: Function,
    _timer: Timer,
}

impl Deadline {
    /// Starts the clock. `closing` is the client's own signal.
    pub(super) fn start(
        host: &Host,
        timeout_ms: u64,
        signal: Option<AbortSignal>,
        closing: &AbortSignal,
    ) -> Result<Self, Failure> {
        let signals: Vec<_> = signal.into_iter().chain([closing.clone()]).collect();
        aborted(&signals)?;
        let mut resolve = None;
        let expired = Promise::new(&mut |accept, _| resolve = Some(accept));
        let (Some(expire), Ok(controller)) = (resolve, AbortController::new()) else {
            return Err(Error::new(ErrorCode::OperationNotSupported, "this runtime has no AbortController").into());
        };
        // The promise's own function listens: no closure of ours can be called too late.
        let stop_listening = signals.iter().filter_map(|signal| host.on_abort(signal, &expire).ok()).collect();
        let timer = Timer::start(&expire, timeout_ms);
        Ok(Self { controller, signals, stop_listening, expired, expire, _timer: timer })
    }

    /// The signal for `fetch`.
    pub(super) fn signal(&self) -> AbortSignal {
        self.controller.signal()
    }

    /// Waits for `work`, no longer than allowed.
    pub(super) async fn guard<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let mut work = pin!(work);
        let mut expired = pin!(JsFuture::from(self.expired.clone()));
        core::future::poll_fn(|context| {
            if expired.as_mut().poll(context).is_ready() {
                return Poll::Ready(Err(match aborted(&self.signals) {
                    Err(failure) => failure,
                    Ok(()) => Error::new(ErrorCode::Timeout, "no answer within the time allowed").retryable().into(),
                }));
            }
            work.as_mut().poll(context)
        })
        .await
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        for stop in &self.stop_listening {
            let _ = stop.call0(&JsValue::UNDEFINED);
        }
        // A future whose promise never settles keeps its closures, and with them their memory, for ever.
        let _ = self.expire.call0(&JsValue::UNDEFINED);
        // After a finished request this does nothing; after an expired one it frees the connection.
        self.controller.abort();
    }
}

/// The reason of the first signal that is aborted, exactly as the user gave it.
fn aborted(signals: &[AbortSignal]) -> Result<(), Failure> {
    match signals.iter().find(|signal| signal.aborted()) {
        Some(signal) => Err(Failure::Theirs(get(signal, "reason"))),
        None => Ok(()),
    }
}
