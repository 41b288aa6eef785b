//! Tokens that end: when they are asked for, which answer counts, and what the server says of them.

use im_chats_protocol::client::{ClientInput, ConnectionState};
use im_chats_protocol::error::{Error, ErrorCode};
use serde_json::{Value, json};

use super::rig::{Rig, STREAM, live_plan, ready_for, ready_frame};

const HOUR_MS: u64 = 3_600_000;

/// A machine with a live stream whose token lasts an hour.
fn live() -> Rig {
    let mut rig = Rig::new(1024);
    rig.open(live_plan());
    rig.pull();
    begin(&mut rig, "first");
    rig
}

/// Answers the question, and is accepted for an hour.
fn begin(rig: &mut Rig, token: &str) {
    rig.connect(token);
    let init = rig.sent.iter().find(|frame| frame["type"] == "init").expect("init was sent");
    assert_eq!(init["token"], token);
    rig.sent.clear();
    rig.frame(&ready_for(HOUR_MS));
    let frame = rig.subscribe_frame();
    rig.attach(&frame, 0, 0);
}

/// So much time goes by on a socket that works.
fn spend(rig: &mut Rig, ms: u64) {
    for _ in 0..ms / 10_000 {
        rig.advance(10_000);
        rig.frame(&json!({ "type": "heartbeat", "head": 0 }));
        if let Some(ping) = rig.sent.iter().position(|frame| frame["type"] == "ping") {
            let ping = rig.sent.remove(ping).unwrap();
            rig.frame(&json!({ "type": "pong", "n": ping["n"] }));
        }
    }
}

fn answer(rig: &mut Rig, ask: u32, token: &str) {
    rig.feed(ClientInput::Token { ask, result: Ok(token.into()) });
}

fn tokens_sent(rig: &Rig) -> Vec<&Value> {
    rig.sent.iter().filter(|frame| frame["type"] == "token").map(|frame| &frame["token"]).collect()
}

fn refuse(rig: &mut Rig, code: &str, grpc_code: u8, close: u16) {
    rig.frame(&json!({
        "type": "error", "fatal": true, "code": code, "grpcCode": grpc_code, "message": "no", "retryable": grpc_code == 14,
        "context": {}
    }));
    rig.cut(close);
}

#[test]
fn every_connection_asks_anew() {
    let mut rig = live();
    for token in ["second", "third"] {
        rig.cut(1006);
        assert!(!rig.token_asked, "not before its turn");
        rig.advance(20_000);
        begin(&mut rig, token);
    }
}

#[test]
fn a_fresh_token_is_asked_for_when_a_tenth_of_its_life_is_left() {
    let mut rig = live();
    spend(&mut rig, HOUR_MS / 10 * 9 - 10_000);
    assert!(!rig.token_asked);
    spend(&mut rig, 10_000);
    assert!(rig.token_asked);
    let ask = rig.ask;
    answer(&mut rig, ask, "second");
    assert_eq!(tokens_sent(&rig), ["second"]);
}

#[test]
fn after_a_sleep_beyond_the_end_of_the_token_another_one_is_asked_for_and_again_to_reconnect() {
    let mut rig = live();
    let asked = rig.ask;
    rig.advance(3 * HOUR_MS);
    assert!(std::mem::take(&mut rig.token_asked), "the timer was late, and the token has ended");
    let on_waking = rig.ask;
    // The socket did not survive the sleep, as the probe finds out.
    rig.advance(3_000);
    assert_eq!((rig.socket, rig.machine.state()), (None, ConnectionState::Reconnecting));
    rig.advance(20_000);
    assert!(rig.token_asked);
    let to_reconnect = rig.ask;
    assert!(asked < on_waking && on_waking < to_reconnect);
    answer(&mut rig, on_waking, "stale");
    assert_eq!(rig.socket, None, "the answer to an older question opens nothing");
    begin(&mut rig, "fresh");
}

#[test]
fn the_server_may_notice_the_end_first() {
    let mut rig = live();
    rig.now += 3 * HOUR_MS;
    refuse(&mut rig, "tokenExpired", 16, 4401);
    assert!(rig.end.is_none() && rig.token_asked, "asked once more, at once");
    begin(&mut rig, "fresh");
    assert_eq!(rig.machine.state(), ConnectionState::Live);
}

#[test]
fn an_answer_to_an_older_question_is_not_used() {
    let mut rig = live();
    spend(&mut rig, HOUR_MS / 10 * 9);
    let older = rig.ask;
    assert!(std::mem::take(&mut rig.token_asked));
    // It has not answered when the next one is due.
    spend(&mut rig, HOUR_MS / 10 * 9);
    let newer = rig.ask;
    assert!(rig.token_asked && older != newer);
    answer(&mut rig, older, "stale");
    assert!(tokens_sent(&rig).is_empty());
    answer(&mut rig, newer, "fresh");
    answer(&mut rig, older, "stale");
    assert_eq!(tokens_sent(&rig), ["fresh"]);
    // Nor does its failure count.
    let error = Error::new(ErrorCode::Unauthenticated, "the token function failed");
    rig.feed(ClientInput::Token { ask: older, result: Err(error) });
    assert_eq!(rig.machine.last_error(), None);
}

