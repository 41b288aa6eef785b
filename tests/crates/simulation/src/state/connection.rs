//! One connection: two pipes that keep their order and may lose, hold or swallow what is in them.

use std::collections::{BTreeMap, VecDeque};

use fastrand::Rng;
use im_chats_protocol::client::Timer;
use im_chats_protocol::error::ErrorCode;
use im_chats_protocol::server::Session;
use serde_json::Value;

use crate::log::Chats;
use crate::log::Filter;
use crate::tokens::Token;

/// What travels.
#[derive(Debug, Clone)]
pub enum Parcel {
    /// A frame to the server.
    Up(String),
    /// A frame to the client, and its size.
    Down(Value, usize),
    /// The socket's end as the other side learns of it.
    Close(u16),
}

/// One direction.
#[derive(Debug, Default)]
pub struct Pipe {
    /// Parcels of an earlier flight are lost.
    pub flight: u32,
    /// When the last parcel arrives: nothing overtakes it.
    pub last: u64,
    /// From then on everything vanishes.
    pub swallows_at: Option<u64>,
    /// Nothing arrives before.
    pub held_until: u64,
    /// The end was sent: nothing comes behind it.
    pub ended: bool,
    pub duplicate_next: bool,
    pub lose_next_events: bool,
}

impl Pipe {
    pub fn swallows(&self, now: u64) -> bool {
        self.swallows_at.is_some_and(|at| at <= now)
    }

    /// When a parcel sent now arrives.
    pub fn arrival(&mut self, now: u64, delay: u64) -> u64 {
        self.last = self.last.max(now + delay).max(self.held_until);
        self.last
    }
}

/// What the server was granted for a subscription, and what it used.
#[derive(Debug, Default)]
pub struct Ledger {
    /// What was asked for.
    pub filter: Option<Filter>,
    /// The chats of the token that it was opened with.
    pub chats: Option<Chats>,
    pub open: bool,
    pub granted: u64,
    pub sent: u64,
}

/// One attempt of a client to have a socket.
pub struct Connection {
    pub client: usize,
    /// The client's [`born`](super::client::Client::born) when it began.
    pub born: u32,
    pub attempt: u32,
    pub rng: Rng,
    pub latency_ms: u64,
    pub up: Pipe,
    pub down: Pipe,
    /// The server's end, while it has one.
    pub session: Option<Session>,
    pub ledgers: BTreeMap<String, Ledger>,
    /// The token that the session goes by.
    pub token: Option<Token>,
    /// Why the server ended the session, and with which close code.
    pub refused: Option<ErrorCode>,
    pub closed: Option<u16>,
    /// The frame that is being sent took the last credit.
    pub starves: bool,
    /// Frames that the session does not take while much waits to be written.
    pub backlog: VecDeque<Parcel>,
    /// The timer of the server's end.
    pub timer: Timer,
    pub log_told: bool,
    /// Whether the kernel takes bytes for a client that is gone.
    pub buffered: bool,
    /// Judgements come in the order they were asked for.
    pub last_verdict: u64,
}

impl Connection {
    pub fn new(client: usize, born: u32, attempt: u32, latency_ms: u64, seed: u64) -> Self {
        Self {
            client,
            born,
            attempt,
            rng: Rng::with_seed(seed ^ (u64::from(born) << 40) ^ (u64::from(attempt) << 8) ^ client as u64),
            latency_ms,
            up: Pipe::default(),
            down: Pipe::default(),
            session: None,
            ledgers: BTreeMap::new(),
            token: None,
            refused: None,
            closed: None,
            starves: false,
            backlog: VecDeque::new(),
            timer: Timer::default(),
            log_told: false,
            buffered: false,
            last_verdict: 0,
        }
    }

    pub fn delay(&mut self) -> u64 {
        self.rng.u64(0..=self.latency_ms)
    }
}
