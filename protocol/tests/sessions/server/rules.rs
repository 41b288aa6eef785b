//! The rules of the event stream that no transcript shows, one by one, on the session machine under a virtual clock.

use super::rig::{FakeLog, Rig};
use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::grant::Grant;
use im_chats_protocol::server::ReadPage;
use im_chats_protocol::server::SessionLimits;
use im_chats_protocol::server::{Opening, ServerInput};
use serde_json::{Value, json};

const CHAT: &str = "any;-;alice@example.com";

fn log_of(events: u64) -> FakeLog {
    let mut log = FakeLog::default();
    for _ in 0..events {
        log.append("chat.archived", CHAT);
    }
    log
}

fn subscribe(id: impl Into<Value>, after: u64, credit: u64) -> String {
    json!({ "type": "subscribe", "id": id.into(), "topic": "chats", "after": { "sequence": after }, "credit": credit })
        .to_string()
}

fn of_type<'a>(frames: &'a [Value], kind: &str) -> Vec<&'a Value> {
    frames.iter().filter(|frame| frame["type"] == kind).collect()
}

fn assert_failed(rig: &mut Rig, close: u16, code: &str) {
    let frames = rig.drain_sent();
    let last = frames.last().expect("an error before the close");
    assert_eq!((&last["type"], &last["fatal"], &last["code"]), (&json!("error"), &json!(true), &json!(code)));
    assert_eq!(rig.closed, Some(close));
    assert!(rig.session.is_closed());
    assert_eq!(rig.session.next_deadline(), None);
}

#[test]
fn a_batch_keeps_to_the_limit_of_events() {
    let limits = SessionLimits { max_batch_events: 3, ..SessionLimits::default() };
    let mut rig = Rig::ready(limits, log_of(8));
    rig.say(&subscribe(1, 0, 100));
    let frames = rig.drain_sent();
    let sizes: Vec<_> = of_type(&frames, "events").iter().map(|frame| frame["events"].as_array().unwrap().len()).collect();
    assert_eq!(sizes, [3, 3, 2]);
}

