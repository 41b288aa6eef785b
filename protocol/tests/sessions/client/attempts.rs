//! The way to a socket: tokens, refusals, waits, and what is reported of each attempt.

use im_chats_protocol::client::{ClientInput, ConnectionState, FailedAttempt, Plan, Status};
use im_chats_protocol::error::{Cause, Error, ErrorCode};
use im_chats_protocol::wire::frame::ServerFrame;
use serde_json::{Value, json};

use super::rig::{ADDRESS, Rig, STREAM, live_plan, ready_frame};

#[test]
fn a_refused_token_is_asked_for_once_more_and_then_final() {
    let mut rig = Rig::new(1024);
    rig.open(live_plan());
    rig.pull();
    rig.connect("old");
    rig.cut(4401);
    assert!(rig.end.is_none() && rig.token_asked);
    rig.connect("old");
    rig.cut(4401);
    let (result, _) = rig.end.take().unwrap();
    assert_eq!(result.unwrap_err().code, "unauthenticated");
    assert_eq!(rig.machine.state(), ConnectionState::Failed);
}

#[test]
fn tokens_that_are_accepted_and_end_at_once_do_not_make_a_loop_without_rest() {
    let mut rig = Rig::new(1024);
    rig.open(live_plan());
    let mut waits = Vec::new();
    for _ in 0..3 {
        rig.ready(0);
        rig.subscribe_frame();
        rig.cut(4401);
        waits.push(rig.machine.deadline().unwrap() - rig.now);
        rig.advance(*waits.last().unwrap());
    }
    assert_eq!(waits, [125, 250, 500]);
    assert!(rig.end.is_none(), "never refused twice in a row");
}

#[test]
fn a_refusal_of_long_ago_does_not_count() {
    let mut rig = Rig::new(1024);
    for _ in 0..2 {
        rig.open(live_plan());
        rig.pull();
        rig.connect("old");
        rig.cut(4401);
        assert!(rig.end.is_none() && rig.token_asked, "asked for once more");
        rig.feed(ClientInput::Cancel { stream: STREAM });
        rig.advance(500);
        assert_eq!(rig.machine.state(), ConnectionState::Idle);
        rig.end = None;
    }
}

#[test]
fn tries_go_on_for_ever_with_growing_waits() {
    let mut rig = Rig::new(1024);
    rig.open(live_plan());
    let mut waits = Vec::new();
    for _ in 0..12 {
        let error = Error::new(ErrorCode::NetworkError, "down");
        rig.feed(ClientInput::Token { ask: rig.ask, result: Err(error) });
        waits.push(rig.machine.deadline().unwrap() - rig.now);
        rig.advance(*waits.last().unwrap());
    }
    assert_eq!(waits, [125, 250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000, 10_000, 10_000, 10_000]);
    assert_eq!(rig.machine.state(), ConnectionState::Reconnecting);
}

#[test]
fn every_failed_attempt_is_reported_with_its_number_its_cause_and_the_time_of_the_next() {
    let mut rig = Rig::new(1024);
    rig.open(live_plan());
    for number in 1..=5 {
        let cause = Cause::new(number);
        let reason = Error::new(ErrorCode::NetworkError, "connect ECONNREFUSED").with_cause(Some(cause.clone()));
        rig.refuse(Some(reason));
        let Status { state, failed, error } = rig.statuses.pop().expect("the failure was reported");
        let error = error.expect("with its cause");
        assert_eq!(state, ConnectionState::Reconnecting);
        assert_eq!(failed, Some(FailedAttempt { number, retry_at: rig.machine.deadline() }));
        assert_eq!(error.message, format!("could not connect to {ADDRESS}: connect ECONNREFUSED"));
        assert_eq!((error.cause.as_ref(), error.retryable), (Some(&cause), true));
        assert_eq!((error.context_value("address"), error.context_value("closeCode")), (Some(ADDRESS), Some("1006")));
        rig.advance(failed.unwrap().retry_at.unwrap() - rig.now);
    }
    rig.ready(0);
    let status = rig.statuses.pop().unwrap();
    assert_eq!((status.failed, status.error), (None, None), "it works again");
    rig.subscribe_frame();
    rig.cut(1006);
    let status = rig.statuses.pop().unwrap();
    assert_eq!(status.failed.map(|failed| failed.number), Some(0), "a connection that worked was lost");
    assert_eq!(status.error.unwrap().message, "the connection was cut");
    rig.advance(status.failed.unwrap().retry_at.unwrap() - rig.now);
    rig.refuse(None);
    let status = rig.statuses.pop().unwrap();
    assert_eq!(status.failed.map(|failed| failed.number), Some(1));
    assert_eq!(status.error.unwrap().message, format!("could not connect to {ADDRESS}"), "nothing is known of the reason");
}

