//! Relays that share one log, with a real upstream and a real server of NATS: what is at one of them is at all, whoever writes, and whatever
//! becomes of the stream. `cargo xtask chaos --cluster` does the same with three servers and every kind of fault.

#![cfg(test)]

mod support;

use std::time::{Duration, Instant};

use async_nats::jetstream;
use im_chats_launcher::nats::{Nats, Setup};
use serde_json::{Value, json};
use support::server::{Server, Socket, TIMEOUT, TOKEN, fresh};
use tempfile::TempDir;

/// Long enough for a loaded machine to come to its end, and longer than any lease here.
const PATIENCE: Duration = Duration::from_secs(40);

/// A lease that does not end while a test runs: a turn that changes hands was given back.
const LONG_LEASE: &str = "600000";

struct World {
    upstream: Server,
    chat: String,
    nats: Nats,
    jetstream: jetstream::Context,
    _data: TempDir,
}

struct Front {
    server: Server,
    data: TempDir,
}

impl World {
    async fn new() -> Self {
        let nats = Setup::alone().and_then(|setup| setup.start()).expect("a server of NATS");
        let (upstream, data) = fresh(&[]);
        let chat = upstream.create("bob@example.com");
        let client = async_nats::connect(nats.urls()).await.expect("NATS is reached");
        Self { upstream, chat, nats, jetstream: jetstream::new(client), _data: data }
    }

    fn front(&self, flags: &[&str]) -> Front {
        self.front_on(TempDir::new().expect("a directory"), flags)
    }

    fn front_on(&self, data: TempDir, flags: &[&str]) -> Front {
        let (urls, monitors) = (self.nats.urls(), self.nats.monitors());
        let cluster = ["--log", &urls, "--log-name", "test", "--log-replicas", "1", "--nats-monitor", &monitors];
        let upstream = format!("http://{}", self.upstream.address);
        let server = Server::relay(data.path(), &upstream, &[&cluster, flags, &["--poll-interval-ms", "50"]].concat());
        Front { server, data }
    }

    /// Writes events upstream; gives the last sequence.
    fn write(&self, count: u64) -> u64 {
        self.upstream.generate(count, &[&self.chat])
    }

    /// The name of the stream, and it.
    async fn stream(&self) -> jetstream::stream::Stream {
        let bucket = self.jetstream.get_key_value("im-chats-test").await.expect("the bucket");
        let value = bucket.get("log").await.expect("an answer").expect("a log");
        let pointer: Value = serde_json::from_slice(&value).expect("JSON");
        self.jetstream.get_stream(pointer["stream"].as_str().expect("a name")).await.expect("the stream")
    }
}

/// Waits until the front's log ends there.
async fn reaches(front: &Front, head: u64) {
    until(&format!("the log ends at {head}"), front, || async { log_of(front).await.0 == head }).await;
}

async fn until<F: Future<Output = bool>>(what: &str, front: &Front, mut holds: impl FnMut() -> F) {
    let end = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < end, "not yet: {what}; {}", front.server.said());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until the front has said so: what it writes to its own log may be read here after what it did.
async fn says(front: &Front, words: &str) {
    until(words, front, || async { front.server.said().contains(words) }).await;
}

/// Head, beginning and id of a front's log.
async fn log_of(front: &Front) -> (u64, u64, String) {
    let (_, ready) = Socket::ready(&front.server).await;
    let log = &ready["log"];
    (log["head"].as_u64().unwrap(), log["first"].as_u64().unwrap(), log["id"].as_str().unwrap().to_owned())
}

/// The sequences that a reader gets who has everything up to `after`; or the code of the error it gets.
async fn read(front: &Front, after: u64) -> Result<Vec<u64>, String> {
    let (mut socket, _) = Socket::ready(&front.server).await;
    let ask = json!({ "type": "subscribe", "id": 1, "topic": "all", "after": { "sequence": after }, "until": "head", "credit": 1_000_000 });
    socket.say(&ask).await;
    let mut sequences = Vec::new();
    loop {
        let frame = socket.next_but_heartbeats().await;
        match frame["type"].as_str() {
            Some("events") => {
                let events = frame["events"].as_array().unwrap();
                sequences.extend(events.iter().map(|event| event["sequence"].as_u64().unwrap()));
            }
            Some("complete") => return Ok(sequences),
            Some("error") => return Err(frame["code"].as_str().unwrap_or_default().to_owned()),
            Some("subscribed" | "caughtUp") => {}
            _ => panic!("{frame}"),
        }
    }
}

