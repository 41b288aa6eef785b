//! What waits to be written, and the text of the frames.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::wire::codec::{USUAL_FRAME_BYTES, object_text, push_name};
use crate::wire::frame::{ServerFrame, SubscriptionId};

use super::exchange::ServerOutput;
use super::log::LoggedEvent;

/// A stretch of the log for the client.
#[derive(Debug)]
pub(super) struct EventBatch {
    pub(super) prev: u64,
    pub(super) through: u64,
    pub(super) events: Vec<Arc<LoggedEvent>>,
}

/// A frame from this server.
pub(super) type Frame = ServerFrame<Vec<Arc<LoggedEvent>>>;

/// The outputs of a session in order, and the bytes of them that the transport has not taken yet.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    queue: VecDeque<ServerOutput>,
    unsent: usize,
    /// Since when the transport has taken nothing although something waits.
    stalled_since: Option<u64>,
}

impl Outgoing {
    pub(super) fn send(&mut self, frame: &Frame, now_ms: u64) {
        let text = text_of(frame);
        self.unsent = self.unsent.saturating_add(text.len());
        self.stalled_since = self.stalled_since.or(Some(now_ms));
        self.queue.push_back(ServerOutput::Send(text));
    }

    pub(super) fn send_batch(&mut self, id: &SubscriptionId, batch: EventBatch, now_ms: u64) {
        let EventBatch { prev, through, events } = batch;
        self.send(&ServerFrame::Events { id: id.clone(), prev, through, events }, now_ms);
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

fn text_of(frame: &Frame) -> String {
    let capacity = match frame {
        Frame::Events { events, .. } => {
            let size: usize = events.iter().map(|event| event.json.len().saturating_add(1)).sum();
            size.saturating_add(FRAME_OVERHEAD)
        }
        _ => USUAL_FRAME_BYTES,
    };
    object_text(capacity, |out| frame.write_fields(out, splice))
}

/// Writes events as the log holds them: their text was made once, when they were written to the log, for all readers.
fn splice(events: &Vec<Arc<LoggedEvent>>, name: &'static str, frame: &mut String) {
    push_name(frame, name);
    frame.push('[');
    for event in events {
        frame.push_str(&event.json);
        frame.push(',');
    }
    if !events.is_empty() {
        frame.pop();
    }
    frame.push(']');
}

/// What an `events` frame has beside its events, at most: an id of 64 bytes may need six times that when it is escaped.
pub(super) const FRAME_OVERHEAD: usize = 512;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::server::kind::EventKind;

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
            let events: Vec<_> = (2..2 + count).map(event).collect();
            let payload: usize = events.iter().map(|event| event.json.len() + 1).sum();
            let text = text_of(&Frame::Events { id: id.clone(), prev: 1, through: 9, events });
            assert!(text.len() <= payload + FRAME_OVERHEAD);
            let frame: Value = serde_json::from_str(&text).unwrap();
            let values = (2..2 + count).map(|sequence| json!({ "sequence": sequence })).collect();
            let expected = ServerFrame::Events { id, prev: 1, through: 9, events: values };
            assert_eq!(ServerFrame::read(&frame, Value::clone), Ok(Some(expected)));
        }
    }
}
