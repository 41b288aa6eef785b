//! What relays share beside the log: the key for tokens and the tokens that were withdrawn lie in the bucket, and what users take is
//! told all others. What it is for, only [`SharedTokens`] and [`SharedUsage`] know.

mod bucket;
mod chunks;
mod usage;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::connect::Nats;
use super::relay_name::RelayName;
use crate::service::shared::{SharedTokens, SharedUsage};

/// Carries between this relay and the others what they share, until `drain` begins. While NATS is away, what is known stays.
pub async fn run(
    nats: Nats,
    name: RelayName,
    tokens: Arc<dyn SharedTokens>,
    usage: Arc<dyn SharedUsage>,
    drain: CancellationToken,
) {
    let both = async { tokio::join!(bucket::run(&nats, &name, &*tokens), usage::run(&nats, &*usage)) };
    drain.run_until_cancelled(both).await;
}
