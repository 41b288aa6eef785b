//! The end of a call's patience: its timeout, the user's signal, the client's close, whichever comes first.

use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;

use wasm_bindgen_futures::JsFuture;
use web_sys::AbortSignal;

use super::failure::Failure;
use super::host::{Host, HostDeadline};
use super::js::get;
use crate::error::{Error, ErrorCode};

/// Listens until it is dropped; then the listeners and the timer are gone, and a request still under way is aborted.
pub(super) struct Deadline(HostDeadline);

impl Deadline {
    /// Starts the clock.
    pub(super) fn start(host: &Host, timeout_ms: f64, signal: Option<&AbortSignal>) -> Result<Self, Failure> {
        host.deadline(timeout_ms, signal).map(Self).map_err(Failure::Theirs)
    }

    /// The signal for `fetch`.
    pub(super) fn signal(&self) -> AbortSignal {
        self.0.signal()
    }

    /// Waits for `work`, no longer than allowed.
    pub(super) async fn guard<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let mut work = pin!(work);
        let mut expired = pin!(JsFuture::from(self.0.expired()));
        poll_fn(|context| match expired.as_mut().poll(context) {
            Poll::Ready(Ok(aborted)) if aborted.is_object() => Poll::Ready(Err(Failure::Theirs(get(&aborted, "reason")))),
            Poll::Ready(_) => {
                let error = Error::new(ErrorCode::Timeout, "no answer within the time allowed").retryable();
                Poll::Ready(Err(error.into()))
            }
            Poll::Pending => work.as_mut().poll(context),
        })
        .await
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        // A future whose promise never settles keeps its closures, and with them their memory, for ever: this settles it.
        let _ = self.0.stop();
    }
}
