//! The client's session machine: every transcript of `docs/protocol.md` from the client's side, and what the page promises a
//! user beyond single exchanges.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

use std::collections::VecDeque;

use im_chats_protocol::client::{
    ClientInput, ClientOutput, Config, ConnectionState, FailedAttempt, Machine, OnGap, Plan, Start, Status, StreamId,
};
use im_chats_protocol::error::{Cause, Error, ErrorCode};
use im_chats_protocol::model::Cursor;
use im_chats_protocol::wire::frame::{ClientFrame, ClientInfo, ServerFrame, Subscribe, Topic};
use im_chats_transcript::{Directive, Step, Transcript};
use serde_json::{Value, json};

/// How a stream ended, and where.
type End = (Result<Option<u64>, Error>, Option<Cursor>);

/// One user with one machine, a clock and a server that the test plays.
struct Rig {
    machine: Machine<Value>,
    now: u64,
    attempt: u32,
    token_asked: bool,
    socket: Option<u32>,
    sent: VecDeque<Value>,
    batches: Vec<Value>,
    end: Option<End>,
    gaps: Vec<(u64, u64)>,
    told: Vec<Status>,
}

const STREAM: StreamId = 7;

const ADDRESS: &str = "ws://gateway.example/v1/events";

impl Rig {
    fn new(window: u64) -> Self {
        let client = ClientInfo { name: "im-chats".into(), version: "0.1.0".into() };
        Self {
            machine: Machine::new(Config { window, ..Config::new(client, ADDRESS.into()) }),
            now: 1_000_000,
            attempt: 0,
            token_asked: false,
            socket: None,
            sent: VecDeque::new(),
            batches: Vec::new(),
            end: None,
            gaps: Vec::new(),
            told: Vec::new(),
        }
    }

    fn feed(&mut self, input: ClientInput<Value>) {
        self.machine.handle(self.now, 0.5, input);
        while let Some(output) = self.machine.poll() {
            match output {
                ClientOutput::FetchToken { attempt } => (self.attempt, self.token_asked) = (attempt, true),
                ClientOutput::Connect { attempt } => self.socket = Some(attempt),
                ClientOutput::Send(frame) => self.sent.push_back(serde_json::to_value(frame).unwrap()),
                ClientOutput::Disconnect { .. } => self.socket = None,
                ClientOutput::Deliver { batch, .. } => self.batches.push(batch),
                ClientOutput::End { result, cursor, .. } => self.end = Some((result, cursor)),
                ClientOutput::Gap { from, to, .. } => self.gaps.push((from, to)),
                ClientOutput::Status(status) => self.told.push(status),
                ClientOutput::Attached { .. } => {}
            }
        }
    }

    fn open(&mut self, plan: Plan) {
        self.feed(ClientInput::Open { stream: STREAM, plan });
    }

    fn pull(&mut self) {
        self.feed(ClientInput::Pull { stream: STREAM });
    }

    fn frame(&mut self, frame: &Value) {
        let attempt = self.socket.expect("a socket is open");
        self.feed(ClientInput::Frame { attempt, frame: ServerFrame::read(frame, |events| events) });
    }

    fn cut(&mut self, code: u16) {
        self.cut_because(code, None);
    }

    fn cut_because(&mut self, code: u16, reason: Option<Error>) {
        let attempt = self.socket.take().expect("a socket is open");
        self.feed(ClientInput::Disconnected { attempt, code, reason });
    }

    /// The socket that is asked for never opens.
    fn refuse(&mut self, reason: Option<Error>) {
        assert!(std::mem::take(&mut self.token_asked), "a token was asked for");
        self.feed(ClientInput::Token { attempt: self.attempt, result: Ok("secret".into()) });
        self.cut_because(1006, reason);
    }

    fn advance(&mut self, ms: u64) {
        self.now += ms;
        self.feed(ClientInput::Tick);
    }

    /// Answers the token that was asked for, and opens the socket that is asked for then.
    fn connect(&mut self, token: &str) {
        assert!(std::mem::take(&mut self.token_asked), "a token was asked for");
        self.feed(ClientInput::Token { attempt: self.attempt, result: Ok(token.into()) });
        if let Some(attempt) = self.socket {
            self.feed(ClientInput::Connected { attempt });
        }
    }

    fn ready(&mut self, head: u64) {
        self.connect("secret");
        assert_eq!(self.sent.pop_front().unwrap()["type"], "init");
        self.frame(&ready_frame(head));
    }

    fn cursor(&self) -> Option<u64> {
        self.machine.cursor(STREAM).map(|cursor| cursor.sequence)
    }

    fn subscribe_frame(&mut self) -> Value {
        let frame = self.sent.pop_front().expect("subscribe was sent");
        assert_eq!(frame["type"], "subscribe");
        frame
    }

    /// A machine with one live stream that was attached at `head`, whose user waits for an event.
    fn live(window: u64, head: u64) -> Self {
        let mut rig = Self::new(window);
        rig.open(live_plan());
        rig.ready(head);
        let frame = rig.subscribe_frame();
        rig.attach(&frame, head, head);
        rig.pull();
        rig
    }

    fn attach(&mut self, subscribe: &Value, after: u64, head: u64) {
        let id = &subscribe["id"];
        self.frame(&json!({ "type": "subscribed", "id": id, "after": { "log": "log-1", "sequence": after }, "head": head }));
        if after == head {
            self.frame(&json!({ "type": "caughtUp", "id": id, "head": head }));
        }
    }

