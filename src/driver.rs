//! Feeds the session machine and carries out what it says: clock, timer, socket, token, mailboxes.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use im_chats_protocol::client::{
    Ask, Attempt, ClientInput, ClientOutput, Config, FailedAttempt, Machine, Plan, Status, StreamId, Timer as MachineTimer,
};
use im_chats_protocol::error::Error;
use im_chats_protocol::model::Cursor;
use im_chats_protocol::number::whole_part;
use im_chats_protocol::wire::close;
use im_chats_protocol::wire::codec::WrongField;
use im_chats_protocol::wire::frame::{ClientInfo, SUBPROTOCOL, ServerFrame};
use im_chats_protocol::wire::json::{MakeJson, ReadJson};
use im_chats_protocol::wire::routes::EVENTS_PATH;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::batch::Events;
use crate::error::network;
use crate::host::{Host, WeakHost};
use crate::js::{Parsed, text_of};
use crate::mailbox::{Mailbox, Mailboxes};
use crate::socket::{Report, Reporter, Socket};
use crate::timer::{Timer, milliseconds};
use crate::token;
use crate::value::Value;
use crate::wake::{Wake, WakeListener, is_online};

/// A clock for the machine: it goes on through a sleep, which `performance.now()` does not everywhere, and never back, which
/// `Date.now()` may.
#[derive(Default)]
struct Clock {
    last: Cell<f64>,
    correction: Cell<f64>,
}

impl Clock {
    fn now(&self) -> u64 {
        let raw = js_sys::Date::now();
        let back = (self.last.replace(raw) - raw).max(0.0);
        self.correction.set(self.correction.get() + back);
        whole_part(raw + self.correction.get()).unwrap_or(0)
    }
}

/// The event streams of one client.
pub(crate) struct Driver {
    pub(crate) host: WeakHost,
    /// Where the sockets go.
    address: String,
    machine: RefCell<Machine<Events>>,
    pub(crate) mailboxes: Mailboxes,
    clock: Clock,
    last_lag: Cell<u64>,
    last_stream: Cell<StreamId>,
    socket: RefCell<Option<Socket>>,
    timer: RefCell<(MachineTimer, Option<Timer>)>,
    wake_listener: RefCell<Option<WakeListener>>,
    /// What the runtime said last of the network.
    online: Cell<bool>,
    /// What sockets, timers and listeners hold: none of them keeps a client that JavaScript dropped.
    me: Weak<Driver>,
}

impl Driver {
    pub(crate) fn new(host: WeakHost, shell: &Host) -> Rc<Self> {
        let client = ClientInfo { name: "im-chats".into(), version: env!("CARGO_PKG_VERSION").into() };
        // http → ws, https → wss.
        let base_url = shell.base_url();
        let address = ["ws", base_url.strip_prefix("http").unwrap_or(&base_url), EVENTS_PATH].concat();
        let config = Config { token_is_fixed: shell.token_is_fixed(), ..Config::new(client, address.clone()) };
        Rc::new_cyclic(|me| Self {
            host,
            machine: RefCell::new(Machine::new(config)),
            address,
            mailboxes: Mailboxes::default(),
            clock: Clock::default(),
            last_lag: Cell::new(0),
            last_stream: Cell::new(0),
            socket: RefCell::new(None),
            timer: RefCell::default(),
            wake_listener: RefCell::new(None),
            online: Cell::new(true),
            me: Weak::clone(me),
        })
    }

    pub(crate) fn open(&self, plan: Plan, on_gap: JsValue) -> (StreamId, Rc<RefCell<Mailbox>>) {
        let stream = self.last_stream.get() + 1;
        self.last_stream.set(stream);
        let mailbox = self.mailboxes.add(stream, on_gap);
        self.feed(ClientInput::Open { stream, plan });
        (stream, mailbox)
    }

    pub(crate) fn cursor(&self, stream: StreamId) -> Option<Cursor> {
        self.machine.borrow().cursor(stream)
    }

