//! How a socket that no longer works is recognised: silence, pings, and what a sleep of the machine means.

use im_chats_protocol::client::{ClientInput, ConnectionState, Silence};
use serde_json::json;

use super::rig::{Rig, live_plan, ready_frame};

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
    assert_eq!(Silence::of(error), Some(Silence::OfClient));
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
    assert_eq!(rig.machine.deadline(), Some(rig.now + 2_000), "a timer that is due at once, again and again, would spin");
    rig.frame(&json!({ "type": "heartbeat", "head": 0 }));
    assert_eq!(rig.machine.state(), ConnectionState::Live, "the same socket, after all");
}

#[test]
fn a_silent_server_is_called_silent_and_one_that_does_not_hear_is_not() {
    let silent = "the server fell silent";
    // Nothing at all; nothing after the ping of a heartbeat; nothing after the ping of a wake-up.
    let mut rig = Rig::live(1024, 0);
    rig.advance(35_000);
    assert_eq!(rig.machine.last_error().unwrap().message, silent);

    let mut rig = Rig::live(1024, 0);
    rig.frame(&json!({ "type": "heartbeat", "head": 0 }));
    rig.advance(35_000);
    assert_eq!(rig.machine.last_error().unwrap().message, silent);

    let mut rig = Rig::live(1024, 0);
    rig.feed(ClientInput::Wake);
    rig.advance(3_000);
    assert_eq!(rig.machine.last_error().unwrap().message, silent);
    assert!(rig.machine.last_error().unwrap().retryable);
    assert_eq!(Silence::of(rig.machine.last_error().unwrap()), Some(Silence::OfServer));

    // What is no silence is not taken for one.
    let mut rig = Rig::live(1024, 0);
    rig.cut(1006);
    assert_eq!(Silence::of(rig.machine.last_error().unwrap()), None);
}

#[test]
fn pings_are_counted_and_only_the_pong_of_the_last_one_counts() {
    let mut rig = Rig::live(1024, 0);
    rig.frame(&json!({ "type": "heartbeat", "head": 0 }));
    rig.feed(ClientInput::Wake);
    let pings: Vec<_> = rig.sent.drain(..).collect();
    assert_eq!(pings, [json!({ "type": "ping", "n": 1 }), json!({ "type": "ping", "n": 2 })]);
    rig.frame(&json!({ "type": "pong", "n": 1 }));
    assert_eq!(rig.machine.deadline(), Some(rig.now + 3_000), "the probe is not answered by what was asked before it");
    rig.frame(&json!({ "type": "pong", "n": 2 }));
    assert_eq!(rig.machine.deadline(), Some(rig.now + 35_000));
}

#[test]
fn waking_up_twice_does_not_give_a_dead_socket_more_time() {
    let mut rig = Rig::live(1024, 0);
    rig.feed(ClientInput::Wake);
    rig.advance(2_000);
    rig.feed(ClientInput::Wake);
    assert_eq!(rig.sent.len(), 1, "one probe at a time");
    rig.advance(1_000);
    assert!(rig.socket.is_none());
}

#[test]
fn a_fresh_token_does_not_make_a_socket_look_healthier() {
    // A ping that was not answered before the fresh token is missing after it as well.
    let mut rig = Rig::live(1024, 0);
    rig.advance(5_000);
    rig.frame(&json!({ "type": "heartbeat", "head": 0 }));
    rig.advance(5_000);
    rig.frame(&ready_frame(0));
    rig.advance(15_000);
    rig.frame(&json!({ "type": "heartbeat", "head": 0 }));
    assert_eq!(rig.sent.iter().filter(|frame| frame["type"] == "ping").count(), 1);
    rig.advance(15_000);
    assert!(rig.socket.is_none(), "35 s after the ping");

    // The session is as old as its first `ready`.
    let mut rig = Rig::live(1024, 0);
    rig.advance(9_000);
    rig.frame(&ready_frame(0));
    rig.advance(1_000);
    rig.cut(4401);
    assert!(rig.token_asked, "ten seconds are health: no wait");
}

#[test]
fn the_longest_interval_between_heartbeats_is_five_minutes_and_the_shortest_a_second() {
    for (announced, silence) in [(0, 7_000), (1_000, 7_000), (2_000, 9_000), (300_000, 605_000), (300_001, 605_000)] {
        let mut rig = Rig::new(1024);
        rig.open(live_plan());
        rig.connect("secret");
        let mut ready = ready_frame(0);
        ready["heartbeatIntervalMs"] = json!(announced);
        rig.frame(&ready);
        assert_eq!(rig.machine.deadline(), Some(rig.now + silence), "{announced} ms");
    }
}
