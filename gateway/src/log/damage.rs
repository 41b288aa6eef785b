//! Flipped bits: whatever one of them changes, a reader gets exactly the events that were written, or an error.

use std::sync::Arc;

use bytes::Bytes;
use im_chats_protocol::error::Error;
use im_chats_protocol::wire::frame::Topic;
use std::path::Path;

use super::tests::everything;
use super::*;

const EVENTS: u64 = 90;

/// A generator with a seed: the same numbers every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

fn written() -> Vec<LoggedEvent> {
    (1..=EVENTS)
        .map(|n| LoggedEvent {
            sequence: n * 2,
            kind: EventKind::ALL[usize::try_from(n % 5).unwrap()],
            chat_guid: format!("any;-;{}@example.com", n % 3).into(),
            // Some lie on several pages.
            json: format!("{{\"sequence\":{n},\"text\":\"{}\"}}", "x".repeat(if n % 10 == 0 { 6000 } else { 150 })).into(),
            proto: n.is_multiple_of(4).then(|| Bytes::from(vec![7; 40])),
        })
        .collect()
}

/// Writes the log; gives the id it had.
fn write(directory: &Path) -> Arc<str> {
    let store = Store::open(directory).unwrap();
    let (log, mut appender) = open(&store).unwrap();
    for chunk in written().chunks(7) {
        appender.append(chunk.to_vec()).unwrap();
    }
    log.id()
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        // What another process would make for itself.
        if !entry.file_name().to_str().unwrap().ends_with("-shm") {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

fn flip(file: &Path, dice: &mut Dice) -> usize {
    let mut bytes = std::fs::read(file).unwrap();
    let bit = dice.below(bytes.len() * 8);
    bytes[bit / 8] ^= 1 << (bit % 8);
    std::fs::write(file, bytes).unwrap();
    bit
}

/// Reads to the end; the events, and whether an error ended it.
async fn read_all(log: &EventLog, mut query: ReadQuery) -> (Vec<Arc<LoggedEvent>>, Option<Error>) {
    let mut found = Vec::new();
    while query.after < log.head().min(query.through) {
        match log.read(query.clone()).await {
            Err(error) => return (found, Some(error)),
            Ok(page) => {
                assert!(page.through > query.after);
                query.after = page.through;
                found.extend(page.events);
            }
        }
    }
    (found, None)
}

fn queries() -> Vec<ReadQuery> {
    let all = everything(0);
    vec![
        ReadQuery { max_events: 3, ..all.clone() },
        ReadQuery {
            filter: EventFilter { chats: ChatFilter::One("any;-;1@example.com".into()), ..EventFilter::of(Topic::All) },
            ..all.clone()
        },
        ReadQuery { filter: EventFilter::of(Topic::Chats), max_bytes: 400, ..all.clone() },
        ReadQuery { after: 51, through: 120, ..all.clone() },
        all,
    ]
}

/// Reads on every path. Whether anything was refused.
async fn judge(directory: &Path, id: &str, seed: u64) -> bool {
    let Ok(store) = Store::open(directory) else { return true };
    let Ok((log, appender)) = open(&store) else { return true };
    if *log.id() != *id {
        // The log says that it is another one: readers of this one get `logChanged`.
        return true;
    }
    let mut refused = false;
    assert_eq!((log.first(), log.head()), (0, EVENTS * 2), "seed {seed}");
    for query in queries() {
        let (found, error) = read_all(&log, query.clone()).await;
        let mut expected = written();
        expected.retain(|event| {
            event.sequence > query.after
                && event.sequence <= query.through
                && query.filter.admits(event.kind, &event.chat_guid, &event.json)
        });
        assert!(found.len() <= expected.len(), "seed {seed}: more than was written");
        assert!(found.iter().zip(&expected).all(|(found, expected)| **found == *expected), "seed {seed}: {query:?}");
        match error {
            None => assert_eq!(found.len(), expected.len(), "seed {seed}: silence instead of events: {query:?}"),
            Some(error) => {
                assert_eq!(error.code, "databaseError", "seed {seed}");
                assert!(log.faults().reason().is_some(), "seed {seed}: health knows");
                refused = true;
            }
        }
    }
    match appender.last() {
        Ok(last) => assert_eq!(last, written().pop(), "seed {seed}"),
        Err(error) => assert_eq!(error.code, "databaseError", "seed {seed}"),
    }
    refused
}

/// Copies the log for each seed, flips one bit of `file`, and reads.
async fn flips(template: &Path, file: &str, id: &str, seeds: std::ops::Range<u64>) {
    let (count, mut refused) = (seeds.end - seeds.start, 0);
    for seed in seeds {
        let directory = tempfile::tempdir().unwrap();
        copy(template, directory.path());
        flip(&directory.path().join(file), &mut Dice(seed));
        refused += u64::from(judge(directory.path(), id, seed).await);
    }
    println!("{file}: {refused} of {count} flips were refused, the others changed nothing");
    assert!(refused > 0);
}

#[tokio::test]
async fn a_flipped_bit_in_the_database_is_noticed_or_changes_nothing() {
    let template = tempfile::tempdir().unwrap();
    let id = write(template.path());
    assert!(!judge(template.path(), &id, 0).await, "undamaged, everything is there");
    flips(template.path(), "gateway.sqlite3", &id, 0..300).await;
}

#[tokio::test]
async fn a_flipped_bit_in_the_write_ahead_log_is_noticed_or_changes_nothing() {
    let live = tempfile::tempdir().unwrap();
    let store = Store::open(live.path()).unwrap();
    let (log, mut appender) = open(&store).unwrap();
    for chunk in written().chunks(7) {
        appender.append(chunk.to_vec()).unwrap();
    }
    // As `kill -9` leaves it: most of it is in the write-ahead log alone.
    let template = tempfile::tempdir().unwrap();
    copy(live.path(), template.path());
    let unharmed = tempfile::tempdir().unwrap();
    copy(template.path(), unharmed.path());
    assert!(!judge(unharmed.path(), &log.id(), 0).await, "undamaged, everything is there");
    flips(template.path(), "gateway.sqlite3-wal", &log.id(), 0..150).await;
}

#[tokio::test]
async fn what_comes_before_the_damage_is_served() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path());
    let store = Store::open(directory.path()).unwrap();
    let connection = store.writer().unwrap();
    connection.execute("UPDATE events SET json = replace(json, 'x', 'y') WHERE sequence = 100", []).unwrap();
    connection.execute("DELETE FROM events WHERE sequence = 140", []).unwrap();
    let (log, _appender) = open(&store).unwrap();
    let all = queries().pop().unwrap();
    let (found, error) = read_all(&log, all.clone()).await;
    let error = error.unwrap();
    assert_eq!((found.len(), error.code.as_ref(), error.retryable), (49, "databaseError", false));
    assert!(error.message.contains("after event 98"), "{}", error.message);
    // Behind it, too, up to the hole.
    let (found, error) = read_all(&log, ReadQuery { after: 100, ..all.clone() }).await;
    assert_eq!((found.len(), found[0].sequence), (19, 102));
    assert!(error.unwrap().message.contains("events after 138 and up to 140 are missing"));
    let (found, error) = read_all(&log, ReadQuery { after: 140, ..all }).await;
    assert_eq!((found.len(), error), (20, None));
    assert!(log.faults().reason().unwrap().contains("damaged"), "a success elsewhere heals nothing");
}

