use super::*;
use crate::service::backend::Backend as _;
use crate::service::calls::Messaging as _;
use crate::service::chat_list::ListChatsRequest;
use crate::service::context::CallContext;
use crate::service::proto::{CreateChatInitialMessage, CreateChatRequest, GetChatRequest};
use crate::service::proto::{GetAttachmentInfoRequest, UploadAttachmentRequest};

fn create(address: &str) -> CreateChatRequest {
    CreateChatRequest {
        addresses: vec![address.to_owned()],
        initial_message: Some(CreateChatInitialMessage { text: "hi".to_owned(), ..CreateChatInitialMessage::default() }),
        client_message_id: Some(address.to_owned()),
        ..CreateChatRequest::default()
    }
}

/// Everything in the failed transaction is as if it had never been asked for, and the emulator goes on.
#[tokio::test]
async fn a_disk_that_fails_is_told_to_the_caller_and_forgotten() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let (emulator, writer) = Emulator::open(store.clone()).unwrap();
    let call = CallContext::default();
    emulator.create_chat(&call, create("before@example.com")).await.unwrap();
    let disk = store.writer().unwrap();
    disk.execute_batch(
        "CREATE TRIGGER broken BEFORE INSERT ON events WHEN NEW.chat LIKE '%broken%' BEGIN SELECT RAISE(ABORT, 'no space'); END",
    )
    .unwrap();
    let error = emulator.create_chat(&call, create("broken@example.com")).await.unwrap_err();
    assert_eq!((error.code.as_ref(), error.retryable), ("databaseError", true));
    let get = GetChatRequest { chat_guid: "any;-;broken@example.com".to_owned() };
    assert_eq!(emulator.get_chat(&call, get.clone()).await.unwrap_err().code, "chatNotFound");
    assert_eq!(emulator.event_log().head(), 1);

    // The disk is well again: the same write, with the same key, goes through.
    disk.execute_batch("DROP TRIGGER broken").unwrap();
    emulator.create_chat(&call, create("broken@example.com")).await.unwrap();
    let before = emulator.get_chat(&call, get.clone()).await.unwrap();
    assert_eq!(emulator.event_log().head(), 2);
    drop((emulator, disk));
    tokio::task::spawn_blocking(|| writer.join()).await.unwrap().unwrap();
    let (emulator, _writer) = Emulator::open(store).unwrap();
    assert_eq!(emulator.get_chat(&call, get).await.unwrap(), before);
}

/// A journal that does not belong to the log beside it must not be served.
#[tokio::test]
async fn a_journal_that_disagrees_with_the_log_is_refused_at_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let (emulator, writer) = Emulator::open(store.clone()).unwrap();
    emulator.create_chat(&CallContext::default(), create("a@example.com")).await.unwrap();
    drop(emulator);
    tokio::task::spawn_blocking(|| writer.join()).await.unwrap().unwrap();
    store.writer().unwrap().execute("DELETE FROM journal", []).unwrap();
    let error = Emulator::open(store).unwrap_err();
    assert!(error.to_string().contains("the journal ends at entry 0 instead of 3"), "{error}");
}

/// What is forgotten takes no room: neither in memory nor on the disk.
#[tokio::test]
async fn the_oldest_file_of_too_many_goes_with_its_bytes() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let (emulator, writer) = Emulator::open(store.clone()).unwrap();
    let call = CallContext::default();
    let upload = |byte: u8| {
        let data = bytes::Bytes::from(vec![byte]);
        emulator.upload_attachment(&call, UploadAttachmentRequest { file_name: "f".to_owned(), data, companion: None })
    };
    let first = upload(1).await.unwrap().attachment.unwrap().guid;
    let second = upload(2).await.unwrap().attachment.unwrap().guid;
    let rest = futures_util::future::join_all((2..im_chats_emulator::limits::ATTACHMENT_LIMIT + 1).map(|_| upload(3))).await;
    assert!(rest.iter().all(Result::is_ok));
    let known = |guid: &str| GetAttachmentInfoRequest { attachment_guid: guid.to_owned() };
    assert_eq!(emulator.get_attachment_info(&call, known(&first)).await.unwrap_err().code, "attachmentNotFound");
    emulator.get_attachment_info(&call, known(&second)).await.unwrap();
    drop(emulator);
    tokio::task::spawn_blocking(|| writer.join()).await.unwrap().unwrap();
    let count = |which: &str| {
        let count = format!("SELECT count(*) FROM blobs {which}");
        store.reader().unwrap().query_row(&count, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!(usize::try_from(count("")), Ok(im_chats_emulator::limits::ATTACHMENT_LIMIT));
    assert_eq!(count(&format!("WHERE owner = '{first}'")), 0);
    let (emulator, _writer) = Emulator::open(store).unwrap();
    assert_eq!(emulator.get_attachment_info(&call, known(&first)).await.unwrap_err().code, "attachmentNotFound");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_chats_are_listed_page_by_page_each_once_and_the_newest_first() {
    let directory = tempfile::tempdir().unwrap();
    let (emulator, _writer) = Emulator::open(Store::open(directory.path()).unwrap()).unwrap();
    let call = CallContext::default();
    let created = (0..10_000).map(|number| {
        let (emulator, call) = (emulator.clone(), call.clone());
        let request = CreateChatRequest { addresses: vec![format!("p{number}@example.com")], ..CreateChatRequest::default() };
        async move { emulator.create_chat(&call, request).await.unwrap() }
    });
    futures_util::future::join_all(created).await;
    let last = emulator.create_chat(&call, create("last@example.com")).await.unwrap().chat.unwrap().guid;
    let (mut guids, mut page_token) = (Vec::new(), None);
    loop {
        let request = ListChatsRequest { archived: false, page_size: 100, page_token, within: None };
        let page = emulator.list_chats(&call, request).await.unwrap();
        guids.extend(page.chats.into_iter().map(|chat| chat.guid));
        page_token = page.next_page_token;
        if page_token.is_none() {
            break;
        }
    }
    assert_eq!((guids.len(), &guids[0]), (10_001, &last));
    assert_eq!(guids.iter().collect::<HashSet<_>>().len(), 10_001);
}
