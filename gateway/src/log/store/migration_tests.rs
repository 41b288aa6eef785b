//! Databases of earlier layouts, as those versions wrote them.

use rusqlite::Connection;

use super::checksum::Checksum;
use super::*;
use crate::log::{EventFilter, ReadQuery, open};

const LAYOUT_2: &str = "
    CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
    CREATE TABLE events (sequence INTEGER PRIMARY KEY, kind INTEGER NOT NULL, chat TEXT NOT NULL, json TEXT NOT NULL, proto BLOB);
    CREATE TABLE journal (id INTEGER PRIMARY KEY, entry TEXT NOT NULL);
    CREATE TABLE backgrounds (chat TEXT PRIMARY KEY, mime TEXT NOT NULL, data BLOB NOT NULL);
    INSERT INTO meta VALUES ('log_id', 'the old one');
    PRAGMA user_version = 2;";

fn everything() -> ReadQuery {
    use im_chats_protocol::wire::frame::Topic;
    ReadQuery { after: 0, through: u64::MAX, filter: EventFilter::of(Topic::All), max_events: 9999, max_bytes: 1 << 30 }
}

#[tokio::test]
async fn a_database_of_the_first_layout_is_brought_up_and_keeps_what_it_has() {
    let directory = tempfile::tempdir().unwrap();
    let old = Connection::open(directory.path().join(DATABASE)).unwrap();
    old.execute_batch(
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
         CREATE TABLE events (sequence INTEGER PRIMARY KEY, kind INTEGER NOT NULL, chat TEXT NOT NULL, json TEXT NOT NULL);
         CREATE TABLE journal (id INTEGER PRIMARY KEY, entry TEXT NOT NULL);
         CREATE TABLE backgrounds (chat TEXT PRIMARY KEY, mime TEXT NOT NULL, data BLOB NOT NULL);
         INSERT INTO meta VALUES ('log_id', 'the old one');
         INSERT INTO events VALUES (7, 0, 'any;-;a', '{}');
         INSERT INTO journal VALUES (1, 'an entry');
         PRAGMA user_version = 1;",
    )
    .unwrap();
    drop(old);
    for _ in 0..2 {
        let store = Store::open(directory.path()).unwrap();
        let (log, _) = open(&store).unwrap();
        assert_eq!((&*log.id(), log.head()), ("the old one", 7));
        assert_eq!(log.read(everything()).await.unwrap().events[0].sequence, 7);
    }
    let store = Store::open(directory.path()).unwrap();
    assert!(matches!(store.claim(Owner::Relay), Err(StoreError::OtherOwner { .. })));
    store.claim(Owner::Emulator).unwrap();
}

#[tokio::test]
async fn a_relays_database_of_the_second_layout_gets_its_checksums() {
    let directory = tempfile::tempdir().unwrap();
    let old = Connection::open(directory.path().join(DATABASE)).unwrap();
    old.execute_batch(LAYOUT_2).unwrap();
    old.execute_batch(
        "INSERT INTO meta VALUES ('owner', 'relay'), ('log_first', 20);
         INSERT INTO events VALUES (23, 2, 'any;+;g', '{\"n\":1}', x'00ff'), (29, 0, 'any;-;a', '{\"n\":2}', NULL);
         INSERT INTO backgrounds VALUES ('any;-;a', 'image/png', x'89504e47');",
    )
    .unwrap();
    drop(old);
    let store = Store::open(directory.path()).unwrap();
    store.claim(Owner::Relay).unwrap();
    let (log, mut appender) = open(&store).unwrap();
    assert_eq!((log.first(), log.head()), (20, 29));
    let page = log.read(ReadQuery { after: 20, ..everything() }).await.unwrap();
    let read: Vec<_> = page.events.iter().map(|event| (event.sequence, &*event.json, event.proto.as_deref())).collect();
    assert_eq!(read, [(23, "{\"n\":1}", Some(&[0, 255][..])), (29, "{\"n\":2}", None)]);
    appender
        .append(
            page.events
                .iter()
                .map(|event| crate::log::LoggedEvent { sequence: event.sequence + 10, ..(**event).clone() })
                .collect(),
        )
        .unwrap();
    verify::everything(&store.reader().unwrap()).unwrap();
    assert_eq!(background(&store, "any;-;a").unwrap(), ("image/png".to_owned(), b"\x89PNG".to_vec()));
}

