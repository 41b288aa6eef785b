//! The stream that holds one log. Every question is answered by the server that leads it, within a time.

use std::time::Duration;

use async_nats::jetstream::ErrorCode as NatsCode;
use async_nats::jetstream::consumer::push::{Config as PushConfig, Messages};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PushConsumer, ReplayPolicy};
use async_nats::jetstream::context::{GetStreamErrorKind, PublishErrorKind};
use async_nats::jetstream::message::{PublishMessage, StreamMessage};
use async_nats::jetstream::stream::{Config, RawMessageErrorKind, RetentionPolicy, StorageType, Stream};
use bytes::Bytes;
use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::server::LoggedEvent;
use im_chats_replication::replica::Range;
use im_chats_replication::writer::{Tip, WriterInput};
use im_chats_replication::{Commit, CommitKind};

use super::{Nats, commit};

/// How long NATS may take to answer. Shorter than an election of a leader takes: what is asked then is asked again.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// How often a server that delivers a stream says that it is there. After twice this without a word it is given up.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// A consumer that nobody reads any more is forgotten by the server after this.
const FORGET: Duration = Duration::from_secs(30);

/// How many messages of other programs at the end of the stream are looked at, to find the last commit.
const MOST_FOREIGN: u64 = 64;

/// Why the stream gives no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamError {
    /// There is no such stream, or no such message in it.
    Gone,
    /// Anything else; it may pass.
    Failed(String),
}

impl StreamError {
    /// For who waits for the log.
    #[must_use]
    pub fn to_error(&self) -> Error {
        match self {
            Self::Gone => unavailable("the stream of the log is not in NATS"),
            Self::Failed(reason) => unavailable(&format!("NATS does not answer for the log: {reason}")),
        }
    }
}

/// An error of the log in NATS that may pass.
#[must_use]
pub fn unavailable(message: &str) -> Error {
    Error::new(ErrorCode::ServiceUnavailable, message.to_owned())
}

/// The stream of one log. Cheap to clone.
#[derive(Debug, Clone)]
pub struct LogStream {
    nats: Nats,
    name: String,
    stream: Stream<()>,
    subject: String,
}

/// The end of a stream, with the last event of its last commit.
#[derive(Debug)]
pub struct End {
    /// The end.
    pub tip: Tip,
    /// The last event; absent where the log has none, or begins after it.
    pub last: Option<LoggedEvent>,
}

/// A message of the stream.
#[derive(Debug)]
pub struct Held {
    /// Its number.
    pub number: u64,
    /// What stands on it; absent when another program wrote it.
    pub commit: Option<Commit>,
    /// When it was stored, in milliseconds since 1970.
    pub at_ms: i64,
    payload: Bytes,
}

impl LogStream {
    /// The stream of the log with this id, which may be there or not.
    ///
    /// # Errors
    /// Never for long: the name alone is not asked for.
    pub async fn of(nats: &Nats, id: &str) -> Result<Self, StreamError> {
        let stream = within(nats, nats.jetstream().get_stream_no_info(nats.names.stream(id))).await?;
        let stream = stream.map_err(|error| match error.kind() {
            GetStreamErrorKind::JetStream(error) if error.error_code() == NatsCode::STREAM_NOT_FOUND => StreamError::Gone,
            _ => StreamError::Failed(error.to_string()),
        })?;
        Ok(Self { nats: nats.clone(), name: nats.names.stream(id), stream, subject: nats.names.subject(id) })
    }

    /// Makes the stream of a new log.
    ///
    /// # Errors
    /// Why it could not be made.
    pub async fn create(nats: &Nats, id: &str) -> Result<Self, StreamError> {
        let config = Config {
            name: nats.names.stream(id),
            subjects: vec![nats.names.subject(id)],
            description: Some("The log of im-chats-gateway relays; one message is one commit".to_owned()),
            retention: RetentionPolicy::Limits,
            storage: StorageType::File,
            num_replicas: nats.replicas(),
            // A look at the end must not be answered by a server that is behind.
            allow_direct: false,
            // A fence holds without it, and a commit may be sent again after any time.
            duplicate_window: Duration::from_secs(1),
            ..Config::default()
        };
        within(nats, nats.create(config)).await?.map_err(|error| StreamError::Failed(error.to_string()))?;
        Self::of(nats, id).await
    }

    /// From which message to which it holds.
    ///
    /// # Errors
    /// See [`StreamError`].
    pub async fn range(&self) -> Result<Range, StreamError> {
        let stream = within(&self.nats, self.nats.stream(&self.name)).await?;
        let stream = stream.map_err(|error| StreamError::Failed(error.to_string()))?.ok_or(StreamError::Gone)?;
        let state = &stream.cached_info().state;
        let oldest = if state.messages == 0 { state.last_sequence.saturating_add(1) } else { state.first_sequence };
        Ok(Range { oldest, last: state.last_sequence })
    }

    /// The message with this number; `None` when it is not held.
    ///
    /// # Errors
    /// See [`StreamError`].
    pub async fn message(&self, number: u64) -> Result<Option<Held>, StreamError> {
        held(within(&self.nats, self.stream.get_raw_message(number)).await?)
    }

