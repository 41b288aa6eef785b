//! What a user gets: every event once and in order, a cursor to go on from, and an end that comes last.

use im_chats_protocol::client::{ClientInput, ConnectionState, OnGap, Plan, Start};
use serde_json::json;

use super::rig::{Rig, STREAM, Sequences, live_plan, too_old};

#[test]
fn the_cursor_moves_when_the_next_event_is_asked_for() {
    let mut rig = Rig::live(1024, 10);
    rig.events(1, 10, 14, &[12, 13]);
    assert_eq!(rig.cursor(), Some(10), "given is not handled");
    rig.pull();
    assert_eq!(rig.cursor(), Some(14), "asked for more: handled, and nothing lies between 13 and 14");
    rig.events(1, 14, 20, &[]);
    assert_eq!(rig.cursor(), Some(20), "progress that the filter hid counts for a user who waits");
}

#[test]
fn a_cut_is_resumed_from_the_last_position_and_what_waits_is_still_delivered() {
    let mut rig = Rig::live(1024, 0);
    rig.events(1, 0, 1, &[1]);
    rig.events(1, 1, 2, &[2]);
    rig.cut(1006);
    assert_eq!(rig.machine.state(), ConnectionState::Reconnecting);
    assert_eq!(rig.machine.last_error().map(|error| error.code.as_ref()), Some("networkError"));
    rig.pull();
    assert_eq!(rig.batches.len(), 2, "what had come before the cut is the user's");
    rig.advance(125);
    rig.ready(5);
    let frame = rig.subscribe_frame();
    assert_eq!(frame["after"], json!({ "log": "log-1", "sequence": 2 }));
    assert_eq!(frame["credit"], 1023, "the event still with the user is not granted again");
    rig.attach(&frame, 2, 5);
    assert_eq!(rig.machine.state(), ConnectionState::CatchingUp);
    rig.events(2, 2, 5, &[3, 5]);
    rig.frame(&json!({ "type": "caughtUp", "id": 2, "head": 5 }));
    assert_eq!(rig.machine.state(), ConnectionState::Live);
    rig.pull();
    assert_eq!(rig.batches.concat_sequences(), [1, 2, 3, 5]);
}

#[test]
fn a_broken_chain_is_never_delivered() {
    type Batch<'a> = (u64, u64, &'a [u64]);
    let broken: [Batch<'_>; 7] = [
        (11, 12, &[12]),
        (9, 12, &[11]),
        (10, 9, &[]),
        (10, 12, &[13]),
        (10, 12, &[12, 11]),
        (10, 12, &[11, 11]),
        (10, 12, &[10]),
    ];
    for (prev, through, sequences) in broken {
        let mut rig = Rig::live(1024, 10);
        rig.events(1, prev, through, sequences);
        assert!(rig.batches.is_empty(), "{prev}..{through} {sequences:?}");
        assert_eq!((rig.socket, rig.cursor()), (None, Some(10)), "the socket is given up, the position kept");
    }
}

#[test]
fn a_stream_that_the_server_ended_asks_it_for_nothing_more() {
    let mut rig = Rig::new(2);
    rig.open(live_plan());
    rig.ready(0);
    let frame = rig.subscribe_frame();
    rig.attach(&frame, 0, 0);
    rig.events(1, 0, 1, &[1]);
    rig.events(1, 1, 2, &[2]);
    rig.frame(&json!({
        "type": "error", "id": 1, "fatal": false, "code": "cursorTooOld", "grpcCode": 11, "message": "gone", "retryable": false
    }));
    rig.advance(500);
    assert!(rig.socket.is_none(), "nothing is left to come");
    rig.pull();
    rig.pull();
    rig.pull();
    assert_eq!((rig.batches.concat_sequences(), rig.sent.len()), (vec![1, 2], 0), "no credit for a socket that is gone");
    assert_eq!(rig.end.unwrap().0.unwrap_err().code, "cursorTooOld");
}

#[test]
fn an_end_that_was_not_reached_is_a_broken_chain_too() {
    for kind in ["caughtUp", "complete"] {
        let mut rig = Rig::new(1024);
        rig.open(Plan { until_head: kind == "complete", ..live_plan() });
        rig.ready(10);
        let frame = rig.subscribe_frame();
        rig.attach(&frame, 5, 10);
        rig.pull();
        rig.frame(&json!({ "type": kind, "id": frame["id"], "head": 10 }));
        assert!(rig.end.is_none() && rig.socket.is_none(), "{kind}: events 6 to 10 were lost on their way");
        assert_eq!((rig.machine.state(), rig.cursor()), (ConnectionState::Reconnecting, Some(5)), "{kind}");
    }
}

#[test]
fn more_events_than_credit_are_refused() {
    let mut rig = Rig::live(2, 0);
    rig.events(1, 0, 3, &[1, 2, 3]);
    assert!(rig.batches.is_empty() && rig.socket.is_none());
}

