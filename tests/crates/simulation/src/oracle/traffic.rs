//! What goes in and out of a client, noted.

use im_chats_protocol::client::{ClientInput, ConnectionState, OnGap};
use im_chats_protocol::error::{ErrorCode, GrpcCode};
use im_chats_protocol::wire::close;
use im_chats_protocol::wire::frame::{ClientFrame, ErrorFrame, ServerFrame, SubscriptionId};
use serde_json::Value;

use super::code_named;
use crate::state::client::TIMER_SLACK_MS;
use crate::state::stream::{Ping, Wire};
use crate::world::World;

impl World<'_> {
    /// Before the machine learns of it.
    pub fn observe(&mut self, client: usize, input: &ClientInput<Value>) {
        let now = self.now;
        let timeout = self.ping_timeout();
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
                            ping.until = (now + timeout).min(ping.limit);
                        }
                    }
                    Ok(Some(ServerFrame::Ready { .. })) => (state.refusals, state.attempt_since) = (0, None),
                    Ok(Some(ServerFrame::Error(ErrorFrame { fatal: true, code, .. }))) => {
                        state.refused_in_words = code_named(code)
                    }
                    _ => {}
                }
            }
            ClientInput::Disconnected { attempt, code, .. } if is_present(attempt) => {
                state.refusal = state.refused_in_words.take();
                if *code == close::UNAUTHENTICATED
                    || state.refusal.is_some_and(|code| code.grpc_code() == GrpcCode::Unauthenticated)
                {
                    state.refusals += 1;
                }
                state.cuts += 1;
                (state.socket, state.attempt_since) = (None, None);
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
                let forbidden = Some(ErrorCode::Unauthorized).filter(|forbidden| code == forbidden.as_str());
                let ledgers = state.socket.map(|(_, connection)| &self.connections[connection].ledgers);
                let asked =
                    ledgers.and_then(|ledgers| ledgers.get(&number(id).to_string())?.filter).filter(|_| forbidden.is_some());
                match wire.stream.and_then(|stream| self.open_run(client, stream)) {
                    Some(run) => {
                        run.finishing |= code != ErrorCode::CursorTooOld.as_str() || run.spec.on_gap == OnGap::Fail;
                        run.forbidden = run.forbidden.or(forbidden);
                    }
                    None => {
                        self.clients[client].stray_errors += 1;
                        self.clients[client].forbidden_asks.extend(asked);
                    }
                }
            }
            _ => {}
        }
    }

    /// The client sends.
    pub fn sent(&mut self, client: usize, frame: &ClientFrame) {
        let timeout = self.ping_timeout();
        let (until, limit) = (self.now + timeout, self.now + 4 * timeout);
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
}
