//! A stream of events as JavaScript pulls it: batch by batch, each a plain array.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;

use im_chats_protocol::client::{ClientInput, OnGap, Plan, Start, StreamId};
use im_chats_protocol::error::Error;
use im_chats_protocol::model::Cursor;
use im_chats_protocol::number::{MAX_SAFE_INTEGER, safe_integer};
use im_chats_protocol::wire::filter::Filter;
use im_chats_protocol::wire::frame::{After, Topic};
use im_chats_protocol::wire::json::MakeJson;
use js_sys::Promise;
use tsify::Ts;
use wasm_bindgen::prelude::*;

use crate::driver::Driver;
use crate::input::{Options, text};
use crate::mailbox::Mailbox;
use crate::promise::{BatchPromise, VoidPromise, promise};
use crate::shapes::StreamEnd;
use crate::value::Value;

/// The wasm side of a `TypedEventStream`.
#[wasm_bindgen]
pub struct EventStream {
    driver: Rc<Driver>,
    stream: StreamId,
    mailbox: Rc<RefCell<Mailbox>>,
}

impl EventStream {
    /// Opens a stream that goes on for ever, of what the options ask for within a topic. The shell gives only options that the method has.
    pub(crate) fn subscribe(driver: &Rc<Driver>, topic: Topic, options: &Options) -> Result<Self, JsValue> {
        let mut on_gap = JsValue::UNDEFINED;
        let mut plan = || {
            let filter = Filter {
                topic,
                chat: options.text("chat")?,
                chats: options.texts("chats", "an array of chat GUIDs")?,
                types: options.texts("types", "an array of types of events")?,
            };
            Ok(Plan {
                filter: filter.checked()?,
                start: begin(options, &options.value("after").unwrap_or_default(), Start::Head)?,
                until_head: false,
                resume: options.flag("resume")?.unwrap_or(true),
                on_gap: read_on_gap(options, &mut on_gap)?,
            })
        };
        let plan = options.signal().and_then(|_| plan());
        Self::open(driver, plan, on_gap)
    }

    pub(crate) fn catch_up(driver: &Rc<Driver>, after: &JsValue, options: &Options) -> Result<Self, JsValue> {
        let plan = || {
            Ok(Plan {
                filter: Filter::of(Topic::All),
                start: begin(options, after, Start::Beginning)?,
                until_head: true,
                resume: true,
                on_gap: OnGap::Fail,
            })
        };
        Self::open(driver, options.signal().and_then(|_| plan()), JsValue::UNDEFINED)
    }

    fn open(driver: &Rc<Driver>, plan: Result<Plan, Error>, on_gap: JsValue) -> Result<Self, JsValue> {
        let plan = plan.map_err(|error| driver.host.to_js(&error))?;
        let (stream, mailbox) = driver.open(plan, on_gap);
        Ok(Self { driver: Rc::clone(driver), stream, mailbox })
    }
}

/// What to do about a gap; the user's own function to tell of it is put into `tell`.
fn read_on_gap(options: &Options, tell: &mut JsValue) -> Result<OnGap, Error> {
    let Some(value) = options.value("onGap") else { return Ok(OnGap::Fail) };
    if value.is_function() {
        *tell = value;
        return Ok(OnGap::Skip);
    }
    match value.as_string().as_deref() {
        Some("fail") => Ok(OnGap::Fail),
        Some("skip") => Ok(OnGap::Skip),
        _ => Err(Error::invalid("onGap", "expected \"fail\", \"skip\", or a function that is told of the gap")),
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
impl EventStream {
    /// Says that everything given before is handled, and asks for more: an array of at least one event, or undefined at the end. It
    /// rejects, once, with what went wrong.
    pub fn pull(&self) -> BatchPromise {
        // Now, and not with the first turn of the future: the cursor moves.
        if self.mailbox.borrow_mut().handle_all() {
            self.driver.feed(ClientInput::Pull { stream: self.stream });
        }
        // What is here needs no future, which would take two turns of the microtask queue.
        if let Some(batch) = self.mailbox.borrow_mut().take_batch() {
            return Promise::resolve(&batch).unchecked_into();
        }
        let mailbox = Rc::clone(&self.mailbox);
        promise(poll_fn(move |context| mailbox.borrow_mut().poll_batch(context))).unchecked_into()
    }

    /// Resolves once the server has the cursor: nothing that happens afterwards is missed. Rejects when the stream is over before
    /// that, with its error.
    pub fn ready(&self) -> VoidPromise {
        let mailbox = Rc::clone(&self.mailbox);
        promise(poll_fn(move |context| mailbox.borrow_mut().poll_ready(context))).unchecked_into()
    }

    /// The cursor of a user who was given so many events of the batch that was pulled last.
    pub fn cursor(&self, given: usize) -> Option<String> {
        let cursor = self.driver.cursor(self.stream);
        self.mailbox.borrow().cursor(given, cursor).map(|cursor| cursor.to_text())
    }

    /// How far the log's head is ahead of what that user handled.
    pub fn lag(&self, given: usize) -> f64 {
        let handled = self.mailbox.borrow().handled(given);
        #[expect(clippy::cast_precision_loss, reason = "sequences are safe integers")]
        let lag = self.driver.lag(self.stream, handled) as f64;
        lag
    }

    /// The event that was given last counts as handled, although no next one is asked for.
    pub fn acknowledge(&self) {
        self.mailbox.borrow_mut().acknowledge();
    }

    /// Ends the stream here and at the server, for a user who was given so many events of the batch that was pulled last. Says where
    /// that user is.
    // Takes the stream, so that a program that opens thousands of them does not wait for the garbage collector.
    pub fn close(self, given: usize) -> Ts<StreamEnd> {
        let cursor = self.driver.cursor(self.stream);
        let (handled, given) = self.mailbox.borrow_mut().close(given, cursor);
        let text = |name, cursor: Option<Cursor>| cursor.map(|cursor| (name, Value::Text(cursor.to_text())));
        let end = text("handled", handled).into_iter().chain(text("given", given));
        Ts::new_unchecked(Value::object(end.collect()).to_js())
    }
}

impl Drop for EventStream {
    /// Also a stream that JavaScript dropped without closing must not keep its subscription.
    fn drop(&mut self) {
        self.driver.mailboxes.remove(self.stream);
        self.driver.feed(ClientInput::Cancel { stream: self.stream });
    }
}
