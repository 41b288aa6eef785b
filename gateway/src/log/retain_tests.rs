use super::store::RoomArgs;
use super::store::layout::insert_time;
use super::store::verify;
use super::tests::everything;
use super::*;
use crate::metrics::Metrics;
use std::path::Path;

const DAY: i64 = 24 * 60 * 60 * 1000;
const NOON: i64 = 1_767_268_800_000;

fn events(sequences: impl IntoIterator<Item = u64>) -> Vec<LoggedEvent> {
    let event = |sequence: u64| LoggedEvent {
        sequence,
        kind: EventKind::Chat,
        chat_guid: "any;-;a@example.com".into(),
        json: format!("{{\"sequence\":{sequence}}}").into(),
        proto: None,
    };
    sequences.into_iter().map(event).collect()
}

fn opened(directory: &Path) -> (Store, EventLog, Appender) {
    let store = Store::open(directory).unwrap();
    let (log, appender) = open(&store).unwrap();
    (store, log, appender)
}

fn days(days: u32) -> RetainArgs {
    RetainArgs { retain_days: Some(days), retain_events: None }
}

fn at_most(events: u64) -> RetainArgs {
    RetainArgs { retain_days: None, retain_events: Some(events) }
}

fn keep(log: &EventLog, retain: RetainArgs, now: i64) -> Pruned {
    Keeper::new(log.clone(), retain).keep(now, &|| false).unwrap()
}

async fn held(log: &EventLog) -> Vec<u64> {
    let mut query = everything(log.first());
    let mut found = Vec::new();
    while query.after < log.head() {
        let page = log.read(query.clone()).await.unwrap();
        found.extend(page.events.iter().map(|event| event.sequence));
        query.after = page.through;
    }
    found
}

