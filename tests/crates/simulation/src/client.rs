//! A client's process: the real machine, and what the binding does around it.

use std::collections::{BTreeMap, VecDeque};

use fastrand::Rng;
use im_chats_protocol::client::{
    Attempt, ClientInput, ClientOutput, Config, ConnectionState, FailedAttempt, Machine, Silence, Status, Timer,
};
use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::wire::close;
use im_chats_protocol::wire::frame::{ClientFrame, ClientInfo, ServerFrame, SubscriptionId};
use serde_json::Value;

use crate::Bug;
use crate::oracle::{Ping, Wire};
use crate::script::ClientSpec;
use crate::seat::Seat;
use crate::wire::{Connection, Parcel};
use crate::world::{CALM_LATENCY_MS, Event, World};

/// How long a try to connect may take, in milliseconds: `connect_timeout_ms` of the client's settings.
const CONNECT_TIMEOUT_MS: u64 = 15_000;

/// How late a timer of the runtime may be, in milliseconds.
pub const TIMER_SLACK_MS: u64 = 20;

pub struct Client {
    pub spec: ClientSpec,
    /// `None` while the process is dead.
    pub machine: Option<Machine<Value>>,
    /// Which life.
    pub born: u32,
    pub rng: Rng,
    pub seats: Vec<Seat>,
    pub next_stream: u32,
    /// The present socket, or try, as the client sees it.
    pub socket: Option<(Attempt, usize)>,
    timer: Timer,
    /// Whether it listens for wake-ups and changes of the network.
    watches: bool,
    pub frozen_until: u64,
    /// The sleep is not over before what waited was handled.
    thaws: bool,
    wakes: bool,
    timers_first: bool,
    deferred: VecDeque<ClientInput<Value>>,
    pub slow_token_until: u64,
    pub slow_token_by: u64,
    pub fail_token_until: u64,
    pub bad_token_until: u64,
    pub forbidden: bool,
    pub short_token_until: u64,
    pub short_token_life: u64,

    // What the oracle knows.
    /// Subscriptions on the present socket.
    pub wires: BTreeMap<u64, Wire>,
    pub last_frame_at: u64,
    /// The subscription that is being attached.
    pub attaching: Option<u64>,
    /// Errors for subscriptions that were never attached, of streams whose users have not heard of it.
    pub stray_errors: usize,
    /// The socket was probed; something must be heard by then.
    pub probe_until: Option<u64>,
    /// The latest ping.
    pub ping: Option<Ping>,
    /// Tokens refused in a row.
    pub refusals: u32,
    /// A frame said that the token is refused; its close may still be lost.
    pub refused_in_words: bool,
    /// A token that allows nothing was handed out.
    pub was_forbidden: bool,
    /// A proxy made the server believe that this client broke the protocol.
    pub slandered: bool,
    /// Sockets and tries lost.
    pub cuts: u64,
    pub cuts_when_settled: u64,
    /// When the try that is under way began.
    pub trying_since: Option<u64>,
    /// The try for which a token was asked for last.
    token_attempt: Attempt,
    /// Whether the server accepted the present socket.
    pub is_ready: bool,
    /// Attempts that failed since a socket was accepted.
    pub failed_attempts: u32,
    /// What was reported last.
    told: Option<Status>,
    /// When it last asked for a token to connect: nobody may hammer.
    pub tries: VecDeque<u64>,
}

fn machine(spec: &ClientSpec) -> Machine<Value> {
    let client = ClientInfo { name: "simulation".into(), version: "0".into() };
    Machine::new(Config { window: spec.window, ..Config::new(client, "ws://simulation/v1/events".into()) })
}