#[test]
fn a_batch_keeps_to_the_limit_of_bytes_and_an_event_beyond_it_goes_alone() {
    let mut log = FakeLog::default();
    for size in [400, 400, 400, 5_000, 400] {
        log.append_json("chat.archived", CHAT, json!({ "text": "x".repeat(size) }).to_string());
    }
    let limits = SessionLimits { max_outgoing_frame_bytes: 1_600, ..SessionLimits::default() };
    let mut rig = Rig::ready(limits, log);
    rig.say(&subscribe(1, 0, 100));
    let batches: Vec<_> = rig.sent.iter().filter(|text| text.contains(r#""events":["#)).cloned().collect();
    let sizes: Vec<_> = batches.iter().map(|text| text.matches(r#""text""#).count()).collect();
    assert_eq!(sizes, [2, 1, 1, 1]);
    assert!(batches.iter().all(|text| text.len() <= 1_600 || text.matches(r#""text""#).count() == 1));
    assert_eq!(rig.drain_sent().last().unwrap()["type"], "caughtUp");
}

#[test]
fn a_log_that_gives_more_than_it_was_asked_for_does_not_break_the_limits() {
    let limits = SessionLimits { max_batch_events: 2, ..SessionLimits::default() };
    let mut rig = Rig::ready(limits, log_of(5));
    rig.hold_reads = true;
    rig.say(&subscribe(1, 0, 4));
    let (read, _) = rig.reads.pop_front().unwrap();
    let page = Ok(ReadPage { through: 5, events: rig.log.events.clone() });
    rig.input(ServerInput::Page { read, page });
    let frames = rig.drain_sent();
    let batch = &frames[1];
    assert_eq!((batch["events"].as_array().unwrap().len(), &batch["through"]), (2, &json!(2)));
    assert_eq!(rig.reads.front().unwrap().1.after, 2, "the rest is read again");
}

#[test]
fn subscriptions_are_served_in_turn() {
    let limits = SessionLimits { max_batch_events: 1, max_concurrent_reads: 1, ..SessionLimits::default() };
    let mut rig = Rig::ready(limits, log_of(3));
    rig.hold_reads = true;
    for id in ["a", "b", "c"] {
        rig.say(&subscribe(id, 0, 100));
    }
    while rig.finish_read() {}
    let frames = rig.drain_sent();
    let order: String = of_type(&frames, "events").iter().map(|frame| frame["id"].as_str().unwrap()).collect();
    assert_eq!(order, "abcabcabc");
}

#[test]
fn stalled_subscriptions_cost_one_look_each_and_delay_nobody() {
    let mut rig = Rig::ready(SessionLimits::default(), log_of(1));
    for id in 0..63 {
        rig.say(&subscribe(id, 0, 0));
    }
    let looks = rig.reads_begun;
    rig.say(&subscribe("live", 1, 1_000));
    rig.drain_sent();
    for sequence in 2..=50_u64 {
        rig.append("chat.archived", CHAT, 1);
        let frame = rig.next();
        assert_eq!((&frame["id"], &frame["through"]), (&json!("live"), &json!(sequence)));
    }
    assert_eq!(rig.reads_begun - looks, 49, "a subscription that waits for credit is not read for");
    rig.advance(15_000);
    assert_eq!(rig.drain_sent(), [json!({ "type": "heartbeat", "head": 50 })]);
}

#[test]
fn a_slow_consumer_gets_no_more_events_until_it_reads() {
    let limits = SessionLimits { high_water_bytes: 2_000, max_batch_events: 4, ..SessionLimits::default() };
    let mut rig = Rig::ready(limits.clone(), log_of(400));
    rig.hold_writes = true;
    rig.say(&subscribe(1, 0, 400));
    let waiting = rig.held_bytes;
    assert!(waiting < limits.high_water_bytes + 4 * 200 * limits.max_concurrent_reads, "{waiting} bytes wait");
    assert!(!rig.session.takes_frames());
    let reads = rig.reads_begun;
    rig.append("chat.archived", CHAT, 10);
    assert_eq!(rig.reads_begun, reads);
    // Taking something is a sign of life; the write timeout starts again.
    rig.advance(59_000);
    rig.held_bytes -= 1;
    rig.input(ServerInput::Written { bytes: 1 });
    rig.advance(59_000);
    assert_eq!(rig.closed, None);
    rig.release_writes();
    let events: usize = rig.drain_sent().iter().filter_map(|frame| frame["events"].as_array().map(Vec::len)).sum();
    assert_eq!(events, 400, "credit is what stops it now");
}

#[test]
fn a_reader_that_takes_nothing_for_the_write_timeout_is_closed() {
    let mut rig = Rig::ready(SessionLimits::default(), log_of(10));
    rig.hold_writes = true;
    rig.say(&subscribe(1, 0, 10));
    rig.advance(59_999);
    assert_eq!(rig.closed, None);
    rig.advance(1);
    assert_failed(&mut rig, 4429, "timeout");
}

#[test]
fn heartbeats_do_not_pile_up_for_a_slow_consumer() {
    let limits = SessionLimits { high_water_bytes: 500, heartbeat_interval_ms: 10, ..SessionLimits::default() };
    let mut rig = Rig::ready(limits, log_of(0));
    rig.hold_writes = true;
    rig.advance(50_000);
    assert!(rig.held_bytes < 600, "{} bytes wait", rig.held_bytes);
}

#[test]
fn a_new_event_is_read_only_for_the_subscriptions_it_concerns_and_the_others_move_on() {
    let chat = |number: u64| format!("any;-;person{number}@example.com");
    let mut rig = Rig::ready(SessionLimits::default(), log_of(1));
    for id in 0..100 {
        let ask = json!({ "type": "subscribe", "id": id, "topic": "chats", "chat": chat(id), "credit": 5 });
        rig.say(&ask.to_string());
    }
    rig.say(&json!({ "type": "subscribe", "id": 100, "topic": "chats", "credit": 5 }).to_string());
    rig.say(&json!({ "type": "subscribe", "id": 101, "topic": "all", "chat": chat(7), "credit": 5 }).to_string());
    rig.drain_sent();
    let begun = rig.reads_begun;
    // The head becomes even, which is when the rig tells of the events themselves.
    rig.append("chat.archived", &chat(7), 1);
    let given: Vec<_> = of_type(&rig.drain_sent(), "events").iter().map(|frame| frame["id"].as_u64().unwrap()).collect();
    assert_eq!((given, rig.reads_begun - begun), (vec![7, 100, 101], 3));
    rig.log.append("message.received", &chat(8));
    rig.append("message.received", &chat(7), 1);
    let frames = rig.drain_sent();
    let given = of_type(&frames, "events");
    assert_eq!(given.len(), 1, "messages are not of the topic chats");
    assert_eq!((&given[0]["id"], &given[0]["prev"], &given[0]["through"]), (&json!(101), &json!(2), &json!(4)));
    // What was passed by is in the heartbeat, and the chain holds.
    rig.log.append("chat.archived", &chat(8));
    rig.append("chat.unarchived", &chat(9), 1);
    let of =
        |frames: &[Value], id: u64| of_type(frames, "events").into_iter().find(|frame| frame["id"] == id).cloned().unwrap();
    let frames = rig.drain_sent();
    let eighth = of(&frames, 8);
    assert_eq!((&eighth["prev"], &eighth["events"][0]["sequence"]), (&json!(1), &json!(5)));
    rig.advance(15_000);
    let frames = rig.drain_sent();
    let fiftieth = of(&frames, 50);
    assert_eq!((&fiftieth["prev"], &fiftieth["through"]), (&json!(1), &json!(6)));
}

#[test]
fn one_subscription_too_many_is_refused_and_the_others_go_on() {
    let limits = SessionLimits { max_subscriptions: 2, ..SessionLimits::default() };
    let mut rig = Rig::ready(limits, log_of(0));
    for id in 1..=3 {
        rig.say(&subscribe(id, 0, 5));
    }
    let frames = rig.drain_sent();
    let errors = of_type(&frames, "error");
    assert_eq!(errors.len(), 1);
    assert_eq!((&errors[0]["id"], &errors[0]["fatal"]), (&json!(3), &json!(false)));
    assert_eq!((&errors[0]["code"], &errors[0]["context"]["limit"]), (&json!("subscriptionLimitExceeded"), &json!("2")));
    rig.append("chat.archived", CHAT, 1);
    assert_eq!(of_type(&rig.drain_sent(), "events").len(), 2);
    rig.say(r#"{"type":"unsubscribe","id":1}"#);
    rig.say(&subscribe(3, 1, 5));
    assert_eq!(of_type(&rig.drain_sent(), "subscribed").len(), 1, "a place is free again");
}

#[test]
fn a_flood_of_frames_ends_the_session() {
    let limits = SessionLimits { max_frames_per_second: 10, max_frame_burst: 20, ..SessionLimits::default() };
    let mut rig = Rig::ready(limits, log_of(0));
    for _ in 0..100 {
        rig.now += 100;
        rig.say(r#"{"type":"ping","n":1}"#);
    }
    assert_eq!(of_type(&rig.drain_sent(), "pong").len(), 100, "the rate itself is no flood");
    for _ in 0..40 {
        rig.say(r#"{"type":"ping","n":1}"#);
    }
    assert_failed(&mut rig, 4429, "burstRateExceeded");
}

#[test]
fn what_is_said_before_ready_is_answered_after_it_in_order() {
    let mut rig = Rig::with(SessionLimits::default(), log_of(0));
    // The judgement is slow: nothing is carried out until all three frames are in.
    rig.session.handle(0, &rig.log.state(), ServerInput::Text(r#"{"type":"init","token":"secret"}"#));
    rig.session.handle(0, &rig.log.state(), ServerInput::Text(&subscribe(1, 0, 5)));
    rig.session.handle(0, &rig.log.state(), ServerInput::Text(r#"{"type":"ping","n":3}"#));
    rig.input(ServerInput::Tick);
    let types: Vec<_> = rig.drain_sent().iter().map(|frame| frame["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(types, ["ready", "subscribed", "caughtUp", "pong"]);
}

#[test]
fn the_frames_that_wait_before_ready_have_a_limit() {
    let mut rig = Rig::with(SessionLimits::default(), log_of(0));
    rig.session.handle(0, &rig.log.state(), ServerInput::Text(r#"{"type":"init","token":"secret"}"#));
    for _ in 0..200 {
        rig.session.handle(0, &rig.log.state(), ServerInput::Text(r#"{"type":"ping","n":3}"#));
    }
    rig.input(ServerInput::Tick);
    assert_failed(&mut rig, 4429, "burstRateExceeded");
}

#[test]
fn a_slow_judgement_does_not_outlive_the_init_timeout() {
    let mut rig = Rig::with(SessionLimits::default(), log_of(0));
    rig.session.handle(0, &rig.log.state(), ServerInput::Text(r#"{"type":"init","token":"secret"}"#));
    rig.session.handle(10_000, &rig.log.state(), ServerInput::Tick);
    rig.input(ServerInput::Tick);
    assert_failed(&mut rig, 4408, "timeout");
}

#[test]
fn a_fresh_token_moves_the_end_and_one_without_an_end_removes_it() {
    let mut rig = Rig::with(SessionLimits::default(), log_of(0));
    for (token, expires_in_ms) in [("ten", Some(10_000)), ("twenty", Some(20_000)), ("never", None)] {
        rig.tokens.insert(token.to_owned(), Grant { expires_in_ms, ..Grant::ADMIN });
    }
    rig.say(r#"{"type":"init","token":"ten"}"#);
    rig.advance(9_000);
    rig.say(r#"{"type":"token","token":"twenty"}"#);
    rig.advance(19_999);
    assert_eq!(rig.closed, None);
    rig.say(r#"{"type":"token","token":"never"}"#);
    rig.advance(1_000_000);
    assert_eq!(rig.closed, None);
    rig.say(r#"{"type":"token","token":"ten"}"#);
    rig.advance(10_000);
    assert_failed(&mut rig, 4401, "tokenExpired");
}

#[test]
fn a_token_that_does_not_allow_it_is_forbidden() {
    let mut rig = Rig::with(SessionLimits::default(), log_of(0));
    rig.session.handle(0, &rig.log.state(), ServerInput::Text(r#"{"type":"init","token":"blocked"}"#));
    while rig.session.poll().is_some() {}
    rig.input(ServerInput::Verified(Err(Error::new(ErrorCode::TokenBlocked, "the token was withdrawn"))));
    assert_failed(&mut rig, 4403, "tokenBlocked");
}

#[test]
fn too_many_sockets_are_refused_with_a_reason() {
    let refused = Error::new(ErrorCode::ServiceUnavailable, "the server has as many event streams as it takes");
    let opening = Opening { subprotocol_agreed: true, refused: Some(refused), ..Opening::default() };
    let mut rig = Rig::open(SessionLimits::default(), log_of(0), opening);
    assert_failed(&mut rig, 4429, "serviceUnavailable");
}

#[test]
fn a_drain_finishes_the_batches_under_way_and_begins_no_new_ones() {
    let limits = SessionLimits { max_batch_events: 1, max_concurrent_reads: 1, ..SessionLimits::default() };
    let mut rig = Rig::ready(limits, log_of(5));
    rig.hold_reads = true;
    rig.say(&subscribe(1, 0, 5));
    rig.say(&subscribe(2, 0, 5));
    rig.drain_sent();
    rig.input(ServerInput::Drain);
    rig.say(&subscribe(3, 0, 5));
    assert_eq!(rig.closed, None, "a batch is under way");
    assert!(rig.finish_read());
    let frames = rig.drain_sent();
    let types: Vec<_> = frames.iter().map(|frame| (frame["type"].as_str().unwrap(), frame["id"].as_u64())).collect();
    assert_eq!(types, [("drain", None), ("error", Some(3)), ("events", Some(1))]);
    assert_eq!(frames[1]["code"], "serviceUnavailable");
    assert_eq!(rig.closed, Some(1001));
    assert!(rig.reads.is_empty());
}

#[test]
fn a_drain_does_not_wait_for_ever_nor_for_those_who_left() {
    let limits = SessionLimits { drain_timeout_ms: 100, ..SessionLimits::default() };
    let mut rig = Rig::ready(limits.clone(), log_of(5));
    rig.hold_reads = true;
    rig.say(&subscribe(1, 0, 5));
    rig.input(ServerInput::Drain);
    rig.advance(99);
    assert_eq!(rig.closed, None);
    rig.advance(1);
    assert_eq!(rig.closed, Some(1001));

    let mut rig = Rig::ready(limits.clone(), log_of(5));
    rig.hold_reads = true;
    rig.say(&subscribe(1, 0, 5));
    rig.say(r#"{"type":"unsubscribe","id":1}"#);
    rig.input(ServerInput::Drain);
    assert_eq!(rig.closed, Some(1001));

    let mut rig = Rig::with(limits, log_of(0));
    rig.input(ServerInput::Drain);
    assert_eq!((&rig.next()["type"], rig.closed), (&json!("drain"), Some(1001)), "before init");
}

#[test]
fn a_page_for_a_subscription_that_ended_is_not_taken_for_its_successor() {
    let mut rig = Rig::ready(SessionLimits::default(), log_of(5));
    rig.hold_reads = true;
    rig.say(&subscribe(1, 0, 5));
    rig.say(r#"{"type":"unsubscribe","id":1}"#);
    rig.say(&subscribe(1, 3, 5));
    while rig.finish_read() {}
    let frames = rig.drain_sent();
    let batches = of_type(&frames, "events");
    assert_eq!(batches.len(), 1);
    assert_eq!((&batches[0]["prev"], &batches[0]["through"]), (&json!(3), &json!(5)));
    let sequences: Vec<_> = batches[0]["events"].as_array().unwrap().iter().map(|event| &event["sequence"]).collect();
    assert_eq!(sequences, [4, 5]);
}

#[test]
fn a_log_that_fails_ends_the_subscription_and_not_the_session() {
    let mut rig = Rig::ready(SessionLimits::default(), log_of(5));
    rig.hold_reads = true;
    for (id, page, code) in [
        (1, Err(Error::new(ErrorCode::DatabaseError, "the disk is gone")), "databaseError"),
        (2, Ok(ReadPage { through: 0, events: Vec::new() }), "internalError"),
    ] {
        rig.say(&subscribe(id, 0, 5));
        let (read, _) = rig.reads.pop_front().unwrap();
        rig.input(ServerInput::Page { read, page });
        let error = rig.drain_sent().pop().unwrap();
        assert_eq!((&error["id"], &error["fatal"], &error["code"]), (&json!(id), &json!(false), &json!(code)));
    }
    rig.say(r#"{"type":"ping","n":1}"#);
    assert_eq!(rig.next()["type"], "pong");
}

#[test]
fn a_log_that_lost_its_end_is_met_by_every_subscription_beyond_it() {
    let mut rig = Rig::ready(SessionLimits::default(), log_of(5));
    rig.say(&subscribe(1, 5, 5));
    rig.say(&subscribe(2, 2, 0));
    rig.drain_sent();
    rig.log.head = 3;
    rig.log.events.truncate(3);
    rig.log_moved();
    let frames = rig.drain_sent();
    assert_eq!(frames.len(), 1);
    assert_eq!((&frames[0]["id"], &frames[0]["code"]), (&json!(1), &json!("cursorAhead")));
}

#[test]
fn a_clock_that_jumps_gives_one_heartbeat_and_one_that_goes_back_none() {
    let mut rig = Rig::ready(SessionLimits::default(), log_of(0));
    rig.now = 3_600_000;
    rig.input(ServerInput::Tick);
    assert_eq!(rig.drain_sent().len(), 1);
    rig.now = 5;
    rig.input(ServerInput::Tick);
    assert_eq!(rig.drain_sent().len(), 0);
    assert_eq!(rig.session.next_deadline(), Some(3_615_000));
}

#[test]
fn nothing_happens_after_the_end() {
    let mut rig = Rig::ready(SessionLimits::default(), log_of(5));
    rig.hold_reads = true;
    rig.say(&subscribe(1, 0, 5));
    rig.drain_sent();
    rig.input(ServerInput::Gone);
    while rig.finish_read() {}
    rig.say(r#"{"type":"ping","n":1}"#);
    rig.advance(100_000);
    rig.input(ServerInput::Drain);
    assert!(rig.sent.is_empty());
    assert_eq!((rig.closed, rig.session.next_deadline(), rig.session.subscriptions()), (None, None, 0));
}
