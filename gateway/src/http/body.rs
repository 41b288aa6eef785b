//! Request bodies: read within limits, and never left half read. A server that closes while its client still sends makes
//! the client see a reset in place of the answer that says what was wrong.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;
use im_chats_protocol::error::Error;
use parking_lot::Mutex;

use super::failure::Failure;

/// How long a body may pause.
pub const IDLE: Duration = Duration::from_secs(20);

/// How long a body may take.
pub const TOTAL: Duration = Duration::from_secs(300);

/// How much of a refused body is read and thrown away so that the answer arrives; beyond it the connection closes. A form of two files
/// that are a little too large fits.
pub const DISCARD_BYTES: u64 = 256 * 1024 * 1024;

/// How long the reading of a refused body may take.
pub const DISCARD_TIME: Duration = Duration::from_secs(10);

/// Reads a whole body of at most `limit` bytes.
///
/// # Errors
/// 413 above the limit, 408 when it does not arrive in time, 400 when it breaks off.
pub async fn read(body: Body, limit: usize) -> Result<Bytes, Failure> {
    let too_large = || {
        let error = Error::invalid("body", format!("at most {limit} bytes")).with_context("limit", limit.to_string());
        Failure::with_status(error, StatusCode::PAYLOAD_TOO_LARGE)
    };
    let hint = body.size_hint();
    let expected = usize::try_from(hint.lower()).map_err(|_| too_large())?;
    if expected > limit {
        return Err(too_large());
    }
    let late = |_| Failure::from_status(StatusCode::REQUEST_TIMEOUT);
    // Grown as bytes arrive, not as announced: an announcement costs the sender nothing.
    let mut bytes = BytesMut::with_capacity(expected.min(64 * 1024));
    let mut body = body;
    let collect = async {
        while let Some(frame) = tokio::time::timeout(IDLE, body.frame()).await.map_err(late)? {
            let frame = frame
                .map_err(|_| Failure::from(Error::invalid("body", "incomplete: the connection ended before the last byte")))?;
            let Ok(data) = frame.into_data() else { continue };
            if bytes.len().saturating_add(data.len()) > limit {
                return Err(too_large());
            }
            bytes.extend_from_slice(&data);
        }
        Ok(bytes.freeze())
    };
    tokio::time::timeout(TOTAL, collect).await.map_err(late)?
}

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
        if tokio::time::timeout(DISCARD_TIME, rest).await.is_err() {
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
