//! Which log is the log: a value in the bucket that all relays share. Another log is another stream, and who follows the value hears of it.

use async_nats::jetstream::kv::{Entry, Operation, Store, UpdateErrorKind};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::Nats;
use super::stream::{LogStream, StreamError, within};

/// The value's name.
const KEY: &str = "log";

#[derive(Debug, Serialize, Deserialize)]
struct Value {
    id: String,
    /// For those who look at the bucket by hand.
    stream: String,
}

/// The log, and the revision of the value that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointer {
    /// The log's id.
    pub id: String,
    revision: u64,
}

/// The log of this moment; `None` when there was none yet.
///
/// # Errors
/// Why that is not known.
pub async fn read(nats: &Nats, bucket: &Store) -> Result<Option<Pointer>, StreamError> {
    let Some(entry) = entry(nats, bucket, KEY).await? else { return Ok(None) };
    if entry.operation != Operation::Put {
        return Ok(None);
    }
    let Value { id, .. } = serde_json::from_slice(&entry.value)
        .map_err(|error| StreamError::Failed(format!("the value {KEY:?} in the bucket is not ours: {error}")))?;
    Ok(Some(Pointer { id, revision: entry.revision }))
}

/// Begins a log in the place of `before`, and gives it. Its stream is there before anybody is told; that of `before` stays. `None` when
/// somebody else was quicker.
///
/// # Errors
/// Why that did not go; it may have happened all the same, and the next [`read`] tells.
pub async fn begin(nats: &Nats, bucket: &Store, before: Option<&Pointer>) -> Result<Option<(Pointer, LogStream)>, StreamError> {
    // A value that was deleted has a revision, too.
    let revision = match before {
        Some(before) => before.revision,
        None => entry(nats, bucket, KEY).await?.map_or(0, |entry| entry.revision),
    };
    let id = uuid::Uuid::new_v4().simple().to_string();
    let stream = LogStream::create(nats, &id).await?;
    let value = serde_json::to_vec(&Value { id: id.clone(), stream: nats.names.stream(&id) }).unwrap_or_default();
    let revision = match update(nats, bucket, KEY, value.into(), revision).await {
        Ok(Some(revision)) => revision,
        Ok(None) => {
            delete_stream(nats, &id).await;
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    Ok(Some((Pointer { id, revision }, stream)))
}

/// Says again which log it is, where nobody says so any more: the value or its bucket was deleted. `None` when somebody else was quicker.
///
/// # Errors
/// As [`begin`].
pub async fn name_again(nats: &Nats, bucket: &Store, id: &str) -> Result<Option<Pointer>, StreamError> {
    let revision = entry(nats, bucket, KEY).await?.map_or(0, |entry| entry.revision);
    let value = serde_json::to_vec(&Value { id: id.to_owned(), stream: nats.names.stream(id) }).unwrap_or_default();
    let written = update(nats, bucket, KEY, value.into(), revision).await?;
    Ok(written.map(|revision| Pointer { id: id.to_owned(), revision }))
}

/// A stream that is nobody's log takes room, and does no other harm.
pub async fn delete_stream(nats: &Nats, id: &str) {
    let name = nats.names.stream(id);
    match within(nats, nats.jetstream().delete_stream(&name)).await {
        Ok(Ok(_)) => tracing::info!(stream = name, "deleted the stream of a log that is not used any more"),
        Ok(Err(error)) => tracing::warn!(stream = name, %error, "a stream that is not used any more cannot be deleted"),
        Err(error) => tracing::warn!(stream = name, ?error, "a stream that is not used any more cannot be deleted"),
    }
}

/// A value of the bucket, deleted ones included.
///
/// # Errors
/// Why it is not known.
pub async fn entry(nats: &Nats, bucket: &Store, key: &str) -> Result<Option<Entry>, StreamError> {
    within(nats, bucket.entry(key)).await?.map_err(|error| StreamError::Failed(error.to_string()))
}

/// Writes a value on the condition that its revision is this one; gives the new one. `None` when it is another one.
///
/// # Errors
/// Why that is not known.
pub async fn update(nats: &Nats, bucket: &Store, key: &str, value: Bytes, revision: u64) -> Result<Option<u64>, StreamError> {
    match within(nats, bucket.update(key, value, revision)).await? {
        Ok(revision) => Ok(Some(revision)),
        Err(error) if error.kind() == UpdateErrorKind::WrongLastRevision => Ok(None),
        Err(error) => Err(StreamError::Failed(error.to_string())),
    }
}
