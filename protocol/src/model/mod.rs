//! The documented JSON shapes, one noun a file. No I/O and no JavaScript types in here: the gateway writes these shapes, the
//! TypeScript declarations are generated from them, and the tests hold every value that crosses a boundary against them. May use: `number`, `error`, `typescript`.

mod address;
mod attachment;
mod chat;
mod context;
mod cursor;
mod effect;
mod event;
mod group;
mod guid;
mod message;
mod message_event;
mod mini_app;
mod poll;
mod reaction;

pub use address::{ChatServiceType, SingleServiceAddressInfo};
pub use attachment::{AttachmentInfo, CompanionKind, TransferState};
pub use chat::{Chat, CreateChatOptions, CreateChatResult};
pub use context::EventContext;
pub use cursor::Cursor;
pub use effect::MessageEffect;
pub use event::{CatchUpComplete, CatchUpEvent, ChatEvent, LiveEvent, UnknownChange, UnknownEvent};
pub use group::{GroupChange, GroupChanged, GroupEvent};
pub use guid::ChatGuid;
pub use message::{Message, MessageContent, MessageItemType, MessageMention, TextFormat};
pub use message_event::{
    MessageEdited, MessageEvent, MessageReacted, MessageRead, MessageReceived, MessageStickerPlaced, MessageUnsent,
};
pub use mini_app::{MiniAppContent, MiniAppLayoutInfo};
pub use poll::{PollChangeDelta, PollChanged, PollEvent, PollOption};
pub use reaction::{MessageAppliedReaction, MessagePlacedSticker, MessageReaction, MessageReactionKind, StickerPlacement};