    /// The server answers the ping that was sent last.
    fn answer_ping(&mut self) {
        let ping = self.sent.pop_back().filter(|frame| frame["type"] == "ping").expect("a ping was sent");
        self.frame(&json!({ "type": "pong", "n": ping["n"] }));
    }

    fn events(&mut self, id: u64, prev: u64, through: u64, sequences: &[u64]) {
        let events: Vec<_> = sequences.iter().map(|sequence| json!({ "sequence": sequence })).collect();
        self.frame(&json!({ "type": "events", "id": id, "prev": prev, "through": through, "events": events }));
    }
}

fn ready_frame(head: u64) -> Value {
    json!({
        "type": "ready", "protocol": 1, "log": { "id": "log-1", "first": 0, "head": head }, "heartbeatIntervalMs": 15000,
        "limits": { "maxFrameBytes": 65536, "maxOutgoingFrameBytes": 1_048_576, "maxBatchEvents": 256, "maxSubscriptions": 64 }
    })
}

const fn live_plan() -> Plan {
    Plan { topic: Topic::Chats, chat: None, start: Start::Head, until_head: false, resume: true, on_gap: OnGap::Fail }
}

// -- the transcripts ----------------------------------------------------------------------------------------------------

#[test]
fn every_transcript_runs_from_the_clients_side() {
    let transcripts = im_chats_transcript::parse(include_str!("../../docs/protocol.md")).expect("docs/protocol.md can be read");
    let ours: Vec<_> = transcripts.iter().filter(|transcript| !transcript.server_only).collect();
    assert!(ours.len() >= 15, "only {} transcripts are the client's", ours.len());
    for transcript in ours {
        run(transcript);
    }
}

fn run(transcript: &Transcript) {
    let first = transcript.steps.iter().find_map(|(_, step)| subscribe_of(step));
    let mut rig = Rig::new(first.as_ref().map_or(1024, |subscribe| subscribe.credit));
    rig.open(first.as_ref().map_or_else(live_plan, plan_of));
    // Frames that the page shows no answer to: a transcript without a subscription still needs a stream to get a socket.
    let silent = first.is_none();
    let mut last_server: Option<Value> = None;
    for (line, step) in &transcript.steps {
        let place = format!("{} (line {line})", transcript.name);
        match step {
            Step::Client(text) => {
                let expected: Value = serde_json::from_str(text).unwrap();
                match expected["type"].as_str() {
                    Some("init") => rig.connect(expected["token"].as_str().unwrap()),
                    Some("credit") => rig.pull(),
                    Some("unsubscribe") => rig.feed(ClientInput::Cancel { stream: STREAM }),
                    Some("token") => {
                        // The server is heard all the time, until the client finds its token old.
                        while !rig.token_asked {
                            let left = rig.machine.deadline().unwrap() - rig.now;
                            rig.advance(left.saturating_sub(1).max(1));
                            rig.frame(&json!({ "type": "heartbeat", "head": 0 }));
                            rig.answer_ping();
                        }
                        rig.connect(expected["token"].as_str().unwrap());
                    }
                    _ => {}
                }
                assert_eq!(rig.sent.pop_front(), Some(expected), "{place}");
            }
            Step::Server(text) => {
                let frame: Value = serde_json::from_str(text).unwrap();
                rig.frame(&frame);
                if frame["type"] == "subscribed" {
                    rig.pull();
                }
                if frame["type"] == "events" && !frame["events"].as_array().unwrap().is_empty() {
                    assert_eq!(rig.batches.pop(), Some(frame["events"].clone()), "{place}");
                    // A user who only reads; where the page shows a credit next, the pull is what makes it.
                    if rig.machine.cursor(STREAM).is_some() && !transcript.name.contains("credit") {
                        rig.pull();
                        assert_eq!(rig.cursor(), frame["through"].as_u64(), "{place}");
                    }
                }
                last_server = Some(frame);
            }
            Step::Close(code) => rig.cut(*code),
            Step::Directive(Directive::Advance { ms }) => rig.advance(*ms),
            Step::Directive(_) => {}
        }
        if silent {
            rig.sent.retain(|frame| frame["type"] != "subscribe");
        }
    }
    assert!(rig.sent.is_empty(), "{}: the page does not show {:?}", transcript.name, rig.sent);
    // What the user of such a stream learns.
    let last = last_server.unwrap_or_default();
    let told = last["code"].as_str().filter(|_| last["id"].is_u64());
    if let Some(code) = told {
        rig.pull();
        let (result, _) = rig.end.take().expect("the stream ended");
        assert_eq!(result.unwrap_err().code, code, "{}", transcript.name);
    }
    if last["type"] == "complete" && transcript.name.starts_with("catch-up") {
        rig.pull();
        assert_eq!(rig.end.map(|(result, _)| result), Some(Ok(last["head"].as_u64())), "{}", transcript.name);
    }
}

fn subscribe_of(step: &Step) -> Option<Subscribe> {
    let Step::Client(text) = step else { return None };
    match serde_json::from_str(text) {
        Ok(ClientFrame::Subscribe(subscribe)) => Some(subscribe),
        _ => None,
    }
}

fn plan_of(subscribe: &Subscribe) -> Plan {
    Plan {
        topic: subscribe.topic,
        chat: subscribe.chat.clone(),
        start: subscribe.after.clone().map_or(Start::Head, Start::After),
        until_head: subscribe.until.is_some(),
        ..live_plan()
    }
}