impl Client {
    pub fn new(index: usize, spec: &ClientSpec, seed: u64) -> Self {
        Self {
            spec: spec.clone(),
            machine: Some(machine(spec)),
            born: 0,
            rng: Rng::with_seed(seed ^ 0xc11e_4700 ^ index as u64),
            seats: spec.seats.iter().cloned().map(Seat::new).collect(),
            next_stream: 0,
            socket: None,
            timer: Timer::default(),
            watches: false,
            frozen_until: 0,
            thaws: false,
            wakes: false,
            timers_first: false,
            deferred: VecDeque::new(),
            slow_token_until: 0,
            slow_token_by: 0,
            fail_token_until: 0,
            bad_token_until: 0,
            forbidden: false,
            short_token_until: 0,
            short_token_life: 0,
            wires: BTreeMap::new(),
            last_frame_at: 0,
            attaching: None,
            stray_errors: 0,
            probe_until: None,
            ping: None,
            refusals: 0,
            refused_in_words: false,
            was_forbidden: false,
            slandered: false,
            cuts: 0,
            cuts_when_settled: 0,
            trying_since: None,
            token_attempt: 0,
            is_ready: false,
            failed_attempts: 0,
            told: None,
            tries: VecDeque::new(),
        }
    }

    /// Whether an input is the end of an attempt, or of the socket.
    fn fails(&self, input: &ClientInput<Value>) -> bool {
        match input {
            ClientInput::Disconnected { attempt, .. } => self.socket.is_some_and(|(present, _)| present == *attempt),
            ClientInput::Token { attempt, result: Err(_) } => {
                self.trying_since.is_some() && self.socket.is_none() && *attempt == self.token_attempt
            }
            _ => false,
        }
    }

    pub fn is_frozen(&self, now: u64) -> bool {
        self.frozen_until > now || self.thaws
    }

    /// The process is gone, and everything in it.
    fn die(&mut self) {
        self.machine = None;
        self.born += 1;
        self.socket = None;
        self.trying_since = None;
        (self.is_ready, self.failed_attempts, self.told) = (false, 0, None);
        (self.timer, self.watches) = (Timer::default(), false);
        self.frozen_until = 0;
        self.thaws = false;
        self.deferred.clear();
        self.wires.clear();
        self.stray_errors = 0;
        (self.probe_until, self.ping) = (None, None);
        self.refusals = 0;
        self.refused_in_words = false;
        for seat in &mut self.seats {
            seat.comes_back |= seat.run.take().is_some();
        }
    }
}

