//! Every transcript of `docs/protocol.md`, that need no virtual clock, against the binary over a real WebSocket.
//! `protocol/tests/sessions/server/transcripts.rs` runs all of them on the session machine.

#![cfg(test)]

mod support;

use im_chats_transcript::{Directive, Step, Transcript};
use serde_json::Value;
use support::server::{Server, Socket};
use tokio_tungstenite::tungstenite::Message;

fn transcripts() -> Vec<Transcript> {
    im_chats_transcript::parse(include_str!("../../docs/protocol.md")).expect("docs/protocol.md can be read")
}

/// What a real server has of its own, put back to what the page shows.
fn as_on_the_page(mut frame: Value, log_id: &str) -> Value {
    let text = frame.to_string().replace(log_id, "log-1");
    frame = serde_json::from_str(&text).expect("JSON");
    for event in frame.get_mut("events").and_then(Value::as_array_mut).into_iter().flatten() {
        let time = event["occurredAt"].as_str().expect("a time").to_owned();
        assert!(time.len() >= 20 && time.ends_with('Z') && time.contains('T'), "not RFC 3339: {time}");
        event["occurredAt"] = "2026-01-01T12:00:00Z".into();
    }
    frame
}

/// A socket of a real server, opened as a transcript says.
struct Real {
    server: Server,
    socket: Option<Socket>,
    authorization: Option<String>,
    log_id: String,
}

impl Real {
    async fn start(data: &std::path::Path) -> Self {
        let server = Server::start(data, &[]);
        server.create("alice@example.com");
        let (_, ready) = Socket::ready(&server).await;
        let log_id = ready["log"]["id"].as_str().expect("an id").to_owned();
        Self { server, socket: None, authorization: None, log_id }
    }

    async fn open(&mut self, subprotocol: Option<&str>) {
        let token = self.authorization.take();
        let (socket, _) = Socket::open(&self.server, subprotocol, token.as_deref()).await.expect("the upgrade succeeds");
        self.socket = Some(socket);
    }

    async fn socket(&mut self) -> &mut Socket {
        if self.socket.is_none() {
            self.open(Some("im.events.v1.json")).await;
        }
        self.socket.as_mut().expect("open")
    }

    async fn step(&mut self, step: &Step, place: &str) {
        match step {
            Step::Client(text) => {
                let text = text.replace("log-1", &self.log_id);
                self.socket().await.send(Message::text(text)).await;
            }
            Step::Server(text) => {
                let expected: Value = serde_json::from_str(text).expect("JSON");
                let frame = self.socket().await.next().await;
                assert_eq!(as_on_the_page(frame, &self.log_id), expected, "{place}");
            }
            Step::Close(code) => assert_eq!(self.socket().await.close_code().await, *code, "{place}"),
            Step::Directive(directive) => match directive {
                Directive::Connect { subprotocol } => self.open(subprotocol.as_deref()).await,
                Directive::Authorization { token } => self.authorization = Some(token.clone()),
                Directive::Append { kind, chat, count } => {
                    assert_eq!(*count, 1, "{place}: mark the transcript as virtual");
                    self.server.act(kind, chat);
                }
                Directive::Drain => self.server.terminate(),
                Directive::Binary { bytes } => self.socket().await.send(Message::binary(vec![0; *bytes])).await,
                Directive::Oversized { bytes } => self.socket().await.send(Message::text("x".repeat(*bytes))).await,
                Directive::Token { .. }
                | Directive::Prune { .. }
                | Directive::ReplaceLog { .. }
                | Directive::Advance { .. } => panic!("{place}: mark the transcript as virtual"),
            },
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_transcript_that_needs_no_virtual_clock_is_what_the_binary_does() {
    let all = transcripts();
    let real: Vec<&Transcript> = all.iter().filter(|transcript| !transcript.virtual_only).collect();
    for transcript in &real {
        let data = tempfile::TempDir::new().expect("a directory");
        let mut end = Real::start(data.path()).await;
        for (line, step) in &transcript.steps {
            end.step(step, &format!("docs/protocol.md:{line} ({})", transcript.name)).await;
        }
        if !transcript.steps.iter().any(|(_, step)| matches!(step, Step::Close(_))) {
            assert_eq!(end.socket().await.rest().await, Vec::<Value>::new(), "{}: the page does not show it", transcript.name);
        }
    }
    println!("{} of {} transcripts ran against the binary; the others are marked virtual", real.len(), all.len());
    assert!(real.len() > all.len() / 2, "most exchanges must hold for the real thing");
}