// -- what a user is promised --------------------------------------------------------------------------------------------

#[test]
fn the_cursor_moves_when_the_next_event_is_asked_for() {
    let mut rig = Rig::live(1024, 10);
    rig.events(1, 10, 14, &[12, 13]);
    assert_eq!(rig.cursor(), Some(10), "given is not handled");
    rig.pull();
    assert_eq!(rig.cursor(), Some(14), "asked for more: handled, and nothing lies between 13 and 14");
    rig.events(1, 14, 20, &[]);
    assert_eq!(rig.cursor(), Some(20), "progress that the filter hid counts for a user who waits");
}

#[test]
fn a_cut_is_resumed_from_the_last_position_and_what_waits_is_still_delivered() {
    let mut rig = Rig::live(1024, 0);
    rig.events(1, 0, 1, &[1]);
    rig.events(1, 1, 2, &[2]);
    rig.cut(1006);
    assert_eq!(rig.machine.state(), ConnectionState::Reconnecting);
    assert_eq!(rig.machine.last_error().map(|error| error.code.as_ref()), Some("networkError"));
    rig.pull();
    assert_eq!(rig.batches.len(), 2, "what had come before the cut is the user's");
    rig.advance(125);
    rig.ready(5);
    let frame = rig.subscribe_frame();
    assert_eq!(frame["after"], json!({ "log": "log-1", "sequence": 2 }));
    assert_eq!(frame["credit"], 1023, "the event still with the user is not granted again");
    rig.attach(&frame, 2, 5);
    assert_eq!(rig.machine.state(), ConnectionState::CatchingUp);
    rig.events(2, 2, 5, &[3, 5]);
    rig.frame(&json!({ "type": "caughtUp", "id": 2, "head": 5 }));
    assert_eq!(rig.machine.state(), ConnectionState::Live);
    rig.pull();
    assert_eq!(rig.batches.concat_sequences(), [1, 2, 3, 5]);
}

trait Sequences {
    fn concat_sequences(&self) -> Vec<u64>;
}

impl Sequences for Vec<Value> {
    fn concat_sequences(&self) -> Vec<u64> {
        self.iter().flat_map(|batch| batch.as_array().unwrap()).map(|event| event["sequence"].as_u64().unwrap()).collect()
    }
}

#[test]
fn a_broken_chain_is_never_delivered() {
    type Batch<'a> = (u64, u64, &'a [u64]);
    let broken: [Batch<'_>; 7] = [
        (11, 12, &[12]),
        (9, 12, &[11]),
        (10, 9, &[]),
        (10, 12, &[13]),
        (10, 12, &[12, 11]),
        (10, 12, &[11, 11]),
        (10, 12, &[10]),
    ];
    for (prev, through, sequences) in broken {
        let mut rig = Rig::live(1024, 10);
        rig.events(1, prev, through, sequences);
        assert!(rig.batches.is_empty(), "{prev}..{through} {sequences:?}");
        assert_eq!((rig.socket, rig.cursor()), (None, Some(10)), "the socket is given up, the position kept");
    }
}

#[test]
fn a_stream_that_the_server_ended_asks_it_for_nothing_more() {
    let mut rig = Rig::new(2);
    rig.open(live_plan());
    rig.ready(0);
    let frame = rig.subscribe_frame();
    rig.attach(&frame, 0, 0);
    rig.events(1, 0, 1, &[1]);
    rig.events(1, 1, 2, &[2]);
    rig.frame(&json!({
        "type": "error", "id": 1, "fatal": false, "code": "cursorTooOld", "grpcCode": 11, "message": "gone", "retryable": false
    }));
    rig.advance(500);
    assert!(rig.socket.is_none(), "nothing is left to come");
    rig.pull();
    rig.pull();
    rig.pull();
    assert_eq!((rig.batches.concat_sequences(), rig.sent.len()), (vec![1, 2], 0), "no credit for a socket that is gone");
    assert_eq!(rig.end.unwrap().0.unwrap_err().code, "cursorTooOld");
}

#[test]
fn an_end_that_was_not_reached_is_a_broken_chain_too() {
    for kind in ["caughtUp", "complete"] {
        let mut rig = Rig::new(1024);
        rig.open(Plan { until_head: kind == "complete", ..live_plan() });
        rig.ready(10);
        let frame = rig.subscribe_frame();
        rig.attach(&frame, 5, 10);
        rig.pull();
        rig.frame(&json!({ "type": kind, "id": frame["id"], "head": 10 }));
        assert!(rig.end.is_none() && rig.socket.is_none(), "{kind}: events 6 to 10 were lost on their way");
        assert_eq!((rig.machine.state(), rig.cursor()), (ConnectionState::Reconnecting, Some(5)), "{kind}");
    }
}

#[test]
fn more_events_than_credit_are_refused() {
    let mut rig = Rig::live(2, 0);
    rig.events(1, 0, 3, &[1, 2, 3]);
    assert!(rig.batches.is_empty() && rig.socket.is_none());
}

#[test]
fn credit_comes_back_as_events_are_handled_and_never_exceeds_the_window() {
    let mut rig = Rig::live(4, 0);
    rig.events(1, 0, 2, &[1, 2]);
    assert!(rig.sent.is_empty());
    rig.pull();
    assert_eq!(rig.sent.pop_front(), Some(json!({ "type": "credit", "id": 1, "add": 2 })));
    rig.events(1, 2, 6, &[3, 4, 5, 6]);
    rig.events(1, 6, 7, &[7]);
    assert!(rig.socket.is_none(), "a fifth event was not paid for");
}

