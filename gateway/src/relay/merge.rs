//! Live streams and catch-ups of one upstream log, merged into ours without a hole: a state machine without I/O.
//!
//! Upstream offers four live streams ([`Lane`]: events of chats, of messages, of groups, of polls), each of which begins at an
//! unknown moment, and a catch-up, which carries everything after a cursor, in order, up to the head of its beginning.
//! Sequences are shared by all kinds of events. Between two lanes events may overtake each other, an upstream may lack a lane,
//! and a number may belong to something that nobody tells live: when live says 12 and our head is 9, then 10 and 11 may be on
//! their way, or never come. So **live alone proves nothing**, and our log can only grow in order. The rules:
//!
//! 1. What a catch-up gives is committed as it comes: it is in order, so nothing is missing before it.
//! 2. A live event of any lane that follows our head immediately (head + 1) is committed at once: between two neighbouring
//!    integers there is no room for anything. Any other is *held*. While every lane is attached, what is missing gets
//!    [`GRACE_MS`] to come by itself; then, and without every lane at once, a catch-up from our head brings what lies before
//!    the held event, and the event itself. A held event that a catch-up passes without giving it is let go: the log decides.
//! 3. Live is opened first, all lanes. The catch-up begins at once, and again every second until a frame (an event or a
//!    heartbeat) of each lane proves that the lane is attached; after each proof once more, for what happened before it.
//!    Nobody waits for the proof. Each lane has a silence of its own that ends the link.
//! 4. A lane that upstream refuses when it is opened is absent until the link is opened again. While one is, a catch-up runs
//!    every few seconds, for its events. When all are attached, one runs as a safety net only.
//!
//! `lanes` is what is known of each lane, `live` what their frames do; `same_log` has the rules of whether it is still the same
//! log, `exchange` what goes in and comes out.
//!
//! # Memory
//! At most [`HELD`] live events are held; beyond that the latest are let go, since a catch-up brings them. As many may be ahead
//! of the last catch-up.

mod exchange;
mod lanes;
mod live;
mod question;
mod same_log;

use std::collections::BTreeMap;

use im_chats_protocol::client::Backoff;
use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::number::MAX_SAFE_INTEGER;

pub use exchange::{Event, Link, MergeInput, MergeOutput, Timing};
pub use lanes::Lane;
use lanes::Lanes;
use question::Question;

/// Live events held back at most.
pub const HELD: usize = 1024;

/// From one catch-up to the next while nothing proves that a lane is attached, in milliseconds.
pub const UNPROVEN_MS: u64 = 1_000;

/// How long what is missing before a held event may take to come by itself, in milliseconds, while every lane is attached.
pub const GRACE_MS: u64 = 20;

#[derive(Debug)]
enum Live {
    Closed { retry_at: u64 },
    Open { since: u64, lanes: Lanes },
}

#[derive(Debug)]
struct CatchUp<E> {
    question: Question,
    /// When it began.
    began: u64,
    /// How far we were when it began.
    from: u64,
    /// Our last event then, still to be met.
    expected: Option<E>,
    /// The last sequence it gave.
    last: u64,
    heard_at: u64,
}

/// The machine.
#[derive(Debug)]
pub struct Merge<E> {
    timing: Timing,
    now: u64,
    head: u64,
    /// How far catch-ups have brought us: at most our head, which live may have moved on.
    base: u64,
    /// The event at `base`, while upstream can be expected to hold it: what the next catch-up must meet again.
    last: Option<E>,
    live: Live,
    catch_up: Option<CatchUp<E>>,
    next_catch_up: u64,
    /// When one is due because of what is missing before a held event; only while no catch-up runs.
    gap_due: Option<u64>,
    /// Live gave something during this catch-up that it may have begun too early to give.
    again: bool,
    /// A lane was proven to be attached during this catch-up.
    proven: bool,
    /// A catch-up on this link has met our last event.
    verified: bool,
    held: BTreeMap<u64, E>,
    /// Events beyond `base` that live brought: the next catch-up gives them again, the same.
    unconfirmed: BTreeMap<u64, E>,
    /// Since when upstream's end has been below our head.
    below_since: Option<u64>,
    failures: u32,
    link: Link,
    out: Vec<MergeOutput<E>>,
}

impl<E: Event + Clone> Merge<E> {
    /// With our log's head, and the event there, when the log has one. Times are milliseconds of any clock that does not go
    /// back. The first [`MergeInput::Tick`] opens the link.
    pub fn new(timing: Timing, head: u64, last: Option<E>, now: u64) -> Self {
        Self {
            timing,
            now,
            head,
            base: head,
            last,
            live: Live::Closed { retry_at: now },
            catch_up: None,
            next_catch_up: now,
            gap_due: None,
            again: false,
            proven: false,
            verified: false,
            held: BTreeMap::new(),
            unconfirmed: BTreeMap::new(),
            below_since: None,
            failures: 0,
            link: Link::Down(None),
            out: Vec::new(),
        }
    }

