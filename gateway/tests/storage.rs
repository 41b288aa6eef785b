//! What the disk does to the gateway: damage, a full disk, few open files, backups and older copies.

#![cfg(test)]

mod support;

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::{Value, json};
use support::server::{Dice, Server, Socket, TIMEOUT, fresh};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

const DATABASE: &str = "gateway.sqlite3";

async fn stop(mut server: Server) {
    server.terminate();
    assert!(server.exit().await.success());
}

/// Everything after a position up to the head: the sequences, and the frame that ended it.
async fn catch_up(socket: &mut Socket, after: Value) -> (Vec<u64>, Value) {
    let (events, end) = catch_up_events(socket, after).await;
    (events.iter().map(|event| event["sequence"].as_u64().unwrap()).collect(), end)
}

async fn catch_up_events(socket: &mut Socket, after: Value) -> (Vec<Value>, Value) {
    let asked = json!({ "type": "subscribe", "id": 1, "topic": "all", "after": after, "until": "head", "credit": 1_000_000 });
    socket.say(&asked).await;
    let mut events = Vec::new();
    loop {
        let frame = socket.next_but_heartbeats().await;
        match frame["type"].as_str().unwrap() {
            "events" => {
                events.extend(frame["events"].as_array().unwrap().iter().cloned());
            }
            "complete" | "error" => return (events, frame),
            _ => {}
        }
    }
}

async fn caught_up(server: &Server, after: Value) -> (Vec<u64>, Value) {
    let (mut socket, _) = Socket::ready(server).await;
    catch_up(&mut socket, after).await
}

async fn log_id(server: &Server) -> String {
    Socket::ready(server).await.1["log"]["id"].as_str().unwrap().to_owned()
}

fn lines(server: &Server, with: &str) -> usize {
    server.said().lines().filter(|line| line.contains(with)).count()
}

