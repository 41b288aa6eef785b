//! What a close code and the words before it mean: another attempt, a fresh token, or the end.

use im_chats_protocol::client::{ClientInput, ConnectionState};
use im_chats_protocol::error::{Error, ErrorCode};
use serde_json::json;

use super::rig::{ADDRESS, Rig, live_plan};

/// A stream whose user waits, on a socket that sent `init`.
fn greeting() -> Rig {
    let mut rig = Rig::new(1024);
    rig.open(live_plan());
    rig.pull();
    rig.connect("secret");
    rig
}

#[test]
fn each_close_code_has_its_error_and_its_consequence() {
    let (again, over) = (ConnectionState::Reconnecting, ConnectionState::Failed);
    let cases = [
        (1000, "networkError", again),
        (1001, "serviceUnavailable", again),
        (1006, "networkError", again),
        (1011, "networkError", again),
        (4400, "internalError", over),
        (4401, "unauthenticated", again),
        (4403, "unauthorized", over),
        (4406, "internalError", over),
        (4408, "networkError", again),
        (4409, "internalError", over),
        (4413, "internalError", over),
        (4429, "networkError", again),
    ];
    for (close, code, state) in cases {
        let mut rig = greeting();
        rig.cut(close);
        let error = rig.machine.last_error().expect("an error").clone();
        assert_eq!((rig.machine.state(), error.code.as_ref()), (state, code), "{close}");
        assert_eq!(error.context_value("address"), Some(ADDRESS), "{close}");
        assert_eq!(error.context_value("closeCode"), Some(close.to_string().as_str()), "{close}");
        assert!(!error.message.is_empty(), "{close}");
        assert_eq!(rig.end.is_some(), state == over, "{close}: a stream ends only when trying again is of no use");
        assert_eq!(rig.token_asked, close == 4401, "{close}: a fresh token is asked for at once when it was refused");
    }
}

#[test]
fn what_the_runtime_knows_of_a_cut_is_part_of_the_message() {
    let mut rig = greeting();
    rig.cut_because(1006, Some(Error::new(ErrorCode::NetworkError, "connect ECONNRESET")));
    assert_eq!(rig.machine.last_error().unwrap().message, "the connection was cut: connect ECONNRESET");
}

#[test]
fn a_refusal_in_words_counts_although_the_close_code_was_lost() {
    let cases = [
        ("tokenExpired", 16, false, ConnectionState::Reconnecting, true),
        ("unauthorized", 7, false, ConnectionState::Failed, false),
        ("invalidArgument", 3, false, ConnectionState::Reconnecting, false),
        ("serviceUnavailable", 14, true, ConnectionState::Reconnecting, false),
        ("unauthorized", 7, true, ConnectionState::Reconnecting, false),
    ];
    for (code, grpc_code, retryable, state, fresh_token) in cases {
        let mut rig = greeting();
        rig.frame(&json!({
            "type": "error", "fatal": true, "code": code, "grpcCode": grpc_code, "message": "no", "retryable": retryable
        }));
        rig.cut(1006);
        assert_eq!(rig.machine.last_error().map(|error| error.code.as_ref()), Some(code));
        assert_eq!((rig.machine.state(), rig.token_asked), (state, fresh_token), "{code}, retryable: {retryable}");
        assert_eq!(rig.end.is_some(), state == ConnectionState::Failed, "{code}");
    }
}

#[test]
fn words_that_are_not_the_last_ones_say_nothing_about_the_cut() {
    let mut rig = greeting();
    rig.frame(&json!({
        "type": "error", "fatal": false, "code": "unauthorized", "grpcCode": 7, "message": "no", "retryable": false
    }));
    rig.cut(1006);
    assert_eq!(rig.machine.last_error().map(|error| error.code.as_ref()), Some("networkError"));
    assert_eq!(rig.machine.state(), ConnectionState::Reconnecting);
}

#[test]
fn a_server_of_another_protocol_version_is_final() {
    let mut rig = greeting();
    let mut ready = super::rig::ready_frame(0);
    ready["protocol"] = json!(2);
    rig.frame(&ready);
    assert_eq!(rig.machine.state(), ConnectionState::Failed);
    assert_eq!(rig.end.take().expect("it ended").0.unwrap_err().code, "operationNotSupported");
    assert_eq!((rig.socket, rig.machine.deadline()), (None, None), "nothing is left open, and no timer runs");
}

#[test]
fn a_new_stream_tries_again_after_the_end() {
    let mut rig = greeting();
    rig.cut(4403);
    assert_eq!(rig.machine.deadline(), None, "a client that gave up sets no timer");
    rig.feed(ClientInput::Open { stream: 8, plan: live_plan() });
    assert!(rig.token_asked);
    assert_eq!(rig.machine.state(), ConnectionState::Connecting, "the first attempt, not one more of the old ones");
}
