//! Who reads a stream, and for how long: a stream ends with its deadline and with its token, and the token may end before its time.

use std::sync::Arc;

use http::Extensions;
use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::wire::filter::Filter;
use im_chats_protocol::wire::frame::Topic;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::Front;
use super::deadline::End;
use crate::http::call;
use crate::http::subjects::Subject;
use crate::log::EventFilter;
use crate::service::auth::{Authenticator, Pass};
use crate::service::status;

/// The reader of one stream.
pub(super) struct Reader {
    pass: Pass,
    authenticator: Arc<dyn Authenticator>,
    changes: watch::Receiver<u64>,
    end: Option<End>,
    /// Its subject, with the place that the stream has there.
    subject: Option<(Arc<Subject>, OwnedSemaphorePermit)>,
}

impl Reader {
    /// The caller of a request for a stream.
    pub(super) fn of(front: &Front, extensions: &Extensions) -> Result<Self, Status> {
        let pass = call::pass(extensions).map_err(|error| status::from_error(&error))?.clone();
        let authenticator = Arc::clone(&front.authenticator);
        let mut changes = authenticator.changes();
        // What changed before this moment is looked at by the first check.
        changes.mark_changed();
        let subject = extensions.get::<Arc<Subject>>().map(|subject| Ok((Arc::clone(subject), subject.socket()?))).transpose();
        let subject = subject.map_err(|error| status::from_error(&error))?;
        Ok(Self { pass, authenticator, changes, end: End::of(extensions), subject })
    }

    /// The events that it sees when it asks for one chat, or for none in particular.
    pub(super) fn sees(&self, topic: Topic, chat: Option<&str>) -> Result<EventFilter, Status> {
        let asked = Filter { chat: chat.map(str::to_owned), ..Filter::of(topic) };
        EventFilter::within(&self.pass.grant, &asked).map_err(|error| status::from_error(&error))
    }

    /// Its subject, unless it is the operator.
    pub(super) fn subject(&self) -> Option<Arc<Subject>> {
        self.subject.as_ref().map(|(subject, _)| Arc::clone(subject))
    }

    /// Whether it may read on.
    pub(super) fn check(&mut self) -> Result<(), Error> {
        if let Some(error) = self.end.as_ref().and_then(End::reached) {
            return Err(error);
        }
        if self.changes.has_changed().unwrap_or(false) {
            self.changes.mark_unchanged();
            self.authenticator.recheck(&self.pass)?;
        }
        Ok(())
    }

    /// Does something that may have to wait, as long as the reader may read on and the server does not go away.
    pub(super) async fn while_it_may<T>(
        &mut self,
        drain: &CancellationToken,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        tokio::pin!(work);
        loop {
            self.check()?;
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = drain.cancelled() => return Err(draining()),
                () = self.changed() => {}
            }
        }
    }

    /// Waits until [`Reader::check`] may say something new.
    pub(super) async fn changed(&mut self) {
        let ended = async {
            match self.end {
                Some(end) => sleep_until(end.at).await,
                None => std::future::pending().await,
            }
        };
        let changed = async {
            if self.changes.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
            // Left as changed, for the check to see.
        };
        tokio::select! {
            () = ended => {}
            () = changed => self.changes.mark_changed(),
        }
    }
}

pub(super) fn draining() -> Error {
    Error::new(ErrorCode::ServiceUnavailable, "the server is going away; connect again")
}