fn rows(store: &Store) -> i64 {
    store.reader().unwrap().query_row("SELECT count(*) FROM events", [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn the_number_of_events_counts_and_not_their_sequences() {
    let directory = tempfile::tempdir().unwrap();
    let (store, log, mut appender) = opened(directory.path());
    appender.append(events((1..=50).map(|n| n * 7))).unwrap();
    let mut keeper = Keeper::new(log.clone(), at_most(20));
    assert_eq!(keeper.keep(NOON, &|| false).unwrap(), Pruned { events: 30, first: 210 });
    assert_eq!(held(&log).await, (31..=50).map(|n| n * 7).collect::<Vec<_>>());
    assert_eq!(keeper.keep(NOON, &|| false).unwrap(), Pruned { events: 0, first: 210 }, "again, and nothing happens");
    appender.append(events((51..=55).map(|n| n * 7))).unwrap();
    assert_eq!(keeper.keep(NOON, &|| false).unwrap(), Pruned { events: 5, first: 245 });
    assert_eq!(held(&log).await.len(), 20);
    let error = log.read_of(log.id(), ReadQuery { after: 244, ..everything(0) }).await.unwrap_err();
    assert_eq!(error.code, "cursorTooOld");
    assert_eq!((error.context_value("first"), error.context_value("head")), (Some("245"), Some("385")));
    drop((log, appender, keeper, store));

    // After a restart with less: at once. And nothing of it is damage.
    let (store, log, appender) = opened(directory.path());
    assert_eq!((log.first(), log.head(), held(&log).await.len()), (245, 385, 20));
    assert_eq!(keep(&log, at_most(3), NOON), Pruned { events: 17, first: 364 });
    assert_eq!((held(&log).await, rows(&store)), (vec![371, 378, 385], 3));
    verify::everything(&store.reader().unwrap()).unwrap();
    assert_eq!(appender.last().unwrap().unwrap().sequence, 385);
}

#[tokio::test]
async fn the_age_of_events_is_known_after_a_restart_and_also_when_nobody_asked_for_it_before() {
    let directory = tempfile::tempdir().unwrap();
    for day in 0..10 {
        let (_store, log, mut appender) = opened(directory.path());
        appender.append(events(day * 10 + 1..=day * 10 + 10)).unwrap();
        let now = NOON + i64::try_from(day).unwrap() * DAY;
        assert_eq!(keep(&log, RetainArgs::default(), now).events, 0);
    }
    let (store, log, _appender) = opened(directory.path());
    let today = NOON + 9 * DAY;
    assert_eq!(keep(&log, days(100), today).events, 0);
    assert_eq!(keep(&log, days(4), today), Pruned { events: 60, first: 60 }, "of day 5 and before");
    assert_eq!(keep(&log, days(4), today + DAY - 1).events, 0);
    assert_eq!(keep(&log, days(4), today + DAY), Pruned { events: 10, first: 70 });
    // Far in the future all of it is old; the last event stays.
    assert_eq!(keep(&log, days(1), today + 100 * DAY), Pruned { events: 29, first: 99 });
    assert_eq!((held(&log).await, rows(&store)), (vec![100], 1));
    verify::everything(&store.reader().unwrap()).unwrap();
}

#[tokio::test]
async fn a_clock_that_goes_back_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (_store, log, mut appender) = opened(directory.path());
    appender.append(events(1..=10)).unwrap();
    keep(&log, days(5), NOON);
    // A machine that woke up in 1970, until somebody told it the time.
    appender.append(events(11..=20)).unwrap();
    keep(&log, days(5), 1000);
    appender.append(events(21..=30)).unwrap();
    keep(&log, days(5), 60 * DAY);
    assert_eq!(keep(&log, days(5), NOON + DAY).events, 0, "nothing is older than a day");
    assert_eq!(keep(&log, days(5), NOON + 5 * DAY), Pruned { events: 10, first: 10 });
    assert_eq!(keep(&log, days(5), NOON + 6 * DAY), Pruned { events: 19, first: 29 });
    // What had a time is gone, and the clock is known all the same.
    appender.append(events(31..=40)).unwrap();
    assert_eq!(keep(&log, days(5), 2000), Pruned { events: 0, first: 29 });
    assert_eq!(keep(&log, days(5), NOON + 7 * DAY), Pruned { events: 1, first: 30 }, "the one that was the last");
    assert_eq!(held(&log).await.len(), 10);
    // Also when what went was more than what had a time.
    keep(&log, at_most(2), NOON + 7 * DAY);
    appender.append(events(41..=50)).unwrap();
    keep(&log, at_most(5), NOON + 7 * DAY);
    keep(&log, days(5), 3000);
    assert_eq!(keep(&log, days(5), NOON + 8 * DAY).events, 0);
    assert_eq!(held(&log).await.len(), 5);
}

#[tokio::test]
async fn a_run_that_ends_between_its_steps_leaves_a_log_that_is_whole() {
    let directory = tempfile::tempdir().unwrap();
    let (store, log, mut appender) = opened(directory.path());
    appender.append(events(1..=9000)).unwrap();
    let mut looks = 0;
    let stops = std::cell::Cell::new(0);
    let stop = || {
        stops.set(stops.get() + 1);
        stops.get() > 6
    };
    let pruned = Keeper::new(log.clone(), at_most(1000)).keep(NOON, &stop).unwrap();
    assert!((1..8000).contains(&pruned.events) && pruned.first == 8000, "{pruned:?}");
    drop((log, appender, store));
    loop {
        let (store, log, _appender) = opened(directory.path());
        assert_eq!((log.first(), held(&log).await), (8000, (8001..=9000).collect()));
        verify::everything(&store.reader().unwrap()).unwrap();
        looks += 1;
        if keep(&log, RetainArgs::default(), NOON).events == 0 {
            assert_eq!((looks, rows(&store)), (2, 1000), "the next start drops the rest, whatever its limits are");
            return;
        }
    }
}

#[tokio::test]
async fn what_an_interrupted_run_has_left_is_not_counted() {
    let directory = tempfile::tempdir().unwrap();
    let (store, log, mut appender) = opened(directory.path());
    appender.append(events((1..=9000).map(|n| n * 3))).unwrap();
    Keeper::new(log.clone(), at_most(1000)).keep(NOON, &|| rows(&store) < 9000).unwrap();
    assert!(rows(&store) > 1000, "{} rows", rows(&store));
    let mut keeper = Keeper::new(log.clone(), at_most(500));
    keeper.keep(NOON, &|| false).unwrap();
    assert_eq!((rows(&store), log.first()), (500, 8500 * 3));
    appender.append(events((9001..=9100).map(|n| n * 3))).unwrap();
    keeper.keep(NOON, &|| false).unwrap();
    assert_eq!((rows(&store), held(&log).await.len()), (500, 500));
}

#[tokio::test]
async fn a_log_that_is_replaced_keeps_its_own_beginning() {
    let directory = tempfile::tempdir().unwrap();
    let (store, log, mut appender) = opened(directory.path());
    appender.append(events(1..=100)).unwrap();
    let old = log.id();
    let mut connection = retain::writer(&log).unwrap();
    appender.replace().unwrap();
    appender.append(events(1..=50)).unwrap();
    retain::move_first(&mut connection, &log, &old, 90).unwrap();
    assert_eq!((log.first(), held(&log).await.len()), (0, 50));
    // Its events are counted, and their ages are their own.
    let mut keeper = Keeper::new(log.clone(), at_most(20));
    assert_eq!(keeper.keep(NOON, &|| false).unwrap().first, 30);
    appender.replace().unwrap();
    appender.append(events(1..=30)).unwrap();
    assert_eq!(keeper.keep(NOON, &|| false).unwrap(), Pruned { events: 10, first: 10 });
    assert_eq!(rows(&store), 20);
}

#[test]
fn a_time_that_is_not_what_was_written_is_damage() {
    let directory = tempfile::tempdir().unwrap();
    let (store, log, mut appender) = opened(directory.path());
    appender.append(events(1..=10)).unwrap();
    let mut connection = store.writer().unwrap();
    let transaction = connection.transaction().unwrap();
    insert_time(&transaction, 5, NOON).unwrap();
    transaction.commit().unwrap();
    connection.execute("UPDATE times SET sequence = 9", []).unwrap();
    let error = Keeper::new(log.clone(), days(1)).keep(NOON + 9 * DAY, &|| false).unwrap_err();
    assert_eq!((error.code.as_ref(), error.retryable, log.first()), ("databaseError", false, 0));
    assert!(log.faults().reason().unwrap().contains("the time of event 9"), "{:?}", log.faults().reason());
    assert!(verify::everything(&connection).is_err());
}

/// Appends go on in between the steps, and a reader at the head misses nothing.
#[tokio::test(flavor = "multi_thread")]
async fn appends_and_reads_go_on_while_the_beginning_goes() {
    let directory = tempfile::tempdir().unwrap();
    let (store, log, mut appender) = opened(directory.path());
    appender.append(events(1..=40_000)).unwrap();
    let pruning = {
        let log = log.clone();
        std::thread::spawn(move || keep(&log, at_most(1000), NOON))
    };
    let mut next = 40_001;
    while !pruning.is_finished() {
        appender.append(events([next])).unwrap();
        let page = log.read(ReadQuery { after: next - 1, ..everything(0) }).await.unwrap();
        assert_eq!((page.events.len(), page.through), (1, next));
        next += 1;
    }
    let Pruned { events, first } = pruning.join().unwrap();
    assert!(next > 40_002, "appends had their turn");
    assert!((39_000..next).contains(&events) && first >= 39_000);
    assert_eq!(held(&log).await, (first + 1..next).collect::<Vec<_>>());
    verify::everything(&store.reader().unwrap()).unwrap();
}

/// A file system that never has enough: what goes through takes nothing of it.
const NEVER_ENOUGH: u64 = u64::MAX;

fn opened_within(directory: &Path, max_data_bytes: Option<u64>, min_free_bytes: u64) -> (Store, EventLog, Appender) {
    let store = Store::open_with(directory, &RoomArgs { max_data_bytes, min_free_bytes }, Metrics::default()).unwrap();
    let (log, appender) = open(&store).unwrap();
    (store, log, appender)
}

#[tokio::test]
async fn where_space_is_short_pages_that_were_freed_are_written_again() {
    let directory = tempfile::tempdir().unwrap();
    let (store, log, mut appender) = opened(directory.path());
    appender.append(events(1..=20_000)).unwrap();
    drop((log, appender, store));

    let (store, log, mut appender) = opened_within(directory.path(), None, NEVER_ENOUGH);
    assert_eq!(appender.append(events(20_001..=20_001)).unwrap_err().code, "serviceUnavailable");
    keep(&log, at_most(100), NOON);
    appender.append(events(20_001..=20_100)).unwrap();
    assert_eq!(held(&log).await.len(), 200);
    drop(store);
}

#[tokio::test]
async fn a_write_ahead_log_that_grew_under_a_long_read_is_cut_although_every_write_is_refused() {
    const LIMIT: u64 = 16 * 1024 * 1024;
    let directory = tempfile::tempdir().unwrap();
    let (store, log, mut appender) = opened_within(directory.path(), Some(LIMIT), 0);
    appender.append(events(1..=1)).unwrap();
    // It keeps every change since then in the write-ahead log.
    let mut reader = store.reader().unwrap();
    let read = reader.transaction().unwrap();
    read.query_row("SELECT count(*) FROM events", [], |row| row.get::<_, i64>(0)).unwrap();
    let mut next = 2;
    while appender.append(events(next..next + 500)).is_ok() {
        next += 500;
        keep(&log, at_most(500), NOON);
        assert!(next < 1_000_000, "nothing is refused");
    }
    drop(read);
    drop(reader);
    // As the look at a directory that is full does, every second.
    assert!(store.room().has_some(&directory.path().join("gateway.sqlite3")));
    appender.append(events(next..next + 500)).unwrap();
}
