//! The chat service itself, as a pure state machine: a command is decided against the state and gives an answer and journal
//! entries; applying the entries gives the next state.
//!
//! May use: `im_chats_protocol`. It has no I/O, no clock and no randomness: time and identifiers come with the command, and a
//! restart is nothing but applying the journal again, from its beginning or from a checkpoint on. So the same code runs in the gateway and inside a page.

mod account;
pub mod address;
mod attachments;
mod chat_list;
mod checkpoint;
mod command;
mod decide;
mod draft;
mod email;
mod entry;
mod file_type;
pub mod image;
mod keys;
pub mod limits;
mod marks;
mod messages;
mod phone;
mod polls;
mod read;
mod state;
#[cfg(test)]
mod tests;
mod text;

pub use account::{ACCOUNT, account};
pub use chat_list::{ChatPage, ChatQuery};
pub use checkpoint::{CheckpointItem, NotACheckpoint};
pub use command::{Actor, Command, FileDescription, Request, Target};
pub use decide::{Decision, Outcome};
pub use draft::{Draft, Part, ReplyTo};
pub use email::MAX_BYTES as MAX_EMAIL_BYTES;
pub use entry::{Attachment, Bubble, Change, Entry, MessageChange, Reply, Toggle};
pub use keys::{AgedKey, KEY_BYTES, KEY_LIFETIME_MS, KEY_LIMIT, Write};
pub use messages::{MessagePage, MessageQuery};
pub use state::{ChatState, State};
pub use text::checked_text;
