//! How a socket that no longer works is recognised: silence, pings, and what a sleep of the machine means.

use im_chats_protocol::client::{ClientInput, ConnectionState};
use serde_json::json;

use super::rig::Rig;

#[test]
fn silence_of_two_heartbeats_and_five_seconds_is_a_cut() {
    let mut rig = Rig::live(1024, 0);
    rig.advance(34_999);
    assert!(rig.socket.is_some());
    rig.advance(1);
    assert!(rig.socket.is_none());
    assert_eq!(rig.machine.state(), ConnectionState::Reconnecting);
}

#[test]
fn after_a_sleep_the_socket_is_probed_before_it_is_given_up() {
    let mut rig = Rig::live(1024, 0);
    rig.advance(3_600_000);
    assert_ne!(rig.machine.state(), ConnectionState::Live, "nothing was heard for an hour");
    rig.answer_ping();
    assert_eq!(rig.machine.state(), ConnectionState::Live);
    rig.feed(ClientInput::Wake);
    assert_eq!(rig.sent.pop_front().unwrap()["type"], "ping");
    rig.advance(3_000);
    assert!(rig.socket.is_none());
}

#[test]
fn what_lay_in_the_queue_while_the_machine_slept_does_not_answer_the_probe() {
    let mut rig = Rig::live(1024, 0);
    rig.advance(3_600_000);
    assert_eq!(rig.sent.pop_front().unwrap()["type"], "ping");
    rig.frame(&json!({ "type": "heartbeat", "head": 0 }));
    rig.advance(2_999);
    assert!(rig.socket.is_some(), "a frame buys time: the pong may be behind many more");
    rig.advance(1);
    assert!(rig.socket.is_none(), "dead since the sleep");
}

#[test]
fn a_server_that_is_heard_and_hears_nothing_is_a_cut() {
    let mut rig = Rig::live(1024, 0);
    rig.advance(15_000);
    rig.frame(&json!({ "type": "heartbeat", "head": 0 }));
    assert_eq!(rig.sent.back().unwrap()["type"], "ping");
    // Heartbeats go on coming: they show that the server lives, not that it hears.
    for _ in 0..2 {
        rig.advance(15_000);
        rig.frame(&json!({ "type": "heartbeat", "head": 0 }));
        assert_eq!(rig.sent.len(), 1, "one ping at a time");
    }
    rig.advance(4_999);
    assert_eq!(rig.machine.state(), ConnectionState::Live);
    rig.advance(1);
    assert!(rig.socket.is_none());
    let error = rig.machine.last_error().unwrap();
    assert_eq!((error.code.as_ref(), error.message.as_ref()), ("networkError", "the server no longer hears this client"));
}

#[test]
fn events_that_lie_before_the_pong_buy_it_time_and_a_probe_has_an_end_all_the_same() {
    let mut rig = Rig::live(1024, 0);
    rig.frame(&json!({ "type": "heartbeat", "head": 0 }));
    rig.advance(30_000);
    rig.events(1, 0, 1, &[1]);
    rig.advance(34_000);
    rig.frame(&json!({ "type": "heartbeat", "head": 1 }));
    assert!(rig.socket.is_some(), "35 s after the event, not after the ping");
    rig.advance(1_000);
    assert!(rig.socket.is_none());

    let mut rig = Rig::live(1024, 0);
    rig.frame(&json!({ "type": "heartbeat", "head": 0 }));
    let mut sequence = 0;
    while rig.socket.is_some() && sequence < 100 {
        rig.events(1, sequence, sequence + 1, &[sequence + 1]);
        sequence += 1;
        rig.advance(10_000);
    }
    assert_eq!(sequence, 14, "four times 35 s: events that trickle in do not hide that the server hears nothing");

    let mut rig = Rig::live(1024, 0);
    rig.feed(ClientInput::Wake);
    for second in 1..=34 {
        rig.advance(1_000);
        rig.frame(&json!({ "type": "heartbeat", "head": 0 }));
        assert!(rig.socket.is_some(), "a frame within 3 s, {second} s after the wake-up");
    }
    rig.advance(1_000);
    assert!(rig.socket.is_none(), "quick heartbeats do not keep a socket that never answers");
}

#[test]
fn a_socket_that_was_cut_during_the_sleep_is_not_probed() {
    let mut rig = Rig::live(1024, 0);
    rig.now += 3_600_000;
    rig.cut(1006);
    assert!(rig.sent.is_empty());
    assert_eq!(rig.machine.state(), ConnectionState::Reconnecting);
}

#[test]
fn a_socket_that_falls_silent_while_it_is_probed_is_not_called_live() {
    let mut rig = Rig::live(1024, 0);
    rig.advance(34_000);
    rig.feed(ClientInput::Wake);
    assert_eq!(rig.machine.state(), ConnectionState::Live);
    let until = rig.machine.deadline().unwrap() - rig.now;
    assert_eq!(until, 1_000, "35 s of silence come before the 3 s of the probe are over");
    rig.advance(until);
    assert_eq!(rig.machine.state(), ConnectionState::Reconnecting);
    rig.frame(&json!({ "type": "heartbeat", "head": 0 }));
    assert_eq!(rig.machine.state(), ConnectionState::Live, "the same socket, after all");
}
