//! One socket of the event stream as a state machine without I/O. May use what `server` may.
//!
//! It has no clock, no randomness and no task. Its driver says what happened and when, with [`Session::handle`], and then
//! carries out what [`Session::poll`] returns until there is nothing more. The gateway drives it with a WebSocket, tests with a
//! virtual clock.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::sync::Arc;

use crate::error::{Error, GrpcCode};
use crate::grant::Grant;
use crate::wire::close;
use crate::wire::frame::{ClientInfo, ErrorFrame, ServerFrame, SubscriptionId};

use super::exchange::{AskId, Opening, ReadId, Sent, ServerInput, ServerOutput};
use super::held::Held;
use super::limits::SessionLimits;
use super::log::{LogState, LoggedEvent};
use super::outgoing::{Frame, Outgoing};
use super::rate::Rate;
use super::subscription::Subscription;

mod frames;
mod held;
mod reading;
mod timers;

/// With more subscriptions than this, those that a new event does not concern are passed by without a read; with fewer, looking at
/// the new events first is no gain.
const FEW_SUBSCRIPTIONS: usize = 4;

#[derive(Debug)]
enum Phase {
    /// Nothing has come yet.
    AwaitingInit { deadline: u64 },
    /// `init` came; its token is being verified. The frames that follow wait in `held`.
    Verifying { deadline: u64, held: VecDeque<String> },
    /// `ready` was sent.
    Live,
    /// `drain` was sent; batches under way still go out.
    Draining { deadline: u64 },
    /// The session is over.
    Closed,
}

/// The server's end of one socket.
#[derive(Debug)]
pub struct Session {
    limits: Arc<SessionLimits>,
    now: u64,
    log: LogState,
    phase: Phase,
    out: Outgoing,
    rate: Rate,
    header_token: Option<String>,
    client: Option<ClientInfo>,
    /// What the latest token allows. Nothing before the first one.
    grant: Option<Grant>,
    token_ends: Option<u64>,
    /// How many more subscriptions the token's subject may open, over all of its sockets, and how many it may have; absent = any number.
    subject_room: Option<(usize, usize)>,
    /// Verifications under way beyond that of `init`.
    refreshing: usize,
    next_heartbeat: u64,
    /// When the latest heartbeat was due, and the head it reported.
    last_heartbeat: u64,
    heartbeat_head: u64,
    /// Boxed: a map's node has room for eleven, and most sockets have one.
    subscriptions: BTreeMap<SubscriptionId, Box<Subscription>>,
    /// Subscriptions that want to read, in the order they are served.
    queue: VecDeque<SubscriptionId>,
    /// Reads under way; `None` when their subscription has ended meanwhile.
    reads: BTreeMap<ReadId, Option<SubscriptionId>>,
    last_read: u64,
    /// Subscriptions that wait for a replica, in the order in which they came.
    held: VecDeque<Held>,
    /// The question for the log's end that waits for its answer.
    asking: Option<AskId>,
    last_ask: u64,
    /// For whoever counts.
    sent: Sent,
}

impl Session {
    /// A socket that has just been opened. Times are milliseconds of any clock that does not go back.
    #[must_use]
    pub fn new(limits: Arc<SessionLimits>, opening: Opening, log: LogState, now_ms: u64) -> Self {
        let mut session = Self {
            now: now_ms,
            log,
            phase: Phase::AwaitingInit { deadline: now_ms.saturating_add(limits.init_timeout_ms) },
            out: Outgoing::default(),
            rate: Rate::new(limits.max_frames_per_second, limits.max_frame_burst, now_ms),
            header_token: opening.header_token,
            client: None,
            grant: None,
            token_ends: None,
            subject_room: None,
            refreshing: 0,
            next_heartbeat: u64::MAX,
            last_heartbeat: 0,
            heartbeat_head: 0,
            subscriptions: BTreeMap::new(),
            queue: VecDeque::new(),
            reads: BTreeMap::new(),
            last_read: 0,
            held: VecDeque::new(),
            asking: None,
            last_ask: 0,
            sent: Sent::default(),
            limits,
        };
        if let Some(error) = opening.refused {
            session.fail(close::TOO_MANY, error);
        } else if !opening.subprotocol_agreed {
            let message = "open the socket with the subprotocol im.events.v1.json";
            session.fail(close::SUBPROTOCOL, Error::invalid("subprotocol", message));
        }
        session
    }

    /// Handles what happened at `now_ms`, when the log was `log`. `log` is the state at that very moment: a page of a log that was
    /// replaced meanwhile finds no subscription that waits for it.
    pub fn handle(&mut self, now_ms: u64, log: &LogState, input: ServerInput<'_>) {
        self.now = self.now.max(now_ms);
        // Before the timers: a heartbeat tells it, also when nothing else happens.
        if log.replica != self.log.replica {
            self.log.learn(log);
        }
        self.run_timers();
        if matches!(self.phase, Phase::Closed) {
            return;
        }
        let before = (Arc::clone(&self.log.id), self.log.first, self.log.head);
        match &input {
            ServerInput::Appended { events } => self.log_grew(log, events),
            _ => self.log_moved(log),
        }
        let has_moved = (&before.0, before.1, before.2) != (&self.log.id, self.log.first, self.log.head);
        if self.held_until().is_some_and(|until| until <= self.now || has_moved) {
            self.look_at_held();
        }
        match input {
            ServerInput::Text(text) => self.text(text),
            ServerInput::Oversized => self.oversized(),
            ServerInput::Binary => self.violation(Error::invalid("frame", "expected text, not binary")),
            ServerInput::Malformed => self.violation(Error::invalid("frame", "not a WebSocket frame of valid text")),
            ServerInput::Page { read, page } => self.page(read, page),
            ServerInput::End { ask, end } => self.end_told(ask, end),
            ServerInput::Verified(result) => self.verified(result),
            ServerInput::Revoked(error) => self.refuse(error),
            ServerInput::Written { bytes } => self.out.written(bytes, self.now),
            ServerInput::Tick | ServerInput::Appended { .. } => {}
            ServerInput::Drain => self.drain(),
            ServerInput::Gone => self.end(),
        }
        self.pump();
    }

