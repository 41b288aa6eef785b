//! What a user's token hides stays hidden, whatever way one looks: streams of every front, spellings of a GUID, keys of other users,
//! and a token that is withdrawn while it reads. In the emulator and in a relay alike.

#![cfg(test)]

mod support;

use futures_util::StreamExt as _;
use im_chats_gateway::service::proto::catch_up_events_response::Payload;
use im_chats_gateway::service::proto::chat_service_client::ChatServiceClient;
use im_chats_gateway::service::proto::event_service_client::EventServiceClient;
use im_chats_gateway::service::proto::{CatchUpEventsRequest, SetBackgroundRequest, SubscribeChatEventsRequest};
use prost::Message as _;
use serde_json::{Value, json};
use support::grpc::{Raw, channel, framed, refused};
use support::server::{Server, Socket, TIMEOUT, TOKEN};
use support::tokens::{Keys, claims, sign, token};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::{Code, Request};

const PEOPLE: [&str; 3] = ["alice@example.com", "bob@example.com", "carol@example.com"];

/// An emulator, and a relay in front of it. Both know the key.
struct Pair {
    emulator: Server,
    relay: Server,
    _data: [TempDir; 2],
}

impl Pair {
    fn start(keys: &Keys) -> Self {
        let (emulator, data) = keys.serve(&[]);
        let (relay, cache) = keys.relay(&emulator, &[]);
        Self { emulator, relay, _data: [data, cache] }
    }

    fn both(&self) -> [(&'static str, &Server); 2] {
        [("emulator", &self.emulator), ("relay", &self.relay)]
    }
}

fn bearing<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().expect("ASCII"));
    request
}

/// A call over REST: status and body.
fn get(server: &Server, token: &str, target: &str) -> (u16, Value) {
    server.request_as(Some(token), &[], "GET", target, None)
}

fn create(server: &Server, token: &str, key: &str, address: &str) -> (u16, Value) {
    let body = json!({ "addresses": [address] });
    server.request_as(Some(token), &[("x-idempotency-key", key)], "POST", "/v1/chats", Some(&body))
}

/// Replays the log over the event stream: the sequences that came, in order.
async fn replay(server: &Server, token: &str, topic: &str) -> Vec<(u64, String)> {
    let mut socket = Socket::connect(server).await;
    socket.say(&json!({ "type": "init", "token": token })).await;
    assert_eq!(socket.next().await["type"], "ready");
    let after = json!({ "sequence": 0 });
    socket.say(&json!({ "type": "subscribe", "id": 1, "topic": topic, "after": after, "until": "head", "credit": 9999 })).await;
    let mut seen = Vec::new();
    loop {
        let frame = socket.next().await;
        match frame["type"].as_str().expect("a type") {
            "complete" => return seen,
            "events" => seen.extend(frame["events"].as_array().expect("events").iter().map(|event| {
                (event["sequence"].as_u64().expect("a sequence"), event["chatGuid"].as_str().expect("a chat").to_owned())
            })),
            "subscribed" | "caughtUp" | "heartbeat" => {}
            other => panic!("{other}: {frame}"),
        }
    }
}

/// The same over gRPC.
async fn catch_up(server: &Server, token: &str) -> Vec<(u64, String)> {
    let mut events = EventServiceClient::new(channel(server).await);
    let request = bearing(token, CatchUpEventsRequest { after_sequence: Some(0) });
    let mut stream = events.catch_up_events(request).await.expect("a stream").into_inner();
    let mut seen = Vec::new();
    while let Some(answer) = timeout(TIMEOUT, stream.next()).await.expect("in time") {
        let answer = answer.expect("no error");
        let chat = match answer.payload {
            Some(Payload::ChatChanged(change)) => change.chat_guid,
            Some(Payload::MessageChanged(change)) => change.chat_guid,
            _ => continue,
        };
        seen.push((answer.sequence.expect("a sequence"), chat));
    }
    seen
}

