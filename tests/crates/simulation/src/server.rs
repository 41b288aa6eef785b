//! The server's process: sessions of the real machine, its log's reads, its deaths.

use std::sync::Arc;

use im_chats_protocol::client::ClientInput;
use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::server::{ChatFilter, Session};
use im_chats_protocol::server::{Opening, ReadId, ServerInput, ServerOutput};
use im_chats_protocol::server::{ReadPage, ReadQuery};
use im_chats_protocol::wire::close;
use im_chats_protocol::wire::frame::Topic;
use serde_json::Value;

use crate::bugs::Bug;
use crate::log::{CHATS, Filter, TYPES};
use crate::state::connection::Parcel;
use crate::tokens::Token;
use crate::world::{Event, World};

impl World<'_> {
    /// A client's attempt arrives, or not.
    pub fn reach(&mut self, index: usize) {
        let now = self.now;
        let (client, born, attempt) = {
            let connection = &self.connections[index];
            (connection.client, connection.born, connection.attempt)
        };
        if now < self.server.refuse_until && self.server.hangs {
            return self.say(|| format!("c{client}: attempt {attempt} hangs"));
        }
        if !self.server.up || now < self.server.refuse_until {
            self.say(|| format!("c{client}: attempt {attempt} is refused"));
            self.connections[index].down.ended = true;
            if self.clients[client].born == born {
                self.feed(client, ClientInput::Disconnected { attempt, code: close::ABNORMAL, reason: None });
            }
            return;
        }
        let opening = Opening { subprotocol_agreed: true, ..Opening::default() };
        let session = Session::new(Arc::clone(&self.server.limits), opening, self.log().state(), now);
        self.connections[index].session = Some(session);
        self.report.figures.sockets += 1;
        self.carry_out(index);
        if self.clients[client].born == born {
            self.feed(client, ClientInput::Connected { attempt });
        }
    }

    pub fn server_parcel(&mut self, index: usize, parcel: Parcel) {
        let connection = &mut self.connections[index];
        let Some(session) = &connection.session else { return };
        match parcel {
            Parcel::Close(_) => self.server_input(index, ServerInput::Gone),
            _ if !session.takes_frames() => connection.backlog.push_back(parcel),
            Parcel::Up(text) => {
                self.server_frame(index, &text);
                self.take_backlog(index);
            }
            Parcel::Down(..) => {}
        }
    }

    fn server_frame(&mut self, index: usize, text: &str) {
        let mut frame: Value = serde_json::from_str(text).unwrap_or_default();
        let id = frame["id"].to_string();
        let ledger = self.connections[index].ledgers.entry(id).or_default();
        match frame["type"].as_str() {
            Some("subscribe") => {
                ledger.granted += frame["credit"].as_u64().unwrap_or(0);
                let topic = if frame["topic"] == "all" { Topic::All } else { Topic::Chats };
                let chat = CHATS.iter().position(|chat| frame["chat"] == **chat);
                let (chats, types) = (bits(&frame["chats"], &CHATS), bits(&frame["types"], &TYPES));
                ledger.filter = Some(Filter { topic, chat, chats, types });
            }
            Some("credit") => ledger.granted += frame["add"].as_u64().unwrap_or(0),
            _ => {}
        }
        let client = self.connections[index].client;
        self.say(|| format!("c{client} → s  {text}"));
        let tampered = match self.bug {
            Some(Bug::ForgetFilter) if frame["type"] == "subscribe" => {
                (frame["chat"], frame["chats"]) = (Value::Null, Value::Null);
                true
            }
            Some(Bug::ForgetTypes) if frame["type"] == "subscribe" => {
                frame["types"] = Value::Null;
                true
            }
            Some(Bug::IgnoreCredit) if frame["type"] == "subscribe" => {
                frame["credit"] = 1_000_000.into();
                true
            }
            _ => false,
        };
        if tampered {
            return self.server_step(index, ServerInput::Text(&frame.to_string()));
        }
        self.server_step(index, ServerInput::Text(text));
    }

    pub fn tell_log(&mut self, index: usize) {
        self.server_input(index, ServerInput::Tick);
    }

    /// The session's timer fires, unless it was stopped or moved meanwhile.
    pub fn server_timer(&mut self, index: usize, due: u64) {
        let log_head = self.log().head();
        let connection = &mut self.connections[index];
        if connection.timer.due() != Some(due) {
            return;
        }
        connection.timer.fired();
        // A session that hears of new events in the same moment may have a reason to send a heartbeat only now.
        let knows_all = connection.session.as_ref().is_some_and(|session| session.head() == log_head);
        self.server_input(index, ServerInput::Tick);
        let still = self.connections[index].session.as_ref().and_then(Session::next_deadline);
        if knows_all && still.is_some_and(|deadline| deadline <= self.now) {
            self.fail(format!("the server's deadline {due} stays due"));
        }
    }

    pub fn server_input(&mut self, index: usize, input: ServerInput<'_>) {
        self.server_step(index, input);
        self.take_backlog(index);
    }

    fn server_step(&mut self, index: usize, input: ServerInput<'_>) {
        let now = self.now;
        let log = &self.logs[self.logs.len() - 1];
        let Some(session) = &mut self.connections[index].session else { return };
        self.report.inputs += 1;
        session.handle_with_recent(now, &log.state(), input, |after| log.recent(after));
        self.carry_out(index);
    }

    /// Frames that had to wait for the transport, in their order.
    fn take_backlog(&mut self, index: usize) {
        loop {
            let connection = &mut self.connections[index];
            let takes = connection.session.as_ref().is_some_and(Session::takes_frames);
            match connection.backlog.pop_front() {
                Some(Parcel::Up(text)) if takes => self.server_frame(index, &text),
                Some(parcel) => return connection.backlog.push_front(parcel),
                None => return,
            }
        }
    }

    fn carry_out(&mut self, index: usize) {
        while let Some(output) = self.connections[index].session.as_mut().and_then(Session::poll) {
            match output {
                ServerOutput::Send(text) => self.server_sends(index, &text),
                ServerOutput::Read { read, query } => self.begin_read(index, read, query),
                ServerOutput::AskEnd { .. } => {}
                ServerOutput::Verify { token } => {
                    let delay = if self.now < self.server.slow_verify_until {
                        self.connections[index].rng.u64(0..=self.server.slow_verify_by)
                    } else {
                        self.connections[index].rng.u64(0..2)
                    };
                    let connection = &mut self.connections[index];
                    connection.last_verdict = connection.last_verdict.max(self.now + delay);
                    let at = connection.last_verdict;
                    self.at(at, Event::Verified { connection: index, token });
                }
                ServerOutput::Close { code, .. } => {
                    let client = self.connections[index].client;
                    self.say(|| format!("s → c{client}  close {code}"));
                    let connection = &mut self.connections[index];
                    (connection.session, connection.closed) = (None, Some(code));
                    self.send(index, false, Parcel::Close(code));
                }
            }
        }
        if self.connections[index].session.as_ref().is_some_and(Session::is_closed) {
            self.connections[index].session = None;
            self.send(index, false, Parcel::Close(close::ABNORMAL));
        }
        self.arm_server(index);
    }

    fn arm_server(&mut self, index: usize) {
        let connection = &mut self.connections[index];
        let deadline = connection.session.as_ref().and_then(Session::next_deadline);
        if connection.timer.follow(deadline)
            && let Some(due) = connection.timer.due()
        {
            self.at(due, Event::ServerTimer { connection: index, due });
        }
    }

    fn server_sends(&mut self, index: usize, text: &str) {
        let Ok(mut frame) = serde_json::from_str::<Value>(text) else {
            return self.fail(format!("the server sent {text}"));
        };
        let client = self.connections[index].client;
        self.say(|| format!("s → c{client}  {text}"));
        self.check_server_frame(index, &frame);
        let kind = frame["type"].as_str().unwrap_or_default().to_owned();
        if kind == "events" {
            let ledger = self.connections[index].ledgers.entry(frame["id"].to_string()).or_default();
            ledger.sent += frame["events"].as_array().map_or(0, |events| events.len() as u64);
            let (sent, granted) = (ledger.sent, ledger.granted);
            self.connections[index].starves = sent == granted;
            if sent > granted {
                return self.fail("the server sent more events than it was given credit for");
            }
        }
        let bytes = text.len();
        match self.bug {
            Some(Bug::SkipEvent) if kind == "events" => {
                if let Some(events) = frame["events"].as_array_mut().filter(|events| events.len() > 1) {
                    events.remove(0);
                }
            }
            Some(Bug::ResendPage) if kind == "events" => self.send(index, false, Parcel::Down(frame.clone(), bytes)),
            Some(Bug::EarlyCaughtUp) if kind == "subscribed" => {
                let early = serde_json::json!({ "type": "caughtUp", "id": frame["id"], "head": frame["head"] });
                self.send(index, false, Parcel::Down(frame, bytes));
                return self.send(index, false, Parcel::Down(early, 0));
            }
            _ => {}
        }
        self.send(index, false, Parcel::Down(frame, bytes));
    }

    fn begin_read(&mut self, index: usize, read: ReadId, mut query: ReadQuery) {
        match (self.bug, &query.filter.chats, self.connections[index].token) {
            (Some(Bug::ForgetChatSet), ChatFilter::Granted(_), _) => query.filter.chats = ChatFilter::All,
            (Some(Bug::WidenRunning), ChatFilter::Granted(_), Some(Token { rights, .. })) => {
                query.filter.chats = rights.grant(None).chats.map_or(ChatFilter::All, ChatFilter::Granted);
            }
            _ => {}
        }
        let slow = self.now < self.server.slow_reads_until;
        let rng = &mut self.connections[index].rng;
        let delay = if slow { rng.u64(0..=self.server.slow_reads_by) } else { rng.u64(0..3) };
        // The rows are looked at somewhere between asking and answering.
        let early = rng.bool();
        let page = early.then(|| self.read(&query));
        self.after(delay, Event::ReadDone { connection: index, read, query, page });
    }

    fn read(&self, query: &ReadQuery) -> Result<ReadPage, Error> {
        if self.now < self.server.fail_reads_until {
            return Err(Error::new(ErrorCode::DatabaseError, "the event log's database failed"));
        }
        self.log().read(query, self.script.scan)
    }

    pub fn read_done(&mut self, index: usize, read: ReadId, query: &ReadQuery, page: Option<Result<ReadPage, Error>>) {
        let page = page.unwrap_or_else(|| self.read(query));
        self.server_input(index, ServerInput::Page { read, page });
    }

    /// The process dies; the log does not. `silent`: the whole machine does, and nobody is told.
    pub fn kill(&mut self, ms: u64, silent: bool) {
        self.server.up = false;
        self.server.epoch += 1;
        for index in 0..self.connections.len() {
            if self.connections[index].session.take().is_none() {
                continue;
            }
            let connection = &mut self.connections[index];
            connection.backlog.clear();
            if connection.rng.bool() {
                connection.down.flight += 1;
                connection.down.last = 0;
            }
            connection.up.swallows_at = Some(self.now);
            if silent {
                connection.down.swallows_at = Some(self.now);
            } else {
                self.send(index, false, Parcel::Close(close::ABNORMAL));
            }
        }
        let epoch = self.server.epoch;
        self.after(ms, Event::ServerUp { epoch });
    }

    /// The process is asked to stop, and is started again.
    pub fn drain(&mut self, ms: u64) {
        self.server.up = false;
        self.server.epoch += 1;
        for index in 0..self.connections.len() {
            self.server_input(index, ServerInput::Drain);
        }
        let epoch = self.server.epoch;
        self.after(self.server.limits.drain_timeout_ms + ms, Event::ServerUp { epoch });
    }
}

/// The named ones of a list in a frame, as bits; absent when the frame has no such list.
fn bits(list: &Value, names: &[&str]) -> Option<u8> {
    let list = list.as_array()?;
    let places = list.iter().filter_map(|item| names.iter().position(|name| item == *name));
    Some(places.fold(0, |bits, place| bits | (1 << place)))
}