#[test]
fn a_refusal_at_the_upgrade_decides_what_comes_next() {
    let reason = |code: ErrorCode, retryable: bool| {
        let error = Error::new(code, "no");
        Some(error.with_retryable(retryable))
    };
    // What an intermediary says may be over soon; what the gateway itself says of an origin stays so.
    let cases = [
        (reason(ErrorCode::ServiceUnavailable, true), ConnectionState::Reconnecting),
        (reason(ErrorCode::Unauthorized, true), ConnectionState::Reconnecting),
        (reason(ErrorCode::Unauthorized, false), ConnectionState::Failed),
        (reason(ErrorCode::PreconditionFailed, false), ConnectionState::Failed),
    ];
    for (reason, state) in cases {
        let mut rig = Rig::new(1024);
        rig.open(live_plan());
        rig.pull();
        let code = reason.as_ref().unwrap().code.clone();
        rig.refuse(reason);
        let status = rig.statuses.last().unwrap();
        assert_eq!((status.state, &status.error.as_ref().unwrap().code), (state, &code));
        let failed = status.failed.unwrap();
        assert_eq!((failed.number, failed.retry_at.is_some()), (1, state == ConnectionState::Reconnecting), "{code}");
        assert_eq!(rig.end.is_some(), state == ConnectionState::Failed, "{code}");
    }

    let mut rig = Rig::new(1024);
    rig.open(live_plan());
    rig.pull();
    rig.refuse(reason(ErrorCode::Unauthenticated, false));
    let failed = rig.statuses.last().unwrap().failed;
    assert_eq!(failed, Some(FailedAttempt { number: 1, retry_at: Some(rig.now) }), "a fresh token is asked for at once");
    rig.refuse(reason(ErrorCode::Unauthenticated, false));
    assert_eq!(rig.statuses.last().unwrap().failed, Some(FailedAttempt { number: 2, retry_at: None }));
    assert_eq!(rig.machine.state(), ConnectionState::Failed);
    assert_eq!(rig.end.unwrap().0.unwrap_err().code, "unauthenticated");
}

#[test]
fn without_resume_a_failed_attempt_is_reported_too_and_there_is_no_next() {
    let mut rig = Rig::new(1024);
    rig.open(Plan { resume: false, ..live_plan() });
    rig.pull();
    rig.refuse(None);
    let status = rig.statuses.last().unwrap();
    assert_eq!((status.state, status.failed), (ConnectionState::Idle, Some(FailedAttempt { number: 1, retry_at: None })));
    assert_eq!(rig.end.unwrap().0.unwrap_err().code, "networkError");
}

#[test]
fn an_attempt_that_takes_too_long_says_what_it_waited_for() {
    for (steps, expected) in [
        (0, "the token function gave no token within 15 s".to_owned()),
        (1, format!("could not connect to {ADDRESS}: no answer within 15 s")),
        (2, format!("{ADDRESS} did not accept the stream within 15 s")),
    ] {
        let mut rig = Rig::new(1024);
        rig.open(live_plan());
        if steps > 0 {
            rig.feed(ClientInput::Token { ask: rig.ask, result: Ok("secret".into()) });
        }
        if steps > 1 {
            rig.feed(ClientInput::Connected { attempt: rig.socket.unwrap() });
        }
        rig.advance(15_000);
        let status = rig.statuses.last().unwrap();
        assert_eq!((status.state, status.failed.unwrap().number), (ConnectionState::Reconnecting, 1));
        assert_eq!(status.error.as_ref().unwrap().message, expected);
    }
}

