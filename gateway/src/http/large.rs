//! Answers that are larger than most. What one holds in memory is bounded by its place: it is given back when the last copy
//! of the bytes is gone, wherever on the way out that is.

use axum::body::Body;
use bytes::Bytes;

/// A whole answer, with its place.
pub fn body(bytes: Vec<u8>, place: impl Send + 'static) -> Body {
    Body::from(Bytes::from_owner(Placed { bytes, _place: place }))
}

struct Placed<P> {
    bytes: Vec<u8>,
    _place: P,
}

impl<P> AsRef<[u8]> for Placed<P> {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