#[test]
fn credit_comes_back_as_events_are_handled_and_never_exceeds_the_window() {
    let mut rig = Rig::live(4, 0);
    rig.events(1, 0, 2, &[1, 2]);
    assert!(rig.sent.is_empty());
    rig.pull();
    assert_eq!(rig.sent.pop_front(), Some(json!({ "type": "credit", "id": 1, "add": 2 })));
    rig.events(1, 2, 6, &[3, 4, 5, 6]);
    rig.events(1, 6, 7, &[7]);
    assert!(rig.socket.is_none(), "a fifth event was not paid for");
}

#[test]
fn a_gap_fails_or_is_skipped_as_the_user_said_and_never_silently() {
    for on_gap in [OnGap::Fail, OnGap::Skip] {
        let mut rig = Rig::live(1024, 10);
        rig.cut(1006);
        rig.feed(ClientInput::Cancel { stream: STREAM });
        let start = Start::After(im_chats_protocol::wire::frame::After { log: Some("log-1".into()), sequence: 10 });
        rig.open(Plan { on_gap, start, ..live_plan() });
        rig.end = None;
        rig.pull();
        rig.ready(50);
        let id = rig.subscribe_frame()["id"].clone();
        rig.frame(&too_old(&id, "40"));
        match on_gap {
            OnGap::Fail => assert_eq!(rig.end.unwrap().0.unwrap_err().context_value("first"), Some("40")),
            OnGap::Skip => {
                assert_eq!(rig.gaps, [(10, 40)]);
                assert_eq!(rig.subscribe_frame()["after"]["sequence"], 40);
            }
        }
    }
}

#[test]
fn a_stream_that_begins_behind_a_gap_has_its_cursor_there_at_once() {
    let after = Start::After(im_chats_protocol::wire::frame::After { log: None, sequence: 10 });
    let cases = [
        (Start::Beginning, OnGap::Fail, vec![]),
        (Start::Beginning, OnGap::Skip, vec![]),
        (after, OnGap::Skip, vec![(10, 30), (30, 40)]),
    ];
    for (start, on_gap, gaps) in cases {
        let mut rig = Rig::new(1024);
        rig.open(Plan { on_gap, start, ..live_plan() });
        rig.ready(50);
        for first in ["30", "40"] {
            let id = rig.subscribe_frame()["id"].clone();
            rig.frame(&too_old(&id, first));
        }
        let frame = rig.subscribe_frame();
        assert_eq!(frame["after"]["sequence"], 40);
        rig.attach(&frame, 40, 50);
        assert_eq!(rig.gaps, gaps, "the oldest event there is was asked for, or a gap is reported");
        assert_eq!(rig.cursor(), Some(40), "a cursor saved now is still good");
    }
}

#[test]
fn without_resume_a_cut_ends_the_stream_behind_the_last_event_that_its_user_handled() {
    let mut rig = Rig::new(1024);
    rig.open(Plan { resume: false, ..live_plan() });
    rig.ready(0);
    let frame = rig.subscribe_frame();
    rig.attach(&frame, 0, 0);
    rig.events(1, 0, 1, &[1]);
    rig.cut(1006);
    assert!(rig.end.is_none(), "an event waits");
    rig.pull();
    assert_eq!(rig.batches.concat_sequences(), [1], "flush first");
    assert!(rig.end.is_none(), "the event is with its user");
    rig.pull();
    let (result, cursor) = rig.end.take().expect("it ended");
    assert_eq!(result.unwrap_err().code, "networkError");
    assert_eq!(cursor.map(|cursor| cursor.sequence), Some(1), "asked for more: the event is handled");
    assert_eq!(rig.machine.state(), ConnectionState::Idle);
}

#[test]
fn the_position_is_known_once_attached_and_follows_what_the_filter_hides_before_the_first_event() {
    let mut rig = Rig::new(1024);
    rig.open(live_plan());
    rig.ready(10);
    assert_eq!(rig.cursor(), None);
    let frame = rig.subscribe_frame();
    rig.attach(&frame, 10, 10);
    assert_eq!(rig.cursor(), Some(10));
    rig.events(1, 10, 20, &[]);
    assert_eq!(rig.cursor(), Some(20), "nothing was given, so nothing is unfinished");
    rig.events(1, 20, 21, &[21]);
    assert_eq!(rig.cursor(), Some(20));
}

#[test]
fn lag_is_what_the_user_has_not_handled_and_not_what_was_not_received() {
    let mut rig = Rig::live(4, 10);
    assert_eq!(rig.machine.lag(), 0);
    rig.events(1, 10, 12, &[11, 12]);
    rig.events(1, 12, 14, &[13, 14]);
    assert_eq!((rig.machine.lag(), rig.machine.state()), (4, ConnectionState::Live), "received, and not handled");
    rig.frame(&json!({ "type": "heartbeat", "head": 50_000 }));
    assert_eq!((rig.machine.lag(), rig.machine.head(STREAM)), (49_990, 50_000));
    rig.pull();
    assert_eq!(rig.machine.lag(), 49_988);
    rig.pull();
    assert_eq!(rig.machine.lag(), 49_986);
    rig.events(1, 14, 50_000, &[50_000]);
    rig.pull();
    assert_eq!(rig.machine.lag(), 0);
}

