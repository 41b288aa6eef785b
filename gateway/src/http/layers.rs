//! The layers around the router, from the outside in: id, log line and failure body; panics; who is served; CORS.

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use im_chats_protocol::error::Error;
use im_chats_protocol::wire::routes::HEALTH_PATH;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowOrigin, AllowPrivateNetwork, CorsLayer};

use super::access::Access;
use super::admission::{Admission, Held, Verdict};
pub use super::answer::{MAX_REQUEST_ID, Told};
use super::answer::{complete_body, identify, request_id};
use super::call;
use super::failure::Failure;
use super::headers::{COMPANION_BYTES, COMPANION_KIND, IDEMPOTENCY_KEY, MIDDLEWARE, REQUEST_ID, RequestId, SERVER};
use super::share::Peer;
use super::shared_body::SharedBody;
use super::single;
use super::subjects::Subjects;
use crate::base::log_throttle::LogThrottle;
use crate::log::EventLog;
use crate::metrics::{Metrics, NO_ROUTE};
use crate::service::auth::Authenticator;
use crate::service::trace::{TRACEPARENT, TRACESTATE, TraceContext};

/// How much of a refused origin or host is written into the log.
const MAX_LOGGED_CHARS: usize = 200;

/// How long a browser may remember a preflight.
const PREFLIGHT_AGE: Duration = Duration::from_secs(600);

/// How a front writes failures that is not plain HTTP with JSON bodies. The layers know no front; they are handed these.
#[derive(Debug, Clone, Copy)]
pub struct Renderer {
    /// Whether a request is one of the front's.
    pub speaks: fn(&Request) -> bool,
    /// Writes the failure that an answer stands for in the front's own form; other answers pass.
    pub complete: fn(Response) -> Response,
    /// Whether an answer's headers say that the server failed, where its status does not.
    pub is_fault: fn(&HeaderMap) -> bool,
    /// The error that an answer's headers tell, where its status does not.
    pub told: fn(&HeaderMap) -> Option<Told>,
}

/// What the layers need. Cheap to clone.
#[derive(Clone)]
pub struct Layers {
    /// Which hosts and origins are served.
    pub access: Arc<Access>,
    /// The limits on work under way.
    pub admission: Admission,
    /// Judges tokens.
    pub authenticator: Arc<dyn Authenticator>,
    /// The event log, for what fails in the data directory.
    pub log: EventLog,
    /// Counts requests and what was refused.
    pub metrics: Metrics,
    /// The fronts that write failures in a form of their own.
    pub renderers: &'static [Renderer],
}

/// Puts the layers around `router`.
pub fn around(router: Router, layers: &Layers) -> Router {
    router
        .layer(cors(&layers.access))
        .layer(from_fn_with_state(Arc::clone(&layers.access), check_access))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(layers.clone(), finish))
}

/// While the disk fails, every request that needs it does: what is wrong with it has its own lines.
static DISK_FAILED: LogThrottle = LogThrottle::per_minute();

/// What stands before the routes that need a token. Cheap to clone.
#[derive(Clone)]
pub struct Gate {
    /// Judges tokens.
    pub authenticator: Arc<dyn Authenticator>,
    /// What each user has taken.
    pub subjects: Subjects,
}

/// Lets only callers with a good token through, and no user more often than one user may.
pub async fn require_token(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    let verdict = request.extensions_mut().remove::<Verdict>();
    let verdict = verdict.unwrap_or_else(|| Verdict::of(request.headers(), &*gate.authenticator)).0;
    let entered = verdict.and_then(|pass| {
        let subject = gate.subjects.of(&pass.grant);
        subject.as_ref().map_or(Ok(()), |subject| subject.call())?;
        let place = subject.as_ref().map(|subject| subject.request()).transpose()?;
        Ok((pass, subject, place))
    });
    match entered {
        Ok((pass, subject, _place)) => {
            // What the call may do, and how long whatever outlives it may live.
            request.extensions_mut().insert(pass);
            if let Some(subject) = subject {
                request.extensions_mut().insert(subject);
            }
            next.run(request).await
        }
        Err(error) => Failure::from(error).into_response(),
    }
}

/// Lets only the operator through, on routes that are behind [`require_token`].
pub async fn require_operator(request: Request, next: Next) -> Response {
    match call::pass(request.extensions()).and_then(|pass| pass.grant.check_operator()) {
        Ok(()) => next.run(request).await,
        Err(error) => Failure::from(error).into_response(),
    }
}

async fn check_access(State(access): State<Arc<Access>>, request: Request, next: Next) -> Response {
    let checked = single::check(request.uri(), request.headers());
    match checked.and_then(|()| access.check(request.uri(), request.headers())) {
        Ok(()) => next.run(request).await,
        Err(error) => {
            log_refusal(&access, &error);
            // `/healthz` is where a page's client looks when its WebSocket does not open. The answer says that the page is refused, which
            // any page can find out anyway, and what to do about it.
            let explains = request.uri().path() == HEALTH_PATH && error.context_value("origin").is_some();
            let mut response = Failure::from(error).into_response();
            if explains {
                let headers = response.headers_mut();
                headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
                headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from(MIDDLEWARE.clone()));
            }
            response
        }
    }
}

