use super::*;
use crate::log::backup;
use crate::log::store::verify;
use crate::service::backend::Backend as _;
use crate::service::calls::Messaging as _;
use crate::service::context::CallContext;
use crate::service::proto::{
    self, CreateChatInitialMessage, CreateChatRequest, CreateChatResponse, MarkChatReadRequest, SetBackgroundRequest,
};
use std::cell::Cell;
use std::path::Path;

fn create(who: &str, key: &str) -> CreateChatRequest {
    CreateChatRequest {
        addresses: who.split(' ').map(|name| format!("{name}@example.com")).collect(),
        initial_message: Some(CreateChatInitialMessage { text: format!("hi, {key}"), ..CreateChatInitialMessage::default() }),
        client_message_id: Some(key.to_owned()),
        ..CreateChatRequest::default()
    }
}

type Opened = (Emulator, WriterThread, Store);

fn opened(directory: &Path) -> Opened {
    let store = Store::open(directory).unwrap();
    let (emulator, writer) = Emulator::open(store.clone()).unwrap();
    (emulator, writer, store)
}

/// As the end of the process.
async fn closed((emulator, writer, store): Opened) {
    drop(emulator);
    tokio::task::spawn_blocking(|| writer.join()).await.unwrap().unwrap();
    drop(store);
}

/// Things of every kind, with keys; the answers by key.
async fn happens(emulator: &Emulator, round: usize) -> Vec<(CreateChatRequest, CreateChatResponse)> {
    let call = CallContext::default();
    let mut answers = Vec::new();
    for who in ["alice", "bob", "alice bob", "carol"] {
        let request = create(who, &format!("{who} {round}"));
        answers.push((request.clone(), emulator.create_chat(&call, request).await.unwrap()));
    }
    let guid = "any;-;alice@example.com".to_owned();
    let png = SetBackgroundRequest { chat_guid: guid.clone(), data: bytes::Bytes::from_static(b"\x89PNG\r\n\x1a\n") };
    emulator.set_background(&call, png).await.unwrap();
    let keyed = CallContext { idempotency_key: Some(format!("read {round}")), ..call };
    emulator.mark_chat_read(&keyed, MarkChatReadRequest { chat_guid: guid.clone() }).await.unwrap();
    let archive = Command::SetArchived { chat: guid, archived: round.is_multiple_of(2), actor: None };
    emulator.execute(archive, None, Beside::default()).await.unwrap();
    talks(emulator, &answers[2].1.chat.as_ref().unwrap().guid, round).await;
    answers
}

