//! What a server may say to the client: any frames, in any order, with cuts, sleeps and pulls in between.
//!
//! An input is read line by line. `!CODE` is the socket's end, `+MS` is time that passes, `?` is a user who asks for more; any
//! other line is a text frame.

use im_chats_protocol::client::{ClientInput, ClientOutput, Config, Machine, OnGap, Plan, Start};
use im_chats_protocol::number::MAX_SAFE_INTEGER;
use im_chats_protocol::wire::close;
use im_chats_protocol::wire::codec::WrongField;
use im_chats_protocol::wire::filter::Filter;
use im_chats_protocol::wire::frame::{ClientFrame, ClientInfo, ServerFrame, Topic};
use im_chats_transcript::{Directive, Step};
use serde_json::Value;

const STREAM: u32 = 1;
const WINDOW: u64 = 8;

/// Lines read of one input: a long one finds nothing that two short ones do not.
const MAX_LINES: usize = 64;

/// One user, who was given events up to `last`.
struct Seat {
    machine: Machine<Value>,
    now: u64,
    attempt: u32,
    last: u64,
    credit: u64,
}

pub(crate) fn run(data: &[u8]) {
    let client = ClientInfo { name: "fuzz".into(), version: "0".into() };
    let machine = Machine::new(Config { window: WINDOW, ..Config::new(client, "ws://fuzz/v1/events".into()) });
    let mut seat = Seat { machine, now: 0, attempt: 0, last: 0, credit: 0 };
    let plan = Plan {
        filter: Filter::of(Topic::Chats),
        start: Start::Beginning,
        until_head: data.first().is_some_and(|byte| byte % 2 == 1),
        resume: true,
        on_gap: OnGap::Skip,
    };
    seat.feed(ClientInput::Open { stream: STREAM, plan });
    for line in data.split(|byte| *byte == b'\n').take(MAX_LINES) {
        let Ok(line) = std::str::from_utf8(line) else { continue };
        let number = || line.get(1..).and_then(|rest| rest.parse::<u64>().ok()).unwrap_or(1);
        match line.chars().next() {
            Some('!') => {
                let (attempt, code) = (seat.attempt, u16::try_from(number()).unwrap_or(close::ABNORMAL));
                seat.feed(ClientInput::Disconnected { attempt, code, reason: None });
            }
            Some('+') => {
                seat.now = seat.now.saturating_add(number()).min(MAX_SAFE_INTEGER);
                seat.feed(ClientInput::Tick);
            }
            Some('?') => seat.feed(ClientInput::Pull { stream: STREAM }),
            _ => {
                let frame = match serde_json::from_str::<Value>(line) {
                    Ok(frame) => ServerFrame::read(&frame, Value::clone),
                    Err(_) => Err(WrongField::FRAME),
                };
                let attempt = seat.attempt;
                seat.feed(ClientInput::Frame { attempt, frame });
            }
        }
        // Time stands still here, so a deadline may be now; it must not lie in the past, where it would be due for ever.
        let overdue = seat.machine.deadline().is_some_and(|deadline| deadline < seat.now);
        assert!(!overdue, "a deadline stays due: {:?} at {}", seat.machine.deadline(), seat.now);
    }
    seat.feed(ClientInput::Close);
    assert_eq!(seat.machine.deadline(), None, "a closed client waits for nothing");
}

impl Seat {
    fn feed(&mut self, input: ClientInput<Value>) {
        self.machine.handle(self.now, 0.5, input);
        while let Some(output) = self.machine.poll() {
            match output {
                ClientOutput::FetchToken { ask } => {
                    let result = Ok("token".into());
                    self.machine.handle(self.now, 0.5, ClientInput::Token { ask, result });
                }
                ClientOutput::Connect { attempt } => {
                    self.attempt = attempt;
                    self.machine.handle(self.now, 0.5, ClientInput::Connected { attempt });
                }
                ClientOutput::Send(ClientFrame::Subscribe(subscribe)) => self.grant(subscribe.credit, true),
                ClientOutput::Send(ClientFrame::Credit { add, .. }) => self.grant(add, false),
                ClientOutput::Deliver { batch, .. } => self.delivered(&batch),
                _ => {}
            }
        }
    }

    fn grant(&mut self, credit: u64, replaces: bool) {
        self.credit = if replaces { credit } else { self.credit.saturating_add(credit) };
        assert!(credit <= WINDOW, "more credit than the window");
    }

    fn delivered(&mut self, batch: &Value) {
        for event in batch.as_array().into_iter().flatten() {
            let sequence = event.get("sequence").and_then(Value::as_u64).unwrap_or(0);
            assert!(sequence > self.last, "event {sequence} after {}", self.last);
            self.last = sequence;
        }
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = crate::sessions::sessions(|step| match step {
        Step::Server(text) => Some(format!("{text}\n?")),
        Step::Close(code) => Some(format!("!{code}")),
        Step::Directive(Directive::Advance { ms }) => Some(format!("+{ms}")),
        _ => None,
    });
    seeds.push(b"+60000\n+3600000\n!1006\n+20000\n?".to_vec());
    seeds
}
