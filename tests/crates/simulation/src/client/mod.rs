//! A client's process: the real machine, and what the binding does around it. It may use `state`, `bugs` and the world.

mod life;
mod traffic;

use im_chats_protocol::client::{ClientInput, ClientOutput, Config, ConnectionState, Silence, Status};
use im_chats_protocol::wire::frame::ServerFrame;
use serde_json::Value;

use crate::bugs::Bug;
use crate::world::World;

impl World<'_> {
    /// Something happens to a client's machine, as soon as it is awake.
    pub fn feed(&mut self, client: usize, input: ClientInput<Value>) {
        let now = self.now;
        let state = &mut self.clients[client];
        if state.machine.is_none() || self.report.failure.is_some() {
            return;
        }
        if state.is_frozen(now) {
            return state.deferred.push_back(input);
        }
        let fails = state.fails(&input);
        self.observe(client, &input);
        for input in self.tamper_with_input(client, input) {
            self.handle(client, input, fails);
        }
        self.arm(client);
        let state = &mut self.clients[client];
        if state.machine.as_ref().is_some_and(|machine| machine.state() == ConnectionState::Idle) {
            state.refusals = 0;
        }
        self.check_client(client);
    }

    fn handle(&mut self, client: usize, input: ClientInput<Value>, fails: bool) {
        let now = self.now;
        let pulls = matches!(input, ClientInput::Pull { .. });
        // A fresh token may be refused for the same reason again, which is news all the same.
        let repeats = matches!(input, ClientInput::Token { result: Err(_), .. });
        let frame = match &input {
            ClientInput::Frame { attempt, frame: Ok(Some(frame)) }
                if self.clients[client].socket.is_some_and(|(a, _)| a == *attempt) =>
            {
                Some(frame.clone())
            }
            _ => None,
        };
        self.report.inputs += 1;
        let state = &mut self.clients[client];
        let random = state.rng.f64();
        let Some(machine) = &mut state.machine else { return };
        let before = machine.last_error().cloned();
        let was_ready = state.is_ready;
        machine.handle(now, random, input);
        // An attempt may be lost without a socket, and for the same reason as the one before.
        let overdue = state.attempt_since.is_some_and(|since| since + Config::CONNECT_TIMEOUT_MS <= now);
        let lost = fails || machine.last_error().is_some_and(|error| before.as_ref() != Some(error)) || overdue;
        if lost {
            state.cuts += 1;
            state.attempt_since = None;
        }
        let mut outputs: Vec<_> = std::iter::from_fn(|| machine.poll()).collect();
        if self.bug == Some(Bug::SwallowFailure) {
            outputs.retain(|output| !matches!(output, ClientOutput::Status(Status { failed: Some(_), .. })));
        }
        // An attempt that nobody needs any more may be given up before its time is over: nothing failed then.
        let given_up = machine.state() == ConnectionState::Idle && !fails;
        self.check_reports(client, fails || (overdue && !given_up), repeats, &outputs);
        let state = &mut self.clients[client];
        let Some(machine) = &mut state.machine else { return };
        // A frame may be taken and the socket given up all the same, because a deadline had passed.
        let too_late = machine.last_error().and_then(Silence::of).is_some();
        let hung_up = !too_late && outputs.iter().any(|output| matches!(output, ClientOutput::Disconnect { .. }));
        // Before `ready` a heartbeat says nothing: a link that swallows frames may have swallowed that one.
        if let Some(ServerFrame::Heartbeat { head }) = frame.as_ref().filter(|_| was_ready) {
            self.heard_head(client, *head);
        }
        if let Some(frame) = frame.filter(|_| !hung_up) {
            self.accepted(client, &frame);
        }
        for output in outputs {
            self.client_output(client, output, pulls);
        }
    }
}