#[test]
fn a_fresh_token_that_cannot_be_had_is_reported_while_the_old_one_lasts() {
    let mut rig = Rig::new(1024);
    rig.open(live_plan());
    rig.connect("secret");
    let mut ready = ready_frame(0);
    ready["tokenExpiresInMs"] = json!(60_000);
    rig.frame(&ready);
    let frame = rig.sent.pop_back().unwrap();
    rig.attach(&frame, 0, 0);
    rig.advance(30_000);
    rig.frame(&json!({ "type": "heartbeat", "head": 0 }));
    rig.advance(24_000);
    assert!(std::mem::take(&mut rig.token_asked));
    let error = Error::new(ErrorCode::Unauthenticated, "signed out");
    rig.feed(ClientInput::Token { ask: rig.ask, result: Err(error.clone()) });
    let status = rig.statuses.last().unwrap();
    assert_eq!((status.state, status.error.as_ref(), status.failed), (ConnectionState::Live, Some(&error), None));
    rig.advance(5_000);
    rig.connect("fresh");
    rig.frame(&ready);
    let status = rig.statuses.last().unwrap();
    assert_eq!((status.state, status.error.as_ref()), (ConnectionState::Live, None));
}

#[test]
fn late_callbacks_of_an_earlier_socket_do_nothing() {
    let mut rig = Rig::live(1024, 0);
    let old = rig.socket.unwrap();
    rig.cut(1006);
    rig.advance(125);
    rig.ready(0);
    let frame = rig.subscribe_frame();
    rig.attach(&frame, 0, 0);
    let events = json!({ "type": "events", "id": 2, "prev": 0, "through": 1, "events": [{ "sequence": 1 }] });
    rig.feed(ClientInput::Frame { attempt: old, frame: ServerFrame::read(&events, Value::clone) });
    rig.feed(ClientInput::Disconnected { attempt: old, code: 4400, reason: None });
    assert!(rig.batches.is_empty());
    assert_eq!(rig.machine.state(), ConnectionState::Live);
}

#[test]
fn a_server_cannot_ask_for_a_wait_or_a_silence_without_end() {
    let most = 1_u64 << 53;
    let mut rig = Rig::live(4, 0);
    rig.frame(&json!({ "type": "drain", "reconnectMinMs": most - 1, "reconnectMaxMs": most - 1 }));
    rig.cut(1001);
    let retry_at = rig.statuses.last().unwrap().failed.unwrap().retry_at.unwrap();
    assert_eq!(retry_at - rig.now, 60_000);
    rig.advance(60_000);
    rig.connect("secret");
    rig.sent.clear();
    let mut frame = ready_frame(0);
    frame["heartbeatIntervalMs"] = json!(most - 1);
    rig.frame(&frame);
    let silence = rig.machine.deadline().unwrap() - rig.now;
    assert!(silence <= 605_000, "{silence} ms of silence would pass for health");
}

#[test]
fn late_callbacks_of_an_earlier_attempt_do_not_serve_the_next() {
    let mut rig = Rig::new(1024);
    rig.open(live_plan());
    let asked = rig.ask;
    rig.feed(ClientInput::Token { ask: asked, result: Ok("first".into()) });
    let first = rig.socket.unwrap();
    rig.advance(15_000);
    rig.advance(125);
    assert_ne!(rig.ask, asked, "the first attempt took too long");
    rig.feed(ClientInput::Token { ask: asked, result: Ok("late".into()) });
    assert_eq!(rig.socket, None, "the token of the first attempt came too late");
    rig.feed(ClientInput::Token { ask: rig.ask, result: Ok("secret".into()) });
    rig.feed(ClientInput::Connected { attempt: first });
    assert!(rig.sent.is_empty(), "the socket of the first attempt is not this one");
    rig.feed(ClientInput::Connected { attempt: rig.socket.unwrap() });
    assert_eq!(rig.sent.pop_front().unwrap()["token"], "secret");
}

#[test]
fn what_comes_twice_counts_once() {
    let mut rig = Rig::new(1024);
    rig.open(live_plan());
    rig.ready(0);
    let attempt = rig.socket.unwrap();
    rig.sent.clear();
    rig.feed(ClientInput::Connected { attempt });
    assert!(rig.sent.is_empty(), "init is sent once");
}

#[test]
fn a_session_that_lasts_ten_seconds_sets_the_waits_back() {
    for (lasted, expected) in [(9_999, 500), (10_000, 125)] {
        let mut rig = Rig::new(1024);
        rig.open(live_plan());
        for wait in [125, 250] {
            rig.refuse(None);
            assert_eq!(rig.machine.deadline(), Some(rig.now + wait));
            rig.advance(wait);
        }
        rig.ready(0);
        rig.subscribe_frame();
        rig.advance(lasted);
        rig.cut(1006);
        assert_eq!(rig.machine.deadline(), Some(rig.now + expected), "{lasted} ms");
    }
}

