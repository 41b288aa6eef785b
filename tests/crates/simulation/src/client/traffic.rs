//! What a client's machine asks for, carried out, and what comes to it from the network.

use im_chats_protocol::client::{Ask, ClientInput, ClientOutput, ConnectionState, Status};
use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::wire::frame::{ClientFrame, ServerFrame, SubscriptionId};
use serde_json::Value;

use crate::bugs::Bug;
use crate::state::connection::{Connection, Parcel};
use crate::state::server::SUBJECTS;
use crate::tokens::{Rights, Token};
use crate::world::{Event, World};

impl World<'_> {
    pub fn client_output(&mut self, client: usize, output: ClientOutput<Value>, pulls: bool) {
        match output {
            ClientOutput::FetchToken { ask } => self.fetch_token(client, ask),
            ClientOutput::Connect { attempt } => {
                let (born, latency) = (self.clients[client].born, self.clients[client].spec.latency_ms);
                let mut connection = Connection::new(client, born, attempt, latency, self.seed);
                let delay = 2 * connection.delay();
                self.connections.push(connection);
                let index = self.connections.len() - 1;
                self.say(|| format!("c{client}: connect, attempt {attempt}"));
                let state = &mut self.clients[client];
                state.socket = Some((attempt, index));
                state.wires.clear();
                state.refused_in_words = None;
                self.after(delay, Event::Reach { connection: index });
            }
            ClientOutput::Send(frame) => self.client_sends(client, frame),
            ClientOutput::Disconnect { code } => {
                self.say(|| format!("c{client}: disconnect {code}"));
                let state = &mut self.clients[client];
                state.cuts += 1;
                (state.probe_until, state.ping) = (None, None);
                state.wires.clear();
                if let Some((_, connection)) = state.socket.take() {
                    self.send(connection, true, Parcel::Close(code));
                }
            }
            ClientOutput::Attached { stream } => self.attached(client, stream),
            ClientOutput::Deliver { stream, batch } => self.delivered(client, stream, batch, pulls),
            ClientOutput::Gap { stream, from, to } => self.gap(client, stream, from, to),
            ClientOutput::End { stream, result, cursor } => self.ended(client, stream, result, cursor),
            ClientOutput::Status(Status { state, failed, .. }) => {
                self.say(|| format!("c{client}: {}, {failed:?}", state.as_str()));
                let client = &mut self.clients[client];
                client.watches = state.wants_wake_ups();
                let (refused, forbidden) = (client.refusals >= 2, client.refusal);
                if matches!(state, ConnectionState::Idle | ConnectionState::Failed | ConnectionState::Closed) {
                    (client.refusals, client.refusal) = (0, None);
                    (client.probe_until, client.ping, client.attempt_since) = (None, None, None);
                    client.failed_attempts = 0;
                }
                if state == ConnectionState::Failed {
                    client.seats.iter_mut().filter_map(|seat| seat.run.as_mut()).for_each(|run| {
                        run.finishing |= run.known;
                        run.refused = refused;
                        run.forbidden = run.forbidden.or(forbidden);
                    });
                }
            }
        }
    }

    fn fetch_token(&mut self, client: usize, ask: Ask) {
        let now = self.now;
        let state = &mut self.clients[client];
        state.ask = ask;
        if state.socket.is_none() {
            state.attempt_since = Some(now);
            state.attempts.push_back(now);
            while state.attempts.front().is_some_and(|at| at + 10_000 < now) {
                state.attempts.pop_front();
            }
        }
        let delay = if now < state.slow_token_until { state.rng.u64(0..=state.slow_token_by) } else { state.rng.u64(0..4) };
        let result = if now < state.fail_token_until {
            Err(Error::new(ErrorCode::NetworkError, "no token to be had"))
        } else if now < state.bad_token_until {
            Ok(if state.forbidden { "forbidden".to_owned() } else { "bad".to_owned() })
        } else {
            let short = (now < state.short_token_until).then_some(state.short_token_life);
            let ends = short.or(state.spec.token_life_ms).map_or(0, |life| now + life);
            // Every client has its own subject.
            let subject = (state.rights.subject + client as u8) % SUBJECTS as u8;
            Ok(Token { rights: Rights { subject, ..state.rights }, issued: now, ends }.write())
        };
        let born = state.born;
        self.say(|| format!("c{client}: token for question {ask}: {result:?} in {delay} ms"));
        self.after(delay, Event::Token { client, born, ask, result });
    }

    fn client_sends(&mut self, client: usize, mut frame: ClientFrame) {
        let Some((_, connection)) = self.clients[client].socket else {
            return self.fail(format!("c{client} sends without a socket: {frame:?}"));
        };
        let resumed = self.clients[client].cuts > 0;
        match (&mut frame, self.bug) {
            (ClientFrame::Subscribe(ask), Some(Bug::ResumeFromHead)) if resumed => ask.after = None,
            (ClientFrame::Subscribe(ask), Some(Bug::ResumeTooEarly)) if resumed => {
                if let Some(after) = &mut ask.after {
                    after.sequence = after.sequence.saturating_sub(1);
                }
            }
            (ClientFrame::Subscribe(ask), Some(Bug::NoCredit)) => ask.credit = 1_000_000,
            (ClientFrame::Unsubscribe { id: SubscriptionId::Number(id) }, Some(Bug::SwallowUnsubscribe)) => {
                self.clients[client].wires.remove(id);
                return;
            }
            (ClientFrame::Credit { .. }, Some(Bug::SwallowCredit)) => return,
            _ => {}
        }
        self.sent(client, &frame);
        self.send(connection, true, Parcel::Up(frame.write()));
    }

    /// Something came out of a connection at its client's end.
    pub fn client_parcel(&mut self, index: usize, parcel: Parcel) {
        let connection = &self.connections[index];
        let (client, attempt) = (connection.client, connection.attempt);
        if connection.born != self.clients[client].born {
            return;
        }
        let input = match parcel {
            Parcel::Down(frame, _) => {
                self.say(|| format!("c{client} ← s  {} {}", frame["type"], frame["id"]));
                ClientInput::Frame { attempt, frame: ServerFrame::read(&frame, Value::clone) }
            }
            Parcel::Close(code) => {
                self.say(|| format!("c{client} ← s  close {code} of attempt {attempt}"));
                ClientInput::Disconnected { attempt, code, reason: None }
            }
            Parcel::Up(_) => return,
        };
        self.feed(client, input);
    }
}
