//! The server's session machine: one [`Session`] a socket, without any I/O.
//!
//! May use: `number`, `error`, `model`, `limits`, `grant`, `wire`. The driver of a session says what happened, when, and what the log is at that
//! moment; the session answers with what to do.

mod exchange;
mod filter;
mod held;
mod intake;
mod kind;
mod limits;
pub mod log;
pub mod machine;
mod outgoing;
mod rate;
mod subscription;

pub use exchange::{AskId, Opening, ReadId, Sent, ServerInput, ServerOutput};
pub use filter::{ChatFilter, EventFilter};
pub use kind::EventKind;
pub use limits::SessionLimits;
pub use log::{
    LogState, LoggedEvent, Place, REPLICA_WAIT_MS, ReadPage, ReadQuery, Replica, WholeEnd, cursor_ahead, cursor_too_old,
    log_changed, replica_behind,
};
pub use machine::Session;
