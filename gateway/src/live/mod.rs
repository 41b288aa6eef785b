//! The event stream, `im.events.v1.json`: `docs/protocol.md` is its contract.
//!
//! [`machine`] is the protocol, one [`Session`] a socket, without any I/O; [`routes`] carries it over a WebSocket.

mod intake;
mod limits;
pub mod machine;
mod outgoing;
mod rate;
mod socket;
mod subscription;

pub use limits::LiveLimits;
pub use machine::Session;
pub use socket::{Live, routes};
