//! Answers that are larger than most. What one holds in memory is bounded by its place: it is given back when the last copy
//! of the bytes is gone, wherever on the way out that is.

use axum::body::Body;
use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;

/// A whole answer, with its place.
pub fn body(bytes: Vec<u8>, place: OwnedSemaphorePermit) -> Body {
    Body::from(Bytes::from_owner(Placed { bytes, _place: place }))
}

struct Placed {
    bytes: Vec<u8>,
    _place: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Placed {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