#[test]
fn silence_of_two_heartbeats_and_five_seconds_is_a_cut() {
    let mut rig = Rig::live(1024, 0);
    rig.advance(34_999);
    assert!(rig.socket.is_some());
    rig.advance(1);
    assert!(rig.socket.is_none());
    assert_eq!(rig.machine.state(), ConnectionState::Reconnecting);
}

#[test]
fn after_a_sleep_the_socket_is_probed_before_it_is_given_up() {
    let mut rig = Rig::live(1024, 0);
    rig.advance(3_600_000);
    assert_ne!(rig.machine.state(), ConnectionState::Live, "nothing was heard for an hour");
    rig.answer_ping();
    assert_eq!(rig.machine.state(), ConnectionState::Live);
    rig.feed(ClientInput::Wake);
    assert_eq!(rig.sent.pop_front().unwrap()["type"], "ping");
    rig.advance(3_000);
    assert!(rig.socket.is_none());
}

#[test]
fn what_lay_in_the_queue_while_the_machine_slept_does_not_answer_the_probe() {
    let mut rig = Rig::live(1024, 0);
    rig.advance(3_600_000);
    assert_eq!(rig.sent.pop_front().unwrap()["type"], "ping");
    rig.frame(&json!({ "type": "heartbeat", "head": 0 }));
    rig.advance(2_999);
    assert!(rig.socket.is_some(), "a frame buys time: the pong may be behind many more");
    rig.advance(1);
    assert!(rig.socket.is_none(), "dead since the sleep");
}

#[test]
fn a_server_that_is_heard_and_hears_nothing_is_a_cut() {
    let mut rig = Rig::live(1024, 0);
    rig.advance(15_000);
    rig.frame(&json!({ "type": "heartbeat", "head": 0 }));
    assert_eq!(rig.sent.back().unwrap()["type"], "ping");
    // Heartbeats go on coming: they show that the server lives, not that it hears.
    for _ in 0..2 {
        rig.advance(15_000);
        rig.frame(&json!({ "type": "heartbeat", "head": 0 }));
        assert_eq!(rig.sent.len(), 1, "one ping at a time");
    }
    rig.advance(4_999);
    assert_eq!(rig.machine.state(), ConnectionState::Live);
    rig.advance(1);
    assert!(rig.socket.is_none());
    let error = rig.machine.last_error().unwrap();
    assert_eq!((error.code.as_ref(), error.message.as_ref()), ("networkError", "the server no longer hears this client"));
}

#[test]
fn events_that_lie_before_the_pong_buy_it_time_and_a_probe_has_an_end_all_the_same() {
    let mut rig = Rig::live(1024, 0);
    rig.frame(&json!({ "type": "heartbeat", "head": 0 }));
    rig.advance(30_000);
    rig.events(1, 0, 1, &[1]);
    rig.advance(34_000);
    rig.frame(&json!({ "type": "heartbeat", "head": 1 }));
    assert!(rig.socket.is_some(), "35 s after the event, not after the ping");
    rig.advance(1_000);
    assert!(rig.socket.is_none());

    let mut rig = Rig::live(1024, 0);
    rig.frame(&json!({ "type": "heartbeat", "head": 0 }));
    let mut sequence = 0;
    while rig.socket.is_some() && sequence < 100 {
        rig.events(1, sequence, sequence + 1, &[sequence + 1]);
        sequence += 1;
        rig.advance(10_000);
    }
    assert_eq!(sequence, 14, "four times 35 s: events that trickle in do not hide that the server hears nothing");

    let mut rig = Rig::live(1024, 0);
    rig.feed(ClientInput::Wake);
    for second in 1..=34 {
        rig.advance(1_000);
        rig.frame(&json!({ "type": "heartbeat", "head": 0 }));
        assert!(rig.socket.is_some(), "a frame within 3 s, {second} s after the wake-up");
    }
    rig.advance(1_000);
    assert!(rig.socket.is_none(), "quick heartbeats do not keep a socket that never answers");
}

#[test]
fn a_socket_that_was_cut_during_the_sleep_is_not_probed() {
    let mut rig = Rig::live(1024, 0);
    rig.now += 3_600_000;
    rig.cut(1006);
    assert!(rig.sent.is_empty());
    assert_eq!(rig.machine.state(), ConnectionState::Reconnecting);
}

#[test]
fn a_socket_that_falls_silent_while_it_is_probed_is_not_called_live() {
    let mut rig = Rig::live(1024, 0);
    rig.advance(34_000);
    rig.feed(ClientInput::Wake);
    assert_eq!(rig.machine.state(), ConnectionState::Live);
    let until = rig.machine.deadline().unwrap() - rig.now;
    assert_eq!(until, 1_000, "35 s of silence come before the 3 s of the probe are over");
    rig.advance(until);
    assert_eq!(rig.machine.state(), ConnectionState::Reconnecting);
    rig.frame(&json!({ "type": "heartbeat", "head": 0 }));
    assert_eq!(rig.machine.state(), ConnectionState::Live, "the same socket, after all");
}

