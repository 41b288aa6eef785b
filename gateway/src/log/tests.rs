use super::reader::SCAN_ROWS;
use super::tail::Tail;
use super::*;
use bytes::Bytes;
use im_chats_protocol::wire::frame::Topic;
use proptest::prelude::*;
use std::sync::Arc;

fn event(sequence: u64, kind: EventKind, chat: &str) -> LoggedEvent {
    LoggedEvent { sequence, kind, chat_guid: chat.into(), json: format!("{{\"sequence\":{sequence}}}").into(), proto: None }
}

/// A query of all there is after a place.
pub(super) fn everything(after: u64) -> ReadQuery {
    ReadQuery { after, through: u64::MAX, filter: EventFilter::of(Topic::All), max_events: usize::MAX, max_bytes: usize::MAX }
}

fn sequences(page: &ReadPage) -> Vec<u64> {
    page.events.iter().map(|event| event.sequence).collect()
}

async fn read_to_the_end(log: &EventLog, mut query: ReadQuery) -> Vec<u64> {
    let mut found = Vec::new();
    loop {
        let page = log.read(query.clone()).await.unwrap();
        found.extend(sequences(&page));
        if page.through == query.after {
            return found;
        }
        query.after = page.through;
    }
}

#[tokio::test]
async fn what_was_appended_is_read_from_memory_and_again_from_disk() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let (log, mut appender) = open(&store).unwrap();
    let mut head = log.watch_head();
    appender.append((1..=100).map(|n| event(n * 2, EventKind::Chat, "any;-;a")).collect()).unwrap();
    assert!(head.has_changed().unwrap());
    assert_eq!((log.first(), log.head(), *head.borrow_and_update()), (0, 200, 200));
    let id = log.id();
    let expected: Vec<u64> = (1..=100).map(|n| n * 2).collect();
    assert_eq!(read_to_the_end(&log, everything(0)).await, expected);
    drop((log, appender, store));

    let store = Store::open(directory.path()).unwrap();
    let (log, _appender) = open(&store).unwrap();
    assert_eq!((log.id(), log.head()), (id, 200));
    assert_eq!(read_to_the_end(&log, everything(0)).await, expected);
    assert_eq!(read_to_the_end(&log, everything(150)).await, expected[75..]);
}

#[tokio::test]
async fn a_sequence_that_does_not_increase_or_is_too_large_is_refused_and_nothing_is_stored() {
    let directory = tempfile::tempdir().unwrap();
    let (log, mut appender) = open(&Store::open(directory.path()).unwrap()).unwrap();
    appender.append(vec![event(5, EventKind::Chat, "c")]).unwrap();
    for wrong in [vec![5], vec![4], vec![6, 6], vec![7, 6], vec![im_chats_protocol::number::MAX_SAFE_INTEGER + 1]] {
        let events = wrong.iter().map(|n| event(*n, EventKind::Chat, "c")).collect();
        assert_eq!(appender.append(events).unwrap_err().code, "internalError", "{wrong:?}");
    }
    assert_eq!(log.head(), 5);
    assert_eq!(read_to_the_end(&log, everything(0)).await, [5]);
}

#[tokio::test]
async fn a_hidden_stretch_moves_the_reader_in_bounded_steps() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let (log, mut appender) = open(&store).unwrap();
    let last = u64::try_from(SCAN_ROWS).unwrap() * 2 + 10;
    appender.append((1..=last).map(|n| event(n, EventKind::Message, "c")).collect()).unwrap();
    drop((log, appender));
    // Opened again: memory is empty, so this reads from disk.
    let (log, _appender) = open(&store).unwrap();
    let mut query = everything(0);
    query.filter.topic = Topic::Chats;
    let page = log.read(query.clone()).await.unwrap();
    assert_eq!((page.through, page.events.len()), (SCAN_ROWS as u64, 0));
    assert_eq!(read_to_the_end(&log, query).await, Vec::<u64>::new());
}