#[test]
fn attempts_that_fail_in_a_row_do_not_become_fewer_with_the_time_that_each_takes() {
    let mut rig = Rig::new(1024);
    rig.open(live_plan());
    for wait in [125, 250, 500] {
        rig.advance(15_000);
        assert_eq!(rig.machine.deadline(), Some(rig.now + wait));
        rig.advance(wait);
    }
}

#[test]
fn a_token_that_ends_after_a_long_session_is_replaced_at_once() {
    let mut rig = Rig::new(1024);
    rig.open(live_plan());
    rig.ready(0);
    rig.subscribe_frame();
    rig.advance(10_000);
    rig.cut(4401);
    assert!(rig.token_asked, "no wait");
    let status = rig.statuses.last().unwrap();
    assert_eq!(status.failed, Some(FailedAttempt { number: 0, retry_at: Some(rig.now) }));
    assert_eq!(status.error.as_ref().unwrap().code, "unauthenticated");
    // The stream goes on where it was, on the next socket.
    rig.ready(0);
    rig.subscribe_frame();
    rig.cut(4401);
    assert!(rig.end.is_none(), "accepted in between: not twice in a row");
}

#[test]
fn a_token_that_ends_when_nobody_needs_it_is_not_replaced() {
    let mut rig = Rig::new(1024);
    rig.open(Plan { resume: false, ..live_plan() });
    rig.pull();
    rig.connect("old");
    rig.cut(4401);
    assert!(!rig.token_asked);
    assert_eq!(rig.end.take().expect("it ended").0.unwrap_err().code, "unauthenticated");
    assert_eq!((rig.machine.state(), rig.machine.deadline()), (ConnectionState::Idle, None));
}

#[test]
fn a_drain_spreads_the_clients_over_the_time_that_the_server_asks_for_and_only_once() {
    let mut rig = Rig::live(1024, 0);
    rig.frame(&json!({ "type": "drain", "reconnectMinMs": 3_000, "reconnectMaxMs": 5_000 }));
    rig.cut(1001);
    assert_eq!(rig.machine.deadline(), Some(rig.now + 4_000), "half of the random range");
    rig.advance(4_000);
    rig.refuse(None);
    assert_eq!(rig.machine.deadline(), Some(rig.now + 250), "the next wait is the backoff again");
}

#[test]
fn a_server_that_asks_for_a_longer_wait_gets_it() {
    let mut rig = Rig::live(1024, 0);
    let busy = |retry_after_ms: u64| {
        let mut error = Error::new(ErrorCode::ServiceUnavailable, "busy");
        error.retry_after_ms = Some(retry_after_ms);
        Some(error)
    };
    rig.cut(1006);
    rig.advance(125);
    rig.refuse(busy(7_000));
    assert_eq!(rig.machine.deadline(), Some(rig.now + 7_000));
    rig.advance(7_000);
    rig.refuse(busy(1));
    assert_eq!(rig.machine.deadline(), Some(rig.now + 500), "never shorter than the backoff");
}

#[test]
fn a_fresh_token_is_asked_for_when_a_tenth_of_its_life_is_left_and_goes_out_in_a_frame() {
    for (lifetime, period) in [(60_000, 54_000), (1_000, 1_000), (10_009, 9_009)] {
        let mut rig = Rig::new(1024);
        rig.open(live_plan());
        rig.connect("secret");
        let mut ready = ready_frame(0);
        ready["tokenExpiresInMs"] = json!(lifetime);
        rig.frame(&ready);
        rig.sent.clear();
        for _ in 0..2 {
            let due = rig.now + period;
            while rig.now < due {
                assert!(!rig.token_asked, "{lifetime} ms");
                let step = rig.machine.deadline().unwrap().min(due) - rig.now;
                rig.advance(step.clamp(1, 10_000));
                rig.frame(&json!({ "type": "heartbeat", "head": 0 }));
                rig.answer_ping();
            }
            rig.connect("fresh");
            assert_eq!(rig.sent.pop_front(), Some(json!({ "type": "token", "token": "fresh" })));
        }
    }
}
