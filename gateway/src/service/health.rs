//! Whether the gateway can do what it is for: `GET /healthz`.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::StatusCode;
use im_chats_protocol::error::{Error, ErrorCode};
use parking_lot::RwLock;
use serde_json::json;

use crate::http::failure::OwnBody;
use crate::log::store::Faults;

/// The state of the gateway's upstream, if it has one. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Health(Arc<RwLock<State>>);

#[derive(Debug, Clone)]
enum State {
    /// There is nothing that could be away.
    Alone,
    Connecting,
    Ok,
    Degraded(Box<Error>),
}

impl Health {
    /// Of a gateway that needs nobody.
    #[must_use]
    pub fn alone() -> Self {
        Self::of(State::Alone)
    }

    /// Of a gateway that has not reached its upstream yet.
    #[must_use]
    pub fn connecting() -> Self {
        Self::of(State::Connecting)
    }

    fn of(state: State) -> Self {
        Self(Arc::new(RwLock::new(state)))
    }

    /// The upstream is there, and the log is up with it.
    pub fn ok(&self) {
        *self.0.write() = State::Ok;
    }

    /// The upstream is away, or refuses.
    pub fn degraded(&self, error: &Error) {
        *self.0.write() = State::Degraded(Box::new(error.clone()));
    }

    /// The answer of `GET /healthz`: 200, or 503 with the reason. What fails in the data directory comes first: nothing
    /// works for long without it.
    #[must_use]
    pub fn answer(&self, faults: &Faults) -> Response {
        let degraded = |code: &str, reason: &str| {
            let body = json!({ "status": "degraded", "code": code, "reason": reason });
            (StatusCode::SERVICE_UNAVAILABLE, Extension(OwnBody), Json(body)).into_response()
        };
        if let Some(reason) = faults.reason() {
            return degraded(ErrorCode::DatabaseError.as_str(), &reason);
        }
        match &*self.0.read() {
            State::Alone => "ok\n".into_response(),
            State::Ok => Json(json!({ "status": "ok" })).into_response(),
            State::Connecting => degraded("serviceUnavailable", "the upstream has not been reached yet"),
            State::Degraded(error) => degraded(&error.code, &error.message),
        }
    }
}
