//! What waits to be written, and how the text of a frame comes about.

use alloc::collections::VecDeque;
use alloc::string::String;
use core::fmt::Write;

use crate::wire::frame::{ServerFrame, SubscriptionId};

use super::machine::ServerOutput;
use super::subscription::Batch;

/// A server frame without a batch; batches are put together by [`events`].
pub(super) type Plain = ServerFrame<()>;

/// The outputs of a session in order, and the bytes of them that the transport has not taken yet.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    queue: VecDeque<ServerOutput>,
    unsent: usize,
    /// Since when the transport has taken nothing although something waits.
    stalled_since: Option<u64>,
}

impl Outgoing {
    pub(super) fn send(&mut self, frame: &Plain, now_ms: u64) {
        // Writing these shapes cannot fail; an empty frame would be a bug that the client reports at once.
        self.send_text(serde_json::to_string(frame).unwrap_or_default(), now_ms);
    }

    pub(super) fn send_batch(&mut self, id: &SubscriptionId, batch: &Batch, now_ms: u64) {
        self.send_text(events(id, batch), now_ms);
    }

    fn send_text(&mut self, text: String, now_ms: u64) {
        self.unsent = self.unsent.saturating_add(text.len());
        self.stalled_since = self.stalled_since.or(Some(now_ms));
        self.queue.push_back(ServerOutput::Send(text));
    }

    /// Anything that is not a frame.
    pub(super) fn push(&mut self, output: ServerOutput) {
        self.queue.push_back(output);
    }

    pub(super) fn pop(&mut self) -> Option<ServerOutput> {
        self.queue.pop_front()
    }

    pub(super) fn written(&mut self, bytes: usize, now_ms: u64) {
        self.unsent = self.unsent.saturating_sub(bytes);
        self.stalled_since = (self.unsent > 0).then_some(now_ms);
    }

    pub(super) const fn unsent(&self) -> usize {
        self.unsent
    }

    pub(super) const fn stalled_since(&self) -> Option<u64> {
        self.stalled_since
    }
}

/// The text of an `events` frame. The events' own text goes in as the log holds it: it was serialised once, when it was
/// written, for all readers.
pub(super) fn events(id: &SubscriptionId, batch: &Batch) -> String {
    let size: usize = batch.events.iter().map(|event| event.json.len().saturating_add(1)).sum();
    let mut text = String::with_capacity(size.saturating_add(FRAME_OVERHEAD));
    text.push_str(r#"{"type":"events","id":"#);
    text.push_str(&serde_json::to_string(id).unwrap_or_default());
    // Writing into a String cannot fail.
    let _ = write!(text, r#","prev":{},"through":{},"events":["#, batch.prev, batch.through);
    let mut events = batch.events.iter();
    if let Some(first) = events.next() {
        text.push_str(&first.json);
    }
    for event in events {
        text.push(',');
        text.push_str(&event.json);
    }
    text.push_str("]}");
    text
}

/// What an `events` frame has beside its events, at most: an id of 64 bytes may need six times that when it is escaped.
pub(super) const FRAME_OVERHEAD: usize = 512;

#[cfg(test)]
mod tests {
    use alloc::sync::Arc;

    use super::*;
    use crate::server::log::{EventKind, LoggedEvent};

    #[test]
    fn a_batch_reads_back_as_the_shared_frame() {
        let event = |sequence: u64| {
            Arc::new(LoggedEvent {
                sequence,
                kind: EventKind::Chat,
                chat_guid: "any;-;a".into(),
                json: format!(r#"{{"sequence":{sequence}}}"#).into(),
                proto: None,
            })
        };
        for count in 0..3 {
            let id = SubscriptionId::Text("\u{1}".repeat(64));
            let batch = Batch { prev: 1, through: 9, events: (2..2 + count).map(event).collect() };
            let text = events(&id, &batch);
            let payload: usize = batch.events.iter().map(|event| event.json.len() + 1).sum();
            assert!(text.len() <= payload + FRAME_OVERHEAD);
            let frame: ServerFrame<Vec<serde_json::Value>> = serde_json::from_str(&text).unwrap();
            let values = (2..2 + count).map(|sequence| serde_json::json!({ "sequence": sequence })).collect();
            assert_eq!(frame, ServerFrame::Events { id, prev: 1, through: 9, events: values });
        }
    }
}
