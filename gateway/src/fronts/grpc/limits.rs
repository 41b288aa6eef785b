//! The limits of the gRPC front, and the places that they give.

use clap::Args;
use http::Extensions;
use im_chats_protocol::error::Error;
use tokio::sync::OwnedSemaphorePermit;

use crate::base::flags::{defaults, size};
use crate::http::limit::Limit;
use crate::http::share::{Peer, Place, SharedLimit};

/// What the gRPC front gives at most.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(next_help_heading = "gRPC")]
pub struct GrpcLimits {
    /// Most gRPC event streams at once; one more is refused as UNAVAILABLE.
    #[arg(long, default_value_t = 4_096, value_parser = size())]
    pub max_grpc_streams: usize,
    /// Most streams at once that need no token: health watches and reflection. One more is refused. One address has a
    /// quarter at most, unless --max-connections-per-address is 0.
    #[arg(long, default_value_t = 256, value_parser = size())]
    pub max_open_streams: usize,
}

impl Default for GrpcLimits {
    fn default() -> Self {
        defaults()
    }
}

/// The places of streams. Cheap to clone; all clones count together.
#[derive(Debug, Clone)]
pub(super) struct Places {
    streams: Limit,
    open_streams: SharedLimit,
}

impl Places {
    /// As many as these limits allow.
    pub(super) fn new(limits: &GrpcLimits) -> Self {
        Self {
            streams: Limit::new(limits.max_grpc_streams, "gRPC event streams", "--max-grpc-streams"),
            open_streams: SharedLimit::new(
                limits.max_open_streams,
                "health watches and reflection streams",
                "--max-open-streams",
            ),
        }
    }

    /// A place for one more event stream, given back when it is dropped.
    pub(super) fn event_stream(&self) -> Result<OwnedSemaphorePermit, Error> {
        self.streams.take()
    }

    /// A place for one more stream of a caller who may have no token.
    pub(super) fn open_stream(&self, extensions: &Extensions) -> Result<Place, Error> {
        self.open_streams.take(extensions.get::<Peer>().copied())
    }
}
