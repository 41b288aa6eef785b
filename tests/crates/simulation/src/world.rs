//! The world: its clock, what will happen, and what happens to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use fastrand::Rng;
use im_chats_protocol::client::{Ask, Backoff, ClientInput, Config, SILENCE_MARGIN_MS, StreamId};
use im_chats_protocol::error::Error;
use im_chats_protocol::server::{EventKind, ReadPage, ReadQuery, SessionLimits};
use im_chats_protocol::server::{ReadId, ServerInput};

use crate::bugs::Bug;
use crate::log::{CHATS, Log};
use crate::report::{Options, Report};
use crate::script::{Action, Script};
use crate::state::client::Client;
use crate::state::connection::{Connection, Parcel};
use crate::state::server::Server;

/// After the faults stop, everything must be well within this time: the next heartbeat brings a ping, a socket on which it is
/// not answered is found after two more and a margin, an attempt may hang until its timeout, and then comes the longest wait
/// between attempts. Ten seconds more are for everything else.
const SETTLE_MS: u64 =
    HEARTBEAT_MS + (2 * HEARTBEAT_MS + SILENCE_MARGIN_MS) + Config::CONNECT_TIMEOUT_MS + Backoff::RECONNECT.cap_ms + 10_000;

/// Between two heartbeats of the server.
const HEARTBEAT_MS: u64 = SessionLimits::DEFAULT.heartbeat_interval_ms;

/// The largest ordinary delay of a frame then.
pub const CALM_LATENCY_MS: u64 = 20;

/// Then nothing may happen but events.
const CALM_MS: u64 = 20_000;

/// What will happen.
#[derive(Debug)]
pub enum Event {
    Step(usize),
    Arrive {
        connection: usize,
        up: bool,
        flight: u32,
        parcel: Parcel,
    },
    /// An attempt to connect comes to an end.
    Reach {
        connection: usize,
    },
    ServerTimer {
        connection: usize,
        due: u64,
    },
    LogTold {
        connection: usize,
    },
    Written {
        connection: usize,
        bytes: usize,
    },
    ReadDone {
        connection: usize,
        read: ReadId,
        query: ReadQuery,
        page: Option<Result<ReadPage, Error>>,
    },
    Verified {
        connection: usize,
        token: String,
    },
    Recheck {
        connection: usize,
    },
    ClientTimer {
        client: usize,
        born: u32,
        due: u64,
    },
    Token {
        client: usize,
        born: u32,
        ask: Ask,
        result: Result<String, Error>,
    },
    Pull {
        client: usize,
        born: u32,
        stream: StreamId,
    },
    Thaw {
        client: usize,
    },
    Birth {
        client: usize,
    },
    ServerUp {
        epoch: u32,
    },
    Calm,
    Appended,
    Settled,
    Over,
}

pub struct World<'a> {
    pub seed: u64,
    pub script: &'a Script,
    pub bug: Option<Bug>,
    pub now: u64,
    order: u64,
    queue: BTreeMap<(u64, u64), Event>,
    pub rng: Rng,
    /// All logs there ever were; the server has the last.
    pub logs: Vec<Log>,
    pub server: Server,
    pub connections: Vec<Connection>,
    pub clients: Vec<Client>,
    /// The faults have stopped.
    pub calm: bool,
    /// And their consequences should be over.
    pub settled: bool,
    over: bool,
    tracing: bool,
    pub report: Report,
}

