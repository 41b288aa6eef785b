//! What a user gets of a stream: where it begins, its batches, its gaps and its end.

use im_chats_protocol::client::{ClientInput, ConnectionState, OnGap, Start, StreamId};
use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::model::Cursor;
use serde_json::Value;

use super::code_of;
use crate::bugs::Bug;
use crate::state::stream::Run;
use crate::world::World;

impl World<'_> {
    /// A stream has its place in the log.
    pub fn attached(&mut self, client: usize, stream: StreamId) {
        let state = &mut self.clients[client];
        let ledgers = state.socket.map(|(_, connection)| &self.connections[connection].ledgers);
        if let Some(id) = state.attaching.take()
            && let Some(wire) = state.wires.get_mut(&id)
        {
            wire.stream = Some(stream);
            let head = wire.head.unwrap_or(0);
            let chats = ledgers.and_then(|ledgers| ledgers.get(&id.to_string())?.chats);
            let view = wire.position.zip(chats);
            state.seats.iter_mut().filter_map(|seat| seat.run.as_mut()).filter(|run| run.stream == stream).for_each(|run| {
                run.head = Some(head);
                run.views.extend(view);
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
        self.report.figures.delivered += events.len() as u64;
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
        self.report.figures.gaps += 1;
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
        let Some(mut run) = self.clients[client].seats[seat].run.take() else { return };
        let wrong = match &result {
            Ok(None) => (!run.cancelled && !closed).then(|| "nobody left it".to_owned()),
            // Before the first pull the end may come unasked; later the user is still at the last batch until they ask for more.
            _ if run.taken > 0 => Some(format!("its user is still at {} events", run.taken)),
            _ if run.waiting > 0 => Some(format!("{} events were not given out", run.waiting)),
            Ok(Some(head)) => self.wrong_completion(&run, *head, cursor.as_ref()),
            Err(error) => {
                self.report.figures.errors += 1;
                let code = code_of(error);
                let of_the_subscription = code.is_some_and(|code| code.is_cursor() || code == ErrorCode::InvalidArgument);
                let state = &mut self.clients[client];
                let asked = state.forbidden_asks.iter().position(|asked| *asked == run.spec.filter);
                let asked = asked.filter(|_| code == Some(ErrorCode::Unauthorized) && run.forbidden.is_none());
                if let Some(asked) = asked {
                    state.forbidden_asks.swap_remove(asked);
                    run.forbidden = code;
                }
                if asked.is_some() || (run.log.is_none() && of_the_subscription) {
                    state.stray_errors = state.stray_errors.saturating_sub(1);
                }
                (!self.may_fail(client, &run, error)).then(|| format!("there is no reason for {error:?}"))
            }
        };
        if let Some(wrong) = wrong {
            return self.fail(format!("stream {stream} ended with {result:?}: {wrong}"));
        }
        let saved = &mut self.clients[client].seats[seat].saved;
        match &result {
            Err(error) if code_of(error).is_some_and(ErrorCode::is_cursor) => *saved = None,
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
            Some(code @ (ErrorCode::Unauthorized | ErrorCode::TokenBlocked)) => {
                error.category() == code.grpc_code().category() && (run.forbidden == Some(code) || state.refusal == Some(code))
            }
            Some(ErrorCode::InternalError | ErrorCode::InvalidArgument) => state.accused,
            Some(ErrorCode::Unauthenticated | ErrorCode::TokenExpired) => {
                run.refused || state.refusals >= 2 || (!run.spec.resume && cut)
            }
            _ => error.retryable && !run.spec.resume && cut,
        }
    }
}
