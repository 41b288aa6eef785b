//! What a planted bug does to an input of a client's machine.

use im_chats_protocol::client::ClientInput;
use im_chats_protocol::error::GrpcCode;
use im_chats_protocol::wire::close;
use im_chats_protocol::wire::frame::{ServerFrame, SubscriptionId};
use serde_json::Value;

use crate::bugs::Bug;
use crate::world::World;

impl World<'_> {
    pub fn tamper_with_input(&mut self, client: usize, mut input: ClientInput<Value>) -> Vec<ClientInput<Value>> {
        let Some(bug) = self.bug else { return vec![input] };
        let state = &mut self.clients[client];
        let present = state.socket.map(|(attempt, _)| attempt);
        match (&mut input, bug) {
            (ClientInput::Frame { frame: Ok(Some(ServerFrame::Events { id, prev, .. })), .. }, Bug::SkipChainCheck) => {
                if let SubscriptionId::Number(id) = id
                    && let Some(position) = state.wires.get(id).and_then(|wire| wire.position)
                {
                    *prev = position;
                }
            }
            (ClientInput::Frame { frame: Ok(Some(ServerFrame::Events { id, .. })), .. }, Bug::ForgetWireIds) => {
                if let Some(last) = state.wires.keys().next_back() {
                    *id = SubscriptionId::Number(*last);
                }
            }
            (ClientInput::Frame { attempt, .. } | ClientInput::Disconnected { attempt, .. }, Bug::LateFrames) => {
                *attempt = present.unwrap_or(*attempt);
            }
            (ClientInput::Frame { frame: Ok(Some(ServerFrame::CaughtUp { .. })), .. }, Bug::IgnoreCaughtUp) => {
                return Vec::new();
            }
            (ClientInput::Tick, Bug::NeverTimeOut) => {
                if let Some(attempt) = present {
                    let frame = Ok(Some(ServerFrame::Heartbeat { head: 0 }));
                    return vec![ClientInput::Frame { attempt, frame }, input];
                }
            }
            (ClientInput::Frame { attempt, frame: Ok(Some(ServerFrame::Heartbeat { .. })) }, Bug::IgnoreMissingPong) => {
                let answer = state.ping.map(|ping| ServerFrame::Pong { n: ping.n });
                let answer = answer.map(|pong| ClientInput::Frame { attempt: *attempt, frame: Ok(Some(pong)) });
                return [Some(input), answer].into_iter().flatten().collect();
            }
            (ClientInput::Disconnected { code, .. }, Bug::RetryAuthForever) if *code == close::UNAUTHENTICATED => {
                *code = close::ABNORMAL
            }
            (ClientInput::Disconnected { code, .. }, Bug::RetryForbidden) if *code == close::FORBIDDEN => {
                *code = close::ABNORMAL
            }
            (
                ClientInput::Frame { frame: Ok(Some(ServerFrame::Error(error))), .. },
                Bug::RetryAuthForever | Bug::RetryForbidden,
            ) if error.fatal => {
                let code = if bug == Bug::RetryForbidden { GrpcCode::PermissionDenied } else { GrpcCode::Unauthenticated };
                if u32::from(error.grpc_code) == u32::from(code.number()) {
                    return Vec::new();
                }
            }
            _ => {}
        }
        vec![input]
    }
}
