//! What a process does with its lease and its writer.

use std::rc::Rc;

use im_chats_replication::CommitKind;
use im_chats_replication::lease::{LeaseInput, LeaseOutput};
use im_chats_replication::writer::{Tip, Writer, WriterInput, WriterOutput};

use super::bugs::Bug;
use super::event::{Ask, Event};
use super::state::{Ingest, Turn, Why};
use super::stream::Message;
use super::upstream::Batch;
use super::world::World;

/// How many commits the bug with several in flight has there.
const FLIGHTS: u32 = 4;

impl World<'_> {
    pub fn lease_input(&mut self, process: usize, mut input: LeaseInput) {
        if !self.processes[process].writes {
            return;
        }
        if self.bug == Some(Bug::NeverTakeOver)
            && let LeaseInput::Seen(seen) = &mut input
            && let Some(holder) = &mut seen.holder
        {
            holder.lease_ms = u64::MAX;
        }
        let now = self.now;
        let before = self.processes[process].lease.held(now);
        let is_written = matches!(input, LeaseInput::Written(_));
        if input != LeaseInput::Tick {
            self.say(|| format!("p{process} ← {input:?}"));
        }
        let state = &mut self.processes[process];
        let output = state.lease.handle(now, input);
        let held = state.lease.held(now);
        if self.bug == Some(Bug::LeaseFromAnswer) {
            match (is_written, state.lease.revision(), held) {
                (true, _, Some(epoch)) => state.believes = Some((epoch, now + self.script.lease_ms)),
                // Whoever reads that somebody else has it believes it.
                (_, None, _) if state.lease.holder(now).is_some() => state.believes = None,
                _ => {}
            }
        }
        if before.is_none() && held.is_some() {
            self.report.figures.taken += 1;
            self.say(|| format!("p{process} holds the lease: {held:?}"));
        }
        let Some(output) = output else { return };
        let state = &self.processes[process];
        if now < state.released_until && matches!(output, LeaseOutput::Write(_)) {
            return self.fail(format!("p{process} gave the lease back, and takes it before others had their turn"));
        }
        let name = format!("{}.{}", state.name, state.born);
        let ask = match output {
            LeaseOutput::Read => Ask::Lease,
            LeaseOutput::Write(expected) => {
                let lease_ms = self.script.lease_ms;
                let holder = Some(im_chats_replication::lease::Holder { name: name.into(), lease_ms });
                Ask::WriteLease { expected, holder }
            }
        };
        self.ask(process, Why::Lease(output), ask);
    }

    /// The process gives its lease back, if it has one.
    pub fn release(&mut self, process: usize) {
        let now = self.now;
        let state = &mut self.processes[process];
        let Some(revision) = state.lease.revision().filter(|_| state.alive && now >= state.frozen_until) else { return };
        state.turn = Turn::Off;
        state.believes = None;
        // As long as every other one needs to have looked twice.
        state.released_until = now + 2 * (self.script.lease_ms / 10).clamp(1, 1_000);
        if self.bug == Some(Bug::ReleasedInVain) {
            state.lease.release(now.saturating_sub(self.script.lease_ms));
        } else {
            state.lease.release(now);
        }
        self.ask(process, Why::Release, Ask::WriteLease { expected: revision, holder: None });
    }

    /// Whatever there is to do for the log of the upstream.
    pub fn drive(&mut self, process: usize) {
        let now = self.now;
        let most = self.script.most;
        let state = &mut self.processes[process];
        let Some(epoch) = state.holds(now) else {
            state.turn = Turn::Off;
            return;
        };
        match &mut state.turn {
            Turn::Starting(starting) if *starting == epoch => {}
            Turn::On(ingest) if ingest.lease == epoch => {
                if ingest.writer.is_busy() || ingest.reading || ingest.flights >= FLIGHTS {
                    return;
                }
                let after = ingest.writer.tip().head();
                let batch = self.upstream.read(after, most, self.bug == Some(Bug::NoSkip));
                if batch == Batch::Events(Vec::new()) {
                    return;
                }
                ingest.reading = true;
                let (serial, born) = (ingest.serial, state.born);
                let delay = state.rng.u64(0..20);
                self.after(delay, Event::Read { process, born, serial, after, batch });
            }
            _ => {
                state.turn = Turn::Starting(epoch);
                self.ask(process, Why::Start(epoch), Ask::Tip { serial: None });
            }
        }
    }

    pub fn stop_turn(&mut self, process: usize) {
        self.processes[process].turn = Turn::Off;
    }

    pub fn start(&mut self, process: usize, epoch: u64, mut tip: Tip) {
        if !matches!(self.processes[process].turn, Turn::Starting(starting) if starting == epoch) {
            return;
        }
        if let Some(commit) = &mut tip.commit {
            match self.bug {
                Some(Bug::EpochReused) => commit.epoch = 0,
                Some(Bug::ForgetCount) => commit.events = 0,
                _ => {}
            }
        }
        let serial = self.id();
        let writer = Writer::new(format!("p{process}.{serial}").into(), epoch, tip);
        self.say(|| format!("p{process} writes as {serial}, epoch {}, after {:?}", writer.epoch(), writer.tip()));
        let batch = Batch::Events(Vec::new());
        let ingest = Ingest { writer, lease: epoch, serial, batch, reading: false, flights: 0, strays: 20 };
        self.processes[process].turn = Turn::On(Box::new(ingest));
    }

    /// The upstream was read.
    pub fn read(&mut self, process: usize, serial: u64, after: u64, batch: Batch) {
        if let Some(ingest) = self.processes[process].ingest(serial) {
            ingest.reading = false;
            // It was read for this end of the stream, or it is of no use.
            if !ingest.writer.is_busy() && ingest.writer.tip().head() == after {
                self.commit(process, serial, batch);
            }
        }
        self.drive(process);
    }

    fn commit(&mut self, process: usize, serial: u64, batch: Batch) {
        let now = self.now;
        let state = &mut self.processes[process];
        // A look at the lease before each commit saves work. It saves nothing else.
        if state.holds(now).is_none() {
            return;
        }
        let Some(ingest) = state.ingest(serial) else { return };
        let (kind, last, events) = match &batch {
            Batch::Events(events) => (CommitKind::Events, events.last().copied().unwrap_or(0), events.len() as u64),
            Batch::Skip(begin) => (CommitKind::Skip, *begin, 0),
        };
        ingest.batch = batch;
        let output = ingest.writer.commit(kind, last, events);
        self.writer_output(process, serial, output);
        if self.bug == Some(Bug::PipelinedFence)
            && let Some(ingest) = self.processes[process].ingest(serial)
        {
            ingest.flights += 1;
            let next = ingest.writer.tip().number + 1;
            let _ = ingest.writer.handle(WriterInput::Stored(next));
        }
    }

    pub fn writer_input(&mut self, process: usize, serial: u64, mut input: WriterInput) {
        self.say(|| format!("p{process} ← {serial}: {input:?}"));
        let Some(ingest) = self.processes[process].ingest(serial) else { return };
        match (self.bug, &mut input) {
            (Some(Bug::LostAckStored), WriterInput::Unanswered) => {
                input = WriterInput::Stored(ingest.writer.tip().number + 1);
            }
            (Some(Bug::LostAckResent), WriterInput::Unanswered) => {
                // The machine sends it again after a look that is behind, here without a fence.
                input = WriterInput::Tip(ingest.writer.tip().clone());
                if let Some(WriterOutput::Publish { commit, .. }) = ingest.writer.handle(input) {
                    self.publish(process, serial, commit, None);
                }
                return;
            }
            (Some(Bug::DeposedGoesOn), WriterInput::Tip(Tip { commit: Some(commit), .. })) => {
                commit.epoch = commit.epoch.min(ingest.writer.epoch().saturating_sub(1));
            }
            (Some(Bug::PipelinedFence), WriterInput::Stored(_)) => {
                ingest.flights = ingest.flights.saturating_sub(1);
                return;
            }
            (Some(Bug::PipelinedFence), _) => return self.stop_turn(process),
            _ => {}
        }
        if let Some(output) = ingest.writer.handle(input) {
            self.writer_output(process, serial, output);
        }
    }

    fn writer_output(&mut self, process: usize, serial: u64, output: WriterOutput) {
        match output {
            WriterOutput::Publish { commit, follows } => self.publish(process, serial, commit, Some(follows)),
            WriterOutput::AskTip => self.ask(process, Why::Writer(serial), Ask::Tip { serial: Some(serial) }),
            WriterOutput::Done => self.check_done(process),
            WriterOutput::Overtaken => {
                self.report.figures.overtaken += 1;
                self.say(|| format!("p{process}: {serial} is overtaken"));
                if self.bug == Some(Bug::OvertakenGoesOn)
                    && let Some(ingest) = self.processes[process].ingest(serial)
                {
                    let batch = ingest.batch.clone();
                    self.commit(process, serial, batch);
                }
            }
            WriterOutput::Deposed => {
                self.report.figures.deposed += 1;
                self.say(|| format!("p{process}: {serial} is deposed"));
                self.stop_turn(process);
            }
        }
    }

    fn publish(&mut self, process: usize, serial: u64, commit: im_chats_replication::Commit, follows: Option<u64>) {
        let now = self.now;
        let (bug, holds) = (self.bug, self.processes[process].holds(now).is_some());
        let Some(ingest) = self.processes[process].ingest(serial) else { return };
        let events = match &ingest.batch {
            Batch::Events(events) => events.clone(),
            Batch::Skip(_) => Vec::new(),
        };
        let follows = match bug {
            Some(Bug::NoFence) => None,
            Some(Bug::LeaseTrusted) if holds => None,
            _ => follows,
        };
        let after = ingest.writer.tip().commit.as_ref().map(|commit| commit.id.clone());
        let message = Rc::new(Message { commit, events, writer: serial });
        self.ask(process, Why::Writer(serial), Ask::Publish { serial, message, follows, after });
    }
}
