//! Request bodies, read within limits.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body::Body as _;
use http_body_util::BodyExt as _;
use im_chats_protocol::error::Error;

use super::failure::Failure;
use crate::base::time::{Late, within};

/// How long a body may pause.
pub const IDLE: Duration = Duration::from_secs(20);

/// How long a body may take.
pub const TOTAL: Duration = Duration::from_secs(300);

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
    let late = |_: Late| Failure::from_status(StatusCode::REQUEST_TIMEOUT);
    // Grown as bytes arrive, not as announced: an announcement costs the sender nothing.
    let mut bytes = BytesMut::with_capacity(expected.min(64 * 1024));
    let mut body = body;
    let collect = async {
        while let Some(frame) = within(IDLE, body.frame()).await.map_err(late)? {
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
    within(TOTAL, collect).await.map_err(late)?
}