/// All of a small one.
fn background(store: &Store, chat: &str) -> Result<(String, Vec<u8>), Problem> {
    let connection = store.reader().unwrap();
    let place = blob::Kind::Background.of(chat);
    let head = blob::head(&connection, place)?.unwrap();
    blob::check(&connection, place, &head)?;
    Ok((head.mime, blob::piece(&connection, place, 0)?))
}

/// As the layouts with checksums before this one were written.
fn older(directory: &Path, layout: i64) {
    drop(Store::open(directory).unwrap());
    let old = Connection::open(directory.join(DATABASE)).unwrap();
    let sum = |data: &[u8]| Checksum::default().text("any;-;a").text("image/png").blob(Some(data)).finish();
    old.execute_batch(&format!(
        "DROP TABLE blobs; DROP TABLE chats;
         CREATE TABLE backgrounds (chat TEXT PRIMARY KEY, mime TEXT NOT NULL, data BLOB NOT NULL, sum INTEGER NOT NULL);
         INSERT INTO backgrounds VALUES ('any;-;a', 'image/png', x'89504e47', {});
         INSERT INTO backgrounds VALUES ('any;-;b', 'image/png', x'89504e47', 1);
         PRAGMA user_version = {layout};",
        sum(b"\x89PNG")
    ))
    .unwrap();
    if layout == 3 {
        old.execute_batch("DROP TABLE times; DROP TABLE checkpoint; DELETE FROM meta WHERE key LIKE 'checkpoint%'").unwrap();
    }
}

#[test]
fn backgrounds_of_the_layouts_before_are_kept_and_a_damaged_one_stays_damaged() {
    for layout in [3, 4] {
        let directory = tempfile::tempdir().unwrap();
        older(directory.path(), layout);
        for _ in 0..2 {
            let store = Store::open(directory.path()).unwrap();
            drop(open(&store).unwrap());
            assert_eq!(background(&store, "any;-;a").unwrap(), ("image/png".to_owned(), b"\x89PNG".to_vec()));
            let damage = background(&store, "any;-;b").unwrap_err().to_string();
            assert_eq!(damage, "the background of any;-;b is not what was written");
            verify::everything(&store.reader().unwrap()).unwrap_err();
        }
        // A table that only another layout has.
        let other = tempfile::tempdir().unwrap();
        older(other.path(), layout);
        let old = Connection::open(other.path().join(DATABASE)).unwrap();
        old.pragma_update(None, "user_version", 7 - layout).unwrap();
        drop(old);
        assert!(matches!(Store::open(other.path()), Err(StoreError::Damaged { .. })));
    }
}

