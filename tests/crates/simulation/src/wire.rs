//! One connection: two pipes that keep their order and may lose, hold or swallow what is in them.

use std::collections::{BTreeMap, VecDeque};

use fastrand::Rng;
use im_chats_protocol::client::Timer;
use im_chats_protocol::server::Session;
use im_chats_protocol::wire::close;
use serde_json::Value;

use crate::script::Action;
use crate::world::{Event, World};

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
    pub granted: u64,
    pub sent: u64,
}

/// One attempt of a client to have a socket.
pub struct Connection {
    pub client: usize,
    /// Which life of that client.
    pub born: u32,
    pub attempt: u32,
    pub rng: Rng,
    pub latency_ms: u64,
    pub up: Pipe,
    pub down: Pipe,
    /// The server's end, while it has one.
    pub session: Option<Session>,
    pub ledgers: BTreeMap<String, Ledger>,
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

impl World<'_> {
    /// Something happens to a connection.
    pub fn disturb(&mut self, index: usize, action: Action) {
        let now = self.now;
        let connection = &mut self.connections[index];
        match action {
            Action::Cut { lose_up, lose_down, .. } => self.cut(index, lose_up, lose_down),
            Action::HalfOpen { up, down_ms, buffered, .. } => {
                // Bytes that nobody acknowledges stop the other direction, too, if only after a while.
                connection.down.swallows_at = Some(now + down_ms);
                connection.buffered = buffered;
                if up || down_ms > 0 {
                    connection.up.swallows_at = Some(now);
                }
            }
            Action::Deaf { .. } => connection.up.swallows_at = Some(now),
            Action::Delay { up: true, ms, .. } => connection.up.held_until = now + ms,
            Action::Delay { up: false, ms, .. } | Action::SlowWrites { ms, .. } => {
                connection.down.held_until = now + ms;
                connection.buffered = matches!(action, Action::Delay { .. });
            }
            Action::Duplicate { up: true, .. } => connection.up.duplicate_next = true,
            Action::Duplicate { .. } => connection.down.duplicate_next = true,
            Action::LoseEvents { .. } => connection.down.lose_next_events = true,
            Action::CloseCode { code, .. } => {
                self.send(index, false, Parcel::Close(code));
                self.send(index, true, Parcel::Close(close::GOING_AWAY));
            }
            _ => {}
        }
    }

    /// Cuts a connection: what is in flight may arrive or not, in each direction, and both sides learn of it.
    pub fn cut(&mut self, index: usize, lose_up: bool, lose_down: bool) {
        for (up, lose) in [(true, lose_up), (false, lose_down)] {
            let connection = &mut self.connections[index];
            let pipe = if up { &mut connection.up } else { &mut connection.down };
            if lose && !pipe.ended {
                pipe.flight += 1;
                pipe.last = 0;
            }
            self.send(index, up, Parcel::Close(close::ABNORMAL));
        }
    }

    /// Puts a parcel into a pipe.
    pub fn send(&mut self, index: usize, up: bool, parcel: Parcel) {
        let now = self.now;
        let connection = &mut self.connections[index];
        let mut delay = connection.delay();
        let pipe = if up { &mut connection.up } else { &mut connection.down };
        if pipe.ended {
            return;
        }
        let bytes = if let Parcel::Down(_, bytes) = &parcel { *bytes } else { 0 };
        let is_close = matches!(parcel, Parcel::Close(_));
        let is_events = matches!(&parcel, Parcel::Down(frame, _) if frame["type"] == "events");
        if pipe.swallows(now) {
            if bytes > 0 && connection.buffered {
                self.after(0, Event::Written { connection: index, bytes });
            }
            return;
        }
        pipe.ended = is_close;
        // No transport loses one frame of many; this is there to test the chain. A batch that took the last credit is spared:
        // what comes after it would wait for credit that the client believes to have given, and the chain shows only with
        // the next batch.
        let lost = is_events && !connection.starves && std::mem::take(&mut pipe.lose_next_events);
        let copies = if !is_close && std::mem::take(&mut pipe.duplicate_next) { 2 } else { usize::from(!lost) };
        let flight = pipe.flight;
        let buffered = connection.buffered;
        for copy in 0..copies {
            if copy > 0 {
                if let Parcel::Up(text) = &parcel
                    && (text.contains(r#""init""#) || text.contains(r#""subscribe""#))
                {
                    // The protocol calls a second `init`, or a name used twice, the client's bug: that is final.
                    let client = self.connections[index].client;
                    self.clients[client].accused = true;
                }
                delay = 0;
            }
            let connection = &mut self.connections[index];
            let pipe = if up { &mut connection.up } else { &mut connection.down };
            let at = pipe.arrival(now, delay);
            self.at(at, Event::Arrive { connection: index, up, flight, parcel: parcel.clone() });
        }
        if bytes > 0 {
            let held = if buffered { now } else { self.connections[index].down.held_until.max(now) };
            self.at(held, Event::Written { connection: index, bytes });
        }
    }

    pub fn arrive(&mut self, index: usize, up: bool, flight: u32, parcel: Parcel) {
        let now = self.now;
        let connection = &self.connections[index];
        let pipe = if up { &connection.up } else { &connection.down };
        if pipe.flight != flight || pipe.swallows(now) {
            return;
        }
        if up { self.server_parcel(index, parcel) } else { self.client_parcel(index, parcel) }
    }
}
