//! What happens in the world: questions, answers, and everything else that has a time.

use std::rc::Rc;

use im_chats_replication::lease::{Holder, LeaseInput};
use im_chats_replication::replica::Range;
use im_chats_replication::writer::{Tip, WriterInput};

use super::stream::Message;
use super::upstream::Batch;

/// What will happen.
#[derive(Debug)]
pub enum Event {
    Step(usize),
    Tick {
        process: usize,
        born: u32,
    },
    /// A question arrives at the stream.
    Arrive {
        process: usize,
        born: u32,
        id: u64,
        ask: Ask,
    },
    Answered {
        process: usize,
        born: u32,
        id: u64,
        answer: Answer,
    },
    /// What the upstream has after some sequence.
    Read {
        process: usize,
        born: u32,
        serial: u64,
        after: u64,
        batch: Batch,
    },
    Deliver {
        process: usize,
        born: u32,
        consumer: u64,
        number: u64,
        message: Rc<Message>,
    },
    Thaw {
        process: usize,
    },
    Birth {
        process: usize,
    },
    Poll {
        reader: usize,
    },
    Grown,
    Calm,
    Over,
}

impl Event {
    /// The process that handles it, and which life of it.
    pub const fn handler(&self) -> Option<(usize, u32)> {
        match self {
            Self::Tick { process, born }
            | Self::Answered { process, born, .. }
            | Self::Read { process, born, .. }
            | Self::Deliver { process, born, .. } => Some((*process, *born)),
            _ => None,
        }
    }
}

/// A question to the stream or to the store of the lease.
#[derive(Debug, Clone)]
pub enum Ask {
    Lease,
    WriteLease {
        expected: u64,
        holder: Option<Holder>,
    },
    /// A message, the number of the one it follows, and the name of that one's commit as its writer knows it.
    Publish {
        serial: u64,
        message: Rc<Message>,
        follows: Option<u64>,
        after: Option<String>,
    },
    Tip {
        serial: Option<u64>,
    },
    /// How far the stream goes, and which commit has this number.
    Look {
        number: u64,
    },
}

/// An answer.
#[derive(Debug, Clone)]
pub enum Answer {
    Lease(LeaseInput),
    Writer { serial: u64, input: WriterInput },
    Start(Tip),
    Look { number: u64, range: Range, id: Option<String> },
}