#[tokio::test]
async fn a_cursor_before_the_truncation_is_too_old_and_the_next_one_is_good() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let (log, mut appender) = open(&store).unwrap();
    appender.append((1..=20).map(|n| event(n, EventKind::Chat, "c")).collect()).unwrap();
    log.truncate(15).await.unwrap();
    let error = log.read(everything(14)).await.unwrap_err();
    assert_eq!(error.code, "cursorTooOld");
    assert_eq!((error.context_value("first"), error.context_value("head")), (Some("15"), Some("20")));
    assert_eq!(read_to_the_end(&log, everything(15)).await, [16, 17, 18, 19, 20]);
    log.truncate(3).await.unwrap();
    assert_eq!(log.first(), 15);
    log.truncate(99).await.unwrap();
    assert_eq!(log.first(), 20);
    drop((log, appender));
    let (log, _appender) = open(&store).unwrap();
    assert_eq!((log.first(), log.head()), (20, 20));
}

#[test]
fn memory_is_bounded_by_bytes() {
    let mut tail = Tail::new(0, 10_000);
    for n in 1..=1000 {
        tail.push(Arc::new(event(n, EventKind::Chat, "c")));
    }
    let query = everything(0);
    assert!(tail.read(&query, 1000, SCAN_ROWS).is_none());
    let page = tail.read(&everything(990), 1000, SCAN_ROWS).unwrap();
    assert_eq!((page.through, page.events.len()), (1000, 10));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the limits and the filter, pages put together are exactly the matching events, from memory and from disk.
    #[test]
    fn pages_never_lose_or_repeat(
        gaps in proptest::collection::vec((1u64..5, 0u8..2, 0u8..3), 1..60),
        max_events in 1usize..7, max_bytes in 0usize..100, scan in 1usize..9,
        chats_only: bool, one_chat: bool, from in 0u64..50, upto in 0u64..200,
    ) {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let (log, mut appender) = open(&store).unwrap();
        let mut sequence = 0;
        let events: Vec<LoggedEvent> = gaps.iter().map(|(gap, kind, chat)| {
            sequence += gap;
            event(sequence, EventKind::from_number(i64::from(*kind)).unwrap(), &format!("c{chat}"))
        }).collect();
        appender.append(events.clone()).unwrap();
        let query = ReadQuery {
            after: from, through: upto,
            filter: EventFilter {
                topic: if chats_only { Topic::Chats } else { Topic::All },
                chats: if one_chat { ChatFilter::One("c1".into()) } else { ChatFilter::All },
                types: None,
            },
            max_events, max_bytes,
        };
        let bound = upto.min(log.head());
        let expected: Vec<u64> = events.iter()
            .filter(|e| e.sequence > from && e.sequence <= bound && query.filter.admits(e.kind, &e.chat_guid, &e.json))
            .map(|e| e.sequence).collect();
        let disk_connection = store.reader().unwrap();
        for disk in [false, true] {
            let mut query = query.clone();
            let mut found = Vec::new();
            while query.after < bound {
                let page = if disk {
                    read::page(&disk_connection, &query, bound, scan).unwrap().0
                } else {
                    log.0.tail.lock().read(&query, bound, scan).unwrap()
                };
                prop_assert!(page.through > query.after && page.through <= bound);
                prop_assert!(page.events.len() <= max_events);
                prop_assert!(page.events.iter().all(|e| e.sequence > query.after && e.sequence <= page.through));
                found.extend(sequences(&page));
                query.after = page.through;
            }
            prop_assert_eq!(&found, &expected, "disk: {}", disk);
        }
    }
}

#[tokio::test]
async fn readers_hear_of_events_only_after_the_state_was_told() {
    let directory = tempfile::tempdir().unwrap();
    let (log, mut appender) = open(&Store::open(directory.path()).unwrap()).unwrap();
    let mut head_then = None;
    appender.commit(vec![event(1, EventKind::Chat, "c")], |_| Ok(()), || head_then = Some(log.head())).unwrap();
    assert_eq!((head_then, log.head()), (Some(0), 1));
}

