//! Every transcript of `docs/protocol.md`, on the session machine under a virtual clock. `gateway/tests/transcripts.rs` runs
//! those that need no such clock against the binary.

use super::rig::{FakeLog, Rig};
use im_chats_protocol::grant::{ChatSet, Grant, Scopes};
use im_chats_protocol::server::SessionLimits;
use im_chats_protocol::server::{Opening, ServerInput};
use im_chats_transcript::{Directive, Step, Transcript};
use serde_json::Value;

fn transcripts() -> Vec<Transcript> {
    im_chats_transcript::parse(include_str!("../../../../docs/protocol.md")).expect("docs/protocol.md can be read")
}

/// The machine as a transcript opens it: directives before the first frame say how.
struct Virtual {
    rig: Option<Rig>,
    log: FakeLog,
    opening: Opening,
    tokens: Vec<(String, Grant)>,
}

impl Virtual {
    fn new() -> Self {
        let opening = Opening { subprotocol_agreed: true, ..Opening::default() };
        Self { rig: None, log: FakeLog::default(), opening, tokens: Vec::new() }
    }

    fn rig(&mut self) -> &mut Rig {
        self.rig.get_or_insert_with(|| {
            let mut rig = Rig::open(SessionLimits::default(), self.log.clone(), self.opening.clone());
            rig.tokens.extend(self.tokens.clone());
            rig
        })
    }

    fn log(&mut self, change: impl FnOnce(&mut FakeLog)) {
        match &mut self.rig {
            None => change(&mut self.log),
            Some(rig) => {
                change(&mut rig.log);
                rig.log_moved();
            }
        }
    }

    fn step(&mut self, step: &Step, place: &str) {
        if !matches!(step, Step::Server(_) | Step::Close(_))
            && let Some(rig) = &self.rig
        {
            assert!(rig.sent.is_empty(), "{place}: the page does not show {:?}", rig.sent);
        }
        match step {
            Step::Client(text) => self.rig().say(text),
            Step::Server(text) => {
                let expected: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{place}: {error}"));
                let frame = self.rig().sent.pop_front().unwrap_or_else(|| panic!("{place}: nothing was sent"));
                let frame: Value = serde_json::from_str(&frame).expect("JSON");
                assert_eq!(frame, expected, "{place}");
            }
            Step::Close(code) => assert_eq!(self.rig().closed, Some(*code), "{place}"),
            Step::Directive(directive) => self.directive(directive),
        }
    }

    fn directive(&mut self, directive: &Directive) {
        match directive {
            Directive::Connect { subprotocol } => {
                self.opening.subprotocol_agreed = subprotocol.as_deref() == Some("im.events.v1.json");
                self.rig();
            }
            Directive::Authorization { token } => self.opening.header_token = Some(token.clone()),
            Directive::Token { token, expires_in_ms, user } => {
                let mut grant = Grant { expires_in_ms: Some(*expires_in_ms), ..Grant::ADMIN };
                if let Some(user) = user {
                    grant.subject = Some(user.subject.as_str().into());
                    grant.scopes = Scopes::parse(&user.scopes).unwrap();
                    grant.chats = (!user.chats.is_empty()).then(|| ChatSet::parse(&user.chats).unwrap());
                }
                self.tokens.push((token.clone(), grant));
            }
            Directive::Append { kind, chat, count } => {
                for _ in 0..*count {
                    self.log(|log| {
                        log.append(kind, chat);
                    });
                }
            }
            Directive::Prune { through } => self.log(|log| log.prune(*through)),
            Directive::ReplaceLog { id } => self.log(|log| log.replace(id)),
            Directive::Advance { ms } => self.rig().advance(*ms),
            Directive::Drain => self.rig().input(ServerInput::Drain),
            Directive::Binary { .. } => self.rig().input(ServerInput::Binary),
            Directive::Oversized { bytes } => self.rig().say(&"x".repeat(*bytes)),
        }
    }
}

#[test]
fn every_transcript_is_what_the_session_machine_does() {
    for transcript in transcripts() {
        let mut end = Virtual::new();
        for (line, step) in &transcript.steps {
            end.step(step, &format!("docs/protocol.md:{line} ({})", transcript.name));
        }
        let closes = transcript.steps.iter().any(|(_, step)| matches!(step, Step::Close(_)));
        let rig = end.rig();
        assert!(rig.sent.is_empty(), "{}: the page does not show {:?}", transcript.name, rig.sent);
        assert_eq!(rig.closed.is_some(), closes, "{}", transcript.name);
    }
}
