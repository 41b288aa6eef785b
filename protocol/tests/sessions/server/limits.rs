//! Each limit of a session at its edge: what is just allowed, and what is just too much.

use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::grant::Grant;
use im_chats_protocol::server::{ServerInput, SessionLimits};
use serde_json::{Value, json};

use super::rig::{FakeLog, Rig};

const CHAT: &str = "any;-;alice@example.com";

const PING: &str = r#"{"type":"ping","n":1}"#;

/// The length of the pong that answers [`PING`].
const PONG_BYTES: usize = r#"{"type":"pong","n":1}"#.len();

fn log_of(events: u64) -> FakeLog {
    let mut log = FakeLog::default();
    for _ in 0..events {
        log.append("chat.archived", CHAT);
    }
    log
}

fn subscribe(id: u64, after: u64, credit: u64) -> String {
    json!({ "type": "subscribe", "id": id, "topic": "chats", "after": { "sequence": after }, "credit": credit }).to_string()
}

fn types(frames: &[Value]) -> Vec<&str> {
    frames.iter().map(|frame| frame["type"].as_str().unwrap()).collect()
}

#[test]
fn a_frame_of_the_largest_size_is_read_and_one_byte_more_is_refused() {
    let limits = SessionLimits { max_frame_bytes: 100, ..SessionLimits::default() };
    let mut rig = Rig::ready(limits, log_of(0));
    rig.say(&format!("{PING:<100}"));
    assert_eq!(rig.next()["type"], "pong");
    rig.say(&format!("{PING:<101}"));
    let error = rig.next();
    assert_eq!((&error["fatal"], &error["context"]["maxFrameBytes"]), (&json!(true), &json!("100")));
    assert_eq!(rig.closed, Some(4413));
}

