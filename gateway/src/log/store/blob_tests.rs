//! Bytes in pieces: what was put is what is read, or an error.

use rusqlite::TransactionBehavior;

use super::blob::{self, Head, Kind, PIECE, Place};
use super::*;

const GUID: &str = "0A0A0A0A-0000-4000-8000-000000000000";

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

fn put(store: &Store, place: Place<'_>, mime: &str, data: &[u8]) {
    let mut connection = store.writer().unwrap();
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
    blob::put(&transaction, place, mime, data).unwrap();
    transaction.commit().unwrap();
}

fn read(store: &Store, place: Place<'_>) -> Result<Option<(Head, Vec<u8>)>, Problem> {
    let connection = store.reader().unwrap();
    let Some(head) = blob::head(&connection, place)? else { return Ok(None) };
    blob::check(&connection, place, &head)?;
    let mut data = Vec::new();
    for number in 0..head.pieces() {
        data.extend(blob::piece(&connection, place, number)?);
    }
    Ok(Some((head, data)))
}

#[test]
fn bytes_of_every_length_and_kind_are_read_as_they_were_put() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let kinds = [Kind::Background, Kind::Icon, Kind::Attachment, Kind::Companion];
    for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 7] {
        for (more, kind) in kinds.iter().enumerate() {
            put(&store, kind.of(GUID), "image/png", &bytes(length + more));
        }
        for (more, kind) in kinds.iter().enumerate() {
            let (head, data) = read(&store, kind.of(GUID)).unwrap().unwrap();
            assert_eq!((head.mime.as_str(), head.length), ("image/png", u64::try_from(length + more).unwrap()));
            assert!(data == bytes(length + more), "{length} {kind:?}");
        }
        verify::everything(&store.reader().unwrap()).unwrap();
    }
    let mut connection = store.writer().unwrap();
    let transaction = connection.transaction().unwrap();
    blob::remove(&transaction, Kind::Attachment.of(GUID)).unwrap();
    transaction.commit().unwrap();
    assert_eq!(read(&store, Kind::Attachment.of(GUID)).unwrap(), None);
    assert!(read(&store, Kind::Companion.of(GUID)).unwrap().is_some(), "that one alone is gone");
}

#[test]
fn whatever_changes_in_the_table_is_noticed_by_a_reader_and_by_a_backup() {
    for change in [
        "UPDATE blobs SET data = zeroblob(length(data)) WHERE piece = 1",
        "UPDATE blobs SET mime = 'image/gif' WHERE piece = 2",
        "UPDATE blobs SET length = length - 1",
        "UPDATE blobs SET piece = 9 WHERE piece = 2",
        "DELETE FROM blobs WHERE piece = 1",
        "DELETE FROM blobs WHERE piece = 2",
    ] {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        put(&store, Kind::Attachment.of(GUID), "image/png", &bytes(2 * PIECE + 9));
        put(&store, Kind::Companion.of(GUID), "video/quicktime", &bytes(2 * PIECE + 9));
        verify::everything(&store.reader().unwrap()).unwrap();
        let only = format!("{change} {} kind = 'attachment'", if change.contains("WHERE") { "AND" } else { "WHERE" });
        assert!(store.writer().unwrap().execute(&only, []).unwrap() > 0);
        let said = read(&store, Kind::Attachment.of(GUID)).map(drop).unwrap_err().to_string();
        assert!(said.contains("the attachment of 0A0A"), "{change}: {said}");
        assert!(matches!(verify::everything(&store.reader().unwrap()), Err(Problem::Damage(_))), "{change}");
        assert!(read(&store, Kind::Companion.of(GUID)).unwrap().is_some(), "{change}");
    }
}
