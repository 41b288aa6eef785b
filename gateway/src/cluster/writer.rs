//! The writer of the log in NATS. It carries the machine of `im_chats_replication::writer`, which decides.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::kv::Store;
use async_trait::async_trait;
use bytes::Bytes;
use im_chats_protocol::error::Error;
use im_chats_protocol::server::LoggedEvent;
use im_chats_replication::CommitKind;
use im_chats_replication::writer::{Tip, Writer, WriterInput, WriterOutput};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::commit::{TooLarge, batches};
use super::pointer::{self, Pointer};
use super::stream::{End, LogStream, StreamError, unavailable};
use super::{Nats, ends};
use crate::base::log_throttle::LogThrottle;
use crate::log::{LogWriter, head_after};
use crate::metrics::Metrics;
use crate::service::health::Health;

/// Pause between a question without an answer and the next one.
const PAUSE: Duration = Duration::from_millis(100);

/// How often NATS must say that the stream of the log is gone before another log begins.
const GONE_LOOKS: u32 = 5;

/// From one such look to the next.
const GONE_PAUSE: Duration = Duration::from_secs(2);

/// How often, while commits are not taken, the relays are told how far the log would be.
const TELL: Duration = Duration::from_secs(1);

/// A writer for one term: from a lease until it is lost, or another writer is there.
pub struct StreamWriter {
    nats: Nats,
    bucket: Store,
    pointer: Pointer,
    stream: LogStream,
    machine: Writer,
    /// The last event of the log.
    last: Option<LoggedEvent>,
    /// Cancelled when the term ends; the writer ends it when it is deposed.
    term: CancellationToken,
    health: Health,
    metrics: Metrics,
}

/// What a writer is made with.
pub struct WriterParts<'a> {
    /// The connection.
    pub nats: &'a Nats,
    /// The bucket of the log.
    pub bucket: &'a Store,
    /// The log of this relay's copy, if it is one of any.
    pub copied: &'a str,
    /// The epoch of the lease.
    pub epoch: u64,
    /// Cancelled when the term ends.
    pub term: CancellationToken,
    /// Whether commits are taken.
    pub health: Health,
    /// Counts commits.
    pub metrics: Metrics,
}

impl StreamWriter {
    /// Goes on where the log ends; begins one where there is none.
    ///
    /// # Errors
    /// `serviceUnavailable` when that cannot be told, or another relay began one at the same time.
    pub async fn open(parts: WriterParts<'_>) -> Result<Self, Error> {
        let WriterParts { nats, bucket, copied, epoch, term, health, metrics } = parts;
        let mut found = pointer::read(nats, bucket).await.map_err(|error| error.to_error())?;
        if found.is_none() {
            found = again(nats, bucket, copied).await?;
        }
        let held = match &found {
            None => None,
            Some(pointer) => held_at_last(nats, pointer).await?.map(|held| (pointer.clone(), held)),
        };
        let (pointer, (stream, End { tip, last })) = match held {
            Some(held) => held,
            None => {
                if let Some(pointer) = &found {
                    tracing::error!(
                        log = pointer.id,
                        "the stream of the log is gone, or was emptied; another log begins, and readers with a cursor get logChanged"
                    );
                }
                let (pointer, stream) = begin(nats, bucket, found.as_ref()).await?;
                (pointer, (stream, End { tip: EMPTY, last: None }))
            }
        };
        let machine = Writer::new(fresh_name(), epoch, tip);
        tracing::info!(log = pointer.id, epoch = machine.epoch(), head = machine.tip().head(), "this relay writes the log");
        Ok(Self { nats: nats.clone(), bucket: bucket.clone(), pointer, stream, machine, last, term, health, metrics })
    }

    /// Brings one commit into the log.
    async fn commit(&mut self, kind: CommitKind, last: u64, events: u64, payload: Bytes, end: u64) -> Result<(), Error> {
        let started = Instant::now();
        let mut told: Option<Instant> = None;
        let mut output = self.machine.commit(kind, last, events);
        loop {
            let (input, problem) = match output {
                WriterOutput::Done => {
                    self.health.ok();
                    self.metrics.committed(started.elapsed(), usize::try_from(events).unwrap_or(usize::MAX));
                    return Ok(());
                }
                WriterOutput::Overtaken => {
                    tracing::info!(head = self.machine.tip().head(), "the writer before wrote last; going on after it");
                    let mut error = unavailable("another relay wrote to the log in between");
                    error.retry_after_ms = Some(0);
                    return Err(error);
                }
                WriterOutput::Deposed => {
                    tracing::warn!("another relay writes the log by now; this one stops writing");
                    self.term.cancel();
                    return Err(unavailable("another relay writes the log by now"));
                }
                WriterOutput::Publish { commit, follows } => self.stream.publish(&commit, payload.clone(), follows).await,
                WriterOutput::AskTip => match self.stream.end().await {
                    Ok(End { tip, last }) => {
                        if tip.commit.as_ref().map(|commit| &commit.id)
                            != self.machine.tip().commit.as_ref().map(|commit| &commit.id)
                        {
                            self.last = last;
                        }
                        (WriterInput::Tip(tip), None)
                    }
                    Err(StreamError::Gone) => (WriterInput::Tip(Tip { number: u64::MAX, commit: None }), None),
                    Err(StreamError::Failed(reason)) => (WriterInput::Unanswered, Some(reason)),
                },
            };
            if let Some(reason) = problem {
                self.complain(&reason);
                if told.is_none_or(|told| told.elapsed() >= TELL) {
                    told = Some(Instant::now());
                    ends::tell(&self.nats, &self.pointer.id, end).await;
                }
                self.term.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
            }
            if self.term.is_cancelled() {
                return Err(unavailable("this relay's turn at writing the log is over"));
            }
            // Nothing in flight: the caller's mistake, which the machine has told already.
            output = self.machine.handle(input).unwrap_or(WriterOutput::Deposed);
        }
    }