#[test]
fn what_another_stream_sees_does_not_put_one_behind_that_it_does_not_concern() {
    let mut rig = Rig::live(1024, 10);
    let mut plan = live_plan();
    plan.filter.chat = Some("any;-;a@example.com".into());
    rig.feed(ClientInput::Open { stream: 8, plan });
    rig.feed(ClientInput::Pull { stream: 8 });
    let frame = rig.subscribe_frame();
    rig.attach(&frame, 10, 10);
    rig.events(1, 10, 15, &[15]);
    rig.pull();
    assert_eq!(rig.machine.lag(), 0, "the server would have sent what concerns the other one");
}

#[test]
fn a_stretch_without_events_may_be_empty_and_moves_nothing() {
    let mut rig = Rig::live(1024, 10);
    rig.events(1, 10, 10, &[]);
    assert_eq!((rig.socket.is_some(), rig.cursor(), rig.batches.len()), (true, Some(10), 0));
    rig.events(1, 10, 11, &[11]);
    assert_eq!(rig.batches.concat_sequences(), [11]);
}

#[test]
fn credit_goes_back_once_half_a_window_is_owed_and_the_server_may_use_all_of_it() {
    let mut rig = Rig::live(8, 0);
    rig.events(1, 0, 3, &[1, 2, 3]);
    rig.pull();
    assert!(rig.sent.is_empty(), "three of eight are not worth a frame");
    rig.events(1, 3, 5, &[4, 5]);
    rig.pull();
    assert_eq!(rig.sent.pop_front(), Some(json!({ "type": "credit", "id": 1, "add": 5 })));
    rig.events(1, 5, 13, &[6, 7, 8, 9, 10, 11, 12, 13]);
    assert!(rig.socket.is_some(), "a whole window");
    rig.events(1, 13, 14, &[14]);
    assert!(rig.socket.is_none(), "and not one more");
}

#[test]
fn a_server_that_attaches_another_position_than_was_asked_for_is_not_believed() {
    for (log, sequence, is_right) in [("log-1", 2, true), ("log-2", 2, false), ("log-1", 3, false), ("log-1", 1, false)] {
        let mut rig = Rig::live(1024, 2);
        rig.cut(1006);
        rig.advance(125);
        rig.ready(5);
        let id = rig.subscribe_frame()["id"].clone();
        rig.frame(&json!({ "type": "subscribed", "id": id, "after": { "log": log, "sequence": sequence }, "head": 5 }));
        assert_eq!(rig.socket.is_some(), is_right, "{log} {sequence}");
        assert_eq!(rig.cursor(), Some(2), "{log} {sequence}");
    }
}

#[test]
fn the_head_is_known_when_a_stream_is_attached_and_never_goes_back() {
    let mut rig = Rig::new(1024);
    rig.open(live_plan());
    assert_eq!(rig.machine.head(STREAM), 0);
    rig.ready(9);
    let frame = rig.subscribe_frame();
    rig.frame(&json!({ "type": "heartbeat", "head": 20 }));
    assert_eq!(rig.machine.head(STREAM), 0, "it begins wherever the server attaches it");
    rig.attach(&frame, 4, 9);
    assert_eq!((rig.machine.head(STREAM), rig.machine.lag()), (9, 5));
    rig.events(1, 4, 12, &[12]);
    assert_eq!(rig.machine.head(STREAM), 12);
    rig.frame(&json!({ "type": "heartbeat", "head": 11 }));
    assert_eq!(rig.machine.head(STREAM), 12);
}

#[test]
fn events_before_the_subscription_is_attached_are_refused() {
    let mut rig = Rig::new(1024);
    rig.open(live_plan());
    rig.ready(0);
    rig.subscribe_frame();
    rig.events(1, 0, 1, &[1]);
    assert!(rig.socket.is_none() && rig.batches.is_empty());
}

#[test]
fn a_stream_never_ends_quietly() {
    let mut rig = Rig::live(1024, 0);
    rig.frame(&json!({ "type": "complete", "id": 1, "head": 0 }));
    assert!(rig.end.is_none() && rig.socket.is_none(), "nobody asked for this end: it is a cut");
    assert_eq!(rig.machine.last_error().unwrap().message, "the server ended the subscription");
}

#[test]
fn a_pull_is_answered_once_and_events_without_a_pull_wait() {
    let mut rig = Rig::live(1024, 0);
    rig.events(1, 0, 1, &[1]);
    rig.events(1, 1, 2, &[2]);
    assert_eq!(rig.batches.concat_sequences(), [1]);
    rig.pull();
    rig.pull();
    rig.pull();
    assert_eq!(rig.batches.concat_sequences(), [1, 2]);
    rig.events(1, 2, 3, &[3]);
    assert_eq!(rig.batches.concat_sequences(), [1, 2, 3], "two pulls without an answer are one");
}
