//! One user with one machine, and a server that the test plays.

use std::collections::VecDeque;

use im_chats_protocol::client::{ClientInput, ClientOutput, Config, Machine, OnGap, Plan, Start, Status, StreamId};
use im_chats_protocol::error::Error;
use im_chats_protocol::model::Cursor;
use im_chats_protocol::wire::filter::Filter;
use im_chats_protocol::wire::frame::{ClientInfo, ServerFrame, Topic};
use serde_json::{Value, json};

/// How a stream ended, and where.
pub type End = (Result<Option<u64>, Error>, Option<Cursor>);

/// One user with one machine, a clock and a server that the test plays.
pub struct Rig {
    pub machine: Machine<Value>,
    pub now: u64,
    /// The latest question for a token.
    pub ask: u32,
    pub token_asked: bool,
    pub socket: Option<u32>,
    pub sent: VecDeque<Value>,
    pub batches: Vec<Value>,
    pub end: Option<End>,
    pub gaps: Vec<(u64, u64)>,
    pub statuses: Vec<Status>,
}

pub const STREAM: StreamId = 7;

pub const ADDRESS: &str = "ws://gateway.example/v1/events";

impl Rig {
    pub fn new(window: u64) -> Self {
        Self::with(|config| config.window = window)
    }

    /// A machine whose settings differ from the documented ones.
    pub fn with(set: impl FnOnce(&mut Config)) -> Self {
        let client = ClientInfo { name: "im-chats".into(), version: "0.1.0".into() };
        let mut config = Config::new(client, ADDRESS.into());
        set(&mut config);
        Self {
            machine: Machine::new(config),
            now: 1_000_000,
            ask: 0,
            token_asked: false,
            socket: None,
            sent: VecDeque::new(),
            batches: Vec::new(),
            end: None,
            gaps: Vec::new(),
            statuses: Vec::new(),
        }
    }

    pub fn feed(&mut self, input: ClientInput<Value>) {
        self.machine.handle(self.now, 0.5, input);
        while let Some(output) = self.machine.poll() {
            match output {
                ClientOutput::FetchToken { ask } => (self.ask, self.token_asked) = (ask, true),
                ClientOutput::Connect { attempt } => self.socket = Some(attempt),
                ClientOutput::Send(frame) => self.sent.push_back(frame.write()),
                ClientOutput::Disconnect { .. } => self.socket = None,
                ClientOutput::Deliver { batch, .. } => self.batches.push(batch),
                ClientOutput::End { result, cursor, .. } => self.end = Some((result, cursor)),
                ClientOutput::Gap { from, to, .. } => self.gaps.push((from, to)),
                ClientOutput::Status(status) => self.statuses.push(status),
                ClientOutput::Attached { .. } => {}
            }
        }
    }

    pub fn open(&mut self, plan: Plan) {
        self.feed(ClientInput::Open { stream: STREAM, plan });
    }

    pub fn pull(&mut self) {
        self.feed(ClientInput::Pull { stream: STREAM });
    }

    pub fn frame(&mut self, frame: &Value) {
        let attempt = self.socket.expect("a socket is open");
        self.feed(ClientInput::Frame { attempt, frame: ServerFrame::read(frame, Value::clone) });
    }

    pub fn cut(&mut self, code: u16) {
        self.cut_because(code, None);
    }

    pub fn cut_because(&mut self, code: u16, reason: Option<Error>) {
        let attempt = self.socket.take().expect("a socket is open");
        self.feed(ClientInput::Disconnected { attempt, code, reason });
    }

    /// The socket that is asked for never opens.
    pub fn refuse(&mut self, reason: Option<Error>) {
        assert!(std::mem::take(&mut self.token_asked), "a token was asked for");
        self.feed(ClientInput::Token { ask: self.ask, result: Ok("secret".into()) });
        self.cut_because(1006, reason);
    }

