//! Planted bugs: what the oracle must catch. None of them touches the machines: each changes what a machine gets, or what
//! it says, into what a machine with that bug would have been told or have said.

use im_chats_protocol::client::ClientInput;
use im_chats_protocol::wire::close;
use im_chats_protocol::wire::frame::{ServerFrame, SubscriptionId};
use serde_json::Value;

use crate::world::World;

/// A bug that could have been written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// Client: a batch is taken wherever it begins.
    SkipChainCheck,
    /// Client: after a cut it asks for the head instead of its position.
    ResumeFromHead,
    /// Client: after a cut it asks for one event too early.
    ResumeTooEarly,
    /// Client: a batch counts as handled once it was given to the user.
    AckOnDelivery,
    /// Client: it grants far more credit than its window.
    NoCredit,
    /// Client: events go to a stream other than the one they were named for.
    ForgetWireIds,
    /// Client: frames of an earlier socket are taken for frames of the present one.
    LateFrames,
    /// Client: `caughtUp` and what it says are ignored.
    IgnoreCaughtUp,
    /// Client: a batch is lost on its way to the user.
    LoseBatch,
    /// Client: a batch is given to the user twice.
    DeliverTwice,
    /// Client: a batch is given to the user backwards.
    ReverseBatch,
    /// Client: leaving a stream is not told to the server.
    SwallowUnsubscribe,
    /// Client: credit is not given back.
    SwallowCredit,
    /// Client: silence is never a cut.
    NeverTimeOut,
    /// Client: being heard is taken for being able to speak.
    IgnoreMissingPong,
    /// Client: a refused token is asked for again for ever.
    RetryAuthForever,
    /// Client: a gap is skipped without a word.
    SilentGap,
    /// Client: the end of a stream is not told to its user.
    SwallowEnd,
    /// Client: a failed attempt is not reported.
    SwallowFailure,
    /// Server: it sends every page twice.
    ResendPage,
    /// Server: it leaves an event out.
    SkipEvent,
    /// Server: it forgets a stream's filter.
    ForgetFilter,
    /// Server: it takes every credit for a great one.
    IgnoreCredit,
    /// Server: it says "caught up" at once.
    EarlyCaughtUp,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 24] = [
        Self::SkipChainCheck,
        Self::ResumeFromHead,
        Self::ResumeTooEarly,
        Self::AckOnDelivery,
        Self::NoCredit,
        Self::ForgetWireIds,
        Self::LateFrames,
        Self::IgnoreCaughtUp,
        Self::LoseBatch,
        Self::DeliverTwice,
        Self::ReverseBatch,
        Self::SwallowUnsubscribe,
        Self::SwallowCredit,
        Self::NeverTimeOut,
        Self::IgnoreMissingPong,
        Self::RetryAuthForever,
        Self::SilentGap,
        Self::SwallowEnd,
        Self::SwallowFailure,
        Self::ResendPage,
        Self::SkipEvent,
        Self::ForgetFilter,
        Self::IgnoreCredit,
        Self::EarlyCaughtUp,
    ];
}

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
            (ClientInput::Frame { frame: Ok(Some(ServerFrame::Error(error))), .. }, Bug::RetryAuthForever) if error.fatal => {
                return Vec::new();
            }
            _ => {}
        }
        vec![input]
    }
}
