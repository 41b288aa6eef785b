//! The event stream, `im.events.v1.json`, over a WebSocket: `docs/protocol.md` is its contract, and
//! [`im_chats_protocol::server`] decides everything. It may use `http`, `service` and the log.

mod limits;
mod socket;

pub use limits::LiveLimits;
pub use socket::{LiveParts, routes};