    pub fn advance(&mut self, ms: u64) {
        self.now += ms;
        self.feed(ClientInput::Tick);
    }

    /// Answers the token that was asked for, and opens the socket that is asked for then.
    pub fn connect(&mut self, token: &str) {
        assert!(std::mem::take(&mut self.token_asked), "a token was asked for");
        self.feed(ClientInput::Token { ask: self.ask, result: Ok(token.into()) });
        if let Some(attempt) = self.socket {
            self.feed(ClientInput::Connected { attempt });
        }
    }

    pub fn ready(&mut self, head: u64) {
        self.connect("secret");
        assert_eq!(self.sent.pop_front().unwrap()["type"], "init");
        self.frame(&ready_frame(head));
    }

    pub fn cursor(&self) -> Option<u64> {
        self.machine.cursor(STREAM).map(|cursor| cursor.sequence)
    }

    pub fn subscribe_frame(&mut self) -> Value {
        let frame = self.sent.pop_front().expect("subscribe was sent");
        assert_eq!(frame["type"], "subscribe");
        frame
    }

    /// A machine with one live stream that was attached at `head`, whose user waits for an event.
    pub fn live(window: u64, head: u64) -> Self {
        let mut rig = Self::new(window);
        rig.open(live_plan());
        rig.ready(head);
        let frame = rig.subscribe_frame();
        rig.attach(&frame, head, head);
        rig.pull();
        rig
    }

    pub fn attach(&mut self, subscribe: &Value, after: u64, head: u64) {
        let id = &subscribe["id"];
        self.frame(&json!({ "type": "subscribed", "id": id, "after": { "log": "log-1", "sequence": after }, "head": head }));
        if after == head {
            self.frame(&json!({ "type": "caughtUp", "id": id, "head": head }));
        }
    }

    /// The server answers the ping that was sent last.
    pub fn answer_ping(&mut self) {
        let ping = self.sent.pop_back().filter(|frame| frame["type"] == "ping").expect("a ping was sent");
        self.frame(&json!({ "type": "pong", "n": ping["n"] }));
    }

    pub fn events(&mut self, id: u64, prev: u64, through: u64, sequences: &[u64]) {
        let events: Vec<_> = sequences.iter().map(|sequence| json!({ "sequence": sequence })).collect();
        self.frame(&json!({ "type": "events", "id": id, "prev": prev, "through": through, "events": events }));
    }
}

pub fn ready_frame(head: u64) -> Value {
    json!({
        "type": "ready", "protocol": 1, "log": { "id": "log-1", "first": 0, "head": head }, "heartbeatIntervalMs": 15000,
        "limits": { "maxFrameBytes": 65536, "maxOutgoingFrameBytes": 1_048_576, "maxBatchEvents": 256, "maxSubscriptions": 64 },
        "features": ["filters"]
    })
}

/// That of a server whose tokens end.
pub fn ready_for(life_ms: u64) -> Value {
    let mut frame = ready_frame(0);
    frame["tokenExpiresInMs"] = json!(life_ms);
    frame
}

/// The refusal of the subscription `id`, of a log that begins behind `first`.
pub fn too_old(id: &Value, first: &str) -> Value {
    json!({
        "type": "error", "id": id, "fatal": false, "code": "cursorTooOld", "grpcCode": 11, "message": "gone", "retryable": false,
        "context": { "first": first, "head": "50" }
    })
}

pub const fn live_plan() -> Plan {
    Plan { filter: Filter::of(Topic::Chats), start: Start::Head, until_head: false, resume: true, on_gap: OnGap::Fail }
}

pub trait Sequences {
    fn concat_sequences(&self) -> Vec<u64>;
}

impl Sequences for Vec<Value> {
    fn concat_sequences(&self) -> Vec<u64> {
        self.iter().flat_map(|batch| batch.as_array().unwrap()).map(|event| event["sequence"].as_u64().unwrap()).collect()
    }
}
