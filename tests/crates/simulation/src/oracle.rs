//! What must be true, looked at after every step.

use std::collections::VecDeque;

use im_chats_protocol::client::{ClientInput, ConnectionState, Machine, OnGap, Start, StreamId};
use im_chats_protocol::error::{Error, ErrorCode, GrpcCode};
use im_chats_protocol::model::Cursor;
use im_chats_protocol::wire::close;
use im_chats_protocol::wire::frame::{ClientFrame, ErrorFrame, ServerFrame, SubscriptionId};
use serde_json::Value;

use crate::Bug;
use crate::client::TIMER_SLACK_MS;
use crate::log::Log;
use crate::script::SeatSpec;
use crate::world::World;

/// More tries than this within ten seconds is hammering.
const MAX_TRIES: usize = 40;

/// A subscription on a client's present socket.
#[derive(Debug, Default)]
pub struct Wire {
    pub stream: Option<StreamId>,
    /// Credit the client gave.
    credit: u64,
    /// Events that came for it.
    received: u64,
    /// Everything up to here came.
    pub position: Option<u64>,
    /// The head told in `subscribed`.
    head: Option<u64>,
}

/// A ping without an answer.
#[derive(Debug, Clone, Copy)]
pub struct Ping {
    pub n: u64,
    /// The socket may not be kept longer than this, or, while events come, than the limit.
    until: u64,
    limit: u64,
}

/// One stream of a user, from opening to its end.
#[derive(Debug)]
pub struct Run {
    pub stream: StreamId,
    pub spec: SeatSpec,
    start: Start,
    /// The log's head and beginning when it was opened.
    opened: (u64, u64),
    /// What the client had lost by then.
    opened_cuts: u64,
    /// The log it reads; known once it was attached.
    log: Option<String>,
    /// Everything up to here was given to the user; known once it was attached.
    delivered: Option<u64>,
    /// Everything up to here is handled.
    handled: Option<u64>,
    /// Everything up to here reached the client.
    received: Option<u64>,
    /// The log's head, as far as the client was told it for this stream. Unknown here after a link swallowed the frame that
    /// says which stream a later one is about.
    head: Option<u64>,
    /// Skipped, as was told.
    gaps: Vec<(u64, u64)>,
    /// Events that wait in the client.
    waiting: u64,
    /// Events the user works on.
    taken: u64,
    pub pulling: bool,
    /// The client knows of it: one that sleeps does not.
    known: bool,
    pub cancelled: bool,
    /// Its end is known to the client and waits for the user.
    pub finishing: bool,
    /// Its client gave up after the token was refused twice.
    pub refused: bool,
    cursor: Option<Cursor>,
    /// Batches that a planted bug took too early.
    pub acked_too_early: VecDeque<Value>,
}

impl Run {
    pub fn new(stream: StreamId, spec: SeatSpec, start: Start, opened: (u64, u64), opened_cuts: u64) -> Self {
        let after = if let Start::After(after) = &start { Some(after.sequence) } else { None };
        Self {
            stream,
            spec,
            start,
            opened,
            opened_cuts,
            log: None,
            delivered: after,
            handled: after,
            received: after,
            head: Some(0),
            gaps: Vec::new(),
            waiting: 0,
            taken: 0,
            pulling: false,
            known: false,
            cancelled: false,
            finishing: false,
            refused: false,
            cursor: None,
            acked_too_early: VecDeque::new(),
        }
    }

    /// The user asks for more: what was taken is handled.
    pub fn handle_taken(&mut self) {
        self.taken = 0;
        self.handled = self.delivered;
    }

    /// The event that must come next after `after`, if there is one.
    fn next(&self, log: &Log, mut after: u64) -> Option<u64> {
        loop {
            let next = log.next(after, self.spec.filter)?;
            match self.gaps.iter().find(|(from, to)| *from < next && next <= *to) {
                Some((_, to)) => after = *to,
                None => return Some(next),
            }
        }
    }
}

/// The documented code of an error.
fn code_of(error: &Error) -> Option<ErrorCode> {
    ErrorCode::ALL.iter().copied().find(|code| *code.as_str() == *error.code)
}

/// Whether an error says that a saved cursor is of no use any more.
fn of_the_cursor(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::CursorTooOld | ErrorCode::CursorAhead | ErrorCode::LogChanged)
}

