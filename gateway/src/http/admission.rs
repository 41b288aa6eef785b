//! How much is done at once, and for whom: what needs no token has limits of its own, so that it never takes the place of
//! those who have one.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;
use im_chats_protocol::error::Error;
use parking_lot::Mutex;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};

use super::failure::Failure;
use super::flags::ServerLimits;
use super::limit::Limit;
use super::share::{Peer, Place, SharedLimit};
use super::subjects::{BODY_UNIT, Subject};
use crate::service::auth::{Authenticator, Pass, bearer};
use crate::service::full;

/// How long an upload waits for those before it.
pub const UPLOAD_WAIT: Duration = Duration::from_secs(20);

/// The gateway's limits on work under way. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Admission {
    requests: Limit,
    open_requests: SharedLimit,
    bodies: Limit,
    uploads: Limit,
    large_answers: Limit,
}

/// A place that an answer keeps until its last byte is out.
#[derive(Debug, Clone)]
pub struct Held(#[allow(dead_code, reason = "held, never read")] Arc<Place>);

/// What became of a request's token, for all who ask.
#[derive(Debug, Clone)]
pub struct Verdict(pub Result<Pass, Error>);

impl Verdict {
    /// Judges the token of a request's header.
    #[must_use]
    pub fn of(headers: &http::HeaderMap, authenticator: &dyn Authenticator) -> Self {
        Self(bearer(headers.get(header::AUTHORIZATION)).and_then(|token| authenticator.verify(token)))
    }
}

impl Admission {
    /// Within these limits.
    #[must_use]
    pub fn new(limits: &ServerLimits) -> Self {
        Self {
            requests: Limit::new(limits.max_requests, "requests", "--max-requests"),
            open_requests: SharedLimit::new(limits.max_open_requests, "requests without a token", "--max-open-requests"),
            bodies: Limit::in_units(BODY_UNIT, limits.max_body_bytes, "bytes of request bodies", "--max-body-bytes"),
            uploads: Limit::new(limits.max_uploads, "uploads", "--max-uploads"),
            large_answers: Limit::new(limits.max_large_answers, "large answers", "--max-large-answers"),
        }
    }

    /// Within the limits that nobody has changed.
    #[must_use]
    pub fn usual() -> Self {
        Self::new(&ServerLimits::default())
    }

    /// Lets a request in.
    ///
    /// # Errors
    /// `serviceUnavailable` when there are as many of its kind as may be, or without a token as many as one peer may have.
    pub(super) fn admit(&self, verdict: &Verdict, peer: Option<Peer>) -> Result<Held, Error> {
        let place = if verdict.0.is_ok() { self.requests.take()?.into() } else { self.open_requests.take(peer)? };
        Ok(Held(Arc::new(place)))
    }

    /// The turn of the user, where there is one, and the place of one more upload; both together are waited for no longer than
    /// [`UPLOAD_WAIT`].
    async fn upload(&self, subject: Option<&Subject>) -> Result<(Option<OwnedSemaphorePermit>, OwnedSemaphorePermit), Error> {
        let deadline = Instant::now() + UPLOAD_WAIT;
        // A user waits for its own turn first, so that it never has all of them.
        let turn = match subject {
            Some(subject) => timeout_at(deadline, subject.upload())
                .await
                .map_err(|_| full::error("uploads of one user", subject.max_uploads()))?,
            None => None,
        };
        let place = self.uploads.wait(deadline.saturating_duration_since(Instant::now())).await?;
        Ok((turn, place))
    }

    /// A place for an answer that is larger than most.
    ///
    /// # Errors
    /// `serviceUnavailable` when there are as many as may be.
    pub fn large_answer(&self) -> Result<OwnedSemaphorePermit, Error> {
        self.large_answers.take()
    }
}

/// Lets so many uploads in at a time: each may hold the body and the image at once. The others wait unread, for a while.
pub async fn one_upload(State(admission): State<Admission>, request: Request, next: Next) -> Response {
    let subject = request.extensions().get::<Arc<Subject>>().cloned();
    match admission.upload(subject.as_deref()).await {
        Ok(_places) => next.run(request).await,
        Err(error) => Failure::from(error).into_response(),
    }
}

/// Lets so many answers that are larger than most wait at a time: each keeps its place until its last byte is out.
pub async fn one_large_answer(State(admission): State<Admission>, request: Request, next: Next) -> Response {
    let place = match admission.large_answer() {
        Ok(place) => place,
        Err(error) => return Failure::from(error).into_response(),
    };
    let response = next.run(request).await;
    response.map(|body| {
        Body::new(body.map_frame(move |frame| {
            let _place = &place;
            frame
        }))
    })
}

/// Counts the bytes of a body as they come, for as long as the request is worked on.
pub async fn counted_body(State(admission): State<Admission>, request: Request, next: Next) -> Response {
    let own = request.extensions().get::<Arc<Subject>>().map(|subject| subject.bodies());
    let budgets = [Some(admission.bodies), own].into_iter().flatten().map(|budget| (budget, None)).collect();
    let charge = Arc::new(Mutex::new(Charge { budgets, bytes: 0, refused: None }));
    let response = next.run(request.map(|body| Body::new(Counted { body, charge: Arc::clone(&charge) }))).await;
    let refused = charge.lock().refused.take();
    match refused {
        Some(error) => Failure::from(error).into_response(),
        None => response,
    }
}

#[derive(Debug)]
struct Charge {
    /// That of all, and that of the user; with what was taken of each.
    budgets: Vec<(Limit, Option<OwnedSemaphorePermit>)>,
    bytes: usize,
    refused: Option<Error>,
}

impl Charge {
    fn add(&mut self, bytes: usize) -> Result<(), Error> {
        let held = self.bytes.div_ceil(BODY_UNIT);
        self.bytes = self.bytes.saturating_add(bytes);
        let more = u32::try_from(self.bytes.div_ceil(BODY_UNIT).saturating_sub(held)).unwrap_or(u32::MAX);
        if more == 0 {
            return Ok(());
        }
        for (budget, held) in &mut self.budgets {
            let permit = budget.take_many(more)?;
            match held {
                Some(all) => all.merge(permit),
                None => *held = Some(permit),
            }
        }
        Ok(())
    }
}

struct Counted {
    body: Body,
    charge: Arc<Mutex<Charge>>,
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            let bytes = frame.data_ref().map_or(0, Bytes::len);
            let mut charge = self.charge.lock();
            if let Err(error) = charge.add(bytes) {
                charge.refused = Some(error.clone());
                return Poll::Ready(Some(Err(axum::Error::new(error))));
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use im_chats_protocol::grant::{Grant, Scopes};

    use super::super::subjects::{SubjectLimits, Subjects};
    use super::*;

    fn user(subjects: &Subjects, name: &str) -> Arc<Subject> {
        let grant = Grant { subject: Some(name.into()), scopes: Scopes::ALL, chats: None, expires_in_ms: None };
        subjects.of(&grant).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_user_waits_once_for_its_turn_and_the_place_and_a_refusal_says_how_many_one_user_may_have() {
        let limits = ServerLimits { max_uploads: 8, ..ServerLimits::default() };
        let (admission, subjects) = (Admission::new(&limits), Subjects::new(SubjectLimits::default(), &limits));
        let greedy = user(&subjects, "greedy");
        let mut held = Vec::new();
        for _ in 0..2 {
            held.push(admission.upload(Some(&greedy)).await.unwrap());
        }
        let started = Instant::now();
        let error = admission.upload(Some(&greedy)).await.unwrap_err();
        assert_eq!((error.code.as_ref(), error.context_value("limit")), ("serviceUnavailable", Some("2")));
        assert_eq!(started.elapsed().as_secs(), UPLOAD_WAIT.as_secs());

        // The others take every place, and then the greedy one's turn comes late.
        for _ in 0..6 {
            held.push(admission.upload(None).await.unwrap());
        }
        let (turn, place) = held.remove(0);
        let started = Instant::now();
        let late = async {
            tokio::time::sleep(UPLOAD_WAIT / 2).await;
            drop(turn);
        };
        let (waited, ()) = tokio::join!(admission.upload(Some(&greedy)), late);
        assert_eq!(waited.unwrap_err().context_value("limit"), Some("8"));
        assert_eq!(started.elapsed().as_secs(), UPLOAD_WAIT.as_secs());
        drop(place);
    }
}