    /// Handles what happened, as [`Session::handle`] does, and before it the events that the log gained, when looking at them
    /// saves reads. `recent` gives all events after a sequence of this log, through its head; `None` when they are not at
    /// hand, and then they are read.
    pub fn handle_with_recent<E: AsRef<[Arc<LoggedEvent>]>>(
        &mut self,
        now_ms: u64,
        log: &LogState,
        input: ServerInput<'_>,
        recent: impl FnOnce(u64) -> Option<E>,
    ) {
        if log.head > self.log.head
            && self.subscriptions.len() > FEW_SUBSCRIPTIONS
            && let Some(events) = recent(self.log.head)
        {
            self.handle(now_ms, log, ServerInput::Appended { events: events.as_ref() });
        }
        self.handle(now_ms, log, input);
    }

    /// The next thing to do, if any.
    pub fn poll(&mut self) -> Option<ServerOutput> {
        self.out.pop()
    }

    /// Whether it is over: nothing that happens matters any more. What [`Session::poll`] still gives should be sent.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }

    /// Whether the client's next frame may be handed over. Not while much waits to be written: the answers to a slow consumer
    /// would pile up here.
    #[must_use]
    pub fn takes_frames(&self) -> bool {
        !self.is_closed() && self.out.unsent() < self.limits.high_water_bytes
    }

    /// The id of the log that the session's positions belong to.
    #[must_use]
    pub fn log_id(&self) -> Arc<str> {
        Arc::clone(&self.log.id)
    }

    /// The head of the log, as the session knows it.
    #[must_use]
    pub const fn head(&self) -> u64 {
        self.log.head
    }

    /// The client's name and version, once `init` has named them.
    #[must_use]
    pub const fn client(&self) -> Option<&ClientInfo> {
        self.client.as_ref()
    }

    /// How many subscriptions are open, those included that wait for a replica to reach their cursors.
    #[must_use]
    pub fn subscriptions(&self) -> usize {
        self.subscriptions.len()
    }

    /// Says how many more subscriptions the token's subject may open, over all of its sockets, and how many it may have. Until it is
    /// said again, those that this session opens are taken from the first. At the beginning there is no such limit.
    pub const fn set_subject_room(&mut self, left: usize, limit: usize) {
        self.subject_room = Some((left, limit));
    }

    /// The place in the log that the slowest subscription has reached: there is nothing for it up to there. It looks at every
    /// subscription.
    #[must_use]
    pub fn slowest(&self) -> Option<u64> {
        let attached = self.subscriptions.values().filter(|subscription| subscription.is_attached());
        attached.map(|subscription| subscription.scanned()).min()
    }

    /// What was sent since this was asked last.
    pub fn take_sent(&mut self) -> Sent {
        core::mem::take(&mut self.sent)
    }

    fn send(&mut self, frame: &Frame) {
        self.out.send(frame, self.now);
    }

    fn send_error(&mut self, error: &Error, id: Option<SubscriptionId>, fatal: bool) {
        match self.sent.errors.iter_mut().find(|(code, _)| *code == error.code) {
            Some((_, times)) => *times = times.saturating_add(1),
            None => self.sent.errors.push((error.code.clone(), 1)),
        }
        self.send(&ServerFrame::Error(ErrorFrame::new(error, id, fatal)));
    }

    /// Ends the session: the client broke the protocol.
    fn violation(&mut self, error: Error) {
        self.fail(close::PROTOCOL_VIOLATION, error);
    }

    /// Ends the session with an error of its own.
    fn fail(&mut self, code: u16, error: Error) {
        self.end();
        self.send_error(&error, None, true);
        self.out.push(ServerOutput::Close { code, reason: close::reason(code) });
    }

    /// Refuses a token, or its owner.
    fn refuse(&mut self, error: Error) {
        let code = match error.grpc_code {
            GrpcCode::PermissionDenied => close::FORBIDDEN,
            GrpcCode::ResourceExhausted => close::TOO_MANY,
            // The token may be good: its keys cannot be had at present.
            GrpcCode::Unavailable => close::TRY_AGAIN_LATER,
            _ => close::UNAUTHENTICATED,
        };
        self.fail(code, error);
    }

    /// Forgets everything that belongs to an open session.
    fn end(&mut self) {
        self.phase = Phase::Closed;
        self.subscriptions.clear();
        self.queue.clear();
        self.reads.clear();
        self.held.clear();
        self.header_token = None;
    }
}
