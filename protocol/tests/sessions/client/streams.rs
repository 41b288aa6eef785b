//! Streams that come and go over one socket.

use im_chats_protocol::client::{ClientInput, ConnectionState, Plan};
use im_chats_protocol::wire::filter::Filter;
use im_chats_protocol::wire::frame::Topic;
use serde_json::json;

use super::rig::{Rig, STREAM, Sequences, live_plan, ready_frame};

#[test]
fn the_last_stream_leaves_the_socket_open_for_a_moment() {
    let mut rig = Rig::live(1024, 0);
    rig.feed(ClientInput::Cancel { stream: STREAM });
    assert_eq!(rig.sent.pop_front(), Some(json!({ "type": "unsubscribe", "id": 1 })));
    assert_eq!(rig.end.take().map(|(result, _)| result), Some(Ok(None)), "the pull that waits gets the end at once");
    rig.advance(499);
    assert!(rig.socket.is_some());
    rig.open(live_plan());
    assert_eq!(rig.subscribe_frame()["id"], 2, "the socket is used again, the name is not");
    rig.feed(ClientInput::Cancel { stream: STREAM });
    rig.advance(500);
    assert!(rig.socket.is_none());
    assert_eq!((rig.machine.state(), rig.machine.deadline()), (ConnectionState::Idle, None));
}

#[test]
fn closing_ends_every_stream_and_leaves_no_timer() {
    let mut rig = Rig::live(1024, 0);
    rig.feed(ClientInput::Close);
    assert_eq!(rig.end.take().map(|(result, _)| result), Some(Ok(None)));
    assert!(rig.socket.is_none());
    assert_eq!((rig.machine.state(), rig.machine.deadline()), (ConnectionState::Closed, None));
}

#[test]
fn a_stream_that_cannot_begin_says_so_although_nobody_pulls() {
    let refused = json!({ "type": "error", "id": 1, "fatal": false, "code": "cursorAhead", "grpcCode": 11, "message": "beyond",
        "retryable": false, "context": { "first": "0", "head": "5" } });
    let mut rig = Rig::new(1024);
    rig.open(live_plan());
    rig.ready(5);
    rig.subscribe_frame();
    rig.frame(&refused);
    assert_eq!(rig.end.take().expect("it ended").0.unwrap_err().code, "cursorAhead");

    let mut rig = Rig::new(1024);
    rig.open(Plan { resume: false, ..live_plan() });
    rig.connect("secret");
    rig.cut(1006);
    assert_eq!(rig.end.take().expect("it ended").0.unwrap_err().code, "networkError");

    let mut rig = Rig::new(1024);
    rig.feed(ClientInput::Close);
    rig.open(live_plan());
    assert_eq!(rig.end.take().expect("it ended").0, Ok(None));
}