    /// The first message that is held from this number on.
    ///
    /// # Errors
    /// See [`StreamError`].
    pub async fn message_from(&self, number: u64) -> Result<Option<Held>, StreamError> {
        held(within(&self.nats, self.stream.get_first_raw_message_by_subject(&self.subject, number)).await?)
    }

    /// The end. Messages of other programs are passed over; the fence counts them.
    ///
    /// # Errors
    /// See [`StreamError`].
    pub async fn end(&self) -> Result<End, StreamError> {
        let Range { oldest, last } = self.range().await?;
        let mut number = last;
        while number >= oldest.max(1) {
            if last.saturating_sub(number) >= MOST_FOREIGN {
                return Err(StreamError::Failed(format!(
                    "the last {MOST_FOREIGN} messages of its stream are of another program"
                )));
            }
            if let Some(Held { commit: Some(commit), payload, .. }) = self.message(number).await? {
                let event = last_event(&commit, payload).map_err(StreamError::Failed)?;
                return Ok(End { tip: Tip { number: last, commit: Some(commit) }, last: event });
            }
            number = number.saturating_sub(1);
        }
        Ok(End { tip: Tip { number: last, commit: None }, last: None })
    }

    /// Publishes a commit on the condition that the last message has the number `follows`.
    pub async fn publish(&self, commit: &Commit, payload: Bytes, follows: u64) -> (WriterInput, Option<String>) {
        let message = PublishMessage::build().headers(commit::headers(commit)).payload(payload).expected_last_sequence(follows);
        let stored = async { self.nats.jetstream().send_publish(self.subject.clone(), message).await?.await };
        let error = match within(&self.nats, stored).await {
            Ok(Ok(stored)) => return (WriterInput::Stored(stored.sequence), None),
            Ok(Err(error)) if error.kind() == PublishErrorKind::WrongLastSequence => return (WriterInput::Refused, None),
            Ok(Err(error)) => error.to_string(),
            Err(StreamError::Failed(reason)) => reason,
            Err(StreamError::Gone) => "there is no such stream".to_owned(),
        };
        (WriterInput::Unanswered, Some(error))
    }

    /// Delivers from the message `next` on, in order, and after the last one whatever comes.
    ///
    /// # Errors
    /// See [`StreamError`].
    pub async fn follow(&self, next: u64) -> Result<Messages, StreamError> {
        let config = PushConfig {
            deliver_subject: self.nats.client().new_inbox(),
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: next },
            // What is lost on the way shows in the numbers, and is read again.
            ack_policy: AckPolicy::None,
            replay_policy: ReplayPolicy::Instant,
            flow_control: true,
            idle_heartbeat: HEARTBEAT,
            inactive_threshold: FORGET,
            memory_storage: true,
            num_replicas: 1,
            ..PushConfig::default()
        };
        let failed = |error: String| StreamError::Failed(error);
        let consumer: PushConsumer =
            within(&self.nats, self.stream.create_consumer(config)).await?.map_err(|error| failed(error.to_string()))?;
        within(&self.nats, consumer.messages()).await?.map_err(|error| failed(error.to_string()))
    }

    /// Drops every message before the one with this number.
    ///
    /// # Errors
    /// See [`StreamError`].
    pub async fn drop_before(&self, number: u64) -> Result<(), StreamError> {
        let purged = within(&self.nats, std::future::IntoFuture::into_future(self.stream.purge().sequence(number))).await?;
        purged.map(drop).map_err(|error| StreamError::Failed(error.to_string()))
    }
}

fn last_event(commit: &Commit, payload: Bytes) -> Result<Option<LoggedEvent>, String> {
    match commit.kind {
        CommitKind::Events => Ok(commit::events(commit, payload)?.pop()),
        CommitKind::Skip => Ok(None),
    }
}

fn held(answer: Result<StreamMessage, async_nats::jetstream::stream::RawMessageError>) -> Result<Option<Held>, StreamError> {
    let message = match answer {
        Ok(message) => message,
        Err(error) => {
            return match error.kind() {
                RawMessageErrorKind::NoMessageFound => Ok(None),
                RawMessageErrorKind::JetStream(error) if error.error_code() == NatsCode::STREAM_NOT_FOUND => {
                    Err(StreamError::Gone)
                }
                _ => Err(StreamError::Failed(error.to_string())),
            };
        }
    };
    Ok(Some(Held {
        number: message.sequence,
        commit: commit::commit(Some(&message.headers)),
        at_ms: i64::try_from(message.time.unix_timestamp_nanos() / 1_000_000).unwrap_or(0),
        payload: message.payload,
    }))
}

/// An answer within the time, or none. Without a connection nothing is asked: it would be asked later, when nobody waits any more.
///
/// # Errors
/// [`StreamError::Failed`] with the reason.
pub async fn within<T>(nats: &Nats, answer: impl Future<Output = T>) -> Result<T, StreamError> {
    nats.ready().map_err(|error| StreamError::Failed(error.to_string()))?;
    let late = || StreamError::Failed(format!("no answer within {} s", ANSWER_TIMEOUT.as_secs()));
    tokio::time::timeout(ANSWER_TIMEOUT, answer).await.map_err(|_| late())
}