#[test]
fn a_refused_token_is_asked_for_once_more_and_then_final() {
    let mut rig = Rig::new(1024);
    rig.open(live_plan());
    rig.pull();
    rig.connect("old");
    rig.cut(4401);
    assert!(rig.end.is_none() && rig.token_asked);
    rig.connect("old");
    rig.cut(4401);
    let (result, _) = rig.end.take().unwrap();
    assert_eq!(result.unwrap_err().code, "unauthenticated");
    assert_eq!(rig.machine.state(), ConnectionState::Failed);
}

#[test]
fn tokens_that_are_accepted_and_end_at_once_do_not_make_a_loop_without_rest() {
    let mut rig = Rig::new(1024);
    rig.open(live_plan());
    let mut waits = Vec::new();
    for _ in 0..3 {
        rig.ready(0);
        rig.subscribe_frame();
        rig.cut(4401);
        waits.push(rig.machine.deadline().unwrap() - rig.now);
        rig.advance(*waits.last().unwrap());
    }
    assert_eq!(waits, [125, 250, 500]);
    assert!(rig.end.is_none(), "never refused twice in a row");
}

#[test]
fn a_refusal_of_long_ago_does_not_count() {
    let mut rig = Rig::new(1024);
    for _ in 0..2 {
        rig.open(live_plan());
        rig.pull();
        rig.connect("old");
        rig.cut(4401);
        assert!(rig.end.is_none() && rig.token_asked, "asked for once more");
        rig.feed(ClientInput::Cancel { stream: STREAM });
        rig.advance(500);
        assert_eq!(rig.machine.state(), ConnectionState::Idle);
        rig.end = None;
    }
}

#[test]
fn without_resume_a_cut_ends_the_stream_behind_its_last_event() {
    let mut rig = Rig::new(1024);
    rig.open(Plan { resume: false, ..live_plan() });
    rig.ready(0);
    let frame = rig.subscribe_frame();
    rig.attach(&frame, 0, 0);
    rig.events(1, 0, 1, &[1]);
    rig.cut(1006);
    rig.pull();
    assert_eq!(rig.batches.concat_sequences(), [1], "flush first");
    rig.pull();
    let (result, cursor) = rig.end.take().unwrap();
    assert_eq!(result.unwrap_err().code, "networkError");
    assert_eq!(cursor.map(|cursor| cursor.sequence), Some(1));
    assert_eq!(rig.machine.state(), ConnectionState::Idle);
}

#[test]
fn a_gap_fails_or_is_skipped_as_the_user_said_and_never_silently() {
    for on_gap in [OnGap::Fail, OnGap::Skip] {
        let mut rig = Rig::live(1024, 10);
        rig.cut(1006);
        rig.feed(ClientInput::Cancel { stream: STREAM });
        let start = Start::After(im_chats_protocol::wire::frame::After { log: Some("log-1".into()), sequence: 10 });
        rig.open(Plan { on_gap, start, ..live_plan() });
        rig.end = None;
        rig.pull();
        rig.ready(50);
        let id = rig.subscribe_frame()["id"].clone();
        rig.frame(&json!({
            "type": "error", "id": id, "fatal": false, "code": "cursorTooOld", "grpcCode": 11, "message": "gone",
            "retryable": false, "context": { "first": "40", "head": "50" }
        }));
        match on_gap {
            OnGap::Fail => assert_eq!(rig.end.unwrap().0.unwrap_err().context_value("first"), Some("40")),
            OnGap::Skip => {
                assert_eq!(rig.gaps, [(10, 40)]);
                assert_eq!(rig.subscribe_frame()["after"]["sequence"], 40);
            }
        }
    }
}

#[test]
fn a_stream_that_begins_behind_a_gap_has_its_cursor_there_at_once() {
    let after = Start::After(im_chats_protocol::wire::frame::After { log: None, sequence: 10 });
    let cases = [
        (Start::Beginning, OnGap::Fail, vec![]),
        (Start::Beginning, OnGap::Skip, vec![]),
        (after, OnGap::Skip, vec![(10, 30), (30, 40)]),
    ];
    for (start, on_gap, gaps) in cases {
        let mut rig = Rig::new(1024);
        rig.open(Plan { on_gap, start, ..live_plan() });
        rig.ready(50);
        for first in ["30", "40"] {
            let id = rig.subscribe_frame()["id"].clone();
            rig.frame(&json!({
                "type": "error", "id": id, "fatal": false, "code": "cursorTooOld", "grpcCode": 11, "message": "gone",
                "retryable": false, "context": { "first": first, "head": "50" }
            }));
        }
        let frame = rig.subscribe_frame();
        assert_eq!(frame["after"]["sequence"], 40);
        rig.attach(&frame, 40, 50);
        assert_eq!(rig.gaps, gaps, "the oldest event there is was asked for, or a gap is told");
        assert_eq!(rig.cursor(), Some(40), "a cursor saved now is still good");
    }
}

#[test]
fn the_last_stream_leaves_the_socket_open_for_a_moment() {
    let mut rig = Rig::live(1024, 0);
    rig.feed(ClientInput::Cancel { stream: STREAM });
    assert_eq!(rig.sent.pop_front(), Some(json!({ "type": "unsubscribe", "id": 1 })));
    assert_eq!(rig.end.take().map(|(result, _)| result), Some(Ok(None)), "whoever waits gets the end at once");
    rig.advance(499);
    assert!(rig.socket.is_some());
    rig.open(live_plan());
    assert_eq!(rig.subscribe_frame()["id"], 2, "the socket is used again, the name is not");
    rig.feed(ClientInput::Cancel { stream: STREAM });
    rig.advance(500);
    assert!(rig.socket.is_none());
    assert_eq!((rig.machine.state(), rig.machine.deadline()), (ConnectionState::Idle, None));
}

