//! The stream, and the store of the lease, as one server of theirs has them.

use std::collections::BTreeMap;
use std::rc::Rc;

use im_chats_replication::Commit;
use im_chats_replication::lease::{Holder, LeaseInput, Seen};
use im_chats_replication::replica::Range;
use im_chats_replication::writer::{Tip, WriterInput};

/// One message.
#[derive(Debug, PartialEq, Eq)]
pub struct Message {
    pub commit: Commit,
    pub events: Vec<u64>,
    /// The writer, which no other is.
    pub writer: u64,
}

/// What a server has. A former leader's is a copy from when it was one.
#[derive(Debug, Clone, Default)]
pub struct View {
    pub messages: BTreeMap<u64, Rc<Message>>,
    /// The number of the last message there ever was.
    pub last: u64,
    pub revision: u64,
    pub holder: Option<Holder>,
}

impl View {
    pub fn tip(&self) -> Tip {
        Tip { number: self.last, commit: self.messages.get(&self.last).map(|message| message.commit.clone()) }
    }

    pub fn range(&self) -> Range {
        let oldest = self.messages.keys().next().copied().unwrap_or(self.last + 1);
        Range { oldest, last: self.last }
    }

    pub fn seen(&self) -> Seen {
        Seen { revision: self.revision, holder: self.holder.clone() }
    }

    /// Writes the lease.
    pub fn write(&mut self, expected: u64, holder: Option<Holder>) -> LeaseInput {
        if expected != self.revision {
            return LeaseInput::Refused;
        }
        self.revision += 1;
        self.holder = holder;
        LeaseInput::Written(self.revision)
    }

    /// Takes a message when the last one has the number that it follows, or when it names none.
    pub fn publish(&mut self, message: &Rc<Message>, follows: Option<u64>) -> WriterInput {
        if follows.is_some_and(|follows| follows != self.last) {
            return WriterInput::Refused;
        }
        self.last += 1;
        self.messages.insert(self.last, Rc::clone(message));
        WriterInput::Stored(self.last)
    }

    /// Drops the oldest messages, but never the last one.
    pub fn purge(&mut self, thousandths: u64) {
        let oldest = self.range().oldest;
        let upto = oldest + (self.last + 1 - oldest) * thousandths / 1000;
        self.messages.retain(|number, _| *number >= upto || *number == self.last);
    }

    /// Deletes one message in the middle: neither the oldest nor the last.
    pub fn delete(&mut self, thousandths: u64) -> Option<u64> {
        let oldest = self.range().oldest;
        let number = oldest + (self.last + 1 - oldest) * thousandths / 1000;
        (number > oldest && number < self.last && self.messages.remove(&number).is_some()).then_some(number)
    }
}

/// A server that was the leader and does not know that it is no more. It answers some of the processes.
#[derive(Debug)]
pub struct Former {
    pub view: View,
    /// The processes that speak with it, as bits.
    pub mask: u32,
    /// It took a publish that is never going to be stored, and would refuse a second one.
    pub busy: bool,
    pub until: u64,
}