    /// Our head, once everything in [`Merge::poll`] is carried out.
    pub const fn head(&self) -> u64 {
        self.head
    }

    /// How it stands with upstream.
    pub const fn link(&self) -> &Link {
        &self.link
    }

    /// What is to be done now.
    pub fn poll(&mut self) -> Vec<MergeOutput<E>> {
        std::mem::take(&mut self.out)
    }

    /// Whether what waits in [`Merge::poll`] ends the stream of the input before (the catch-up, or live): what it still has
    /// is not for this machine any more.
    pub fn poll_ends(&self, catch_up: bool) -> bool {
        self.out.iter().any(|output| match output {
            MergeOutput::DropLink => true,
            MergeOutput::OpenCatchUp(_) | MergeOutput::DropCatchUp => catch_up,
            _ => false,
        }) || (catch_up && self.catch_up.is_none())
    }

    /// Whether no catch-up runs.
    pub const fn has_settled(&self) -> bool {
        self.catch_up.is_none()
    }

    /// Does not wait for the backoff: there is a reason why the next attempt may go better.
    pub fn retry(&mut self) {
        if let Live::Closed { retry_at } = &mut self.live {
            *retry_at = self.now;
        }
    }

    /// When the next [`MergeInput::Tick`] is due.
    pub fn next_deadline(&self) -> u64 {
        match &self.live {
            Live::Closed { retry_at } => *retry_at,
            Live::Open { lanes, .. } => {
                let next = match &self.catch_up {
                    Some(catch_up) => catch_up.heard_at.saturating_add(self.timing.catch_up_silence_ms),
                    None => self.catch_up_due(),
                };
                lanes.silent_at(self.timing.live_silence_ms).map_or(next, |(silent_at, _)| silent_at.min(next))
            }
        }
    }

    fn catch_up_due(&self) -> u64 {
        self.gap_due.map_or(self.next_catch_up, |due| due.min(self.next_catch_up))
    }

    /// Takes what happened at `now`; `random`, in 0..1, is for the backoff.
    pub fn handle(&mut self, now: u64, random: f64, input: MergeInput<E>) {
        self.now = self.now.max(now);
        let result = match input {
            MergeInput::Live(lane, event) => self.live_event(lane, event),
            MergeInput::LiveHeartbeat(lane) => {
                self.live_heard(lane);
                Ok(())
            }
            MergeInput::CatchUp(event) => self.catch_up_event(event),
            MergeInput::CatchUpHeartbeat => {
                self.catch_up_heard();
                Ok(())
            }
            MergeInput::Complete(head) => self.complete(head),
            MergeInput::CatchUpEnded(error) => self.catch_up_ended(error),
            MergeInput::LiveEnded(lane, error) => self.live_ended(lane, error),
            MergeInput::Tick => self.tick(),
        };
        if let Err(error) = result {
            self.fail(error, random);
        }
    }

    fn tick(&mut self) -> Result<(), Error> {
        match self.live {
            Live::Closed { retry_at } if retry_at <= self.now => {
                self.live = Live::Open { since: self.now, lanes: Lanes::open(self.now) };
                self.out.push(MergeOutput::OpenLive);
                self.begin_catch_up();
            }
            Live::Open { ref lanes, .. } => match lanes.silent_at(self.timing.live_silence_ms) {
                Some((silent_at, lane)) if silent_at <= self.now => {
                    return Err(silent(&format!("the live stream of {}", lane.name())));
                }
                _ => {}
            },
            Live::Closed { .. } => {}
        }
        match &self.catch_up {
            Some(catch_up) if catch_up.heard_at.saturating_add(self.timing.catch_up_silence_ms) <= self.now => {
                return Err(silent("a catch-up"));
            }
            None if self.catch_up_due() <= self.now && matches!(self.live, Live::Open { .. }) => self.begin_catch_up(),
            _ => {}
        }
        Ok(())
    }

    fn begin_catch_up(&mut self) {
        self.ask(if self.last.is_some() { Question::MeetLast } else { Question::Rest { gone: None } });
    }

    fn catch_up_heard(&mut self) {
        let now = self.now;
        if let Some(catch_up) = &mut self.catch_up {
            catch_up.heard_at = now;
        }
    }