    /// How far a stream's user, who may have handled the events up to `handled`, is behind the log's head.
    pub(crate) fn lag(&self, stream: StreamId, handled: Option<u64>) -> u64 {
        let machine = self.machine.borrow();
        let handled = handled.or_else(|| Some(machine.cursor(stream)?.sequence));
        handled.map_or(0, |handled| machine.head(stream).saturating_sub(handled))
    }

    /// Tells the machine what happened and does what it says. The machine is never borrowed while JavaScript runs, so
    /// JavaScript may call back in.
    pub(crate) fn feed(&self, input: ClientInput<Events>) {
        self.machine.borrow_mut().handle(self.clock.now(), js_sys::Math::random(), input);
        loop {
            let output = self.machine.borrow_mut().poll();
            match output {
                Some(output) => self.carry_out(output),
                None => break,
            }
        }
        let lag = self.machine.borrow().lag();
        // The shell hears of a lag when it grows, once a frame. From then on it looks by itself, until the lag is gone.
        if lag > self.last_lag.replace(lag) {
            self.host.deref().map(|host| host.lag_grew());
        }
        self.arm();
    }

    fn carry_out(&self, output: ClientOutput<Events>) {
        match output {
            ClientOutput::FetchToken { ask } => self.fetch_token(ask),
            ClientOutput::Connect { attempt } => self.connect(attempt),
            ClientOutput::Send(frame) => {
                if let Some(socket) = &*self.socket.borrow() {
                    socket.send(&frame.write::<Value>().to_js());
                }
            }
            ClientOutput::Disconnect { code } => {
                if let Some(socket) = self.socket.take() {
                    socket.close(code);
                }
            }
            ClientOutput::Attached { stream } => {
                self.mailboxes.with(stream, |mailbox| mailbox.attached(Ok(JsValue::UNDEFINED)));
            }
            ClientOutput::Deliver { stream, batch } => {
                self.mailboxes.with(stream, |mailbox| mailbox.deliver(batch));
            }
            ClientOutput::End { stream, result, cursor } => self.end(stream, result, cursor),
            ClientOutput::Gap { stream, from, to } => self.gap(stream, from, to),
            ClientOutput::Status(status) => self.status_changed(&status),
        }
    }

    fn fetch_token(&self, ask: Ask) {
        let (me, host) = (Weak::clone(&self.me), self.host.clone());
        spawn_local(async move {
            let result = token::fetch(&host).await;
            me.upgrade().inspect(|driver| driver.feed(ClientInput::Token { ask, result }));
        });
    }

    fn connect(&self, attempt: Attempt) {
        let Some(host) = self.host.deref() else { return };
        let me = Weak::clone(&self.me);
        let report: Reporter = Rc::new(move |report| {
            me.upgrade().inspect(|driver| driver.socket_reported(attempt, report));
        });
        let opened = host.web_socket().and_then(|make| Socket::open(&make, &self.address, SUBPROTOCOL, report));
        match opened {
            Ok(socket) => {
                self.socket.replace(Some(socket));
            }
            // A runtime that refuses even to try will refuse again.
            Err(cause) => {
                let error = network(text_of(&cause, "message").unwrap_or_default(), cause).with_retryable(false);
                self.feed(ClientInput::Disconnected { attempt, code: close::ABNORMAL, reason: Some(error) });
            }
        }
    }

    fn socket_reported(&self, attempt: Attempt, report: Report) {
        self.feed(match report {
            Report::Open => ClientInput::Connected { attempt },
            Report::Frame(frame) => {
                let frame = frame.ok_or(WrongField::FRAME);
                let frame = frame.and_then(|frame| ServerFrame::read(frame, |array| self.events(array)));
                ClientInput::Frame { attempt, frame }
            }
            Report::Closed(code, reason) => ClientInput::Disconnected { attempt, code, reason },
        });
    }

