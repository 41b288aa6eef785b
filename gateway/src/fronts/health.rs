//! `GET /healthz`: whether the gateway can do what it is for. It needs no token. The front may use `http`, `service` and the log.

use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use http::StatusCode;
use im_chats_protocol::error::ErrorCode;
use im_chats_protocol::wire::routes::HEALTH_PATH;
use serde_json::json;

use crate::http::failure::OwnBody;
use crate::log::EventLog;
use crate::service::health::{Health, HealthState};

/// The route.
pub fn routes(health: Health, log: EventLog) -> Router {
    Router::new().route(HEALTH_PATH, get(|| async move { answer(&health, &log) }))
}

/// 200, or 503 with the reason. What fails in the data directory comes first: nothing works for long without it.
fn answer(health: &Health, log: &EventLog) -> Response {
    if let Some(reason) = log.fault() {
        return degraded(ErrorCode::DatabaseError.as_str(), &reason);
    }
    match health.state() {
        HealthState::Alone => "ok\n".into_response(),
        HealthState::Ok => Json(json!({ "status": "ok" })).into_response(),
        HealthState::Connecting => degraded(ErrorCode::ServiceUnavailable.as_str(), "the upstream has not been reached yet"),
        HealthState::Degraded(error) => degraded(&error.code, &error.message),
    }
}

fn degraded(code: &str, reason: &str) -> Response {
    let body = json!({ "status": "degraded", "code": code, "reason": reason });
    (StatusCode::SERVICE_UNAVAILABLE, Extension(OwnBody), Json(body)).into_response()
}
