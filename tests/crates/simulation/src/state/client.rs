//! A client's process as it is at present, and what the oracle knows of it.

use std::collections::{BTreeMap, VecDeque};

use fastrand::Rng;
use im_chats_protocol::client::{Ask, Attempt, ClientInput, Config, Machine, Status, Timer};
use im_chats_protocol::error::ErrorCode;
use im_chats_protocol::wire::frame::ClientInfo;
use serde_json::Value;

use super::seat::Seat;
use super::stream::{Ping, Wire};
use crate::log::Filter;
use crate::script::ClientSpec;
use crate::tokens::Rights;

/// How late a timer of the runtime may be, in milliseconds.
pub const TIMER_SLACK_MS: u64 = 20;

pub struct Client {
    pub spec: ClientSpec,
    /// `None` while the process is dead.
    pub machine: Option<Machine<Value>>,
    /// Counts the processes of this client, from 0.
    pub born: u32,
    pub rng: Rng,
    pub seats: Vec<Seat>,
    pub next_stream: u32,
    /// The present socket, or attempt, as the client sees it.
    pub socket: Option<(Attempt, usize)>,
    pub timer: Timer,
    /// Whether it listens for wake-ups and changes of the network.
    pub watches: bool,
    pub frozen_until: u64,
    /// The sleep is not over before what waited was handled.
    pub thaws: bool,
    pub wakes: bool,
    pub timers_first: bool,
    pub deferred: VecDeque<ClientInput<Value>>,
    pub slow_token_until: u64,
    pub slow_token_by: u64,
    pub fail_token_until: u64,
    pub bad_token_until: u64,
    pub forbidden: bool,
    /// What its tokens allow at present.
    pub rights: Rights,
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
    /// A frame said why the server ends the socket; its close may still be lost.
    pub refused_in_words: Option<ErrorCode>,
    /// Why the server ended the last socket.
    pub refusal: Option<ErrorCode>,
    /// What was asked for in subscriptions that were never attached, because the token does not allow it.
    pub forbidden_asks: Vec<Filter>,
    /// A proxy made the server believe that this client broke the protocol.
    pub accused: bool,
    /// Sockets and attempts lost.
    pub cuts: u64,
    pub cuts_when_settled: u64,
    /// When the attempt that is under way began.
    pub attempt_since: Option<u64>,
    /// The latest question for a token.
    pub ask: Ask,
    /// Whether the server accepted the present socket.
    pub is_ready: bool,
    /// Attempts that failed since a socket was accepted.
    pub failed_attempts: u32,
    /// What was reported last.
    pub reported: Option<Status>,
    /// When it last asked for a token to connect: nobody may hammer.
    pub attempts: VecDeque<u64>,
}

/// A fresh machine.
pub fn machine(spec: &ClientSpec) -> Machine<Value> {
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
            rights: spec.rights,
            short_token_until: 0,
            short_token_life: 0,
            wires: BTreeMap::new(),
            last_frame_at: 0,
            attaching: None,
            stray_errors: 0,
            probe_until: None,
            ping: None,
            refusals: 0,
            refused_in_words: None,
            refusal: None,
            forbidden_asks: Vec::new(),
            accused: false,
            cuts: 0,
            cuts_when_settled: 0,
            attempt_since: None,
            ask: 0,
            is_ready: false,
            failed_attempts: 0,
            reported: None,
            attempts: VecDeque::new(),
        }
    }

    /// Whether an input is the end of an attempt, or of the socket.
    pub fn fails(&self, input: &ClientInput<Value>) -> bool {
        match input {
            ClientInput::Disconnected { attempt, .. } => self.socket.is_some_and(|(present, _)| present == *attempt),
            ClientInput::Token { ask, result: Err(_) } => {
                self.attempt_since.is_some() && self.socket.is_none() && *ask == self.ask
            }
            _ => false,
        }
    }

    pub fn is_frozen(&self, now: u64) -> bool {
        self.frozen_until > now || self.thaws
    }

    /// The process is gone, and everything in it.
    pub fn die(&mut self) {
        self.machine = None;
        self.born += 1;
        self.socket = None;
        self.attempt_since = None;
        (self.is_ready, self.failed_attempts, self.reported) = (false, 0, None);
        (self.timer, self.watches) = (Timer::default(), false);
        self.frozen_until = 0;
        self.thaws = false;
        self.deferred.clear();
        self.wires.clear();
        self.stray_errors = 0;
        (self.probe_until, self.ping) = (None, None);
        self.refusals = 0;
        (self.refused_in_words, self.refusal) = (None, None);
        self.forbidden_asks.clear();
        for seat in &mut self.seats {
            seat.comes_back |= seat.run.take().is_some();
        }
    }
}
