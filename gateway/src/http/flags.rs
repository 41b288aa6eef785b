//! The limits around every handler, as flags of the command line.

use clap::Args;

use crate::base::flags::{defaults, positive, size};
use clap::builder::RangedU64ValueParser;
use im_chats_protocol::limits::MAX_REQUEST_BODY_BYTES;

/// What the gateway takes at most, whatever is spoken over a connection. Every value is a flag of the command line.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(next_help_heading = "Connections and requests")]
pub struct ServerLimits {
    /// Most connections at once, sockets of the event stream included; one more is answered 503 and closed.
    #[arg(long, default_value_t = 32_768, value_parser = size())]
    pub max_connections: usize,
    /// Most of them from one address (IPv6: from one /64 network); 0 = no such limit. Behind a proxy all connections come from
    /// its address: raise the limit there, or set it to 0. With 0 one address may also take all of --max-open-requests,
    /// --max-waiting-sockets and --max-open-streams; otherwise it has a quarter of each at most.
    #[arg(long, default_value_t = 1_024)]
    pub max_connections_per_address: usize,
    /// How long a request's head may take, and an HTTP/1 connection may be without a request, in milliseconds.
    #[arg(long, default_value_t = 30_000, value_parser = positive())]
    pub head_timeout_ms: u64,
    /// How long an HTTP/2 connection may be without a request, in milliseconds. Pings do not count.
    #[arg(long, default_value_t = 60_000, value_parser = positive())]
    pub idle_timeout_ms: u64,
    /// Most requests with a good token at once, beside uploads, gRPC event streams and sockets of the event stream.
    #[arg(long, default_value_t = 4_096, value_parser = size())]
    pub max_requests: usize,
    /// Most requests without a good token at once: the console, /healthz, /openapi.json, gRPC health and reflection. One
    /// address has a quarter at most, unless --max-connections-per-address is 0.
    #[arg(long, default_value_t = 1_024, value_parser = size())]
    pub max_open_requests: usize,
    /// Most bytes of request bodies in memory at once, uploads not counted.
    #[arg(long, default_value_t = 67_108_864, value_parser = RangedU64ValueParser::<usize>::new().range(MAX_REQUEST_BODY_BYTES as u64..))]
    pub max_body_bytes: usize,
    /// Most uploads (a background, a group's icon, an attachment) at once; one more waits 20 seconds and is then refused as
    /// serviceUnavailable. An attachment with a companion may hold 200 MiB.
    #[arg(long, default_value_t = 4, value_parser = size())]
    pub max_uploads: usize,
    /// Most large answers (a background, an attachment, a page of chats or messages, a group's icon) at once; each holds a few MiB at
    /// most, an icon as much as it has.
    #[arg(long, default_value_t = 32, value_parser = size())]
    pub max_large_answers: usize,
}

impl Default for ServerLimits {
    fn default() -> Self {
        defaults()
    }
}
