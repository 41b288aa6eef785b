//! Retention of the log in NATS. Whoever writes the log drops what is too old or too much; the copies follow what the stream still holds.
//! Only whole commits go, so some events more than asked for may stay.

use std::time::Duration;

use async_nats::jetstream::kv::Store;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::stream::{Held, LogStream, StreamError};
use super::{Nats, pointer};
use crate::log::RetainArgs;

/// How often the stream is looked at.
const RUN: Duration = Duration::from_mins(1);

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Keeps the log within these limits until `end` is cancelled; never ends before.
pub async fn run(nats: &Nats, bucket: &Store, retain: RetainArgs, end: CancellationToken) {
    while retain.retain_days.is_some() || retain.retain_events.is_some() {
        let run = async {
            let Some(log) = pointer::read(nats, bucket).await? else { return Ok(None) };
            run_once(&LogStream::of(nats, &log.id).await?, retain, chrono::Utc::now().timestamp_millis()).await
        };
        match end.run_until_cancelled(run).await {
            Some(Ok(Some(first))) => tracing::info!(first, "pruned the beginning of the log in NATS"),
            Some(Ok(None)) => {}
            None => break,
            Some(Err(error)) => tracing::warn!(?error, "the log in NATS cannot be pruned; trying again"),
        }
        if end.run_until_cancelled(sleep(RUN)).await.is_none() {
            break;
        }
    }
    // Whoever waits for this waits for something else, too.
    std::future::pending().await
}

/// Drops what need not stay; gives the message that is the first one then, if any went.
///
/// # Errors
/// See [`StreamError`].
pub async fn run_once(stream: &LogStream, retain: RetainArgs, now_ms: i64) -> Result<Option<u64>, StreamError> {
    let range = stream.range().await?;
    let tip = stream.end().await?.tip;
    let Some(last) = tip.commit else { return Ok(None) };
    let oldest_ms = retain.retain_days.map(|days| now_ms.saturating_sub(i64::from(days).saturating_mul(DAY_MS)));
    let stays = |held: &Held| {
        let young = oldest_ms.is_none_or(|oldest| held.at_ms >= oldest);
        let few = retain
            .retain_events
            .is_none_or(|limit| held.commit.as_ref().is_none_or(|commit| last.events.saturating_sub(commit.events) < limit));
        young && few
    };
    // Both only get truer towards the end, and the last message always stays.
    let (mut from, mut to) = (range.oldest, range.last);
    while from < to {
        let middle = from.saturating_add(to.saturating_sub(from) / 2);
        match stream.message_from(middle).await? {
            Some(held) if !stays(&held) => from = held.number.saturating_add(1).min(to),
            _ => to = middle,
        }
    }
    if from <= range.oldest {
        return Ok(None);
    }
    stream.drop_before(from).await?;
    Ok(Some(from))
}
