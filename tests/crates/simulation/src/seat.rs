//! Users: they open streams, pull at their own pace, stall, leave, and come back with the cursor they saved.

use im_chats_protocol::client::{ClientInput, Plan, Start, StreamId};
use im_chats_protocol::wire::filter;
use im_chats_protocol::wire::frame::After;

use crate::log::{CHATS, TYPES};
use crate::script::Origin;
use crate::state::stream::Run;
use crate::world::{Event, World};

impl World<'_> {
    /// The seat of a stream that is open.
    pub fn seat_of(&self, client: usize, stream: StreamId) -> Option<usize> {
        self.clients[client].seats.iter().position(|seat| seat.run.as_ref().is_some_and(|run| run.stream == stream))
    }

    pub fn open(&mut self, client: usize, index: usize) {
        let now = self.now;
        let (log, head, first) = (self.log().id.to_string(), self.log().head(), self.log().first);
        let state = &mut self.clients[client];
        let seat = &mut state.seats[index];
        if seat.run.is_some() {
            return;
        }
        if state.machine.is_none() || state.frozen_until > now {
            seat.comes_back = true;
            return;
        }
        let spec = seat.spec.clone();
        let start = match (&seat.saved, spec.origin) {
            (Some(cursor), _) if spec.saves => Start::After(After { log: Some(cursor.log.clone()), sequence: cursor.sequence }),
            (_, Origin::Head) => Start::Head,
            (_, Origin::Beginning) => Start::Beginning,
            (_, Origin::After(share)) => {
                let sequence = if share > 1_000 { head + share - 1_000 } else { head * share / 1_000 };
                Start::After(After { log: state.rng.bool().then_some(log), sequence })
            }
        };
        state.next_stream += 1;
        let stream = state.next_stream;
        let plan = Plan {
            filter: filter::Filter {
                topic: spec.filter.topic,
                chat: spec.filter.chat.map(|chat| CHATS[chat].to_owned()),
                chats: spec.filter.chats.map(|chats| named(&CHATS, chats)),
                types: spec.filter.types.map(|types| named(&TYPES, types)),
            },
            start: start.clone(),
            until_head: spec.until_head,
            resume: spec.resume,
            on_gap: spec.on_gap,
        };
        seat.run = Some(Run::new(stream, spec.clone(), start, (head, first), state.cuts));
        let (first_pull, born) = (state.rng.u64(0..=20 + spec.pace_ms), state.born);
        self.say(|| format!("c{client}: open stream {stream} at seat {index}: {plan:?}"));
        self.feed(client, ClientInput::Open { stream, plan });
        self.after(first_pull, Event::Pull { client, born, stream });
    }

    pub fn leave(&mut self, client: usize, index: usize) {
        let now = self.now;
        let state = &mut self.clients[client];
        if state.machine.is_none() || state.is_frozen(now) {
            return;
        }
        let Some(run) = &mut state.seats[index].run else { return };
        let (stream, waits) = (run.stream, run.pulling);
        run.cancelled = true;
        self.say(|| format!("c{client}: leave stream {stream}"));
        self.feed(client, ClientInput::Cancel { stream });
        // A pull that waits is answered with the end; without one there is nothing to answer.
        if waits && self.seat_of(client, stream).is_some() {
            self.fail(format!("c{client}: stream {stream} was left, but its waiting pull was not answered"));
        }
        self.clients[client].seats[index].run = None;
    }

    pub fn pull(&mut self, client: usize, born: u32, stream: StreamId) {
        let now = self.now;
        if self.clients[client].born != born {
            return;
        }
        let Some(index) = self.seat_of(client, stream) else { return };
        let state = &mut self.clients[client];
        let seat = &mut state.seats[index];
        let later = seat.stalled_until.max(state.frozen_until);
        if later > now {
            return self.at(later, Event::Pull { client, born, stream });
        }
        let Some(run) = &mut seat.run else { return };
        if run.pulling {
            return;
        }
        run.handle_taken();
        if let Some(batch) = run.acked_too_early.pop_front() {
            return self.hand_over(client, index, &batch);
        }
        run.pulling = true;
        self.say(|| format!("c{client}: stream {stream} pulls"));
        self.feed(client, ClientInput::Pull { stream });
        // What is saved is what was handled.
        let cursor = self.clients[client].machine.as_ref().and_then(|machine| machine.cursor(stream));
        let seat = &mut self.clients[client].seats[index];
        if seat.run.as_ref().is_some_and(|run| run.stream == stream) && cursor.is_some() {
            seat.saved = cursor;
        }
    }

    /// The user works on a batch, and then asks for the next.
    pub fn works(&mut self, client: usize, index: usize) {
        let state = &mut self.clients[client];
        let pace = if self.calm { state.seats[index].spec.pace_ms.min(50) } else { state.seats[index].spec.pace_ms };
        let Some(stream) = state.seats[index].run.as_ref().map(|run| run.stream) else { return };
        let (delay, born) = (state.rng.u64(0..=pace), state.born);
        self.after(delay, Event::Pull { client, born, stream });
    }
}

fn named(names: &[&str], bits: u8) -> Vec<String> {
    let chosen = names.iter().enumerate().filter(|(place, _)| bits & (1 << place) != 0);
    chosen.map(|(_, name)| (*name).to_owned()).collect()
}