    fn woke(&self, wake: Wake) {
        self.feed(match wake {
            Wake::Visible => ClientInput::Wake,
            Wake::Network { online } => {
                self.online.set(online);
                ClientInput::Network { online }
            }
        });
    }

    fn events(&self, array: Parsed) -> Events {
        // What the shell does not write into stays impossible, and the chain check refuses it.
        let mut sequences = vec![f64::NAN; array.length().unwrap_or(0)];
        self.host.deref().map(|host| host.sequences(&array.0, &mut sequences));
        Events { array: array.0, sequences }
    }

    fn end(&self, stream: StreamId, result: Result<Option<u64>, Error>, cursor: Option<Cursor>) {
        let end = result.map_err(|error| self.host.to_js(&error));
        self.mailboxes.with(stream, |mailbox| {
            if let Ok(Some(head)) = end {
                let complete = [("type", Value::from_text("catchup.complete")), ("headSequence", Value::Integer(head))];
                let array = Value::array(vec![Value::object(complete.into())]).to_js();
                mailbox.deliver(Events { array, sequences: Vec::new() });
            }
            mailbox.end(end.map(|_| JsValue::UNDEFINED), cursor);
        });
    }

    fn gap(&self, stream: StreamId, from: u64, to: u64) {
        let on_gap = self.mailboxes.with(stream, |mailbox| mailbox.on_gap.clone()).unwrap_or_default();
        let gap = Value::object(vec![("from", Value::Integer(from)), ("to", Value::Integer(to))]).to_js();
        self.host.deref().map(|host| host.gap_skipped(&gap, &on_gap));
    }

    /// Listens for wake-ups only while there is something to wake, and tells the shell.
    fn status_changed(&self, Status { state, failed, error }: &Status) {
        let error = error.as_ref().map_or(JsValue::UNDEFINED, |error| self.host.to_js(error));
        let failed = failed.map_or(JsValue::UNDEFINED, |failed| self.failed_attempt(failed));
        self.host.deref().map(|host| host.status_changed(state.as_str(), &error, &failed));
        if !state.wants_wake_ups() {
            self.wake_listener.take();
        } else if self.wake_listener.borrow().is_none() {
            let me = Weak::clone(&self.me);
            let report = Rc::new(move |wake| {
                me.upgrade().inspect(|driver| driver.woke(wake));
            });
            self.wake_listener.replace(Some(WakeListener::listen(report)));
            // Nobody listened until now.
            if let Some(online) = is_online().filter(|online| *online != self.online.get()) {
                self.woke(Wake::Network { online });
            }
        }
    }

    /// A failed attempt as users get it, with the runtime's time instead of the machine's.
    fn failed_attempt(&self, FailedAttempt { number, retry_at }: FailedAttempt) -> JsValue {
        let mut fields = vec![("number", Value::Integer(number.into())), ("address", Value::from_text(&self.address))];
        if let Some(retry_at) = retry_at {
            let wait = milliseconds(retry_at.saturating_sub(self.clock.now()));
            fields.push(("nextAttemptAt", Value::Integer(whole_part(js_sys::Date::now() + wait).unwrap_or(0))));
        }
        Value::object(fields).to_js()
    }

    fn tick(&self) {
        self.timer.borrow_mut().0.fired();
        self.feed(ClientInput::Tick);
    }

    fn arm(&self) {
        let mut timer = self.timer.borrow_mut();
        let deadline = self.machine.borrow().deadline();
        if timer.0.follow(deadline) {
            let wait = timer.0.due().map(|due| due.saturating_sub(self.clock.now()));
            timer.1 = wait.map(|wait| {
                let me = Weak::clone(&self.me);
                Timer::start(wait, move || {
                    me.upgrade().inspect(|driver| driver.tick());
                })
            });
        }
    }
}

impl Drop for Driver {
    /// A client that JavaScript dropped leaves nothing behind.
    fn drop(&mut self) {
        if let Some(socket) = self.socket.take() {
            socket.close(close::NORMAL);
        }
    }
}
