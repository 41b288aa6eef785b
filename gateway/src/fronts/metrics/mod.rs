//! `GET /metrics`: what the gateway counts of itself, for Prometheus. The front may use `http`, `service`, the log and the room
//! `metrics`.

mod flags;
mod token;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::header::{AUTHORIZATION, CONTENT_TYPE};

use crate::http::failure::Failure;
use crate::log::EventLog;
use crate::metrics::{CONTENT_TYPE as TEXT, Metrics, Moment};
use crate::service::auth::{Authenticator, bearer};
use crate::service::health::{Health, HealthState};

pub use flags::MetricsArgs;
pub use token::MetricsToken;

/// The path.
pub const PATH: &str = "/metrics";

/// Who may read the metrics.
#[derive(Clone)]
pub enum Readers {
    /// Whoever has this token, which opens nothing else.
    Token(Arc<MetricsToken>),
    /// Whoever has the operator's own token.
    Own(Arc<dyn Authenticator>),
    /// Whoever reaches the address.
    All,
}

/// What the front needs.
pub struct MetricsParts {
    /// What was counted.
    pub metrics: Metrics,
    /// The event log.
    pub log: EventLog,
    /// Whether the upstream is there, where there is one.
    pub health: Health,
    /// Who may read.
    pub readers: Readers,
}

/// The route.
pub fn routes(parts: MetricsParts) -> Router {
    let MetricsParts { metrics, log, health, readers } = parts;
    let answer = move || {
        let (metrics, log, health) = (metrics.clone(), log.clone(), health.clone());
        async move { ([(CONTENT_TYPE, TEXT)], metrics.text(moment(&log, &health))) }
    };
    Router::new().route(PATH, get(answer)).route_layer(from_fn_with_state(readers, check))
}

fn moment(log: &EventLog, health: &Health) -> Moment {
    let state = log.state();
    Moment { first: state.first, head: state.head, upstream_connected: matches!(health.state(), HealthState::Ok) }
}

async fn check(State(readers): State<Readers>, request: Request, next: Next) -> Response {
    let given = bearer(request.headers().get(AUTHORIZATION));
    let verdict = match &readers {
        Readers::All => Ok(()),
        Readers::Token(token) => given.and_then(|given| token.verify(given)),
        Readers::Own(authenticator) => given.and_then(|given| authenticator.verify(given)?.grant.check_operator()),
    };
    match verdict {
        Ok(()) => next.run(request).await,
        Err(error) => Failure::from(error).into_response(),
    }
}