/// Messages of every kind in a group, without keys.
async fn talks(emulator: &Emulator, group: &str, round: usize) {
    let call = CallContext::default();
    let chat_guid = group.to_owned();
    let text = format!("round {round}");
    let text = proto::SendTextMessageRequest { chat_guid: chat_guid.clone(), text, ..Default::default() };
    let sent = emulator.send_text_message(&call, text).await.unwrap().message.unwrap().guid;
    let target = Some(proto::MessageTarget { chat_guid: chat_guid.clone(), message_guid: sent, target_part_index: None });
    let edit = proto::EditMessageRequest { target: target.clone(), new_text: "edited".to_owned(), ..Default::default() };
    emulator.edit_message(&call, edit).await.unwrap();
    let reaction = Some(proto::MessageReaction::default());
    let react = proto::SetReactionRequest { target: target.clone(), reaction, is_set: true, client_message_id: None };
    emulator.set_reaction(&call, react).await.unwrap();
    let upload =
        proto::UploadAttachmentRequest { file_name: "f".to_owned(), data: bytes::Bytes::from_static(b"f"), companion: None };
    let file = emulator.upload_attachment(&call, upload).await.unwrap().attachment.unwrap().guid;
    let source = Some(proto::attachment_ref::Source::AttachmentGuid(file));
    let attachment = Some(proto::AttachmentRef { source, attachment_name: None });
    let file = proto::SendAttachmentMessageRequest { chat_guid: chat_guid.clone(), attachment, ..Default::default() };
    emulator.send_attachment_message(&call, file).await.unwrap();
    let actor = Some(Address::parse("bob@example.com", "from").unwrap());
    let draft = Box::new(im_chats_emulator::Draft::text("and you?", Vec::new(), "text").unwrap());
    emulator.execute(Command::Send { chat: chat_guid.clone(), draft, actor }, None, Beside::default()).await.unwrap();
    let unsend = proto::UnsendMessageRequest { target, client_message_id: None };
    emulator.unsend_message(&call, unsend).await.unwrap();
    let poll = proto::CreatePollRequest {
        chat_guid: chat_guid.clone(),
        title: "Lunch?".to_owned(),
        options: vec!["Pizza".to_owned(), "Sushi".to_owned()],
        client_message_id: None,
    };
    let poll_message_guid = emulator.create_poll(&call, poll).await.unwrap().poll.unwrap().poll_message_guid;
    let option_identifier = "option-2".to_owned();
    let vote = proto::VotePollRequest { poll_message_guid, option_identifier, client_message_id: None };
    emulator.vote_poll(&call, vote).await.unwrap();
    let name = proto::SetDisplayNameRequest {
        chat_guid: chat_guid.clone(),
        display_name: format!("Group {round}"),
        client_message_id: None,
    };
    emulator.set_display_name(&call, name).await.unwrap();
    let gif = proto::SetIconRequest { chat_guid, data: bytes::Bytes::from_static(b"GIF89a"), client_message_id: None };
    emulator.set_icon(&call, gif).await.unwrap();
}

