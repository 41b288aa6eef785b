//! The fronts put together into one router. It may use every front and what they use; only `run` uses it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use im_chats_protocol::wire::routes::OPENAPI_PATH;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::emulator::Emulator;
use crate::fronts::grpc::{self, GrpcLimits, GrpcParts};
use crate::fronts::live::{self, LiveLimits, LiveParts};
use crate::fronts::metrics::{self, MetricsParts, Readers};
use crate::fronts::rest::{self, Rest};
use crate::fronts::spectrum::{self, Project};
use crate::fronts::{console, control, health, tokens as token_front};
use crate::http::access::Access;
use crate::http::admission::Admission;
use crate::http::layers::{self, Gate, Layers, Renderer, require_operator, require_token};
use crate::http::openapi::{self, Mode};
use crate::http::subjects::Subjects;
use crate::metrics::Metrics;
use crate::service::auth::Authenticator;
use crate::service::backend::Backend;
use crate::service::guard::Guard;
use crate::service::health::Health;
use crate::tokens::Tokens;

/// The fronts that write failures in a form of their own.
const RENDERERS: &[Renderer] = &[grpc::RENDERER];

/// What a gateway is made of.
pub struct App {
    /// Whether there is anything for clients; else only what an operator's programs ask for.
    pub serves: bool,
    /// The service.
    pub backend: Arc<dyn Backend>,
    /// The same service, where it is the emulator: it has a control plane.
    pub emulator: Option<Emulator>,
    /// Whether the service is there.
    pub health: Health,
    /// What the gateway counts of itself.
    pub metrics: Metrics,
    /// Who may read that at the main address; absent = it is not there.
    pub metrics_readers: Option<Readers>,
    /// Judges tokens.
    pub authenticator: Arc<dyn Authenticator>,
    /// The same, where it makes tokens, too.
    pub tokens: Option<Arc<Tokens>>,
    /// The project of spectrum-ts that gets its tokens here; absent = none does.
    pub spectrum: Option<Project>,
    /// Which hosts and origins are served. The layers have checked both before any handler runs, upgrades included.
    pub access: Access,
    /// The limits on work under way.
    pub admission: Admission,
    /// What each user may take.
    pub subjects: Subjects,
    /// The gRPC front's limits.
    pub grpc: GrpcLimits,
    /// The event stream's limits.
    pub live: LiveLimits,
    /// Cancelled when the server begins to drain: finish what is under way, say good-bye, close.
    pub drain: CancellationToken,
    /// Long-lived tasks (one per WebSocket) that a drain waits for, up to [`crate::http::server::DRAIN_TIMEOUT`].
    pub tasks: TaskTracker,
}

/// Every route of the gateway, with the layers around it.
pub fn router(app: App) -> Router {
    if !app.serves {
        return operator_router(app);
    }
    let App { backend, emulator, health, metrics, metrics_readers, authenticator, tokens, spectrum, access, .. } = app;
    let App { admission, subjects, grpc, live, drain, tasks, .. } = app;
    let log = backend.log().clone();
    // From here on nobody has the service itself.
    let guard = Guard::new(backend, Arc::clone(&authenticator));
    let gate = Gate { authenticator: Arc::clone(&authenticator), subjects: subjects.clone() };
    // Written once: every answer shares the bytes.
    let mode = if emulator.is_some() { Mode::Emulator } else { Mode::Relay };
    let document = Bytes::from(serde_json::to_vec(&document(mode, tokens.is_some())).unwrap_or_default());
    let document = move || async move { ([(CONTENT_TYPE, "application/json")], document) };
    let spectrum = spectrum.zip(tokens.clone()).map(|(project, tokens)| spectrum::routes(project, tokens, &admission));
    let control = emulator.map(|emulator| control::routes(emulator, admission.clone()).route_layer(from_fn(require_operator)));
    let guarded = rest::routes(Rest { guard: guard.clone(), admission: admission.clone() })
        .merge(control.unwrap_or_default())
        .merge(tokens.map(|tokens| token_front::routes(tokens, &admission)).unwrap_or_default())
        .route_layer(from_fn_with_state(gate.clone(), require_token));
    let streams = live::routes(LiveParts {
        log: log.clone(),
        metrics: metrics.clone(),
        limits: live.clone(),
        gate: gate.clone(),
        drain: drain.clone(),
        tasks,
    });
    let calls = grpc::routes(GrpcParts {
        guard,
        metrics: metrics.clone(),
        limits: grpc,
        heartbeat: Duration::from_millis(live.heartbeat_interval_ms),
        admission: admission.clone(),
        gate,
        drain,
    });
    let counted = metrics_readers.map(|readers| {
        let parts = MetricsParts { metrics: metrics.clone(), log: log.clone(), health: health.clone(), readers };
        metrics::routes(parts)
    });
    // Routes that check the token themselves, or need none, stand beside `guarded`.
    let routes = Router::new()
        .route(OPENAPI_PATH, get(document))
        .merge(health::routes(health, log.clone()))
        .merge(counted.unwrap_or_default())
        .merge(console::routes(mode))
        .merge(spectrum.unwrap_or_default())
        .merge(streams)
        .merge(calls)
        .merge(guarded);
    let access = Arc::new(access);
    layers::around(routes, &Layers { access, admission, authenticator, log, metrics, renderers: RENDERERS })
}

/// The main address of a gateway without clients.
fn operator_router(app: App) -> Router {
    let App { backend, health, metrics, metrics_readers, authenticator, access, admission, .. } = app;
    match metrics_readers {
        Some(readers) => metrics_router(MetricsApp { backend, health, metrics, readers, authenticator, access, admission }),
        // They have an address of their own.
        None => {
            let log = backend.log().clone();
            let access = Arc::new(access);
            let routes = health::routes(health, log.clone());
            layers::around(routes, &Layers { access, admission, authenticator, log, metrics, renderers: &[] })
        }
    }
}

/// What the metrics' own address is made of.
pub struct MetricsApp {
    /// The service.
    pub backend: Arc<dyn Backend>,
    /// Whether it is there.
    pub health: Health,
    /// What the gateway counts of itself.
    pub metrics: Metrics,
    /// Who may read that.
    pub readers: Readers,
    /// Judges tokens, for the limits on those without one.
    pub authenticator: Arc<dyn Authenticator>,
    /// Which hosts are served.
    pub access: Access,
    /// The limits on work under way. Its own: a scrape must come through when the main address is full.
    pub admission: Admission,
}

/// The routes of the metrics' own address: what an operator's programs ask for, and nothing of the service.
pub fn metrics_router(app: MetricsApp) -> Router {
    let MetricsApp { backend, health, metrics, readers, authenticator, access, admission } = app;
    let log = backend.log().clone();
    let parts = MetricsParts { metrics: metrics.clone(), log: log.clone(), health: health.clone(), readers };
    let routes = Router::new().merge(metrics::routes(parts)).merge(health::routes(health, log.clone()));
    let access = Arc::new(access);
    layers::around(routes, &Layers { access, admission, authenticator, log, metrics, renderers: &[] })
}

/// The OpenAPI document of every front that it describes.
fn document(mode: Mode, tokens: bool) -> serde_json::Value {
    let mut fronts = vec![rest::description(mode)];
    if tokens {
        fronts.push(token_front::description());
    }
    if matches!(mode, Mode::Emulator) {
        fronts.push(control::description());
    }
    openapi::document(mode, fronts)
}
