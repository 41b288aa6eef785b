//! The pending promises of streams, and the answers that nobody waits for yet.

use alloc::vec;
use alloc::vec::Vec;
use core::cell::RefCell;

use js_sys::Function;
use wasm_bindgen::prelude::*;

use crate::failure::to_js;
use crate::host::Host;
use crate::js::{integer, object};
use im_chats_protocol::client::StreamId;
use im_chats_protocol::error::Error;
use im_chats_protocol::model::Cursor;

/// What a pull gets.
pub(super) enum PullResult {
    Batch(JsValue),
    /// The end, also of every later pull.
    End(Result<(), JsValue>),
}

/// One stream's pending promises, and answers that nobody waits for yet.
pub(super) struct Waiter {
    stream: StreamId,
    pub(super) answers: Vec<PullResult>,
    pub(super) pull: Option<(Function, Function)>,
    /// Whether the server attached the stream, or why that will never be.
    pub(super) attached: Option<Result<(), JsValue>>,
    pub(super) ready: Option<(Function, Function)>,
    /// Nothing more comes than what is in `answers`.
    pub(super) ended: bool,
    pub(super) last_cursor: Option<Cursor>,
    /// The user's own function to tell of a gap, or undefined.
    on_gap: JsValue,
}

/// The streams of a client that JavaScript holds, in the order of their numbers.
#[derive(Default)]
pub(super) struct Waiters(RefCell<Vec<Waiter>>);

impl Waiters {
    pub(super) fn add(&self, stream: StreamId, on_gap: JsValue) {
        self.0.borrow_mut().push(Waiter {
            stream,
            answers: Vec::new(),
            pull: None,
            attached: None,
            ready: None,
            ended: false,
            last_cursor: None,
            on_gap,
        });
    }

    pub(super) fn remove(&self, stream: StreamId) {
        self.0.borrow_mut().retain(|waiter| waiter.stream != stream);
    }

    pub(super) fn with<T>(&self, stream: StreamId, act: impl FnOnce(&mut Waiter) -> T) -> Option<T> {
        let mut waiters = self.0.borrow_mut();
        let at = waiters.binary_search_by_key(&stream, |waiter| waiter.stream).ok()?;
        waiters.get_mut(at).map(act)
    }

    pub(super) fn attached(&self, stream: StreamId) {
        self.set_attached(stream, Ok(()));
    }

    /// The first word counts: a stream that was attached has been attached, however it ends.
    fn set_attached(&self, stream: StreamId, outcome: Result<(), JsValue>) {
        self.with(stream, |waiter| waiter.attached.get_or_insert(outcome).is_ok());
        self.tell_ready(stream);
    }

    /// Tells who waits for the stream to be attached, once that is decided.
    pub(super) fn tell_ready(&self, stream: StreamId) {
        let settled = self.with(stream, |waiter| {
            let outcome = waiter.attached.clone()?;
            Some((waiter.ready.take()?, outcome))
        });
        let Some(((accept, refuse), outcome)) = settled.flatten() else { return };
        let _ = match outcome {
            Ok(()) => accept.call0(&JsValue::UNDEFINED),
            Err(error) => refuse.call1(&JsValue::UNDEFINED, &error),
        };
    }

    /// Says which stretch of the log a stream had to leave out.
    pub(super) fn gap(&self, stream: StreamId, from: u64, to: u64, host: &Host) {
        let on_gap = self.with(stream, |waiter| waiter.on_gap.clone()).unwrap_or_default();
        let gap = object(vec![("from", integer(from)), ("to", integer(to))]);
        let _ = host.gap_skipped(&gap, &on_gap);
    }

    pub(super) fn deliver(&self, stream: StreamId, batch: JsValue) {
        self.answer(stream, PullResult::Batch(batch));
    }

    pub(super) fn end(&self, stream: StreamId, result: Result<Option<u64>, Error>, cursor: Option<Cursor>, host: &Host) {
        self.with(stream, |waiter| waiter.last_cursor = cursor);
        let end = match result {
            Err(error) => Err(to_js(host, &error, &JsValue::UNDEFINED)),
            Ok(None) => Ok(()),
            Ok(Some(head)) => {
                let complete = object(vec![("type", "catchup.complete".into()), ("headSequence", integer(head))]);
                self.answer(stream, PullResult::Batch(js_sys::Array::of1(&complete).into()));
                Ok(())
            }
        };
        self.set_attached(stream, Err(end.clone().err().unwrap_or_default()));
        self.answer(stream, PullResult::End(end));
    }

    /// Keeps an answer, and gives it when somebody waits.
    fn answer(&self, stream: StreamId, answer: PullResult) {
        self.with(stream, |waiter| {
            waiter.ended |= matches!(answer, PullResult::End(_));
            waiter.answers.push(answer);
        });
        self.settle(stream);
    }

    /// Settles the waiting pull with the next answer, when there are both; says whether a pull is still waiting.
    pub(super) fn settle(&self, stream: StreamId) -> bool {
        let settled = self.with(stream, |waiter| {
            if waiter.answers.is_empty() && !waiter.ended {
                return None;
            }
            let pull = waiter.pull.take()?;
            Some((pull, if waiter.answers.is_empty() { PullResult::End(Ok(())) } else { waiter.answers.remove(0) }))
        });
        let Some(((accept, refuse), answer)) = settled.flatten() else { return true };
        let (settle, value) = match answer {
            PullResult::Batch(batch) => (accept, batch),
            PullResult::End(Ok(())) => (accept, JsValue::UNDEFINED),
            PullResult::End(Err(error)) => (refuse, error),
        };
        let _ = settle.call1(&JsValue::UNDEFINED, &value);
        false
    }
}
