//! The merge of an upstream log into ours, over a simulated upstream that does everything a real one may do: seed by seed, with
//! a virtual clock, and the two logs compared at the end. `lanes` has the rules of the live streams, one by one.

#![cfg(test)]

mod lanes;
mod upstream;

use std::collections::VecDeque;

use im_chats_gateway::relay::merge::{Lane, Link, Merge, MergeInput, MergeOutput, Timing};
use im_chats_protocol::client::Backoff;
use im_chats_protocol::error::{Error, ErrorCode};
use upstream::{Dice, Ev, Manner, Upstream};

const SEEDS: u64 = 1_000;

const TIMING: Timing = Timing {
    poll_ms: 2_000,
    safety_ms: 30_000,
    live_silence_ms: 20_000,
    catch_up_silence_ms: 10_000,
    backoff: Backoff::RECONNECT,
};

/// How long a catch-up may be behind live.
const LAG_MS: u64 = 1_500;

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

const CLOSED: [LiveStream; 4] = [const { LiveStream::Closed }; 4];

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
    /// One for each of [`Lane::ALL`].
    live: [LiveStream; 4],
    catch_up: CatchUpStream,
    /// Upstream cannot be reached before.
    away_until: u64,
    truncated: bool,
    swapped: u64,
    /// How often a lane was found to be absent.
    absent: u64,
    /// How often a live event came after a later one of another lane.
    overtaken: u64,
    last_live: u64,
    /// Nothing breaks any more, and time may pass in large steps.
    is_settling: bool,
}

