//! What the connection's state says, and what a network that comes and goes changes.

use im_chats_protocol::client::{ClientInput, ConnectionState};
use serde_json::json;

use super::rig::{Rig, STREAM, live_plan};

#[test]
fn a_state_is_the_same_word_everywhere() {
    use ConnectionState::{CatchingUp, Closed, Connecting, Failed, Idle, Live, Offline, Reconnecting};
    for state in [Idle, Connecting, CatchingUp, Live, Reconnecting, Offline, Closed, Failed] {
        assert_eq!(json!(state), state.as_str());
    }
}

#[test]
fn connecting_becomes_live_and_each_change_is_reported_once() {
    let mut rig = Rig::new(1024);
    assert_eq!(rig.machine.state(), ConnectionState::Idle);
    rig.open(live_plan());
    rig.ready(3);
    let frame = rig.subscribe_frame();
    rig.attach(&frame, 1, 3);
    rig.events(1, 1, 3, &[2, 3]);
    rig.frame(&json!({ "type": "caughtUp", "id": 1, "head": 3 }));
    rig.frame(&json!({ "type": "heartbeat", "head": 3 }));
    let states: Vec<_> = rig.statuses.iter().map(|status| status.state).collect();
    assert_eq!(states, [ConnectionState::Connecting, ConnectionState::CatchingUp, ConnectionState::Live]);
}

#[test]
fn live_means_that_every_stream_caught_up() {
    let mut rig = Rig::live(1024, 5);
    rig.feed(ClientInput::Open { stream: 8, plan: live_plan() });
    assert_eq!(rig.machine.state(), ConnectionState::CatchingUp);
    let frame = rig.subscribe_frame();
    rig.attach(&frame, 5, 5);
    assert_eq!(rig.machine.state(), ConnectionState::Live);
    // One that ended while its events wait for their user holds nobody back.
    rig.feed(ClientInput::Open { stream: 9, plan: live_plan() });
    let frame = rig.subscribe_frame();
    rig.attach(&frame, 4, 5);
    rig.events(3, 4, 5, &[5]);
    assert_eq!(rig.machine.state(), ConnectionState::CatchingUp);
    rig.frame(&json!({
        "type": "error", "id": 3, "fatal": false, "code": "internalError", "grpcCode": 13, "message": "no", "retryable": false
    }));
    assert_eq!(rig.machine.state(), ConnectionState::Live);
}

#[test]
fn without_a_network_the_state_is_offline_and_with_it_the_next_attempt_begins_at_once() {
    let mut rig = Rig::live(1024, 0);
    rig.cut(1006);
    let retry_at = rig.machine.deadline();
    rig.feed(ClientInput::Network { online: false });
    assert_eq!(rig.machine.state(), ConnectionState::Offline);
    assert_eq!((rig.machine.deadline(), rig.token_asked), (retry_at, false), "an attempt now would be wasted");
    rig.feed(ClientInput::Network { online: true });
    assert_eq!((rig.machine.state(), rig.token_asked), (ConnectionState::Reconnecting, true));
}

#[test]
fn a_machine_that_wakes_up_does_not_wait_for_its_next_attempt() {
    let mut rig = Rig::live(1024, 0);
    rig.cut(1006);
    assert!(!rig.token_asked);
    rig.feed(ClientInput::Wake);
    assert!(rig.token_asked);
}

#[test]
fn an_open_socket_is_probed_whichever_way_the_network_changed() {
    for online in [true, false] {
        let mut rig = Rig::live(1024, 0);
        rig.feed(ClientInput::Network { online });
        assert_eq!(rig.sent.pop_front(), Some(json!({ "type": "ping", "n": 1 })), "online: {online}");
        assert_eq!(rig.machine.state(), ConnectionState::Live, "what works is not called offline");
        assert_eq!(rig.machine.deadline(), Some(rig.now + 3_000));
    }
}

#[test]
fn a_timer_five_seconds_late_is_slow_and_one_later_than_that_is_a_sleep() {
    for (late, pings) in [(5_000, 0), (5_001, 1)] {
        let mut rig = Rig::live(1024, 0);
        rig.now = rig.machine.deadline().unwrap() + late;
        rig.feed(ClientInput::Pull { stream: STREAM });
        assert_eq!(rig.sent.iter().filter(|frame| frame["type"] == "ping").count(), pings, "{late} ms");
        assert_eq!(
            rig.socket.is_some(),
            pings == 1,
            "{late} ms: silence while awake is a cut, after a sleep it proves nothing"
        );
    }
}