/// A cursor of what was lost must not be taken for a place of what comes after.
#[tokio::test]
async fn an_older_copy_in_the_place_of_the_database_is_another_log() {
    let directory = tempfile::tempdir().unwrap();
    let old = write(directory.path());
    let kept = tempfile::tempdir().unwrap();
    copy(directory.path(), kept.path());
    {
        let store = Store::open(directory.path()).unwrap();
        let (log, mut appender) = open(&store).unwrap();
        appender.append(vec![LoggedEvent { sequence: 181, ..written().remove(0) }]).unwrap();
        assert_eq!(log.id(), old);
    }
    std::fs::copy(kept.path().join("gateway.sqlite3"), directory.path().join("gateway.sqlite3")).unwrap();
    let fresh = {
        let store = Store::open(directory.path()).unwrap();
        let (log, mut appender) = open(&store).unwrap();
        appender.append((181..=200).map(|sequence| LoggedEvent { sequence, ..written().remove(0) }).collect()).unwrap();
        let cursor = log.read_of(Arc::clone(&old), ReadQuery { after: 181, ..queries().remove(0) });
        assert_eq!(cursor.await.unwrap_err().code, "logChanged");
        log.id()
    };
    let store = Store::open(directory.path()).unwrap();
    assert_eq!(open(&store).unwrap().0.id(), fresh, "the next start finds nothing wrong");
}