#[test]
fn closing_ends_every_stream_and_leaves_no_timer() {
    let mut rig = Rig::live(1024, 0);
    rig.feed(ClientInput::Close);
    assert_eq!(rig.end.take().map(|(result, _)| result), Some(Ok(None)));
    assert!(rig.socket.is_none());
    assert_eq!((rig.machine.state(), rig.machine.deadline()), (ConnectionState::Closed, None));
}

#[test]
fn tries_go_on_for_ever_with_growing_waits() {
    let mut rig = Rig::new(1024);
    rig.open(live_plan());
    let mut waits = Vec::new();
    for _ in 0..12 {
        let error = Error::new(ErrorCode::NetworkError, "down").retryable();
        rig.feed(ClientInput::Token { attempt: rig.attempt, result: Err(error) });
        waits.push(rig.machine.deadline().unwrap() - rig.now);
        rig.advance(*waits.last().unwrap());
    }
    assert_eq!(waits, [125, 250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000, 10_000, 10_000, 10_000]);
    assert_eq!(rig.machine.state(), ConnectionState::Reconnecting);
}

#[test]
fn every_failed_attempt_is_reported_with_its_number_its_cause_and_the_time_of_the_next() {
    let mut rig = Rig::new(1024);
    rig.open(live_plan());
    for number in 1..=5 {
        let cause = Cause::new(number);
        let reason = Error::new(ErrorCode::NetworkError, "connect ECONNREFUSED").retryable().with_cause(Some(cause.clone()));
        rig.refuse(Some(reason));
        let Status { state, failed, error } = rig.told.pop().expect("the failure was reported");
        let error = error.expect("with its cause");
        assert_eq!(state, ConnectionState::Reconnecting);
        assert_eq!(failed, Some(FailedAttempt { number, retry_at: rig.machine.deadline() }));
        assert_eq!(error.message, format!("could not connect to {ADDRESS}: connect ECONNREFUSED"));
        assert_eq!((error.cause.as_ref(), error.retryable), (Some(&cause), true));
        assert_eq!((error.context_value("address"), error.context_value("closeCode")), (Some(ADDRESS), Some("1006")));
        rig.advance(failed.unwrap().retry_at.unwrap() - rig.now);
    }
    rig.ready(0);
    let told = rig.told.pop().unwrap();
    assert_eq!((told.failed, told.error), (None, None), "it works again");
    rig.subscribe_frame();
    rig.cut(1006);
    let told = rig.told.pop().unwrap();
    assert_eq!(told.failed.map(|failed| failed.number), Some(0), "a connection that worked was lost");
    assert_eq!(told.error.unwrap().message, "the connection was cut");
    rig.advance(told.failed.unwrap().retry_at.unwrap() - rig.now);
    rig.refuse(None);
    let told = rig.told.pop().unwrap();
    assert_eq!(told.failed.map(|failed| failed.number), Some(1));
    assert_eq!(told.error.unwrap().message, format!("could not connect to {ADDRESS}"), "nothing is known of the reason");
}

#[test]
fn a_refusal_at_the_upgrade_decides_what_comes_next() {
    let reason = |code: ErrorCode, retryable: bool| {
        let error = Error::new(code, "no");
        Some(if retryable { error.retryable() } else { error })
    };
    // What an intermediary says may be over soon; what the gateway itself says of an origin stays so.
    let cases = [
        (reason(ErrorCode::ServiceUnavailable, true), ConnectionState::Reconnecting),
        (reason(ErrorCode::Unauthorized, true), ConnectionState::Reconnecting),
        (reason(ErrorCode::Unauthorized, false), ConnectionState::Failed),
        (reason(ErrorCode::PreconditionFailed, false), ConnectionState::Failed),
    ];
    for (reason, state) in cases {
        let mut rig = Rig::new(1024);
        rig.open(live_plan());
        rig.pull();
        let code = reason.as_ref().unwrap().code.clone();
        rig.refuse(reason);
        let told = rig.told.last().unwrap();
        assert_eq!((told.state, &told.error.as_ref().unwrap().code), (state, &code));
        let failed = told.failed.unwrap();
        assert_eq!((failed.number, failed.retry_at.is_some()), (1, state == ConnectionState::Reconnecting), "{code}");
        assert_eq!(rig.end.is_some(), state == ConnectionState::Failed, "{code}");
    }

    let mut rig = Rig::new(1024);
    rig.open(live_plan());
    rig.pull();
    rig.refuse(reason(ErrorCode::Unauthenticated, false));
    let failed = rig.told.last().unwrap().failed;
    assert_eq!(failed, Some(FailedAttempt { number: 1, retry_at: Some(rig.now) }), "a fresh token is asked for at once");
    rig.refuse(reason(ErrorCode::Unauthenticated, false));
    assert_eq!(rig.told.last().unwrap().failed, Some(FailedAttempt { number: 2, retry_at: None }));
    assert_eq!(rig.machine.state(), ConnectionState::Failed);
    assert_eq!(rig.end.unwrap().0.unwrap_err().code, "unauthenticated");
}

