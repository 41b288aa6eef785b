//! What the data directory keeps: the log loses its beginning, the journal what the state makes superfluous, and writes end
//! where there is no more room.

#![cfg(test)]

mod support;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use im_chats_gateway::service::backend::Backend as _;
use im_chats_gateway::service::context::CallContext;
use im_chats_gateway::service::proto::{
    CatchUpEventsRequest, CreateChatInitialMessage, CreateChatRequest, SetBackgroundRequest,
};
use serde_json::{Value, json};
use support::grpc::{clients, refused};
use support::server::{Server, Socket, TIMEOUT, fresh};
use tempfile::TempDir;
use tokio::time::{Instant, sleep, timeout};
use tonic::Code;

const QUOTA: u64 = 16 * 1024 * 1024;

async fn stop(mut server: Server) {
    server.terminate();
    assert!(server.exit().await.success());
}

async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + TIMEOUT + TIMEOUT;
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        sleep(Duration::from_millis(20)).await;
    }
}

fn subscription(id: u64, after: u64, credit: u64) -> Value {
    json!({ "type": "subscribe", "id": id, "topic": "all", "after": { "sequence": after }, "credit": credit })
}

fn sequences(frame: &Value) -> Vec<u64> {
    let events = frame["events"].as_array().into_iter().flatten();
    events.map(|event| event["sequence"].as_u64().unwrap()).collect()
}

/// The next frame of a subscription.
async fn frame_of(socket: &mut Socket, id: u64) -> Value {
    loop {
        let frame = socket.next_but_heartbeats().await;
        if frame["id"] == id {
            return frame;
        }
    }
}

/// The first sequences of the log that `ready` tells: its beginning and its end.
async fn log_of(server: &Server) -> (u64, u64) {
    let (_, ready) = Socket::ready(server).await;
    (ready["log"]["first"].as_u64().unwrap(), ready["log"]["head"].as_u64().unwrap())
}

