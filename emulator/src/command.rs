//! What can be asked for. Inputs are checked and normalised before; what depends on the state is decided in `decide`.

use std::sync::Arc;

use im_chats_protocol::model::{ChatServiceType, MessageReaction};

use crate::address::Address;
use crate::draft::Draft;
use crate::keys::Write;

/// A command with all that the machine may not find out for itself.
#[derive(Debug, Clone)]
pub struct Request {
    /// What to do.
    pub command: Command,
    /// Its idempotency identity; absent = it is done every time it comes.
    pub write: Option<Write>,
    /// The time, in milliseconds since 1970.
    pub now: i64,
    /// Two fresh random identifiers: a chat may need one, and its message, or a file, another.
    pub ids: [String; 2],
}

/// Who acts; absent = this account.
pub type Actor = Option<Address>;

/// What can be asked for.
#[derive(Debug, Clone)]
pub enum Command {
    /// Create a chat, or find the one there is.
    Create {
        /// One address = direct, more = group. Never empty, no duplicates.
        addresses: Vec<Address>,
        /// The transport of a new chat.
        service: ChatServiceType,
        /// The opening message.
        opening: Option<Box<Draft>>,
    },
    /// Nothing, but the chat must exist: typing and the contact card leave no trace.
    Touch {
        /// The chat's GUID.
        chat: String,
    },
    /// Mark read.
    MarkRead {
        /// The chat's GUID.
        chat: String,
        /// Who marks it.
        actor: Actor,
    },
    /// Set or replace the background.
    SetBackground {
        /// The chat's GUID.
        chat: String,
        /// Media type of the image.
        mime: &'static str,
        /// Who sets it.
        actor: Actor,
    },
    /// Remove the background.
    RemoveBackground {
        /// The chat's GUID.
        chat: String,
        /// Who removes it.
        actor: Actor,
    },
    /// Into the archive, or out of it.
    SetArchived {
        /// The chat's GUID.
        chat: String,
        /// Whether it goes into the archive.
        archived: bool,
        /// Who does it.
        actor: Actor,
    },
    /// A message, from this account or from a participant. Answer: [`Reply::Message`](crate::Reply::Message).
    Send {
        /// The chat's GUID.
        chat: String,
        /// What it says.
        draft: Box<Draft>,
        /// Who writes it.
        actor: Actor,
    },
    /// Another text for a message of the actor's. Answer: the message.
    Edit {
        /// Which message.
        target: Target,
        /// The new text, checked by [`Draft`]'s rules.
        text: String,
        /// Who edits.
        actor: Actor,
    },
    /// Take a message of the actor's back. Answer: done.
    Unsend {
        /// Which message.
        target: Target,
        /// Who takes it back.
        actor: Actor,
    },
    /// Put a tapback on a message, or take it away. Answer: the message.
    React {
        /// Which message.
        target: Target,
        /// The tapback.
        reaction: MessageReaction,
        /// True puts it there, false takes it away.
        is_set: bool,
        /// Whose tapback it is.
        actor: Actor,
    },
    /// A participant has read an own message of this account, and so the ones before it.
    ReadReceipt {
        /// The chat's GUID.
        chat: String,
        /// The message; absent = the newest own one.
        message: Option<String>,
        /// Who read it.
        actor: Address,
    },
    /// Name a group. Answer: [`Reply::Chat`](crate::Reply::Chat).
    Rename {
        /// The chat's GUID.
        chat: String,
        /// Trimmed and not empty.
        name: String,
        /// Who names it.
        actor: Actor,
    },
    /// Bring people into a group; [`ACCOUNT`](crate::ACCOUNT) brings back an account that left. Answer: the chat.
    AddParticipants {
        /// The chat's GUID.
        chat: String,
        /// Never empty, no duplicates.
        addresses: Vec<Address>,
        /// Who brings them.
        actor: Actor,
    },
    /// Put people out of a group. Answer: the chat.
    RemoveParticipants {
        /// The chat's GUID.
        chat: String,
        /// Never empty, no duplicates.
        addresses: Vec<Address>,
        /// Who puts them out.
        actor: Actor,
    },
    /// Leave a group. Answer: done.
    Leave {
        /// The chat's GUID.
        chat: String,
        /// Who leaves.
        actor: Actor,
    },
    /// Set or replace a group's icon. Answer: done.
    SetIcon {
        /// The chat's GUID.
        chat: String,
        /// Media type of the image.
        mime: &'static str,
        /// Who sets it.
        actor: Actor,
    },
    /// Remove a group's icon. Answer: done.
    RemoveIcon {
        /// The chat's GUID.
        chat: String,
        /// Who removes it.
        actor: Actor,
    },
    /// Send a poll. Answer: [`Reply::Poll`](crate::Reply::Poll).
    CreatePoll {
        /// The chat's GUID.
        chat: String,
        /// Trimmed and not empty.
        title: String,
        /// At least two, each trimmed and not empty.
        options: Vec<String>,
        /// Who sends it.
        actor: Actor,
    },
    /// Choose an option of a poll in place of the one chosen before. Answer: the poll.
    Vote {
        /// The GUID of the poll's message.
        poll: String,
        /// The option's identifier.
        option: String,
        /// Who votes.
        actor: Actor,
    },
    /// Take a vote back. Answer: the poll.
    Unvote {
        /// The GUID of the poll's message.
        poll: String,
        /// Whose vote it is.
        actor: Actor,
    },
    /// Add an option to a poll. Answer: the poll.
    AddPollOption {
        /// The GUID of the poll's message.
        poll: String,
        /// Trimmed and not empty.
        text: String,
        /// Who adds it.
        actor: Actor,
    },
    /// Keep a file; its bytes travel beside the command. Answer: [`Reply::Attachment`](crate::Reply::Attachment).
    Upload {
        /// What is known of it.
        file: FileDescription,
        /// The moving half of a live photo.
        companion: Option<FileDescription>,
        /// Whose file it is.
        actor: Actor,
    },
    /// A run of events for a load test.
    Generate {
        /// The chats, in turn. Never empty.
        chats: Vec<Arc<str>>,
        /// How many events.
        count: u64,
    },
}

/// A message of a chat, or one of its bubbles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The chat's GUID.
    pub chat: String,
    /// The message's GUID.
    pub message: String,
    /// Which bubble; absent = the first.
    pub part: Option<i32>,
}

/// What is known of a file: made by [`FileDescription::detect`](crate::FileDescription).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileDescription {
    /// Its name, without a path.
    pub name: String,
    /// Its media type.
    pub mime: String,
    /// Apple's uniform type identifier.
    pub uti: String,
    /// Its size in bytes; at least 1.
    pub bytes: u64,
}