    fn complain(&self, reason: &str) {
        static UNANSWERED: LogThrottle = LogThrottle::per_minute();
        let error = unavailable(&format!("NATS does not take events: {reason}"));
        self.health.degraded(&error);
        if let Some(repeated) = UNANSWERED.hit() {
            tracing::warn!(repeated, "{}; trying again", error.message);
        }
    }
}

#[async_trait]
impl LogWriter for StreamWriter {
    fn head(&self) -> u64 {
        self.machine.tip().head()
    }

    async fn last(&mut self) -> Result<Option<LoggedEvent>, Error> {
        Ok(self.last.clone())
    }

    async fn append(&mut self, events: Vec<LoggedEvent>) -> Result<(), Error> {
        let last = head_after(self.head(), &events)?;
        let (batches, too_large) = batches(events, self.nats.max_payload());
        for batch in batches {
            self.commit(CommitKind::Events, batch.last.sequence, batch.events, batch.payload, last).await?;
            self.last = Some(batch.last);
        }
        too_large.map_or(Ok(()), |event| Err(self.refuse(event)))
    }

    async fn skip_to(&mut self, sequence: u64) -> Result<(), Error> {
        if sequence <= self.head() {
            return Ok(());
        }
        self.commit(CommitKind::Skip, sequence, 0, Bytes::new(), sequence).await?;
        self.last = None;
        Ok(())
    }

    async fn replace(&mut self) -> Result<(), Error> {
        let (pointer, stream) = begin(&self.nats, &self.bucket, Some(&self.pointer)).await?;
        let before = std::mem::replace(&mut self.pointer, pointer);
        (self.stream, self.last) = (stream, None);
        self.machine = Writer::new(fresh_name(), self.machine.epoch(), EMPTY);
        pointer::delete_stream(&self.nats, &before.id).await;
        Ok(())
    }
}

impl StreamWriter {
    /// An event that NATS does not take holds up everything after it, until an operator acts: it must not be lost.
    fn refuse(&self, event: TooLarge) -> Error {
        let TooLarge { sequence, bytes } = event;
        let limit = self.nats.max_payload();
        tracing::error!(
            sequence,
            bytes,
            limit,
            "an event is larger than NATS takes: raise max_payload of its servers; nothing is lost"
        );
        unavailable("an event is larger than the max_payload of the servers of NATS; raise it")
            .with_context("sequence", sequence.to_string())
            .with_context("bytes", bytes.to_string())
            .with_context("limit", limit.to_string())
    }
}

/// A stream without a message.
const EMPTY: Tip = Tip { number: 0, commit: None };

/// A name of no other process, and of this one at no other time.
fn fresh_name() -> Arc<str> {
    uuid::Uuid::new_v4().simple().to_string().into()
}

/// As [`held`], but "gone" counts only when NATS has said so for a while: servers that start may not know yet what they hold, and another
/// log ends the streams of all readers.
async fn held_at_last(nats: &Nats, pointer: &Pointer) -> Result<Option<(LogStream, End)>, Error> {
    for look in 1..=GONE_LOOKS {
        if let Some(held) = held(nats, &pointer.id).await.map_err(|error| error.to_error())? {
            return Ok(Some(held));
        }
        if look < GONE_LOOKS {
            tracing::warn!(log = pointer.id, look, "NATS says that the stream of the log is gone, or empty; looking again");
            tokio::time::sleep(GONE_PAUSE).await;
        }
    }
    Ok(None)
}

/// The log's stream and its end; `None` when it is gone, or its end is.
async fn held(nats: &Nats, id: &str) -> Result<Option<(LogStream, End)>, StreamError> {
    let gone = |error| if error == StreamError::Gone { Ok(None) } else { Err(error) };
    let stream = match LogStream::of(nats, id).await {
        Ok(stream) => stream,
        Err(error) => return gone(error),
    };
    match stream.end().await {
        Ok(End { tip: Tip { number: 1.., commit: None }, .. }) => Ok(None),
        Ok(end) => Ok(Some((stream, end))),
        Err(error) => gone(error),
    }
}

/// The log that is copied here, where nobody says any more which one it is: as long as its stream is there, its readers go on.
async fn again(nats: &Nats, bucket: &Store, copied: &str) -> Result<Option<Pointer>, Error> {
    let held = held(nats, copied).await.map_err(|error| error.to_error())?;
    if held.is_none_or(|(_, end)| end.tip.commit.is_none()) {
        return Ok(None);
    }
    let named = pointer::name_again(nats, bucket, copied).await.map_err(|error| error.to_error())?;
    let named = named.ok_or_else(|| unavailable("another relay said at the same time which log it is"))?;
    tracing::warn!(log = named.id, "NATS did not say any more which log it is; its stream is there, and goes on");
    Ok(Some(named))
}

async fn begin(nats: &Nats, bucket: &Store, before: Option<&Pointer>) -> Result<(Pointer, LogStream), Error> {
    let begun = pointer::begin(nats, bucket, before).await.map_err(|error| error.to_error())?;
    begun.ok_or_else(|| unavailable("another relay began the log at the same time"))
}