fn entries(store: &Store) -> (i64, i64) {
    let count = "SELECT (SELECT count(*) FROM journal), (SELECT count(*) FROM checkpoint)";
    store.reader().unwrap().query_row(count, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
}

fn state(emulator: &Emulator) -> im_chats_emulator::State {
    emulator.0.view.read().clone()
}

#[tokio::test]
async fn a_checkpoint_and_what_came_after_it_are_the_whole_journal() {
    let (compacted, plain) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut answers = Vec::new();
    for round in 0..4 {
        let it = opened(compacted.path());
        answers.extend(happens(&it.0, round).await);
        if round < 3 {
            let before = entries(&it.2).0;
            let done = it.0.compactor(it.2.clone()).compact(&|| false).unwrap().unwrap();
            let (left, items) = entries(&it.2);
            assert_eq!(usize::try_from(items), Ok(done.items));
            // The answers stay: five a time.
            assert_eq!(left, 5 * (2 * i64::try_from(round).unwrap() + 1));
            assert_eq!(u64::try_from(before - left), Ok(done.dropped));
            assert_eq!(it.0.compactor(it.2.clone()).compact(&|| false).unwrap(), None, "there is nothing new");
            answers.extend(happens(&it.0, round + 10).await.into_iter().take(1));
            it.0.compactor(it.2.clone()).compact(&|| false).unwrap().unwrap();
            it.0.execute(Command::Touch { chat: "any;-;bob@example.com".to_owned() }, None, Beside::default()).await.unwrap();
        }
        let before = state(&it.0);
        closed(it).await;
        let it = opened(compacted.path());
        assert_eq!(state(&it.0), before);
        verify::everything(&it.2.reader().unwrap()).unwrap();
        closed(it).await;
    }
    // Another one with the same writes and no checkpoint knows the same, but for the times and names of its own.
    let it = opened(plain.path());
    for round in [0, 10, 1, 11, 2, 12, 3] {
        happens(&it.0, round).await;
    }
    let plainly = state(&it.0);
    closed(it).await;
    let it = opened(compacted.path());
    let compactly = state(&it.0);
    assert_eq!((compactly.entries(), compactly.head()), (plainly.entries(), plainly.head()));
    assert_eq!(compactly.answers(), plainly.answers());
    for (request, answer) in answers {
        assert_eq!(it.0.create_chat(&CallContext::default(), request).await.unwrap(), answer);
    }
    assert_eq!(state(&it.0), compactly, "every answer was one from before");
}

#[tokio::test]
async fn an_end_between_any_two_steps_loses_nothing() {
    let template = tempfile::tempdir().unwrap();
    let it = opened(template.path());
    for round in 0..3 {
        happens(&it.0, round).await;
    }
    it.0.compactor(it.2.clone()).compact(&|| false).unwrap().unwrap();
    for round in 3..6 {
        happens(&it.0, round).await;
    }
    let expected = state(&it.0);
    closed(it).await;
    for steps in 0..20 {
        let directory = tempfile::tempdir().unwrap();
        for file in ["gateway.sqlite3", "mark"] {
            std::fs::copy(template.path().join(file), directory.path().join(file)).unwrap();
        }
        let it = opened(directory.path());
        let asked = Cell::new(0);
        let stop = || {
            asked.set(asked.get() + 1);
            asked.get() > steps
        };
        let compacted = it.0.compactor(it.2.clone()).compact(&stop).unwrap();
        let is_over = asked.get() <= steps;
        closed(it).await;
        let it = opened(directory.path());
        assert_eq!(state(&it.0), expected, "{steps}");
        verify::everything(&it.2.reader().unwrap()).unwrap();
        // The next start clears up what counts no more, and the next compaction has nothing of it.
        let upto = i64::try_from(compact::finish(&it.2, &|| false).unwrap()).unwrap();
        let is_new = upto == i64::try_from(expected.entries()).unwrap();
        let select = "SELECT (SELECT count(*) FROM journal WHERE id <= ?1), (SELECT count(*) FROM checkpoint WHERE upto = ?1)";
        let answers: (i64, i64) =
            it.2.reader().unwrap().query_row(select, [upto], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        assert_eq!(answers, (if is_new { 30 } else { 15 }, entries(&it.2).1), "{steps}");
        happens(&it.0, 7).await;
        it.0.compactor(it.2.clone()).compact(&|| false).unwrap().unwrap();
        assert_eq!(entries(&it.2), (35, i64::try_from(state(&it.0).checkpoint_len()).unwrap()), "{steps}");
        if is_over {
            assert!(steps > 1 && compacted.is_some(), "{steps}");
            return;
        }
    }
    panic!("it never ended by itself");
}

#[tokio::test]
async fn a_checkpoint_that_is_not_what_was_written_is_refused() {
    let template = tempfile::tempdir().unwrap();
    let it = opened(template.path());
    happens(&it.0, 0).await;
    it.0.compactor(it.2.clone()).compact(&|| false).unwrap().unwrap();
    happens(&it.0, 1).await;
    closed(it).await;
    for (change, says) in [
        ("UPDATE checkpoint SET data = replace(data, 'alice', 'malice') WHERE item = 2", "item 2 of the checkpoint"),
        ("DELETE FROM checkpoint WHERE item = 3", "the checkpoint has 2 items in order instead of"),
        ("DELETE FROM checkpoint WHERE item = (SELECT max(item) FROM checkpoint)", "items in order instead of"),
        ("DELETE FROM checkpoint", "the checkpoint has 0 items in order"),
        ("UPDATE checkpoint SET upto = upto + 1", "the checkpoint has 0 items in order"),
        ("DELETE FROM journal WHERE id = (SELECT min(id) FROM journal)", "of the journal is missing"),
        ("DELETE FROM journal WHERE id = (SELECT value + 1 FROM meta WHERE key = 'checkpoint')", "of the journal is missing"),
        ("UPDATE meta SET value = value + 1 WHERE key = 'checkpoint'", "the value \"checkpoint\" of the table meta"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        std::fs::copy(template.path().join("gateway.sqlite3"), directory.path().join("gateway.sqlite3")).unwrap();
        let store = Store::open(directory.path()).unwrap();
        assert!(store.writer().unwrap().execute(change, []).unwrap() > 0, "{change}");
        let error = Emulator::open(store).map(drop).unwrap_err();
        let said = error.to_string();
        assert!(matches!(error, StoreError::Damaged { .. }) && said.contains(says), "{change}: {said}");
    }
    // An answer before the checkpoint is read when it is asked for; a backup reads it, too.
    let store = Store::open(template.path()).unwrap();
    let change = "UPDATE journal SET entry = replace(entry, 'alice', 'malice') WHERE id = (SELECT min(id) FROM journal)";
    assert_eq!(store.writer().unwrap().execute(change, []).unwrap(), 1);
    let (emulator, _writer) = Emulator::open(store.clone()).unwrap();
    let error = emulator.create_chat(&CallContext::default(), create("alice", "alice 0")).await.unwrap_err();
    assert_eq!((error.code.as_ref(), error.retryable), ("databaseError", false));
    assert!(store.faults().reason().unwrap().contains("damaged"));
    let target = template.path().join("backup");
    assert!(matches!(backup::backup(template.path(), &target), Err(backup::BackupError::Store(StoreError::Damaged { .. }))));
}

#[tokio::test]
async fn a_backup_has_the_checkpoint_and_what_came_after_it() {
    let directory = tempfile::tempdir().unwrap();
    let it = opened(directory.path());
    let answers = happens(&it.0, 0).await;
    it.0.compactor(it.2.clone()).compact(&|| false).unwrap().unwrap();
    happens(&it.0, 1).await;
    let expected = state(&it.0);
    let place = tempfile::tempdir().unwrap();
    let (target, restored) = (place.path().join("backup"), place.path().join("restored"));
    backup::backup(directory.path(), &target).unwrap();
    backup::restore(&target, &restored).unwrap();
    let (emulator, _writer, store) = opened(&restored);
    assert_eq!((state(&emulator), entries(&store)), (expected, entries(&it.2)));
    let (request, answer) = answers.into_iter().next().unwrap();
    assert_eq!(emulator.create_chat(&CallContext::default(), request).await.unwrap(), answer);
    let group = state(&emulator).chats().find(|listed| listed.chat.is_group).unwrap().chat.guid.clone();
    let icon = emulator.get_icon(&CallContext::default(), proto::GetIconRequest { chat_guid: group }).await.unwrap();
    assert_eq!((icon.mime_type.as_str(), &icon.data[..]), ("image/gif", b"GIF89a".as_slice()));
}

/// As the version before wrote it: the same, without the tables that came since.
#[tokio::test]
async fn a_directory_of_the_layout_before_is_brought_up() {
    let directory = tempfile::tempdir().unwrap();
    let it = opened(directory.path());
    happens(&it.0, 0).await;
    let expected = state(&it.0);
    let id = it.0.event_log().id();
    closed(it).await;
    let old = rusqlite::Connection::open(directory.path().join("gateway.sqlite3")).unwrap();
    old.execute_batch(
        "DROP TABLE times; DROP TABLE chats; DROP TABLE checkpoint; DELETE FROM meta WHERE key LIKE 'checkpoint%'; DROP TABLE blobs;
         CREATE TABLE backgrounds (chat TEXT PRIMARY KEY, mime TEXT NOT NULL, data BLOB NOT NULL, sum INTEGER NOT NULL);
         PRAGMA user_version = 3",
    )
    .unwrap();
    drop(old);
    let it = opened(directory.path());
    assert_eq!((state(&it.0), it.0.event_log().id()), (expected.clone(), id));
    it.0.compactor(it.2.clone()).compact(&|| false).unwrap().unwrap();
    closed(it).await;
    let it = opened(directory.path());
    assert_eq!(state(&it.0), expected);
    // One that lacks a table which it should have is not of that layout.
    closed(it).await;
    let old = rusqlite::Connection::open(directory.path().join("gateway.sqlite3")).unwrap();
    old.execute_batch("DROP TABLE blobs; PRAGMA user_version = 3").unwrap();
    drop(old);
    assert!(matches!(Store::open(directory.path()), Err(StoreError::Damaged { .. })));
}
