use std::collections::VecDeque;

use super::backoff::scale;
use super::connection::{Phase, Probe, Ready, Refresh, Verdict, closed_error, verdict};
use super::subscription::{OnGap, Position, Start, Subscription};
use super::{Attempt, Batch, Config, ConnectionState, Input, Output, StreamId};
use crate::error::{Category, Error, ErrorCode, GrpcCode};
use crate::model::Cursor;
use crate::wire::frame::{ClientFrame, ErrorFrame, LogInfo, PROTOCOL, ServerFrame, SubscriptionId};
use crate::wire::frame_json::MalformedFrame;

/// After this much health a cut is a new one, not one more of the same.
const HEALTHY_MS: u64 = 10_000;

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
    /// Failures in a row.
    failures: u32,
    /// Whether the token was refused since the last `ready`.
    refused: bool,
    /// Whether there was a `ready` since the machine left idle: tells reconnecting from connecting.
    was_ready: bool,
    /// What the server said before it closed.
    fatal: Option<Error>,
    /// The spread the server asked for in `drain`.
    drain: Option<(u64, u64)>,
    /// Without streams the socket is kept until then.
    linger_until: Option<u64>,
    online: bool,
    log: Option<LogInfo>,
    last_error: Option<Error>,
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
            refused: false,
            was_ready: false,
            fatal: None,
            drain: None,
            linger_until: None,
            online: true,
            log: None,
            last_error: None,
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
            Input::Disconnected { attempt, code } if attempt == self.attempt => self.disconnected(code),
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
        if state != self.state {
            self.state = state;
            self.outputs.push_back(Output::State(state));
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

    /// The latest failure, until the next `ready`.
    #[must_use]
    pub const fn last_error(&self) -> Option<&Error> {
        self.last_error.as_ref()
    }

    /// How many sequence numbers the slowest stream is behind the head the server last told.
    #[must_use]
    pub fn lag(&self) -> u64 {
        let head = self.log.as_ref().map_or(0, |log| log.head);
        let behind =
            |stream: &Subscription<B>| stream.position.as_ref().map_or(0, |position| head.saturating_sub(position.sequence));
        self.streams.iter().map(behind).max().unwrap_or(0)
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
    }

    // -- the way to a session ---------------------------------------------------------------------------------------

    fn connect(&mut self) {
        self.attempt = self.attempt.wrapping_add(1);
        self.fatal = None;
        self.drain = None;
        self.phase = Phase::Authorizing { until: self.now.saturating_add(self.config.connect_timeout_ms) };
        self.outputs.push_back(Output::FetchToken { attempt: self.attempt });
    }

    fn token(&mut self, result: Result<String, Error>) {
        match (&mut self.phase, result) {
            (Phase::Authorizing { until }, Ok(token)) => {
                self.phase = Phase::Connecting { until: *until, token };
                self.outputs.push_back(Output::Connect { attempt: self.attempt });
            }
            (Phase::Authorizing { .. }, Err(error)) => self.lose(error),
            (Phase::Ready(ready), Ok(token)) => {
                if let Some(refresh) = &mut ready.refresh {
                    refresh.at = self.now.saturating_add(refresh.period_ms);
                }
                self.send(ClientFrame::Token { token });
            }
            // A refresh that failed is asked for again shortly; should the token end before, the server says so.
            (Phase::Ready(ready), Err(_)) => {
                if let Some(refresh) = &mut ready.refresh {
                    refresh.at = self.now.saturating_add(5_000);
                }
            }
            _ => {}
        }
    }

    fn connected(&mut self) {
        if let Phase::Connecting { until, token } = &mut self.phase {
            let (until, token) = (*until, std::mem::take(token));
            self.phase = Phase::Greeting { until };
            self.outputs
                .push_back(Output::Send(ClientFrame::Init { token: Some(token), client: Some(self.config.client.clone()) }));
        }
    }

    /// The token was accepted: the first of this socket, or a fresh one.
    fn ready(&mut self, log: LogInfo, heartbeat_interval_ms: u64, token_expires_in_ms: Option<u64>) {
        // A fresh token is asked for when a tenth of its life is left, which leaves time for a slow answer.
        let refresh = token_expires_in_ms.map(|lifetime| {
            let period_ms = lifetime.saturating_sub(lifetime / 10).max(1_000);
            Refresh { at: self.now.saturating_add(period_ms), period_ms }
        });
        let (since, probe) = match &self.phase {
            Phase::Ready(ready) => (ready.since, ready.probe),
            _ => (self.now, None),
        };
        self.refused = false;
        self.was_ready = true;
        self.last_error = None;
        self.log = Some(log);
        self.phase = Phase::Ready(Ready {
            since,
            heartbeat_interval_ms: heartbeat_interval_ms.max(1_000),
            last_frame_at: self.now,
            probe,
            refresh,
        });
        self.attach();
    }

    /// Subscribes every stream that is not on the present socket.
    fn attach(&mut self) {
        let Some(log) = &self.log else { return };
        let first = Position { log: log.id.clone(), sequence: log.first };
        for stream in self.streams.iter_mut().filter(|stream| stream.wire_id == 0 && stream.ending.is_none()) {
            self.last_wire_id += 1;
            let frame = stream.subscribe(self.last_wire_id, self.config.window, &first);
            self.outputs.push_back(Output::Send(ClientFrame::Subscribe(frame)));
        }
    }

    // -- what comes from the server ---------------------------------------------------------------------------------

    fn frame(&mut self, frame: Result<Option<ServerFrame<B>>, MalformedFrame>) {
        if let Phase::Ready(ready) = &mut self.phase {
            ready.last_frame_at = self.now;
            if let Some(probe) = &mut ready.probe {
                probe.until = self.now.saturating_add(PROBE_MS);
            }
        }
        let frame = match frame {
            Ok(Some(frame)) => frame,
            Ok(None) => return,
            Err(malformed) => {
                let error = Error::new(ErrorCode::NetworkError, "a frame is not what the protocol says").retryable();
                return self.lose(error.with_context("field", malformed.field));
            }
        };
        match (frame, &self.phase) {
            (
                ServerFrame::Ready { protocol, log, heartbeat_interval_ms, token_expires_in_ms, .. },
                Phase::Greeting { .. } | Phase::Ready(_),
            ) => {
                if protocol == PROTOCOL {
                    self.ready(log, heartbeat_interval_ms, token_expires_in_ms);
                } else {
                    self.fail(Error::new(
                        ErrorCode::OperationNotSupported,
                        "the server speaks another version of the protocol",
                    ));
                }
            }
            (ServerFrame::Error(error), _) => self.error(error),
            (ServerFrame::Drain { reconnect_min_ms, reconnect_max_ms }, _) => {
                self.drain = Some((reconnect_min_ms, reconnect_max_ms));
            }
            (frame, Phase::Ready(_)) => self.session_frame(frame),
            _ => {}
        }
    }

    fn session_frame(&mut self, frame: ServerFrame<B>) {
        match frame {
            ServerFrame::Subscribed { id, after, head } => {
                self.saw_head(head);
                let Some(stream) = self.by_wire_id(&id) else { return };
                let number = stream.stream;
                match stream.attached(after.log, after.sequence) {
                    Ok(()) => self.outputs.push_back(Output::Attached { stream: number }),
                    Err(error) => self.lose(error),
                }
            }
            ServerFrame::Events { id, prev, through, events } => {
                self.saw_head(through);
                let Some(stream) = self.by_wire_id(&id) else { return };
                match stream.receive(prev, through, events) {
                    Ok(()) => self.settle(),
                    Err(error) => self.lose(error),
                }
            }
            ServerFrame::CaughtUp { id, head } => {
                self.saw_head(head);
                let Some(stream) = self.by_wire_id(&id) else { return };
                match stream.check_reached(head) {
                    Ok(()) => stream.caught_up = true,
                    Err(error) => self.lose(error),
                }
            }
            ServerFrame::Complete { id, head } => {
                let Some(stream) = self.by_wire_id(&id) else { return };
                let reached = if stream.plan.until_head {
                    stream.check_reached(head)
                } else {
                    // Nobody asked for this end, and a stream never ends quietly.
                    Err(Error::new(ErrorCode::NetworkError, "the server ended the subscription").retryable())
                };
                match reached {
                    Ok(()) => {
                        stream.end(Ok(Some(head)));
                        self.settle();
                    }
                    Err(error) => self.lose(error),
                }
            }
            ServerFrame::Heartbeat { head } => self.saw_head(head),
            ServerFrame::Pong { n } => {
                if let Phase::Ready(ready) = &mut self.phase {
                    ready.probe = ready.probe.filter(|probe| probe.n != n);
                }
            }
            ServerFrame::Ready { .. } | ServerFrame::Drain { .. } | ServerFrame::Error(_) => {}
        }
    }

    fn error(&mut self, frame: ErrorFrame) {
        let error = from_frame(&frame);
        let Some(id) = frame.id else {
            if frame.fatal {
                self.fatal = Some(error);
            }
            return;
        };
        let Some(stream) = self.by_wire_id(&id) else { return };
        if error.code == ErrorCode::CursorTooOld.as_str() {
            let untouched = stream.position.is_none() && stream.plan.start == Start::Beginning;
            let skips = stream.plan.on_gap == OnGap::Skip;
            match error.context_value("first").and_then(|first| first.parse::<u64>().ok()) {
                Some(first) if untouched => return self.begin_later(&id, first),
                Some(first) if skips => return self.skip_gap(&id, first),
                _ => {}
            }
        }
        if error.retryable {
            return self.lose(error);
        }
        stream.end(Err(error));
        self.settle();
    }

    /// The log lost its beginning since `ready`. Whoever asked for the oldest event there is misses nothing by getting it.
    fn begin_later(&mut self, id: &SubscriptionId, first: u64) {
        if let Some(log) = &mut self.log {
            log.first = log.first.max(first);
        }
        if let Some(stream) = self.by_wire_id(id) {
            stream.wire_id = 0;
        }
        self.attach();
    }

    fn skip_gap(&mut self, id: &SubscriptionId, first: u64) {
        let Some(log) = self.log.as_ref().map(|log| log.id.clone()) else { return };
        let Some(stream) = self.by_wire_id(id) else { return };
        stream.wire_id = 0;
        let (stream, from) = (stream.stream, stream.skip_to(log, first));
        self.outputs.push_back(Output::Gap { stream, from, to: first });
        self.attach();
    }

    // -- cuts -------------------------------------------------------------------------------------------------------

    fn disconnected(&mut self, code: u16) {
        let error = self.fatal.take().unwrap_or_else(|| closed_error(code));
        // A server that refuses in words and is cut before the close code arrives refused all the same.
        let verdict = match verdict(code) {
            Verdict::Retry if error.grpc_code == GrpcCode::Unauthenticated => Verdict::Unauthenticated,
            Verdict::Retry if error.category() == Category::Authentication => Verdict::Final,
            verdict => verdict,
        };
        match verdict {
            Verdict::Retry => self.lose(error),
            Verdict::Unauthenticated if self.refused => self.fail(error),
            // Accepted and refused in turn, as with tokens that end at once: that must not become a loop without rest.
            Verdict::Unauthenticated if self.is_young() => {
                self.refused = true;
                self.lose(error);
            }
            Verdict::Unauthenticated => {
                self.refused = true;
                self.detach(&error);
                self.last_error = Some(error);
                if self.is_needed() { self.connect() } else { self.go_idle() }
            }
            Verdict::Final => self.fail(error),
        }
    }

    /// Whether there is a session that has not lasted long enough to count as health.
    fn is_young(&self) -> bool {
        matches!(&self.phase, Phase::Ready(ready) if self.now.saturating_sub(ready.since) < HEALTHY_MS)
    }

    /// The session, or the try to have one, is lost; the streams that may go on wait for the next.
    fn lose(&mut self, error: Error) {
        if matches!(self.phase, Phase::Ready(_)) && !self.is_young() {
            self.failures = 0;
        }
        self.failures = self.failures.saturating_add(1);
        let asked = error.retry_after_ms.unwrap_or(0);
        let delay = match self.drain.take() {
            Some((min, max)) => min.saturating_add(scale(max.saturating_sub(min), self.random)),
            None => self.config.backoff.delay_ms(self.failures, self.random),
        };
        self.hang_up(1000);
        self.detach(&error);
        self.last_error = Some(error);
        self.phase = Phase::Backoff { until: self.now.saturating_add(delay.max(asked)) };
        self.settle();
        self.rest();
    }

    /// Giving up: every stream ends with the error.
    fn fail(&mut self, error: Error) {
        self.hang_up(1000);
        for stream in &mut self.streams {
            stream.end(Err(error.clone()));
        }
        self.phase = Phase::Failed;
        self.refused = false;
        self.was_ready = false;
        self.failures = 0;
        self.last_error = Some(error);
        self.settle();
    }

    fn detach(&mut self, error: &Error) {
        for stream in &mut self.streams {
            stream.wire_id = 0;
            stream.caught_up = false;
            if !stream.plan.resume {
                stream.end(Err(error.clone()));
            }
        }
        self.settle();
    }

    /// Closes the socket, if there may be one, and stops listening to it.
    fn hang_up(&mut self, code: u16) {
        if matches!(self.phase, Phase::Connecting { .. } | Phase::Greeting { .. } | Phase::Ready(_)) {
            self.outputs.push_back(Output::Disconnect { code });
        }
        self.attempt = self.attempt.wrapping_add(1);
    }

    fn wake(&mut self) {
        match &mut self.phase {
            Phase::Backoff { until } => *until = self.now,
            Phase::Ready(ready) if ready.probe.is_none() => {
                ready.probe = Some(Probe { n: self.now, until: self.now.saturating_add(PROBE_MS) });
                self.outputs.push_back(Output::Send(ClientFrame::Ping { n: self.now }));
            }
            _ => {}
        }
    }

    fn tick(&mut self) {
        let now = self.now;
        if self.linger_until.is_some_and(|until| until <= now) {
            self.hang_up(1000);
            self.go_idle();
        }
        match &mut self.phase {
            Phase::Backoff { until } if *until <= now => self.connect(),
            Phase::Authorizing { until } | Phase::Connecting { until, .. } | Phase::Greeting { until } if *until <= now => {
                let error = Error::new(ErrorCode::Timeout, "the service did not accept the stream in time").retryable();
                self.lose(error);
            }
            Phase::Ready(ready) => {
                let dead = ready.probe.map_or_else(|| ready.stale_at() <= now, |probe| probe.until <= now);
                if dead {
                    let error = Error::new(ErrorCode::NetworkError, "the server fell silent").retryable();
                    return self.lose(error);
                }
                if let Some(refresh) = ready.refresh.as_mut().filter(|refresh| refresh.at <= now) {
                    refresh.at = now.saturating_add(refresh.period_ms);
                    self.outputs.push_back(Output::FetchToken { attempt: self.attempt });
                }
            }
            _ => {}
        }
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
        self.refused = false;
        self.was_ready = false;
        self.failures = 0;
    }

    fn send(&mut self, frame: ClientFrame) {
        if matches!(self.phase, Phase::Ready(_)) {
            self.outputs.push_back(Output::Send(frame));
        }
    }

    fn saw_head(&mut self, head: u64) {
        if let Some(log) = &mut self.log {
            log.head = log.head.max(head);
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
            Phase::Ready(ready) if ready.probe.is_none() || ready.stale_at() > self.now => {
                if !self.is_needed() {
                    ConnectionState::Idle
                } else if self.streams.iter().all(|stream| stream.caught_up || stream.ending.is_some()) {
                    ConnectionState::Live
                } else {
                    ConnectionState::CatchingUp
                }
            }
            _ if !self.online => ConnectionState::Offline,
            _ if self.was_ready => ConnectionState::Reconnecting,
            _ => ConnectionState::Connecting,
        }
    }
}

fn from_frame(frame: &ErrorFrame) -> Error {
    Error {
        code: frame.code.clone().into(),
        grpc_code: GrpcCode::from_number(u32::from(frame.grpc_code)),
        message: frame.message.clone().into(),
        retryable: frame.retryable,
        context: frame.context.iter().map(|(key, value)| (key.clone().into(), value.clone().into())).collect(),
        retry_after_ms: frame.retry_after_ms,
        source: None,
        request_id: None,
    }
}
