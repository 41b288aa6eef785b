//! A commit as a message: what stands on it in headers, which any tool of NATS shows, and its events as protobuf.

use async_nats::HeaderMap;
use bytes::Bytes;
use im_chats_protocol::server::{EventKind, LoggedEvent};
use im_chats_replication::{Commit, CommitKind};
use prost::Message as _;

/// Events of one commit at most.
pub const MAX_EVENTS: usize = 512;

/// Bytes that the headers of a message take at most, as they stand in the limit of a message's size.
const HEADER_BYTES: usize = 1_024;

const PREV: &str = "Im-Prev";
const LAST: &str = "Im-Last";
const EPOCH: &str = "Im-Epoch";
const COMMIT: &str = "Im-Commit";
const EVENTS: &str = "Im-Events";
const KIND: &str = "Im-Kind";

const KIND_EVENTS: &str = "events";
const KIND_SKIP: &str = "skip";

/// One event of a commit.
#[derive(Clone, PartialEq, prost::Message)]
struct StoredEvent {
    #[prost(uint64, tag = "1")]
    sequence: u64,
    #[prost(int64, tag = "2")]
    kind: i64,
    #[prost(string, tag = "3")]
    chat_guid: String,
    #[prost(string, tag = "4")]
    json: String,
    #[prost(bytes = "bytes", optional, tag = "5")]
    proto: Option<Bytes>,
}

/// What a message holds.
#[derive(Clone, PartialEq, prost::Message)]
struct Stored {
    #[prost(message, repeated, tag = "1")]
    events: Vec<StoredEvent>,
}

/// Events that are written together, as the payload of a message.
#[derive(Debug)]
pub struct Batch {
    /// The payload.
    pub payload: Bytes,
    /// The last of the events.
    pub last: LoggedEvent,
    /// How many they are.
    pub events: u64,
}

/// An event that no message can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge {
    /// Its sequence.
    pub sequence: u64,
    /// Its bytes, in a message.
    pub bytes: usize,
}

/// Divides events among messages of at most [`MAX_EVENTS`] events and `max_payload` bytes, headers included. Those before one that is too
/// large are given, so that nothing before it waits for it.
pub fn batches(events: Vec<LoggedEvent>, max_payload: usize) -> (Vec<Batch>, Option<TooLarge>) {
    let room = max_payload.saturating_sub(HEADER_BYTES);
    let (mut batches, mut open, mut bytes) = (Vec::new(), Stored::default(), 0_usize);
    let mut last = None;
    let mut close = |open: &mut Stored, last: &mut Option<LoggedEvent>| {
        if let Some(last) = last.take() {
            let events = u64::try_from(open.events.len()).unwrap_or(u64::MAX);
            batches.push(Batch { payload: std::mem::take(open).encode_to_vec().into(), last, events });
        }
    };
    let mut too_large = None;
    for event in events {
        let stored = StoredEvent {
            sequence: event.sequence,
            kind: event.kind.number(),
            chat_guid: event.chat_guid.to_string(),
            json: event.json.to_string(),
            proto: event.proto.clone(),
        };
        // With its tag and its length.
        let size = prost::encoding::message::encoded_len(1, &stored);
        if size > room {
            too_large = Some(TooLarge { sequence: event.sequence, bytes: size });
            break;
        }
        if open.events.len() >= MAX_EVENTS || bytes.saturating_add(size) > room {
            close(&mut open, &mut last);
            bytes = 0;
        }
        bytes = bytes.saturating_add(size);
        open.events.push(stored);
        last = Some(event);
    }
    close(&mut open, &mut last);
    (batches, too_large)
}

/// The headers of a commit.
#[must_use]
pub fn headers(commit: &Commit) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(PREV, commit.prev.to_string());
    headers.insert(LAST, commit.last.to_string());
    headers.insert(EPOCH, commit.epoch.to_string());
    headers.insert(COMMIT, commit.id.as_str());
    headers.insert(EVENTS, commit.events.to_string());
    headers.insert(
        KIND,
        match commit.kind {
            CommitKind::Events => KIND_EVENTS,
            CommitKind::Skip => KIND_SKIP,
        },
    );
    headers
}

/// What stands on a message; `None` when it is not one of ours.
#[must_use]
pub fn commit(headers: Option<&HeaderMap>) -> Option<Commit> {
    let text = |name: &str| headers?.get(name).map(async_nats::HeaderValue::as_str);
    let number = |name: &str| text(name)?.parse().ok();
    Some(Commit {
        prev: number(PREV)?,
        last: number(LAST)?,
        epoch: number(EPOCH)?,
        id: text(COMMIT)?.to_owned(),
        events: number(EVENTS)?,
        kind: match text(KIND)? {
            KIND_EVENTS => CommitKind::Events,
            KIND_SKIP => CommitKind::Skip,
            _ => return None,
        },
    })
}