#[test]
fn without_resume_a_failed_attempt_is_reported_too_and_there_is_no_next() {
    let mut rig = Rig::new(1024);
    rig.open(Plan { resume: false, ..live_plan() });
    rig.pull();
    rig.refuse(None);
    let told = rig.told.last().unwrap();
    assert_eq!((told.state, told.failed), (ConnectionState::Idle, Some(FailedAttempt { number: 1, retry_at: None })));
    assert_eq!(rig.end.unwrap().0.unwrap_err().code, "networkError");
}

#[test]
fn an_attempt_that_takes_too_long_says_what_it_waited_for() {
    for (steps, expected) in [
        (0, "the token function gave no token within 15 s".to_owned()),
        (1, format!("could not connect to {ADDRESS}: no answer within 15 s")),
        (2, format!("{ADDRESS} did not accept the stream within 15 s")),
    ] {
        let mut rig = Rig::new(1024);
        rig.open(live_plan());
        if steps > 0 {
            rig.feed(ClientInput::Token { attempt: rig.attempt, result: Ok("secret".into()) });
        }
        if steps > 1 {
            rig.feed(ClientInput::Connected { attempt: rig.socket.unwrap() });
        }
        rig.advance(15_000);
        let told = rig.told.last().unwrap();
        assert_eq!((told.state, told.failed.unwrap().number), (ConnectionState::Reconnecting, 1));
        assert_eq!(told.error.as_ref().unwrap().message, expected);
    }
}

#[test]
fn a_fresh_token_that_cannot_be_had_is_reported_while_the_old_one_lasts() {
    let mut rig = Rig::new(1024);
    rig.open(live_plan());
    rig.connect("secret");
    let mut ready = ready_frame(0);
    ready["tokenExpiresInMs"] = json!(60_000);
    rig.frame(&ready);
    let frame = rig.sent.pop_back().unwrap();
    rig.attach(&frame, 0, 0);
    rig.advance(30_000);
    rig.frame(&json!({ "type": "heartbeat", "head": 0 }));
    rig.advance(24_000);
    assert!(std::mem::take(&mut rig.token_asked));
    let error = Error::new(ErrorCode::Unauthenticated, "signed out");
    rig.feed(ClientInput::Token { attempt: rig.attempt, result: Err(error.clone()) });
    let told = rig.told.last().unwrap();
    assert_eq!((told.state, told.error.as_ref(), told.failed), (ConnectionState::Live, Some(&error), None));
    rig.advance(5_000);
    rig.connect("fresh");
    rig.frame(&ready);
    let told = rig.told.last().unwrap();
    assert_eq!((told.state, told.error.as_ref()), (ConnectionState::Live, None));
}

#[test]
fn lag_is_what_the_user_has_not_handled_and_not_what_was_not_received() {
    let mut rig = Rig::live(4, 10);
    assert_eq!(rig.machine.lag(), 0);
    rig.events(1, 10, 12, &[11, 12]);
    rig.events(1, 12, 14, &[13, 14]);
    assert_eq!((rig.machine.lag(), rig.machine.state()), (4, ConnectionState::Live), "received, and not handled");
    rig.frame(&json!({ "type": "heartbeat", "head": 50_000 }));
    assert_eq!((rig.machine.lag(), rig.machine.head(STREAM)), (49_990, 50_000));
    rig.pull();
    assert_eq!(rig.machine.lag(), 49_988);
    rig.pull();
    assert_eq!(rig.machine.lag(), 49_986);
    rig.events(1, 14, 50_000, &[50_000]);
    rig.pull();
    assert_eq!(rig.machine.lag(), 0);
}

#[test]
fn what_another_stream_sees_does_not_put_one_behind_that_it_does_not_concern() {
    let mut rig = Rig::live(1024, 10);
    rig.feed(ClientInput::Open { stream: 8, plan: Plan { chat: Some("any;-;a@example.com".into()), ..live_plan() } });
    rig.feed(ClientInput::Pull { stream: 8 });
    let frame = rig.subscribe_frame();
    rig.attach(&frame, 10, 10);
    rig.events(1, 10, 15, &[15]);
    rig.pull();
    assert_eq!(rig.machine.lag(), 0, "the server would have sent what concerns the other one");
}

#[test]
fn late_callbacks_of_an_earlier_socket_do_nothing() {
    let mut rig = Rig::live(1024, 0);
    let old = rig.socket.unwrap();
    rig.cut(1006);
    rig.advance(125);
    rig.ready(0);
    let frame = rig.subscribe_frame();
    rig.attach(&frame, 0, 0);
    let events = json!({ "type": "events", "id": 2, "prev": 0, "through": 1, "events": [{ "sequence": 1 }] });
    rig.feed(ClientInput::Frame { attempt: old, frame: ServerFrame::read(&events, |events| events) });
    rig.feed(ClientInput::Disconnected { attempt: old, code: 4400, reason: None });
    assert!(rig.batches.is_empty());
    assert_eq!(rig.machine.state(), ConnectionState::Live);
}

#[test]
fn a_stream_that_cannot_begin_says_so_although_nobody_pulls() {
    let refused = json!({ "type": "error", "id": 1, "fatal": false, "code": "cursorAhead", "grpcCode": 11, "message": "beyond",
        "retryable": false, "context": { "first": "0", "head": "5" } });
    let mut rig = Rig::new(1024);
    rig.open(live_plan());
    rig.ready(5);
    rig.subscribe_frame();
    rig.frame(&refused);
    assert_eq!(rig.end.take().expect("it ended").0.unwrap_err().code, "cursorAhead");

    let mut rig = Rig::new(1024);
    rig.open(Plan { resume: false, ..live_plan() });
    rig.connect("secret");
    rig.cut(1006);
    assert_eq!(rig.end.take().expect("it ended").0.unwrap_err().code, "networkError");

    let mut rig = Rig::new(1024);
    rig.feed(ClientInput::Close);
    rig.open(live_plan());
    assert_eq!(rig.end.take().expect("it ended").0, Ok(None));
}

