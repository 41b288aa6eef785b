//! The merge of an upstream log into ours, over a simulated upstream that does everything a real one may do: seed by seed, with
//! a virtual clock, and the two logs compared at the end.

#![cfg(test)]

use std::collections::VecDeque;

use im_chats_gateway::relay::merge::{Event, Link, Merge, MergeInput, MergeOutput, Timing};
use im_chats_protocol::client::Backoff;
use im_chats_protocol::error::{Error, ErrorCode};

const SEEDS: u64 = 1_000;

const TIMING: Timing =
    Timing { poll_ms: 2_000, live_silence_ms: 20_000, catch_up_silence_ms: 10_000, backoff: Backoff::RECONNECT };

struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn one_in(&mut self, limit: u64) -> bool {
        self.below(limit) == 0
    }

    fn random(&mut self) -> f64 {
        f64::from(u32::try_from(self.below(1_000_000)).unwrap()) / 1_000_000.0
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Ev {
    sequence: u64,
    /// Which of upstream's logs it belongs to.
    log: u64,
    chat: bool,
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
enum Manner {
    /// With a code that says it, and where the log begins.
    Clear,
    /// As if it were bad input.
    Unclear,
    /// Not at all: it gives what it has.
    Silent,
}

#[derive(Debug)]
struct Upstream {
    manner: Manner,
    log: u64,
    /// Everything the present log ever had; what is not beyond `first` is gone.
    events: Vec<Ev>,
    first: u64,
    /// When the last events were appended.
    appended_at: u64,
    /// How many those were.
    appended: u64,
    /// A catch-up does not see the last few events of the moment.
    lag: usize,
}

/// How long a catch-up may be behind live.
const LAG_MS: u64 = 1_500;

impl Upstream {
    fn end(&self) -> u64 {
        self.events.last().map_or(0, |event| event.sequence)
    }

    fn catch_up(&self, after: Option<u64>) -> Result<(VecDeque<Ev>, u64), Error> {
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

/// Our log, as the machine's outputs make it.
#[derive(Debug, Default)]
struct Downstream {
    events: Vec<Ev>,
    first: u64,
    head: u64,
    replaced: u64,
    skipped: u64,
}

enum LiveStream {
    Closed,
    /// Attaches at this time; `from` is then the end of the log.
    Opening(u64),
    Open {
        given: u64,
        beat_at: u64,
    },
    /// Nothing comes any more, without an error.
    Dead,
}

enum CatchUpStream {
    None,
    Opening { at: u64, after: Option<u64> },
    Open { events: VecDeque<Ev>, end: u64, at: u64 },
    Dead,
}

struct World {
    dice: Dice,
    now: u64,
    upstream: Upstream,
    down: Downstream,
    merge: Merge<Ev>,
    live: LiveStream,
    catch_up: CatchUpStream,
    /// Upstream cannot be reached before.
    away_until: u64,
    truncated: bool,
    swapped: u64,
}

fn cut() -> Error {
    Error::new(ErrorCode::ServiceUnavailable, "cut")
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x51);
        let manner = [Manner::Clear, Manner::Unclear, Manner::Silent][usize::try_from(dice.below(3)).unwrap()];
        let upstream = Upstream { manner, log: 1, events: Vec::new(), first: 0, appended_at: 0, appended: 0, lag: 0 };
        let merge = Merge::new(TIMING, 0, None, 0);
        let mut world = Self {
            dice,
            now: 0,
            upstream,
            down: Downstream::default(),
            merge,
            live: LiveStream::Closed,
            catch_up: CatchUpStream::None,
            away_until: 0,
            truncated: false,
            swapped: 0,
        };
        world.append(5);
        world
    }

    fn append(&mut self, most: u64) {
        self.upstream.appended_at = self.now;
        self.upstream.appended = self.dice.below(most) + 1;
        for _ in 0..self.upstream.appended {
            // Not dense: the log's numbers are shared with things nobody is told.
            // The first one is 1: another log that began right after our head could not be told from ours.
            let gap = if self.upstream.end() > 0 && self.dice.one_in(3) { 1 + self.dice.below(5) } else { 1 };
            let sequence = self.upstream.end() + gap;
            let chat = !self.dice.one_in(3);
            self.upstream.events.push(Ev { sequence, log: self.upstream.log, chat });
        }
    }

    fn tell(&mut self, input: MergeInput<Ev>) {
        let random = self.dice.random();
        self.merge.handle(self.now, random, input);
        for output in self.merge.poll() {
            match output {
                MergeOutput::OpenLive => self.live = LiveStream::Opening(self.now + self.dice.below(3_000)),
                MergeOutput::OpenCatchUp(after) => {
                    self.catch_up = CatchUpStream::Opening { at: self.now + self.dice.below(300), after };
                }
                MergeOutput::DropCatchUp => self.catch_up = CatchUpStream::None,
                MergeOutput::DropLink => (self.live, self.catch_up) = (LiveStream::Closed, CatchUpStream::None),
                MergeOutput::Commit(event) => self.commit(event),
                MergeOutput::Skip(through) => {
                    assert!(through > self.down.head);
                    // Another log that begins after our head looks like one that lost its beginning, and is reported as that.
                    let swapped = self.swapped > self.down.replaced;
                    assert!(self.truncated || swapped, "nothing was ever truncated");
                    if self.upstream.manner != Manner::Silent && !swapped {
                        let (head, events) = (self.down.head, &self.upstream.events);
                        let lost = events.iter().any(|event| event.sequence > head && event.sequence <= through);
                        assert!(lost, "a gap where nothing was lost: {head} to {through}");
                    }
                    self.down.events.clear();
                    (self.down.first, self.down.head) = (through, through);
                    self.down.skipped += 1;
                }
                MergeOutput::Replace => {
                    assert!(self.down.replaced < self.swapped, "nobody replaced the log");
                    self.down =
                        Downstream { replaced: self.down.replaced + 1, skipped: self.down.skipped, ..Downstream::default() };
                }
            }
        }
        assert_eq!(self.merge.head(), self.down.head);
    }

    fn commit(&mut self, event: Ev) {
        assert!(event.sequence > self.down.head, "{event:?} after {}", self.down.head);
        if let Some(last) = self.down.events.last() {
            assert_eq!(last.log, event.log, "two logs in one");
            if event.log == self.upstream.log {
                let between = |other: &&Ev| other.sequence > last.sequence && other.sequence < event.sequence;
                assert_eq!(self.upstream.events.iter().find(between), None, "lost between {last:?} and {event:?}");
            }
        }
        self.down.head = event.sequence;
        self.down.events.push(event);
    }

    /// One step of time: whatever is due happens.
    fn step(&mut self) {
        self.now += 1 + self.dice.below(200);
        self.run_live();
        self.run_catch_up();
        while self.merge.next_deadline() <= self.now {
            self.tell(MergeInput::Tick);
        }
    }

    fn run_live(&mut self) {
        let (now, end) = (self.now, self.upstream.end());
        match &mut self.live {
            LiveStream::Opening(_) if now < self.away_until => {
                self.live = LiveStream::Closed;
                self.tell(MergeInput::LiveEnded(cut()));
            }
            LiveStream::Opening(at) if *at <= now => self.live = LiveStream::Open { given: end, beat_at: now + 500 },
            LiveStream::Open { given, beat_at } => {
                let fresh: Vec<Ev> =
                    self.upstream.events.iter().filter(|event| event.sequence > *given && event.chat).copied().collect();
                *given = end;
                let beat = now >= *beat_at;
                if beat {
                    *beat_at = now + 5_000;
                }
                for event in fresh {
                    for _ in 0..=u64::from(self.dice.one_in(8)) {
                        self.tell(MergeInput::Live(event));
                    }
                }
                if beat {
                    self.tell(MergeInput::LiveHeartbeat);
                }
            }
            _ => {}
        }
    }

    fn run_catch_up(&mut self) {
        let now = self.now;
        match std::mem::replace(&mut self.catch_up, CatchUpStream::None) {
            CatchUpStream::Opening { .. } if now < self.away_until => self.tell(MergeInput::CatchUpEnded(cut())),
            CatchUpStream::Opening { at, after } if at <= now => {
                self.upstream.lag = if now < self.upstream.appended_at + LAG_MS && self.dice.one_in(4) {
                    usize::try_from(self.dice.below(3).min(self.upstream.appended)).unwrap()
                } else {
                    0
                };
                match self.upstream.catch_up(after) {
                    Ok((events, end)) => self.catch_up = CatchUpStream::Open { events, end, at: now },
                    Err(error) => self.tell(MergeInput::CatchUpEnded(error)),
                }
            }
            CatchUpStream::Open { mut events, end, at } if at <= now => {
                // A log that loses its beginning under a replay ends it, as ours would.
                if events.front().is_some_and(|event| event.sequence <= self.upstream.first) && self.dice.one_in(2) {
                    return self.tell(MergeInput::CatchUpEnded(cut()));
                }
                let piece: Vec<Ev> = events.drain(..events.len().min(3)).collect();
                let over = events.is_empty() && piece.is_empty();
                self.catch_up = CatchUpStream::Open { events, end, at: now + self.dice.below(200) };
                for event in piece {
                    self.tell(MergeInput::CatchUp(event));
                    if !matches!(self.catch_up, CatchUpStream::Open { .. }) {
                        return;
                    }
                    if self.dice.one_in(10) {
                        self.tell(MergeInput::CatchUp(event));
                    }
                }
                if over {
                    self.catch_up = CatchUpStream::None;
                    self.tell(MergeInput::Complete(end));
                } else if self.dice.one_in(6) {
                    self.tell(MergeInput::CatchUpHeartbeat);
                }
            }
            other => self.catch_up = other,
        }
    }

    fn fault(&mut self) {
        match self.dice.below(12) {
            0 => {
                // The connection is reset.
                if !matches!(self.live, LiveStream::Closed) {
                    self.live = LiveStream::Closed;
                    self.tell(MergeInput::LiveEnded(cut()));
                }
            }
            1 => {
                if matches!(self.catch_up, CatchUpStream::Opening { .. } | CatchUpStream::Open { .. }) {
                    self.catch_up = CatchUpStream::None;
                    self.tell(MergeInput::CatchUpEnded(cut()));
                }
            }
            2 => {
                // Half-open.
                if !matches!(self.live, LiveStream::Closed) {
                    self.live = LiveStream::Dead;
                }
                if !matches!(self.catch_up, CatchUpStream::None) {
                    self.catch_up = CatchUpStream::Dead;
                }
            }
            3 => {
                // Upstream restarts.
                self.away_until = self.now + self.dice.below(8_000);
                (self.live, self.catch_up) = (LiveStream::Closed, CatchUpStream::None);
                self.tell(MergeInput::LiveEnded(cut()));
            }
            4 | 5 => self.crash(),
            // A log that is replaced, and loses its beginning up to exactly our head before we look, cannot be told from ours.
            6 if self.dice.one_in(2) && self.swapped == self.down.replaced => {
                let events = &self.upstream.events;
                let index = usize::try_from(self.dice.below(events.len() as u64 + 1)).unwrap();
                let first = events.get(index).map_or(self.upstream.end(), |event| event.sequence);
                self.upstream.first = self.upstream.first.max(first);
                self.truncated = true;
            }
            7 if self.dice.one_in(3) => self.swap(),
            _ => self.append(40),
        }
    }

    /// `kill -9` of the relay: it goes on from what its log says.
    fn crash(&mut self) {
        self.merge = Merge::new(TIMING, self.down.head, self.down.events.last().copied(), self.now);
        (self.live, self.catch_up) = (LiveStream::Closed, CatchUpStream::None);
    }

    /// Upstream comes back with another log: every connection is cut.
    fn swap(&mut self) {
        self.upstream.log += 1;
        self.upstream.events.clear();
        self.upstream.first = 0;
        self.swapped += 1;
        let most = if self.dice.one_in(2) { 3 } else { 200 };
        self.append(most);
        (self.live, self.catch_up) = (LiveStream::Closed, CatchUpStream::None);
        self.tell(MergeInput::LiveEnded(cut()));
        self.tell(MergeInput::CatchUpEnded(cut()));
    }

    fn settle(&mut self) {
        self.away_until = 0;
        // A half-open link is noticed, the longest backoff passes, and a log that lies below ours is believed.
        let end = self.now + 120_000;
        while self.now < end {
            self.step();
        }
        // Then everything that happens is there soon.
        for _ in 0..5 {
            self.append(3);
            let end = self.now + 8_000;
            while self.now < end {
                self.step();
            }
            self.agree();
        }
    }

    fn agree(&self) {
        assert_eq!(self.merge.link(), &Link::Up);
        let (up, down) = (&self.upstream, &self.down);
        assert_eq!(down.head, up.end(), "not everything arrived");
        assert_eq!(down.events.last(), up.events.last());
        // From where our log begins, it is upstream's, event by event.
        let begins = if down.first > 0 { down.first + 1 } else { down.events.first().map_or(u64::MAX, |event| event.sequence) };
        let expected: Vec<Ev> = up.events.iter().filter(|event| event.sequence >= begins).copied().collect();
        assert_eq!(down.events, expected);
        // And it begins no later than it must: what upstream still holds is in it. (Another log that was put in the place of one
        // whose last event had just been lost cannot be told from it; its readers were told of that gap.)
        if self.swapped == down.replaced {
            let held = up.events.iter().find(|event| event.sequence > up.first);
            assert!(begins <= held.map_or(u64::MAX, |event| event.sequence));
        }
    }
}

fn run(seed: u64) -> World {
    let mut world = World::new(seed);
    for _ in 0..150 {
        world.step();
        if world.dice.one_in(4) {
            world.fault();
        }
        if world.dice.one_in(30) {
            let quiet = world.now + 15_000;
            while world.now < quiet {
                world.step();
            }
        }
    }
    world.settle();
    world
}

#[test]
fn whatever_happens_our_log_is_the_upstreams_in_order_once() {
    let (mut replaced, mut skipped, mut events) = (0, 0, 0);
    for seed in 0..SEEDS {
        let world = std::panic::catch_unwind(|| run(seed)).unwrap_or_else(|_| panic!("seed {seed}"));
        replaced += world.down.replaced;
        skipped += world.down.skipped;
        events += world.down.events.len();
    }
    println!("{SEEDS} seeds: {events} events, {replaced} logs replaced, {skipped} gaps reported");
    assert!(replaced > 100 && skipped > 50, "the faults were not met: {replaced} and {skipped}");
}
