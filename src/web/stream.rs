//! A stream of events as JavaScript pulls it: batch by batch, each a plain array.

use alloc::borrow::ToOwned;
use alloc::rc::Rc;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::RefCell;

use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;

use super::client::Shared;
use super::driver::Driver;
use super::failure::to_js;
use super::host::Host;
use super::input::{Options, guid, text};
use crate::error::Error;
use crate::model::{Cursor, MAX_SAFE_INTEGER};
use crate::session::{Input, OnGap, Plan, Start, StreamId};
use crate::wire::frame::{After, Topic};
use crate::wire::json::{Json, safe_integer};

/// What a pull gets.
enum Answer {
    Batch(JsValue),
    /// The end, also of every later pull.
    End(Result<(), JsValue>),
}

/// One stream's pending promises, and answers that nobody waits for yet.
struct Waiter {
    stream: StreamId,
    answers: Vec<Answer>,
    pull: Option<(Function, Function)>,
    attached: bool,
    ready: Option<Function>,
    /// Nothing more comes than what is in `answers`.
    ended: bool,
    last_cursor: Option<Cursor>,
    /// The user's own function to tell of a gap, or undefined.
    on_gap: JsValue,
}

/// The streams of a client that JavaScript holds.
#[derive(Default)]
pub(super) struct Waiters(RefCell<Vec<Waiter>>);

impl Waiters {
    pub(super) fn add(&self, stream: StreamId, on_gap: JsValue) {
        self.0.borrow_mut().push(Waiter {
            stream,
            answers: Vec::new(),
            pull: None,
            attached: false,
            ready: None,
            ended: false,
            last_cursor: None,
            on_gap,
        });
    }

    fn remove(&self, stream: StreamId) {
        self.0.borrow_mut().retain(|waiter| waiter.stream != stream);
    }

    fn with<T>(&self, stream: StreamId, act: impl FnOnce(&mut Waiter) -> T) -> Option<T> {
        self.0.borrow_mut().iter_mut().find(|waiter| waiter.stream == stream).map(act)
    }

    pub(super) fn attached(&self, stream: StreamId) {
        let ready = self.with(stream, |waiter| {
            waiter.attached = true;
            waiter.ready.take()
        });
        resolve(ready.flatten());
    }

    /// Says which stretch of the log a stream had to leave out.
    pub(super) fn gap(&self, stream: StreamId, from: u64, to: u64, host: &Host) {
        let on_gap = self.with(stream, |waiter| waiter.on_gap.clone()).unwrap_or_default();
        let gap = JsValue::object(vec![("from", JsValue::from_integer(from)), ("to", JsValue::from_integer(to))]);
        let _ = host.gap_skipped(&gap, &on_gap);
    }

    pub(super) fn deliver(&self, stream: StreamId, batch: JsValue) {
        self.answer(stream, Answer::Batch(batch));
    }

    pub(super) fn end(&self, stream: StreamId, result: Result<Option<u64>, Error>, cursor: Option<Cursor>, host: &Host) {
        let ready = self.with(stream, |waiter| {
            waiter.last_cursor = cursor;
            waiter.attached = true;
            waiter.ready.take()
        });
        // Whoever waits for the stream to be attached learns from the stream itself how it ended.
        resolve(ready.flatten());
        let end = match result {
            Err(error) => Err(to_js(host, &error, &JsValue::UNDEFINED)),
            Ok(None) => Ok(()),
            Ok(Some(head)) => {
                let complete =
                    JsValue::object(vec![("type", "catchup.complete".into()), ("headSequence", JsValue::from_integer(head))]);
                self.answer(stream, Answer::Batch(JsValue::array(vec![complete])));
                Ok(())
            }
        };
        self.answer(stream, Answer::End(end));
    }

    /// Settles the waiting pull, or keeps the answer for the next.
    fn answer(&self, stream: StreamId, answer: Answer) {
        let pull = self.with(stream, |waiter| {
            waiter.ended |= matches!(answer, Answer::End(_));
            if waiter.pull.is_none() {
                waiter.answers.push(answer);
                return None;
            }
            waiter.pull.take().map(|pull| (pull, answer))
        });
        let Some(((accept, refuse), answer)) = pull.flatten() else { return };
        let (settle, value) = match answer {
            Answer::Batch(batch) => (accept, batch),
            Answer::End(Ok(())) => (accept, JsValue::UNDEFINED),
            Answer::End(Err(error)) => (refuse, error),
        };
        let _ = settle.call1(&JsValue::UNDEFINED, &value);
    }

    /// An answer that is already there.
    fn take(&self, stream: StreamId) -> Option<Result<JsValue, JsValue>> {
        self.with(stream, |waiter| {
            if waiter.answers.is_empty() {
                return waiter.ended.then_some(Ok(JsValue::UNDEFINED));
            }
            Some(match waiter.answers.remove(0) {
                Answer::Batch(batch) => Ok(batch),
                Answer::End(Ok(())) => Ok(JsValue::UNDEFINED),
                Answer::End(Err(error)) => Err(error),
            })
        })?
    }
}

fn resolve(waiting: Option<Function>) {
    if let Some(waiting) = waiting {
        let _ = waiting.call0(&JsValue::UNDEFINED);
    }
}