impl World<'_> {
    fn log_named(&self, id: &str) -> Option<&Log> {
        self.logs.iter().find(|log| *log.id == *id)
    }

    fn open_run(&mut self, client: usize, stream: StreamId) -> Option<&mut Run> {
        self.clients[client].seats.iter_mut().filter_map(|seat| seat.run.as_mut()).find(|run| run.stream == stream)
    }

    fn runs(&self, client: usize) -> impl Iterator<Item = &Run> {
        self.clients[client].seats.iter().filter_map(|seat| seat.run.as_ref())
    }

    // -- what goes in and out of a client ---------------------------------------------------------------------------

    /// Before the machine learns of it.
    pub fn observe(&mut self, client: usize, input: &ClientInput<Value>) {
        let now = self.now;
        let patience = self.ping_patience();
        let state = &mut self.clients[client];
        let is_present = |attempt: &u32| state.socket.is_some_and(|(present, _)| present == *attempt);
        match input {
            ClientInput::Frame { attempt, frame } if is_present(attempt) => {
                state.last_frame_at = now;
                // Frames may have lain in the queue; only the answer proves that the socket lives.
                state.probe_until = state.probe_until.map(|_| now + 3_000 + TIMER_SLACK_MS);
                match frame {
                    Ok(Some(ServerFrame::Pong { n })) if state.ping.is_some_and(|ping| ping.n == *n) => {
                        (state.ping, state.probe_until) = (None, None);
                    }
                    Ok(Some(ServerFrame::Events { events, .. }))
                        if events.as_array().is_some_and(|events| !events.is_empty()) =>
                    {
                        if let Some(ping) = &mut state.ping {
                            ping.until = (now + patience).min(ping.limit);
                        }
                    }
                    Ok(Some(ServerFrame::Ready { .. })) => (state.refusals, state.trying_since) = (0, None),
                    Ok(Some(ServerFrame::Error(ErrorFrame { fatal: true, grpc_code, .. }))) => {
                        state.refused_in_words = u32::from(*grpc_code) == u32::from(GrpcCode::Unauthenticated.number());
                    }
                    _ => {}
                }
            }
            ClientInput::Disconnected { attempt, code, .. } if is_present(attempt) => {
                if *code == close::UNAUTHENTICATED || std::mem::take(&mut state.refused_in_words) {
                    state.refusals += 1;
                }
                state.cuts += 1;
                (state.socket, state.trying_since) = (None, None);
                (state.probe_until, state.ping) = (None, None);
                state.wires.clear();
            }
            ClientInput::Open { stream, .. } => {
                state.seats.iter_mut().filter_map(|seat| seat.run.as_mut()).filter(|run| run.stream == *stream).for_each(
                    |run| {
                        run.known = true;
                    },
                );
            }
            ClientInput::Token { result: Err(_), .. } => state.cuts += 1,
            ClientInput::Wake | ClientInput::Network { .. } => {
                let receiving = state
                    .machine
                    .as_ref()
                    .is_some_and(|machine| matches!(machine.state(), ConnectionState::Live | ConnectionState::CatchingUp));
                if receiving {
                    state.probe_until.get_or_insert(now + 3_000 + TIMER_SLACK_MS);
                }
            }
            _ => {}
        }
    }

    /// A heartbeat says where the log's head is, to every stream that has a place in the log; also to one whose socket is given
    /// up in the same moment.
    pub fn heard_head(&mut self, client: usize, head: u64) {
        let state = &mut self.clients[client];
        let machine = state.machine.as_ref();
        let has_place = |stream| machine.is_some_and(|machine| machine.cursor(stream).is_some());
        for run in state.seats.iter_mut().filter_map(|seat| seat.run.as_mut()).filter(|run| has_place(run.stream)) {
            run.head = run.head.map(|known| known.max(head));
        }
    }

    /// The machine took a frame of the present socket without hanging up.
    pub fn accepted(&mut self, client: usize, frame: &ServerFrame<Value>) {
        let state = &mut self.clients[client];
        let number = |id: &SubscriptionId| if let SubscriptionId::Number(id) = id { *id } else { 0 };
        match frame {
            ServerFrame::Ready { .. } => (state.is_ready, state.failed_attempts) = (true, 0),
            ServerFrame::Subscribed { id, after, head } => {
                state.attaching = Some(number(id));
                if let Some(wire) = state.wires.get_mut(&number(id)) {
                    wire.position.get_or_insert(after.sequence);
                    wire.head = Some(*head);
                }
            }
            ServerFrame::Events { id, through, events, .. } => {
                let Some(wire) = state.wires.get_mut(&number(id)) else { return };
                let count = events.as_array().map_or(0, |events| events.len() as u64);
                wire.received += count;
                wire.position = Some(*through);
                let Some(stream) = wire.stream else {
                    let attached: Vec<_> = state.wires.values().filter_map(|wire| wire.stream).collect();
                    let runs = state.seats.iter_mut().filter_map(|seat| seat.run.as_mut());
                    runs.filter(|run| !attached.contains(&run.stream)).for_each(|run| run.head = None);
                    return;
                };
                if let Some(run) = self.open_run(client, stream) {
                    run.waiting += count;
                    run.received = Some(*through);
                    run.head = run.head.map(|head| head.max(*through));
                }
            }
            ServerFrame::Complete { id, .. } => {
                if let Some(stream) = state.wires.remove(&number(id)).and_then(|wire| wire.stream)
                    && let Some(run) = self.open_run(client, stream)
                {
                    run.finishing = true;
                }
            }
            ServerFrame::Error(ErrorFrame { id: Some(id), code, .. }) => {
                let Some(wire) = state.wires.remove(&number(id)) else { return };
                match wire.stream.and_then(|stream| self.open_run(client, stream)) {
                    Some(run) => run.finishing |= code != ErrorCode::CursorTooOld.as_str() || run.spec.on_gap == OnGap::Fail,
                    None => self.clients[client].stray_errors += 1,
                }
            }
            _ => {}
        }
    }

    /// The client sends.
    pub fn sent(&mut self, client: usize, frame: &ClientFrame) {
        let patience = self.ping_patience();
        let (until, limit) = (self.now + patience, self.now + 4 * patience);
        let state = &mut self.clients[client];
        let wires = &mut state.wires;
        match frame {
            ClientFrame::Ping { n } => state.ping = Some(Ping { n: *n, until, limit }),
            ClientFrame::Subscribe(ask) => {
                if let SubscriptionId::Number(id) = ask.id {
                    wires.insert(id, Wire { credit: ask.credit, ..Wire::default() });
                }
            }
            ClientFrame::Credit { id: SubscriptionId::Number(id), add } => {
                if let Some(wire) = wires.get_mut(id) {
                    wire.credit += add;
                }
            }
            ClientFrame::Unsubscribe { id: SubscriptionId::Number(id) } => {
                wires.remove(id);
            }
            _ => {}
        }
    }

    /// A stream has its place in the log.
    pub fn attached(&mut self, client: usize, stream: StreamId) {
        let state = &mut self.clients[client];
        if let Some(wire) = state.attaching.take().and_then(|id| state.wires.get_mut(&id)) {
            wire.stream = Some(stream);
            let head = wire.head.unwrap_or(0);
            state.seats.iter_mut().filter_map(|seat| seat.run.as_mut()).filter(|run| run.stream == stream).for_each(|run| {
                run.head = Some(head);
            });
        }
        let state = &self.clients[client];
        let cursor = state.machine.as_ref().and_then(|machine| machine.cursor(stream));
        // The position is known from here on: a program that saves it now misses nothing later.
        let Some(cursor) = cursor else {
            return self.fail(format!("stream {stream} was attached and has no cursor"));
        };
        let Some(log) = self.log_named(&cursor.log) else {
            return self.fail(format!("stream {stream} was attached to a log that never was: {}", cursor.log));
        };
        let (first, head) = (log.first, log.head());
        let replaced = self.logs.len();
        let Some(run) = self.open_run(client, stream) else {
            return self.fail(format!("stream {stream} was attached for nobody"));
        };
        if run.log.is_some() {
            return;
        }
        // A log that was replaced meanwhile has another beginning and another head.
        let (lowest_head, lowest_first) = if replaced > 1 { (0, 0) } else { run.opened };
        let allowed = match &run.start {
            Start::Head => lowest_head..=head,
            Start::Beginning => lowest_first..=first,
            Start::After(after) => {
                let to = run.gaps.last().map_or(after.sequence, |(_, to)| *to);
                after.sequence..=to
            }
        };
        run.log = Some(cursor.log);
        run.delivered.get_or_insert(cursor.sequence);
        run.handled.get_or_insert(cursor.sequence);
        run.received.get_or_insert(cursor.sequence);
        if !allowed.contains(&cursor.sequence) {
            self.fail(format!("stream {stream} begins at {}, not in {allowed:?}", cursor.sequence));
        }
    }

    /// A batch for a user.
    pub fn delivered(&mut self, client: usize, stream: StreamId, mut batch: Value, _pulls: bool) {
        let Some(seat) = self.seat_of(client, stream) else {
            return self.fail(format!("events came for stream {stream}, which is nobody's"));
        };
        match self.bug {
            Some(Bug::LoseBatch) if self.clients[client].rng.u8(0..5) == 0 => {
                let count = batch.as_array().map_or(0, |events| events.len() as u64);
                if let Some(run) = self.open_run(client, stream) {
                    run.waiting -= count;
                    run.pulling = false;
                }
                return self.works(client, seat);
            }
            Some(Bug::DeliverTwice) => self.hand_over(client, seat, &batch),
            Some(Bug::ReverseBatch) => batch.as_array_mut().into_iter().for_each(|events| events.reverse()),
            Some(Bug::AckOnDelivery) => {
                let Some(run) = self.open_run(client, stream) else { return };
                if run.pulling {
                    self.hand_over(client, seat, &batch);
                } else {
                    run.acked_too_early.push_back(batch);
                }
                return self.feed(client, ClientInput::Pull { stream });
            }
            _ => {}
        }
        if !self.clients[client].seats[seat].run.as_ref().is_some_and(|run| run.pulling) && self.bug.is_none() {
            return self.fail(format!("stream {stream} got a batch that nobody asked for"));
        }
        self.hand_over(client, seat, &batch);
    }

    /// The user has it.
    pub fn hand_over(&mut self, client: usize, seat: usize, batch: &Value) {
        let events = batch.as_array().cloned().unwrap_or_default();
        let Some(run) = &self.clients[client].seats[seat].run else { return };
        let stream = run.stream;
        let (Some(log), Some(mut delivered)) = (run.log.as_deref().and_then(|id| self.log_named(id)), run.delivered) else {
            return self.fail(format!("stream {stream} got events before it was attached"));
        };
        let mut wrong = None;
        for event in &events {
            let sequence = event["sequence"].as_u64().unwrap_or(0);
            let expected = run.next(log, delivered);
            if expected != Some(sequence) {
                wrong = Some(format!("stream {stream} got event {sequence} after {delivered}, where {expected:?} is next"));
                break;
            }
            delivered = sequence;
        }
        if events.is_empty() {
            wrong = Some(format!("stream {stream} got a batch without an event"));
        }
        self.report.delivered += events.len() as u64;
        self.say(|| format!("c{client}: stream {stream} got {} events up to {delivered}", events.len()));
        if let Some(run) = &mut self.clients[client].seats[seat].run {
            run.delivered = Some(delivered);
            run.waiting = run.waiting.saturating_sub(events.len() as u64);
            run.taken += events.len() as u64;
            run.pulling = false;
        }
        if let Some(wrong) = wrong {
            return self.fail(wrong);
        }
        self.works(client, seat);
    }

    /// The user is told that events are gone.
    pub fn gap(&mut self, client: usize, stream: StreamId, from: u64, to: u64) {
        self.say(|| format!("c{client}: stream {stream} skips {from} to {to}"));
        self.report.gaps += 1;
        if self.bug == Some(Bug::SilentGap) {
            return;
        }
        // A client that slept may hear of the gap when its log was replaced already.
        let first = self.logs.iter().map(|log| log.first).max().unwrap_or(0);
        let Some(run) = self.open_run(client, stream) else {
            return self.fail(format!("stream {stream} has a gap and is nobody's"));
        };
        let expected = run.received.unwrap_or(0);
        let told = run.spec.on_gap == OnGap::Skip;
        run.gaps.push((from, to));
        run.received = run.received.map(|_| to);
        if !told {
            self.fail(format!("stream {stream} skipped what its user did not allow"));
        } else if from != expected || from >= to || to > first {
            self.fail(format!("stream {stream} told a gap {from} to {to}: it has {expected}, and the log begins at {first}"));
        }
    }

    /// A stream is over.
    pub fn ended(&mut self, client: usize, stream: StreamId, result: Result<Option<u64>, Error>, cursor: Option<Cursor>) {
        self.say(|| format!("c{client}: stream {stream} ended: {result:?} at {cursor:?}"));
        if self.bug == Some(Bug::SwallowEnd) {
            return;
        }
        let Some(seat) = self.seat_of(client, stream) else {
            return self.fail(format!("stream {stream} ended for nobody"));
        };
        self.check_cursor(client, stream, cursor.clone());
        let closed = self.clients[client].machine.as_ref().is_some_and(|machine| machine.state() == ConnectionState::Closed);
        let Some(run) = self.clients[client].seats[seat].run.take() else { return };
        let wrong = match &result {
            Ok(None) => (!run.cancelled && !closed).then(|| "nobody left it".to_owned()),
            // Before the first pull the end may come unasked; later the user is still at the last batch until they ask for more.
            _ if run.taken > 0 => Some(format!("its user is still at {} events", run.taken)),
            _ if run.waiting > 0 => Some(format!("{} events were not given out", run.waiting)),
            Ok(Some(head)) => self.wrong_completion(&run, *head, cursor.as_ref()),
            Err(error) => {
                self.report.errors += 1;
                let of_the_subscription =
                    code_of(error).is_some_and(|code| of_the_cursor(code) || code == ErrorCode::InvalidArgument);
                if run.log.is_none() && of_the_subscription {
                    let strays = &mut self.clients[client].stray_errors;
                    *strays = strays.saturating_sub(1);
                }
                (!self.may_fail(client, &run, error)).then(|| format!("there is no reason for {error:?}"))
            }
        };
        if let Some(wrong) = wrong {
            return self.fail(format!("stream {stream} ended with {result:?}: {wrong}"));
        }
        let saved = &mut self.clients[client].seats[seat].saved;
        match &result {
            Err(error) if code_of(error).is_some_and(of_the_cursor) => *saved = None,
            _ if cursor.is_some() => *saved = cursor,
            _ => {}
        }
    }

    fn wrong_completion(&self, run: &Run, head: u64, cursor: Option<&Cursor>) -> Option<String> {
        let log = run.log.as_deref().and_then(|id| self.log_named(id));
        let (Some(log), Some(delivered)) = (log, run.delivered) else { return Some("it was never attached".into()) };
        if !run.spec.until_head {
            return Some("it is no catch-up".into());
        }
        if let Some(missing) = run.next(log, delivered).filter(|next| *next <= head) {
            return Some(format!("event {missing} is missing"));
        }
        if head > log.head() || (self.logs.len() == 1 && head < run.opened.0) {
            return Some(format!("the head was {} and is {}", run.opened.0, log.head()));
        }
        (cursor.map(|cursor| cursor.sequence) != Some(head)).then(|| "its cursor is not the head".to_owned())
    }

    /// Whether a stream may end like this.
    fn may_fail(&self, client: usize, run: &Run, error: &Error) -> bool {
        let state = &self.clients[client];
        let log = self.log();
        let cut = state.cuts > run.opened_cuts;
        match code_of(error) {
            Some(ErrorCode::CursorTooOld) => {
                // The user may hear of it long after; the log may have been replaced since.
                run.spec.on_gap == OnGap::Fail
                    && run.received.is_some_and(|received| self.logs.iter().any(|log| received < log.first))
            }
            Some(ErrorCode::LogChanged) => match (&run.log, &run.start) {
                (Some(id), _) => **id != *log.id,
                // A gap that was skipped gave it a place in the log of that moment, attached or not.
                (None, _) if !run.gaps.is_empty() => self.logs.len() > 1,
                (None, Start::After(after)) => after.log.as_deref().is_some_and(|id| id != &*log.id),
                // Attached to nothing yet, it can only have met a change between `ready` and the subscription.
                (None, _) => false,
            },
            Some(ErrorCode::CursorAhead) => {
                run.log.is_none()
                    && matches!(&run.start, Start::After(after) if after.sequence > run.opened.0 || self.logs.len() > 1)
            }
            Some(ErrorCode::Unauthorized) => state.was_forbidden,
            Some(ErrorCode::InternalError | ErrorCode::InvalidArgument) => state.slandered,
            Some(ErrorCode::Unauthenticated | ErrorCode::TokenExpired) => {
                run.refused || state.refusals >= 2 || (!run.spec.resume && cut)
            }
            _ => error.retryable && !run.spec.resume && cut,
        }
    }

    // -- what must be true ------------------------------------------------------------------------------------------

    fn check_cursor(&mut self, client: usize, stream: StreamId, cursor: Option<Cursor>) {
        let Some(run) = self.runs(client).find(|run| run.stream == stream) else { return };
        if run.cursor == cursor {
            return;
        }
        let Some(now) = cursor else {
            return self.fail(format!("stream {stream} lost its cursor"));
        };
        let (Some(log), Some(handled)) = (self.log_named(&now.log), run.handled.or(Some(0))) else {
            return self.fail(format!("stream {stream} has a cursor of a log that never was: {now:?}"));
        };
        let wrong = if run.cursor.as_ref().is_some_and(|before| before.sequence > now.sequence || before.log != now.log) {
            Some(format!("the cursor of stream {stream} went from {:?} to {now:?}", run.cursor))
        } else if now.sequence < handled {
            Some(format!("the cursor of stream {stream} is {} although {handled} is handled", now.sequence))
        } else if let Some(unfinished) = run.next(log, handled).filter(|next| run.handled.is_some() && *next <= now.sequence) {
            Some(format!("the cursor of stream {stream} is {}, past the unfinished event {unfinished}", now.sequence))
        } else {
            None
        };
        match wrong {
            Some(wrong) => self.fail(wrong),
            None => {
                if let Some(run) = self.open_run(client, stream) {
                    run.cursor = Some(now);
                }
            }
        }
    }

    /// After every input of a client.
    pub fn check_client(&mut self, client: usize) {
        let streams: Vec<StreamId> = self.runs(client).filter(|run| !run.cancelled).map(|run| run.stream).collect();
        for stream in streams {
            let cursor = self.clients[client].machine.as_ref().and_then(|machine| machine.cursor(stream));
            if cursor.is_some() || self.runs(client).any(|run| run.stream == stream && run.cursor.is_some()) {
                self.check_cursor(client, stream, cursor);
            }
        }
        let state = &self.clients[client];
        let Some(machine) = &state.machine else { return };
        let window = state.spec.window;
        let mut wrong = None;
        for run in self.runs(client) {
            let granted = state.wires.values().find(|wire| wire.stream == Some(run.stream));
            let granted = granted.map_or(0, |wire| wire.credit.saturating_sub(wire.received));
            if granted + run.waiting + run.taken > window {
                wrong = Some(format!(
                    "stream {}: {granted} events on their way, {} waiting, {} with the user; the window is {window}",
                    run.stream, run.waiting, run.taken
                ));
            }
        }
        let behind = |run: &Run| Some(run.head?.saturating_sub(machine.cursor(run.stream)?.sequence));
        let lag = self.runs(client).filter_map(behind).max().unwrap_or(0);
        if machine.lag() != lag && self.runs(client).all(|run| run.head.is_some()) {
            wrong = Some(format!("the lag is {}, and the user of the slowest stream is {lag} behind", machine.lag()));
        }
        if state.refusals >= 2
            && !matches!(machine.state(), ConnectionState::Failed | ConnectionState::Idle | ConnectionState::Closed)
        {
            wrong = Some("the token was refused twice, and it is tried again".into());
        }
        if state.tries.len() > MAX_TRIES {
            wrong = Some(format!("{} tries within ten seconds", state.tries.len()));
        }
        if machine.state() == ConnectionState::Live
            && let Some(unproven) = self.unproven(client)
        {
            wrong = Some(format!("the state is live, but {unproven}"));
        }
        if let Some(wrong) = wrong {
            self.fail(format!("c{client}: {wrong}"));
        }
    }

    /// Why a client must not say that it is live.
    fn unproven(&self, client: usize) -> Option<String> {
        let state = &self.clients[client];
        if state.socket.is_none() {
            return Some("there is no socket".into());
        }
        let mut strays = state.stray_errors;
        let mut open = 0;
        for run in self.runs(client).filter(|run| run.known && !run.finishing && !run.cancelled) {
            match state.wires.values().find(|wire| wire.stream == Some(run.stream)) {
                Some(wire) if wire.position >= wire.head && wire.head.is_some() => open += 1,
                Some(wire) => {
                    return Some(format!("stream {} is at {:?} of {:?}", run.stream, wire.position, wire.head));
                }
                None if !run.spec.resume && state.cuts > run.opened_cuts => {}
                None if strays > 0 => strays -= 1,
                None => return Some(format!("stream {} is not attached", run.stream)),
            }
        }
        (open == 0).then(|| "no stream is open".to_owned())
    }

    /// What time alone can break.
    pub fn check_idle(&mut self, client: usize) {
        let state = &self.clients[client];
        let Some(machine) = &state.machine else { return };
        if state.is_frozen(self.now) {
            return;
        }
        let silence = self.now - state.last_frame_at.min(self.now);
        if machine.state() == ConnectionState::Live && silence > 2 * self.script.heartbeat_ms + 5_000 + TIMER_SLACK_MS {
            return self.fail(format!("c{client}: the state is live after {silence} ms of silence"));
        }
        if state.probe_until.is_some_and(|until| until < self.now) {
            self.fail(format!("c{client}: a socket that did not answer the probe is kept"));
        } else if state.ping.is_some_and(|ping| ping.until < self.now) {
            self.fail(format!("c{client}: a socket on which the server hears nothing is kept"));
        }
    }

    /// How long an answer to a ping may take.
    const fn ping_patience(&self) -> u64 {
        2 * self.script.heartbeat_ms + 5_000 + TIMER_SLACK_MS
    }

    /// The faults are over, and so must be their consequences.
    pub fn check_well(&mut self) {
        for client in 0..self.clients.len() {
            let state = &self.clients[client];
            let Some(machine) = &state.machine else { continue };
            let runs: Vec<&Run> = self.runs(client).collect();
            let mut wrong = None;
            if !runs.is_empty() && machine.state() != ConnectionState::Live {
                wrong = Some(format!(
                    "the state is {} long after the faults: {:?}",
                    machine.state().as_str(),
                    machine.last_error()
                ));
            }
            for run in runs {
                let log = run.log.as_deref().and_then(|id| self.log_named(id));
                let missing = match (log, run.delivered) {
                    (Some(log), Some(delivered)) => run.next(log, delivered),
                    _ => Some(0),
                };
                if run.spec.until_head {
                    wrong = Some(format!("the catch-up {} never ended", run.stream));
                } else if let Some(missing) = missing {
                    wrong = Some(format!("stream {} waits for event {missing}, which is there", run.stream));
                } else if !run.pulling && run.taken == 0 {
                    wrong = Some(format!("the user of stream {} does not pull", run.stream));
                }
            }
            if let Some((_, connection)) = state.socket {
                let at_server = self.connections[connection].session.as_ref().map_or(0, |session| session.subscriptions());
                if wrong.is_none() && at_server != state.wires.len() {
                    wrong = Some(format!("the server has {at_server} subscriptions, the client {}", state.wires.len()));
                }
            }
            if let Some(wrong) = wrong {
                self.fail(format!("c{client}: {wrong}"));
            }
        }
    }

    pub fn note_cuts(&mut self) {
        for client in &mut self.clients {
            client.cuts_when_settled = client.cuts;
        }
    }

    /// In calm weather nothing is cut.
    pub fn check_no_cuts(&mut self) {
        for client in 0..self.clients.len() {
            let state = &self.clients[client];
            if state.cuts != state.cuts_when_settled {
                let last = state.machine.as_ref().and_then(Machine::last_error).cloned();
                self.fail(format!("c{client}: a cut without a fault: {last:?}"));
            }
        }
    }

    /// A closed client leaves nobody waiting and nothing to do.
    pub fn check_closed(&mut self, client: usize) {
        let state = &self.clients[client];
        let Some(machine) = &state.machine else { return };
        let deadline = machine.deadline();
        let waiting = self.runs(client).any(|run| run.pulling);
        let closed = machine.state();
        if waiting || closed != ConnectionState::Closed || deadline.is_some() {
            self.fail(format!("c{client}: closed, but {}, deadline {deadline:?}, waiting {waiting}", closed.as_str()));
        }
    }
}
