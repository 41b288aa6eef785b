//! Events that the log no longer holds: skipped with a word where the user said so, and otherwise an error. Never a loop, never
//! silence.

use im_chats_protocol::client::{ClientInput, OnGap, Plan, Start};
use im_chats_protocol::wire::frame::After;
use serde_json::{Value, json};

use super::rig::{Rig, STREAM, live_plan, too_old};

fn after(sequence: u64) -> Start {
    Start::After(After { log: Some("log-1".into()), sequence })
}

/// A stream that was just subscribed, and its subscription.
fn subscribed(start: Start, on_gap: OnGap) -> (Rig, Value) {
    let mut rig = Rig::new(1024);
    rig.open(Plan { start, on_gap, ..live_plan() });
    rig.pull();
    rig.ready(50);
    let frame = rig.subscribe_frame();
    (rig, frame)
}

fn ended_with(rig: &mut Rig) -> String {
    rig.end.take().expect("the stream ended").0.unwrap_err().code.to_string()
}

#[test]
fn a_gap_that_does_not_lie_ahead_is_an_error_and_no_loop() {
    for (start, on_gap, first) in [
        (Start::Beginning, OnGap::Fail, "0"),
        (Start::Beginning, OnGap::Skip, "0"),
        (after(10), OnGap::Skip, "10"),
        (after(10), OnGap::Skip, "9"),
        (after(10), OnGap::Skip, "nowhere"),
        (after(10), OnGap::Fail, "40"),
        (Start::Head, OnGap::Fail, "40"),
    ] {
        let (mut rig, frame) = subscribed(start.clone(), on_gap);
        rig.frame(&too_old(&frame["id"], first));
        assert_eq!(ended_with(&mut rig), "cursorTooOld", "{start:?}, {on_gap:?}, {first}");
        assert!(rig.gaps.is_empty() && rig.sent.is_empty(), "{start:?}, {on_gap:?}, {first}");
    }
}

#[test]
fn the_smallest_gap_is_skipped() {
    let (mut rig, frame) = subscribed(after(10), OnGap::Skip);
    rig.frame(&too_old(&frame["id"], "11"));
    assert_eq!(rig.gaps, [(10, 11)]);
    assert_eq!(rig.subscribe_frame()["after"], json!({ "log": "log-1", "sequence": 11 }));
    assert_eq!(rig.cursor(), Some(11));
}

#[test]
fn only_a_cursor_that_is_too_old_is_a_gap() {
    let (mut rig, frame) = subscribed(after(10), OnGap::Skip);
    let mut error = too_old(&frame["id"], "40");
    error["code"] = json!("internalError");
    rig.frame(&error);
    assert_eq!(ended_with(&mut rig), "internalError");
    assert!(rig.gaps.is_empty());
}

#[test]
fn who_asked_for_the_beginning_and_got_events_misses_those_that_are_gone() {
    for on_gap in [OnGap::Fail, OnGap::Skip] {
        let (mut rig, frame) = subscribed(Start::Beginning, on_gap);
        rig.attach(&frame, 0, 50);
        rig.events(1, 0, 5, &[5]);
        rig.cut(1006);
        rig.advance(125);
        rig.ready(50);
        let frame = rig.subscribe_frame();
        assert_eq!(frame["after"]["sequence"], 5);
        rig.frame(&too_old(&frame["id"], "30"));
        // The event that came before the gap is handled first.
        rig.pull();
        match on_gap {
            OnGap::Fail => assert_eq!(ended_with(&mut rig), "cursorTooOld"),
            OnGap::Skip => {
                assert_eq!(rig.gaps, [(5, 30)]);
                assert_eq!(rig.subscribe_frame()["after"]["sequence"], 30);
                assert_eq!(rig.cursor(), Some(30));
            }
        }
    }
}

#[test]
fn a_cursor_stays_before_the_gap_until_the_events_before_it_are_handled() {
    let (mut rig, frame) = subscribed(after(0), OnGap::Skip);
    rig.attach(&frame, 0, 50);
    rig.events(1, 0, 5, &[5]);
    rig.frame(&too_old(&json!(1), "30"));
    assert_eq!((rig.gaps.as_slice(), rig.cursor()), (&[(5, 30)][..], Some(0)));
    rig.pull();
    assert_eq!(rig.cursor(), Some(30), "event 5 is handled, and nothing lies between it and 30");
}

#[test]
fn an_error_of_one_stream_that_may_pass_is_worth_another_attempt() {
    let (mut rig, frame) = subscribed(after(10), OnGap::Fail);
    rig.frame(&json!({
        "type": "error", "id": frame["id"], "fatal": false, "code": "serviceUnavailable", "grpcCode": 14, "message": "busy",
        "retryable": true
    }));
    assert!(rig.end.is_none() && rig.socket.is_none());
    rig.advance(125);
    rig.ready(50);
    assert_eq!(rig.subscribe_frame()["after"]["sequence"], 10);
}

#[test]
fn an_error_of_a_stream_that_left_concerns_nobody() {
    let (mut rig, frame) = subscribed(after(10), OnGap::Fail);
    rig.feed(ClientInput::Open { stream: 8, plan: live_plan() });
    rig.feed(ClientInput::Cancel { stream: STREAM });
    rig.end = None;
    rig.frame(&too_old(&frame["id"], "40"));
    assert!(rig.end.is_none() && rig.socket.is_some());
}