#[tokio::test]
async fn every_replay_shows_the_events_of_the_tokens_chats_and_no_other() {
    let keys = Keys::new();
    let pair = Pair::start(&keys);
    let chats = PEOPLE.map(|person| pair.emulator.create(person));
    let [alice, bob, carol] = chats.each_ref().map(String::as_str);
    for round in 0..4 {
        pair.emulator.generate(40, &[alice, bob, carol]);
        for (chat, from) in [alice, bob, carol].into_iter().zip(PEOPLE).take(round) {
            let message = json!({ "chatGuid": chat, "from": from, "text": "hello" });
            pair.emulator.post("/emulator/v1/messages:receive", &message);
        }
    }
    let everything = replay(&pair.emulator, &token("all", "events:all", None), "all").await;
    assert!(everything.len() > 160, "{}", everything.len());
    for (name, server) in pair.both() {
        // The relay has its log from the emulator's.
        let end = tokio::time::Instant::now() + TIMEOUT;
        while replay(server, &token("all", "events:all", None), "all").await != everything {
            assert!(tokio::time::Instant::now() < end, "{name} is not up with the log");
        }
        for own in [&[alice][..], &[bob], &[alice, carol], &[alice, bob, carol], &["any;-;nobody@example.com"]] {
            let token = token("some", "events:all", Some(own));
            let expected: Vec<_> = everything.iter().filter(|(_, chat)| own.contains(&chat.as_str())).cloned().collect();
            assert_eq!(replay(server, &token, "all").await, expected, "{name}, {own:?}");
            assert_eq!(catch_up(server, &token).await, expected, "{name} over gRPC, {own:?}");
        }
    }
}

#[tokio::test]
async fn another_spelling_of_a_guid_opens_no_other_chat() {
    let keys = Keys::new();
    let pair = Pair::start(&keys);
    pair.emulator.create("alice@example.com");
    pair.emulator.create("bob@example.com");
    let token = token("alice", "chats:read", Some(&["any;-;alice@example.com"]));
    for (name, server) in pair.both() {
        for own in ["any;-;alice@example.com", "any%3B-%3Balice%40example.com", "%20any;-;alice@example.com%20"] {
            let (status, body) = get(server, &token, &format!("/v1/chats:get?chatGuid={own}"));
            assert_eq!((status, &body["chat"]["guid"]), (200, &json!("any;-;alice@example.com")), "{name}, {own}");
        }
        for other in
            ["any;-;bob@example.com", "any;-;ALICE@example.com", "any;-;alice@example.com%00", "any;+;alice@example.com"]
        {
            let (status, body) = get(server, &token, &format!("/v1/chats:get?chatGuid={other}"));
            assert!(matches!(status, 400 | 403) && body["chat"].is_null(), "{name}, {other}: {status} {body}");
        }
        let twice = "/v1/chats:get?chatGuid=any;-;alice@example.com&chatGuid=any;-;bob@example.com";
        assert_eq!(get(server, &token, twice).0, 400, "{name}");
    }
}

#[tokio::test]
async fn the_keys_of_two_users_never_meet() {
    let keys = Keys::new();
    let pair = Pair::start(&keys);
    let (one, two) = (token("one", "chats:create", None), token("two", "chats:create", None));
    for (name, server) in pair.both() {
        let guid = |(status, body): (u16, Value)| {
            assert_eq!(status, 200, "{name}: {body}");
            body["chat"]["guid"].as_str().expect("a guid").to_owned()
        };
        let first = guid(create(server, &one, name, "first@example.com"));
        assert_eq!(guid(create(server, &one, name, "first@example.com")), first, "its own key");
        assert_eq!(create(server, &one, name, "second@example.com").0, 409, "{name}: its own key for another request");
        assert_ne!(guid(create(server, &two, name, "third@example.com")), first, "the other's key is another one");
    }
}

