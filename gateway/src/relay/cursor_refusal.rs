//! What a service means that does not accept a cursor.

use im_chats_protocol::error::{Error, ErrorCode, GrpcCode};

/// Why a catch-up was not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CursorRefusal {
    /// The log begins after the cursor.
    TooOld {
        /// Where it begins, when the service says so.
        first: Option<u64>,
    },
    /// The log ends before the cursor.
    Ahead,
    /// One of the two, or the service dislikes something else about the cursor.
    Unclear,
}

impl CursorRefusal {
    /// The refusal that `error` is, if it is one. A gateway of ours has codes for it; the real service documents none, so
    /// every status by which a server can call a cursor wrong is taken for one, and the log itself is asked.
    #[must_use]
    pub fn of(error: &Error) -> Option<Self> {
        if error.code == ErrorCode::CursorTooOld.as_str() {
            let first = error.context_value("first").and_then(|first| first.parse().ok());
            return Some(Self::TooOld { first });
        }
        if error.code == ErrorCode::CursorAhead.as_str() {
            return Some(Self::Ahead);
        }
        match error.grpc_code {
            GrpcCode::InvalidArgument | GrpcCode::FailedPrecondition | GrpcCode::OutOfRange | GrpcCode::DataLoss => {
                Some(Self::Unclear)
            }
            _ => None,
        }
    }
}