/// The wasm side of a `TypedEventStream`. Internal.
#[wasm_bindgen]
pub struct Subscription {
    // Keeps what the driver only refers to weakly, should the user keep the stream and not the client.
    _shared: Rc<Shared>,
    driver: Rc<Driver>,
    stream: StreamId,
}

impl Subscription {
    pub(super) fn subscribe(shared: &Rc<Shared>, options: JsValue) -> Result<Self, JsValue> {
        let mut tell = JsValue::UNDEFINED;
        let plan = || {
            let options = Options::new(options);
            options.signal()?;
            let on_gap = match options.value("onGap") {
                None => OnGap::Fail,
                Some(value) if value.is_function() => {
                    tell = value;
                    OnGap::Skip
                }
                Some(value) => match value.as_string().as_deref() {
                    Some("fail") => OnGap::Fail,
                    Some("skip") => OnGap::Skip,
                    _ => {
                        return Err(Error::invalid(
                            "onGap",
                            "expected \"fail\", \"skip\", or a function that is told of the gap",
                        ));
                    }
                },
            };
            Ok(Plan {
                topic: Topic::Chats,
                chat: options.value("chat").map(|chat| guid(&chat)).transpose()?.map(|chat| chat.as_str().to_owned()),
                start: options.value("after").map_or(Ok(Start::Head), |after| start(&after))?,
                until_head: false,
                resume: options.flag("resume")?.unwrap_or(true),
                on_gap,
            })
        };
        let plan = plan();
        Self::open(shared, plan, tell)
    }

    pub(super) fn catch_up(shared: &Rc<Shared>, after: JsValue, options: JsValue) -> Result<Self, JsValue> {
        let plan = || {
            Options::new(options).signal()?;
            Ok(Plan {
                topic: Topic::All,
                chat: None,
                start: if after.is_undefined() { Start::Beginning } else { start(&after)? },
                until_head: true,
                resume: true,
                on_gap: OnGap::Fail,
            })
        };
        Self::open(shared, plan(), JsValue::UNDEFINED)
    }

    fn open(shared: &Rc<Shared>, plan: Result<Plan, Error>, on_gap: JsValue) -> Result<Self, JsValue> {
        let plan = plan.map_err(|error| to_js(&shared.host, &error, &JsValue::UNDEFINED))?;
        let driver = shared.driver();
        let stream = driver.open(plan, on_gap);
        Ok(Self { _shared: Rc::clone(shared), driver, stream })
    }
}

/// A saved cursor, or a plain sequence.
fn start(after: &JsValue) -> Result<Start, Error> {
    if after.is_string() {
        let Cursor { log, sequence } = Cursor::parse(&text(after, "after")?, "after")?;
        return Ok(Start::After(After { log: Some(log), sequence }));
    }
    let sequence = after.as_f64().and_then(safe_integer).filter(|sequence| *sequence <= MAX_SAFE_INTEGER);
    sequence.map(|sequence| Start::After(After { log: None, sequence })).ok_or_else(|| {
        Error::invalid("after", "expected a cursor that stream.cursor gave, or a sequence: a whole number from 0 to 2^53 - 1")
    })
}

#[wasm_bindgen]
impl Subscription {
    /// Says that everything given before is handled, and asks for more: an array of at least one event, a promise of one, or
    /// undefined at the end.
    pub fn pull(&self) -> Result<JsValue, JsValue> {
        let waiters = &self.driver.waiters;
        if let Some(answer) = waiters.take(self.stream) {
            return answer;
        }
        self.driver.feed(Input::Pull { stream: self.stream });
        if let Some(answer) = waiters.take(self.stream) {
            return answer;
        }
        let promise = Promise::new(&mut |accept, refuse| {
            waiters.with(self.stream, |waiter| waiter.pull = Some((accept, refuse)));
        });
        Ok(promise.into())
    }

    /// Resolves once the server has the cursor – nothing that happens afterwards is missed – or the stream is over.
    pub fn ready(&self) -> Promise {
        Promise::new(&mut |accept, _| {
            let now = self.driver.waiters.with(self.stream, |waiter| {
                if waiter.attached {
                    return Some(accept);
                }
                waiter.ready = Some(accept);
                None
            });
            resolve(now.flatten());
        })
    }

    /// The cursor; of the event with this sequence, when the user is in the middle of a batch.
    pub fn cursor(&self, sequence: JsValue) -> JsValue {
        let kept = || self.driver.waiters.with(self.stream, |waiter| waiter.last_cursor.clone()).flatten();
        let Some(mut cursor) = self.driver.cursor(self.stream).or_else(kept) else { return JsValue::UNDEFINED };
        if let Some(sequence) = sequence.as_f64().and_then(safe_integer) {
            cursor.sequence = sequence;
        }
        JsValue::from_str(&cursor.to_text())
    }

    /// Ends the stream here and at the server.
    pub fn close(&self) {
        let cursor = self.driver.cursor(self.stream);
        self.driver.feed(Input::Cancel { stream: self.stream });
        self.driver.waiters.with(self.stream, |waiter| {
            waiter.last_cursor = cursor.or_else(|| waiter.last_cursor.take());
            waiter.answers.clear();
            waiter.ended = true;
        });
    }
}

impl Drop for Subscription {
    /// A stream that JavaScript dropped without closing must not hold its subscription for ever.
    fn drop(&mut self) {
        self.driver.feed(Input::Cancel { stream: self.stream });
        self.driver.waiters.remove(self.stream);
    }
}
