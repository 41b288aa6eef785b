//! A session with a virtual clock and a log in memory: what tests of the event stream drive.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::grant::Grant;
use im_chats_protocol::server::{
    AskId, EventKind, LogState, LoggedEvent, Opening, ReadId, ReadPage, ReadQuery, Replica, ServerInput, ServerOutput, Session,
    SessionLimits, WholeEnd, cursor_too_old,
};
use serde_json::{Value, json};

/// The log as the machine reads it, and nothing else.
#[derive(Debug, Clone)]
pub struct FakeLog {
    pub id: Arc<str>,
    pub first: u64,
    pub head: u64,
    pub events: Vec<Arc<LoggedEvent>>,
    /// Events looked at by one read at most.
    pub scan: usize,
    /// What is known of the whole log, when this is a replica.
    pub replica: Option<Replica>,
}

impl Default for FakeLog {
    fn default() -> Self {
        Self { id: "log-1".into(), first: 0, head: 0, events: Vec::new(), scan: 8192, replica: None }
    }
}

impl FakeLog {
    pub fn state(&self) -> LogState {
        LogState { id: Arc::clone(&self.id), first: self.first, head: self.head, replica: self.replica }
    }

    pub fn append(&mut self, kind: &str, chat: &str) -> u64 {
        let sequence = self.head + 1;
        self.append_json(kind, chat, typed_first(event_json(kind, chat, sequence)))
    }

    pub fn append_json(&mut self, kind: &str, chat: &str, json: String) -> u64 {
        self.head += 1;
        let kind = if kind.starts_with("chat.") { EventKind::Chat } else { EventKind::Message };
        let (chat_guid, json) = (chat.into(), json.into());
        self.events.push(Arc::new(LoggedEvent { sequence: self.head, kind, chat_guid, json, proto: None }));
        self.head
    }

    pub fn prune(&mut self, through: u64) {
        self.first = self.first.max(through.min(self.head));
        self.events.retain(|event| event.sequence > self.first);
    }

    pub fn replace(&mut self, id: &str) {
        let replica = self.replica.map(|_| Replica::default());
        *self = Self { id: id.into(), scan: self.scan, replica, ..Self::default() };
    }

    /// The same page as the durable log gives.
    pub fn read(&self, query: &ReadQuery) -> Result<ReadPage, Error> {
        if query.after < self.first {
            return Err(cursor_too_old(self.first, self.head));
        }
        let bound = query.through.min(self.head);
        let mut page = ReadPage { through: query.after, events: Vec::new() };
        let (mut looked, mut bytes) = (0, 0);
        for event in self.events.iter().filter(|event| event.sequence > query.after && event.sequence <= bound) {
            if looked == self.scan {
                return Ok(page);
            }
            looked += 1;
            if self.admits(query, event) {
                bytes += event.json.len();
                let full = page.events.len() == query.max_events || (bytes > query.max_bytes && !page.events.is_empty());
                if full {
                    return Ok(page);
                }
                page.events.push(Arc::clone(event));
            }
            page.through = event.sequence;
        }
        page.through = bound.max(query.after);
        Ok(page)
    }

    fn admits(&self, query: &ReadQuery, event: &LoggedEvent) -> bool {
        query.filter.admits(event.kind, &event.chat_guid, &event.json)
    }
}