fn cut() -> Error {
    Error::new(ErrorCode::ServiceUnavailable, "cut")
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x51);
        let manner = [Manner::Clear, Manner::Unclear, Manner::Silent][usize::try_from(dice.below(3)).unwrap()];
        let lacks = lacking(&mut dice);
        let upstream = Upstream::new(manner, lacks);
        let merge = Merge::new(TIMING, 0, None, 0);
        let mut world = Self {
            dice,
            now: 0,
            upstream,
            down: Downstream::default(),
            merge,
            live: CLOSED,
            catch_up: CatchUpStream::None,
            away_until: 0,
            truncated: false,
            swapped: 0,
            absent: 0,
            overtaken: 0,
            last_live: 0,
            is_settling: false,
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
            let lane = (!self.dice.one_in(20)).then(|| Lane::ALL[usize::try_from(self.dice.below(4)).unwrap()]);
            self.upstream.events.push(Ev { sequence, log: self.upstream.log, lane });
        }
    }

    fn tell(&mut self, input: MergeInput<Ev>) {
        let random = self.dice.random();
        self.merge.handle(self.now, random, input);
        for output in self.merge.poll() {
            match output {
                MergeOutput::OpenLive => {
                    self.live = Lane::ALL.map(|_| LiveStream::Opening(self.now + self.dice.below(3_000)));
                }
                MergeOutput::LaneAbsent(lane, _) => {
                    assert!(self.upstream.lacks.contains(&lane), "{lane:?} is there");
                    self.absent += 1;
                }
                MergeOutput::OpenCatchUp(after) => {
                    self.catch_up = CatchUpStream::Opening { at: self.now + self.dice.below(300), after };
                }
                MergeOutput::DropCatchUp => self.catch_up = CatchUpStream::None,
                MergeOutput::DropLink => (self.live, self.catch_up) = (CLOSED, CatchUpStream::None),
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
        let most = if self.dice.one_in(3) && !self.is_settling { 10 } else { 200 };
        self.now += 1 + self.dice.below(most);
        for index in 0..Lane::ALL.len() {
            self.run_live(index);
        }
        self.run_catch_up();
        while self.merge.next_deadline() <= self.now {
            self.tell(MergeInput::Tick);
        }
    }

    fn run_live(&mut self, index: usize) {
        let (now, end, lane) = (self.now, self.upstream.end(), Lane::ALL[index]);
        match &mut self.live[index] {
            LiveStream::Opening(_) if now < self.away_until => {
                self.live[index] = LiveStream::Closed;
                self.tell(MergeInput::LiveEnded(lane, cut()));
            }
            LiveStream::Opening(at) if *at <= now => {
                if self.upstream.lacks.contains(&lane) {
                    self.live[index] = LiveStream::Closed;
                    let code = if self.dice.one_in(2) { ErrorCode::OperationNotSupported } else { ErrorCode::Unauthorized };
                    self.tell(MergeInput::LiveEnded(lane, Error::new(code, "not here")));
                    // As a stream that has ended with an error and then ends.
                    self.tell(MergeInput::LiveEnded(lane, cut()));
                } else {
                    self.live[index] = LiveStream::Open { given: end, beat_at: now + 500 };
                }
            }
            // What is to be given may wait a little, and so come after what another lane gives.
            LiveStream::Open { given, beat_at } if !self.dice.one_in(3) => {
                let is_new = |event: &&Ev| event.sequence > *given && event.lane == Some(lane);
                let fresh: Vec<Ev> = self.upstream.events.iter().filter(is_new).copied().collect();
                *given = end;
                let beat = now >= *beat_at;
                if beat {
                    *beat_at = now + 5_000;
                }
                for event in fresh {
                    self.overtaken += u64::from(event.sequence < self.last_live);
                    self.last_live = event.sequence;
                    for _ in 0..=u64::from(self.dice.one_in(8)) {
                        self.tell(MergeInput::Live(lane, event));
                    }
                }
                if beat {
                    self.tell(MergeInput::LiveHeartbeat(lane));
                }
            }
            _ => {}
        }
    }

    /// A lane that there is, and its place.
    fn any_lane(&mut self) -> Option<(usize, Lane)> {
        let index = usize::try_from(self.dice.below(4)).unwrap();
        (!matches!(self.live[index], LiveStream::Closed)).then(|| (index, Lane::ALL[index]))
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
        match self.dice.below(13) {
            0 => {
                // One stream is reset; the others of its connection go with it, once that is noticed.
                if let Some((index, lane)) = self.any_lane() {
                    self.live[index] = LiveStream::Closed;
                    self.tell(MergeInput::LiveEnded(lane, cut()));
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
                for live in self.live.iter_mut().filter(|live| !matches!(live, LiveStream::Closed)) {
                    *live = LiveStream::Dead;
                }
                if !matches!(self.catch_up, CatchUpStream::None) {
                    self.catch_up = CatchUpStream::Dead;
                }
            }
            3 => {
                // Upstream restarts, perhaps as another version.
                self.away_until = self.now + self.dice.below(8_000);
                self.upstream.lacks = lacking(&mut self.dice);
                self.hang_up();
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
            12 => {
                // One lane falls silent, and the others go on.
                if let Some((index, _)) = self.any_lane() {
                    self.live[index] = LiveStream::Dead;
                }
            }
            _ => self.append(40),
        }
    }

    /// `kill -9` of the relay: it goes on from what its log says.
    fn crash(&mut self) {
        self.merge = Merge::new(TIMING, self.down.head, self.down.events.last().copied(), self.now);
        (self.live, self.catch_up) = (CLOSED, CatchUpStream::None);
    }

    /// Upstream comes back with another log: every connection is cut.
    fn swap(&mut self) {
        self.upstream.log += 1;
        self.upstream.events.clear();
        self.upstream.first = 0;
        self.swapped += 1;
        let most = if self.dice.one_in(2) { 3 } else { 200 };
        self.append(most);
        self.upstream.lacks = lacking(&mut self.dice);
        self.hang_up();
    }

    /// Every stream ends, in whatever order.
    fn hang_up(&mut self) {
        (self.live, self.catch_up) = (CLOSED, CatchUpStream::None);
        if self.dice.one_in(2) {
            self.tell(MergeInput::CatchUpEnded(cut()));
        }
        for lane in Lane::ALL {
            self.tell(MergeInput::LiveEnded(lane, cut()));
        }
        self.tell(MergeInput::CatchUpEnded(cut()));
    }

    fn settle(&mut self) {
        (self.away_until, self.is_settling) = (0, true);
        // A half-open link is noticed, the longest backoff passes, and a log that lies below ours is believed.
        let end = self.now + 120_000;
        while self.now < end {
            self.step();
        }
        // Then everything that happens is there soon.
        for _ in 0..5 {
            self.append(3);
            // What nobody tells live waits for the safety net.
            let is_told = self.upstream.events.last().is_some_and(|event| event.lane.is_some());
            let end = self.now + if is_told { 8_000 } else { TIMING.safety_ms + 8_000 };
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

/// Which lanes an upstream does not have: mostly none.
fn lacking(dice: &mut Dice) -> Vec<Lane> {
    let share = if dice.one_in(3) { 2 } else { 1_000 };
    Lane::ALL.into_iter().filter(|_| dice.one_in(share)).collect()
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
    let (mut replaced, mut skipped, mut events, mut absent, mut overtaken) = (0, 0, 0, 0, 0);
    for seed in 0..SEEDS {
        let world = std::panic::catch_unwind(|| run(seed)).unwrap_or_else(|_| panic!("seed {seed}"));
        replaced += world.down.replaced;
        skipped += world.down.skipped;
        events += world.down.events.len();
        absent += world.absent;
        overtaken += world.overtaken;
    }
    println!(
        "{SEEDS} seeds: {events} events, {replaced} logs replaced, {skipped} gaps reported, {absent} lanes absent, {overtaken} events late"
    );
    assert!(absent > 1_000 && overtaken > 1_000, "the lanes were not tried: {absent} and {overtaken}");
    assert!(replaced > 100 && skipped > 50, "the faults were not met: {replaced} and {skipped}");
}
