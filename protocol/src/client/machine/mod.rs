//! The machine itself: inputs and outputs, what users do, and the order in which streams are served. `link` opens and loses
//! sessions, `server` handles the server's frames. May use what `client` may.

use alloc::boxed::Box;
use alloc::vec::Vec;

mod link;
mod server;

use alloc::collections::VecDeque;

use super::connection::Phase;
use super::stream::Stream;
use super::{Ask, Attempt, Batch, ClientInput, ClientOutput, Config, ConnectionState, FailedAttempt, Status, StreamId};
use crate::error::Error;
use crate::model::Cursor;
use crate::wire::close;
use crate::wire::frame::{ClientFrame, LogInfo, ServerFrame, SubscriptionId};

/// How long a probed socket may be silent, in milliseconds.
pub const PROBE_MS: u64 = 3_000;

/// A timer this late, in milliseconds, means that the computer slept: frames may wait unread in the runtime's queue.
const OVERSLEPT_MS: u64 = 5_000;

/// The client's side of all event streams over one socket.
#[derive(Debug)]
pub struct Machine<B> {
    config: Config,
    phase: Phase,
    /// The latest attempt; inputs of earlier ones are ignored.
    attempt: Attempt,
    /// The latest question for a token; answers to earlier ones are ignored.
    ask: Ask,
    /// In the order of their numbers.
    #[expect(clippy::vec_box, reason = "there may be thousands, and taking one out moves all behind it")]
    streams: Vec<Box<Stream<B>>>,
    /// Names of subscriptions are never used twice, so a late frame for an old one is recognised.
    last_wire_id: u64,
    /// Which stream has which name on the present socket, in the order of the names. A name that is gone may still be here.
    names: Vec<(u64, StreamId)>,
    /// Most subscriptions that the server takes on one socket.
    max_subscriptions: u64,
    /// The largest frame that it takes.
    max_frame_bytes: u64,
    /// Whether it knows filters by chats and by types.
    filters: bool,
    /// Whether every stream reached the head of its `subscribed`. Kept, since looking at every stream for every frame would
    /// make thousands of streams slow.
    all_caught_up: bool,
    /// Failures in a row, for the backoff: a session that lasts sets it back.
    failures: u32,
    /// Attempts that failed since the last `ready`, for the status.
    failed_attempts: u32,
    /// Whether the token was refused since the last `ready`.
    refused: bool,
    /// Whether an attempt failed or succeeded since the machine left idle: tells reconnecting from connecting.
    is_retry: bool,
    /// What the server said before it closed.
    fatal: Option<Error>,
    /// The spread the server asked for in `drain`.
    drain: Option<(u64, u64)>,
    /// Without streams the socket is kept until then.
    linger_until: Option<u64>,
    online: bool,
    log: Option<LogInfo>,
    last_error: Option<Error>,
    failed: Option<FailedAttempt>,
    /// Whether `last_error` or `failed` changed with the present input.
    failure_changed: bool,
    state: ConnectionState,
    armed: Option<u64>,
    now: u64,
    random: f64,
    outputs: VecDeque<ClientOutput<B>>,
}

impl<B: Batch> Machine<B> {
    /// A machine that is idle.
    #[must_use]
    pub const fn new(config: Config) -> Self {
        Self {
            config,
            phase: Phase::Idle,
            attempt: 0,
            ask: 0,
            streams: Vec::new(),
            last_wire_id: 0,
            names: Vec::new(),
            max_subscriptions: u64::MAX,
            max_frame_bytes: u64::MAX,
            filters: false,
            all_caught_up: true,
            failures: 0,
            failed_attempts: 0,
            refused: false,
            is_retry: false,
            fatal: None,
            drain: None,
            linger_until: None,
            online: true,
            log: None,
            last_error: None,
            failed: None,
            failure_changed: false,
            state: ConnectionState::Idle,
            armed: None,
            now: 0,
            random: 0.0,
            outputs: VecDeque::new(),
        }
    }