/// Operators look here when a page or a host name does not work.
fn log_refusal(access: &Access, error: &Error) {
    for (what, flag) in [("origin", "--allow-origin"), ("host", "--allow-host")] {
        let Some(value) = error.context_value(what) else { continue };
        let value: String = value.chars().take(MAX_LOGGED_CHARS).collect();
        if let Some(repeated) = access.refusals.hit(&format!("{what} {value}")) {
            tracing::warn!(value, repeated, "refused this {what}; {flag} allows it");
        }
    }
}

fn cors(access: &Arc<Access>) -> CorsLayer {
    let listed = {
        let access = Arc::clone(access);
        move |origin: &HeaderValue| origin.to_str().is_ok_and(|origin| access.origin_listed(origin))
    };
    let private = listed.clone();
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |origin, _| listed(origin)))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            IDEMPOTENCY_KEY.clone(),
            REQUEST_ID.clone(),
            SERVER.clone(),
            TRACEPARENT.clone(),
            TRACESTATE.clone(),
        ])
        .expose_headers([
            REQUEST_ID.clone(),
            MIDDLEWARE.clone(),
            header::RETRY_AFTER,
            header::CONTENT_DISPOSITION,
            COMPANION_KIND,
            COMPANION_BYTES,
        ])
        .max_age(PREFLIGHT_AGE)
        // A public page that the operator listed may reach a gateway on this machine.
        .allow_private_network(AllowPrivateNetwork::predicate(move |origin, _| private(origin)))
}

fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    Failure::from_status(StatusCode::INTERNAL_SERVER_ERROR).into_response()
}

async fn finish(State(layers): State<Layers>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id(request.headers());
    request.extensions_mut().insert(RequestId(Arc::clone(&id)));
    let trace = TraceContext::of(request.headers());
    if let Some(trace) = &trace {
        request.extensions_mut().insert(trace.clone());
    }
    let method = request.method().clone();
    // The route, not the path: paths and queries may hold addresses.
    let route = request.extensions().get::<MatchedPath>().cloned();
    let verdict = Verdict::of(request.headers(), &*layers.authenticator);
    let peer = request.extensions().get::<Peer>().copied();
    let renderer = layers.renderers.iter().find(|renderer| (renderer.speaks)(&request));
    let (response, told) = match (layers.admission.admit(&verdict, peer), renderer) {
        (Err(error), Some(front)) => complete_by(front, Failure::from(error).into_response(), &id),
        // Nothing of it is read: a request beyond the limit costs no more than its answer.
        (Err(error), None) => complete_body(Failure::from(error).into_response(), &id),
        (Ok(held), Some(front)) => {
            request.extensions_mut().insert(verdict);
            // A stream of HTTP/2 can be left half read: its connection goes on.
            let (response, told) = complete_by(front, next.run(request).await, &id);
            (holding(response, held), told)
        }
        (Ok(held), None) => {
            request.extensions_mut().insert(verdict);
            let body = SharedBody::new(std::mem::take(request.body_mut()));
            *request.body_mut() = Body::new(body.clone());
            let response = next.run(request).await;
            if response.status() != StatusCode::SWITCHING_PROTOCOLS {
                body.discard().await;
            }
            let (response, told) = complete_body(response, &id);
            (holding(response, held), told)
        }
    };
    let took = started.elapsed();
    let route = route.as_ref().map(MatchedPath::as_str);
    layers.metrics.request(route, told.as_ref().map_or(response.status().as_u16(), |told| told.status), took);
    if let Some(told) = told {
        layers.metrics.refused(&told.code);
    }
    let route = route.unwrap_or(NO_ROUTE);
    let trace_id = trace.as_ref().map(TraceContext::trace_id);
    let (status, millis) = (response.status().as_u16(), took.as_millis());
    // "Try again later" is no failure of this request's own: what is the matter is written where it is noticed, once.
    let failed = response.status().is_server_error() && response.status() != StatusCode::SERVICE_UNAVAILABLE;
    let failed = failed || layers.renderers.iter().any(|renderer| (renderer.is_fault)(response.headers()));
    if !failed {
        tracing::debug!(%method, route, status, millis, request_id = %id, trace_id, "request");
    } else if layers.log.faults().reason().is_none() {
        tracing::error!(%method, route, status, millis, request_id = %id, trace_id, "request failed");
    } else if let Some(repeated) = DISK_FAILED.hit() {
        tracing::error!(%method, route, status, millis, repeated, request_id = %id, trace_id, "request failed; so may others, for the same reason");
    } else {
        tracing::debug!(%method, route, status, millis, request_id = %id, trace_id, "request");
    }
    response
}

/// Keeps the request's place until its answer is out.
fn holding(mut response: Response, held: Held) -> Response {
    response.extensions_mut().insert(held);
    response
}

/// An answer in a front's own form, and the error that it tells.
fn complete_by(front: &Renderer, response: Response, id: &str) -> (Response, Option<Told>) {
    let response = identify((front.complete)(response), id);
    let told = (front.told)(response.headers());
    (response, told)
}
