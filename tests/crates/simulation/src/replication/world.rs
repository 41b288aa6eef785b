//! The world: its clock, what will happen, and what happens to it.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use fastrand::Rng;

use super::bugs::Bug;
use super::event::Event;
use super::report::Figures;
use super::script::{Action, Script};
use super::state::{Feed, Process, Reader, Turn};
use super::stream::{Former, Message, View};
use super::upstream::Upstream;
use crate::report::{Options, Report};

/// How often a process looks at its clock.
const TICK_MS: u64 = 200;

/// The largest ordinary delay when the faults have stopped.
const CALM_LATENCY_MS: u64 = 20;

pub struct World<'a> {
    pub script: &'a Script,
    pub bug: Option<Bug>,
    pub now: u64,
    order: u64,
    queue: BTreeMap<(u64, u64), Event>,
    pub rng: Rng,
    pub upstream: Upstream,
    /// What the stream and the store really have.
    pub truth: View,
    pub former: Option<Former>,
    pub no_leader_until: u64,
    /// Every message the stream has now or had, by number.
    pub history: BTreeMap<u64, Rc<Message>>,
    /// Where each commit is, by its name.
    pub stored: HashMap<String, u64>,
    /// The stream lost what it had confirmed.
    pub went_back: bool,
    /// The store of the lease was made again: two may hold it until then.
    pub remade_until: u64,
    pub processes: Vec<Process>,
    pub readers: Vec<Reader>,
    pub ids: u64,
    pub calm: bool,
    pub over: bool,
    tracing: bool,
    pub report: Report<Figures>,
}

impl<'a> World<'a> {
    pub fn new(seed: u64, script: &'a Script, options: &Options<Bug>) -> Self {
        let processes = script.processes.iter().enumerate();
        let mut world = Self {
            script,
            bug: options.bug,
            now: 1_000,
            order: 0,
            queue: BTreeMap::new(),
            rng: Rng::with_seed(seed),
            upstream: Upstream::default(),
            truth: View::default(),
            former: None,
            no_leader_until: 0,
            history: BTreeMap::new(),
            stored: HashMap::new(),
            went_back: false,
            remade_until: 0,
            processes: processes.map(|(index, writes)| Process::new(index, seed, *writes, script.lease_ms)).collect(),
            readers: (0..script.readers).map(|index| Reader::new(index % script.processes.len())).collect(),
            ids: 0,
            calm: false,
            over: false,
            tracing: options.trace,
            report: Report::default(),
        };
        world.grow(script.history);
        for process in 0..world.processes.len() {
            let first = world.rng.u64(0..TICK_MS);
            world.after(first, Event::Tick { process, born: 0 });
        }
        for reader in 0..world.readers.len() {
            world.after(100, Event::Poll { reader });
        }
        for (index, step) in script.steps.iter().enumerate() {
            if options.keep.as_ref().is_none_or(|keep| keep.contains(&index)) {
                world.report.steps.push(index);
                world.at(world.now + step.at, Event::Step(index));
            }
        }
        world.at(world.now + script.calm_at, Event::Calm);
        world
    }

    /// Runs to the end, or to the first thing that is not as it should be.
    pub fn run(mut self) -> Report<Figures> {
        while let Some(((at, _), event)) = self.queue.pop_first() {
            debug_assert!(at >= self.now, "time went back");
            self.now = at;
            self.happen(event);
            self.check_holders();
            if self.over || self.report.failure.is_some() {
                break;
            }
            // A scenario has some ten thousand inputs; twenty times that is a loop.
            if self.report.inputs > 400_000 {
                self.fail("the machines turn in a circle");
            }
        }
        self.report.virtual_ms = self.now;
        self.report
    }

    pub fn fail(&mut self, what: impl Into<String>) {
        if self.report.failure.is_none() {
            let what = what.into();
            self.say(|| format!("FAILED: {what}"));
            self.report.failure = Some((self.now, what));
        }
    }

    pub fn say(&mut self, what: impl FnOnce() -> String) {
        if self.tracing {
            let line = format!("{:>9} ms  {}", self.now, what());
            self.report.trace.push(line);
        }
    }

