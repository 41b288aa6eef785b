//! The documented JSON shapes, one noun a file. No I/O and no JavaScript types in here: the gateway writes these shapes, the
//! TypeScript declarations are generated from them, and the tests hold every value that crosses a boundary against them.

mod address;
mod chat;
mod cursor;
mod effect;
mod event;
mod guid;
mod message;

pub use address::{ChatServiceType, SingleServiceAddressInfo};
pub use chat::{Chat, CreateChatOptions, CreateChatResult};
pub use cursor::Cursor;
pub use effect::MessageEffect;
pub use event::{CatchUpComplete, CatchUpEvent, ChatEvent, EventContext, LiveEvent, MessageEvent, MessageReceived};
pub use guid::ChatGuid;
pub use message::{Message, MessageContent};

/// The largest integer that JavaScript holds exactly, 2^53 − 1. A sequence above it is refused, never rounded.
pub const MAX_SAFE_INTEGER: u64 = 9_007_199_254_740_991;