fn range(from: u64, to: u64) -> Result<Vec<u64>, String> {
    Ok((from..=to).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn all_fronts_have_one_log_and_a_turn_that_is_given_back_is_taken_at_once() {
    let world = World::new().await;
    let lease = ["--lease-ms", LONG_LEASE];
    let mut first = world.front(&lease);
    let second = world.front(&lease);
    let reader = world.front(&[&lease[..], &["--role", "front"]].concat());
    let head = world.write(3_000);
    for front in [&first, &second, &reader] {
        reaches(front, head).await;
        assert_eq!(read(front, 0).await, range(1, head));
    }
    let ids = [log_of(&first).await.2, log_of(&second).await.2, log_of(&reader).await.2];
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");

    first.server.terminate();
    assert!(first.server.exit().await.success());
    says(&first, "gave the turn at writing the log back").await;
    let head = world.write(10);
    for front in [&second, &reader] {
        reaches(front, head).await;
    }
    assert!(!reader.server.said().contains("this relay writes the log"), "{}", reader.server.said());

    let stream = world.stream().await;
    let (mut prev, mut epoch, mut events) = (0, 0, 0);
    for number in 1..=stream.cached_info().state.last_sequence {
        let message = stream.get_raw_message(number).await.unwrap();
        let header = |name: &str| message.headers.get(name).unwrap().as_str().parse::<u64>().unwrap();
        assert_eq!(header("Im-Prev"), prev);
        assert!(header("Im-Epoch") >= epoch && header("Im-Events") > events);
        assert!(header("Im-Events") - events <= 512, "of one message");
        (prev, epoch, events) = (header("Im-Last"), header("Im-Epoch"), header("Im-Events"));
    }
    assert_eq!((prev, events), (head, head));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_is_killed_is_followed_by_another() {
    let world = World::new().await;
    let mut first = world.front(&["--lease-ms", "1000"]);
    let second = world.front(&["--lease-ms", "1000"]);
    let head = world.write(100);
    reaches(&second, head).await;
    first.server.kill();
    let head = world.write(100);
    reaches(&second, head).await;
    assert_eq!(read(&second, 0).await, range(1, head));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_does_not_reach_the_upstream_leaves_the_turn_to_another() {
    let world = World::new().await;
    let data = TempDir::new().unwrap();
    let (urls, monitors) = (world.nats.urls(), world.nats.monitors());
    let cluster =
        ["--log", &urls, "--log-name", "test", "--log-replicas", "1", "--nats-monitor", &monitors, "--lease-ms", "1000"];
    let server = Server::relay(data.path(), "http://127.0.0.1:9", &cluster);
    let cut_off = Front { server, data };
    let front = world.front(&["--lease-ms", "1000"]);
    let head = world.write(10);
    for front in [&front, &cut_off] {
        reaches(front, head).await;
    }
    says(&cut_off, "leaving the turn to another").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_front_that_only_serves_says_when_nobody_writes() {
    let world = World::new().await;
    let mut writer = world.front(&["--lease-ms", "1000", "--role", "ingest"]);
    let front = world.front(&["--lease-ms", "1000", "--role", "front"]);
    reaches(&front, world.write(5)).await;
    until("it is healthy", &front, || async { front.server.request("GET", "/healthz", None).0 == 200 }).await;
    let (status, _) = writer.server.request("GET", "/v1/chats:count", None);
    assert_eq!(status, 404, "there is nothing for clients at one that only writes");
    assert_eq!(writer.server.request("GET", "/healthz", None).0, 200);
    writer.server.kill();
    until("it says so", &front, || async {
        let (status, body) = front.server.request("GET", "/healthz", None);
        status == 503 && body["reason"].as_str().is_some_and(|reason| reason.contains("no relay writes the log"))
    })
    .await;
    assert_eq!(read(&front, 0).await, range(1, 5), "it serves on");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_retention_drops_is_too_old_at_every_front() {
    let world = World::new().await;
    let mut writer = world.front(&["--lease-ms", LONG_LEASE]);
    let head = world.write(2_000);
    reaches(&writer, head).await;
    writer.server.terminate();
    writer.server.exit().await;
    // It prunes when its turn begins. Whole commits stay or go, of 512 events at most.
    let writer = world.front(&["--lease-ms", LONG_LEASE, "--retain-events", "100"]);
    says(&writer, "pruned the beginning of the log in NATS").await;
    let late = world.front(&["--role", "front"]);
    reaches(&late, head).await;
    for front in [&writer, &late] {
        until("it is pruned here", front, || async { log_of(front).await.1 > 0 }).await;
        let first = log_of(front).await.1;
        assert!((head - 612..=head - 100).contains(&first), "{first}");
        assert_eq!(read(front, first - 1).await, Err("cursorTooOld".to_owned()));
        assert_eq!(read(front, first).await, range(first + 1, head));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_deleted_is_another_log() {
    let world = World::new().await;
    let front = world.front(&["--lease-ms", "1000"]);
    let head = world.write(10);
    reaches(&front, head).await;
    let before = log_of(&front).await.2;
    let (mut socket, _) = Socket::ready(&front.server).await;
    socket.say(&support::server::subscribe(1, Some(head), 100)).await;
    assert_eq!(socket.next_but_heartbeats().await["type"], "subscribed");
    let name = world.stream().await.cached_info().config.name.clone();
    world.jetstream.delete_stream(&name).await.unwrap();
    let head = world.write(10);
    until("another log", &front, || async { log_of(&front).await.2 != before }).await;
    loop {
        let frame = socket.next_but_heartbeats().await;
        if frame["type"] == "error" {
            assert_eq!(frame["code"], "logChanged");
            break;
        }
    }
    reaches(&front, head).await;
    assert_eq!(read(&front, 0).await, range(1, head), "all of what the upstream has");
    says(&front, "the stream of the log is gone").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_deleted_is_never_a_silent_gap() {
    let world = World::new().await;
    let writer = world.front(&["--lease-ms", LONG_LEASE]);
    let mut head = 0;
    for _ in 0..4 {
        head = world.write(10);
        reaches(&writer, head).await;
    }
    let stream = world.stream().await;
    let last = stream.cached_info().state.last_sequence;
    let middle = stream.get_raw_message(last - 1).await.unwrap();
    let prev: u64 = middle.headers.get("Im-Last").unwrap().as_str().parse().unwrap();
    stream.delete_message(last - 1).await.unwrap();
    let late = world.front(&["--role", "front"]);
    reaches(&late, head).await;
    assert_eq!(log_of(&late).await.1, prev, "it begins after the gap");
    assert_eq!(read(&late, 0).await, Err("cursorTooOld".to_owned()));
    assert_eq!(read(&late, prev).await, range(prev + 1, head));
    assert_eq!(read(&writer, 0).await, range(1, head), "it had it already");
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_other_programs_are_passed_over() {
    let world = World::new().await;
    let writer = world.front(&["--lease-ms", "1000"]);
    reaches(&writer, world.write(10)).await;
    let subject = world.stream().await.cached_info().config.subjects[0].clone();
    world.jetstream.publish(subject, "hello".into()).await.unwrap().await.unwrap();
    let head = world.write(10);
    reaches(&writer, head).await;
    let late = world.front(&["--role", "front"]);
    reaches(&late, head).await;
    for front in [&writer, &late] {
        assert_eq!(read(front, 0).await, range(1, head));
        says(front, "is not of a relay; passed over").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn history_is_served_while_nats_is_away_also_by_a_front_that_starts_then() {
    let mut world = World::new().await;
    let flags = ["--lease-ms", "1000"];
    let mut front = world.front(&flags);
    let head = world.write(500);
    reaches(&front, head).await;
    front.server.terminate();
    front.server.exit().await;
    world.nats.servers[0].kill().unwrap();
    let front = world.front_on(front.data, &flags);
    assert_eq!(read(&front, 0).await, range(1, head));
    let (status, body) = front.server.request("GET", "/healthz", None);
    assert_eq!(status, 503, "{body}");
    assert_eq!(front.server.request("GET", "/v1/chats:count", None).0, 200, "calls pass through");
    // A cursor of events that this front has not seen yet is no cursor ahead.
    let later = world.write(10);
    let (mut socket, _) = Socket::ready(&front.server).await;
    socket.say(&support::server::subscribe(1, Some(later), 100)).await;
    let frame = tokio::time::timeout(TIMEOUT, socket.next_but_heartbeats()).await.unwrap();
    assert_ne!(frame["code"], "cursorAhead", "{frame}");
    world.nats.servers[0].start().unwrap();
    reaches(&front, later).await;
    assert_eq!(read(&front, 0).await, range(1, later));
    until("it is healthy", &front, || async { front.server.request("GET", "/healthz", None).0 == 200 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_front_with_an_old_copy_does_not_take_the_log_that_followed_for_another_one() {
    let mut world = World::new().await;
    let writer = world.front(&["--lease-ms", "1000"]);
    let mut stale = world.front(&["--role", "front"]);
    reaches(&stale, world.write(10)).await;
    let before = log_of(&stale).await.2;
    stale.server.terminate();
    stale.server.exit().await;
    let name = world.stream().await.cached_info().config.name.clone();
    world.jetstream.delete_stream(&name).await.unwrap();
    let head = world.write(10);
    until("another log", &writer, || async { log_of(&writer).await.2 != before }).await;
    reaches(&writer, head).await;
    let after = log_of(&writer).await.2;
    world.nats.servers[0].kill().unwrap();
    let stale = world.front_on(stale.data, &["--role", "front"]);
    assert_eq!(log_of(&stale).await.2, before, "it knows no other one");
    let (mut socket, _) = Socket::ready(&stale.server).await;
    let ask = json!({ "type": "subscribe", "id": 1, "topic": "all", "after": { "log": after, "sequence": 3 }, "until": "head", "credit": 100 });
    socket.say(&ask).await;
    let frame = tokio::time::timeout(TIMEOUT, socket.next_but_heartbeats()).await.unwrap();
    assert_eq!((&frame["code"], &frame["retryable"]), (&json!("serviceUnavailable"), &json!(true)), "{frame}");
    world.nats.servers[0].start().unwrap();
    until("it has heard of it", &stale, || async { log_of(&stale).await.2 == after }).await;
    reaches(&stale, head).await;
    socket.say(&ask).await;
    let subscribed = socket.next_but_heartbeats().await;
    assert_eq!((&subscribed["type"], &subscribed["after"]["log"]), (&json!("subscribed"), &json!(after)), "{subscribed}");
    // Only the log itself says that a cursor is of another one.
    socket
        .say(&json!({ "type": "subscribe", "id": 2, "topic": "all", "after": { "log": before, "sequence": 3 }, "credit": 1 }))
        .await;
    let end = loop {
        let frame = socket.next_but_heartbeats().await;
        if frame["id"] == 2 {
            break frame;
        }
    };
    assert_eq!(end["code"], "logChanged", "{end}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_is_a_copy_or_a_log_and_never_both() {
    let world = World::new().await;
    let mut front = world.front(&["--lease-ms", "1000"]);
    front.server.terminate();
    front.server.exit().await;
    let upstream = format!("http://{}", world.upstream.address);
    let mut command = im_chats_launcher::gateway(env!("CARGO_BIN_EXE_im-chats-gateway"), "relay", front.data.path());
    command.args(["--token", TOKEN, "--upstream", &upstream, "--upstream-token", TOKEN]);
    let error = im_chats_launcher::Process::start_logged(&mut command).map(drop).unwrap_err().to_string();
    assert!(error.contains("belongs to the replica") && error.contains("--data"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_cannot_be_read_holds_up_nothing_before_it() {
    let world = World::new().await;
    let writer = world.front(&["--lease-ms", LONG_LEASE]);
    let flags = ["--role", "front"];
    let mut front = world.front(&flags);
    let head = world.write(10);
    for front in [&writer, &front] {
        reaches(front, head).await;
    }
    front.server.terminate();
    front.server.exit().await;
    let head = world.write(10);
    reaches(&writer, head).await;
    let mut stream = world.stream().await;
    let last = stream.info().await.unwrap().state.last_sequence;
    let mut headers = stream.get_raw_message(last).await.unwrap().headers;
    headers.insert("Im-Prev", head.to_string());
    headers.insert("Im-Last", (head + 1).to_string());
    headers.insert("Im-Commit", "other-1");
    headers.insert("Nats-Expected-Last-Sequence", last.to_string());
    let subject = stream.cached_info().config.subjects[0].clone();
    world.jetstream.publish_with_headers(subject, headers, "\u{1}".into()).await.unwrap().await.unwrap();
    let front = world.front_on(front.data, &flags);
    reaches(&front, head).await;
    assert_eq!(read(&front, 0).await, range(1, head));
    until("it says why nothing more comes", &front, || async {
        let (status, body) = front.server.request("GET", "/healthz", None);
        status == 503 && body["reason"].as_str().is_some_and(|reason| reason.contains("cannot be read"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_nobody_names_any_more_goes_on_while_its_stream_is_there() {
    let world = World::new().await;
    let front = world.front(&["--lease-ms", "1000"]);
    reaches(&front, world.write(10)).await;
    let before = log_of(&front).await.2;
    world.jetstream.delete_key_value("im-chats-test").await.unwrap();
    says(&front, "its stream is there, and goes on").await;
    let head = world.write(10);
    reaches(&front, head).await;
    assert_eq!(log_of(&front).await.2, before);
    assert_eq!(read(&front, 0).await, range(1, head));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_stays_until_another_log_is_there() {
    let world = World::new().await;
    let front = world.front(&["--lease-ms", LONG_LEASE]);
    let head = world.write(10);
    reaches(&front, head).await;
    let bucket = world.jetstream.get_key_value("im-chats-test").await.unwrap();
    bucket.put("log", r#"{"id":"none","stream":"none"}"#.into()).await.unwrap();
    until("it looks for it", &front, || async {
        let (status, body) = front.server.request("GET", "/healthz", None);
        status == 503 && body["reason"].as_str().is_some_and(|reason| reason.contains("is not in NATS"))
    })
    .await;
    assert_eq!(read(&front, 0).await, range(1, head));
}