#[tokio::test]
async fn a_withdrawn_token_ends_its_open_streams() {
    let keys = Keys::new();
    let pair = Pair::start(&keys);
    let denied = |id: &str| {
        let mut claims = claims("stolen", "events:all", None);
        claims["jti"] = json!(id);
        sign(&claims)
    };
    for (name, server) in pair.both() {
        let (token, other) = (denied(name), denied("kept"));
        let mut socket = Socket::connect(server).await;
        socket.say(&json!({ "type": "init", "token": token })).await;
        assert_eq!(socket.next().await["type"], "ready");
        let mut kept = Socket::connect(server).await;
        kept.say(&json!({ "type": "init", "token": other })).await;
        assert_eq!(kept.next().await["type"], "ready");
        let mut chats = ChatServiceClient::new(channel(server).await);
        let request = bearing(&token, SubscribeChatEventsRequest { chat_guid: None });
        let mut stream = chats.subscribe_chat_events(request).await.expect("a stream").into_inner();
        assert!(stream.next().await.expect("a sign of life").is_ok());

        keys.deny(&[json!({ "jti": name }).to_string()]);
        let last = socket.next_but_heartbeats().await;
        assert_eq!((&last["code"], &last["fatal"]), (&json!("tokenBlocked"), &json!(true)), "{name}");
        assert_eq!(socket.close_code().await, 4403, "{name}");
        let ended = loop {
            match timeout(TIMEOUT, stream.next()).await.expect("in time").expect("an error before the end") {
                Ok(_) => {}
                Err(status) => break status,
            }
        };
        refused(Err::<(), _>(ended), Code::PermissionDenied, "tokenBlocked");
        assert_eq!(
            kept.rest().await.iter().filter(|frame| frame["type"] == "error").count(),
            0,
            "{name}: the other one goes on"
        );
    }
}

#[tokio::test]
async fn a_token_is_looked_at_again_when_the_body_has_come() {
    let keys = Keys::new();
    let (server, _data) = keys.serve(&[]);
    let chat = server.create("alice@example.com");
    let mut claims = claims("late", "chats:write", None);
    claims["jti"] = json!("late");
    let token = sign(&claims);
    let body = json!({ "chatGuid": chat }).to_string();
    let mut stream = TcpStream::connect(&server.address).await.expect("a connection");
    let head = format!(
        "POST /v1/chats:markRead HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{{",
        server.address,
        body.len()
    );
    stream.write_all(head.as_bytes()).await.expect("open");
    keys.deny(&[json!({ "jti": "late" }).to_string()]);
    let end = tokio::time::Instant::now() + TIMEOUT;
    while get(&server, &token, "/v1/chats:get?chatGuid=any;-;alice@example.com").1["errorCode"] != "tokenBlocked" {
        assert!(tokio::time::Instant::now() < end, "the list is not read again");
    }
    stream.write_all(&body.as_bytes()[1..]).await.expect("open");
    let mut answer = String::new();
    timeout(TIMEOUT, stream.read_to_string(&mut answer)).await.expect("in time").expect("text");
    assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("tokenBlocked"), "{answer}");
}

#[tokio::test]
async fn a_write_whose_caller_leaves_is_in_the_audit_log() {
    let data = TempDir::new().expect("a directory");
    let mut server = Server::logged(data.path(), &[]);
    let chat_guid = server.create("alice@example.com");
    let client = Raw::connect(&server).await;
    let data = b"\x89PNG\r\n\x1a\n".to_vec();
    let message = framed(&SetBackgroundRequest { chat_guid, data: data.into() }.encode_to_vec());
    for tenths in 1..=40 {
        let patience = format!("{}u", tenths * 100);
        let headers: [(&str, &[u8]); 1] = [("grpc-timeout", patience.as_bytes())];
        client.call("/photon.imessage.v1.ChatService/SetBackground", &headers, message.clone()).await;
    }
    let written = replay(&server, TOKEN, "chats").await.len();
    assert!(written > 0, "none of them was patient enough");
    server.terminate();
    server.exit().await;
    let lines = server.said().lines().filter(|line| line.contains("audit") && line.contains("setBackground")).count();
    assert!(lines >= written, "{written} writes, and {lines} lines about them");
}
