//! What a client may say to the server: any frames, in any order, while time passes and the log grows.
//!
//! An input is read line by line. `+MS` is time that passes, `=N` is a log that grows by N messages, `%` is a transport that
//! took what was sent; any other line is a text frame.

use std::collections::BTreeMap;
use std::sync::Arc;

use im_chats_protocol::error::Error;
use im_chats_protocol::grant::Grant;
use im_chats_protocol::number::MAX_SAFE_INTEGER;
use im_chats_protocol::server::{ChatFilter, EventKind, LoggedEvent, ReadPage};
use im_chats_protocol::server::{LogState, Opening, ServerInput, ServerOutput};
use im_chats_protocol::server::{Session, SessionLimits};
use im_chats_transcript::{Directive, Step};
use serde_json::Value;

/// Lines read of one input: a long one finds nothing that two short ones do not.
const MAX_LINES: usize = 64;

struct Server {
    session: Session,
    limits: Arc<SessionLimits>,
    now: u64,
    head: u64,
    /// Bytes the transport has not taken yet.
    waiting: usize,
    /// The position each subscription was told last.
    positions: BTreeMap<String, u64>,
}

pub(crate) fn run(data: &[u8]) {
    let limits = Arc::new(SessionLimits { max_batch_events: 3, max_subscriptions: 4, ..SessionLimits::default() });
    let opening = Opening { subprotocol_agreed: true, ..Opening::default() };
    let session = Session::new(Arc::clone(&limits), opening, log(0), 0);
    let mut server = Server { session, limits, now: 0, head: 0, waiting: 0, positions: BTreeMap::new() };
    for line in data.split(|byte| *byte == b'\n').take(MAX_LINES) {
        let Ok(line) = std::str::from_utf8(line) else {
            server.feed(ServerInput::Malformed);
            continue;
        };
        let number = || line.get(1..).and_then(|rest| rest.parse::<u64>().ok()).unwrap_or(1);
        match line.chars().next() {
            Some('+') => {
                server.now = server.now.saturating_add(number()).min(MAX_SAFE_INTEGER);
                server.feed(ServerInput::Tick);
            }
            Some('=') => {
                server.head = server.head.saturating_add(number().min(64));
                server.feed(ServerInput::Tick);
            }
            Some('%') => {
                let bytes = std::mem::take(&mut server.waiting);
                server.feed(ServerInput::Written { bytes });
            }
            _ => server.feed(ServerInput::Text(line)),
        }
        let subscriptions = server.session.subscriptions();
        assert!(subscriptions <= server.limits.max_subscriptions, "{subscriptions} subscriptions");
    }
    server.feed(ServerInput::Gone);
    assert!(server.session.is_closed(), "a socket that is gone is over");
}

fn log(head: u64) -> LogState {
    LogState { id: "log-1".into(), first: 0, head, replica: None }
}

impl Server {
    fn feed(&mut self, input: ServerInput<'_>) {
        self.session.handle(self.now, &log(self.head), input);
        while let Some(output) = self.session.poll() {
            match output {
                ServerOutput::AskEnd { .. } => {}
                ServerOutput::Verify { token } => {
                    let refused = Error::new(im_chats_protocol::error::ErrorCode::Unauthenticated, "no");
                    let verdict = if token == "secret" { Ok(Grant::ADMIN) } else { Err(refused) };
                    self.session.handle(self.now, &log(self.head), ServerInput::Verified(verdict));
                }
                ServerOutput::Read { read, query } => {
                    let bound = query.through.min(self.head);
                    let sees_all = query.filter.chats == ChatFilter::All && query.filter.types.is_none();
                    let seen = |sequence: &u64| sees_all || sequence.is_multiple_of(2);
                    let events: Vec<_> =
                        (query.after.saturating_add(1)..=bound).filter(seen).take(query.max_events).map(event).collect();
                    let through = if events.len() == query.max_events {
                        events.last().map_or(query.after, |last| last.sequence)
                    } else {
                        bound
                    };
                    let page = ReadPage { through: through.max(query.after), events };
                    self.session.handle(self.now, &log(self.head), ServerInput::Page { read, page: Ok(page) });
                }
                ServerOutput::Send(text) => self.sent(&text),
                ServerOutput::Close { .. } => {}
            }
        }
    }

    /// Everything that is sent is a frame, and a subscription's batches are a chain.
    fn sent(&mut self, text: &str) {
        self.waiting = self.waiting.saturating_add(text.len());
        let Ok(frame) = serde_json::from_str::<Value>(text) else { panic!("not JSON: {text}") };
        let id = frame.get("id").map(Value::to_string).unwrap_or_default();
        let number = |name: &str| frame.get(name).and_then(Value::as_u64);
        match frame.get("type").and_then(Value::as_str) {
            Some("subscribed") => {
                let after = frame.get("after").and_then(|after| after.get("sequence")).and_then(Value::as_u64);
                self.positions.insert(id, after.unwrap_or(0));
            }
            Some("events") => {
                let position = self.positions.get(&id).copied();
                assert_eq!(position, number("prev"), "the chain breaks: {text}");
                self.positions.insert(id, number("through").unwrap_or(0));
            }
            Some(_) => {}
            None => panic!("a frame without a type: {text}"),
        }
    }
}

fn event(sequence: u64) -> Arc<LoggedEvent> {
    let chat = if sequence.is_multiple_of(2) { "any;-;bob@example.com" } else { "any;-;alice@example.com" };
    Arc::new(LoggedEvent {
        sequence,
        kind: EventKind::Chat,
        chat_guid: chat.into(),
        json: format!("{{\"type\":\"chat.archived\",\"chatGuid\":\"{chat}\",\"sequence\":{sequence}}}").into(),
        proto: None,
    })
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    crate::sessions::sessions(|step| match step {
        Step::Client(text) => Some(text.clone()),
        Step::Directive(Directive::Advance { ms }) => Some(format!("+{ms}")),
        Step::Directive(Directive::Append { count, .. }) => Some(format!("={count}\n%")),
        _ => None,
    })
}
