//! Every transcript of `docs/protocol.md` from the client's side.

use im_chats_protocol::client::{ClientInput, Plan, Start};
use im_chats_protocol::wire::frame::{ClientFrame, Subscribe};
use im_chats_transcript::{Directive, Step, Transcript};
use serde_json::{Value, json};

use super::rig::{Rig, STREAM, live_plan};

#[test]
fn every_transcript_runs_from_the_clients_side() {
    let transcripts =
        im_chats_transcript::parse(include_str!("../../../../docs/protocol.md")).expect("docs/protocol.md can be read");
    let ours: Vec<_> = transcripts.iter().filter(|transcript| !transcript.server_only).collect();
    assert!(ours.len() >= 15, "only {} transcripts are the client's", ours.len());
    for transcript in ours {
        run(transcript);
    }
}

fn run(transcript: &Transcript) {
    let first = transcript.steps.iter().find_map(|(_, step)| subscribe_of(step));
    let mut rig = Rig::new(first.as_ref().map_or(1024, |subscribe| subscribe.credit));
    rig.open(first.as_ref().map_or_else(live_plan, plan_of));
    // Frames that the page shows no answer to: a transcript without a subscription still needs a stream to get a socket.
    let silent = first.is_none();
    let mut last_server: Option<Value> = None;
    for (line, step) in &transcript.steps {
        let place = format!("{} (line {line})", transcript.name);
        match step {
            Step::Client(text) => {
                let expected: Value = serde_json::from_str(text).unwrap();
                match expected["type"].as_str() {
                    Some("init") => rig.connect(expected["token"].as_str().unwrap()),
                    Some("credit") => rig.pull(),
                    Some("unsubscribe") => rig.feed(ClientInput::Cancel { stream: STREAM }),
                    Some("token") => {
                        // The server is heard all the time, until the client finds its token old.
                        while !rig.token_asked {
                            let left = rig.machine.deadline().unwrap() - rig.now;
                            rig.advance(left.saturating_sub(1).max(1));
                            rig.frame(&json!({ "type": "heartbeat", "head": 0 }));
                            rig.answer_ping();
                        }
                        rig.connect(expected["token"].as_str().unwrap());
                    }
                    _ => {}
                }
                assert_eq!(rig.sent.pop_front(), Some(expected), "{place}");
            }
            Step::Server(text) => {
                let frame: Value = serde_json::from_str(text).unwrap();
                rig.frame(&frame);
                if frame["type"] == "subscribed" {
                    rig.pull();
                }
                if frame["type"] == "events" && !frame["events"].as_array().unwrap().is_empty() {
                    assert_eq!(rig.batches.pop(), Some(frame["events"].clone()), "{place}");
                    // A user who only reads; where the page shows a credit next, the pull is what makes it.
                    if rig.machine.cursor(STREAM).is_some() && !transcript.name.contains("credit") {
                        rig.pull();
                        assert_eq!(rig.cursor(), frame["through"].as_u64(), "{place}");
                    }
                }
                last_server = Some(frame);
            }
            Step::Close(code) => rig.cut(*code),
            Step::Directive(Directive::Advance { ms }) => rig.advance(*ms),
            Step::Directive(_) => {}
        }
        if silent {
            rig.sent.retain(|frame| frame["type"] != "subscribe");
        }
    }
    assert!(rig.sent.is_empty(), "{}: the page does not show {:?}", transcript.name, rig.sent);
    // What the user of such a stream learns.
    let last = last_server.unwrap_or_default();
    let code = last["code"].as_str().filter(|_| last["id"].is_u64());
    if let Some(code) = code {
        rig.pull();
        let (result, _) = rig.end.take().expect("the stream ended");
        assert_eq!(result.unwrap_err().code, code, "{}", transcript.name);
    }
    if last["type"] == "complete" && transcript.name.starts_with("catch-up") {
        rig.pull();
        assert_eq!(rig.end.map(|(result, _)| result), Some(Ok(last["head"].as_u64())), "{}", transcript.name);
    }
}

fn subscribe_of(step: &Step) -> Option<Subscribe> {
    let Step::Client(text) = step else { return None };
    match ClientFrame::read(&serde_json::from_str::<Value>(text).ok()?) {
        Ok(Some(ClientFrame::Subscribe(subscribe))) => Some(subscribe),
        _ => None,
    }
}

fn plan_of(subscribe: &Subscribe) -> Plan {
    Plan {
        filter: subscribe.filter.clone(),
        start: subscribe.after.clone().map_or(Start::Head, Start::After),
        until_head: subscribe.until.is_some(),
        ..live_plan()
    }
}
