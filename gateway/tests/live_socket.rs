//! The event stream of the real binary over real sockets: what transcripts and the machine's own tests cannot show.

#![cfg(test)]

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use support::server::{Dice, Server, Socket, TIMEOUT, fresh, subscribe};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;
use tokio_tungstenite::MaybeTlsStream;
use tokio_tungstenite::tungstenite::{self, Message};

const PROTOCOL: Option<&str> = Some("im.events.v1.json");

/// Reads batches of one subscription until its position is `through`; gives the sequences.
async fn read_to(socket: &mut Socket, id: &Value, through: u64) -> Vec<u64> {
    let (mut sequences, mut position) = (Vec::new(), None);
    while position < Some(through) {
        let frame = socket.next().await;
        if frame["type"] != "events" || frame["id"] != *id {
            continue;
        }
        assert!(position.is_none() || position == frame["prev"].as_u64(), "the chain: {frame}");
        position = frame["through"].as_u64();
        sequences.extend(frame["events"].as_array().unwrap().iter().map(|event| event["sequence"].as_u64().unwrap()));
    }
    sequences
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_outlives_kill_9_and_the_log_keeps_its_name() {
    let data = TempDir::new().unwrap();
    let mut server = Server::start(data.path(), &[]);
    let chat = server.create("alice@example.com");
    let last = server.generate(500, &[&chat]);
    let (mut socket, ready) = Socket::ready(&server).await;
    let log = ready["log"]["id"].clone();
    socket.say(&subscribe(1, Some(0), 200)).await;
    let seen = read_to(&mut socket, &json!(1), 200).await;
    assert_eq!(seen, (1..=200).collect::<Vec<_>>());

    server.kill();
    let server = Server::start(data.path(), &[]);
    let (mut socket, ready) = Socket::ready(&server).await;
    assert_eq!((&ready["log"]["id"], &ready["log"]["head"]), (&log, &json!(last)));
    let after = json!({ "log": log, "sequence": 200 });
    socket.say(&json!({ "type": "subscribe", "id": 1, "topic": "chats", "after": after, "credit": 10_000 })).await;
    let newest = server.generate(10, &[&chat]);
    let rest = read_to(&mut socket, &json!(1), newest).await;
    assert_eq!(rest, (201..=newest).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_drains_every_socket_and_the_process_ends_well() {
    let (mut server, _data) = fresh(&[]);
    let chat = server.create("alice@example.com");
    server.generate(100, &[&chat]);
    let mut sockets = Vec::new();
    for credit in [0, 10, 1_000] {
        let (mut socket, _) = Socket::ready(&server).await;
        socket.say(&subscribe("s", Some(0), credit)).await;
        socket.rest().await;
        sockets.push(socket);
    }
    // One that has not even said init.
    sockets.push(Socket::connect(&server).await);
    server.terminate();
    for socket in &mut sockets {
        let drain = socket.next().await;
        assert_eq!(drain, json!({ "type": "drain", "reconnectMinMs": 250, "reconnectMaxMs": 5000 }));
        assert_eq!(socket.close_code().await, 1001);
    }
    drop(sockets);
    assert_eq!(server.exit().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_ignores_the_close_does_not_hold_up_the_drain() {
    let (mut server, _data) = fresh(&[]);
    let (socket, _) = Socket::ready(&server).await;
    server.terminate();
    assert_eq!(server.exit().await.code(), Some(0));
    drop(socket);
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_subscriptions_of_one_socket_all_get_everything() {
    let (server, _data) = fresh(&["--max-subscriptions", "64"]);
    let chat = server.create("alice@example.com");
    let (mut socket, ready) = Socket::ready(&server).await;
    assert_eq!(ready["limits"]["maxSubscriptions"], 64);
    for id in 0..65 {
        socket.say(&subscribe(id, Some(0), 100_000)).await;
    }
    let last = server.generate(1_000, &[&chat]);
    let mut positions: BTreeMap<u64, u64> = (0..64).map(|id| (id, 0)).collect();
    let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
    let mut refused = 0;
    while positions.values().any(|position| *position < last) {
        let frame = socket.next().await;
        let id = frame["id"].as_u64();
        match frame["type"].as_str().unwrap() {
            "events" => {
                let position = positions.get_mut(&id.unwrap()).unwrap();
                assert_eq!(frame["prev"], *position);
                *position = frame["through"].as_u64().unwrap();
                *counts.entry(id.unwrap()).or_default() += frame["events"].as_array().unwrap().len();
            }
            "error" => {
                assert_eq!((id, &frame["code"]), (Some(64), &json!("subscriptionLimitExceeded")));
                refused += 1;
            }
            _ => {}
        }
    }
    assert_eq!((refused, counts.len()), (1, 64));
    assert!(counts.values().all(|count| *count == 1_000), "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_subscription_delays_neither_the_others_nor_the_heartbeats() {
    let (server, _data) = fresh(&["--heartbeat-interval-ms", "50"]);
    let chat = server.create("alice@example.com");
    let (mut socket, ready) = Socket::ready(&server).await;
    assert_eq!(ready["heartbeatIntervalMs"], 50);
    socket.say(&subscribe("stalled", Some(0), 3)).await;
    socket.say(&subscribe("live", None, 1_000_000)).await;
    let last = server.generate(20_000, &[&chat]);
    let (mut live, mut stalled, mut beats) = (0, 0, 0);
    let mut through = 0;
    while through < last || beats < 3 {
        let frame = socket.next().await;
        let count = frame["events"].as_array().map_or(0, Vec::len);
        match (frame["type"].as_str().unwrap(), frame["id"].as_str()) {
            ("heartbeat", _) => beats += 1,
            ("events", Some("live")) => {
                live += count;
                through = frame["through"].as_u64().unwrap();
            }
            ("events", Some("stalled")) => stalled += count,
            _ => {}
        }
    }
    assert_eq!((live, stalled), (20_000, 3));
    socket.say(&json!({ "type": "credit", "id": "stalled", "add": 1_000_000 })).await;
    assert_eq!(read_to(&mut socket, &json!("stalled"), last).await.len(), 19_997);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_subscription_costs_the_server_little() {
    const SOCKETS: u64 = 20;
    let (server, _data) = fresh(&[]);
    let chat = server.create("alice@example.com");
    // The recent end of the log is kept in memory once, for everyone: let it be full before looking.
    server.generate(30_000, &[&chat]);
    let open = async || {
        let (mut socket, _) = Socket::ready(&server).await;
        for id in 0..64 {
            socket.say(&subscribe(id, Some(0), 0)).await;
        }
        socket.rest().await;
        socket
    };
    // The first round fills what is shared: threads that read the disk, their connections, the allocator's spare pages.
    let mut sockets = Vec::new();
    let mut before = 0;
    for _ in 0..2 {
        before = server.resident_kib();
        for _ in 0..SOCKETS {
            sockets.push(open().await);
        }
        server.generate(10_000, &[&chat]);
    }
    let grown = server.resident_kib().saturating_sub(before);
    let each = grown as f64 / (SOCKETS * 64) as f64;
    println!("{grown} KiB for {} stalled subscriptions: {each:.2} KiB each, their sockets included", SOCKETS * 64);
    assert!(each < 4.0, "{each:.2} KiB a subscription");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_head_of_this_moment_is_never_behind_an_answer_that_was_given() {
    let (server, _data) = fresh(&[]);
    let chat = server.create("alice@example.com");
    let (mut socket, _) = Socket::ready(&server).await;
    for round in 0..50_u64 {
        let last = server.generate(3, &[&chat]);
        // A cursor taken from a write's answer is not ahead of the log; a stream from now on does not begin before it.
        socket.say(&subscribe(format!("cursor {round}"), Some(last), 10)).await;
        socket.say(&subscribe(format!("now {round}"), None, 10)).await;
        for name in ["cursor", "now"] {
            let frame = socket.next().await;
            assert_eq!((&frame["type"], &frame["after"]["sequence"]), (&json!("subscribed"), &json!(last)), "{name}: {frame}");
            assert_eq!(socket.next().await["type"], "caughtUp");
        }
        for name in ["cursor", "now"] {
            socket.say(&json!({ "type": "unsubscribe", "id": format!("{name} {round}") })).await;
            assert_eq!(socket.next().await["type"], "complete");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn random_subscriptions_get_what_the_log_holds_within_their_credit() {
    let (server, _data) = fresh(&["--heartbeat-interval-ms", "20", "--max-batch-events", "16"]);
    let chats = [server.create("alice@example.com"), server.create("bob@example.com"), server.create("carol@example.com")];
    for seed in 1..=6 {
        random_run(&server, &chats, &mut Dice(seed)).await;
    }
}

struct Reader {
    chat: Option<String>,
    after: u64,
    position: u64,
    credit: u64,
    got: Vec<Value>,
}

async fn random_run(server: &Server, chats: &[String], dice: &mut Dice) {
    let (mut socket, ready) = Socket::ready(server).await;
    let start = ready["log"]["head"].as_u64().unwrap();
    let mut readers: Vec<Reader> = Vec::new();
    for step in 0..60 {
        match dice.below(4) {
            0 if readers.len() < 12 => {
                let chat = chats.get(usize::try_from(dice.below(5)).unwrap()).cloned();
                let after = start.saturating_sub(dice.below(50));
                let credit = dice.below(30);
                let mut frame = subscribe(readers.len(), Some(after), credit);
                frame["chat"] = json!(chat);
                socket.say(&frame).await;
                readers.push(Reader { chat, after, position: after, credit, got: Vec::new() });
            }
            1 if !readers.is_empty() => {
                let id = usize::try_from(dice.below(readers.len() as u64)).unwrap();
                let add = dice.below(40);
                readers[id].credit += add;
                socket.say(&json!({ "type": "credit", "id": id, "add": add })).await;
            }
            2 => {
                let chat = &chats[usize::try_from(dice.below(3)).unwrap()];
                server.generate(1 + dice.below(20), &[chat]);
                server.act("message.received", &chats[1]);
            }
            _ if step % 3 == 0 => {
                for frame in socket.rest().await {
                    take(&mut readers, &frame);
                }
            }
            _ => {}
        }
    }
    for (id, reader) in readers.iter_mut().enumerate() {
        reader.credit += 1_000_000;
        socket.say(&json!({ "type": "credit", "id": id, "add": 1_000_000 })).await;
    }
    let (mut other, ready) = Socket::ready(server).await;
    let head = ready["log"]["head"].as_u64().unwrap();
    while readers.iter().any(|reader| reader.position < head) {
        let frame = socket.next().await;
        take(&mut readers, &frame);
    }
    // The oracle: the whole log, read at once by another socket, and filtered here.
    other.say(&json!({ "type": "subscribe", "id": 0, "topic": "all", "after": { "sequence": 0 }, "until": "head", "credit": 1_000_000 })).await;
    let mut log = Vec::new();
    loop {
        let frame = other.next().await;
        match frame["type"].as_str().unwrap() {
            "events" => log.extend(frame["events"].as_array().unwrap().iter().cloned()),
            "complete" => break,
            _ => {}
        }
    }
    for (id, reader) in readers.iter().enumerate() {
        let wanted = |event: &&Value| {
            let sequence = event["sequence"].as_u64().unwrap();
            (reader.after < sequence && sequence <= reader.position)
                && event["type"].as_str().unwrap().starts_with("chat.")
                && reader.chat.as_ref().is_none_or(|chat| event["chatGuid"] == **chat)
        };
        let expected: Vec<&Value> = log.iter().filter(wanted).collect();
        assert!(
            reader.got.iter().eq(expected.iter().copied()),
            "subscription {id}: {} against {}",
            reader.got.len(),
            expected.len()
        );
    }
}

fn take(readers: &mut [Reader], frame: &Value) {
    if frame["type"] != "events" {
        assert_ne!(frame["type"], "error", "{frame}");
        return;
    }
    let reader = &mut readers[usize::try_from(frame["id"].as_u64().unwrap()).unwrap()];
    assert_eq!(frame["prev"], reader.position, "the chain");
    reader.position = frame["through"].as_u64().unwrap();
    let events = frame["events"].as_array().unwrap();
    reader.credit = reader.credit.checked_sub(events.len() as u64).expect("never more than the credit");
    reader.got.extend(events.iter().cloned());
}

#[tokio::test(flavor = "multi_thread")]
async fn timers_run_on_the_real_clock() {
    let (server, _data) = fresh(&["--init-timeout-ms", "60", "--heartbeat-interval-ms", "40"]);
    let mut silent = Socket::connect(&server).await;
    let error = silent.next().await;
    assert_eq!((&error["code"], &error["fatal"]), (&json!("timeout"), &json!(true)));
    assert_eq!(silent.close_code().await, 4408);
    let (mut socket, _) = Socket::ready(&server).await;
    let begun = tokio::time::Instant::now();
    for _ in 0..5 {
        assert_eq!(socket.next().await["type"], "heartbeat");
    }
    assert!(begun.elapsed() >= Duration::from_millis(5 * 40 - 20), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_gets_an_error_about_the_wrong_subprotocol() {
    let (server, _data) = fresh(&[]);
    let (mut socket, chosen) = Socket::open(&server, Some("graphql-ws, chat"), None).await.unwrap();
    assert_eq!(chosen.as_deref(), Some("graphql-ws"), "else a browser hides the close code");
    assert_eq!(socket.next().await["context"]["field"], "subprotocol");
    assert_eq!(socket.close_code().await, 4406);
    let (_, chosen) = Socket::open(&server, Some("chat, im.events.v1.json"), None).await.unwrap();
    assert_eq!(chosen.as_deref(), PROTOCOL);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_no_websocket_is_refused_readably() {
    let (server, _data) = fresh(&[]);
    let mut answer =
        ureq::get(format!("http://{}/v1/events", server.address)).config().http_status_as_error(false).build().call().unwrap();
    assert!((400..500).contains(&answer.status().as_u16()), "{}", answer.status());
    let body: Value = serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
    assert!(body["message"].as_str().unwrap().contains("WebSocket"), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_origin_does_not_get_in() {
    use tokio_tungstenite::tungstenite::client::IntoClientRequest;
    let (server, _data) = fresh(&["--allow-origin", "https://app.example"]);
    for (origin, allowed) in [("https://evil.example", false), ("https://app.example", true)] {
        let mut request = format!("ws://{}/v1/events", server.address).into_client_request().unwrap();
        request.headers_mut().insert("origin", origin.parse().unwrap());
        match tokio_tungstenite::connect_async(request).await {
            Ok(_) => assert!(allowed, "{origin}"),
            Err(tungstenite::Error::Http(response)) => {
                assert!(!allowed, "{origin}");
                assert_eq!(response.status().as_u16(), 403);
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_in_fragments_is_one_frame_and_pings_come_in_between() {
    let (server, _data) = fresh(&[]);
    let (mut socket, _) = Socket::ready(&server).await;
    let MaybeTlsStream::Plain(stream) = socket.0.get_mut() else { panic!("plain") };
    let text = br#"{"type":"ping","n":9}"#;
    let mut bytes = [b"\x01\x8a\0\0\0\0".as_slice(), &text[..10]].concat();
    bytes.extend(b"\x89\x80\0\0\0\0");
    bytes.extend([b"\x80\x8b\0\0\0\0".as_slice(), &text[10..]].concat());
    stream.write_all(&bytes).await.unwrap();
    assert_eq!(socket.next().await, json!({ "type": "pong", "n": 9 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_ping_is_answered_although_nothing_else_is_to_be_said() {
    use futures_util::StreamExt;
    let (server, _data) = fresh(&[]);
    let (mut socket, _) = Socket::ready(&server).await;
    socket.send(Message::Ping(b"there?".to_vec().into())).await;
    let answer = timeout(TIMEOUT, socket.0.next()).await.expect("an answer").unwrap().unwrap();
    assert_eq!(answer, Message::Pong(b"there?".to_vec().into()));
}

/// What a subscription to everything from the beginning shows, up to the head: type and chat of each event.
async fn shown(server: &Server, filter: &Value) -> Vec<(String, String)> {
    let (mut socket, _) = Socket::ready(server).await;
    let mut ask =
        json!({ "type": "subscribe", "id": 1, "topic": "all", "after": { "sequence": 0 }, "until": "head", "credit": 999 });
    ask.as_object_mut().unwrap().extend(filter.as_object().unwrap().clone());
    socket.say(&ask).await;
    let mut shown = Vec::new();
    loop {
        let frame = socket.next().await;
        match frame["type"].as_str() {
            Some("complete") => return shown,
            Some("error") => panic!("{frame}"),
            _ => {}
        }
        let word = |event: &Value, name: &str| event[name].as_str().unwrap().to_owned();
        shown.extend(
            frame["events"].as_array().into_iter().flatten().map(|event| (word(event, "type"), word(event, "chatGuid"))),
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_shows_only_its_chats_and_types_from_memory_from_disk_and_behind_a_relay() {
    let (upstream, data) = fresh(&[]);
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| upstream.create(&format!("{name}@example.com")));
    let write = |server: &Server| {
        for kind in ["chat.archived", "chat.unarchived"] {
            server.act(kind, &alice);
            server.act(kind, &carol);
        }
        server.act("message.received", &bob);
    };
    write(&upstream);
    let relay_data = TempDir::new().unwrap();
    let relay = Server::relay(relay_data.path(), &format!("http://{}", upstream.address), &["--poll-interval-ms", "50"]);
    let event = |kind: &str, chat: &str| (kind.to_owned(), chat.to_owned());
    let cases = [
        (json!({ "types": ["message.received", "poll.changed"] }), vec![event("message.received", &bob)]),
        (json!({ "chats": [carol, carol], "types": ["chat.unarchived"] }), vec![event("chat.unarchived", &carol)]),
        (
            json!({ "chats": [bob, alice] }),
            vec![event("chat.archived", &alice), event("chat.unarchived", &alice), event("message.received", &bob)],
        ),
        (json!({ "types": ["unknown"] }), vec![]),
    ];
    let deadline = std::time::Instant::now() + TIMEOUT;
    while shown(&relay, &json!({})).await.len() < 5 {
        assert!(std::time::Instant::now() < deadline, "{}", relay.said());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for (filter, expected) in &cases {
        for server in [&upstream, &relay] {
            assert_eq!(&shown(server, filter).await, expected, "{filter}");
        }
    }
    // Started again, neither has any of it in memory.
    drop((upstream, relay));
    let upstream = Server::start(data.path(), &[]);
    let relay = Server::relay(relay_data.path(), &format!("http://{}", upstream.address), &["--poll-interval-ms", "50"]);
    for (filter, expected) in &cases {
        for server in [&upstream, &relay] {
            assert_eq!(&shown(server, filter).await, expected, "{filter}, from disk");
        }
    }
    // And live, through the relay.
    let (mut socket, ready) = Socket::ready(&relay).await;
    assert_eq!(ready["features"], json!(["filters"]));
    socket.say(&json!({ "type": "subscribe", "id": 1, "topic": "all", "types": ["message.received"], "credit": 9 })).await;
    while socket.next().await["type"] != "caughtUp" {}
    write(&upstream);
    let frame = socket.next_but_heartbeats().await;
    let events = frame["events"].as_array().unwrap();
    assert_eq!((events.len(), &events[0]["type"], &events[0]["chatGuid"]), (1, &json!("message.received"), &json!(bob)));
}
