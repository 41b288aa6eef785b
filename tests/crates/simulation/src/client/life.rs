//! A client's time: its timer, its sleep, its death and its next life.

use im_chats_protocol::client::{ClientInput, Machine, Timer};
use im_chats_protocol::wire::close;
use serde_json::Value;

use crate::state::client::{TIMER_SLACK_MS, machine};
use crate::state::connection::Parcel;
use crate::world::{CALM_LATENCY_MS, Event, World};

impl World<'_> {
    /// Sets the runtime's timer for the machine's deadline.
    pub fn arm(&mut self, client: usize) {
        let state = &mut self.clients[client];
        let deadline = state.machine.as_ref().and_then(Machine::deadline);
        if state.timer.follow(deadline)
            && let Some(due) = state.timer.due()
        {
            let (late, born) = (state.rng.u64(0..=TIMER_SLACK_MS), state.born);
            self.at(due + late, Event::ClientTimer { client, born, due });
        }
    }

    /// The runtime's timer fires, unless it was stopped or moved meanwhile.
    pub fn client_timer(&mut self, client: usize, born: u32, due: u64) {
        let now = self.now;
        let state = &mut self.clients[client];
        if state.born != born || state.machine.is_none() || state.timer.due() != Some(due) {
            return;
        }
        if state.is_frozen(now) {
            let until = state.frozen_until;
            return self.at(until, Event::ClientTimer { client, born, due });
        }
        state.timer.fired();
        self.feed(client, ClientInput::Tick);
        let deadline = self.clients[client].machine.as_ref().and_then(Machine::deadline);
        if deadline.is_some_and(|deadline| deadline < now) {
            self.fail(format!("c{client}: a deadline stays due"));
        }
    }

    /// The runtime reports a wake-up, or a change of the network, to a client that listens.
    pub fn wake_up(&mut self, client: usize, input: ClientInput<Value>) {
        if self.clients[client].watches {
            self.feed(client, input);
        }
    }

    /// The machine it runs on sleeps: nothing happens, and what comes waits.
    pub fn sleep(&mut self, client: usize, ms: u64, wakes: bool, timers_first: bool) {
        let until = self.now + ms;
        let state = &mut self.clients[client];
        if state.machine.is_none() || state.frozen_until >= until {
            return;
        }
        (state.frozen_until, state.wakes, state.timers_first) = (until, wakes, timers_first);
        state.thaws = true;
        self.at(until, Event::Thaw { client });
    }

    pub fn thaw(&mut self, client: usize) {
        let now = self.now;
        let state = &mut self.clients[client];
        if state.frozen_until > now || state.machine.is_none() {
            return;
        }
        (state.thaws, state.timer) = (false, Timer::default());
        let (wakes, timers_first) = (std::mem::take(&mut state.wakes), state.timers_first);
        let deferred = std::mem::take(&mut state.deferred);
        self.say(|| format!("c{client}: awake"));
        if wakes {
            self.wake_up(client, ClientInput::Wake);
        }
        if timers_first {
            self.feed(client, ClientInput::Tick);
        }
        for input in deferred {
            self.feed(client, input);
        }
        self.feed(client, ClientInput::Tick);
    }

    /// Dies without a word; a new process comes later and goes on from the saved cursors.
    pub fn crash(&mut self, client: usize, abrupt: bool, ms: u64) {
        if self.clients[client].machine.is_none() {
            return;
        }
        if let Some((_, connection)) = self.clients[client].socket {
            if abrupt {
                self.connections[connection].up.swallows_at = Some(self.now);
                self.connections[connection].down.swallows_at = Some(self.now);
            } else {
                self.send(connection, true, Parcel::Close(close::ABNORMAL));
            }
        }
        self.clients[client].die();
        self.after(ms, Event::Birth { client });
    }

    /// The user closes the client; a new one comes after `ms`, if at all.
    pub fn close_client(&mut self, client: usize, ms: Option<u64>) {
        let now = self.now;
        let state = &mut self.clients[client];
        if state.machine.is_none() || state.is_frozen(now) {
            return;
        }
        self.feed(client, ClientInput::Close);
        self.check_closed(client);
        self.clients[client].die();
        if let Some(ms) = ms {
            self.after(ms, Event::Birth { client });
        }
    }

    pub fn birth(&mut self, client: usize) {
        let state = &mut self.clients[client];
        if state.machine.is_some() {
            return;
        }
        state.machine = Some(machine(&state.spec));
        state.accused = false;
        self.say(|| format!("c{client}: a new process"));
        for seat in 0..self.clients[client].seats.len() {
            if std::mem::take(&mut self.clients[client].seats[seat].comes_back) {
                self.open(client, seat);
            }
        }
    }

    /// The faults around this client stop.
    pub fn calm_client(&mut self, client: usize) {
        let now = self.now;
        let state = &mut self.clients[client];
        state.slow_token_until = 0;
        state.fail_token_until = 0;
        state.bad_token_until = 0;
        state.short_token_until = 0;
        state.spec.latency_ms = state.spec.latency_ms.min(CALM_LATENCY_MS);
        if state.is_frozen(now) {
            state.frozen_until = now;
        }
        for seat in &mut state.seats {
            seat.stalled_until = 0;
        }
        self.thaw(client);
        self.birth(client);
        self.wake_up(client, ClientInput::Network { online: true });
        for seat in 0..self.clients[client].seats.len() {
            self.works(client, seat);
            self.open(client, seat);
        }
    }

    pub fn close_everything(&mut self) {
        for client in 0..self.clients.len() {
            self.close_client(client, None);
        }
    }
}