async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + TIMEOUT;
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// What is on stderr comes a moment later than the answer.
async fn told_once(server: &Server, with: &str) {
    eventually(with, || lines(server, with) > 0).await;
    assert_eq!(lines(server, with), 1, "{}", server.said());
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_is_an_error_for_its_readers_and_health_knows() {
    let (server, data) = fresh(&[]);
    let chat = server.create("alice@example.com");
    server.generate(1000, &[&chat]);
    stop(server).await;
    let disk = rusqlite::Connection::open(data.path().join(DATABASE)).unwrap();
    let changed = "UPDATE events SET json = replace(json, 'alice', 'malice') WHERE sequence = 500";
    assert_eq!(disk.execute(changed, []).unwrap(), 1);
    drop(disk);

    let server = Server::logged(data.path(), &[]);
    assert_eq!(server.request("GET", "/healthz", None).0, 200, "nobody has read it yet");
    let mut health = HealthClient::new(support::grpc::channel(&server).await);
    let mut watch = health.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    let (mut socket, _) = Socket::ready(&server).await;
    for _ in 0..20 {
        let (sequences, end) = catch_up(&mut socket, json!({ "sequence": 0 })).await;
        assert_eq!(sequences, (1..500).collect::<Vec<_>>(), "what comes before it");
        assert_eq!((&end["code"], &end["retryable"]), (&json!("databaseError"), &json!(false)), "{end}");
        assert!(end["message"].as_str().unwrap().contains("event 499"), "{end}");
    }
    let (sequences, end) = catch_up(&mut socket, json!({ "sequence": 500 })).await;
    assert_eq!((sequences, &end["type"]), ((501..=1000).collect(), &json!("complete")), "what comes after it");
    told_once(&server, "damaged").await;

    let (status, body) = server.request("GET", "/healthz", None);
    assert_eq!((status, &body["status"], &body["code"]), (503, &json!("degraded"), &json!("databaseError")), "{body}");
    assert!(body["reason"].as_str().unwrap().contains("damaged"), "{body}");
    let check = health.check(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(check.status(), ServingStatus::NotServing);
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);

    let (_, mut events) = support::grpc::clients(&server).await;
    let request = im_chats_gateway::service::proto::CatchUpEventsRequest { after_sequence: Some(0) };
    let mut replay = events.catch_up_events(request).await.unwrap().into_inner();
    let mut last = None;
    let failed = loop {
        match replay.message().await {
            Ok(Some(event)) => last = event.sequence.or(last),
            Ok(None) => panic!("the replay is complete without event 500"),
            Err(status) => break status,
        }
    };
    assert_eq!((last, failed.metadata().get("error-code").unwrap().to_str().unwrap()), (Some(499), "databaseError"));
}

/// The limit on the size of a file stands for the disk's: both fail the write.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_once_and_noticed_when_there_is_room_again() {
    let data = TempDir::new().unwrap();
    let server = Server::limited("trap '' XFSZ; ulimit -S -f 4096", data.path());
    let chat = server.create("alice@example.com");
    let run = json!({ "count": 4096, "chatGuids": [chat] });
    let write = || server.request("POST", "/emulator/v1/events:generate", Some(&run));
    let mut written = 0;
    let refused = loop {
        match write() {
            (200, answer) => written = answer["last"].as_u64().unwrap(),
            refused => break refused,
        }
    };
    assert_eq!((refused.0, &refused.1["errorCode"], &refused.1["retryable"]), (500, &json!("databaseError"), &json!(true)));
    for _ in 0..20 {
        assert_eq!(write().0, 500);
    }
    let (status, body) = server.request("GET", "/healthz", None);
    assert!(status == 503 && body["reason"].as_str().unwrap().contains("cannot be written"), "{status} {body}");
    let mut health = HealthClient::new(support::grpc::channel(&server).await);
    let check = health.check(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(check.status(), ServingStatus::NotServing);
    told_once(&server, "cannot be written").await;
    told_once(&server, "request failed").await;
    // Readers go on.
    assert_eq!(caught_up(&server, json!({ "sequence": 0 })).await.0, (1..=written).collect::<Vec<_>>());

    let pid = server.id().to_string();
    assert!(Command::new("prlimit").args(["--pid", &pid, "--fsize=unlimited"]).status().unwrap().success());
    // Nobody writes, so that nobody but the gateway itself can find out.
    eventually("the gateway notices", || server.request("GET", "/healthz", None).0 == 200).await;
    told_once(&server, "can be written again").await;
    let (status, answer) = write();
    assert_eq!((status, answer["first"].as_u64()), (200, Some(written + 1)), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_readers_share_few_open_files() {
    let data = TempDir::new().unwrap();
    let server = Server::start(data.path(), &[]);
    let chat = server.create("alice@example.com");
    let last = server.generate(3000, &[&chat]);
    stop(server).await;
    // Opened again, memory is empty: everybody reads from disk.
    let server = Server::limited("ulimit -n 256", data.path());
    told_once(&server, "the limit is low").await;
    let mut sockets = Vec::new();
    for _ in 0..150 {
        sockets.push(Socket::ready(&server).await.0);
    }
    let expected: Vec<u64> = (1..=last).collect();
    let readers = sockets.iter_mut().map(|socket| catch_up(socket, json!({ "sequence": 0 })));
    for (sequences, end) in futures_util::future::join_all(readers).await {
        assert_eq!((sequences == expected, &end["type"]), (true, &json!("complete")), "{end}");
    }
    // All file descriptors are taken: the readers that are there still read.
    let idle: Vec<_> = (0..200).map(|_| std::net::TcpStream::connect(&server.address).unwrap()).collect();
    eventually("the gateway is out of file descriptors", || lines(&server, "accept failed") > 0).await;
    for socket in sockets.iter_mut().take(20) {
        assert_eq!(catch_up(socket, json!({ "sequence": 0 })).await.0, expected);
    }
    told_once(&server, "accept failed").await;
    drop((idle, sockets));
    assert_eq!(caught_up(&server, json!({ "sequence": last })).await.1["type"], "complete");
}

fn flip(file: &Path, dice: &mut Dice) {
    let mut bytes = std::fs::read(file).unwrap();
    let bit = usize::try_from(dice.below(u64::try_from(bytes.len()).unwrap() * 8)).unwrap();
    bytes[bit / 8] ^= 1 << (bit % 8);
    std::fs::write(file, bytes).unwrap();
}

fn copy(from: &Path, to: &Path, files: &[&str]) {
    for file in files {
        std::fs::copy(from.join(file), to.join(file)).unwrap();
    }
}

/// Every chat, and its background's bytes or the error in its place.
fn state(server: &Server) -> (Value, Vec<(u16, Value)>) {
    let (status, chats) = server.request("GET", "/emulator/v1/chats", None);
    assert_eq!(status, 200);
    let guids: Vec<String> =
        chats["chats"].as_array().unwrap().iter().map(|listed| listed["chat"]["guid"].as_str().unwrap().to_owned()).collect();
    let background = |guid: &String| {
        server.request("GET", &format!("/emulator/v1/chats:background?chatGuid={}", guid.replace('@', "%40")), None)
    };
    (chats, guids.iter().map(background).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_is_refused_at_the_start_an_error_or_of_no_effect() {
    let (server, template) = fresh(&[]);
    for name in ["alice", "bob", "carol"] {
        let chat = server.create(&format!("{name}@example.com"));
        let data = format!("iVBORw0KGgo{}", "A".repeat(4001));
        server.post("/v1/chats:setBackground", &json!({ "chatGuid": chat, "data": data }));
        server.act("message.received", &server.create("bob@example.com"));
    }
    server.generate(60, &["any;-;alice@example.com", "any;-;bob@example.com"]);
    let (mut socket, _) = Socket::ready(&server).await;
    let (written, _) = catch_up_events(&mut socket, json!({ "sequence": 0 })).await;
    let (chats, backgrounds) = state(&server);
    let id = log_id(&server).await;
    stop(server).await;
    let mut counts = [0, 0, 0];
    for seed in 0..24 {
        let data = TempDir::new().unwrap();
        copy(template.path(), data.path(), &[DATABASE, "mark"]);
        flip(&data.path().join(DATABASE), &mut Dice(seed));
        let server = match Server::try_start(data.path(), &[]) {
            Ok(server) => server,
            Err(said) => {
                let why = ["damaged", "cannot be used", "not a database of", "newer version"];
                assert!(why.iter().any(|why| said.contains(why)), "seed {seed}: {said}");
                counts[0] += 1;
                continue;
            }
        };
        assert_eq!(log_id(&server).await, id, "seed {seed}");
        let (found, images) = state(&server);
        assert_eq!(found, chats, "seed {seed}");
        let (mut socket, _) = Socket::ready(&server).await;
        let (events, end) = catch_up_events(&mut socket, json!({ "sequence": 0 })).await;
        let mut failed = end["type"] == "error";
        if failed {
            assert_eq!((&end["code"], events.as_slice()), (&json!("databaseError"), &written[..events.len()]), "seed {seed}");
        } else {
            assert_eq!(events, written, "seed {seed}");
        }
        for (image, expected) in images.iter().zip(&backgrounds) {
            if image != expected {
                assert_eq!((image.0, &image.1["errorCode"]), (500, &json!("databaseError")), "seed {seed}");
                failed = true;
            }
        }
        assert_eq!(server.request("GET", "/healthz", None).0, if failed { 503 } else { 200 }, "seed {seed}");
        counts[if failed { 1 } else { 2 }] += 1;
    }
    let [refused, told, nothing] = counts;
    assert!(refused + told > 0);
    println!("{refused} starts refused, {told} errors for readers, {nothing} flips changed nothing");
}

fn gateway(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_im-chats-gateway")).args(arguments).output().unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// What a command that must fail says.
fn refusal(arguments: &[&str]) -> String {
    let output = gateway(arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}

fn succeeds(arguments: &[&str]) -> String {
    let output = gateway(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_running_gateway_becomes_another_log_with_the_same_data() {
    let (server, data) = fresh(&[]);
    let chat = server.create("alice@example.com");
    server.post("/v1/chats:setBackground", &json!({ "chatGuid": chat, "data": "iVBORw0KGgo=" }));
    let first = server.generate(500, &[&chat]);
    let id = log_id(&server).await;
    let place = TempDir::new().unwrap();
    let (target, restored) = (place.path().join("backup"), place.path().join("restored"));
    // While it writes.
    std::thread::scope(|scope| {
        scope.spawn(|| server.generate(20_000, &[&chat]));
        let said = succeeds(&["backup", "--data", text(data.path()), text(&target)]);
        assert!(said.contains("up to event "), "{said}");
    });
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&target.metadata().unwrap().permissions()) & 0o777, 0o600);
    let said = refusal(&["backup", "--data", text(data.path()), text(&target)]);
    assert!(said.contains("exists already"), "{said}");
    stop(server).await;

    succeeds(&["restore", text(&target), "--data", text(&restored)]);
    let server = Server::start(&restored, &[]);
    let fresh_id = log_id(&server).await;
    assert_ne!(fresh_id, id);
    let (sequences, end) = caught_up(&server, json!({ "sequence": 0 })).await;
    let head = *sequences.last().unwrap();
    assert!(head >= first && end["type"] == "complete");
    assert_eq!(sequences, (1..=head).collect::<Vec<_>>());
    assert_eq!(state(&server).1[0].0, 200, "the background is there");
    let (_, end) = caught_up(&server, json!({ "log": id, "sequence": 10 })).await;
    assert_eq!(end["code"], "logChanged", "{end}");
    stop(server).await;
    // Of a gateway that does not run, and of one that was restored.
    let again = place.path().join("again");
    succeeds(&["backup", "--data", text(&restored), text(&again)]);
    let server = Server::start(&restored, &[]);
    assert_eq!(log_id(&server).await, fresh_id, "a backup changes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_restored_is_refused_and_nothing_is_left_behind() {
    let (server, data) = fresh(&[]);
    let chat = server.create("alice@example.com");
    server.generate(100, &[&chat]);
    let place = TempDir::new().unwrap();
    let path = |name: &str| place.path().join(name);
    succeeds(&["backup", "--data", text(data.path()), text(&path("good"))]);
    stop(server).await;
    let restore = |name: &str| refusal(&["restore", text(&path(name)), "--data", text(&path("new"))]);

    std::fs::write(path("text"), "a text, and not a backup").unwrap();
    let foreign = rusqlite::Connection::open(path("foreign")).unwrap();
    foreign.execute_batch("CREATE TABLE photos (id INTEGER PRIMARY KEY)").unwrap();
    drop(foreign);
    std::fs::copy(data.path().join(DATABASE), path("copy")).unwrap();
    let good = std::fs::read(path("good")).unwrap();
    std::fs::write(path("half"), &good[..good.len() / 2]).unwrap();
    for (name, says) in [
        ("none", "No such file"),
        ("text", "not a backup"),
        ("foreign", "not a backup"),
        ("copy", "not a finished backup"),
        ("half", "is damaged"),
    ] {
        let said = restore(name);
        assert!(said.contains(says) && said.contains(name), "{name}: {said}");
        assert!(!path("new").exists(), "{name}");
    }
    for seed in 0..40 {
        std::fs::copy(path("good"), path("flipped")).unwrap();
        flip(&path("flipped"), &mut Dice(seed));
        let output = gateway(&["restore", text(&path("flipped")), "--data", text(&path("new"))]);
        if output.status.success() {
            let restored = Server::start(&path("new"), &[]);
            let (sequences, end) = caught_up(&restored, json!({ "sequence": 0 })).await;
            assert_eq!((sequences, &end["type"]), ((1..=100).collect(), &json!("complete")), "seed {seed}");
            drop(restored);
            std::fs::remove_dir_all(path("new")).unwrap();
        }
        assert!(!path("new").exists(), "seed {seed}");
    }
    // Nothing is overwritten, and what is no data directory has no backup.
    let said = refusal(&["restore", text(&path("good")), "--data", text(data.path())]);
    assert!(said.contains("is not empty"), "{said}");
    let said = refusal(&["backup", "--data", text(place.path()), text(&path("other"))]);
    assert!(said.contains("not the data directory of a gateway") && !path("other").exists(), "{said}");
    // A backup of what is damaged would be worth nothing.
    let disk = rusqlite::Connection::open(data.path().join(DATABASE)).unwrap();
    disk.execute("UPDATE journal SET entry = replace(entry, 'alice', 'malice') WHERE id = 1", []).unwrap();
    drop(disk);
    let said = refusal(&["backup", "--data", text(data.path()), text(&path("other"))]);
    assert!(said.contains("entry 1 of the journal") && !path("other").exists(), "{said}");
    let said = Server::try_start(data.path(), &[]).err().expect("a damaged journal is not replayed");
    assert!(said.contains("entry 1 of the journal is not what was written"), "{said}");
    // One that was interrupted.
    std::fs::create_dir(path("new")).unwrap();
    std::fs::write(path("new").join("gateway.sqlite3.restoring"), "").unwrap();
    let said = Server::try_start(&path("new"), &[]).err().expect("an unfinished restore is not used");
    assert!(said.contains("was not finished"), "{said}");
}

/// A relay's log, too; and it stays the relay's.
#[test]
fn a_relays_directory_can_be_backed_up() {
    use im_chats_gateway::log::store::{Owner, Store};
    let place = TempDir::new().unwrap();
    let (data, target, restored) = (place.path().join("relay"), place.path().join("backup"), place.path().join("restored"));
    let store = Store::open(&data).unwrap();
    store.claim(Owner::Relay).unwrap();
    let (_log, mut appender) = im_chats_gateway::log::open(&store).unwrap();
    appender.skip_to(70).unwrap();
    succeeds(&["backup", "--data", text(&data), text(&target)]);
    succeeds(&["restore", text(&target), "--data", text(&restored)]);
    let store = Store::open(&restored).unwrap();
    assert!(store.claim(Owner::Emulator).is_err());
    let (log, _appender) = im_chats_gateway::log::open(&store).unwrap();
    assert_eq!((log.first(), log.head()), (70, 70));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_went_back_in_time_is_another_log() {
    let data = TempDir::new().unwrap();
    let server = Server::start(data.path(), &[]);
    let chat = server.create("alice@example.com");
    server.generate(10, &[&chat]);
    let id = log_id(&server).await;
    stop(server).await;
    let older = TempDir::new().unwrap();
    copy(data.path(), older.path(), &[DATABASE]);
    let server = Server::start(data.path(), &[]);
    assert_eq!(log_id(&server).await, id, "a restart alone changes nothing");
    server.generate(15, &[&chat]);
    stop(server).await;

    copy(older.path(), data.path(), &[DATABASE]);
    let server = Server::logged(data.path(), &[]);
    told_once(&server, "gone back in time").await;
    assert_eq!(server.generate(15, &[&chat]), 25);
    let (_, end) = caught_up(&server, json!({ "log": id, "sequence": 20 })).await;
    assert_eq!(end["code"], "logChanged", "{end}");
}

#[tokio::test]
async fn nothing_is_answered_as_stored_once_the_data_was_deleted() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::logged(data.path(), &[]);
    server.create("bob@example.com");
    std::fs::remove_dir_all(data.path()).unwrap();
    let (status, body) = server.request("POST", "/v1/chats", Some(&json!({ "addresses": ["eve@example.com"] })));
    assert_eq!((status, &body["errorCode"]), (500, &json!("databaseError")), "{body}");
    assert!(body["message"].as_str().unwrap().contains("deleted while the gateway ran"), "{body}");
    assert_eq!(server.request("GET", "/healthz", None).0, 503);
    eventually("the log says so", || lines(&server, "deleted while the gateway ran") > 0).await;
}