    fn catch_up_event(&mut self, event: E) -> Result<(), Error> {
        self.catch_up_heard();
        let Some(catch_up) = &mut self.catch_up else { return Ok(()) };
        let sequence = checked(&event)?;
        let before = std::mem::replace(&mut catch_up.last, sequence);
        if sequence == before {
            return Ok(());
        }
        if sequence < before {
            return Err(upstream_fault("the upstream's log came out of order")
                .with_context("sequence", sequence.to_string())
                .with_context("after", before.to_string()));
        }
        match catch_up.question {
            Question::Probe { refused } => {
                self.probed(event, before == 0, refused);
                return Ok(());
            }
            Question::MeetLast if sequence >= catch_up.from => match catch_up.expected.take() {
                Some(_) if sequence > catch_up.from => {
                    self.out.push(MergeOutput::DropCatchUp);
                    self.ask(Question::Probe { refused: false });
                    return Ok(());
                }
                Some(expected) if !event.is_same(&expected) => {
                    self.replace();
                    return Ok(());
                }
                Some(_) => self.met(),
                None => {}
            },
            Question::MeetLast | Question::Rest { .. } => {}
        }
        self.put(event);
        Ok(())
    }

    fn complete(&mut self, end: u64) -> Result<(), Error> {
        let Some(catch_up) = self.catch_up.take() else { return Ok(()) };
        if end < catch_up.from {
            self.below();
            return Ok(());
        }
        self.below_since = None;
        match (catch_up.question, catch_up.expected) {
            // It goes back as far as ours, and does not have our last event.
            (Question::Probe { .. }, _) if catch_up.last > 0 => {
                self.replace();
                return Ok(());
            }
            // It holds nothing at all.
            (Question::Probe { refused: true }, _) => {
                self.ask(Question::Rest { gone: Some(end) });
                return Ok(());
            }
            (Question::Probe { refused: false }, _) => self.skip(end),
            (Question::MeetLast, Some(_)) => {
                self.ask(Question::Probe { refused: false });
                return Ok(());
            }
            _ => {}
        }
        self.let_go(end);
        self.verified = true;
        self.commit_neighbours();
        self.link = Link::Up;
        self.plan_next(catch_up.began);
        Ok(())
    }

    /// An event of a catch-up, in its place.
    fn put(&mut self, event: E) {
        let sequence = event.sequence();
        if self.unconfirmed.remove(&sequence).is_some_and(|live| !event.is_same(&live)) {
            return self.replace();
        }
        while self.unconfirmed.first_key_value().is_some_and(|(live, _)| *live < sequence) {
            self.unconfirmed.pop_first();
        }
        if sequence > self.base {
            (self.base, self.last) = (sequence, Some(event.clone()));
        }
        if sequence > self.head {
            self.let_go(sequence);
            self.commit(event);
        }
        self.commit_neighbours();
    }

    /// A catch-up has given everything up to `through`: what live gave of that is of no use any more.
    fn let_go(&mut self, through: u64) {
        self.held = self.held.split_off(&through.saturating_add(1));
    }

    fn commit(&mut self, event: E) {
        self.head = event.sequence();
        self.out.push(MergeOutput::Commit(event));
    }

    /// What lies between our head and `through` is gone.
    fn skip(&mut self, through: u64) {
        if through > self.head {
            (self.head, self.base, self.last) = (through, through, None);
            self.let_go(through);
            self.unconfirmed.clear();
            self.out.push(MergeOutput::Skip(through));
        }
    }

    fn fail(&mut self, error: Error, random: f64) {
        let Live::Open { since, .. } = self.live else { return };
        let healthy = self.now.saturating_sub(since) >= Backoff::HEALTHY_MS && self.link == Link::Up;
        self.failures = if healthy { 1 } else { self.failures.saturating_add(1) };
        let wait = self.timing.backoff.delay_ms(self.failures, random);
        self.live = Live::Closed { retry_at: self.now.saturating_add(wait) };
        self.catch_up = None;
        self.held.clear();
        (self.verified, self.below_since, self.gap_due) = (false, None, None);
        self.link = Link::Down(Some(error));
        self.out.push(MergeOutput::DropLink);
    }
}

fn checked<E: Event>(event: &E) -> Result<u64, Error> {
    let sequence = event.sequence();
    if (1..=MAX_SAFE_INTEGER).contains(&sequence) {
        return Ok(sequence);
    }
    Err(upstream_fault("the upstream gave a sequence that is not between 1 and 2^53 - 1")
        .with_context("sequence", sequence.to_string()))
}

fn upstream_fault(message: &'static str) -> Error {
    Error::new(ErrorCode::InternalError, message)
}

fn silent(what: &str) -> Error {
    Error::new(ErrorCode::Timeout, format!("{what} of the upstream has fallen silent"))
}