#[tokio::test]
async fn the_chats_of_a_relays_events_are_listed_after_the_layout_before_and_those_of_an_emulator_are_not() {
    for (owner, chats) in
        [(Owner::Relay, vec!["any;-;b", "any;-;a"]), (Owner::Replica, vec!["any;-;b", "any;-;a"]), (Owner::Emulator, vec![])]
    {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        store.claim(owner).unwrap();
        let (_, mut appender) = open(&store).unwrap();
        let event = |sequence: u64, chat: &str, second: u32| crate::log::LoggedEvent {
            sequence,
            kind: crate::log::EventKind::Message,
            chat_guid: chat.into(),
            json: format!("{{\"type\":\"message.received\",\"occurredAt\":\"2026-01-01T12:00:{second:02}Z\"}}").into(),
            proto: None,
        };
        appender
            .append(vec![event(1, "any;-;b", 10), event(2, "any;-;a", 20), event(3, "any;-;b", 30), event(4, "", 40)])
            .unwrap();
        drop((appender, store));
        let old = Connection::open(directory.path().join(DATABASE)).unwrap();
        old.execute_batch("DROP TABLE chats; PRAGMA user_version = 5").unwrap();
        drop(old);
        for _ in 0..2 {
            let store = Store::open(directory.path()).unwrap();
            let (log, _) = open(&store).unwrap();
            let query = crate::log::SeenQuery { archived: false, after: None, within: None, limit: 9 };
            let seen = log.seen_chats(query).await.unwrap();
            assert_eq!(seen.iter().map(|seen| &*seen.place.guid).collect::<Vec<_>>(), chats, "{owner:?}");
            verify::everything(&store.reader().unwrap()).unwrap();
        }
    }
}

#[test]
fn what_is_not_ours_or_damaged_is_refused_and_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(DATABASE);
    let foreign = Connection::open(&path).unwrap();
    foreign.execute_batch("CREATE TABLE photos (id INTEGER PRIMARY KEY)").unwrap();
    drop(foreign);
    assert!(matches!(Store::open(directory.path()), Err(StoreError::Foreign(_))));
    std::fs::write(&path, "text, and not a database at all; but long enough to look at").unwrap();
    let error = Store::open(directory.path()).unwrap_err().to_string();
    assert!(error.contains("file is not a database"), "{error}");
    std::fs::remove_file(&path).unwrap();

    drop(Store::open(directory.path()).unwrap());
    let ours = Connection::open(&path).unwrap();
    ours.execute_batch("DROP TABLE blobs").unwrap();
    let error = Store::open(directory.path()).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    ours.execute_batch("PRAGMA application_id = 0").unwrap();
    assert!(matches!(Store::open(directory.path()), Err(StoreError::Foreign(_))));
}

#[test]
fn a_value_of_meta_that_was_changed_or_lost_is_refused() {
    for change in [
        "UPDATE meta SET value = value + 1 WHERE key = 'log_first'",
        "DELETE FROM meta WHERE key = 'log_head'",
        "UPDATE meta SET key = 'log_hea' WHERE key = 'log_head'",
        "UPDATE meta SET value = 'x' WHERE key = 'log_id'",
    ] {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        drop(open(&store).unwrap());
        store.writer().unwrap().execute(change, []).unwrap();
        let error = open(&store).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{change}: {error}");
    }
}

/// The disk is full as SQLite reports it; here because the database may not grow.
#[tokio::test]
async fn a_full_disk_is_told_and_noticed_when_it_is_over() {
    use crate::log::{EventKind, LoggedEvent};
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let (log, mut appender) = open(&store).unwrap();
    let event = |sequence: u64, size: usize| LoggedEvent {
        sequence,
        kind: EventKind::Chat,
        chat_guid: "c".into(),
        json: "x".repeat(size).into(),
        proto: None,
    };
    let pages: i64 = appender.connection().pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    let _: i64 = appender.connection().pragma_update_and_check(None, "max_page_count", pages + 2, |row| row.get(0)).unwrap();
    for _ in 0..2 {
        let error = appender.append(vec![event(1, 100_000)]).unwrap_err();
        assert_eq!((error.code.as_ref(), error.retryable), ("databaseError", true));
        assert!(error.message.contains("disk is full"), "{}", error.message);
    }
    assert_eq!((log.head(), log.faults().reason().unwrap().contains("the disk is full")), (0, true));
    // Nobody writes, and it is noticed all the same.
    let mut reason = log.faults().watch();
    tokio::time::timeout(Duration::from_secs(20), reason.wait_for(Option::is_none)).await.unwrap().unwrap();
    appender.append(vec![event(1, 10)]).unwrap();
    assert_eq!(log.head(), 1);
}