impl World<'_> {
    /// Something happens to a client's machine, as soon as it is awake.
    pub fn feed(&mut self, client: usize, input: ClientInput<Value>) {
        let now = self.now;
        let state = &mut self.clients[client];
        if state.machine.is_none() || self.report.failure.is_some() {
            return;
        }
        if state.is_frozen(now) {
            return state.deferred.push_back(input);
        }
        let fails = state.fails(&input);
        self.observe(client, &input);
        for input in self.tamper_with_input(client, input) {
            self.handle(client, input, fails);
        }
        self.arm(client);
        let state = &mut self.clients[client];
        if state.machine.as_ref().is_some_and(|machine| machine.state() == ConnectionState::Idle) {
            state.refusals = 0;
        }
        self.check_client(client);
    }

    fn handle(&mut self, client: usize, input: ClientInput<Value>, fails: bool) {
        let now = self.now;
        let pulls = matches!(input, ClientInput::Pull { .. });
        // A fresh token may be refused for the same reason again, which is news all the same.
        let repeats = matches!(input, ClientInput::Token { result: Err(_), .. });
        let frame = match &input {
            ClientInput::Frame { attempt, frame: Ok(Some(frame)) }
                if self.clients[client].socket.is_some_and(|(a, _)| a == *attempt) =>
            {
                Some(frame.clone())
            }
            _ => None,
        };
        self.report.inputs += 1;
        let state = &mut self.clients[client];
        let random = state.rng.f64();
        let Some(machine) = &mut state.machine else { return };
        let before = machine.last_error().cloned();
        let was_ready = state.is_ready;
        machine.handle(now, random, input);
        // A try may be lost without a socket, and for the same reason as the one before.
        let overdue = state.trying_since.is_some_and(|since| since + CONNECT_TIMEOUT_MS <= now);
        let lost = fails || machine.last_error().is_some_and(|error| before.as_ref() != Some(error)) || overdue;
        if lost {
            state.cuts += 1;
            state.trying_since = None;
        }
        let mut outputs: Vec<_> = std::iter::from_fn(|| machine.poll()).collect();
        if self.bug == Some(Bug::SwallowFailure) {
            outputs.retain(|output| !matches!(output, ClientOutput::Status(Status { failed: Some(_), .. })));
        }
        // An attempt that nobody needs any more may be given up before its time is over: nothing failed then.
        let given_up = machine.state() == ConnectionState::Idle && !fails;
        self.check_reports(client, fails || (overdue && !given_up), repeats, &outputs);
        let state = &mut self.clients[client];
        let Some(machine) = &mut state.machine else { return };
        // A frame may be taken and the socket given up all the same, because a deadline had passed.
        let too_late = machine.last_error().and_then(Silence::of).is_some();
        let hung_up = !too_late && outputs.iter().any(|output| matches!(output, ClientOutput::Disconnect { .. }));
        // Before `ready` a heartbeat says nothing: a link that swallows frames may have swallowed that one.
        if let Some(ServerFrame::Heartbeat { head }) = frame.as_ref().filter(|_| was_ready) {
            self.heard_head(client, *head);
        }
        if let Some(frame) = frame.filter(|_| !hung_up) {
            self.accepted(client, &frame);
        }
        for output in outputs {
            self.client_output(client, output, pulls);
        }
    }

    fn client_output(&mut self, client: usize, output: ClientOutput<Value>, pulls: bool) {
        match output {
            ClientOutput::FetchToken { attempt } => self.fetch_token(client, attempt),
            ClientOutput::Connect { attempt } => {
                let (born, latency) = (self.clients[client].born, self.clients[client].spec.latency_ms);
                let mut connection = Connection::new(client, born, attempt, latency, self.seed);
                let delay = 2 * connection.delay();
                self.connections.push(connection);
                let index = self.connections.len() - 1;
                self.say(|| format!("c{client}: connect, try {attempt}"));
                let state = &mut self.clients[client];
                state.socket = Some((attempt, index));
                state.wires.clear();
                state.refused_in_words = false;
                self.after(delay, Event::Reach { connection: index });
            }
            ClientOutput::Send(frame) => self.client_sends(client, frame),
            ClientOutput::Disconnect { code } => {
                self.say(|| format!("c{client}: disconnect {code}"));
                let state = &mut self.clients[client];
                state.cuts += 1;
                (state.probe_until, state.ping) = (None, None);
                state.wires.clear();
                if let Some((_, connection)) = state.socket.take() {
                    self.send(connection, true, Parcel::Close(code));
                }
            }
            ClientOutput::Attached { stream } => self.attached(client, stream),
            ClientOutput::Deliver { stream, batch } => self.delivered(client, stream, batch, pulls),
            ClientOutput::Gap { stream, from, to } => self.gap(client, stream, from, to),
            ClientOutput::End { stream, result, cursor } => self.ended(client, stream, result, cursor),
            ClientOutput::Status(Status { state, failed, .. }) => {
                self.say(|| format!("c{client}: {}, {failed:?}", state.as_str()));
                let client = &mut self.clients[client];
                client.watches = state.wants_wake_ups();
                let refused = client.refusals >= 2;
                if matches!(state, ConnectionState::Idle | ConnectionState::Failed | ConnectionState::Closed) {
                    client.refusals = 0;
                    (client.probe_until, client.ping, client.trying_since) = (None, None, None);
                    client.failed_attempts = 0;
                }
                if state == ConnectionState::Failed {
                    client.seats.iter_mut().filter_map(|seat| seat.run.as_mut()).for_each(|run| {
                        run.finishing = true;
                        run.refused = refused;
                    });
                }
            }
        }
    }

    fn fetch_token(&mut self, client: usize, attempt: Attempt) {
        let now = self.now;
        let state = &mut self.clients[client];
        state.token_attempt = attempt;
        if state.socket.is_none() {
            state.trying_since = Some(now);
            state.tries.push_back(now);
            while state.tries.front().is_some_and(|at| at + 10_000 < now) {
                state.tries.pop_front();
            }
        }
        let delay = if now < state.slow_token_until { state.rng.u64(0..=state.slow_token_by) } else { state.rng.u64(0..4) };
        let result = if now < state.fail_token_until {
            Err(Error::new(ErrorCode::NetworkError, "no token to be had"))
        } else if now < state.bad_token_until {
            state.was_forbidden |= state.forbidden;
            Ok(if state.forbidden { "forbidden".to_owned() } else { "bad".to_owned() })
        } else {
            let short = (now < state.short_token_until).then_some(state.short_token_life);
            let ends = short.or(state.spec.token_life_ms).map_or(0, |life| now + life);
            Ok(format!("good {now} {ends}"))
        };
        let born = state.born;
        self.say(|| format!("c{client}: token for try {attempt}: {result:?} in {delay} ms"));
        self.after(delay, Event::Token { client, born, attempt, result });
    }

    fn client_sends(&mut self, client: usize, mut frame: ClientFrame) {
        let Some((_, connection)) = self.clients[client].socket else {
            return self.fail(format!("c{client} sends without a socket: {frame:?}"));
        };
        let resumed = self.clients[client].cuts > 0;
        match (&mut frame, self.bug) {
            (ClientFrame::Subscribe(ask), Some(Bug::ResumeFromHead)) if resumed => ask.after = None,
            (ClientFrame::Subscribe(ask), Some(Bug::ResumeTooEarly)) if resumed => {
                if let Some(after) = &mut ask.after {
                    after.sequence = after.sequence.saturating_sub(1);
                }
            }
            (ClientFrame::Subscribe(ask), Some(Bug::NoCredit)) => ask.credit = 1_000_000,
            (ClientFrame::Unsubscribe { id: SubscriptionId::Number(id) }, Some(Bug::SwallowUnsubscribe)) => {
                self.clients[client].wires.remove(id);
                return;
            }
            (ClientFrame::Credit { .. }, Some(Bug::SwallowCredit)) => return,
            _ => {}
        }
        self.sent(client, &frame);
        self.send(connection, true, Parcel::Up(frame.write()));
    }

    /// Something came out of a connection at its client's end.
    pub fn client_parcel(&mut self, index: usize, parcel: Parcel) {
        let connection = &self.connections[index];
        let (client, attempt) = (connection.client, connection.attempt);
        if connection.born != self.clients[client].born {
            return;
        }
        let input = match parcel {
            Parcel::Down(frame, _) => {
                self.say(|| format!("c{client} ← s  {} {}", frame["type"], frame["id"]));
                ClientInput::Frame { attempt, frame: ServerFrame::read(&frame, Value::clone) }
            }
            Parcel::Close(code) => {
                self.say(|| format!("c{client} ← s  close {code} of try {attempt}"));
                ClientInput::Disconnected { attempt, code, reason: None }
            }
            Parcel::Up(_) => return,
        };
        self.feed(client, input);
    }

    /// Sets the runtime's timer for the machine's deadline.
    fn arm(&mut self, client: usize) {
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

    /// Whoever watches hears of every attempt that fails, with its number, its cause and the time of the next; and of nothing
    /// that did not happen.
    fn check_reports(&mut self, client: usize, fails: bool, repeats: bool, outputs: &[ClientOutput<Value>]) {
        if self.bug.is_some_and(|bug| bug != Bug::SwallowFailure) {
            return;
        }
        let now = self.now;
        let state = &mut self.clients[client];
        let mut wrong = None;
        let mut heard = false;
        for output in outputs {
            let ClientOutput::Status(status) = output else { continue };
            let known = state.told.as_ref();
            if known == Some(status) && !fails && !repeats {
                wrong = Some("the same was reported twice".to_owned());
            }
            let news = (known.and_then(|known| known.failed), known.and_then(|known| known.error.as_ref()));
            match status.failed {
                Some(FailedAttempt { number, retry_at }) if fails || news != (status.failed, status.error.as_ref()) => {
                    let is_end =
                        matches!(status.state, ConnectionState::Idle | ConnectionState::Failed | ConnectionState::Closed);
                    let only_the_end = !fails && is_end && news.0.is_some_and(|known| known.number == number);
                    if !only_the_end {
                        heard = true;
                        state.failed_attempts = if state.is_ready { 0 } else { state.failed_attempts + 1 };
                        if number != state.failed_attempts {
                            wrong = Some(format!("attempt {number} failed, which is number {}", state.failed_attempts));
                        }
                    }
                    if status.error.is_none() {
                        wrong = Some("an attempt failed without a reason".to_owned());
                    }
                    if retry_at.is_none() != is_end || retry_at.is_some_and(|at| at < now) {
                        wrong = Some(format!("{} at {now}, and the next attempt at {retry_at:?}", status.state.as_str()));
                    }
                }
                _ => {}
            }
            state.told = Some(status.clone());
        }
        if heard || outputs.iter().any(|output| matches!(output, ClientOutput::Disconnect { .. })) {
            state.is_ready = false;
        }
        if fails && !heard {
            wrong = Some("an attempt failed, and nobody was told".to_owned());
        }
        if let Some(wrong) = wrong {
            self.fail(format!("c{client}: {wrong}"));
        }
    }

    // -- life and death ---------------------------------------------------------------------------------------------

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
        state.slandered = false;
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

    // -- planted bugs -----------------------------------------------------------------------------------------------

    fn tamper_with_input(&mut self, client: usize, mut input: ClientInput<Value>) -> Vec<ClientInput<Value>> {
        let Some(bug) = self.bug else { return vec![input] };
        let state = &mut self.clients[client];
        let present = state.socket.map(|(attempt, _)| attempt);
        match (&mut input, bug) {
            (ClientInput::Frame { frame: Ok(Some(ServerFrame::Events { id, prev, .. })), .. }, Bug::SkipChainCheck) => {
                if let SubscriptionId::Number(id) = id
                    && let Some(position) = state.wires.get(id).and_then(|wire| wire.position)
                {
                    *prev = position;
                }
            }
            (ClientInput::Frame { frame: Ok(Some(ServerFrame::Events { id, .. })), .. }, Bug::ForgetWireIds) => {
                if let Some(last) = state.wires.keys().next_back() {
                    *id = SubscriptionId::Number(*last);
                }
            }
            (ClientInput::Frame { attempt, .. } | ClientInput::Disconnected { attempt, .. }, Bug::LateFrames) => {
                *attempt = present.unwrap_or(*attempt);
            }
            (ClientInput::Frame { frame: Ok(Some(ServerFrame::CaughtUp { .. })), .. }, Bug::IgnoreCaughtUp) => {
                return Vec::new();
            }
            (ClientInput::Tick, Bug::NeverTimeOut) => {
                if let Some(attempt) = present {
                    let frame = Ok(Some(ServerFrame::Heartbeat { head: 0 }));
                    return vec![ClientInput::Frame { attempt, frame }, input];
                }
            }
            (ClientInput::Frame { attempt, frame: Ok(Some(ServerFrame::Heartbeat { .. })) }, Bug::IgnoreMissingPong) => {
                let answer = state.ping.map(|ping| ServerFrame::Pong { n: ping.n });
                let answer = answer.map(|pong| ClientInput::Frame { attempt: *attempt, frame: Ok(Some(pong)) });
                return [Some(input), answer].into_iter().flatten().collect();
            }
            (ClientInput::Disconnected { code, .. }, Bug::RetryAuthForever) if *code == close::UNAUTHENTICATED => {
                *code = close::ABNORMAL
            }
            (ClientInput::Frame { frame: Ok(Some(ServerFrame::Error(error))), .. }, Bug::RetryAuthForever) if error.fatal => {
                return Vec::new();
            }
            _ => {}
        }
        vec![input]
    }
}
