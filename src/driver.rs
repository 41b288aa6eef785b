//! Feeds the session machine and carries out what it says: clock, timer, socket, token, promises.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};

use wasm_bindgen::prelude::*;

use crate::failure::to_js;
use crate::host::{Host, Socket};
use crate::js::{Parsed, get, milliseconds, object};
use crate::refusal::closing;
use crate::waiters::Waiters;
use im_chats_protocol::client::{
    Attempt, Batch, ClientInput, ClientOutput, Config, FailedAttempt, Machine, Plan, Status, StreamId, Timer,
};
use im_chats_protocol::model::Cursor;
use im_chats_protocol::number::{safe_integer, whole_part};
use im_chats_protocol::wire::close;
use im_chats_protocol::wire::codec::WrongField;
use im_chats_protocol::wire::frame::{ClientInfo, SUBPROTOCOL, ServerFrame};
use im_chats_protocol::wire::routes::EVENTS_PATH;

/// The events of a frame: the array that the runtime's `JSON.parse` made, untouched, and its sequences for the chain check.
#[derive(Debug, Clone)]
pub(super) struct Events {
    pub(super) array: JsValue,
    sequences: Vec<f64>,
}

impl Batch for Events {
    fn count(&self) -> usize {
        self.sequences.len()
    }
    fn sequence(&self, index: usize) -> Option<u64> {
        self.sequences.get(index).copied().and_then(safe_integer)
    }
}

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
pub(super) struct Driver {
    pub(super) host: Host,
    pub(super) base_url: String,
    /// Where the sockets go.
    address: String,
    machine: RefCell<Machine<Events>>,
    pub(super) waiters: Waiters,
    clock: Clock,
    last_lag: Cell<u64>,
    last_stream: Cell<StreamId>,
    socket: RefCell<Option<Socket>>,
    timer: Cell<Timer>,
    watching: Cell<bool>,
}

impl Driver {
    pub(super) fn new(host: Host, base_url: String) -> Self {
        let client = ClientInfo { name: "im-chats".into(), version: env!("CARGO_PKG_VERSION").into() };
        // http → ws, https → wss.
        let address = ["ws", base_url.strip_prefix("http").unwrap_or(&base_url), EVENTS_PATH].concat();
        Self {
            host,
            base_url,
            machine: RefCell::new(Machine::new(Config::new(client, address.clone()))),
            address,
            waiters: Waiters::default(),
            clock: Clock::default(),
            last_lag: Cell::new(0),
            last_stream: Cell::new(0),
            socket: RefCell::new(None),
            timer: Cell::new(Timer::default()),
            watching: Cell::new(false),
        }
    }

    pub(super) fn open(&self, plan: Plan, on_gap: JsValue) -> StreamId {
        let stream = self.last_stream.get() + 1;
        self.last_stream.set(stream);
        self.waiters.add(stream, on_gap);
        self.feed(ClientInput::Open { stream, plan });
        stream
    }

    pub(super) fn cursor(&self, stream: StreamId) -> Option<Cursor> {
        self.machine.borrow().cursor(stream)
    }

    /// How far a stream's user, who may have handled the events up to `handled`, is behind the log's head.
    pub(super) fn lag(&self, stream: StreamId, handled: Option<u64>) -> u64 {
        let machine = self.machine.borrow();
        let handled = handled.or_else(|| Some(machine.cursor(stream)?.sequence));
        handled.map_or(0, |handled| machine.head(stream).saturating_sub(handled))
    }

    /// Tells the machine what happened and does what it says. The machine is never borrowed while JavaScript runs, so
    /// JavaScript may call back in.
    pub(super) fn feed(&self, input: ClientInput<Events>) {
        self.machine.borrow_mut().handle(self.clock.now(), js_sys::Math::random(), input);
        loop {
            let output = self.machine.borrow_mut().poll();
            match output {
                Some(output) => self.carry_out(output),
                None => break,
            }
        }
        let lag = self.machine.borrow().lag();
        if self.last_lag.replace(lag) != lag {
            let _ = self.host.lag_changed();
        }
        self.arm();
    }

