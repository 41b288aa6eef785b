//! Questions to the stream and their answers, and what the network does to both.

use std::rc::Rc;

use im_chats_replication::lease::LeaseInput;
use im_chats_replication::writer::WriterInput;

use super::bugs::Bug;
use super::event::{Answer, Ask, Event};
use super::state::{Ingest, Pending, Why};
use super::world::World;

impl World<'_> {
    /// The time something takes on its way; absent when it does not arrive.
    fn travel(&mut self, process: usize, up: bool) -> Option<u64> {
        let now = self.now;
        let latency = self.latency();
        let state = &mut self.processes[process];
        let net = &state.net;
        let lost = if up { net.lost_questions } else { net.lost_answers };
        if now < net.cut_until || (now < net.lossy_until && state.rng.u8(0..100) < lost) {
            return None;
        }
        let slow = now < state.net.slow_until && state.rng.u8(0..3) == 0;
        Some(if slow { state.rng.u64(0..=state.net.slow_by) } else { state.rng.u64(0..=latency) })
    }

    pub fn ask(&mut self, process: usize, why: Why, ask: Ask) {
        let id = self.id();
        let deadline = self.now + self.script.timeout_ms;
        let state = &mut self.processes[process];
        if matches!(why, Why::Writer(_)) && self.bug != Some(Bug::PipelinedFence) {
            // A writer waits for one answer at a time; what comes for an earlier question is a stray.
            state.pending.retain(|pending| pending.why != why);
        }
        state.pending.push(Pending { id, deadline, why });
        self.say(|| format!("p{process} → {ask:?}"));
        let born = self.processes[process].born;
        let copies = if self.now < self.processes[process].net.double_until { 2 } else { 1 };
        for _ in 0..copies {
            if let Some(delay) = self.travel(process, true) {
                self.after(delay, Event::Arrive { process, born, id, ask: ask.clone() });
            }
        }
    }

    /// A question is looked at where it arrives, whether who asked lives or not.
    pub fn arrive(&mut self, process: usize, born: u32, id: u64, ask: Ask) {
        if self.now < self.no_leader_until || self.now < self.processes[process].net.cut_until {
            return;
        }
        if self.former.as_ref().is_some_and(|former| former.until <= self.now) {
            self.former = None;
        }
        let former = self.former.as_mut().filter(|former| former.mask & (1 << process) != 0);
        let is_former = former.is_some();
        let view = former.map_or(&self.truth, |former| &former.view);
        let answer = match ask {
            Ask::Lease => Answer::Lease(LeaseInput::Seen(view.seen())),
            Ask::Tip { serial: None } => Answer::Start(view.tip()),
            Ask::Tip { serial: Some(serial) } => Answer::Writer { serial, input: WriterInput::Tip(view.tip()) },
            Ask::Look { number } => {
                let id = view.messages.get(&number).map(|message| message.commit.id.clone());
                Answer::Look { number, range: view.range(), id }
            }
            // What a former leader takes is never stored, and never confirmed.
            Ask::WriteLease { expected, .. } if is_former => match expected == view.revision {
                true => return,
                false => Answer::Lease(LeaseInput::Refused),
            },
            Ask::Publish { serial, follows, .. } if is_former => {
                let refused = follows.is_some_and(|follows| follows != view.last);
                let Some(former) = self.former.as_mut() else { return };
                if !refused && !std::mem::replace(&mut former.busy, true) {
                    return;
                }
                Answer::Writer { serial, input: WriterInput::Refused }
            }
            Ask::WriteLease { expected, holder } => Answer::Lease(self.truth.write(expected, holder)),
            Ask::Publish { serial, message, follows, after } => {
                let fits = follows == Some(self.truth.last);
                self.check_publish(&message, follows.is_none_or(|_| fits), fits, after.as_deref());
                let input = self.truth.publish(&message, follows);
                match &input {
                    WriterInput::Stored(number) => {
                        self.history.insert(*number, Rc::clone(&message));
                        self.stored.insert(message.commit.id.clone(), *number);
                        self.report.figures.commits += 1;
                        self.say(|| format!("message {number}: {message:?}"));
                    }
                    _ => self.report.figures.refused += 1,
                }
                for process in 0..self.processes.len() {
                    self.pump(process);
                }
                Answer::Writer { serial, input }
            }
        };
        let copies = if self.now < self.processes[process].net.double_until { 2 } else { 1 };
        for _ in 0..copies {
            if let Some(delay) = self.travel(process, false) {
                self.after(delay, Event::Answered { process, born, id, answer: answer.clone() });
            }
        }
    }

    pub fn answered(&mut self, process: usize, id: u64, answer: Answer) {
        let state = &mut self.processes[process];
        let pending = state.pending.iter().position(|pending| pending.id == id).map(|at| state.pending.swap_remove(at));
        match (answer, pending.map(|pending| pending.why)) {
            (Answer::Writer { serial, input }, Some(_)) => self.writer_input(process, serial, input),
            // A writer may hear anything at any time. Not without end: each answer makes it ask again.
            (Answer::Writer { serial, input }, None) if state.ingest(serial).is_some_and(Ingest::hears_strays) => {
                self.writer_input(process, serial, input);
            }
            (Answer::Lease(input), Some(Why::Lease(_))) => self.lease_input(process, input),
            (Answer::Start(tip), Some(Why::Start(epoch))) => self.start(process, epoch, tip),
            (Answer::Look { number, range, id }, Some(Why::Look)) => self.looked(process, number, range, id.as_deref()),
            _ => {}
        }
        self.drive(process);
    }

    /// Questions that have waited for too long have no answer.
    pub fn expire(&mut self, process: usize) {
        let now = self.now;
        let (due, wait): (Vec<_>, Vec<_>) =
            self.processes[process].pending.drain(..).partition(|pending| pending.deadline <= now);
        self.processes[process].pending = wait;
        for pending in due {
            self.say(|| format!("p{process}: no answer: {:?}", pending.why));
            match pending.why {
                Why::Lease(_) => self.lease_input(process, LeaseInput::Unanswered),
                Why::Release => {}
                Why::Start(_) => self.stop_turn(process),
                Why::Writer(_) if self.bug == Some(Bug::NeverTimeOut) => {}
                Why::Writer(serial) => self.writer_input(process, serial, WriterInput::Unanswered),
                Why::Look => self.look_failed(process),
            }
        }
    }
}
