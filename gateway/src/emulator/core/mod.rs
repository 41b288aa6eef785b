//! The emulator itself: a pure state machine. A command is decided against the state and gives an answer and journal
//! entries; applying the entries gives the next state. No clock, no randomness, no I/O: time and identifiers come with the
//! command, and a restart is nothing but applying the journal again.

mod decide;
mod entry;
mod keys;
mod state;
#[cfg(test)]
mod tests;

pub use decide::{Answer, Command, Decision, Opening, Outcome, Request};
pub use entry::{Change, Entry, Toggle};
pub use keys::{KEY_BYTES, KEY_LIFETIME_MS, KEY_LIMIT, Write};
pub use state::{ChatState, State};