    fn carry_out(&self, output: ClientOutput<Events>) {
        match output {
            ClientOutput::FetchToken { attempt } => {
                // A host that throws gives no token: the attempt ends with its timeout.
                let _ = self.host.fetch_token(attempt);
            }
            ClientOutput::Connect { attempt } => self.connect(attempt),
            ClientOutput::Send(frame) => {
                if let Some(socket) = &*self.socket.borrow() {
                    // A socket that cannot send is about to report that it closed.
                    let _ = socket.send(&frame.write::<Parsed>().0);
                }
            }
            ClientOutput::Disconnect { code } => {
                if let Some(socket) = self.socket.take() {
                    let _ = socket.close(code);
                }
            }
            ClientOutput::Attached { stream } => self.waiters.attached(stream),
            ClientOutput::Deliver { stream, batch } => self.waiters.deliver(stream, batch.array),
            ClientOutput::End { stream, result, cursor } => self.waiters.end(stream, result, cursor, &self.host),
            ClientOutput::Gap { stream, from, to } => self.waiters.gap(stream, from, to, &self.host),
            ClientOutput::Status(status) => self.status_changed(&status),
        }
    }

    fn connect(&self, attempt: Attempt) {
        match self.host.open_socket(&self.address, SUBPROTOCOL, attempt) {
            Ok(socket) => {
                self.socket.replace(Some(socket));
            }
            // A runtime that refuses even to try will refuse again.
            Err(cause) => {
                let refused = vec![("message", get(&cause, "message")), ("cause", cause), ("isFinal", JsValue::TRUE)];
                self.report(attempt, 2, &object(refused));
            }
        }
    }

    pub(super) fn report(&self, attempt: Attempt, kind: u32, value: &JsValue) {
        self.feed(match kind {
            0 => ClientInput::Connected { attempt },
            1 => {
                let frame = if value.is_undefined() {
                    Err(WrongField::FRAME)
                } else {
                    ServerFrame::read(Parsed(value.clone()), |array| self.events(array.0))
                };
                ClientInput::Frame { attempt, frame }
            }
            _ => {
                let (code, reason) = closing(value);
                ClientInput::Disconnected { attempt, code, reason }
            }
        });
    }

    fn events(&self, array: JsValue) -> Events {
        // A host that fails here leaves a batch whose only sequence is impossible, which the chain check refuses.
        let sequences = self.host.sequences(&array).map_or_else(|_| vec![f64::NAN], |sequences| sequences.to_vec());
        Events { array, sequences }
    }

    /// Listens for wake-ups only while there is something to wake, and tells the shell.
    fn status_changed(&self, Status { state, failed, error }: &Status) {
        let watch = state.wants_wake_ups();
        if self.watching.replace(watch) != watch {
            let _ = self.host.watch_wake(watch);
        }
        let error = error.as_ref().map_or(JsValue::UNDEFINED, |error| to_js(&self.host, error, &JsValue::UNDEFINED));
        let failed = failed.map_or(JsValue::UNDEFINED, |failed| self.failed_attempt(failed));
        let _ = self.host.status_changed(state.as_str(), &error, &failed);
    }

    /// A failed attempt as users get it, with the runtime's time instead of the machine's.
    fn failed_attempt(&self, FailedAttempt { number, retry_at }: FailedAttempt) -> JsValue {
        let mut fields = vec![("number", JsValue::from(number)), ("address", JsValue::from_str(&self.address))];
        if let Some(retry_at) = retry_at {
            let wait = milliseconds(retry_at.saturating_sub(self.clock.now()));
            fields.push(("nextAttemptAt", JsValue::from_f64(js_sys::Date::now() + wait)));
        }
        object(fields)
    }

    pub(super) fn tick(&self) {
        let mut timer = self.timer.get();
        timer.fired();
        self.timer.set(timer);
        self.feed(ClientInput::Tick);
    }

    fn arm(&self) {
        let mut timer = self.timer.get();
        if timer.follow(self.machine.borrow().deadline()) {
            self.timer.set(timer);
            let delay = timer.due().map_or(-1.0, |due| milliseconds(due.saturating_sub(self.clock.now())));
            let _ = self.host.arm(delay);
        }
    }
}

impl Drop for Driver {
    /// A client that JavaScript dropped leaves nothing behind.
    fn drop(&mut self) {
        let _ = self.host.arm(-1.0);
        let _ = self.host.watch_wake(false);
        if let Some(socket) = self.socket.take() {
            let _ = socket.close(close::NORMAL);
        }
    }
}