#[test]
fn as_many_frames_wait_for_ready_as_the_page_says() {
    for (frames, closed) in [(128, None), (129, Some(4429))] {
        let mut rig = Rig::with(SessionLimits::default(), log_of(0));
        let log = rig.log.state();
        rig.session.handle(0, &log, ServerInput::Text(r#"{"type":"init","token":"secret"}"#));
        for _ in 0..frames {
            rig.session.handle(0, &log, ServerInput::Text(PING));
        }
        rig.input(ServerInput::Tick);
        assert_eq!(rig.closed, closed, "{frames} frames");
        if closed.is_none() {
            assert_eq!(rig.drain_sent().len(), 1 + frames, "ready, and an answer to each");
        }
    }
}

#[test]
fn the_largest_credit_is_taken_and_one_more_ends_the_session() {
    let most = 9_007_199_254_740_991_u64;
    let mut rig = Rig::ready(SessionLimits::default(), log_of(0));
    rig.say(&subscribe(1, 0, most - 5));
    rig.say(r#"{"type":"credit","id":1,"add":5}"#);
    assert_eq!(rig.closed, None);
    rig.say(r#"{"type":"credit","id":1,"add":1}"#);
    assert_eq!(rig.closed, Some(4400));
    assert_eq!(rig.drain_sent().last().unwrap()["context"]["field"], "add");
}

#[test]
fn no_more_reads_run_at_once_than_the_limit() {
    let limits = SessionLimits { max_concurrent_reads: 2, ..SessionLimits::default() };
    let mut rig = Rig::ready(limits, log_of(3));
    rig.hold_reads = true;
    for id in 0..5 {
        rig.say(&subscribe(id, 0, 10));
    }
    assert_eq!(rig.reads.len(), 2);
    rig.finish_read();
    assert_eq!(rig.reads.len(), 2, "the next takes the free place");
}

#[test]
fn frames_and_reads_wait_while_the_transport_holds_as_many_bytes_as_the_mark() {
    for (mark, waits) in [(PONG_BYTES, true), (PONG_BYTES + 1, false)] {
        let limits = SessionLimits { high_water_bytes: mark, ..SessionLimits::default() };
        let mut rig = Rig::ready(limits, log_of(3));
        assert!(rig.session.takes_frames());
        rig.hold_writes = true;
        rig.say(PING);
        assert_eq!(rig.session.takes_frames(), !waits, "{mark} bytes");
        // A heartbeat would be one more frame that nobody takes.
        rig.advance(15_000);
        assert_eq!(types(&rig.drain_sent()), if waits { vec!["pong"] } else { vec!["pong", "heartbeat"] });
    }
    for (mark, reads) in [(1, 0), (1_000, 1)] {
        let mut rig = Rig::ready(SessionLimits { high_water_bytes: mark, ..SessionLimits::default() }, log_of(3));
        rig.hold_writes = true;
        rig.say(&subscribe(1, 0, 10));
        assert_eq!(rig.reads_begun, reads, "{mark} bytes");
    }
    let mut rig = Rig::ready(SessionLimits::default(), log_of(0));
    rig.input(ServerInput::Gone);
    assert!(!rig.session.takes_frames(), "nothing is taken after the end");
}

#[test]
fn reads_stop_exactly_at_the_mark() {
    let mut rig = Rig::ready(SessionLimits::default(), log_of(3));
    rig.say(&subscribe(1, 0, 0));
    let answer: usize = rig.sent.iter().map(String::len).sum();
    for (mark, reads) in [(answer, 0), (answer + 1, 1)] {
        let mut rig = Rig::ready(SessionLimits { high_water_bytes: mark, ..SessionLimits::default() }, log_of(3));
        rig.hold_writes = true;
        rig.say(&subscribe(1, 0, 0));
        assert_eq!(rig.reads_begun, reads, "{mark} bytes");
    }
}

#[test]
fn a_judgement_that_nobody_asked_for_changes_nothing() {
    let mut rig = Rig::ready(SessionLimits::default(), log_of(0));
    rig.input(ServerInput::Verified(Ok(Grant { expires_in_ms: Some(5), ..Grant::ADMIN })));
    assert!(rig.sent.is_empty());
    rig.advance(1_000);
    assert_eq!(rig.closed, None);
    // One token, one answer.
    rig.say(r#"{"type":"token","token":"secret"}"#);
    rig.input(ServerInput::Verified(Ok(Grant::ADMIN)));
    assert_eq!(types(&rig.drain_sent()), ["ready"]);
}

#[test]
fn a_session_that_ends_says_why_in_a_word() {
    type Deed = fn(&mut Rig);
    let deeds: [(Deed, u16, &str); 7] = [
        (|rig| rig.input(ServerInput::Drain), 1001, "draining"),
        (|rig| rig.input(ServerInput::Binary), 4400, "protocol violation"),
        (|rig| rig.say(r#"{"type":"token","token":"wrong"}"#), 4401, "unauthenticated"),
        (|rig| rig.input(ServerInput::Malformed), 4400, "protocol violation"),
        (|rig| rig.input(ServerInput::Oversized), 4413, "frame too large"),
        (
            |rig| {
                rig.say(&subscribe(1, 0, 1));
                rig.say(&subscribe(1, 0, 1));
            },
            4409,
            "subscription id in use",
        ),
        (
            |rig| {
                rig.hold_writes = true;
                rig.say(PING);
                rig.advance(60_000);
            },
            4429,
            "too many or too slow",
        ),
    ];
    for (deed, code, reason) in deeds {
        let mut rig = Rig::ready(SessionLimits::default(), log_of(0));
        deed(&mut rig);
        assert_eq!((rig.closed, rig.reason), (Some(code), reason));
    }
    let mut rig = Rig::with(SessionLimits::default(), log_of(0));
    rig.advance(10_000);
    assert_eq!((rig.closed, rig.reason), (Some(4408), "no init in time"));

    let mut rig = Rig::ready(SessionLimits::default(), log_of(0));
    rig.say(r#"{"type":"token","token":"secret"}"#);
    rig.session.handle(0, &rig.log.state(), ServerInput::Text(r#"{"type":"token","token":"blocked"}"#));
    while rig.session.poll().is_some() {}
    rig.input(ServerInput::Verified(Err(Error::new(ErrorCode::TokenBlocked, "withdrawn"))));
    assert_eq!((rig.closed, rig.reason), (Some(4403), "forbidden"));
}

#[test]
fn the_session_knows_who_is_there_and_what_is_open() {
    let mut rig = Rig::with(SessionLimits::default(), log_of(3));
    assert_eq!(rig.session.client(), None);
    rig.say(r#"{"type":"init","token":"secret","client":{"name":"im-chats","version":"1.2.3"}}"#);
    let client = rig.session.client().expect("it said so");
    assert_eq!((client.name.as_str(), client.version.as_str()), ("im-chats", "1.2.3"));
    assert_eq!((rig.session.subscriptions(), rig.session.head(), &*rig.session.log_id()), (0, 3, "log-1"));
    rig.say(&subscribe(1, 0, 1));
    rig.say(&subscribe(2, 0, 1));
    assert_eq!(rig.session.subscriptions(), 2);
    rig.log.replace("log-2");
    rig.log_moved();
    assert_eq!((rig.session.subscriptions(), rig.session.head(), &*rig.session.log_id()), (0, 0, "log-2"));
}

#[test]
fn the_write_timeout_counts_from_the_last_byte_that_was_taken_and_only_while_something_waits() {
    let mut rig = Rig::ready(SessionLimits { heartbeat_interval_ms: 1_000_000, ..SessionLimits::default() }, log_of(0));
    rig.hold_writes = true;
    rig.say(PING);
    assert_eq!(rig.session.next_deadline(), Some(60_000));
    rig.now = 30_000;
    rig.input(ServerInput::Written { bytes: 1 });
    assert_eq!(rig.session.next_deadline(), Some(90_000));
    rig.input(ServerInput::Written { bytes: PONG_BYTES - 1 });
    assert_eq!(rig.session.next_deadline(), Some(1_000_000), "nothing waits");
}