/// The events of a commit.
///
/// # Errors
/// What is wrong with the payload: it is not what a gateway wrote.
pub fn events(commit: &Commit, payload: Bytes) -> Result<Vec<LoggedEvent>, String> {
    let stored = Stored::decode(payload).map_err(|error| error.to_string())?;
    let mut last = commit.prev;
    for event in &stored.events {
        if event.sequence <= last {
            return Err(format!("event {} follows {last}", event.sequence));
        }
        last = event.sequence;
    }
    if last != commit.last {
        return Err(format!("its last event is {last} and not {}", commit.last));
    }
    Ok(stored.events.into_iter().map(logged).collect())
}

/// A kind that this version does not know was written by a newer one; its reader is a reader of everything.
fn logged(event: StoredEvent) -> LoggedEvent {
    LoggedEvent {
        sequence: event.sequence,
        kind: EventKind::from_number(event.kind).unwrap_or(EventKind::Unknown),
        chat_guid: event.chat_guid.into(),
        json: event.json.into(),
        proto: event.proto,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn event(sequence: u64, bytes: usize) -> LoggedEvent {
        LoggedEvent {
            sequence,
            kind: EventKind::Chat,
            chat_guid: "any;-;a@b.c".into(),
            json: "x".repeat(bytes).into(),
            proto: bytes.is_multiple_of(2).then(|| Bytes::from(vec![7; bytes])),
        }
    }

    fn commit_of(batch: &Batch, prev: u64) -> Commit {
        Commit { prev, last: batch.last.sequence, epoch: 2, id: "a-1".to_owned(), events: 9, kind: CommitKind::Events }
    }

    #[test]
    fn headers_say_what_the_commit_is() {
        for kind in [CommitKind::Events, CommitKind::Skip] {
            let written = Commit { prev: 1, last: u64::MAX, epoch: 3, id: "a-b-1".to_owned(), events: 4, kind };
            assert_eq!(commit(Some(&headers(&written))), Some(written));
        }
    }

    #[test]
    fn a_message_of_another_program_is_no_commit() {
        let written = Commit { prev: 1, last: 2, epoch: 3, id: "a-1".to_owned(), events: 4, kind: CommitKind::Skip };
        assert_eq!(commit(None), None);
        for name in [PREV, LAST, EPOCH, EVENTS, KIND] {
            let mut headers = headers(&written);
            headers.insert(name, "x");
            assert_eq!(commit(Some(&headers)), None, "{name}");
        }
    }

    #[test]
    fn what_is_too_large_is_named_and_what_comes_before_it_is_not_held_up() {
        let (batches, too_large) = batches(vec![event(1, 10), event(2, 9_000), event(3, 10)], 4_096);
        assert_eq!(batches.iter().map(|batch| batch.last.sequence).collect::<Vec<_>>(), [1]);
        assert_eq!(too_large.map(|event| event.sequence), Some(2));
    }

    #[test]
    fn a_payload_that_does_not_fit_its_headers_is_refused() {
        let (batches, _) = batches(vec![event(5, 1), event(7, 1)], 1 << 20);
        let batch = &batches[0];
        let right = commit_of(batch, 4);
        assert!(events(&right, batch.payload.clone()).is_ok());
        assert!(events(&Commit { prev: 5, ..right.clone() }, batch.payload.clone()).unwrap_err().contains("follows 5"));
        assert!(events(&Commit { last: 8, ..right.clone() }, batch.payload.clone()).unwrap_err().contains("not 8"));
        assert!(events(&right, Bytes::from_static(b"\xff")).is_err());
    }

    proptest! {
        #[test]
        fn every_event_is_in_one_message_in_order_and_no_message_is_too_large(
            sizes in prop::collection::vec(0..3_000_usize, 0..1_500), max_payload in 8_192..65_536_usize,
        ) {
            let written: Vec<_> = sizes.iter().zip(1..).map(|(size, sequence)| event(sequence * 3, *size)).collect();
            let (batches, too_large) = batches(written.clone(), max_payload);
            prop_assert_eq!(too_large, None);
            let (mut read, mut prev) = (Vec::new(), 0);
            for batch in &batches {
                prop_assert!(batch.payload.len() + HEADER_BYTES <= max_payload);
                let found = events(&commit_of(batch, prev), batch.payload.clone()).unwrap();
                prop_assert!(found.len() <= MAX_EVENTS && found.len() as u64 == batch.events);
                prev = batch.last.sequence;
                read.extend(found);
            }
            prop_assert_eq!(read, written);
        }
    }
}
