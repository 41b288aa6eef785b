//! What is under way on a connection, and whether it moves: HTTP/2 knows neither of itself.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use hyper::rt::Executor;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::admission::Held;

tokio::task_local! {
    /// The watch over the HTTP/2 stream whose task this is.
    static STALL: Arc<Stall>;
}

/// The requests under way on one connection.
#[derive(Debug)]
pub(super) struct Activity {
    in_flight: AtomicUsize,
    /// When the last one ended.
    since: Mutex<Instant>,
}

impl Activity {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { in_flight: AtomicUsize::new(0), since: Mutex::new(Instant::now()) })
    }

    /// One more, until the guard is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Ordering::AcqRel);
        InFlight(Arc::clone(self))
    }

    pub(super) fn is_idle(&self) -> bool {
        self.in_flight.load(Ordering::Acquire) == 0
    }

    /// Waits until nothing was under way for `timeout`.
    pub(super) async fn idle(&self, timeout: Duration) {
        loop {
            let now = Instant::now();
            // While something is under way it is looked at again later: when it ends, at least that much time is left.
            let end = if self.is_idle() { *self.since.lock() + timeout } else { now + timeout };
            if end <= now {
                return;
            }
            sleep_until(end).await;
        }
    }
}

/// A request under way, to the last byte of its answer.
#[derive(Debug)]
pub(super) struct InFlight(Arc<Activity>);

impl Drop for InFlight {
    fn drop(&mut self) {
        *self.0.since.lock() = Instant::now();
        self.0.in_flight.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Runs the HTTP/2 streams of a connection, and resets one whose answer waits for its client longer than `timeout`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Streams {
    pub(super) timeout: Duration,
}

impl<F> Executor<F> for Streams
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, stream: F) {
        let (stall, timeout) = (Arc::new(Stall::default()), self.timeout);
        tokio::spawn(STALL.scope(Arc::clone(&stall), async move {
            tokio::select! {
                _ = stream => {}
                () = stall.lasts(timeout) => tracing::debug!("an answer was not taken in time"),
            }
        }));
    }
}

/// Since when a piece of an answer has waited for its client.
#[derive(Debug, Default)]
struct Stall {
    since: Mutex<Option<Instant>>,
    begins: Notify,
}

impl Stall {
    fn begin(&self) {
        *self.since.lock() = Some(Instant::now());
        self.begins.notify_one();
    }

    fn end(&self) {
        *self.since.lock() = None;
    }

    async fn lasts(&self, timeout: Duration) {
        loop {
            let since = *self.since.lock();
            match since {
                None => self.begins.notified().await,
                Some(since) if since.elapsed() >= timeout => return,
                Some(since) => sleep_until(since + timeout).await,
            }
        }
    }
}

/// Marks an answer that may wait for its client as long as it likes: a stream of events has a place of its own, and what the
/// client does not take stays in the log.
#[derive(Debug, Clone, Copy)]
pub struct Unhurried;

/// An answer's body on its way out, with all that it holds until it is out.
#[derive(Debug)]
pub(super) struct Outgoing {
    body: Body,
    stall: Option<Arc<Stall>>,
    _in_flight: InFlight,
    _held: Option<Held>,
}

impl Outgoing {
    /// Call it in the task of the answer's stream.
    pub(super) fn answer(mut response: http::Response<Body>, in_flight: InFlight) -> http::Response<Self> {
        let unhurried = response.extensions_mut().remove::<Unhurried>().is_some();
        let held = response.extensions_mut().remove::<Held>().filter(|_| !unhurried);
        let stall = if unhurried { None } else { STALL.try_with(Arc::clone).ok() };
        response.map(|body| Self { body, stall, _in_flight: in_flight, _held: held })
    }
}

impl http_body::Body for Outgoing {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Some(stall) = &self.stall {
            // The transport asks for a piece when it has sent the one before. What is given now waits for the client; while there is
            // nothing to give, the client waits.
            if polled.is_ready() {
                stall.begin();
            } else {
                stall.end();
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(40);

    #[tokio::test]
    async fn a_connection_is_idle_only_without_a_request() {
        let activity = Activity::new();
        let idle = activity.idle(SHORT);
        tokio::pin!(idle);
        let first = activity.begin();
        tokio::time::timeout(SHORT * 3, &mut idle).await.expect_err("one is under way");
        let second = activity.begin();
        drop(first);
        tokio::time::timeout(SHORT * 3, &mut idle).await.expect_err("another is under way");
        drop(second);
        let ended = Instant::now();
        idle.await;
        assert!(ended.elapsed() >= SHORT - Duration::from_millis(1));
    }

    #[tokio::test]
    async fn only_what_waits_for_the_client_is_counted() {
        let stall = Stall::default();
        let lasts = stall.lasts(SHORT);
        tokio::pin!(lasts);
        tokio::time::timeout(SHORT * 3, &mut lasts).await.expect_err("nothing waits");
        stall.begin();
        tokio::time::timeout(Duration::ZERO, &mut lasts).await.expect_err("it waits since now");
        stall.end();
        tokio::time::timeout(SHORT * 3, &mut lasts).await.expect_err("it was taken");
        stall.begin();
        let began = Instant::now();
        lasts.await;
        assert!(began.elapsed() >= SHORT - Duration::from_millis(1));
    }
}