    /// Takes what happened at `now` (milliseconds on any clock that does not go back while a socket is open); `random`, in
    /// 0..1, is fresh each time. What must be done then comes from [`Machine::poll`].
    pub fn handle(&mut self, now: u64, random: f64, input: ClientInput<B>) {
        let overslept = self.armed.is_some_and(|armed| now > armed.saturating_add(OVERSLEPT_MS));
        self.now = now;
        self.random = random;
        // A socket that is known to be gone needs no probe.
        let gone = matches!(&input, ClientInput::Disconnected { attempt, .. } if *attempt == self.attempt);
        if overslept && !gone {
            self.wake();
        }
        // These change no stream's distance to the head of its `subscribed`.
        let is_plain = matches!(
            &input,
            ClientInput::Pull { .. }
                | ClientInput::Tick
                | ClientInput::Frame {
                    frame: Ok(Some(ServerFrame::Events { .. } | ServerFrame::Heartbeat { .. } | ServerFrame::Pong { .. })),
                    ..
                }
        );
        match input {
            ClientInput::Open { stream, plan } => self.open(Stream::new(stream, plan)),
            ClientInput::Pull { stream } => self.pull(stream),
            ClientInput::Cancel { stream } => self.cancel(stream),
            ClientInput::Token { ask, result } if ask == self.ask => self.token(result),
            ClientInput::Connected { attempt } if attempt == self.attempt => self.connected(),
            ClientInput::Frame { attempt, frame } if attempt == self.attempt => self.frame(frame),
            ClientInput::Disconnected { attempt, code, reason } if attempt == self.attempt => self.disconnected(code, reason),
            ClientInput::Token { .. }
            | ClientInput::Connected { .. }
            | ClientInput::Frame { .. }
            | ClientInput::Disconnected { .. }
            | ClientInput::Tick => {}
            ClientInput::Wake => self.wake(),
            ClientInput::Network { online } => {
                self.online = online;
                // Without a network an attempt would be wasted, but an open socket is worth a probe: the runtime may be wrong.
                if online || matches!(self.phase, Phase::Ready(_)) {
                    self.wake();
                }
            }
            ClientInput::Close => self.close(),
        }
        self.tick();
        if !is_plain {
            self.all_caught_up = self.streams.iter().all(|stream| stream.caught_up || stream.ending.is_some());
        }
        self.armed = self.deadline();
        let state = self.present_state();
        if core::mem::take(&mut self.failure_changed) || state != self.state {
            self.state = state;
            self.outputs.push_back(ClientOutput::Status(Status { state, failed: self.failed, error: self.last_error.clone() }));
        }
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<ClientOutput<B>> {
        self.outputs.pop_front()
    }

    /// When [`ClientInput::Tick`] is due next, on the clock of [`Machine::handle`].
    #[must_use]
    pub fn deadline(&self) -> Option<u64> {
        let phase = match &self.phase {
            Phase::Idle | Phase::Failed | Phase::Closed => None,
            Phase::Backoff { until }
            | Phase::Authorizing { until }
            | Phase::Connecting { until, .. }
            | Phase::Greeting { until } => Some(*until),
            Phase::Ready(ready) => {
                let look_at = ready.look_at(self.now);
                Some(ready.refresh.map_or(look_at, |refresh| look_at.min(refresh.at)))
            }
        };
        [phase, self.linger_until].into_iter().flatten().min()
    }

    /// The connection state.
    #[must_use]
    pub const fn state(&self) -> ConnectionState {
        self.state
    }

    /// Why the connection does not work, or will soon stop to; `None` while all is well.
    #[must_use]
    pub const fn last_error(&self) -> Option<&Error> {
        self.last_error.as_ref()
    }

    /// The lag of the slowest stream: the last head the server reported, less what the user handled, in sequence numbers.
    #[must_use]
    pub fn lag(&self) -> u64 {
        self.streams.iter().map(|stream| stream.head.saturating_sub(stream.handled)).max().unwrap_or(0)
    }

    /// The last head that the server reported for a stream; 0 before the first.
    #[must_use]
    pub fn head(&self, stream: StreamId) -> u64 {
        self.index(stream).and_then(|index| self.streams.get(index)).map_or(0, |stream| stream.head)
    }

    /// The cursor of a stream: its user handled everything up to it. `None` before the server confirmed where the stream begins.
    #[must_use]
    pub fn cursor(&self, stream: StreamId) -> Option<Cursor> {
        self.streams.get(self.index(stream)?)?.cursor()
    }

    // -- what users do ----------------------------------------------------------------------------------------------

    fn open(&mut self, mut stream: Stream<B>) {
        if self.phase == Phase::Closed {
            stream.ending = Some(Ok(None));
        }
        self.linger_until = None;
        let number = stream.stream;
        self.streams.push(Box::new(stream));
        match self.phase {
            Phase::Idle | Phase::Failed => self.connect(),
            Phase::Ready(_) => self.attach(),
            Phase::Closed => self.settle(number),
            _ => {}
        }
    }

    fn pull(&mut self, stream: StreamId) {
        let Some(found) = self.index(stream).and_then(|index| self.streams.get_mut(index)) else { return };
        found.pull();
        self.settle(stream);
    }

    fn cancel(&mut self, stream: StreamId) {
        let Some(index) = self.index(stream) else { return };
        let stream = self.streams.remove(index);
        if stream.wire_id != 0 {
            self.send(ClientFrame::Unsubscribe { id: SubscriptionId::Number(stream.wire_id) });
        }
        if stream.pulling {
            self.outputs.push_back(ClientOutput::End { stream: stream.stream, result: Ok(None), cursor: stream.cursor() });
        }
        self.rest();
    }

    fn close(&mut self) {
        for stream in self.streams.drain(..) {
            self.outputs.push_back(ClientOutput::End { stream: stream.stream, result: Ok(None), cursor: stream.cursor() });
        }
        self.hang_up(close::NORMAL);
        self.phase = Phase::Closed;
        self.linger_until = None;
        self.reset();
    }

    // -- helpers ----------------------------------------------------------------------------------------------------

    /// Where a stream is in the list.
    fn index(&self, stream: StreamId) -> Option<usize> {
        self.streams.binary_search_by_key(&stream, |candidate| candidate.stream).ok()
    }

    /// Gives a stream's user what there is: a batch, or the end behind the last one; and the server its credit.
    fn settle(&mut self, stream: StreamId) {
        let Some(index) = self.index(stream) else { return };
        let Some(found) = self.streams.get_mut(index) else { return };
        if serve(found, self.config.window, &mut self.outputs) {
            self.streams.remove(index);
        }
        // A stream whose end waits for its user needs no socket any more.
        self.rest();
    }

    /// Calls [`Machine::settle`] for every stream.
    fn settle_all(&mut self) {
        let (window, outputs) = (self.config.window, &mut self.outputs);
        self.streams.retain_mut(|stream| !serve(stream, window, outputs));
        self.rest();
    }

    /// Without streams no socket is needed; an open one lingers, so that a re-mount reuses it.
    fn rest(&mut self) {
        if self.is_needed() {
            return;
        }
        match self.phase {
            Phase::Backoff { .. } => self.go_idle(),
            Phase::Idle | Phase::Failed | Phase::Closed => {}
            _ => {
                self.linger_until.get_or_insert(self.now.saturating_add(self.config.linger_ms));
            }
        }
    }

    /// Whether any stream still wants events from the server.
    fn is_needed(&self) -> bool {
        self.streams.iter().any(|stream| stream.ending.is_none())
    }

    fn go_idle(&mut self) {
        self.phase = Phase::Idle;
        self.linger_until = None;
        self.reset();
    }

    /// The next attempt is a first one.
    fn reset(&mut self) {
        self.refused = false;
        self.is_retry = false;
        self.failures = 0;
        self.failed_attempts = 0;
        if let Some(failed) = &mut self.failed {
            failed.retry_at = None;
        }
    }

    fn send(&mut self, frame: ClientFrame) {
        if matches!(self.phase, Phase::Ready(_)) {
            self.outputs.push_back(ClientOutput::Send(frame));
        }
    }

    /// The stream with this subscription id on the present socket. A frame for an id that ended is late, not wrong; a stream that
    /// ended has no id.
    fn by_wire_id(&mut self, id: &SubscriptionId) -> Option<&mut Stream<B>> {
        let SubscriptionId::Number(id) = id else { return None };
        let at = self.names.binary_search_by_key(id, |(name, _)| *name).ok()?;
        let (_, stream) = *self.names.get(at)?;
        let index = self.index(stream)?;
        self.streams.get_mut(index).map(|stream| &mut **stream).filter(|stream| stream.wire_id == *id)
    }

    /// Remembers which stream has a subscription id, and forgets ended ids once they are the majority.
    fn remember(&mut self, wire_id: u64, stream: StreamId) {
        if self.names.len() > 2 * self.streams.len() + 16 {
            let mut names = core::mem::take(&mut self.names);
            names.retain(|(name, stream)| {
                self.index(*stream).and_then(|index| self.streams.get(index)).is_some_and(|stream| stream.wire_id == *name)
            });
            self.names = names;
        }
        self.names.push((wire_id, stream));
    }

    fn present_state(&self) -> ConnectionState {
        match &self.phase {
            Phase::Closed => ConnectionState::Closed,
            Phase::Failed => ConnectionState::Failed,
            Phase::Idle => ConnectionState::Idle,
            Phase::Ready(ready) if ready.stale_at() > self.now => {
                if !self.is_needed() {
                    ConnectionState::Idle
                } else if self.all_caught_up {
                    ConnectionState::Live
                } else {
                    ConnectionState::CatchingUp
                }
            }
            _ if !self.online => ConnectionState::Offline,
            _ if self.is_retry => ConnectionState::Reconnecting,
            _ => ConnectionState::Connecting,
        }
    }
}

/// Serves one stream: credit to the server, and a batch or the end to its user. Returns whether the stream ended.
fn serve<B: Batch>(stream: &mut Stream<B>, window: u64, outputs: &mut VecDeque<ClientOutput<B>>) -> bool {
    if let Some(add) = stream.top_up(window) {
        let id = SubscriptionId::Number(stream.wire_id);
        outputs.push_back(ClientOutput::Send(ClientFrame::Credit { id, add }));
    }
    if let Some(batch) = stream.next_batch() {
        outputs.push_back(ClientOutput::Deliver { stream: stream.stream, batch });
    }
    match stream.ending.clone().filter(|_| stream.is_over()) {
        Some(result) => {
            outputs.push_back(ClientOutput::End { stream: stream.stream, result, cursor: stream.cursor() });
            true
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{OnGap, Plan, Start};
    use crate::wire::filter::Filter;
    use crate::wire::frame::{ClientInfo, Topic};
    use serde_json::{Value, json};

    #[test]
    fn names_of_streams_that_left_are_forgotten() {
        let client = ClientInfo { name: "im-chats".into(), version: "0.1.0".into() };
        let mut machine: Machine<Value> = Machine::new(Config::new(client, "ws://gateway.example".into()));
        let filter = Filter::of(Topic::Chats);
        let plan = Plan { filter, start: Start::Head, until_head: false, resume: true, on_gap: OnGap::Fail };
        machine.handle(0, 0.5, ClientInput::Open { stream: 1, plan: plan.clone() });
        machine.handle(0, 0.5, ClientInput::Token { ask: 1, result: Ok("secret".into()) });
        machine.handle(0, 0.5, ClientInput::Connected { attempt: 1 });
        let ready = json!({
            "type": "ready", "protocol": 1, "log": { "id": "log-1", "first": 0, "head": 0 }, "heartbeatIntervalMs": 15000,
            "limits": { "maxFrameBytes": 65536, "maxOutgoingFrameBytes": 1_048_576, "maxBatchEvents": 256, "maxSubscriptions": 64 }
        });
        machine.handle(0, 0.5, ClientInput::Frame { attempt: 1, frame: ServerFrame::read(&ready, Value::clone) });
        machine.handle(0, 0.5, ClientInput::Open { stream: 2, plan: plan.clone() });
        let mut most = 0;
        for stream in 3..500 {
            machine.handle(0, 0.5, ClientInput::Open { stream, plan: plan.clone() });
            most = most.max(machine.names.len());
            assert!(machine.by_wire_id(&SubscriptionId::Number(1)).is_some_and(|stream| stream.stream == 1));
            machine.handle(0, 0.5, ClientInput::Cancel { stream });
        }
        // Three streams at a time: twice as many names, sixteen more, and the one that makes it too many.
        assert_eq!(most, 23);
    }
}
