//! Request bodies are never left half read: a server that closes while its client still sends makes the client see a reset in place of the
//! answer that says what was wrong.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;
use parking_lot::Mutex;

use crate::base::time::within;

/// How much of a refused body is read and thrown away so that the answer arrives; beyond it the connection closes. A form of two files
/// that are a little too large fits.
pub const DISCARD_BYTES: u64 = 256 * 1024 * 1024;

/// How long the reading of a refused body may take.
pub const DISCARD_TIME: Duration = Duration::from_secs(10);

/// A body that two can hold: the handler, which may read it, and the outermost layer, which sees to the rest.
#[derive(Clone)]
pub(super) struct SharedBody(Arc<Mutex<Body>>);

impl SharedBody {
    pub(super) fn new(body: Body) -> Self {
        Self(Arc::new(Mutex::new(body)))
    }

    /// Reads what the handler left, within bounds.
    pub(super) async fn discard(mut self) {
        let rest = async {
            let mut left = DISCARD_BYTES;
            while let Some(Ok(frame)) = self.frame().await {
                let size = frame.data_ref().map_or(0, Bytes::len);
                left = left.saturating_sub(u64::try_from(size).unwrap_or(u64::MAX));
                if left == 0 {
                    break;
                }
            }
        };
        if within(DISCARD_TIME, rest).await.is_err() {
            tracing::debug!("a refused body did not end in time");
        }
    }
}

impl http_body::Body for SharedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut *self.0.lock()).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.0.lock().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.lock().size_hint()
    }
}
