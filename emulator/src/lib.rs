//! The chat service itself, as a pure state machine: a command is decided against the state and gives an answer and journal
//! entries; applying the entries gives the next state.
//!
//! May use: `im_chats_protocol`. It has no I/O, no clock and no randomness: time and identifiers come with the command, and a
//! restart is nothing but applying the journal again, from its beginning or from a checkpoint on. So the same code runs in the gateway and inside a page.

pub mod address;
mod checkpoint;
mod decide;
mod email;
mod entry;
pub mod image;
mod keys;
pub mod limits;
mod marks;
mod phone;
mod state;
#[cfg(test)]
mod tests;

pub use checkpoint::{CheckpointItem, NotACheckpoint};
pub use decide::{Command, Decision, OpeningMessage, Outcome, Request};
pub use email::MAX_BYTES as MAX_EMAIL_BYTES;
pub use entry::{Change, Entry, Reply, Toggle};
pub use keys::{AgedKey, KEY_BYTES, KEY_LIFETIME_MS, KEY_LIMIT, Write};
pub use state::{ChatState, State};
