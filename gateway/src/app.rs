//! What every front of the gateway shares, and the router that puts the fronts together.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use im_chats_protocol::wire::routes::{HEALTH_PATH, OPENAPI_PATH};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::emulator::Emulator;
use crate::fronts::console;
use crate::fronts::control;
use crate::fronts::grpc::{self, Grpc};
use crate::fronts::live::{self, Live};
use crate::fronts::rest;
use crate::http::access::Access;
use crate::http::admission::Admission;
use crate::http::layers;
use crate::http::openapi::{self, Mode};
use crate::log::EventLog;
use crate::service::auth::Authenticator;
use crate::service::backend::Backend;
use crate::service::health::Health;

/// The state of the router; cheap to clone.
#[derive(Clone)]
pub struct AppState {
    /// The service.
    pub backend: Arc<dyn Backend>,
    /// The event log, for the event stream.
    pub log: EventLog,
    /// The event stream's limits and open sockets.
    pub live: Live,
    /// The gRPC front's open streams.
    pub grpc: Grpc,
    /// Judges tokens.
    pub authenticator: Arc<dyn Authenticator>,
    /// Which hosts and origins are served. The middleware has checked both before any handler runs, upgrades included.
    pub access: Arc<Access>,
    /// The limits on work under way.
    pub admission: Admission,
    /// What `/healthz` answers.
    pub health: Health,
    /// Cancelled when the server begins to drain: finish what is under way, say good-bye, close.
    pub drain: CancellationToken,
    /// Long-lived tasks (one per WebSocket) that a drain waits for, up to [`crate::http::server::DRAIN_TIMEOUT`].
    pub tasks: TaskTracker,
}

/// Every route of the gateway, with the layers around it.
pub fn router(state: AppState, emulator: Option<Emulator>) -> Router {
    // Written once: every answer shares the bytes.
    let document = Bytes::from(serde_json::to_vec(&document(emulator.is_some())).unwrap_or_default());
    let (health, log) = (state.health.clone(), state.log.clone());
    let open = Router::new()
        .route(HEALTH_PATH, get(|| async move { health.answer(log.faults()) }))
        .route(OPENAPI_PATH, get(|| async move { ([(CONTENT_TYPE, "application/json")], document) }));
    let open = open.merge(console::routes());
    // Routes that check the token themselves, or need none, stand beside `open`; the others behind `require_token`.
    let guarded = rest::router(&state.admission)
        .merge(emulator.map(|emulator| control::router(emulator, &state.admission)).unwrap_or_default())
        .route_layer(from_fn_with_state(state.clone(), layers::require_token));
    let routes = open.merge(live::routes()).merge(grpc::routes(&state)).merge(guarded).with_state(state.clone());
    layers::around(routes, &state)
}

/// The OpenAPI document of every front that it describes.
fn document(emulator: bool) -> serde_json::Value {
    let mode = if emulator { Mode::Emulator } else { Mode::Relay };
    let mut fronts = vec![rest::description(mode)];
    if emulator {
        fronts.push(control::description());
    }
    openapi::document(mode, fronts)
}
