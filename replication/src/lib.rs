//! One log in a shared stream, one writer at a time, many replicas. Each rule is a state machine without I/O and without a clock: what
//! the stream answers goes in, what is to be done comes out.
//!
//! - [`lease`]: whose turn it is to write. It only avoids double work.
//! - [`writer`]: one commit in flight, fenced by the stream. Safety comes from here, and from nowhere else.
//! - [`replica`]: what becomes of a message that a replica is given.
//!
//! # The stream
//! A stream numbers its messages without a gap, and takes a message on the condition that the last one has a certain number (a fence). One
//! message is one [`Commit`]. Those who write know nothing of each other but what the stream says.

pub mod lease;
pub mod replica;
pub mod writer;

/// What stands on every message of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The head of the log before it. Chained, so that nobody takes a hole for silence.
    pub prev: u64,
    /// The head of the log after it.
    pub last: u64,
    /// The writer's epoch. It never goes down from one message to the next.
    pub epoch: u64,
    /// A name that no other commit has: a writer whose answer was lost finds its own commit by it.
    pub id: String,
    /// How many events the log ever had, those of this commit included. Sequences need not be dense.
    pub events: u64,
    /// What it does.
    pub kind: CommitKind,
}

/// What a commit does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitKind {
    /// It brings events, of which the last has the sequence [`Commit::last`].
    Events,
    /// The log begins at [`Commit::last`]: whatever came before is gone.
    Skip,
}
