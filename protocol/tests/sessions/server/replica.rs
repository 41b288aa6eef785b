//! A session over a replica of the log: cursors beyond its head wait, and a head that goes back loses and repeats nothing.

use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::grant::{ChatSet, Grant};
use im_chats_protocol::server::{REPLICA_WAIT_MS, Replica, ServerInput, SessionLimits, WholeEnd};
use serde_json::{Value, json};

use super::rig::{FakeLog, Rig};

const ALICE: &str = "any;-;alice@example.com";
const BOB: &str = "any;-;bob@example.com";

/// A replica that holds so many events of its log.
fn replica_of(events: u64) -> FakeLog {
    let mut log = FakeLog { replica: Some(Replica::default()), ..FakeLog::default() };
    for _ in 0..events {
        log.append("chat.archived", ALICE);
    }
    log
}

fn ready(events: u64) -> Rig {
    Rig::ready(SessionLimits::default(), replica_of(events))
}

fn subscribe(id: u64, after: u64) -> String {
    json!({ "type": "subscribe", "id": id, "topic": "chats", "after": { "log": "log-1", "sequence": after }, "credit": 50 })
        .to_string()
}

/// An answer about the log with this id.
fn end(log: &str, end: u64) -> Result<WholeEnd, Error> {
    Ok(WholeEnd { log: log.into(), end })
}

/// With a cursor of the log that comes after this one.
fn subscribe_to_next(id: u64, after: u64) -> String {
    subscribe(id, after).replace("log-1", "log-2")
}

fn types(frames: &[Value]) -> Vec<&str> {
    frames.iter().map(|frame| frame["type"].as_str().unwrap()).collect()
}

fn sequences(frames: &[Value]) -> Vec<u64> {
    let events = frames.iter().filter_map(|frame| frame["events"].as_array()).flatten();
    events.map(|event| event["sequence"].as_u64().unwrap()).collect()
}

fn away() -> Error {
    Error::new(ErrorCode::ServiceUnavailable, "the log is away")
}

