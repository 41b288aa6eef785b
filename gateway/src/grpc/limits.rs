use std::sync::Arc;

use clap::Args;
use clap::builder::RangedU64ValueParser;
use im_chats::error::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::full;

/// What the gRPC front gives at most.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(next_help_heading = "gRPC")]
pub struct GrpcLimits {
    /// Most gRPC event streams at once; one more is refused as UNAVAILABLE.
    #[arg(long, default_value_t = 4_096, value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    pub max_grpc_streams: usize,
}

impl Default for GrpcLimits {
    fn default() -> Self {
        Self { max_grpc_streams: 4_096 }
    }
}

/// The event streams that are open; cheap to clone.
#[derive(Debug, Clone)]
pub struct Grpc {
    slots: Arc<Semaphore>,
    limit: usize,
}

impl Grpc {
    /// A front within these limits.
    #[must_use]
    pub fn new(limits: &GrpcLimits) -> Self {
        let limit = limits.max_grpc_streams.min(Semaphore::MAX_PERMITS);
        Self { slots: Arc::new(Semaphore::new(limit)), limit }
    }

    /// A place for one more event stream, given back when it is dropped.
    pub(super) fn slot(&self) -> Result<OwnedSemaphorePermit, Error> {
        Arc::clone(&self.slots).try_acquire_owned().map_err(|_| full::error("gRPC event streams", self.limit))
    }
}
