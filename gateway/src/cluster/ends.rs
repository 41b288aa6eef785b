//! Where the log ends, and where it would end: while NATS keeps nothing, but still passes messages on, the one that writes tells the
//! others, so that their clients see that they are behind.

use async_nats::Subscriber;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use im_chats_protocol::error::Error;
use im_chats_protocol::server::WholeEnd;
use serde::{Deserialize, Serialize};

use super::stream::{LogStream, unavailable, within};
use super::{ClusterError, Nats, pointer};
use crate::log::{EndSource, EventLog};

#[derive(Debug, Serialize, Deserialize)]
struct End {
    log: String,
    end: u64,
}

/// The stream, asked through the server that leads it.
pub struct StreamEnd(pub Nats);

impl EndSource for StreamEnd {
    fn ask(&self) -> BoxFuture<'static, Result<WholeEnd, Error>> {
        let nats = self.0.clone();
        Box::pin(async move {
            let failed = |error: ClusterError| unavailable(&error.to_string());
            let bucket = within(&nats, nats.bucket()).await.map_err(|error| error.to_error())?.map_err(failed)?;
            let pointer = pointer::read(&nats, &bucket).await.map_err(|error| error.to_error())?;
            let pointer = pointer.ok_or_else(|| unavailable("no relay has begun the log yet"))?;
            let stream = LogStream::of(&nats, &pointer.id).await.map_err(|error| error.to_error())?;
            let end = stream.end().await.map_err(|error| error.to_error())?.tip.head();
            Ok(WholeEnd { log: pointer.id.into(), end })
        })
    }
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
        if let Ok(End { log: id, end }) = serde_json::from_slice(&message.payload) {
            log.announce(&id.into(), end);
        }
    }
}
