//! The relay with a real upstream, the emulator: what a client gets from the one is what it gets from the other, whatever
//! happens in between.

#![cfg(test)]

mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::proxy::Proxy;
use support::server::{Dice, Server, Socket, TIMEOUT, TOKEN, fresh};
use tempfile::TempDir;

const BEATS: &[&str] = &["--heartbeat-interval-ms", "1000"];

/// Everything in a server's log, in order.
async fn whole_log(server: &Server) -> Vec<Value> {
    let mut events = Vec::new();
    let (mut socket, _) = Socket::ready(server).await;
    socket
        .say(&json!({ "type": "subscribe", "id": 1, "topic": "all", "after": { "sequence": 0 }, "until": "head", "credit": 1_000_000 }))
        .await;
    loop {
        let frame = socket.next_but_heartbeats().await;
        match frame["type"].as_str() {
            Some("events") => events.extend(frame["events"].as_array().unwrap().iter().cloned()),
            Some("complete") => return events,
            Some("subscribed" | "caughtUp") => {}
            _ => panic!("{frame}"),
        }
    }
}

fn sequences(events: &[Value]) -> Vec<u64> {
    events.iter().map(|event| event["sequence"].as_u64().unwrap()).collect()
}

/// Waits until the relay's log ends where the upstream's does, and compares them.
async fn same_logs(upstream: &Server, relay: &Server) -> Vec<Value> {
    let expected = whole_log(upstream).await;
    let end = Instant::now() + TIMEOUT + TIMEOUT;
    loop {
        let behind = upstream_head(relay).await < upstream_head(upstream).await;
        if !behind || Instant::now() > end {
            let found = whole_log(relay).await;
            assert_eq!(sequences(&found), sequences(&expected));
            for (found, expected) in found.iter().zip(&expected) {
                if expected["type"] == "message.received" {
                    // The relay gives every field of a message, the emulator those it has.
                    assert_eq!(found["message"]["content"]["text"], expected["message"]["content"]["text"]);
                    assert_eq!(found["actor"], expected["actor"]);
                } else {
                    assert_eq!(found, expected);
                }
            }
            return found;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn healthy(relay: &Server, status: u16) -> Value {
    let end = Instant::now() + TIMEOUT + TIMEOUT;
    loop {
        let (found, body) = relay.request("GET", "/healthz", None);
        // Before it has tried, it is degraded for another reason.
        if found == status && body["reason"] != "the upstream has not been reached yet" {
            return body;
        }
        assert!(Instant::now() < end, "/healthz says {found} {body}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until the relay has said so: what is on stderr comes a moment later than what it did.
async fn says(relay: &Server, words: &str) {
    let end = Instant::now() + TIMEOUT;
    while !relay.said().contains(words) {
        assert!(Instant::now() < end, "{words:?} is not in {}", relay.said());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_and_events_pass_through() {
    let (upstream, _data) = fresh(BEATS);
    let data = TempDir::new().unwrap();
    let relay = Server::relay(data.path(), &format!("http://{}", upstream.address), &[]);
    assert_eq!(healthy(&relay, 200).await, json!({ "status": "ok" }));

    let key = json!({ "addresses": ["bob@example.com"], "initialMessage": { "text": "hi" }, "clientMessageId": "k" });
    let created = relay.post("/v1/chats", &key);
    assert_eq!(relay.post("/v1/chats", &key), created, "the upstream knows the key");
    let chat = created["chat"]["guid"].as_str().unwrap();
    upstream.act("message.received", chat);
    for (path, body) in [
        ("/v1/chats:markRead", json!({ "chatGuid": chat })),
        ("/v1/chats:setBackground", json!({ "chatGuid": chat, "data": "iVBORw0KGgo=" })),
        ("/v1/chats:removeBackground", json!({ "chatGuid": chat })),
        ("/v1/chats:setTyping", json!({ "chatGuid": chat, "isTyping": true })),
        ("/v1/chats:shareContactInfo", json!({ "chatGuid": chat })),
    ] {
        assert_eq!(relay.post(path, &body), json!({}), "{path}");
    }
    let query = format!("chatGuid={chat}");
    for path in [format!("/v1/chats:get?{query}"), "/v1/chats:count".to_owned(), format!("/v1/chats:hasBackground?{query}")] {
        assert_eq!(relay.request("GET", &path, None), upstream.request("GET", &path, None), "{path}");
    }
    let events = same_logs(&upstream, &relay).await;
    let types: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(
        types,
        ["message.received", "message.received", "chat.markedRead", "chat.backgroundChanged", "chat.backgroundRemoved"]
    );
    assert_eq!(events[0]["message"]["isSent"], true, "with the fields of the real service");
    assert_eq!(events[0]["message"]["content"]["attachments"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_of_the_upstream_arrive_as_they_are() {
    let (upstream, _data) = fresh(&[]);
    let data = TempDir::new().unwrap();
    let relay = Server::relay(data.path(), &format!("http://{}", upstream.address), &[]);
    let used = json!({ "addresses": ["a@example.com"], "clientMessageId": "k" });
    relay.post("/v1/chats", &used);
    for (method, path, body) in [
        ("GET", "/v1/chats:get?chatGuid=any;-;nobody%40example.com", None),
        ("POST", "/v1/chats", Some(json!({ "addresses": ["12345"] }))),
        ("POST", "/v1/chats", Some(json!({ "addresses": ["b@example.com"], "clientMessageId": "k" }))),
        ("POST", "/v1/chats:markRead", Some(json!({ "chatGuid": "nonsense" }))),
        ("POST", "/v1/chats:setBackground", Some(json!({ "chatGuid": "any;-;a@example.com", "data": "R0lGODlh" }))),
    ] {
        let (status, mut found) = relay.request(method, path, body.as_ref());
        let (expected_status, mut expected) = upstream.request(method, path, body.as_ref());
        for answer in [&mut found, &mut expected] {
            let fields = answer.as_object_mut().unwrap();
            fields.remove("requestId");
            fields.remove("source");
        }
        assert_eq!((status, found), (expected_status, expected), "{path} {body:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_repeated_while_both_are_killed() {
    let (mut upstream, up_data) = fresh(BEATS);
    let chats = [upstream.create("a@example.com"), upstream.create("bob@example.com")];
    let proxy = Proxy::start(&upstream.address).await;
    let data = TempDir::new().unwrap();
    let flags = ["--poll-interval-ms", "300"];
    let mut relay = Server::relay(data.path(), &proxy.url(), &flags);
    let mut dice = Dice(7);
    for round in 0..12 {
        let names: Vec<&str> = chats.iter().map(String::as_str).collect();
        upstream.generate(1 + dice.below(3_000), &names);
        upstream.act("message.received", &chats[1]);
        match round % 4 {
            0 => {
                relay.kill();
                relay = Server::relay(data.path(), &proxy.url(), &flags);
            }
            1 => {
                upstream.kill();
                upstream = Server::start(up_data.path(), BEATS);
                proxy.point_to(&upstream.address);
            }
            2 => proxy.cut(),
            _ => {}
        }
    }
    let events = same_logs(&upstream, &relay).await;
    assert!(events.len() > 1_000 && events.iter().any(|event| event["type"] == "message.received"));
    healthy(&relay, 200).await;
}

async fn upstream_head(server: &Server) -> u64 {
    Socket::ready(server).await.1["log"]["head"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_is_said_everywhere_and_a_new_one_in_the_file_heals_it() {
    let (upstream, _data) = fresh(&[]);
    let chat = upstream.create("a@example.com");
    upstream.act("chat.archived", &chat);
    let data = TempDir::new().unwrap();
    let file = data.path().join("token");
    std::fs::write(&file, "wrong\n").unwrap();
    let flags = ["--upstream-token-file", file.to_str().unwrap()];
    let relay = Server::relay(&data.path().join("log"), &format!("http://{}", upstream.address), &flags);
    let health = healthy(&relay, 503).await;
    assert_eq!((&health["status"], &health["code"]), (&json!("degraded"), &json!("unauthenticated")), "{health}");
    says(&relay, "the upstream refuses the token").await;
    let (status, failure) = relay.request("GET", "/v1/chats:count", None);
    assert_eq!(
        (status, &failure["code"], &failure["errorCode"], &failure["source"]),
        (401, &json!("unauthenticated"), &json!("unauthenticated"), &json!("upstream")),
        "{failure}"
    );
    assert!(whole_log(&relay).await.is_empty());
    std::fs::write(&file, format!("{TOKEN}\n")).unwrap();
    healthy(&relay, 200).await;
    assert_eq!(relay.request("GET", "/v1/chats:count?includeArchived=true", None).1, json!({ "count": "1" }));
    same_logs(&upstream, &relay).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_is_away_leaves_the_log_to_read() {
    let (mut upstream, up_data) = fresh(BEATS);
    let chat = upstream.create("a@example.com");
    upstream.act("chat.archived", &chat);
    let proxy = Proxy::start(&upstream.address).await;
    let data = TempDir::new().unwrap();
    let relay = Server::relay(data.path(), &proxy.url(), &[]);
    same_logs(&upstream, &relay).await;
    upstream.kill();
    drop(relay);
    // Down at the start.
    let relay = Server::relay(data.path(), &proxy.url(), &[]);
    let health = healthy(&relay, 503).await;
    assert_eq!(health["code"], "serviceUnavailable", "{health}");
    for (method, path, body) in
        [("GET", "/v1/chats:count", None), ("POST", "/v1/chats:markRead", Some(json!({ "chatGuid": "any;-;a@example.com" })))]
    {
        let (status, failure) = relay.request(method, path, body.as_ref());
        assert_eq!(
            (status, &failure["code"], &failure["errorCode"], &failure["retryable"]),
            (503, &json!("unavailable"), &json!("serviceUnavailable"), &json!(true)),
            "{failure}"
        );
    }
    assert_eq!(whole_log(&relay).await.len(), 1, "what was read stays to be read");
    let (mut socket, _) = Socket::ready(&relay).await;
    socket.say(&json!({ "type": "subscribe", "id": 1, "topic": "chats", "credit": 10 })).await;
    assert_eq!(socket.next_but_heartbeats().await["type"], "subscribed");
    assert_eq!(socket.next_but_heartbeats().await["type"], "caughtUp");
    let upstream = Server::start(up_data.path(), BEATS);
    proxy.point_to(&upstream.address);
    upstream.act("chat.unarchived", &chat);
    let frame = socket.next_but_heartbeats().await;
    assert_eq!(frame["events"][0]["type"], "chat.unarchived", "{frame}");
    healthy(&relay, 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_open_link_is_noticed_and_replaced() {
    let (upstream, _data) = fresh(&["--heartbeat-interval-ms", "200"]);
    let chat = upstream.create("a@example.com");
    let proxy = Proxy::start(&upstream.address).await;
    let data = TempDir::new().unwrap();
    // The catch-up would notice, too; with a poll a minute it is the silence of live that tells.
    let flags = ["--upstream-silence-ms", "1500", "--poll-interval-ms", "60000"];
    let relay = Server::relay(data.path(), &proxy.url(), &flags);
    upstream.act("chat.archived", &chat);
    same_logs(&upstream, &relay).await;
    proxy.fall_silent();
    upstream.act("chat.unarchived", &chat);
    same_logs(&upstream, &relay).await;
    says(&relay, "has fallen silent").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_log_upstream_is_another_log_downstream() {
    let (mut upstream, _data) = fresh(BEATS);
    let chat = upstream.create("a@example.com");
    upstream.generate(50, &[&chat]);
    let proxy = Proxy::start(&upstream.address).await;
    let mut others = Vec::new();
    for events in [3, 80] {
        let data = TempDir::new().unwrap();
        let relay = Server::relay(data.path(), &proxy.url(), &[]);
        same_logs(&upstream, &relay).await;
        let (mut socket, ready) = Socket::ready(&relay).await;
        socket.say(&json!({ "type": "subscribe", "id": 1, "topic": "chats", "credit": 1000 })).await;
        assert_eq!(socket.next_but_heartbeats().await["type"], "subscribed");
        assert_eq!(socket.next_but_heartbeats().await["type"], "caughtUp");
        // Shorter than ours, and longer than ours.
        upstream.kill();
        let (other, other_data) = fresh(BEATS);
        let chat = other.create("b@example.com");
        other.generate(events, &[&chat]);
        upstream = other;
        others.push(other_data);
        proxy.point_to(&upstream.address);
        let frame = socket.next_but_heartbeats().await;
        assert_eq!((&frame["type"], &frame["code"]), (&json!("error"), &json!("logChanged")), "{frame}");
        same_logs(&upstream, &relay).await;
        assert_ne!(Socket::ready(&relay).await.1["log"]["id"], ready["log"]["id"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_upstream_dropped_is_a_gap_that_readers_see() {
    let (mut upstream, up_data) = fresh(BEATS);
    let chat = upstream.create("a@example.com");
    upstream.generate(20, &[&chat]);
    let proxy = Proxy::start(&upstream.address).await;
    let data = TempDir::new().unwrap();
    let mut relay = Server::relay(data.path(), &proxy.url(), &[]);
    same_logs(&upstream, &relay).await;
    relay.kill();
    upstream.generate(20, &[&chat]);
    upstream.kill();
    truncate(up_data.path(), 30).await;
    upstream = Server::start(up_data.path(), BEATS);
    proxy.point_to(&upstream.address);
    let relay = Server::relay(data.path(), &proxy.url(), &[]);
    healthy(&relay, 200).await;
    let (mut socket, ready) = Socket::ready(&relay).await;
    assert_eq!((&ready["log"]["first"], &ready["log"]["head"]), (&json!(30), &json!(40)), "{ready}");
    let asked = json!({ "type": "subscribe", "id": 1, "topic": "all", "after": { "sequence": 20 }, "credit": 1000 });
    socket.say(&asked).await;
    let frame = socket.next_but_heartbeats().await;
    assert_eq!((&frame["code"], &frame["context"]["first"]), (&json!("cursorTooOld"), &json!("30")), "{frame}");
    let asked = json!({ "type": "subscribe", "id": 2, "topic": "all", "after": { "sequence": 30 }, "credit": 1000 });
    socket.say(&asked).await;
    assert_eq!(socket.next_but_heartbeats().await["type"], "subscribed");
    let frame = socket.next_but_heartbeats().await;
    assert_eq!(sequences(frame["events"].as_array().unwrap()), (31..=40).collect::<Vec<u64>>());
}

/// As an upstream with a retention would: the beginning of the log is dropped.
async fn truncate(data: &Path, first: u64) {
    let store = im_chats_gateway::log::store::Store::open(data).unwrap();
    im_chats_gateway::log::open(&store).unwrap().0.truncate(first).await.unwrap();
}

#[test]
fn an_option_that_cannot_be_used_is_refused_by_name() {
    let data = TempDir::new().unwrap();
    let path = |name: &str| data.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("empty"), "").unwrap();
    let upstream = ["--upstream", "http://127.0.0.1:1"];
    let token = ["--upstream-token", "x"];
    for (flags, says) in [
        (vec!["--upstream-token", "x"], "--upstream"),
        (vec!["--upstream", "127.0.0.1:1", "--upstream-token", "x"], "http://HOST:PORT"),
        (vec!["--upstream", "ftp://127.0.0.1:1", "--upstream-token", "x"], "http://HOST:PORT"),
        (vec!["--upstream", "http://127.0.0.1:1/path", "--upstream-token", "x"], "http://HOST:PORT"),
        (vec!["--upstream", "http://127.0.0.1:99999", "--upstream-token", "x"], "http://HOST:PORT"),
        (vec!["--upstream", "http://127.0.0.1:", "--upstream-token", "x"], "http://HOST:PORT"),
        (vec!["--upstream", "http://127.0.0.1:0", "--upstream-token", "x"], "http://HOST:PORT"),
        (upstream.to_vec(), "IM_CHATS_UPSTREAM_TOKEN"),
        ([&upstream[..], &["--upstream-token", "a b"]].concat(), "IM_CHATS_UPSTREAM_TOKEN): a token is made of visible ASCII"),
        ([&upstream[..], &["--upstream-token-file", &path("none")]].concat(), "--upstream-token-file"),
        ([&upstream[..], &["--upstream-token-file", &path("empty")]].concat(), "it is empty"),
        ([&upstream[..], &token[..], &["--upstream-server", "ü"]].concat(), "--upstream-server"),
        ([&upstream[..], &token[..], &["--upstream-ca", &path("empty")]].concat(), "--upstream-ca"),
        ([&upstream[..], &token[..], &["--poll-interval-ms", "0"]].concat(), "--poll-interval-ms"),
    ] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_im-chats-gateway"))
            .args(["relay", "--listen", "127.0.0.1:0", "--token", "t", "--data", &path("log")])
            .args(&flags)
            .env_remove("IM_CHATS_UPSTREAM_TOKEN")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(says), "{flags:?}: {said}");
        assert!(!Path::new(&path("log")).exists(), "{flags:?}: nothing is written before the options are checked");
    }
}

/// Rows as a relay writes them: events that the emulator never has.
fn foreign_events(data: &Path) {
    use im_chats_gateway::log::store::{Owner, Store};
    use im_chats_gateway::log::{EventKind, LoggedEvent};
    let store = Store::open(data).unwrap();
    store.claim(Owner::Relay).unwrap();
    let (_log, mut appender) = im_chats_gateway::log::open(&store).unwrap();
    let event = |sequence: u64, kind, json: Value, proto: &'static [u8]| LoggedEvent {
        sequence,
        kind,
        chat_guid: "any;+;g".into(),
        json: json.to_string().into(),
        proto: Some(proto.into()),
    };
    // Field 11 (group) and 12 (poll): chat "any;+;g", at 1 s after 1970, an icon that changed and a vote for "1".
    let group = b"\x08\x03\x5a\x0f\x0a\x07any;+;g\x12\x02\x08\x01\x72\x00";
    let poll = b"\x08\x05\x62\x15\x0a\x07any;+;g\x12\x01m\x1a\x02\x08\x01\x62\x03\x0a\x011";
    appender.append(vec![event(3, EventKind::Group, json!({}), group), event(5, EventKind::Poll, json!({}), poll)]).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_and_polls_pass_through_a_relay_of_a_relay() {
    let (first_data, second_data) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    foreign_events(first_data.path());
    let first = Server::relay(first_data.path(), "http://127.0.0.1:9", &[]);
    let second = Server::relay(second_data.path(), &format!("http://{}", first.address), &[]);
    healthy(&second, 200).await;
    let context = json!({ "chatGuid": "any;+;g", "isFromMe": false, "occurredAt": "1970-01-01T00:00:01Z" });
    let mut group = json!({ "type": "group.changed", "sequence": 3, "change": { "type": "iconChanged" } });
    let mut poll = json!({
        "type": "poll.changed", "sequence": 5, "pollMessageGuid": "m", "delta": { "type": "voted", "optionIdentifier": "1" }
    });
    for event in [&mut group, &mut poll] {
        event.as_object_mut().unwrap().extend(context.as_object().unwrap().clone());
    }
    assert_eq!(whole_log(&second).await, [group, poll]);
    // A reader of chats sees none of them, and learns that it missed nothing.
    let (mut socket, _) = Socket::ready(&second).await;
    let asked = json!({ "type": "subscribe", "id": 1, "topic": "chats", "after": { "sequence": 0 }, "credit": 10 });
    socket.say(&asked).await;
    assert_eq!(socket.next_but_heartbeats().await["type"], "subscribed");
    let frame = socket.next_but_heartbeats().await;
    assert_eq!((&frame["through"], &frame["events"]), (&json!(5), &json!([])), "{frame}");
}
