//! What a process does for its replica.

use std::rc::Rc;

use im_chats_replication::CommitKind;
use im_chats_replication::replica::{Range, Replica, Step};

use super::bugs::Bug;
use super::event::{Ask, Event};
use super::state::{Disk, Feed, Why};
use super::stream::Message;
use super::world::World;

/// How often a replica that gets messages looks at the stream all the same, in milliseconds: a stream that went back is silent.
const LOOK_MS: u64 = 5_000;

impl World<'_> {
    pub fn follow(&mut self, process: usize) {
        let now = self.now;
        let state = &mut self.processes[process];
        match state.feed {
            Feed::Idle(at) if at <= now => state.feed = Feed::Looking,
            Feed::On { .. } if state.next_look <= now => {}
            _ => return,
        }
        state.next_look = now + LOOK_MS;
        let number = state.replica.number();
        self.ask(process, Why::Look, Ask::Look { number });
    }

    pub fn look_failed(&mut self, process: usize) {
        let state = &mut self.processes[process];
        if matches!(state.feed, Feed::Looking) {
            state.feed = Feed::Idle(self.now + 100);
        }
    }

    pub fn looked(&mut self, process: usize, number: u64, mut range: Range, id: Option<&str>) {
        let state = &mut self.processes[process];
        if matches!(state.feed, Feed::Idle(_)) {
            return;
        }
        let waits = matches!(state.feed, Feed::Looking);
        if number != state.replica.number() {
            // The replica has gone on since then, and what was found says nothing of it.
            if waits {
                state.feed = Feed::Idle(self.now);
            }
            return;
        }
        let mut is_ours = state.disk.id.as_deref().and_then(|ours| id.map(|id| id == ours));
        if self.bug == Some(Bug::IgnoreWentBack) {
            (range.last, is_ours) = (range.last.max(number), is_ours.map(|_| true));
        }
        let step = state.replica.found(range, is_ours);
        self.say(|| format!("p{process} found {range:?}, {is_ours:?}: {step:?}"));
        if step.is_some() {
            return self.rebuild(process, true);
        }
        if waits {
            let consumer = self.id();
            let state = &mut self.processes[process];
            state.feed = Feed::On { consumer, position: state.replica.next(), last_at: 0 };
            self.pump(process);
        }
    }

    fn rebuild(&mut self, process: usize, anew: bool) {
        self.report.figures.rebuilt += 1;
        let now = self.now;
        let state = &mut self.processes[process];
        if anew {
            state.replica = Replica::new(0, 0);
        }
        state.disk = Disk::default();
        state.safe = Disk::default();
        state.feed = Feed::Idle(now);
    }

    /// The server sends a consumer what it does not have.
    pub fn pump(&mut self, process: usize) {
        let (now, latency) = (self.now, self.latency());
        let former = self.former.as_ref().filter(|former| former.mask & (1 << process) != 0 && now < former.until);
        let view = former.map_or(&self.truth, |former| &former.view);
        let state = &mut self.processes[process];
        let Feed::On { consumer, position, last_at } = &mut state.feed else { return };
        if !state.alive || now < state.net.cut_until {
            return;
        }
        let born = state.born;
        let mut sent = Vec::new();
        for (number, message) in view.messages.range(*position..) {
            *position = number + 1;
            if now < state.net.gaps_until && state.rng.u8(0..3) == 0 {
                state.lost = [Some(now), state.lost[0]];
                continue;
            }
            let slow = now < state.net.slow_until && state.rng.bool();
            let delay = state.rng.u64(0..=if slow { state.net.slow_by } else { latency });
            *last_at = (*last_at).max(now + delay);
            sent.push((*last_at, *consumer, *number, Rc::clone(message)));
            if now < state.net.double_until {
                sent.push((*last_at + state.rng.u64(0..3_000), *consumer, *number, Rc::clone(message)));
            }
        }
        for (at, consumer, number, message) in sent {
            self.at(at, Event::Deliver { process, born, consumer, number, message });
        }
    }

    pub fn deliver(&mut self, process: usize, consumer: u64, number: u64, message: &Rc<Message>) {
        let now = self.now;
        let state = &mut self.processes[process];
        // What an earlier consumer had under way is nobody's.
        if !matches!(state.feed, Feed::On { consumer: present, .. } if present == consumer) {
            return;
        }
        if now < state.net.cut_until {
            state.lost = [Some(now), state.lost[0]];
            return;
        }
        // A message is looked at twice at most: once to begin before it, once to append it.
        for _ in 0..2 {
            if !self.take(process, number, message) {
                break;
            }
        }
        let state = &mut self.processes[process];
        if state.rng.bool() {
            state.safe = state.disk.clone();
        }
        self.check_replica(process);
    }

    /// One look at a message; says whether another one is needed.
    fn take(&mut self, process: usize, number: u64, message: &Rc<Message>) -> bool {
        let state = &mut self.processes[process];
        let mut commit = message.commit.clone();
        if self.bug == Some(Bug::IgnorePrev) {
            commit.prev = state.replica.head();
        }
        let mut step = state.replica.take(number, &commit);
        let is_empty = state.disk.number == 0;
        match (self.bug, step) {
            (Some(Bug::ServedAfterHole), Step::ReadAgain) | (Some(Bug::KnownAgain), Step::Known) => step = Step::Append,
            (Some(Bug::IgnoreSkip), Step::Begin(first)) if commit.kind == CommitKind::Skip && first == commit.last => {
                step = Step::Append;
            }
            (Some(Bug::RebuildWithoutBegin), Step::Begin(first)) if is_empty && first == commit.prev => step = Step::Append,
            (Some(Bug::SilentRetention), Step::Begin(first)) if !is_empty && first == commit.prev => step = Step::Append,
            (Some(Bug::WaitForMissing), Step::Rebuild) if number > state.replica.next() => step = Step::ReadAgain,
            _ => {}
        }
        self.say(|| format!("p{process} gets {number}, {}: {step:?}", message.commit.id));
        let now = self.now;
        let state = &mut self.processes[process];
        state.replica.done(step, number, &commit);
        let (at, head) = (state.replica.number(), state.replica.head());
        match step {
            Step::Known => {}
            Step::Append => {
                state.disk.events.extend(&message.events);
                (state.disk.number, state.disk.head, state.disk.id) = (at, head, Some(commit.id));
            }
            Step::Begin(first) => {
                let is_whole = at == number;
                let id = is_whole.then_some(commit.id);
                state.disk = Disk { number: at, id, begin: first, head, events: Vec::new() };
                self.report.figures.begun += 1;
                self.check_begin(process, number, message, first);
                return !is_whole;
            }
            Step::ReadAgain => state.feed = Feed::Idle(now),
            Step::Rebuild => self.rebuild(process, false),
        }
        false
    }
}
