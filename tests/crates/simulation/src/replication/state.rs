//! One process of the relay, and what stands between it and the stream.

use std::collections::VecDeque;
use std::rc::Rc;

use fastrand::Rng;
use im_chats_replication::lease::{Holder, Lease, LeaseOutput};
use im_chats_replication::replica::Replica;
use im_chats_replication::writer::Writer;

use super::event::Event;
use super::upstream::Batch;

/// The network between a process and the stream: what goes wrong there, and until when.
#[derive(Debug, Default)]
pub struct Net {
    pub cut_until: u64,
    pub lossy_until: u64,
    /// How many of a hundred are lost.
    pub lost_questions: u8,
    pub lost_answers: u8,
    pub slow_until: u64,
    pub slow_by: u64,
    pub double_until: u64,
    pub gaps_until: u64,
}

/// Why a question was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    Lease(LeaseOutput),
    /// The lease is given back.
    Release,
    /// A writer is to begin under the lease of this epoch.
    Start(u64),
    /// A writer published, or looks for the end of the stream.
    Writer(u64),
    /// A replica looks at the stream.
    Look,
}

/// A question under way.
#[derive(Debug)]
pub struct Pending {
    pub id: u64,
    pub deadline: u64,
    pub why: Why,
}

/// The writer of a process.
#[derive(Debug)]
pub struct Ingest {
    pub writer: Writer,
    /// The epoch of the lease under which it began.
    pub lease: u64,
    /// Its number, which no other has.
    pub serial: u64,
    /// What is in flight, or was when it was overtaken.
    pub batch: Batch,
    /// The upstream is being read.
    pub reading: bool,
    /// How many commits are in flight: more than one only with a planted bug.
    pub flights: u32,
    /// How many more late or repeated answers it is given.
    pub strays: u32,
}

impl Ingest {
    /// Whether it is given one more.
    pub const fn hears_strays(&mut self) -> bool {
        let hears = self.strays > 0;
        self.strays = self.strays.saturating_sub(1);
        hears
    }
}

/// Whether a writer is there.
#[derive(Debug)]
pub enum Turn {
    Off,
    Starting(u64),
    On(Box<Ingest>),
}

/// What a replica has on its disk.
#[derive(Debug, Clone, Default)]
pub struct Disk {
    pub number: u64,
    /// The name of the commit with that number, when it is known.
    pub id: Option<String>,
    /// Events up to here are not in it.
    pub begin: u64,
    pub head: u64,
    pub events: Vec<u64>,
}

/// Where a replica gets its messages from.
#[derive(Debug)]
pub enum Feed {
    /// It looks at the stream, then.
    Idle(u64),
    Looking,
    /// A consumer: its number, the next message it is to get, and when the last one arrives.
    On {
        consumer: u64,
        position: u64,
        last_at: u64,
    },
}

/// A process.
pub struct Process {
    pub name: Rc<str>,
    pub alive: bool,
    pub born: u32,
    pub frozen_until: u64,
    /// What waits for a frozen process.
    pub inbox: VecDeque<Event>,
    pub net: Net,
    pub rng: Rng,
    /// Whether it takes its turn at writing.
    pub writes: bool,
    pub lease: Lease,
    /// The epoch, and until when it is held; only with the bug that counts from the answer.
    pub believes: Option<(u64, u64)>,
    /// It gave the lease back, and lets others have it until then.
    pub released_until: u64,
    pub turn: Turn,
    pub replica: Replica,
    pub disk: Disk,
    /// What is left of it after a crash.
    pub safe: Disk,
    pub feed: Feed,
    pub next_look: u64,
    /// When the network lost a message that this replica had a right to, the last two times.
    pub lost: [Option<u64>; 2],
    pub pending: Vec<Pending>,
}

impl Process {
    pub fn new(index: usize, seed: u64, writes: bool, lease_ms: u64) -> Self {
        let name: Rc<str> = format!("p{index}").into();
        Self {
            lease: Self::lease(&name, 0, lease_ms),
            name,
            alive: true,
            born: 0,
            frozen_until: 0,
            inbox: VecDeque::new(),
            net: Net::default(),
            rng: Rng::with_seed(seed ^ (index as u64 + 1).wrapping_mul(0x9e37_79b9)),
            writes,
            believes: None,
            released_until: 0,
            turn: Turn::Off,
            replica: Replica::new(0, 0),
            disk: Disk::default(),
            safe: Disk::default(),
            feed: Feed::Idle(0),
            next_look: 0,
            lost: [None; 2],
            pending: Vec::new(),
        }
    }

    fn lease(name: &str, born: u32, lease_ms: u64) -> Lease {
        Lease::new(Holder { name: format!("{name}.{born}").into(), lease_ms })
    }

    /// It begins again with what is on its disk.
    pub fn restart(&mut self, lease_ms: u64) {
        self.born += 1;
        self.lease = Self::lease(&self.name, self.born, lease_ms);
        (self.alive, self.frozen_until, self.believes, self.released_until) = (true, 0, None, 0);
        self.turn = Turn::Off;
        self.disk = self.safe.clone();
        self.replica = Replica::new(self.disk.number, self.disk.head);
        (self.feed, self.next_look, self.lost) = (Feed::Idle(0), 0, [None; 2]);
        self.pending.clear();
        self.inbox.clear();
    }

    pub fn ingest(&mut self, serial: u64) -> Option<&mut Ingest> {
        match &mut self.turn {
            Turn::On(ingest) if ingest.serial == serial => Some(ingest),
            _ => None,
        }
    }

    /// The epoch of the lease that it holds, as it believes.
    pub fn holds(&self, now: u64) -> Option<u64> {
        let believed = self.believes.filter(|(_, until)| now < *until).map(|(epoch, _)| epoch);
        self.lease.held(now).or(believed)
    }
}

/// A reader, and the place up to which it has read.
#[derive(Debug)]
pub struct Reader {
    pub front: usize,
    pub cursor: u64,
}

impl Reader {
    pub const fn new(front: usize) -> Self {
        Self { front, cursor: 0 }
    }
}
