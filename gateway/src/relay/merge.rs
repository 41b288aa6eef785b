//! Two streams of one upstream log, merged into ours without a hole: a state machine without I/O.
//!
//! Upstream offers a live stream, which carries *chat* events only and begins at an unknown moment, and a catch-up, which
//! carries everything after a cursor, in order, up to the head of its beginning. Sequences are shared by all kinds of events
//! and not dense for chats: when live says 12 and our head is 9, then 10 and 11 may be messages, which live never gives. So
//! **live alone proves nothing**, and our log can only grow in order. The rules:
//!
//! 1. What a catch-up gives is committed as it comes: it is in order, so nothing is missing before it.
//! 2. A live event that follows our head immediately (head + 1) is committed at once: between two neighbouring integers
//!    there is no room for anything. Any other is *held*, and calls for a catch-up from our head, which brings what lies before
//!    it, and the event itself. A held event that a catch-up passes without giving it is let go: the log decides.
//! 3. Live is opened first. The catch-up begins at once, and again every second until a frame of live (an event or a
//!    heartbeat) proves that live is attached; then once more, for what happened before the proof. Nobody waits for the proof.
//! 4. Live never gives events of messages, groups and polls, so a catch-up runs every few seconds for ever.
//!
//! `same_log` has the rules of whether it is still the same log, `exchange` what goes in and comes out.
//!
//! # Memory
//! At most [`HELD`] live events are held; beyond that the latest are let go, since a catch-up brings them. As many may be ahead
//! of the last catch-up.

mod exchange;
mod question;
mod same_log;

use std::collections::BTreeMap;

use im_chats_protocol::client::Backoff;
use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::number::MAX_SAFE_INTEGER;

pub use exchange::{Event, Link, MergeInput, MergeOutput, Timing};
use question::Question;

/// Live events held back at most.
pub const HELD: usize = 1024;

/// From one catch-up to the next while nothing proves that live is attached, in milliseconds.
pub const UNPROVEN_MS: u64 = 1_000;

#[derive(Debug)]
enum Live {
    Closed { retry_at: u64 },
    Open { since: u64, attached: bool, heard_at: u64 },
}

#[derive(Debug)]
struct CatchUp<E> {
    question: Question,
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
    /// Live gave something during this catch-up that it may have begun too early to give.
    again: bool,
    /// Live was proven to be attached during this catch-up.
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
            Live::Open { heard_at, .. } => {
                let silence = heard_at.saturating_add(self.timing.live_silence_ms);
                let next = match &self.catch_up {
                    Some(catch_up) => catch_up.heard_at.saturating_add(self.timing.catch_up_silence_ms),
                    None => self.next_catch_up,
                };
                silence.min(next)
            }
        }
    }

    /// Takes what happened at `now`; `random`, in 0..1, is for the backoff.
    pub fn handle(&mut self, now: u64, random: f64, input: MergeInput<E>) {
        self.now = self.now.max(now);
        let result = match input {
            MergeInput::Live(event) => self.live_event(event),
            MergeInput::LiveHeartbeat => {
                self.live_heard();
                Ok(())
            }
            MergeInput::CatchUp(event) => self.catch_up_event(event),
            MergeInput::CatchUpHeartbeat => {
                self.catch_up_heard();
                Ok(())
            }
            MergeInput::Complete(head) => self.complete(head),
            MergeInput::CatchUpEnded(error) => self.catch_up_ended(error),
            MergeInput::LiveEnded(error) => match self.live {
                Live::Open { .. } => Err(error),
                Live::Closed { .. } => Ok(()),
            },
            MergeInput::Tick => self.tick(),
        };
        if let Err(error) = result {
            self.fail(error, random);
        }
    }

    fn tick(&mut self) -> Result<(), Error> {
        match self.live {
            Live::Closed { retry_at } if retry_at <= self.now => {
                self.live = Live::Open { since: self.now, attached: false, heard_at: self.now };
                self.out.push(MergeOutput::OpenLive);
                self.begin_catch_up();
            }
            Live::Open { heard_at, .. } if heard_at.saturating_add(self.timing.live_silence_ms) <= self.now => {
                return Err(silent("the live stream"));
            }
            _ => {}
        }
        match &self.catch_up {
            Some(catch_up) if catch_up.heard_at.saturating_add(self.timing.catch_up_silence_ms) <= self.now => {
                return Err(silent("a catch-up"));
            }
            None if self.next_catch_up <= self.now && matches!(self.live, Live::Open { .. }) => self.begin_catch_up(),
            _ => {}
        }
        Ok(())
    }

    fn begin_catch_up(&mut self) {
        self.ask(if self.last.is_some() { Question::MeetLast } else { Question::Rest { gone: None } });
    }

    fn live_heard(&mut self) {
        let now = self.now;
        let Live::Open { attached, heard_at, .. } = &mut self.live else { return };
        *heard_at = now;
        if std::mem::replace(attached, true) {
            return;
        }
        // Rule 3: once more, for what happened between the last catch-up and the moment live was attached.
        if self.catch_up.is_some() {
            self.proven = true;
        } else {
            self.begin_catch_up();
        }
    }

    fn live_event(&mut self, event: E) -> Result<(), Error> {
        if matches!(self.live, Live::Closed { .. }) {
            return Ok(());
        }
        let sequence = checked(&event)?;
        self.live_heard();
        if sequence <= self.head {
            return Ok(());
        }
        self.held.insert(sequence, event);
        if self.held.len() > HELD {
            self.held.pop_last();
        }
        self.commit_neighbours();
        if sequence > self.head {
            match &self.catch_up {
                Some(_) => self.again = true,
                None => self.begin_catch_up(),
            }
        }
        Ok(())
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
        let Live::Open { attached, .. } = self.live else { return Ok(()) };
        let behind = !self.held.is_empty();
        if self.proven || (self.again && behind) {
            self.begin_catch_up();
        } else {
            // Live may be ahead of what a catch-up can read; then it is asked again a little later.
            let pause = if attached && !behind { self.timing.poll_ms } else { UNPROVEN_MS.min(self.timing.poll_ms) };
            self.next_catch_up = self.now.saturating_add(pause);
        }
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

    /// Rule 2: between neighbours there is no room for anything.
    fn commit_neighbours(&mut self) {
        while self.verified && self.unconfirmed.len() < HELD {
            let next = self.head.saturating_add(1);
            let Some(event) = self.held.remove(&next) else { return };
            self.unconfirmed.insert(next, event.clone());
            self.commit(event);
        }
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
        (self.verified, self.below_since) = (false, None);
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
