//! The log of an upstream, and what it says of cursors.

use std::collections::VecDeque;

use im_chats_gateway::relay::merge::{Event, Lane};
use im_chats_protocol::error::{Error, ErrorCode};

/// Numbers from a seed.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    pub fn one_in(&mut self, limit: u64) -> bool {
        self.below(limit) == 0
    }

    pub fn random(&mut self) -> f64 {
        f64::from(u32::try_from(self.below(1_000_000)).unwrap()) / 1_000_000.0
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ev {
    pub sequence: u64,
    /// Which of upstream's logs it belongs to.
    pub log: u64,
    /// Where it comes live; none, where nobody tells it live.
    pub lane: Option<Lane>,
}

impl Event for Ev {
    fn sequence(&self) -> u64 {
        self.sequence
    }

    fn is_same(&self, other: &Self) -> bool {
        (self.sequence, self.log) == (other.sequence, other.log)
    }
}

/// How a server answers a cursor outside its log.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Manner {
    /// With a code that says it, and where the log begins.
    Clear,
    /// As if it were bad input.
    Unclear,
    /// Not at all: it gives what it has.
    Silent,
}

#[derive(Debug)]
pub struct Upstream {
    pub manner: Manner,
    pub log: u64,
    /// Everything the present log ever had; what is not beyond `first` is gone.
    pub events: Vec<Ev>,
    pub first: u64,
    /// When the last events were appended.
    pub appended_at: u64,
    /// How many those were.
    pub appended: u64,
    /// A catch-up does not see the last few events of the moment.
    pub lag: usize,
    /// The lanes that it does not have.
    pub lacks: Vec<Lane>,
}

impl Upstream {
    pub fn new(manner: Manner, lacks: Vec<Lane>) -> Self {
        Self { manner, log: 1, events: Vec::new(), first: 0, appended_at: 0, appended: 0, lag: 0, lacks }
    }

    pub fn end(&self) -> u64 {
        self.events.last().map_or(0, |event| event.sequence)
    }

    pub fn catch_up(&self, after: Option<u64>) -> Result<(VecDeque<Ev>, u64), Error> {
        let seen = &self.events[..self.events.len().saturating_sub(self.lag)];
        let end = seen.last().map_or(0, |event| event.sequence);
        let unclear = || Error::invalid("after_sequence", "no such cursor");
        if after.is_some_and(|after| after < self.first) {
            match self.manner {
                Manner::Clear => {
                    return Err(Error::new(ErrorCode::CursorTooOld, "gone").with_context("first", self.first.to_string()));
                }
                Manner::Unclear => return Err(unclear()),
                Manner::Silent => {}
            }
        }
        if after.is_some_and(|after| after > end) {
            match self.manner {
                Manner::Clear => return Err(Error::new(ErrorCode::CursorAhead, "not yet")),
                Manner::Unclear => return Err(unclear()),
                Manner::Silent => {}
            }
        }
        let from = self.first.max(after.unwrap_or(0));
        Ok((seen.iter().filter(|event| event.sequence > from).copied().collect(), end))
    }
}
