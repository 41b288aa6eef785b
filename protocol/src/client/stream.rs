//! One event stream of the client: its position, its credit, and the batches that wait for its reader.

use alloc::collections::VecDeque;
use alloc::string::String;

use super::{Batch, StreamId};
use crate::error::{Error, ErrorCode};
use crate::model::Cursor;
use crate::wire::filter::Filter;
use crate::wire::frame::{After, Subscribe, SubscriptionId, Until};

/// Where a stream begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// At the head of the moment the server attaches it.
    Head,
    /// With the oldest event the log still holds.
    Beginning,
    /// After a position that is known.
    After(After),
}

/// What to do when the log no longer holds what comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnGap {
    /// End the stream with `cursorTooOld`.
    Fail,
    /// Say so and go on with the oldest event there is.
    Skip,
}

/// What a stream delivers, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Which events.
    pub filter: Filter,
    /// From where.
    pub start: Start,
    /// Whether it ends at the head: a catch-up.
    pub until_head: bool,
    /// Whether it goes on after a cut; without, a cut ends it with an error.
    pub resume: bool,
    /// What to do about a gap.
    pub on_gap: OnGap,
}

/// A position in a log that the server confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Position {
    pub log: String,
    pub sequence: u64,
}

/// A batch that waits for the user.
#[derive(Debug)]
struct Held<B> {
    batch: B,
    count: u64,
    /// The position once its last event was handled.
    through: u64,
}

/// One user's stream.
///
/// Every event of the window is in exactly one place: outstanding credit (`granted`), waiting here (`queue`), with
/// the user (`taken`), or handled and not yet given back (`owed`). Their sum is the window, which is what bounds the memory.
#[derive(Debug)]
pub(super) struct Stream<B> {
    pub stream: StreamId,
    pub plan: Plan,
    /// Its name on the present socket; 0 when it has none.
    pub wire_id: u64,
    /// The sequence it last asked to begin after.
    pub asked_after: u64,
    /// Everything up to here was received.
    pub position: Option<Position>,
    /// Everything up to here was handled by the user.
    pub handled: u64,
    /// The last head that the server reported for this stream.
    pub head: u64,
    /// Whether it reached the head of its `subscribed`.
    pub caught_up: bool,
    /// Whether the user waits for a batch.
    pub pulling: bool,
    /// How it ends once the queue is empty.
    pub ending: Option<Result<Option<u64>, Error>>,
    queue: VecDeque<Held<B>>,
    taken: u64,
    taken_through: u64,
    granted: u64,
    owed: u64,
}

impl<B: Batch> Stream<B> {
    pub const fn new(stream: StreamId, plan: Plan) -> Self {
        Self {
            stream,
            plan,
            wire_id: 0,
            asked_after: 0,
            position: None,
            handled: 0,
            head: 0,
            caught_up: false,
            pulling: false,
            ending: None,
            queue: VecDeque::new(),
            taken: 0,
            taken_through: 0,
            granted: 0,
            owed: 0,
        }
    }

    /// The cursor: the user handled everything up to it. `None` before the server confirmed where the stream begins.
    pub fn cursor(&self) -> Option<Cursor> {
        Some(Cursor { log: self.position.as_ref()?.log.clone(), sequence: self.handled })
    }

    /// The frame that attaches it to a new socket, or again to the same one. `first` is the log's oldest good cursor.
    pub fn subscribe(&mut self, wire_id: u64, window: u64, first: &Position) -> Subscribe {
        let waiting: u64 = self.queue.iter().map(|held| held.count).sum();
        self.wire_id = wire_id;
        self.owed = 0;
        self.granted = window.saturating_sub(waiting).saturating_sub(self.taken);
        self.caught_up = false;
        let known = |position: &Position| After { log: Some(position.log.clone()), sequence: position.sequence };
        let after = match (&self.position, &self.plan.start) {
            (Some(position), _) => Some(known(position)),
            (None, Start::After(after)) => Some(after.clone()),
            (None, Start::Beginning) => Some(known(first)),
            (None, Start::Head) => None,
        };
        self.asked_after = after.as_ref().map_or(0, |after| after.sequence);
        Subscribe {
            id: SubscriptionId::Number(wire_id),
            filter: self.plan.filter.clone(),
            after,
            until: self.plan.until_head.then_some(Until::Head),
            credit: self.granted,
        }
    }

    /// It ends once its queue is empty; the first reason counts. The server has nothing to do with it any more.
    pub fn end(&mut self, result: Result<Option<u64>, Error>) {
        self.wire_id = 0;
        self.ending.get_or_insert(result);
    }

