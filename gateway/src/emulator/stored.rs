//! Bytes on their way out, wherever they lie.

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt as _};
use im_chats_protocol::error::Error;

/// Bytes piece by piece.
pub(super) type BytePieces = BoxStream<'static, Result<Bytes, Error>>;

/// Bytes as they were at one moment, whatever is written meanwhile.
pub(crate) struct Stored {
    /// The media type.
    pub(crate) mime: String,
    /// How many bytes there are.
    pub(crate) length: u64,
    /// Begins with the first of them.
    pub(super) pieces: Box<dyn FnOnce() -> BytePieces + Send>,
}

impl Stored {
    /// The bytes, piece by piece. `place` is whatever must be held until the last of them.
    pub(crate) fn into_pieces<P: Send + 'static>(self, place: P) -> impl Stream<Item = Result<Bytes, Error>> + Send + 'static {
        (self.pieces)().map(move |piece| {
            let _held = &place;
            piece
        })
    }
}