#[test]
fn streams_beyond_the_servers_limit_end_with_an_error_of_their_own() {
    let mut rig = Rig::new(1024);
    let mut ready = ready_frame(0);
    ready["limits"]["maxSubscriptions"] = json!(2);
    for stream in 1..=4 {
        rig.feed(ClientInput::Open { stream, plan: live_plan() });
    }
    rig.connect("secret");
    rig.sent.clear();
    rig.frame(&ready);
    assert_eq!(rig.sent.len(), 2, "two subscribe frames");
    let (result, _) = rig.end.take().expect("two ended");
    let error = result.unwrap_err();
    assert_eq!((error.code.as_ref(), error.context_value("limit")), ("subscriptionLimitExceeded", Some("2")));
    assert_eq!(error.category(), im_chats_protocol::error::Category::RateLimit);
    // One that leaves makes room for another.
    rig.sent.clear();
    rig.feed(ClientInput::Cancel { stream: 1 });
    rig.feed(ClientInput::Open { stream: 5, plan: live_plan() });
    let types: Vec<_> = rig.sent.iter().map(|frame| frame["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(types, ["unsubscribe", "subscribe"]);
    assert!(rig.end.is_none());
}

#[test]
fn frames_find_their_stream_among_thousands_that_come_and_go() {
    let mut rig = Rig::new(1024);
    let mut ready = ready_frame(0);
    ready["limits"]["maxSubscriptions"] = json!(4096);
    rig.feed(ClientInput::Open { stream: 1, plan: live_plan() });
    rig.connect("secret");
    rig.frame(&ready);
    let mut wire_id_of_first = rig.sent.pop_back().unwrap()["id"].clone();
    for round in 0..3_u32 {
        let streams: Vec<_> = (2..500).map(|stream| round * 1000 + stream).collect();
        for stream in &streams {
            rig.feed(ClientInput::Open { stream: *stream, plan: live_plan() });
        }
        for stream in &streams {
            rig.feed(ClientInput::Cancel { stream: *stream });
        }
        if round == 1 {
            rig.cut(1006);
            rig.advance(20_000);
            rig.connect("secret");
            rig.sent.clear();
            rig.frame(&ready);
            wire_id_of_first = rig.sent.pop_back().unwrap()["id"].clone();
        }
    }
    rig.frame(&json!({ "type": "subscribed", "id": wire_id_of_first, "after": { "log": "log-1", "sequence": 0 }, "head": 0 }));
    rig.feed(ClientInput::Pull { stream: 1 });
    rig.events(wire_id_of_first.as_u64().unwrap(), 0, 1, &[1]);
    assert_eq!(rig.batches.concat_sequences(), [1]);
}

#[test]
fn the_servers_limit_counts_the_streams_that_are_on_the_socket() {
    let mut rig = Rig::new(1024);
    let mut ready = ready_frame(0);
    ready["limits"]["maxSubscriptions"] = json!(2);
    rig.feed(ClientInput::Open { stream: 1, plan: live_plan() });
    rig.feed(ClientInput::Open { stream: 2, plan: live_plan() });
    rig.connect("secret");
    rig.frame(&ready);
    rig.sent.clear();
    rig.feed(ClientInput::Open { stream: 3, plan: live_plan() });
    let (result, _) = rig.end.take().expect("there is no room for a third");
    assert_eq!(result.unwrap_err().code, "subscriptionLimitExceeded");
    assert!(rig.sent.is_empty());
    assert_eq!(rig.machine.cursor(3), None, "it is gone");
}

#[test]
fn a_stream_that_ended_is_not_subscribed_again_while_its_events_wait() {
    let mut rig = Rig::live(1024, 0);
    rig.events(1, 0, 1, &[1]);
    rig.events(1, 1, 2, &[2]);
    rig.frame(&json!({
        "type": "error", "id": 1, "fatal": false, "code": "internalError", "grpcCode": 13, "message": "no", "retryable": false
    }));
    rig.feed(ClientInput::Open { stream: 8, plan: live_plan() });
    assert_eq!(rig.subscribe_frame()["id"], 2);
    assert!(rig.sent.is_empty(), "one subscription, that of the new stream");
    rig.feed(ClientInput::Cancel { stream: STREAM });
    assert!(rig.sent.is_empty(), "the server knows that the old one is over");
}

#[test]
fn leaving_before_the_socket_is_there_needs_no_word_to_the_server() {
    let mut rig = Rig::new(1024);
    rig.open(live_plan());
    rig.connect("secret");
    rig.sent.clear();
    rig.feed(ClientInput::Cancel { stream: STREAM });
    assert!(rig.sent.is_empty() && rig.end.is_none(), "nobody waited for a batch");
    rig.frame(&ready_frame(0));
    assert!(rig.sent.is_empty());
    rig.advance(500);
    assert_eq!((rig.socket, rig.machine.state()), (None, ConnectionState::Idle));
}

#[test]
fn a_client_that_is_not_connected_leaves_idle_without_a_timer() {
    let mut rig = Rig::live(1024, 0);
    rig.cut(1006);
    rig.feed(ClientInput::Cancel { stream: STREAM });
    assert_eq!((rig.machine.state(), rig.machine.deadline()), (ConnectionState::Idle, None));
    assert_eq!(rig.statuses.last().unwrap().failed.unwrap().retry_at, None, "no attempt is planned any more");
    rig.feed(ClientInput::Close);
    rig.open(live_plan());
    assert_eq!((rig.machine.state(), rig.machine.deadline()), (ConnectionState::Closed, None), "closed is for good");
    assert!(!rig.token_asked);
}

#[test]
fn frames_of_a_stream_that_left_are_late_and_not_wrong() {
    let mut rig = Rig::live(1024, 0);
    rig.feed(ClientInput::Open { stream: 8, plan: live_plan() });
    let frame = rig.subscribe_frame();
    rig.attach(&frame, 0, 0);
    rig.feed(ClientInput::Cancel { stream: STREAM });
    rig.events(1, 0, 1, &[1]);
    rig.frame(&json!({ "type": "complete", "id": 1, "head": 1 }));
    rig.frame(&json!({ "type": "events", "id": "other", "prev": 0, "through": 1, "events": [{ "sequence": 1 }] }));
    assert!(rig.batches.is_empty());
    assert_eq!((rig.socket.is_some(), rig.machine.state()), (true, ConnectionState::Live));
}

#[test]
fn one_slow_stream_does_not_hold_up_another() {
    let mut rig = Rig::live(1, 0);
    rig.feed(ClientInput::Open { stream: 8, plan: live_plan() });
    rig.feed(ClientInput::Pull { stream: 8 });
    let frame = rig.subscribe_frame();
    rig.attach(&frame, 0, 0);
    rig.events(1, 0, 1, &[1]);
    rig.events(2, 0, 1, &[1]);
    rig.feed(ClientInput::Pull { stream: 8 });
    assert_eq!(rig.sent, [json!({ "type": "credit", "id": 2, "add": 1 })], "credit for the one that was handled, and no other");
    assert_eq!((rig.machine.cursor(STREAM).unwrap().sequence, rig.machine.cursor(8).unwrap().sequence), (0, 1));
    assert_eq!((rig.machine.lag(), rig.machine.head(8)), (1, 1), "the slowest stream counts");
    assert_eq!((rig.machine.head(99), rig.machine.cursor(99)), (0, None));
}

#[test]
fn a_server_that_is_behind_the_cursor_is_left_and_the_stream_goes_on_elsewhere() {
    let mut rig = Rig::live(1024, 5);
    rig.events(1, 5, 8, &[7, 8]);
    rig.pull();
    rig.cut(1006);
    rig.advance(20_000);
    rig.ready(6);
    let again = rig.subscribe_frame();
    assert_eq!(again["after"], json!({ "log": "log-1", "sequence": 8 }));
    rig.frame(&json!({
        "type": "error", "id": again["id"], "fatal": false, "code": "serviceUnavailable", "grpcCode": 14, "message": "behind",
        "retryable": true, "context": { "first": "0", "head": "6" }
    }));
    assert_eq!((rig.end.is_none(), rig.socket, rig.machine.state()), (true, None, ConnectionState::Reconnecting));
    rig.advance(20_000);
    rig.ready(9);
    let again = rig.subscribe_frame();
    assert_eq!(again["after"], json!({ "log": "log-1", "sequence": 8 }), "with its cursor");
    rig.attach(&again, 8, 9);
    rig.events(3, 8, 9, &[9]);
    assert_eq!((rig.batches.concat_sequences(), rig.end.is_none()), (vec![7, 8, 9], true));
}

#[test]
fn a_head_that_stays_out_of_reach_is_lag_and_nothing_else() {
    let mut rig = Rig::live(1024, 5);
    for _ in 0..20 {
        rig.advance(15_000);
        rig.frame(&json!({ "type": "heartbeat", "head": 25 }));
        rig.answer_ping();
        assert_eq!((rig.machine.lag(), rig.machine.state(), rig.socket.is_some()), (20, ConnectionState::Live, true));
    }
}

/// A stream of everything, narrowed by lists.
fn narrowed(chats: &[&str], types: &[&str]) -> Plan {
    let list = |texts: &[&str]| (!texts.is_empty()).then(|| texts.iter().map(|text| (*text).to_owned()).collect());
    Plan { filter: Filter { chats: list(chats), types: list(types), ..Filter::of(Topic::All) }, ..live_plan() }
}

#[test]
fn a_server_that_does_not_announce_filters_is_never_asked_for_one() {
    for plan in [narrowed(&["any;-;a@example.com"], &[]), narrowed(&[], &["message.received"])] {
        for features in [json!(null), json!([]), json!(["other"])] {
            let mut rig = Rig::new(1024);
            rig.open(plan.clone());
            rig.feed(ClientInput::Open { stream: 8, plan: live_plan() });
            rig.connect("secret");
            rig.sent.clear();
            let mut ready = ready_frame(0);
            ready["features"] = features;
            rig.frame(&ready);
            let error = rig.end.take().expect("it ended").0.unwrap_err();
            assert_eq!((error.code.as_ref(), error.retryable), ("operationNotSupported", false));
            assert!(error.message.contains("update the gateway"), "{error}");
            let rest: Vec<_> = rig.sent.drain(..).collect();
            assert_eq!(rest.len(), 1, "the other stream goes on: {rest:?}");
            assert_eq!((rest[0]["topic"].as_str(), rig.socket.is_some()), (Some("chats"), true));
        }
    }
}

#[test]
fn a_stream_that_comes_back_to_an_older_server_ends_rather_than_show_what_it_hides() {
    let mut rig = Rig::new(1024);
    rig.open(narrowed(&[], &["message.received", "unknown"]));
    rig.ready(0);
    assert_eq!(rig.subscribe_frame()["types"], json!(["message.received", "unknown"]));
    rig.frame(&json!({ "type": "subscribed", "id": 1, "after": { "log": "log-1", "sequence": 0 }, "head": 0 }));
    rig.cut(1006);
    rig.advance(60_000);
    rig.connect("secret");
    let mut ready = ready_frame(0);
    ready.as_object_mut().unwrap().remove("features");
    rig.frame(&ready);
    let (result, cursor) = rig.end.take().expect("it ended");
    assert_eq!(result.unwrap_err().code, "operationNotSupported");
    assert_eq!(cursor.map(|cursor| cursor.sequence), Some(0), "where a later stream can go on");
}

#[test]
fn a_list_that_is_too_large_for_a_frame_ends_its_stream_alone() {
    let chats: Vec<String> = (0..100).map(|index| format!("any;+;{index}{}", "x".repeat(480))).collect();
    let chats: Vec<&str> = chats.iter().map(String::as_str).collect();
    for (limit, fits) in [(65_536, true), (40_000, false)] {
        let mut rig = Rig::new(1024);
        rig.open(narrowed(&chats, &[]));
        rig.connect("secret");
        rig.sent.clear();
        let mut ready = ready_frame(0);
        ready["limits"]["maxFrameBytes"] = json!(limit);
        rig.frame(&ready);
        assert_eq!(rig.sent.len(), usize::from(fits));
        assert!(rig.socket.is_some());
        let field = rig.end.take().map(|(result, _)| result.unwrap_err().context_value("field").map(str::to_owned));
        assert_eq!(field, (!fits).then(|| Some("chats".to_owned())));
    }
}
