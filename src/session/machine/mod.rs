//! The machine itself: what comes in and goes out, what users do, and who is served when. `link` is the way to a session and
//! back, `server` what the server says.

use alloc::vec::Vec;

mod link;
mod server;

use alloc::collections::VecDeque;

use super::connection::Phase;
use super::subscription::Subscription;
use super::{Attempt, Batch, Config, ConnectionState, FailedAttempt, Input, Output, Status, StreamId};
use crate::error::Error;
use crate::model::Cursor;
use crate::wire::frame::{ClientFrame, LogInfo, SubscriptionId};

/// A probed socket must say something within this time.
const PROBE_MS: u64 = 3_000;

/// A timer this late means that the machine slept, and that frames may lie unread in the runtime's queue.
const OVERSLEPT_MS: u64 = 5_000;

/// The client's side of all event streams over one socket.
#[derive(Debug)]
pub struct Machine<B> {
    config: Config,
    phase: Phase,
    /// The latest try; inputs of earlier ones are ignored.
    attempt: Attempt,
    streams: Vec<Subscription<B>>,
    /// Names of subscriptions are never used twice, so a late frame for an old one is recognised.
    last_wire_id: u64,
    /// Failures in a row, for the backoff: a session that lasts sets it back.
    failures: u32,
    /// Attempts that failed since the last `ready`, for whoever watches.
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
    outputs: VecDeque<Output<B>>,
}