#[test]
fn an_end_never_overtakes_an_event_that_its_user_has_not_handled() {
    let mut rig = Rig::new(1024);
    rig.open(Plan { resume: false, ..live_plan() });
    rig.ready(0);
    let frame = rig.subscribe_frame();
    rig.attach(&frame, 0, 0);
    rig.events(1, 0, 1, &[1]);
    rig.cut(1006);
    assert!(rig.end.is_none(), "an event waits");
    rig.pull();
    assert!(rig.end.is_none(), "the event is with its user");
    rig.pull();
    let (result, cursor) = rig.end.take().expect("it ended");
    assert_eq!(result.unwrap_err().code, "networkError");
    assert_eq!(cursor.map(|cursor| cursor.sequence), Some(1), "asked for more: the event is handled");
}

#[test]
fn the_position_is_known_once_attached_and_follows_what_the_filter_hides_before_the_first_event() {
    let mut rig = Rig::new(1024);
    rig.open(live_plan());
    rig.ready(10);
    assert_eq!(rig.cursor(), None);
    let frame = rig.subscribe_frame();
    rig.attach(&frame, 10, 10);
    assert_eq!(rig.cursor(), Some(10));
    rig.events(1, 10, 20, &[]);
    assert_eq!(rig.cursor(), Some(20), "nothing was given, so nothing is unfinished");
    rig.events(1, 20, 21, &[21]);
    assert_eq!(rig.cursor(), Some(20));
}

#[test]
fn streams_beyond_the_servers_limit_end_with_an_error_of_their_own() {
    let mut rig = Rig::new(1024);
    let mut ready = ready_frame(0);
    ready["limits"]["maxSubscriptions"] = json!(2);
    for stream in 1..=4 {
        rig.feed(ClientInput::Open { stream, plan: live_plan() });
    }
    rig.connect("secret");
    rig.sent.clear();
    rig.frame(&ready);
    assert_eq!(rig.sent.len(), 2, "two subscribe frames");
    let (result, _) = rig.end.take().expect("two ended");
    let error = result.unwrap_err();
    assert_eq!((error.code.as_ref(), error.context_value("limit")), ("subscriptionLimitExceeded", Some("2")));
    assert_eq!(error.category(), im_chats_protocol::error::Category::RateLimit);
    // One that leaves makes room for another.
    rig.sent.clear();
    rig.feed(ClientInput::Cancel { stream: 1 });
    rig.feed(ClientInput::Open { stream: 5, plan: live_plan() });
    let types: Vec<_> = rig.sent.iter().map(|frame| frame["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(types, ["unsubscribe", "subscribe"]);
    assert!(rig.end.is_none());
}

#[test]
fn frames_find_their_stream_among_thousands_that_come_and_go() {
    let mut rig = Rig::new(1024);
    let mut ready = ready_frame(0);
    ready["limits"]["maxSubscriptions"] = json!(4096);
    rig.feed(ClientInput::Open { stream: 1, plan: live_plan() });
    rig.connect("secret");
    rig.frame(&ready);
    let mut wire_id_of_first = rig.sent.pop_back().unwrap()["id"].clone();
    for round in 0..3_u32 {
        let streams: Vec<_> = (2..500).map(|stream| round * 1000 + stream).collect();
        for stream in &streams {
            rig.feed(ClientInput::Open { stream: *stream, plan: live_plan() });
        }
        for stream in &streams {
            rig.feed(ClientInput::Cancel { stream: *stream });
        }
        if round == 1 {
            rig.cut(1006);
            rig.advance(20_000);
            rig.connect("secret");
            rig.sent.clear();
            rig.frame(&ready);
            wire_id_of_first = rig.sent.pop_back().unwrap()["id"].clone();
        }
    }
    rig.frame(&json!({ "type": "subscribed", "id": wire_id_of_first, "after": { "log": "log-1", "sequence": 0 }, "head": 0 }));
    rig.feed(ClientInput::Pull { stream: 1 });
    rig.events(wire_id_of_first.as_u64().unwrap(), 0, 1, &[1]);
    assert_eq!(rig.batches.concat_sequences(), [1]);
}

#[test]
fn a_server_cannot_ask_for_a_wait_or_a_silence_without_end() {
    let most = 1_u64 << 53;
    let mut rig = Rig::live(4, 0);
    rig.frame(&json!({ "type": "drain", "reconnectMinMs": most - 1, "reconnectMaxMs": most - 1 }));
    rig.cut(1001);
    let retry_at = rig.told.last().unwrap().failed.unwrap().retry_at.unwrap();
    assert_eq!(retry_at - rig.now, 60_000);
    rig.advance(60_000);
    rig.connect("secret");
    rig.sent.clear();
    let mut frame = ready_frame(0);
    frame["heartbeatIntervalMs"] = json!(most - 1);
    rig.frame(&frame);
    let silence = rig.machine.deadline().unwrap() - rig.now;
    assert!(silence <= 605_000, "{silence} ms of silence would pass for health");
}