#[test]
fn a_function_that_fails_is_asked_again_after_the_backoff() {
    let mut rig = Rig::new(1024);
    rig.open(live_plan());
    rig.pull();
    for _ in 0..3 {
        assert!(std::mem::take(&mut rig.token_asked));
        let error = Error::new(ErrorCode::Unauthenticated, "the token function failed");
        rig.feed(ClientInput::Token { ask: rig.ask, result: Err(error.clone()) });
        assert_eq!((rig.machine.state(), rig.machine.last_error()), (ConnectionState::Reconnecting, Some(&error)));
        assert!(!rig.token_asked && rig.end.is_none());
        let wait = rig.machine.deadline().unwrap() - rig.now;
        rig.advance(wait);
    }
    begin(&mut rig, "first");
}

#[test]
fn a_token_that_has_ended_is_asked_for_once_more_and_then_final() {
    let mut rig = Rig::new(1024);
    rig.open(live_plan());
    rig.pull();
    rig.connect("ended");
    refuse(&mut rig, "tokenExpired", 16, 4401);
    assert!(rig.end.is_none() && rig.token_asked);
    rig.connect("ended");
    refuse(&mut rig, "tokenExpired", 16, 4401);
    assert_eq!(rig.end.take().unwrap().0.unwrap_err().code, "tokenExpired");
    assert_eq!((rig.machine.state(), rig.machine.deadline()), (ConnectionState::Failed, None));
}

#[test]
fn a_token_that_is_fixed_is_not_asked_for_again() {
    for code in ["tokenExpired", "unauthenticated"] {
        let mut rig = Rig::with(|config| config.token_is_fixed = true);
        rig.open(live_plan());
        rig.pull();
        rig.connect("ended");
        refuse(&mut rig, code, 16, 4401);
        assert_eq!(rig.end.take().unwrap().0.unwrap_err().code, code);
        assert_eq!((rig.machine.state(), rig.token_asked), (ConnectionState::Failed, false));
    }
    // Also when it ends while the stream runs; a cut is no refusal.
    let mut rig = Rig::with(|config| config.token_is_fixed = true);
    rig.open(live_plan());
    rig.pull();
    begin(&mut rig, "only");
    rig.cut(1006);
    rig.advance(20_000);
    begin(&mut rig, "only");
    rig.now += HOUR_MS;
    refuse(&mut rig, "tokenExpired", 16, 4401);
    assert_eq!(rig.end.take().unwrap().0.unwrap_err().code, "tokenExpired");
}

#[test]
fn a_token_that_was_withdrawn_ends_the_streams_without_another_attempt() {
    // The close code, or only the words, when the cut came before it.
    for close in [4403, 1006] {
        let mut rig = live();
        refuse(&mut rig, "tokenBlocked", 7, close);
        assert_eq!(rig.end.take().unwrap().0.unwrap_err().code, "tokenBlocked", "{close}");
        assert_eq!((rig.machine.state(), rig.machine.deadline()), (ConnectionState::Failed, None), "{close}");
        assert!(!rig.token_asked);
    }
}

#[test]
fn a_subscription_that_is_not_allowed_ends_alone() {
    let mut rig = live();
    rig.feed(ClientInput::Open { stream: 8, plan: live_plan() });
    let id = &rig.subscribe_frame()["id"];
    rig.frame(&json!({
        "type": "error", "id": id, "fatal": false, "code": "unauthorized", "grpcCode": 7, "message": "not for this chat",
        "retryable": false, "context": { "chat": "any;-;b" }
    }));
    assert_eq!(rig.end.take().map(|(result, _)| result.unwrap_err().code.clone()).as_deref(), Some("unauthorized"));
    assert!(rig.socket.is_some() && rig.machine.cursor(STREAM).is_some() && rig.machine.cursor(8).is_none());
    assert_eq!(rig.machine.state(), ConnectionState::Live, "the other one goes on");
    rig.events(1, 0, 1, &[1]);
    assert_eq!(rig.batches.len(), 1);
}

#[test]
fn keys_that_cannot_be_had_now_are_waited_for() {
    let mut rig = Rig::new(1024);
    rig.open(live_plan());
    rig.pull();
    rig.connect("of a new key");
    refuse(&mut rig, "serviceUnavailable", 14, 1013);
    assert_eq!((rig.machine.state(), rig.end.is_none()), (ConnectionState::Reconnecting, true));
    let wait = rig.machine.deadline().unwrap() - rig.now;
    assert!(wait > 0 && !rig.token_asked, "not at once");
    rig.advance(wait);
    rig.connect("of a new key");
    rig.sent.clear();
    rig.frame(&ready_frame(0));
    assert_eq!(rig.machine.last_error(), None);
}
