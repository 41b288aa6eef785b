//! A stream of events as JavaScript pulls it: batch by batch, each a plain array.

use alloc::borrow::ToOwned;
use alloc::rc::Rc;

use js_sys::Function;
use wasm_bindgen::prelude::*;

use crate::driver::Driver;
use crate::failure::to_js;
use crate::input::{Options, guid, text};
use crate::js::integer;
use im_chats_protocol::client::{ClientInput, OnGap, Plan, Start, StreamId};
use im_chats_protocol::error::Error;
use im_chats_protocol::model::Cursor;
use im_chats_protocol::number::{MAX_SAFE_INTEGER, safe_integer};
use im_chats_protocol::wire::frame::{After, Topic};

/// The wasm side of a `TypedEventStream`. Internal.
#[wasm_bindgen]
pub struct StreamHandle {
    driver: Rc<Driver>,
    stream: StreamId,
}

impl StreamHandle {
    pub(super) fn subscribe(driver: &Rc<Driver>, options: JsValue) -> Result<Self, JsValue> {
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
                start: begin(&options, &options.value("after").unwrap_or_default(), Start::Head)?,
                until_head: false,
                resume: options.flag("resume")?.unwrap_or(true),
                on_gap,
            })
        };
        let plan = plan();
        Self::open(driver, plan, tell)
    }

    pub(super) fn catch_up(driver: &Rc<Driver>, after: JsValue, options: JsValue) -> Result<Self, JsValue> {
        let plan = || {
            let options = Options::new(options);
            options.signal()?;
            Ok(Plan {
                topic: Topic::All,
                chat: None,
                start: begin(&options, &after, Start::Beginning)?,
                until_head: true,
                resume: true,
                on_gap: OnGap::Fail,
            })
        };
        Self::open(driver, plan(), JsValue::UNDEFINED)
    }

    fn open(driver: &Rc<Driver>, plan: Result<Plan, Error>, on_gap: JsValue) -> Result<Self, JsValue> {
        let plan = plan.map_err(|error| to_js(&driver.host, &error, &JsValue::UNDEFINED))?;
        let stream = driver.open(plan, on_gap);
        Ok(Self { driver: Rc::clone(driver), stream })
    }
}

/// Where to begin: at what the shell found in the user's cursor store, else after what was asked for.
fn begin(options: &Options, after: &JsValue, otherwise: Start) -> Result<Start, Error> {
    let asked = if after.is_undefined() { otherwise } else { start(after)? };
    let Some(saved) = options.value("cursor") else { return Ok(asked) };
    let Cursor { log, sequence } = text(&saved, "cursor")
        .and_then(|saved| Cursor::parse(&saved, "cursor"))
        .map_err(|_| Error::invalid("cursor", "the store holds something that is no saved cursor"))?;
    Ok(Start::After(After { log: Some(log), sequence }))
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
impl StreamHandle {
    /// Says that everything given before is handled, and asks for more: `accept` is given an array of at least one event, or
    /// undefined at the end; `refuse` what went wrong.
    pub fn pull(&self, accept: Function, refuse: Function) {
        let waiters = &self.driver.waiters;
        waiters.with(self.stream, |waiter| waiter.pull = Some((accept, refuse)));
        if waiters.settle(self.stream) {
            self.driver.feed(ClientInput::Pull { stream: self.stream });
        }
    }

    /// Calls `accept` once the server has the cursor – nothing that happens afterwards is missed – or `refuse` when the stream is
    /// over before that, with its error.
    pub fn ready(&self, accept: Function, refuse: Function) {
        let waiters = &self.driver.waiters;
        waiters.with(self.stream, |waiter| waiter.ready = Some((accept, refuse)));
        waiters.tell_ready(self.stream);
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

    /// How far the log's head is ahead of what the user handled: everything up to the event with this sequence, when the user is
    /// in the middle of a batch.
    pub fn lag(&self, sequence: JsValue) -> JsValue {
        integer(self.driver.lag(self.stream, sequence.as_f64().and_then(safe_integer)))
    }

    /// Ends the stream here and at the server.
    pub fn close(&self) {
        let cursor = self.driver.cursor(self.stream);
        self.driver.feed(ClientInput::Cancel { stream: self.stream });
        self.driver.waiters.with(self.stream, |waiter| {
            waiter.last_cursor = cursor.or_else(|| waiter.last_cursor.take());
            waiter.answers.clear();
            waiter.ended = true;
        });
    }
}

impl Drop for StreamHandle {
    /// A stream that JavaScript dropped without closing must not keep its subscription.
    fn drop(&mut self) {
        self.driver.feed(ClientInput::Cancel { stream: self.stream });
        self.driver.waiters.remove(self.stream);
    }
}
