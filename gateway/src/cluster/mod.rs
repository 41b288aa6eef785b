//! The log of several relays on NATS JetStream: `--log` and what belongs to it. It may use `base`, `metrics`, the log and `service`.
//!
//! `flags` is the command line, `connect` the connection and what it refuses, `names` what is what in NATS.

pub mod connect;
mod credentials;
pub mod error;
pub mod flags;
pub mod names;

pub use connect::{Nats, connect};
pub use error::ClusterError;
pub use flags::{ClusterArgs, Role};
pub use names::Names;
