//! The limits on work under way, where there is one caller: none. The same names as in `admission`.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use im_chats_protocol::error::Error;

/// The limits on work under way.
#[derive(Debug, Clone, Default)]
pub struct Admission;

/// A place that is never taken away from anybody.
#[derive(Debug, Clone, Copy)]
pub struct Unlimited;

impl Admission {
    /// The usual limits.
    #[must_use]
    pub const fn usual() -> Self {
        Self
    }

    /// A place for an answer that is larger than most.
    ///
    /// # Errors
    /// None.
    pub const fn large_answer(&self) -> Result<Unlimited, Error> {
        Ok(Unlimited)
    }
}

/// Lets an upload in.
pub async fn one_upload(State(_): State<Admission>, request: Request, next: Next) -> Response {
    next.run(request).await
}

/// Lets an answer out that is larger than most.
pub async fn one_large_answer(State(_): State<Admission>, request: Request, next: Next) -> Response {
    next.run(request).await
}

/// Lets a body in.
pub async fn counted_body(State(_): State<Admission>, request: Request, next: Next) -> Response {
    next.run(request).await
}
