//! The documented JSON shapes, one noun a file; `union` declares those that have a `type`. No I/O and no JavaScript types in here:
//! the gateway writes these shapes, the TypeScript declarations are generated from them, and the tests hold every value that crosses
//! a boundary against them. May use: `number`, `error`.

#[macro_use]
mod union;

mod address;
mod attachment;
mod chat;
mod context;
mod cursor;
mod effect;
mod event;
mod event_type;
mod group;
mod guid;
mod message;
mod message_event;
mod mini_app;
mod poll;
mod reaction;

pub use address::{ChatServiceType, SingleServiceAddressInfo};
pub use attachment::{AttachmentInfo, CompanionInfo, CompanionKind, TransferState};
pub use chat::{Chat, CreateChatOptions, CreateChatResult};
pub use context::EventContext;
pub use cursor::Cursor;
pub use effect::MessageEffect;
pub use event::{
    CatchUpComplete, CatchUpEvent, ChatArchived, ChatBackgroundChanged, ChatBackgroundRemoved, ChatEvent, ChatMarkedRead,
    ChatUnarchived, Complete, LiveEvent, Unknown, UnknownEvent,
};
pub use event_type::{EventType, EventTypes};
pub use group::{
    GroupChange, GroupChanged, GroupDisplayNameChanged, GroupEvent, GroupIconChanged, GroupIconRemoved, GroupParticipantAdded,
    GroupParticipantLeft, GroupParticipantRemoved,
};
pub use guid::ChatGuid;
pub use message::{
    Message, MessageContent, MessageItemType, MessageMention, MessageSummary, MessageSummaryContent, TextFormat,
};
pub use message_event::{
    MessageEdited, MessageEvent, MessageReactionAdded, MessageReactionRemoved, MessageRead, MessageReceived,
    MessageStickerPlaced, MessageUnsent,
};
pub use mini_app::{MiniAppContent, MiniAppLayoutInfo};
pub use poll::{
    Poll, PollChangeDelta, PollChanged, PollCreated, PollEvent, PollOption, PollOptionAdded, PollUnvoted, PollVote, PollVoted,
};
pub use reaction::{MessageAppliedReaction, MessagePlacedSticker, MessageReaction, MessageReactionKind, StickerPlacement};