impl<'a> World<'a> {
    pub fn new(seed: u64, script: &'a Script, options: &Options) -> Self {
        let limits = SessionLimits {
            heartbeat_interval_ms: script.heartbeat_ms,
            max_batch_events: script.max_batch,
            max_concurrent_reads: script.max_reads,
            high_water_bytes: script.high_water,
            ..SessionLimits::default()
        };
        let mut world = Self {
            seed,
            script,
            bug: options.bug,
            now: 1_000,
            order: 0,
            queue: BTreeMap::new(),
            rng: Rng::with_seed(seed),
            logs: vec![Log::new(1)],
            server: Server::new(Arc::new(limits)),
            connections: Vec::new(),
            clients: Vec::new(),
            calm: false,
            settled: false,
            over: false,
            tracing: options.trace,
            report: Report::default(),
        };
        for index in 0..script.clients.len() {
            world.clients.push(Client::new(index, &script.clients[index], seed));
        }
        world.append_some(script.history, CHATS.len(), true);
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
    pub fn run(mut self) -> Report {
        while let Some(((at, _), event)) = self.queue.pop_first() {
            debug_assert!(at >= self.now, "time went back");
            self.now = at;
            self.happen(event);
            self.look();
            if self.over || self.report.failure.is_some() {
                break;
            }
            // A scenario has a few thousand inputs; a hundred times that is a loop.
            if self.report.inputs > 400_000 {
                self.fail("the machines turn in a circle");
                break;
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

    pub fn log(&self) -> &Log {
        &self.logs[self.logs.len() - 1]
    }

    fn log_mut(&mut self) -> &mut Log {
        let last = self.logs.len() - 1;
        &mut self.logs[last]
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Step(index) => {
                let action = self.script.steps[index].action;
                self.say(|| format!("step {index}: {action:?}"));
                self.act(action);
            }
            Event::Arrive { connection, up, flight, parcel } => self.arrive(connection, up, flight, parcel),
            Event::Reach { connection } => self.reach(connection),
            Event::ServerTimer { connection, due } => self.server_timer(connection, due),
            Event::LogTold { connection } => {
                self.connections[connection].log_told = false;
                self.tell_log(connection);
            }
            Event::Written { connection, bytes } => self.server_input(connection, ServerInput::Written { bytes }),
            Event::ReadDone { connection, read, query, page } => self.read_done(connection, read, &query, page),
            Event::Verified { connection, token } => self.verdict(connection, &token),
            Event::Recheck { connection } => self.recheck(connection),
            Event::ClientTimer { client, born, due } => self.client_timer(client, born, due),
            Event::Token { client, born, ask, result } => {
                if self.clients[client].born == born {
                    self.feed(client, ClientInput::Token { ask, result });
                }
            }
            Event::Pull { client, born, stream } => self.pull(client, born, stream),
            Event::Thaw { client } => self.thaw(client),
            Event::Birth { client } => self.birth(client),
            Event::ServerUp { epoch } => {
                if self.server.epoch == epoch {
                    self.say(|| "the server is up".into());
                    self.server.up = true;
                }
            }
            Event::Calm => self.begin_calm(),
            Event::Appended => self.append(1, CHATS.len(), true),
            Event::Settled => {
                self.settled = true;
                self.check_well();
                self.note_cuts();
                for second in 1..10 {
                    self.after(second * 1_500 + 200, Event::Appended);
                }
                self.after(CALM_MS, Event::Over);
            }
            Event::Over => {
                self.check_well();
                self.check_no_cuts();
                self.close_everything();
                self.over = true;
            }
        }
    }

    /// The faults stop: what is broken stays broken until somebody notices, but nothing breaks any more.
    fn begin_calm(&mut self) {
        self.say(|| "calm".into());
        self.calm = true;
        self.server.calm();
        if !self.server.up {
            self.server.up = true;
        }
        for connection in &mut self.connections {
            for pipe in [&mut connection.up, &mut connection.down] {
                (pipe.held_until, pipe.duplicate_next, pipe.lose_next_events) = (0, false, false);
            }
            // A window of one event over a slow line would need minutes for what waits.
            connection.latency_ms = connection.latency_ms.min(CALM_LATENCY_MS);
        }
        for client in 0..self.clients.len() {
            self.calm_client(client);
        }
        for seconds in [5, 20, 40, 60, SETTLE_MS / 1_000 - 6] {
            self.after(seconds * 1_000, Event::Appended);
        }
        self.after(SETTLE_MS, Event::Settled);
    }

    fn append_some(&mut self, count: u64, chat: usize, messages: bool) {
        for _ in 0..count {
            let chat = if chat < CHATS.len() { chat } else { self.rng.usize(0..CHATS.len()) };
            let kind = if messages && self.rng.bool() { EventKind::Message } else { EventKind::Chat };
            self.log_mut().append(kind, chat);
        }
    }

    fn append(&mut self, count: u64, chat: usize, messages: bool) {
        if !self.server.up {
            return;
        }
        self.append_some(count, chat, messages);
        let head = self.log().head();
        self.say(|| format!("log: head {head}"));
        for index in 0..self.connections.len() {
            if self.connections[index].session.is_some() && !self.connections[index].log_told {
                self.connections[index].log_told = true;
                let delay = self.rng.u64(0..3);
                self.after(delay, Event::LogTold { connection: index });
            }
        }
    }

    /// The connection a client has at present, as the client sees it.
    fn present(&self, client: usize) -> Option<usize> {
        self.clients[client % self.clients.len()].socket.map(|(_, connection)| connection)
    }

    fn act(&mut self, action: Action) {
        let client_of = |client: usize| client % self.script.clients.len();
        let seat_of = |client: usize, seat: usize| seat % self.script.clients[client_of(client)].seats.len();
        match action {
            Action::Open { client, seat } => self.open(client_of(client), seat_of(client, seat)),
            Action::Leave { client, seat } => self.leave(client_of(client), seat_of(client, seat)),
            Action::Stall { client, seat, ms } => {
                let until = self.now + ms;
                self.clients[client_of(client)].seats[seat_of(client, seat)].stalled_until = until;
            }
            Action::Crash { client, abrupt, ms } => self.crash(client_of(client), abrupt, ms),
            Action::CloseClient { client, ms } => self.close_client(client_of(client), Some(ms)),
            Action::Append { count, chat, messages } => self.append(count, chat, messages),
            Action::Prune { thousandths } => {
                let through = self.log().head() * thousandths / 1000;
                self.log_mut().prune(through);
            }
            Action::Kill { ms, silent } => self.kill(ms, silent),
            Action::Drain { ms } => self.drain(ms),
            Action::Replace { events, ms } => {
                self.kill(ms, false);
                let number = self.logs.len() + 1;
                self.logs.push(Log::new(number));
                self.append_some(events, CHATS.len(), true);
            }
            Action::Refuse { ms, hang } => (self.server.refuse_until, self.server.hangs) = (self.now + ms, hang),
            Action::SlowReads { ms, by } => (self.server.slow_reads_until, self.server.slow_reads_by) = (self.now + ms, by),
            Action::FailReads { ms } => self.server.fail_reads_until = self.now + ms,
            Action::SlowVerify { ms, by } => (self.server.slow_verify_until, self.server.slow_verify_by) = (self.now + ms, by),
            Action::Revoke { subject } => self.revoke(subject),
            Action::NoKeys { ms } => self.server.no_keys_until = self.now + ms,
            Action::Rights { client, rights } => self.clients[client_of(client)].rights = rights,
            Action::SlowToken { client, ms, by } => {
                let until = self.now + ms;
                let client = &mut self.clients[client_of(client)];
                (client.slow_token_until, client.slow_token_by) = (until, by);
            }
            Action::FailToken { client, ms } => self.clients[client_of(client)].fail_token_until = self.now + ms,
            Action::BadToken { client, ms, forbidden } => {
                let until = self.now + ms;
                let client = &mut self.clients[client_of(client)];
                (client.bad_token_until, client.forbidden) = (until, forbidden);
            }
            Action::ShortTokens { client, ms, life } => {
                let until = self.now + ms;
                let client = &mut self.clients[client_of(client)];
                (client.short_token_until, client.short_token_life) = (until, life);
            }
            Action::Sleep { client, ms, wakes, timers_first } => self.sleep(client_of(client), ms, wakes, timers_first),
            Action::Wake { client } => self.wake_up(client_of(client), ClientInput::Wake),
            Action::Network { client, online } => self.wake_up(client_of(client), ClientInput::Network { online }),
            Action::Cut { client, .. }
            | Action::HalfOpen { client, .. }
            | Action::Deaf { client }
            | Action::Delay { client, .. }
            | Action::Duplicate { client, .. }
            | Action::LoseEvents { client }
            | Action::SlowWrites { client, .. }
            | Action::CloseCode { client, .. } => {
                if let Some(connection) = self.present(client) {
                    self.disturb(connection, action);
                }
            }
        }
    }

    /// What follows only from looking at the clients between their inputs.
    fn look(&mut self) {
        for client in 0..self.clients.len() {
            self.check_idle(client);
        }
    }
}
