//! Feeds the session machine and carries out what it says: clock, timer, socket, token, promises.

use alloc::rc::{Rc, Weak};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};

use js_sys::Function;
use wasm_bindgen::prelude::*;

use super::client::Shared;
use super::host::{Host, Socket};
use super::js::Timer;
use super::stream::Waiters;
use crate::error::Error;
use crate::model::Cursor;
use crate::session::{Attempt, Batch, Config, ConnectionState, Input, Machine, Output, Plan, StreamId};
use crate::wire::frame::{ClientInfo, PATH, SUBPROTOCOL, ServerFrame};
use crate::wire::frame_json::MalformedFrame;
use crate::wire::json::{safe_integer, whole_part};

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
    host: Host,
    url: String,
    machine: RefCell<Machine<Events>>,
    pub(super) waiters: Waiters,
    clock: Clock,
    last_stream: Cell<StreamId>,
    socket: RefCell<Option<Socket>>,
    /// The running timer and when it is due.
    timer: RefCell<Option<(Timer, u64)>>,
    stop_watching: RefCell<Option<Function>>,
    // One closure of each kind for the life of the client: none is made, or can be left behind, per socket or timer.
    report: Closure<dyn FnMut(u32, u32, JsValue)>,
    tick: Closure<dyn FnMut()>,
    wake: Closure<dyn FnMut(JsValue)>,
}

impl Driver {
    pub(super) fn new(shared: &Rc<Shared>) -> Rc<Self> {
        let client = ClientInfo { name: "im-chats".into(), version: env!("CARGO_PKG_VERSION").into() };
        let base = &shared.base_url;
        // http → ws, https → wss.
        let url = ["ws", base.strip_prefix("http").unwrap_or(base), PATH].concat();
        Rc::new_cyclic(|this: &Weak<Self>| {
            let (on_report, on_tick, on_wake) = (this.clone(), this.clone(), this.clone());
            Self {
                host: shared.host.clone(),
                url,
                machine: RefCell::new(Machine::new(Config::new(client))),
                waiters: Waiters::default(),
                clock: Clock::default(),
                last_stream: Cell::new(0),
                socket: RefCell::new(None),
                timer: RefCell::new(None),
                stop_watching: RefCell::new(None),
                report: Closure::new(move |attempt, kind, value| {
                    if let Some(driver) = on_report.upgrade() {
                        driver.report(attempt, kind, &value);
                    }
                }),
                tick: Closure::new(move || {
                    if let Some(driver) = on_tick.upgrade() {
                        driver.timer.take();
                        driver.feed(Input::Tick);
                    }
                }),
                wake: Closure::new(move |online: JsValue| {
                    if let Some(driver) = on_wake.upgrade() {
                        driver.feed(online.as_bool().map_or(Input::Wake, |online| Input::Network { online }));
                    }
                }),
            }
        })
    }

    pub(super) fn open(&self, plan: Plan, on_gap: JsValue) -> StreamId {
        let stream = self.last_stream.get() + 1;
        self.last_stream.set(stream);
        self.waiters.add(stream, on_gap);
        self.feed(Input::Open { stream, plan });
        stream
    }

    pub(super) fn close(&self) {
        self.feed(Input::Close);
    }

    pub(super) fn cursor(&self, stream: StreamId) -> Option<Cursor> {
        self.machine.borrow().cursor(stream)
    }

    pub(super) fn lag(&self) -> u64 {
        self.machine.borrow().lag()
    }

    pub(super) fn last_error(&self) -> Option<Error> {
        self.machine.borrow().last_error().cloned()
    }

    /// Tells the machine what happened and does what it says. The machine is never borrowed while JavaScript runs, so
    /// JavaScript may call back in.
    pub(super) fn feed(&self, input: Input<Events>) {
        self.machine.borrow_mut().handle(self.clock.now(), js_sys::Math::random(), input);
        loop {
            let output = self.machine.borrow_mut().poll();
            match output {
                Some(output) => self.carry_out(output),
                None => break,
            }
        }
        self.arm();
    }

    fn carry_out(&self, output: Output<Events>) {
        match output {
            Output::FetchToken { attempt } => {
                // A host that cannot even be asked gives none: the try ends when its time is over.
                let _ = self.host.fetch_token(attempt);
            }
            Output::Connect { attempt } => self.connect(attempt),
            Output::Send(frame) => {
                if let Some(socket) = &*self.socket.borrow() {
                    // A socket that cannot send is about to report that it closed.
                    let _ = socket.send(&frame.write());
                }
            }
            Output::Disconnect { code } => {
                if let Some(socket) = self.socket.take() {
                    let _ = socket.close(code);
                }
            }
            Output::Attached { stream } => self.waiters.attached(stream),
            Output::Deliver { stream, batch } => self.waiters.deliver(stream, batch.array),
            Output::End { stream, result, cursor } => self.waiters.end(stream, result, cursor, &self.host),
            Output::Gap { stream, from, to } => self.waiters.gap(stream, from, to, &self.host),
            Output::State(state) => self.state_changed(state),
        }
    }

    fn connect(&self, attempt: Attempt) {
        match self.host.open_socket(&self.url, SUBPROTOCOL, attempt, self.report.as_ref().unchecked_ref()) {
            Ok(socket) => {
                self.socket.replace(Some(socket));
            }
            // 1006 is what a runtime reports for a socket that never came to be.
            Err(_) => self.feed(Input::Disconnected { attempt, code: 1006 }),
        }
    }

    fn report(&self, attempt: Attempt, kind: u32, value: &JsValue) {
        self.feed(match kind {
            0 => Input::Connected { attempt },
            1 => {
                let frame = if value.is_undefined() {
                    Err(MalformedFrame { field: "frame" })
                } else {
                    ServerFrame::read(value, |array| self.events(array))
                };
                Input::Frame { attempt, frame }
            }
            _ => {
                let code = value.as_f64().and_then(safe_integer).and_then(|code| u16::try_from(code).ok());
                Input::Disconnected { attempt, code: code.unwrap_or(1006) }
            }
        });
    }

    fn events(&self, array: JsValue) -> Events {
        // A host that fails here leaves a batch whose only sequence is impossible, which the chain check refuses.
        let sequences = self.host.sequences(&array).map_or_else(|_| vec![f64::NAN], |sequences| sequences.to_vec());
        Events { array, sequences }
    }

    /// Listens for wake-ups only while there is something to wake, and tells the shell.
    fn state_changed(&self, state: ConnectionState) {
        let resting = matches!(state, ConnectionState::Idle | ConnectionState::Closed | ConnectionState::Failed);
        let mut stop = self.stop_watching.borrow_mut();
        if resting {
            if let Some(stop) = stop.take() {
                let _ = stop.call0(&JsValue::UNDEFINED);
            }
        } else if stop.is_none() {
            *stop = self.host.watch_wake(self.wake.as_ref().unchecked_ref()).ok();
        }
        drop(stop);
        let _ = self.host.state_changed(state.as_str());
    }

    /// Keeps one timer for the machine's deadline. One that is due earlier is left running: it costs a tick, while moving it
    /// with every frame would cost two calls each.
    fn arm(&self) {
        let deadline = self.machine.borrow().deadline();
        let mut timer = self.timer.borrow_mut();
        match (deadline, &*timer) {
            (None, _) => *timer = None,
            (Some(deadline), Some((_, due))) if *due <= deadline => {}
            (Some(deadline), _) => {
                let delay = deadline.saturating_sub(self.clock.now());
                *timer = Some((Timer::start(self.tick.as_ref(), delay), deadline));
            }
        }
    }
}