async fn begins_at(server: &Server, first: u64) {
    let end = Instant::now() + TIMEOUT + TIMEOUT;
    loop {
        let (found, _) = log_of(server).await;
        if found >= first {
            assert_eq!(found, first);
            return;
        }
        assert!(Instant::now() < end, "the log begins at {found}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Everything after a position up to the head, and the frame that ended it.
async fn catch_up(server: &Server, after: u64) -> (Vec<u64>, Value) {
    let (mut socket, _) = Socket::ready(server).await;
    let mut asked = subscription(1, after, 1_000_000);
    asked["until"] = json!("head");
    socket.say(&asked).await;
    let mut found = Vec::new();
    loop {
        let frame = socket.next_but_heartbeats().await;
        match frame["type"].as_str().unwrap() {
            "events" => found.extend(sequences(&frame)),
            "complete" | "error" => return (found, frame),
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_behind_are_told_and_those_at_the_head_go_on() {
    let data = TempDir::new().unwrap();
    let flags = ["--retain-events", "1000"];
    let server = Server::logged(data.path(), &flags);
    let chat = server.create("alice@example.com");
    server.generate(500, &[&chat]);
    let (mut socket, _) = Socket::ready(&server).await;
    socket.say(&subscription(1, 500, 1_000_000)).await;
    assert_eq!(frame_of(&mut socket, 1).await["type"], "subscribed");
    let (mut slow, _) = Socket::ready(&server).await;
    slow.say(&subscription(2, 0, 10)).await;
    assert_eq!(frame_of(&mut slow, 2).await["type"], "subscribed");
    assert_eq!(sequences(&frame_of(&mut slow, 2).await), (1..=10).collect::<Vec<_>>());

    let mut next = 501;
    let mut head = 500;
    while head < 4000 {
        head = server.generate(350, &[&chat]);
        // The live reader is never further behind than what stays.
        while next <= head {
            let frame = frame_of(&mut socket, 1).await;
            assert!(matches!(frame["type"].as_str(), Some("events" | "caughtUp")), "{frame}");
            for sequence in sequences(&frame) {
                assert_eq!(sequence, next);
                next += 1;
            }
        }
    }
    // Within a second of the last event, or at the next run, there are at most a tenth too many.
    let first = {
        let end = Instant::now() + TIMEOUT;
        loop {
            let (first, _) = log_of(&server).await;
            if head - first <= 1100 {
                break first;
            }
            assert!(Instant::now() < end, "the log begins at {first}");
            sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(head - first >= 1000);
    slow.say(&json!({ "type": "credit", "id": 2, "add": 10 })).await;
    let told = frame_of(&mut slow, 2).await;
    let context = json!({ "first": first.to_string(), "head": head.to_string() });
    assert_eq!((&told["type"], &told["code"]), (&json!("error"), &json!("cursorTooOld")), "{told}");
    assert_eq!((&told["context"]["first"], &told["context"]["head"]), (&context["first"], &context["head"]), "{told}");
    let (found, end) = catch_up(&server, first - 1).await;
    assert_eq!((found.len(), &end["code"]), (0, &json!("cursorTooOld")), "{end}");
    assert_eq!(catch_up(&server, first).await.0, (first + 1..=head).collect::<Vec<_>>());

    let (_, mut events) = clients(&server).await;
    let request = |after| CatchUpEventsRequest { after_sequence: after };
    let old = refused(events.catch_up_events(request(Some(10))).await, Code::FailedPrecondition, "cursorTooOld");
    assert_eq!((old.context("first"), old.context("head")), (Some(first.to_string()), Some(head.to_string())));
    let mut whole = events.catch_up_events(request(None)).await.unwrap().into_inner();
    let begins = timeout(TIMEOUT, whole.message()).await.unwrap().unwrap().unwrap();
    assert_eq!(begins.sequence, Some(first + 1), "without a cursor it begins where the log does");
    eventually("the log says so", || server.said().contains("pruned the beginning of the log")).await;
    // The state has nothing to do with it.
    assert_eq!(server.request("GET", "/v1/chats:count", None).1, json!({ "count": "1" }));
    stop(server).await;

    let server = Server::start(data.path(), &[]);
    assert_eq!(log_of(&server).await, (first, head), "after a restart");
    stop(server).await;
    let server = Server::start(data.path(), &["--retain-events", "100"]);
    begins_at(&server, head - 100).await;
    assert_eq!(server.generate(1, &[&chat]), head + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_the_steps_leaves_a_log_that_is_whole() {
    let (server, data) = fresh(&[]);
    let chat = server.create("alice@example.com");
    let head = server.generate(60_000, &[&chat]);
    stop(server).await;
    let flags = ["--retain-events", "200"];
    let rows = || -> u64 {
        let disk = rusqlite::Connection::open(data.path().join("gateway.sqlite3")).unwrap();
        let rows: i64 = disk.query_row("SELECT count(*) FROM events", [], |row| row.get(0)).unwrap();
        u64::try_from(rows).unwrap()
    };
    let mut before = head;
    let mut in_between = 0;
    for _ in 0..3 {
        let mut server = Server::start(data.path(), &flags);
        begins_at(&server, head - 200).await;
        eventually("some rows are gone", || rows() < before).await;
        server.kill();
        let left = rows();
        in_between += u32::from(left > 200);
        before = left.max(201);
        let server = Server::start(data.path(), &[]);
        assert_eq!(log_of(&server).await, (head - 200, head));
        let (found, end) = catch_up(&server, head - 200).await;
        assert_eq!((found, &end["type"]), ((head - 199..=head).collect(), &json!("complete")));
        stop(server).await;
    }
    assert!(in_between > 0, "it was killed between two steps");
    // A backup reads and checks all of it.
    let target = data.path().join("..").join(format!("{}.backup", data.path().file_name().unwrap().to_str().unwrap()));
    let backup = Command::new(env!("CARGO_BIN_EXE_im-chats-gateway"))
        .args(["backup", "--data", data.path().to_str().unwrap(), target.to_str().unwrap()])
        .output()
        .unwrap();
    let _ = std::fs::remove_file(&target);
    assert!(backup.status.success(), "{}", String::from_utf8_lossy(&backup.stderr));
    let server = Server::start(data.path(), &flags);
    eventually("the next start drops the rest", || rows() == 200).await;
    drop(server);
}

fn friend(n: usize) -> CreateChatRequest {
    CreateChatRequest {
        addresses: vec![format!("friend{n}@example.com")],
        initial_message: Some(CreateChatInitialMessage { text: format!("hi {n}"), ..Default::default() }),
        client_message_id: Some(format!("key {n}")),
        ..Default::default()
    }
}

/// Three entries of the journal for each: a chat, a message, an answer. And a few more, so that there are more of them than pieces of the
/// state.
async fn fill_journal(data: &Path, chats: usize) {
    let store = im_chats_gateway::log::store::Store::open(data).unwrap();
    let (emulator, writer) = im_chats_gateway::emulator::Emulator::open(store).unwrap();
    let call = CallContext::default();
    for chunk in (0..chats).collect::<Vec<_>>().chunks(512) {
        let creates = chunk.iter().map(|n| emulator.create_chat(&call, friend(*n)));
        futures_util::future::try_join_all(creates).await.unwrap();
    }
    let chat_guid = emulator.chats(None, 1)[0].chat.guid.clone();
    let png: bytes::Bytes = b"\x89PNG\r\n\x1a\n".as_slice().into();
    for _ in 0..4 {
        let image = SetBackgroundRequest { chat_guid: chat_guid.clone(), data: png.clone() };
        emulator.set_background(&call, image).await.unwrap();
    }
    drop(emulator);
    writer.join().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_while_the_journal_is_compacted_loses_nothing() {
    let data = TempDir::new().unwrap();
    fill_journal(data.path(), 4000).await;
    let number = |sql: &str| -> i64 {
        let disk = rusqlite::Connection::open(data.path().join("gateway.sqlite3")).unwrap();
        disk.query_row(sql, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(number("SELECT count(*) FROM journal"), 12_004);
    // Killed once while the checkpoint is written, and once while the entries go.
    for sql in ["SELECT count(*) > 0 FROM checkpoint", "SELECT count(*) < 12004 FROM journal"] {
        let mut server = Server::start(data.path(), &[]);
        let disk = rusqlite::Connection::open(data.path().join("gateway.sqlite3")).unwrap();
        let end = Instant::now() + TIMEOUT + TIMEOUT;
        loop {
            // From the look until the kill nobody else writes.
            disk.execute_batch("BEGIN IMMEDIATE").unwrap();
            if disk.query_row(sql, [], |row| row.get::<_, bool>(0)).unwrap() {
                server.kill();
                break;
            }
            disk.execute_batch("ROLLBACK").unwrap();
            assert!(Instant::now() < end, "{sql}");
            sleep(Duration::from_millis(5)).await;
        }
    }
    let (upto, left) = (number("SELECT value FROM meta WHERE key = 'checkpoint'"), number("SELECT count(*) FROM journal"));
    assert!(upto == 12_004 && left > 4000, "it was killed in between: {upto} {left}");
    let server = Server::start(data.path(), &[]);
    assert_eq!(log_of(&server).await, (0, 4004));
    let mut chats = clients(&server).await.0;
    for n in [0, 1234, 3999] {
        let again = chats.create_chat(friend(n)).await.unwrap().into_inner();
        assert_eq!(again.initial_message.unwrap().content.unwrap().text, Some(format!("hi {n}")));
    }
    assert_eq!(log_of(&server).await, (0, 4004), "each was answered as before, and nothing was done again");
    eventually("the rest is gone, but for the answers", || number("SELECT count(*) FROM journal") == 4000).await;
    let new = chats.create_chat(friend(4000)).await.unwrap().into_inner();
    stop(server).await;
    let server = Server::start(data.path(), &[]);
    assert_eq!(server.request("GET", "/v1/chats:count", None).1, json!({ "count": "4001" }));
    let again = clients(&server).await.0.create_chat(friend(4000)).await.unwrap().into_inner();
    assert_eq!(again, new);
}

fn bytes_in(directory: &Path) -> u64 {
    std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

/// Writes until it is refused; the refusal.
fn fill(server: &Server, run: &Value) -> Value {
    for _ in 0..200 {
        let (status, answer) = server.request("POST", "/emulator/v1/events:generate", Some(run));
        if status != 200 {
            assert_eq!(status, 503, "{answer}");
            return answer;
        }
    }
    panic!("it was never refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_data_directory_is_told_and_has_room_again_when_it_was_pruned() {
    let data = TempDir::new().unwrap();
    let quota = QUOTA.to_string();
    let server = Server::logged(data.path(), &["--max-data-bytes", &quota]);
    let chat = server.create("alice@example.com");
    let run = json!({ "count": 4096, "chatGuids": [chat] });
    let refusal = fill(&server, &run);
    assert_eq!(
        (&refusal["errorCode"], &refusal["context"]["limit"]),
        (&json!("serviceUnavailable"), &json!(quota)),
        "{refusal}"
    );
    assert!(refusal["message"].as_str().unwrap().starts_with("--max-data-bytes: "), "{refusal}");
    assert!(bytes_in(data.path()) <= QUOTA, "{} bytes", bytes_in(data.path()));
    // Small things, until there is no room even for them.
    let created =
        |n: usize| json!({ "addresses": [format!("f{n}@example.com")], "initialMessage": { "text": "x".repeat(19_000) } });
    let refused = (0..500).map(|n| server.request("POST", "/v1/chats", Some(&created(n)))).find(|(status, _)| *status != 200);
    let (status, answer) = refused.expect("a refusal");
    assert_eq!((status, &answer["errorCode"]), (503, &json!("serviceUnavailable")));
    assert!(bytes_in(data.path()) <= QUOTA, "{} bytes", bytes_in(data.path()));
    let (status, body) = server.request("GET", "/healthz", None);
    assert!(status == 503 && body["reason"].as_str().unwrap().contains("--max-data-bytes"), "{status} {body}");
    let written = || server.said().lines().filter(|line| line.contains("cannot be written")).count();
    eventually("the log says so", || written() > 0).await;
    assert_eq!(written(), 1, "{}", server.said());
    let (_, head) = log_of(&server).await;
    assert_eq!(catch_up(&server, 0).await.0, (1..=head).collect::<Vec<_>>(), "readers go on");
    stop(server).await;

    let server = Server::logged(data.path(), &["--max-data-bytes", &quota, "--retain-events", "2000"]);
    begins_at(&server, head - 2000).await;
    let small = json!({ "count": 1000, "chatGuids": [chat] });
    eventually("there is room again", || server.request("POST", "/emulator/v1/events:generate", Some(&small)).0 == 200).await;
    eventually("and health says so", || server.request("GET", "/healthz", None).0 == 200).await;
    // As many as fill it several times: what is dropped makes the room.
    for _ in 0..100 {
        eventually("it goes on", || server.request("POST", "/emulator/v1/events:generate", Some(&small)).0 == 200).await;
    }
    assert!(bytes_in(data.path()) <= QUOTA + 1024 * 1024, "{} bytes", bytes_in(data.path()));
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_end_before_the_file_system_is_full() {
    let (server, data) = fresh(&[]);
    let chat = server.create("alice@example.com");
    server.generate(99, &[&chat]);
    let image = format!("iVBORw0KGgo{}", "A".repeat(200_001));
    server.post("/v1/chats:setBackground", &json!({ "chatGuid": chat, "data": image }));
    stop(server).await;
    let all = u64::MAX.to_string();
    let server = Server::logged(data.path(), &["--min-free-bytes", &all]);
    let answer = fill(&server, &json!({ "count": 1, "chatGuids": [chat] }));
    assert_eq!((&answer["errorCode"], &answer["context"]["limit"]), (&json!("serviceUnavailable"), &json!(all)), "{answer}");
    assert!(answer["message"].as_str().unwrap().starts_with("--min-free-bytes: "), "{answer}");
    assert_eq!(server.request("GET", "/healthz", None).0, 503);
    // What frees room goes through, and does not say that there is some.
    server.post("/v1/chats:removeBackground", &json!({ "chatGuid": chat }));
    assert_eq!(server.request("GET", "/healthz", None).0, 503);
    let (mut chats, _) = clients(&server).await;
    assert!(refused(chats.create_chat(friend(1)).await, Code::Unavailable, "serviceUnavailable").retryable());
    assert_eq!(catch_up(&server, 0).await.0.len(), 101);
    stop(server).await;
    let server = Server::start(data.path(), &[]);
    assert_eq!(server.generate(1, &[&chat]), 102, "what was refused was not stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_without_room_waits_and_loses_nothing() {
    let (upstream, _data) = fresh(&[]);
    let chat = upstream.create("alice@example.com");
    // Large ones: a relay has each as JSON and as it came.
    let message = json!({ "chatGuid": chat, "from": "alice@example.com", "text": "x".repeat(19_000) });
    std::thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| (0..60).for_each(|_| drop(upstream.post("/emulator/v1/messages:receive", &message))));
        }
    });
    let head = upstream.generate(100, &[&chat]);
    let data = TempDir::new().unwrap();
    let address = format!("http://{}", upstream.address);
    let relay = Server::relay(data.path(), &address, &["--max-data-bytes", &QUOTA.to_string()]);
    let mut reason = Value::Null;
    eventually("it is full", || {
        reason = relay.request("GET", "/healthz", None).1["reason"].clone();
        reason.as_str().is_some_and(|reason| reason.contains("--max-data-bytes"))
    })
    .await;
    let (first, reached) = log_of(&relay).await;
    assert!(first == 0 && reached < head, "{first} {reached} {reason}");
    assert!(bytes_in(data.path()) <= QUOTA, "{} bytes", bytes_in(data.path()));
    assert_eq!(catch_up(&relay, 0).await.0, (1..=reached).collect::<Vec<_>>());
    stop(relay).await;
    // With room for what it keeps it comes up with the upstream.
    let relay = Server::relay(data.path(), &address, &["--retain-events", "50"]);
    eventually("it is up with the upstream", || relay.request("GET", "/healthz", None).0 == 200).await;
    begins_at(&relay, head - 50).await;
    assert_eq!(catch_up(&relay, head - 50).await.0, (head - 49..=head).collect::<Vec<_>>());
    let last = upstream.generate(10, &[&chat]);
    let end = Instant::now() + TIMEOUT;
    while log_of(&relay).await.1 < last {
        assert!(Instant::now() < end);
        sleep(Duration::from_millis(20)).await;
    }
}