    /// The server attached it, to a log that reaches up to `head`.
    pub fn attached(&mut self, log: String, sequence: u64, head: u64) -> Result<(), Error> {
        match &self.position {
            Some(position) if (&position.log, position.sequence) != (&log, sequence) => {
                Err(protocol_fault("the server attached another position than was asked for"))
            }
            Some(_) => {
                self.head = head;
                Ok(())
            }
            None => {
                self.head = head;
                self.handled = sequence;
                self.taken_through = sequence;
                self.position = Some(Position { log, sequence });
                Ok(())
            }
        }
    }

    /// Takes a batch, if the chain holds: it must begin where the last one ended, lie inside its stretch, in order, and
    /// within the credit.
    pub fn receive(&mut self, prev: u64, through: u64, batch: B) -> Result<(), Error> {
        let Some(position) = self.position.as_mut() else {
            return Err(protocol_fault("events came before the subscription was attached"));
        };
        if prev != position.sequence || through < prev {
            return Err(protocol_fault("a batch does not begin where the last one ended"));
        }
        let count = u64::try_from(batch.count()).unwrap_or(u64::MAX);
        if count > self.granted {
            return Err(protocol_fault("more events came than there was credit for"));
        }
        let mut last = prev;
        for index in 0..batch.count() {
            match batch.sequence(index) {
                Some(sequence) if sequence > last && sequence <= through => last = sequence,
                _ => return Err(protocol_fault("an event is not where its batch says")),
            }
        }
        position.sequence = through;
        self.head = self.head.max(through);
        if count > 0 {
            self.granted -= count;
            self.queue.push_back(Held { batch, count, through });
        } else {
            self.pass(through);
        }
        Ok(())
    }

    /// The server says that everything up to `head` was sent. That is a link of the chain like any other: a batch that was
    /// lost on its way would otherwise be missed only with the next one.
    pub fn check_reached(&self, head: u64) -> Result<(), Error> {
        match &self.position {
            Some(position) if position.sequence >= head => Ok(()),
            _ => Err(protocol_fault("the server says that more was sent than came")),
        }
    }

    /// The position moved without an event: it counts as handled together with the last event before it.
    fn pass(&mut self, through: u64) {
        if let Some(held) = self.queue.back_mut() {
            held.through = through;
            return;
        }
        self.taken_through = through;
        if self.taken == 0 {
            self.handled = through;
        }
    }

    /// Everything up to here was received, or was known to the user before.
    pub fn reached(&self) -> u64 {
        match (&self.position, &self.plan.start) {
            (Some(position), _) => position.sequence,
            (None, Start::After(after)) => after.sequence,
            (None, Start::Head | Start::Beginning) => 0,
        }
    }

    /// Skips to where the log begins now; gives the last sequence before the gap.
    pub fn skip_to(&mut self, log: String, first: u64) -> u64 {
        let from = self.reached();
        self.position = Some(Position { log, sequence: first });
        self.pass(first);
        from
    }

    /// The user asks for more: what was taken is handled.
    pub fn pull(&mut self) {
        self.pulling = true;
        self.owed += core::mem::take(&mut self.taken);
        self.handled = self.taken_through;
    }

    /// Whether its end is due: no event waits for its user or is still with them. That is so before the first pull, too: a
    /// stream that could not begin says so although nobody asks.
    pub fn is_over(&self) -> bool {
        self.ending.is_some() && self.queue.is_empty() && self.taken == 0
    }

    /// What answers the waiting pull, when there is something.
    pub fn next_batch(&mut self) -> Option<B> {
        if !self.pulling {
            return None;
        }
        let held = self.queue.pop_front()?;
        self.pulling = false;
        self.taken = held.count;
        self.taken_through = held.through;
        Some(held.batch)
    }

    /// Credit to return, once it is worth a frame: half a window. Nothing waits without end for the rest of a half: what the
    /// server has not got is here or with the user, who owes it all in the end.
    pub fn top_up(&mut self, window: u64) -> Option<u64> {
        if self.wire_id == 0 || self.owed == 0 || self.owed < window / 2 {
            return None;
        }
        let add = core::mem::take(&mut self.owed);
        self.granted += add;
        Some(add)
    }
}

/// The server, or something in between, broke the protocol; a fresh connection from the last good position heals it.
fn protocol_fault(what: &'static str) -> Error {
    Error::new(ErrorCode::NetworkError, what)
}