impl<B: Batch> Machine<B> {
    /// A machine that is idle.
    #[must_use]
    pub const fn new(config: Config) -> Self {
        Self {
            config,
            phase: Phase::Idle,
            attempt: 0,
            streams: Vec::new(),
            last_wire_id: 0,
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
    pub fn handle(&mut self, now: u64, random: f64, input: Input<B>) {
        let overslept = self.armed.is_some_and(|armed| now > armed.saturating_add(OVERSLEPT_MS));
        self.now = now;
        self.random = random;
        // A socket that is known to be gone needs no probe.
        let gone = matches!(&input, Input::Disconnected { attempt, .. } if *attempt == self.attempt);
        if overslept && !gone {
            self.wake();
        }
        match input {
            Input::Open { stream, plan } => self.open(Subscription::new(stream, plan)),
            Input::Pull { stream } => self.pull(stream),
            Input::Cancel { stream } => self.cancel(stream),
            Input::Token { attempt, result } if attempt == self.attempt => self.token(result),
            Input::Connected { attempt } if attempt == self.attempt => self.connected(),
            Input::Frame { attempt, frame } if attempt == self.attempt => self.frame(frame),
            Input::Disconnected { attempt, code, reason } if attempt == self.attempt => self.disconnected(code, reason),
            Input::Token { .. } | Input::Connected { .. } | Input::Frame { .. } | Input::Disconnected { .. } | Input::Tick => {}
            Input::Wake => self.wake(),
            Input::Network { online } => {
                self.online = online;
                // Without a network a try would be wasted, but an open socket is worth a probe: the runtime may be wrong.
                if online || matches!(self.phase, Phase::Ready(_)) {
                    self.wake();
                }
            }
            Input::Close => self.close(),
        }
        self.tick();
        self.armed = self.deadline();
        let state = self.present_state();
        if core::mem::take(&mut self.failure_changed) || state != self.state {
            self.state = state;
            self.outputs.push_back(Output::Status(Status { state, failed: self.failed, error: self.last_error.clone() }));
        }
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Output<B>> {
        self.outputs.pop_front()
    }

    /// When [`Input::Tick`] is due next, on the clock of [`Machine::handle`].
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

    /// How the connection is.
    #[must_use]
    pub const fn state(&self) -> ConnectionState {
        self.state
    }

    /// Why the connection does not work, or will soon stop to; `None` while all is well.
    #[must_use]
    pub const fn last_error(&self) -> Option<&Error> {
        self.last_error.as_ref()
    }

    /// How many sequence numbers what the user of the slowest stream has handled is behind the head that the server last
    /// told.
    #[must_use]
    pub fn lag(&self) -> u64 {
        self.streams.iter().map(|stream| stream.head.saturating_sub(stream.handled)).max().unwrap_or(0)
    }

    /// The head that the server last told a stream; 0 before it did.
    #[must_use]
    pub fn head(&self, stream: StreamId) -> u64 {
        self.streams.iter().find(|candidate| candidate.stream == stream).map_or(0, |stream| stream.head)
    }

    /// The cursor up to which a stream's user handled everything; none before the server told where the stream begins.
    #[must_use]
    pub fn cursor(&self, stream: StreamId) -> Option<Cursor> {
        self.streams.iter().find(|candidate| candidate.stream == stream)?.cursor()
    }

    // -- what users do ----------------------------------------------------------------------------------------------

    fn open(&mut self, mut stream: Subscription<B>) {
        if self.phase == Phase::Closed {
            stream.ending = Some(Ok(None));
        }
        self.linger_until = None;
        self.streams.push(stream);
        match self.phase {
            Phase::Idle | Phase::Failed => self.connect(),
            Phase::Ready(_) => self.attach(),
            _ => {}
        }
    }

    fn pull(&mut self, stream: StreamId) {
        let Some(stream) = self.streams.iter_mut().find(|candidate| candidate.stream == stream) else { return };
        stream.pull();
        self.settle();
    }

    fn cancel(&mut self, stream: StreamId) {
        let Some(index) = self.streams.iter().position(|candidate| candidate.stream == stream) else { return };
        let stream = self.streams.swap_remove(index);
        if stream.wire_id != 0 && stream.ending.is_none() {
            self.send(ClientFrame::Unsubscribe { id: SubscriptionId::Number(stream.wire_id) });
        }
        if stream.pulling {
            self.outputs.push_back(Output::End { stream: stream.stream, result: Ok(None), cursor: stream.cursor() });
        }
        self.rest();
    }

    fn close(&mut self) {
        for stream in self.streams.drain(..) {
            self.outputs.push_back(Output::End { stream: stream.stream, result: Ok(None), cursor: stream.cursor() });
        }
        self.hang_up(1000);
        self.phase = Phase::Closed;
        self.linger_until = None;
        self.reset();
    }

    // -- helpers ----------------------------------------------------------------------------------------------------

    /// Gives every waiting user what there is: a batch, or the end behind the last one; and the server its credit.
    fn settle(&mut self) {
        let mut over = false;
        let window = self.config.window;
        for stream in &mut self.streams {
            if let Some(add) = stream.top_up(window) {
                let id = SubscriptionId::Number(stream.wire_id);
                self.outputs.push_back(Output::Send(ClientFrame::Credit { id, add }));
            }
            if let Some(batch) = stream.next_batch() {
                self.outputs.push_back(Output::Deliver { stream: stream.stream, batch });
            }
            // Still waiting: the queue is empty, so an end that is due is due now.
            if stream.pulling
                && let Some(result) = stream.ending.clone()
            {
                self.outputs.push_back(Output::End { stream: stream.stream, result, cursor: stream.cursor() });
                over = true;
            }
        }
        if over {
            self.streams.retain(|stream| !(stream.pulling && stream.ending.is_some()));
        }
        // A stream whose end waits for its user needs no socket any more.
        self.rest();
    }

    /// Without streams there is nothing to wait for; a socket is kept a moment for a re-mount.
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
            self.outputs.push_back(Output::Send(frame));
        }
    }

    /// The stream that has this name on the present socket. Frames for a name that is gone are late, not wrong.
    fn by_wire_id(&mut self, id: &SubscriptionId) -> Option<&mut Subscription<B>> {
        let SubscriptionId::Number(id) = id else { return None };
        self.streams.iter_mut().find(|stream| stream.wire_id == *id && stream.wire_id != 0 && stream.ending.is_none())
    }

    fn present_state(&self) -> ConnectionState {
        match &self.phase {
            Phase::Closed => ConnectionState::Closed,
            Phase::Failed => ConnectionState::Failed,
            Phase::Idle => ConnectionState::Idle,
            Phase::Ready(ready) if ready.stale_at() > self.now => {
                if !self.is_needed() {
                    ConnectionState::Idle
                } else if self.streams.iter().all(|stream| stream.caught_up || stream.ending.is_some()) {
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