#[tokio::test]
async fn a_commit_that_fails_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let (log, mut appender) = open(&Store::open(directory.path()).unwrap()).unwrap();
    let fail = |_: &rusqlite::Transaction<'_>| Err(rusqlite::Error::InvalidQuery);
    let error =
        appender.commit(vec![event(1, EventKind::Chat, "c")], fail, || panic!("told of a commit that failed")).unwrap_err();
    assert_eq!((error.code.as_ref(), error.retryable), ("databaseError", true));
    appender.append(vec![event(1, EventKind::Chat, "d")]).unwrap();
    assert_eq!(read_to_the_end(&log, everything(0)).await, [1]);
}

#[tokio::test]
async fn a_log_that_skips_ahead_tells_every_reader_behind() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let (log, mut appender) = open(&store).unwrap();
    appender.append((1..=5).map(|n| event(n, EventKind::Chat, "c")).collect()).unwrap();
    let (id, mut head) = (log.id(), log.watch_head());
    appender.skip_to(3).unwrap();
    assert_eq!((log.first(), log.head()), (0, 5), "nothing below the head");
    appender.skip_to(40).unwrap();
    assert!(head.has_changed().unwrap() && *head.borrow_and_update() == 40);
    assert_eq!(log.state(), LogState { id, first: 40, head: 40, replica: None });
    for after in [0, 5, 39] {
        assert_eq!(log.read(everything(after)).await.unwrap_err().code, "cursorTooOld", "{after}");
    }
    assert_eq!(appender.last().unwrap(), None);
    appender.append(vec![event(41, EventKind::Poll, "c")]).unwrap();
    assert_eq!(read_to_the_end(&log, everything(40)).await, [41]);
    drop((log, appender));
    let (log, appender) = open(&store).unwrap();
    assert_eq!((log.first(), log.head()), (40, 41));
    assert_eq!(appender.last().unwrap(), Some(event(41, EventKind::Poll, "c")));
}

#[tokio::test]
async fn a_log_that_was_replaced_gives_its_readers_nothing_of_the_new_one() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let (log, mut appender) = open(&store).unwrap();
    appender.append((1..=5).map(|n| event(n, EventKind::Chat, "old")).collect()).unwrap();
    let old = log.id();
    let mut head = log.watch_head();
    appender.replace().unwrap();
    assert!(head.has_changed().unwrap() && *head.borrow_and_update() == 0);
    appender.append((1..=9).map(|n| event(n, EventKind::Chat, "new")).collect()).unwrap();
    let fresh = log.id();
    assert_ne!(old, fresh);
    let error = log.read_of(Arc::clone(&old), everything(2)).await.unwrap_err();
    assert_eq!((error.code.as_ref(), error.context_value("expected")), ("logChanged", Some(&*old)));
    assert_eq!(log.read_of(Arc::clone(&fresh), everything(2)).await.unwrap().through, 9);
    drop((log, appender));
    let (log, _appender) = open(&store).unwrap();
    assert_eq!(log.state(), LogState { id: fresh, first: 0, head: 9, replica: None });
}

#[tokio::test]
async fn the_bytes_an_event_came_as_are_kept() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let (log, mut appender) = open(&store).unwrap();
    let raw = LoggedEvent { proto: Some(Bytes::from_static(b"\0\xff")), ..event(1, EventKind::Unknown, "c") };
    appender.append(vec![raw.clone()]).unwrap();
    let from_memory = log.read(everything(0)).await.unwrap();
    drop((log, appender));
    let (log, _appender) = open(&store).unwrap();
    for page in [from_memory, log.read(everything(0)).await.unwrap()] {
        assert_eq!(*page.events[0], raw);
    }
}
