//! The service without a server: its REST routes, control plane and log in memory, for a page that has them in itself. It may use the
//! emulator, those fronts and what they use.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http_body_util::BodyExt as _;
use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::grant::Grant;
use tokio::sync::watch;
use tower::ServiceExt as _;

use crate::emulator::clock::Clock;
use crate::emulator::{Emulator, Keeping, Saved};
use crate::fronts::control;
use crate::fronts::health;
use crate::fronts::rest::{self, Rest};
use crate::http::admission::Admission;
use crate::http::answer::{complete_body, request_id};
use crate::http::failure::Failure;
use crate::http::headers::RequestId;
use crate::log::EventLog;
use crate::service::auth::{Authenticator, Identity, Pass, bearer};
use crate::service::guard::Guard;
use crate::service::health::Health;

/// A request as its caller has it.
#[derive(Debug, Clone)]
pub struct Asked<'a> {
    /// Its method.
    pub method: &'a str,
    /// Path and query.
    pub path: &'a str,
    /// Names and values.
    pub headers: Vec<(&'a str, &'a str)>,
    /// The body; empty for none.
    pub body: Bytes,
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The HTTP status.
    pub status: u16,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

/// An emulator with one operator, whose token may do everything.
#[derive(Clone)]
pub struct InProcess {
    router: Router,
    log: EventLog,
    operator: Arc<Operator>,
}

impl InProcess {
    /// Starts it from what was saved, or empty. `log` names the event log: a client's cursor is one of that log.
    ///
    /// # Errors
    /// `databaseError` when what was saved is not what was kept.
    pub fn start(
        log: Arc<str>,
        token: String,
        clock: Arc<dyn Clock>,
        saved: Saved,
        keeping: Option<Keeping>,
    ) -> Result<Self, Error> {
        let log = EventLog::in_memory(log);
        let emulator = Emulator::in_memory(log.clone(), clock, saved, keeping)?;
        let operator = Arc::new(Operator::new(token));
        let guard = Guard::new(Arc::new(emulator.clone()), Arc::clone(&operator) as Arc<dyn Authenticator>);
        let admission = Admission::usual();
        let guarded = rest::routes(Rest { guard, admission: admission.clone() })
            .merge(control::routes(emulator, admission))
            .route_layer(from_fn_with_state(Arc::clone(&operator), require_token));
        let router = health::routes(Health::alone(), log.clone()).merge(guarded);
        Ok(Self { router, log, operator })
    }

    /// The event log.
    #[must_use]
    pub const fn log(&self) -> &EventLog {
        &self.log
    }

    /// Judges the token of a socket.
    ///
    /// # Errors
    /// `unauthenticated` for any but the operator's.
    pub fn verify(&self, token: &str) -> Result<Grant, Error> {
        self.operator.verify(token).map(|pass| pass.grant)
    }

    /// Answers a request, as the gateway's address does.
    pub async fn ask(&self, asked: Asked<'_>) -> Answered {
        let mut request = http::Request::builder().method(asked.method).uri(asked.path);
        for (name, value) in asked.headers {
            request = request.header(name, value);
        }
        let response = match request.body(Body::from(asked.body)) {
            Ok(request) => self.answer(request).await,
            Err(error) => complete_body(Failure::from(Error::invalid("request", error.to_string())).into_response(), "").0,
        };
        let (head, body) = response.into_parts();
        let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        match body.collect().await {
            Ok(body) => Answered { status: head.status.as_u16(), headers, body: body.to_bytes() },
            Err(_) => Answered { status: 500, headers: Vec::new(), body: Bytes::new() },
        }
    }

    async fn answer(&self, mut request: Request) -> Response {
        let id = request_id(request.headers());
        request.extensions_mut().insert(RequestId(Arc::clone(&id)));
        let response = match self.router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        complete_body(response, &id).0
    }
}

/// The one who has the emulator.
struct Operator {
    token: String,
    pass: Pass,
    changes: watch::Sender<u64>,
}

impl Operator {
    fn new(token: String) -> Self {
        let pass = Pass::new(Grant::ADMIN, Identity::Static { digest: [0; 32] });
        Self { token, pass, changes: watch::Sender::new(0) }
    }
}

impl Authenticator for Operator {
    fn verify(&self, token: &str) -> Result<Pass, Error> {
        if token == self.token {
            return Ok(self.pass.clone());
        }
        Err(Error::new(ErrorCode::Unauthenticated, "this is not the token of this emulator"))
    }

    fn recheck(&self, _: &Pass) -> Result<(), Error> {
        Ok(())
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}

/// Lets only callers with a good token through.
async fn require_token(State(operator): State<Arc<Operator>>, mut request: Request, next: Next) -> Response {
    match bearer(request.headers().get(AUTHORIZATION)).and_then(|token| operator.verify(token)) {
        Ok(pass) => {
            request.extensions_mut().insert(pass);
            next.run(request).await
        }
        Err(error) => Failure::from(error).into_response(),
    }
}

#[cfg(test)]
mod tests;
