//! The event stream, `im.events.v1.json`, over a WebSocket: `docs/protocol.md` is its contract, and
//! [`im_chats_protocol::server`] decides everything.

mod limits;
mod socket;

pub use limits::LiveLimits;
pub use socket::{LiveParts, routes};
