//! A cursor over the log as a gRPC stream. It is pulled: the transport asks for the next message when there is room for it,
//! so a slow reader stays behind in the log and holds one page in memory; who leaves drops the cursor and all it holds.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, Stream, stream};
use im_chats_protocol::error::{Error, ErrorCode};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::Front;
use super::reader::{Reader, draining};
use crate::http::subjects;
use crate::log::{EventFilter, EventLog, LoggedEvent, ReadPage, ReadQuery};
use crate::metrics::StreamMetrics;
use crate::service::status;

/// Most events read at once for one stream.
pub const PAGE_EVENTS: usize = 64;

/// Most bytes of them.
pub const PAGE_BYTES: usize = 64 * 1024;

/// What a stream says next.
#[derive(Debug)]
pub(super) enum Step {
    /// An event.
    Event(Arc<LoggedEvent>),
    /// Nothing happened; the stream lives.
    Heartbeat,
    /// Everything up to the head of the beginning was said.
    Complete(u64),
}

/// Where a stream begins, what it shows, and where it ends.
#[derive(Debug)]
pub(super) struct Range {
    /// The log whose places the positions are.
    pub log: Arc<str>,
    /// The position: everything up to and including this is left out.
    pub after: u64,
    /// The last sequence; absent = goes on for ever.
    pub until: Option<u64>,
    /// Which events.
    pub filter: EventFilter,
    /// `after` was not the client's choice: when the beginning of the log moves before the first event was read, so does it.
    pub from_beginning: bool,
}

/// Whether an event of the range is one of the stream.
pub(super) type Keeps = Box<dyn Fn(&LoggedEvent) -> bool + Send + Sync>;

/// The state of one stream.
pub(super) struct LogReader {
    log: EventLog,
    id: Arc<str>,
    head: watch::Receiver<u64>,
    query: ReadQuery,
    /// Absent = all of the range.
    keeps: Option<Keeps>,
    until: Option<u64>,
    from_beginning: bool,
    page: std::vec::IntoIter<Arc<LoggedEvent>>,
    reading: Option<BoxFuture<'static, Result<ReadPage, Error>>>,
    interval: Duration,
    next_heartbeat: Instant,
    /// Whether the stream has yet to say that it is attached.
    greets: bool,
    reader: Reader,
    drain: CancellationToken,
    metrics: StreamMetrics,
    _slot: OwnedSemaphorePermit,
}

impl LogReader {
    /// `head` was taken before the position was, so no event falls between the two.
    pub(super) fn new(front: &Front, head: watch::Receiver<u64>, range: Range, reader: Reader) -> Result<Self, Status> {
        let slot = front.places.event_stream().map_err(|error| status::from_error(&error))?;
        let interval = front.heartbeat;
        Ok(Self {
            log: front.guard.log().clone(),
            id: range.log,
            head,
            next_heartbeat: Instant::now() + interval,
            // A live stream says that it is attached before anything else; a replay has something to say anyway.
            greets: range.until.is_none(),
            until: range.until,
            from_beginning: range.from_beginning,
            query: ReadQuery {
                after: range.after,
                through: range.until.unwrap_or(u64::MAX),
                filter: range.filter,
                max_events: PAGE_EVENTS,
                max_bytes: PAGE_BYTES,
            },
            keeps: None,
            page: Vec::new().into_iter(),
            reading: None,
            interval,
            reader,
            drain: front.drain.clone(),
            metrics: front.metrics.grpc_stream(range.after),
            _slot: slot,
        })
    }

    /// Leaves out the events that are not of the stream.
    pub(super) fn keeping(mut self, keeps: Keeps) -> Self {
        self.keeps = Some(keeps);
        self
    }

    /// The stream. It ends after `Complete` or a failure.
    pub(super) fn steps(self) -> impl Stream<Item = Result<Step, Status>> + Send {
        stream::unfold(Some(self), |cursor| async move {
            let mut cursor = cursor?;
            match cursor.next().await {
                Ok(Step::Complete(head)) => Some((Ok(Step::Complete(head)), None)),
                Ok(step) => Some((Ok(step), Some(cursor))),
                Err(error) => {
                    cursor.metrics.refused(&error.code);
                    Some((Err(status::from_error(&error)), None))
                }
            }
        })
    }

    async fn next(&mut self) -> Result<Step, Error> {
        let step = self.step().await?;
        self.next_heartbeat = Instant::now() + self.interval;
        Ok(step)
    }

    async fn step(&mut self) -> Result<Step, Error> {
        loop {
            if self.drain.is_cancelled() {
                return Err(draining());
            }
            self.reader.check()?;
            // Its next event would be one of another log, and a reader that waits would wait for a place that never comes.
            self.log.check_id(&self.id)?;
            if std::mem::take(&mut self.greets) {
                return Ok(Step::Heartbeat);
            }
            let keeps = |event: &Arc<LoggedEvent>| self.keeps.as_ref().is_none_or(|keeps| keeps(event));
            if let Some(event) = self.page.find(keeps) {
                self.metrics.delivered();
                return Ok(Step::Event(event));
            }
            self.metrics.page_ends(self.query.after);
            if let Some(head) = self.until.filter(|head| self.query.after >= *head) {
                return Ok(Step::Complete(head));
            }
            let head = *self.head.borrow_and_update();
            if self.reading.is_none() && self.query.after < head {
                let (log, id, query) = (self.log.clone(), Arc::clone(&self.id), self.query.clone());
                let subject = self.reader.subject();
                self.reading = Some(subjects::read(subject, log, id, query).boxed());
            }
            let idle = self.reading.is_none();
            let read = async {
                match self.reading.as_mut() {
                    Some(reading) => reading.await,
                    None => std::future::pending().await,
                }
            };
            let page = tokio::select! {
                page = read => page,
                Ok(()) = self.head.changed(), if idle => continue,
                () = self.drain.cancelled() => continue,
                () = self.reader.changed() => continue,
                () = sleep_until(self.next_heartbeat) => return Ok(Step::Heartbeat),
            };
            self.reading = None;
            self.turn(page)?;
        }
    }

    fn turn(&mut self, page: Result<ReadPage, Error>) -> Result<(), Error> {
        match page {
            Ok(page) => {
                self.from_beginning = false;
                self.query.after = page.through;
                self.page = page.events.into_iter();
                Ok(())
            }
            Err(error) if self.from_beginning && error.code == ErrorCode::CursorTooOld.as_str() => {
                self.query.after = self.log.first();
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}
