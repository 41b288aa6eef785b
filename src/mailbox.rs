//! What a stream holds for its user: batches that nobody asked for yet, how it ended, and how far the user is.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use im_chats_protocol::client::StreamId;
use im_chats_protocol::model::Cursor;
use im_chats_protocol::number::safe_integer;
use wasm_bindgen::JsValue;

use crate::batch::Events;

/// One stream's mailbox.
pub(crate) struct Mailbox {
    batches: VecDeque<Events>,
    /// How the stream ended: the error is given once, then the end.
    end: Option<Result<JsValue, JsValue>>,
    pull: Option<Waker>,
    /// Whether the server attached the stream, or why that will never be.
    attached: Option<Result<JsValue, JsValue>>,
    ready: Option<Waker>,
    /// The sequences of the batch that is with the user.
    with_user: Vec<f64>,
    /// Whether the event that the user was given last is handled, although no next one is asked for.
    is_acknowledged: bool,
    /// Where the stream was when it ended.
    cursor: Option<Cursor>,
    /// The user's own function to tell of a gap, or undefined.
    pub(crate) on_gap: JsValue,
}

impl Mailbox {
    pub(crate) fn new(on_gap: JsValue) -> Self {
        Self {
            batches: VecDeque::new(),
            end: None,
            pull: None,
            attached: None,
            ready: None,
            with_user: Vec::new(),
            is_acknowledged: false,
            cursor: None,
            on_gap,
        }
    }

    pub(crate) const fn is_over(&self) -> bool {
        self.end.is_some()
    }

    pub(crate) fn deliver(&mut self, batch: Events) {
        self.batches.push_back(batch);
        if let Some(a) = self.pull.take() {
            Waker::wake(a)
        }
    }

    /// Nothing more comes than what is here already.
    pub(crate) fn end(&mut self, end: Result<JsValue, JsValue>, cursor: Option<Cursor>) {
        if self.is_over() {
            return;
        }
        // Without an error of its own, the shell knows why nobody will hear that it is attached.
        self.attached(Err(end.clone().err().unwrap_or_default()));
        self.end = Some(end);
        self.cursor = cursor;
        if let Some(a) = self.pull.take() {
            Waker::wake(a)
        }
    }

    /// The first word counts: a stream that was attached has been attached, however it ends.
    pub(crate) fn attached(&mut self, outcome: Result<JsValue, JsValue>) {
        self.attached.get_or_insert(outcome);
        if let Some(a) = self.ready.take() {
            Waker::wake(a)
        }
    }

    /// Everything that was given is handled. Says whether a batch must be asked for.
    pub(crate) fn handle_all(&mut self) -> bool {
        self.with_user.clear();
        self.batches.is_empty() && !self.is_over()
    }

    /// The event that was given last is handled.
    pub(crate) const fn acknowledge(&mut self) {
        self.is_acknowledged = true;
    }

    /// A batch that is here already.
    pub(crate) fn take_batch(&mut self) -> Option<JsValue> {
        let batch = self.batches.pop_front()?;
        self.with_user = batch.sequences;
        Some(batch.array)
    }

    /// The next batch, or the end.
    pub(crate) fn poll_batch(&mut self, context: &Context<'_>) -> Poll<Result<JsValue, JsValue>> {
        if let Some(batch) = self.take_batch() {
            return Poll::Ready(Ok(batch));
        }
        if let Some(end) = &mut self.end {
            return Poll::Ready(std::mem::replace(end, Ok(JsValue::UNDEFINED)));
        }
        self.pull = Some(context.waker().clone());
        Poll::Pending
    }

    pub(crate) fn poll_ready(&mut self, context: &Context<'_>) -> Poll<Result<JsValue, JsValue>> {
        if let Some(outcome) = &self.attached {
            return Poll::Ready(outcome.clone());
        }
        self.ready = Some(context.waker().clone());
        Poll::Pending
    }

    /// The sequence of the last event that is handled, when that is in the batch with the user, who was given so many of it.
    pub(crate) fn handled(&self, given: usize) -> Option<u64> {
        self.sequence(if self.is_acknowledged { given } else { given.saturating_sub(1) })
    }

    /// The sequence of the event that is the `count`-th of the batch.
    fn sequence(&self, count: usize) -> Option<u64> {
        self.with_user.get(count.checked_sub(1)?).copied().and_then(safe_integer)
    }

    /// The cursor of a user who was given so many events of the batch; `otherwise` is where the machine is.
    pub(crate) fn cursor(&self, given: usize, otherwise: Option<Cursor>) -> Option<Cursor> {
        moved(otherwise.or_else(|| self.cursor.clone()), self.handled(given))
    }

    /// Ends the stream for a user who was given so many events of the batch, and wants no more. Gives the cursor, and that of the event
    /// that was given last, which may be handled yet.
    pub(crate) fn close(&mut self, given: usize, otherwise: Option<Cursor>) -> (Option<Cursor>, Option<Cursor>) {
        let before = otherwise.or_else(|| self.cursor.take());
        let cursors = (moved(before.clone(), self.handled(given)), moved(before, self.sequence(given)));
        self.end(Ok(JsValue::UNDEFINED), None);
        cursors
    }
}

fn moved(cursor: Option<Cursor>, sequence: Option<u64>) -> Option<Cursor> {
    let cursor = cursor?;
    Some(Cursor { sequence: sequence.unwrap_or(cursor.sequence), ..cursor })
}

/// The mailboxes of the streams that JavaScript holds, in the order of their numbers.
#[derive(Default)]
pub(crate) struct Mailboxes(RefCell<Vec<(StreamId, Rc<RefCell<Mailbox>>)>>);

impl Mailboxes {
    pub(crate) fn add(&self, stream: StreamId, on_gap: JsValue) -> Rc<RefCell<Mailbox>> {
        let mailbox = Rc::new(RefCell::new(Mailbox::new(on_gap)));
        self.0.borrow_mut().push((stream, Rc::clone(&mailbox)));
        mailbox
    }

    pub(crate) fn remove(&self, stream: StreamId) {
        self.0.borrow_mut().retain(|(other, _)| *other != stream);
    }

    /// Does something with a stream's mailbox, unless JavaScript dropped the stream.
    pub(crate) fn with<T>(&self, stream: StreamId, act: impl FnOnce(&mut Mailbox) -> T) -> Option<T> {
        let mailboxes = self.0.borrow();
        let at = mailboxes.binary_search_by_key(&stream, |(stream, _)| *stream).ok()?;
        mailboxes.get(at).map(|(_, mailbox)| act(&mut mailbox.borrow_mut()))
    }
}