#[test]
fn a_cursor_beyond_the_head_is_attached_as_soon_as_the_replica_gets_there() {
    let mut rig = ready(5);
    rig.say(&subscribe(1, 8));
    assert_eq!((rig.sent.len(), rig.asks.len(), rig.session.subscriptions()), (0, 1, 1));
    // Nobody else waits for it.
    rig.say(&subscribe(2, 5));
    rig.say(r#"{"type":"ping","n":1}"#);
    assert_eq!(types(&rig.drain_sent()), ["subscribed", "caughtUp", "pong"]);
    rig.answer(Ok(9));
    rig.append("chat.archived", ALICE, 2);
    let frames = rig.drain_sent();
    assert!(frames.iter().all(|frame| frame["id"] == 2), "{frames:?}");
    rig.append("chat.archived", ALICE, 2);
    let frames: Vec<_> = rig.drain_sent().into_iter().filter(|frame| frame["id"] == 1).collect();
    assert_eq!(types(&frames), ["subscribed", "events", "caughtUp"]);
    assert_eq!(frames[0]["after"], json!({ "log": "log-1", "sequence": 8 }));
    assert_eq!((&frames[0]["head"], sequences(&frames)), (&json!(9), vec![9]));
    rig.advance(REPLICA_WAIT_MS);
    assert!(rig.sent.is_empty(), "it waits no longer");
}

#[test]
fn a_cursor_beyond_the_end_that_was_asked_for_is_ahead() {
    let mut rig = ready(5);
    rig.say(&subscribe(1, 8));
    rig.answer(Ok(7));
    let error = rig.next();
    assert_eq!((&error["id"], &error["code"], &error["fatal"]), (&json!(1), &json!("cursorAhead"), &json!(false)));
    assert_eq!(error["context"], json!({ "first": "0", "head": "7" }));
    assert_eq!((rig.session.subscriptions(), rig.session.next_deadline()), (0, Some(15_000)));
    // What is announced is no answer: it may be older than the cursor.
    rig.log.replica = Some(Replica { written: 7, announced: 7 });
    rig.say(&subscribe(1, 8));
    rig.input(ServerInput::Tick);
    assert_eq!(rig.drain_sent().len(), 0);
}

#[test]
fn an_answer_to_a_question_from_before_does_not_count_and_the_next_one_serves_all() {
    let mut rig = ready(5);
    rig.say(&subscribe(1, 8));
    for id in 2..100 {
        rig.say(&subscribe(id, 10 + id));
    }
    assert_eq!(rig.asks.len(), 1, "one question at a time");
    rig.answer(Ok(9));
    assert_eq!((rig.sent.len(), rig.asks.len()), (0, 1), "the others came after the question");
    rig.answer(Ok(20));
    let refused = rig.drain_sent();
    assert!(refused.iter().all(|frame| frame["code"] == "cursorAhead" && frame["id"].as_u64() > Some(10)), "{refused:?}");
    assert_eq!((refused.len(), rig.asks.len(), rig.session.subscriptions()), (89, 0, 10));
    // One whose question failed is asked for again with the next.
    rig.say(&subscribe(100, 50));
    rig.say(&subscribe(101, 60));
    rig.answer(Err(away()));
    assert_eq!(rig.asks.len(), 1, "for the one that came after the first");
    rig.answer(Err(away()));
    assert_eq!(rig.asks.len(), 0);
}

#[test]
fn a_replica_that_stays_behind_refuses_after_two_seconds_and_heartbeats_go_on() {
    let limits = SessionLimits { heartbeat_interval_ms: 500, ..SessionLimits::default() };
    let mut rig = Rig::ready(limits, replica_of(5));
    rig.say(&subscribe(1, 8));
    rig.advance(REPLICA_WAIT_MS - 1);
    assert_eq!(types(&rig.drain_sent()), ["heartbeat"; 3]);
    assert_eq!(rig.session.next_deadline(), Some(REPLICA_WAIT_MS));
    rig.advance(1);
    let frames = rig.drain_sent();
    let error = frames.iter().find(|frame| frame["type"] == "error").unwrap();
    assert_eq!(
        (&error["code"], &error["retryable"], &error["fatal"]),
        (&json!("serviceUnavailable"), &json!(true), &json!(false))
    );
    assert_eq!(error["context"], json!({ "first": "0", "head": "5" }));
    assert_eq!((rig.closed, rig.session.subscriptions()), (None, 0));
    rig.append("chat.archived", ALICE, 5);
    rig.answer(Ok(10));
    assert!(rig.sent.is_empty(), "it is over");
    // At the very moment at which its time is over the replica may be there.
    rig.say(&subscribe(1, 12));
    rig.now += REPLICA_WAIT_MS;
    rig.append("chat.archived", ALICE, 2);
    assert!(types(&rig.drain_sent()).contains(&"subscribed"));
}

#[test]
fn one_that_waits_counts_takes_credit_and_can_leave() {
    let mut rig = Rig::ready(SessionLimits { max_subscriptions: 1, ..SessionLimits::default() }, replica_of(5));
    rig.say(&subscribe(1, 8));
    rig.say(&subscribe(2, 5));
    assert_eq!(rig.next()["code"], "subscriptionLimitExceeded");
    rig.say(r#"{"type":"unsubscribe","id":1}"#);
    assert_eq!(rig.next(), json!({ "type": "complete", "id": 1, "head": 8 }));
    assert_eq!(rig.session.next_deadline(), Some(15_000));
    let ask = json!({ "type": "subscribe", "id": 1, "topic": "all", "after": { "sequence": 8 }, "credit": 1 });
    rig.say(&ask.to_string());
    rig.say(r#"{"type":"credit","id":1,"add":2}"#);
    rig.append("chat.archived", ALICE, 7);
    assert_eq!(sequences(&rig.drain_sent()), [9, 10, 11]);
    rig.say(r#"{"type":"unsubscribe","id":1}"#);
    rig.drain_sent();
    rig.say(&subscribe(1, 80));
    rig.say(&subscribe(1, 80));
    assert_eq!(rig.closed, Some(4409), "its id is taken");
}

#[test]
fn a_log_that_is_replaced_or_cut_at_its_beginning_is_met_by_those_who_wait() {
    let mut rig = ready(5);
    rig.say(&subscribe(1, 8));
    rig.log.replace("log-2");
    rig.log_moved();
    let error = rig.next();
    assert_eq!((&error["id"], &error["code"]), (&json!(1), &json!("logChanged")));
    assert_eq!(error["context"], json!({ "log": "log-2", "expected": "log-1" }));
    // The answer about the log that was says nothing about the log that is.
    rig.say(&json!({ "type": "subscribe", "id": 1, "topic": "chats", "after": { "sequence": 3 }, "credit": 5 }).to_string());
    rig.answer_of(end("log-1", 0));
    assert_eq!((rig.sent.len(), rig.asks.len()), (0, 1), "it is asked again");
    rig.answer_of(end("log-1", 0));
    assert_eq!((rig.sent.len(), rig.asks.len()), (0, 0));
    rig.log.head = 9;
    rig.log.first = 6;
    rig.log_moved();
    assert_eq!(rig.next()["code"], "cursorTooOld");
}

#[test]
fn a_cursor_of_a_log_that_the_replica_has_yet_to_hear_of_waits_for_it() {
    let mut rig = ready(9);
    for (id, after) in [(1, 3), (2, 5), (3, 8)] {
        rig.say(&subscribe_to_next(id, after));
    }
    rig.say(&subscribe(4, 9));
    rig.say(&subscribe(5, 12));
    assert_eq!(
        types(&rig.drain_sent()),
        ["subscribed", "caughtUp"],
        "a smaller sequence of another log is no place in this one"
    );
    rig.answer_of(end("log-2", 6));
    rig.answer_of(end("log-2", 6));
    let error = rig.next();
    assert_eq!((&error["id"], &error["code"]), (&json!(5), &json!("logChanged")), "its log is not the log any more");
    assert_eq!(error["context"], json!({ "log": "log-2", "expected": "log-1" }));
    assert!(rig.sent.is_empty() && rig.asks.is_empty(), "nothing is said of a log that is not here");
    rig.log.replace("log-2");
    rig.log_moved();
    let error = rig.next();
    assert_eq!((&error["id"], &error["code"]), (&json!(4), &json!("logChanged")));
    assert!(rig.sent.is_empty());
    rig.append("chat.archived", ALICE, 4);
    let frames = rig.drain_sent();
    assert_eq!((types(&frames), sequences(&frames)), (vec!["subscribed", "events", "caughtUp"], vec![4]));
    assert_eq!((&frames[0]["id"], &frames[0]["after"]), (&json!(1), &json!({ "log": "log-2", "sequence": 3 })));
    // Only now the end matters.
    rig.answer_of(end("log-2", 6));
    let error = rig.next();
    assert_eq!((&error["id"], &error["code"], &error["context"]["head"]), (&json!(3), &json!("cursorAhead"), &json!("6")));
    rig.append("chat.archived", ALICE, 1);
    assert!(rig.drain_sent().iter().any(|frame| frame["id"] == 2 && frame["type"] == "subscribed"));
    rig.advance(REPLICA_WAIT_MS);
    assert_eq!((rig.sent.len(), rig.session.subscriptions()), (0, 2));
}

#[test]
fn a_cursor_of_another_log_is_told_so_only_by_who_knows_which_log_is_the_log() {
    // The replica's own, or a third one: the cursor's it is not.
    for log in ["log-1", "log-3"] {
        let mut rig = ready(5);
        rig.say(&subscribe_to_next(1, 5));
        // One that came after the question was asked may be of a log that began since.
        rig.say(&subscribe(2, 5).replace("log-1", "log-4"));
        rig.answer_of(end(log, 5));
        let error = rig.next();
        assert_eq!(
            (&error["id"], &error["code"], &error["fatal"]),
            (&json!(1), &json!("logChanged"), &json!(false)),
            "without a wait"
        );
        assert_eq!(error["context"], json!({ "log": log, "expected": "log-2" }));
        assert_eq!((rig.sent.len(), rig.asks.len()), (0, 1));
        rig.answer_of(end(log, 5));
        assert_eq!((&rig.next()["code"], rig.session.subscriptions()), (&json!("logChanged"), 0));
    }
}

#[test]
fn a_replica_that_stays_of_another_log_refuses_after_two_seconds() {
    for answer in [None, Some(Err(away())), Some(end("log-2", 9))] {
        let mut rig = ready(5);
        rig.say(&subscribe_to_next(1, 3));
        if let Some(answer) = answer {
            rig.answer_of(answer);
        }
        rig.append("chat.archived", ALICE, 1);
        rig.advance(REPLICA_WAIT_MS - 1);
        assert!(rig.sent.is_empty(), "{:?}", rig.sent);
        rig.advance(1);
        let error = rig.next();
        assert_eq!((&error["code"], &error["retryable"]), (&json!("serviceUnavailable"), &json!(true)));
        assert_eq!(error["context"], json!({ "first": "0", "head": "6", "log": "log-1", "expected": "log-2" }));
        assert_eq!((rig.sent.len(), rig.session.subscriptions()), (0, 0));
    }
}

#[test]
fn one_log_may_follow_the_other_before_the_one_that_is_waited_for_is_here() {
    let mut rig = ready(5);
    rig.say(&subscribe(1, 2).replace("log-1", "log-3"));
    rig.answer(Err(away()));
    rig.log.replace("log-2");
    rig.log_moved();
    assert_eq!((rig.sent.len(), rig.asks.len()), (0, 1), "it is asked again");
    rig.log.replace("log-3");
    rig.append("chat.archived", ALICE, 2);
    assert_eq!(types(&rig.drain_sent()), ["subscribed", "caughtUp"]);
    // The log itself knows.
    let mut rig = Rig::ready(SessionLimits::default(), FakeLog::default());
    rig.say(&subscribe_to_next(1, 0));
    assert_eq!((&rig.next()["code"], rig.asks.len()), (&json!("logChanged"), 0));
}

#[test]
fn a_token_holds_for_those_who_wait() {
    let mut rig = ready(5);
    let grant = Grant { chats: Some(ChatSet::parse(&[ALICE]).unwrap()), ..Grant::ADMIN };
    rig.tokens.insert("alice".into(), grant);
    let of = |id: u64, chat: Option<&str>| {
        json!({ "type": "subscribe", "id": id, "topic": "chats", "chat": chat, "after": { "sequence": 6 }, "credit": 9 })
            .to_string()
    };
    rig.say(&of(1, Some(BOB)));
    rig.say(&of(2, None));
    rig.say(r#"{"type":"token","token":"alice"}"#);
    let frames = rig.drain_sent();
    assert_eq!(
        (types(&frames), &frames[1]["id"], &frames[1]["code"]),
        (vec!["ready", "error"], &json!(1), &json!("unauthorized"))
    );
    rig.log.append("chat.archived", BOB);
    rig.log.append("chat.archived", BOB);
    rig.append("chat.archived", ALICE, 1);
    assert_eq!(sequences(&rig.drain_sent()), [8], "the other sees the chats of the token that it begins with");
    rig.say(&of(3, Some(ALICE)).replace(r#""sequence":6"#, r#""sequence":60"#));
    rig.input(ServerInput::Revoked(Error::new(ErrorCode::TokenBlocked, "withdrawn")));
    assert_eq!((rig.closed, rig.session.subscriptions(), rig.session.next_deadline()), (Some(4403), 0, None));
}

#[test]
fn a_drain_waits_for_nobody_who_waits() {
    let mut rig = ready(5);
    rig.say(&subscribe(1, 8));
    rig.input(ServerInput::Drain);
    assert_eq!((rig.closed, rig.session.next_deadline()), (Some(1001), None));
}

#[test]
fn heartbeats_tell_how_far_the_log_is_and_now_is_its_end() {
    let mut rig = ready(5);
    rig.say(&subscribe(1, 5));
    rig.drain_sent();
    rig.log.replica = Some(Replica { written: 7, announced: 9 });
    rig.advance(15_000);
    assert_eq!(rig.drain_sent(), [json!({ "type": "heartbeat", "head": 9 })]);
    // A reader of what comes is not given what was there.
    rig.say(r#"{"type":"subscribe","id":2,"topic":"chats","credit":9}"#);
    let frames = rig.drain_sent();
    assert_eq!(types(&frames), ["subscribed", "caughtUp"]);
    assert_eq!((&frames[0]["after"]["sequence"], &frames[0]["head"], &frames[1]["head"]), (&json!(7), &json!(7), &json!(7)));
    rig.append("chat.archived", ALICE, 3);
    let frames = rig.drain_sent();
    let of = |id: u64| sequences(&frames.iter().filter(|frame| frame["id"] == id).cloned().collect::<Vec<_>>());
    assert_eq!((of(1), of(2)), (vec![6, 7, 8], vec![8]));
}

#[test]
fn a_replica_that_is_rebuilt_goes_back_and_nothing_is_lost_or_repeated() {
    let mut rig = ready(6);
    rig.say(&subscribe(1, 2));
    rig.say(&subscribe(2, 6));
    rig.say(&subscribe(3, 6).replace("\"credit\":50", "\"credit\":0"));
    let whole = rig.log.events.clone();
    rig.drain_sent();
    rig.hold_reads = true;
    rig.append("chat.archived", ALICE, 2);
    let ahead = rig.log.events[6..].to_vec();
    assert!(!rig.reads.is_empty());
    let go_to = |rig: &mut Rig, head: usize| {
        rig.log.events = whole.iter().chain(&ahead).take(head).cloned().collect();
        rig.log.head = u64::try_from(head).unwrap();
        rig.log_moved();
    };
    go_to(&mut rig, 0);
    while rig.finish_read() {}
    assert!(rig.sent.is_empty(), "they wait: {:?}", rig.sent);
    rig.advance(15_000);
    assert_eq!(rig.drain_sent(), [json!({ "type": "heartbeat", "head": 8 })], "what was there once is there");
    for head in 1..=8 {
        go_to(&mut rig, head);
        while rig.finish_read() {}
    }
    rig.hold_reads = false;
    rig.append("chat.archived", ALICE, 1);
    let frames = rig.drain_sent();
    for id in [1, 2] {
        let own: Vec<_> = frames.iter().filter(|frame| frame["id"] == id).cloned().collect();
        assert_eq!(sequences(&own), [7, 8, 9], "{id}");
    }
    assert!(frames.iter().all(|frame| frame["type"] == "events" && frame["id"] != 3), "{frames:?}");
}

#[test]
fn a_replica_that_never_moves_although_its_head_says_so_ends_the_subscription() {
    let mut rig = ready(5);
    rig.hold_reads = true;
    rig.say(&subscribe(1, 2));
    rig.log.head = 9;
    for sent in [0, 0, 1] {
        rig.drain_sent();
        let (read, query) = rig.reads.pop_front().expect("it is read again");
        let page = im_chats_protocol::server::ReadPage { through: query.after, events: Vec::new() };
        rig.input(ServerInput::Page { read, page: Ok(page) });
        assert_eq!(rig.sent.len(), sent);
    }
    assert_eq!(rig.next()["code"], "internalError");
}

#[test]
fn one_that_has_yet_to_arrive_does_so_although_the_head_came_back_to_its_place() {
    for until in [None, Some("head")] {
        let mut rig = ready(6);
        let whole = rig.log.events.clone();
        rig.hold_reads = true;
        let ask = json!({ "type": "subscribe", "id": 1, "topic": "chats", "chat": BOB, "after": { "sequence": 2 }, "until": until, "credit": 9 });
        rig.say(&ask.to_string());
        for head in [2, 4, 8] {
            rig.log.events = whole.iter().take(head).cloned().collect();
            rig.log.head = u64::try_from(rig.log.events.len()).unwrap();
            while head == 8 && rig.log.head < 8 {
                rig.log.append("chat.archived", ALICE);
            }
            // Told with the events, as to a session of many subscriptions.
            let known = rig.session.head();
            let events: Vec<_> = rig.log.events.iter().filter(|event| event.sequence > known).cloned().collect();
            rig.input(ServerInput::Appended { events: &events });
            while rig.finish_read() {}
        }
        let frames = rig.drain_sent();
        let arrived: Vec<_> = frames.iter().filter(|frame| frame["type"] != "events").collect();
        assert_eq!(arrived[1], &json!({ "type": "caughtUp", "id": 1, "head": 6 }), "{frames:?}");
        assert_eq!(arrived.len(), if until.is_some() { 3 } else { 2 });
    }
}
