//! What a caller gets when the database fails in a way that has no better words.

use im_chats_protocol::error::{Error, ErrorCode};

pub(crate) fn database_failed(error: impl std::fmt::Display) -> Error {
    tracing::error!(%error, "the database failed");
    Error::new(ErrorCode::DatabaseError, "the database failed; the server's log says more")
}