/// The text of an event as servers write it: its `type` comes first.
fn typed_first(mut event: Value) -> String {
    let kind = event.as_object_mut().unwrap().remove("type").unwrap();
    event.to_string().replacen('{', &format!(r#"{{"type":{kind},"#), 1)
}

/// The documented JSON of an event at a fixed time.
pub fn event_json(kind: &str, chat: &str, sequence: u64) -> Value {
    let mut event = json!({
        "type": kind, "chatGuid": chat, "sequence": sequence, "isFromMe": kind.starts_with("chat."), "occurredAt": "2026-01-01T12:00:00Z",
    });
    if kind.starts_with("message.") {
        event["message"] = json!({
            "guid": format!("message-{sequence}"), "chatGuids": [chat], "content": { "text": "hello" },
            "isFromMe": false, "dateCreated": "2026-01-01T12:00:00Z",
        });
    }
    event
}

/// A session, its surroundings, and what it sent.
pub struct Rig {
    pub session: Session,
    pub log: FakeLog,
    pub tokens: BTreeMap<String, Grant>,
    pub now: u64,
    /// Frames the client has not looked at.
    pub sent: VecDeque<String>,
    pub closed: Option<u16>,
    pub reason: &'static str,
    /// Leaves frames in the transport.
    pub hold_writes: bool,
    pub held_bytes: usize,
    /// Leaves reads under way.
    pub hold_reads: bool,
    pub reads: VecDeque<(ReadId, ReadQuery)>,
    pub reads_begun: usize,
    /// Questions for the log's end that are not answered yet.
    pub asks: VecDeque<AskId>,
}

impl Rig {
    pub fn with(limits: SessionLimits, log: FakeLog) -> Self {
        Self::open(limits, log, Opening { subprotocol_agreed: true, ..Opening::default() })
    }

    pub fn open(limits: SessionLimits, log: FakeLog, opening: Opening) -> Self {
        let session = Session::new(Arc::new(limits), opening, log.state(), 0);
        let mut rig = Self {
            session,
            log,
            tokens: BTreeMap::from([("secret".to_owned(), Grant::ADMIN)]),
            now: 0,
            sent: VecDeque::new(),
            closed: None,
            reason: "",
            hold_writes: false,
            held_bytes: 0,
            hold_reads: false,
            reads: VecDeque::new(),
            reads_begun: 0,
            asks: VecDeque::new(),
        };
        rig.carry_out();
        rig
    }

    /// Opened, and past `ready`.
    pub fn ready(limits: SessionLimits, log: FakeLog) -> Self {
        let mut rig = Self::with(limits, log);
        rig.say(r#"{"type":"init","token":"secret"}"#);
        assert_eq!(rig.next()["type"], "ready");
        rig
    }

    pub fn input(&mut self, input: ServerInput<'_>) {
        self.session.handle(self.now, &self.log.state(), input);
        self.carry_out();
    }

    /// The client sends `text`.
    pub fn say(&mut self, text: &str) {
        self.input(ServerInput::Text(text));
    }

    /// In one of the two ways that a driver has, the shorter one half of the time.
    pub fn log_moved(&mut self) {
        let (log, known) = (self.log.state(), self.session.head());
        let held = log.id == self.session.log_id() && known >= log.first;
        if held && log.head > known && log.head.is_multiple_of(2) {
            let events: Vec<_> = self.log.events.iter().filter(|event| event.sequence > known).cloned().collect();
            return self.input(ServerInput::Appended { events: &events });
        }
        self.input(ServerInput::Tick);
    }

    pub fn append(&mut self, kind: &str, chat: &str, count: u64) {
        for _ in 0..count {
            self.log.append(kind, chat);
        }
        self.log_moved();
    }

    /// Lets time pass, stopping at every deadline on the way.
    pub fn advance(&mut self, ms: u64) {
        let end = self.now + ms;
        while let Some(deadline) = self.session.next_deadline().filter(|deadline| *deadline <= end) {
            assert!(deadline >= self.now, "a deadline in the past was not met");
            let before = (self.sent.len(), self.closed, Some(deadline));
            self.now = deadline;
            self.input(ServerInput::Tick);
            let after = (self.sent.len(), self.closed, self.session.next_deadline());
            assert_ne!(before, after, "a deadline that does nothing turns for ever");
        }
        self.now = end;
        self.input(ServerInput::Tick);
    }

    /// The transport takes everything.
    pub fn release_writes(&mut self) {
        self.hold_writes = false;
        let bytes = std::mem::take(&mut self.held_bytes);
        self.input(ServerInput::Written { bytes });
    }

    /// One read ends, the oldest.
    pub fn finish_read(&mut self) -> bool {
        let Some((read, query)) = self.reads.pop_front() else { return false };
        let page = self.log.read(&query);
        self.input(ServerInput::Page { read, page });
        true
    }

    /// The oldest question for the log's end is answered, by the log that the replica is of.
    #[track_caller]
    pub fn answer(&mut self, end: Result<u64, Error>) {
        let log = Arc::clone(&self.log.id);
        self.answer_of(end.map(|end| WholeEnd { log, end }));
    }

    /// So it is, by any log.
    #[track_caller]
    pub fn answer_of(&mut self, end: Result<WholeEnd, Error>) {
        let ask = self.asks.pop_front().expect("a question");
        self.input(ServerInput::End { ask, end });
    }

    /// The next frame the client sees.
    #[track_caller]
    pub fn next(&mut self) -> Value {
        let text = self.sent.pop_front().expect("a frame");
        serde_json::from_str(&text).expect("a frame is JSON")
    }

    pub fn drain_sent(&mut self) -> Vec<Value> {
        std::iter::from_fn(|| self.sent.pop_front()).map(|text| serde_json::from_str(&text).expect("JSON")).collect()
    }

    fn carry_out(&mut self) {
        while let Some(output) = self.session.poll() {
            assert_eq!(self.closed, None, "nothing comes after the close: {output:?}");
            match output {
                ServerOutput::Send(text) => {
                    let bytes = text.len();
                    self.sent.push_back(text);
                    if self.hold_writes {
                        self.held_bytes += bytes;
                    } else {
                        self.session.handle(self.now, &self.log.state(), ServerInput::Written { bytes });
                    }
                }
                ServerOutput::Read { read, query } => {
                    self.reads_begun += 1;
                    if self.hold_reads {
                        self.reads.push_back((read, query));
                    } else {
                        let page = self.log.read(&query);
                        self.session.handle(self.now, &self.log.state(), ServerInput::Page { read, page });
                    }
                }
                ServerOutput::AskEnd { ask } => self.asks.push_back(ask),
                ServerOutput::Verify { token } => {
                    let unknown = || Error::new(ErrorCode::Unauthenticated, "the gateway does not know this token");
                    let grant = self.tokens.get(&token).cloned().ok_or_else(unknown);
                    self.session.handle(self.now, &self.log.state(), ServerInput::Verified(grant));
                }
                ServerOutput::Close { code, reason } => (self.closed, self.reason) = (Some(code), reason),
            }
        }
    }
}