    pub fn at(&mut self, at: u64, event: Event) {
        self.order += 1;
        self.queue.insert((at.max(self.now), self.order), event);
    }

    pub fn after(&mut self, delay: u64, event: Event) {
        self.at(self.now + delay, event);
    }

    pub fn id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }

    /// Largest ordinary delay. One event at a time over a slow line would need minutes for what waits when the faults stop.
    pub fn latency(&self) -> u64 {
        if self.calm { self.script.latency_ms.min(CALM_LATENCY_MS) } else { self.script.latency_ms }
    }

    fn happen(&mut self, event: Event) {
        if let Some((process, born)) = event.handler() {
            let now = self.now;
            let state = &mut self.processes[process];
            if !state.alive || state.born != born {
                return;
            }
            if now < state.frozen_until {
                return state.inbox.push_back(event);
            }
            self.report.inputs += 1;
        }
        match event {
            Event::Step(index) => {
                let action = self.script.steps[index].action;
                self.say(|| format!("step {index}: {action:?}"));
                self.act(action);
            }
            Event::Tick { process, born } => {
                self.tick(process);
                self.after(TICK_MS, Event::Tick { process, born });
            }
            Event::Arrive { process, born, id, ask } => self.arrive(process, born, id, ask),
            Event::Answered { process, id, answer, .. } => self.answered(process, id, answer),
            Event::Read { process, serial, after, batch, .. } => self.read(process, serial, after, batch),
            Event::Deliver { process, consumer, number, message, .. } => self.deliver(process, consumer, number, &message),
            Event::Thaw { process } => self.thaw(process),
            Event::Birth { process } => self.birth(process),
            Event::Poll { reader } => self.poll(reader),
            Event::Grown => self.grow(1),
            Event::Calm => self.begin_calm(),
            Event::Over => {
                self.check_end();
                self.over = true;
            }
        }
    }

    fn tick(&mut self, process: usize) {
        self.expire(process);
        self.lease_input(process, im_chats_replication::lease::LeaseInput::Tick);
        self.drive(process);
        self.follow(process);
        self.pump(process);
    }

    fn thaw(&mut self, process: usize) {
        if self.now < self.processes[process].frozen_until {
            return;
        }
        self.processes[process].frozen_until = 0;
        self.say(|| format!("p{process} goes on"));
        while let Some(event) = self.processes[process].inbox.pop_front() {
            self.happen(event);
            self.check_holders();
        }
    }

    fn birth(&mut self, process: usize) {
        if self.processes[process].alive {
            return;
        }
        self.say(|| format!("p{process} starts"));
        self.processes[process].restart(self.script.lease_ms);
        let born = self.processes[process].born;
        self.after(1, Event::Tick { process, born });
    }

    fn kill(&mut self, process: usize, ms: u64, wiped: bool) {
        let torn = self.bug == Some(Bug::TornReplica);
        let state = &mut self.processes[process];
        if !state.alive {
            return;
        }
        state.alive = false;
        state.turn = Turn::Off;
        state.inbox.clear();
        if wiped {
            state.safe = super::state::Disk::default();
        } else if torn {
            (state.safe.number, state.safe.head) = (state.disk.number, state.disk.head);
            state.safe.id.clone_from(&state.disk.id);
        }
        self.after(ms, Event::Birth { process });
    }

    /// So many more events at the upstream.
    pub fn grow(&mut self, count: u64) {
        for _ in 0..count {
            let next = self.upstream.head() + self.rng.u64(1..=self.script.stride);
            self.upstream.events.push(next);
        }
        let head = self.upstream.head();
        self.say(|| format!("the upstream's head is {head}"));
    }

    fn begin_calm(&mut self) {
        self.say(|| "calm".into());
        self.calm = true;
        self.former = None;
        self.no_leader_until = 0;
        for process in 0..self.processes.len() {
            let state = &mut self.processes[process];
            state.net = super::state::Net::default();
            state.frozen_until = 0;
            self.thaw(process);
            self.birth(process);
        }
        for seconds in [1, 9, 21] {
            self.after(seconds * 1_000, Event::Grown);
        }
        // Late questions may take a lease for a process that does not know of it, and a holder's last renewal may be one: three
        // whole leases. A slow question is 20 s old by then. The rest is for a replica that is built anew some times.
        self.after(3 * self.script.lease_ms + 20_000 + 30_000, Event::Over);
    }

    fn act(&mut self, action: Action) {
        let now = self.now;
        let count = self.processes.len();
        match action {
            Action::Burst { count } => self.grow(count),
            Action::Forget { thousandths } => {
                let begin = self.upstream.head() * thousandths / 1000;
                if begin > self.upstream.begin() {
                    self.upstream.begins.push(begin);
                }
            }
            Action::Freeze { process, ms } => {
                let process = process % count;
                let state = &mut self.processes[process];
                if state.alive {
                    state.frozen_until = state.frozen_until.max(now + ms);
                    self.after(ms, Event::Thaw { process });
                }
            }
            Action::Kill { process, ms, wiped } => self.kill(process % count, ms, wiped),
            Action::Release { process } => self.release(process % count),
            Action::Cut { process, ms } => self.processes[process % count].net.cut_until = now + ms,
            Action::Lose { process, ms, questions, answers } => {
                let net = &mut self.processes[process % count].net;
                (net.lossy_until, net.lost_questions, net.lost_answers) = (now + ms, questions, answers);
            }
            Action::Slow { process, ms, by } => {
                let net = &mut self.processes[process % count].net;
                (net.slow_until, net.slow_by) = (now + ms, by);
            }
            Action::Double { process, ms } => self.processes[process % count].net.double_until = now + ms,
            Action::Gaps { process, ms } => self.processes[process % count].net.gaps_until = now + ms,
            Action::NewConsumer { process } => self.processes[process % count].feed = Feed::Idle(now),
            Action::Leader { mask, ms } => {
                let view = self.truth.clone();
                self.former = (mask != 0).then_some(Former { view, mask, busy: false, until: now + ms });
                self.no_leader_until = now + self.script.latency_ms;
            }
            Action::NoLeader { ms } => self.no_leader_until = now + ms,
            Action::Purge { thousandths } => self.truth.purge(thousandths),
            Action::Delete { thousandths } => {
                let deleted = self.truth.delete(thousandths);
                self.say(|| format!("deleted {deleted:?}"));
            }
            Action::Empty => self.truth.messages.clear(),
            Action::Remake => {
                (self.truth.revision, self.truth.holder) = (0, None);
                // A holder hears of it when it renews, or at the end of its time; a late question to the former store may hit a
                // revision of this one.
                self.remade_until = now + 3 * self.script.lease_ms + 30_000;
            }
            Action::GoBack { thousandths } => self.go_back(thousandths),
            Action::Move { reader, front } => {
                let reader = reader % self.readers.len();
                self.readers[reader].front = front % count;
            }
        }
    }

    /// The stream is as it was some messages ago. What was on its way is lost with its servers.
    fn go_back(&mut self, thousandths: u64) {
        let last = self.truth.last * thousandths / 1000;
        if last == 0 || last == self.truth.last {
            return;
        }
        self.say(|| format!("the stream ends at {last} again"));
        self.went_back = true;
        self.former = None;
        self.truth.last = last;
        self.truth.messages.split_off(&(last + 1));
        self.history.split_off(&(last + 1));
        // A purge since then is undone at the end at least, so that there is one; not the emptying of a log that began again.
        let mut prev = None;
        for (number, message) in self.history.range(last.saturating_sub(3)..=last).rev() {
            if prev.is_some_and(|prev| prev != message.commit.last) {
                break;
            }
            prev = Some(message.commit.prev);
            self.truth.messages.insert(*number, Rc::clone(message));
        }
        self.stored.retain(|_, number| *number <= last);
        self.queue.retain(|_, event| !matches!(event, Event::Arrive { .. }));
    }
}
