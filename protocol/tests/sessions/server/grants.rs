//! What a token allows decides what a session sends, also when the token changes while streams run.

use std::collections::{BTreeMap, BTreeSet};

use super::rig::{FakeLog, Rig};
use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::grant::{ChatSet, Grant, Scopes};
use im_chats_protocol::server::{ServerInput, SessionLimits};
use proptest::prelude::*;
use serde_json::{Value, json};

const ALICE: &str = "any;-;alice@example.com";
const BOB: &str = "any;-;bob@example.com";
const TEAM: &str = "any;+;team";
const CHATS: [&str; 3] = [ALICE, BOB, TEAM];
const KINDS: [&str; 2] = ["chat.archived", "message.received"];

fn grant(subject: &str, scopes: &str, chats: Option<&[&str]>) -> Grant {
    let chats = chats.map(|chats| ChatSet::parse(chats).unwrap());
    Grant { subject: Some(subject.into()), scopes: Scopes::parse(scopes).unwrap(), chats, expires_in_ms: None }
}

fn rig(tokens: &[(&str, Grant)]) -> Rig {
    let mut rig = Rig::with(SessionLimits::default(), FakeLog::default());
    rig.tokens.extend(tokens.iter().map(|(token, grant)| ((*token).to_owned(), grant.clone())));
    rig
}

fn init(rig: &mut Rig, token: &str) {
    rig.say(&json!({ "type": "init", "token": token }).to_string());
}

fn refresh(rig: &mut Rig, token: &str) {
    rig.say(&json!({ "type": "token", "token": token }).to_string());
}

fn subscribe(rig: &mut Rig, id: u64, topic: &str, chat: Option<&str>) {
    rig.say(&json!({ "type": "subscribe", "id": id, "topic": topic, "chat": chat, "credit": 1_000_000 }).to_string());
}

/// Type, subscription and error code of what was sent, in short.
fn sent(rig: &mut Rig) -> Vec<String> {
    let word = |frame: &Value, name: &str| match &frame[name] {
        Value::Null => String::new(),
        Value::String(text) => format!(" {text}"),
        other => format!(" {other}"),
    };
    let frames = rig.drain_sent();
    frames.iter().map(|frame| frame["type"].as_str().unwrap().to_owned() + &word(frame, "id") + &word(frame, "code")).collect()
}

#[test]
fn a_token_without_events_opens_no_stream() {
    let mut rig = rig(&[("calls", grant("u", "chats:read chats:write", None))]);
    init(&mut rig, "calls");
    assert_eq!((sent(&mut rig), rig.closed), (vec!["error unauthorized".to_owned()], Some(4403)));
}

#[test]
fn a_subscription_is_judged_by_topic_and_chat_and_the_session_goes_on() {
    let mut rig = rig(&[("alice", grant("u", "events", Some(&[ALICE])))]);
    init(&mut rig, "alice");
    subscribe(&mut rig, 1, "all", None);
    subscribe(&mut rig, 2, "chats", Some(BOB));
    subscribe(&mut rig, 3, "chats", Some("any;-;ALICE@example.com"));
    subscribe(&mut rig, 4, "chats", Some(ALICE));
    let frames = sent(&mut rig);
    assert_eq!(
        frames,
        ["ready", "error 1 unauthorized", "error 2 unauthorized", "error 3 unauthorized", "subscribed 4", "caughtUp 4"]
    );
    assert_eq!(rig.closed, None);
}

#[test]
fn a_fresh_token_for_somebody_else_ends_the_session() {
    let mut rig = rig(&[("one", grant("u1", "events", None)), ("two", grant("u2", "events", None))]);
    init(&mut rig, "one");
    refresh(&mut rig, "two");
    assert_eq!((sent(&mut rig).last().unwrap().as_str(), rig.closed), ("error unauthorized", Some(4403)));
}

#[test]
fn a_narrower_token_ends_what_it_does_not_allow_and_says_so() {
    let mut rig =
        rig(&[("wide", grant("u", "events:all", Some(&[ALICE, BOB]))), ("narrow", grant("u", "events", Some(&[ALICE])))]);
    init(&mut rig, "wide");
    subscribe(&mut rig, 1, "all", Some(ALICE));
    subscribe(&mut rig, 2, "chats", None);
    subscribe(&mut rig, 3, "chats", Some(BOB));
    subscribe(&mut rig, 4, "chats", Some(ALICE));
    sent(&mut rig);
    refresh(&mut rig, "narrow");
    assert_eq!(sent(&mut rig), ["ready", "error 1 unauthorized", "error 2 unauthorized", "error 3 unauthorized"]);
    rig.append("chat.archived", BOB, 1);
    assert_eq!(sent(&mut rig), [""; 0]);
    rig.append("chat.archived", ALICE, 1);
    assert_eq!(sent(&mut rig), ["events 4"]);
}

/// As [`subscribe`], of a list of chats.
fn subscribe_list(rig: &mut Rig, id: u64, chats: &[&str]) {
    rig.say(&json!({ "type": "subscribe", "id": id, "topic": "all", "chats": chats, "credit": 1_000_000 }).to_string());
}

#[test]
fn a_list_of_chats_is_served_whole_or_refused_and_goes_on_while_a_fresh_token_covers_it() {
    let mut rig = rig(&[
        ("three", grant("u", "events:all", Some(&CHATS))),
        ("two", grant("u", "events:all", Some(&[ALICE, TEAM]))),
        ("every", grant("u", "events:all", None)),
        ("chats", grant("u", "events", None)),
    ]);
    init(&mut rig, "two");
    subscribe_list(&mut rig, 1, &[ALICE, BOB]);
    assert_eq!(sent(&mut rig), ["ready", "error 1 unauthorized"]);
    refresh(&mut rig, "three");
    subscribe_list(&mut rig, 1, &[ALICE, BOB]);
    subscribe_list(&mut rig, 2, &[TEAM, TEAM]);
    sent(&mut rig);
    refresh(&mut rig, "two");
    assert_eq!(sent(&mut rig), ["ready", "error 1 unauthorized"]);
    refresh(&mut rig, "every");
    assert_eq!(sent(&mut rig), ["ready"], "a wider one changes nothing");
    rig.append("message.received", ALICE, 1);
    rig.append("message.received", TEAM, 1);
    assert_eq!(sent(&mut rig), ["events 2"]);
    refresh(&mut rig, "chats");
    assert_eq!(sent(&mut rig), ["ready", "error 2 unauthorized"], "it has not all events any more");
}

#[test]
fn a_wider_token_holds_for_new_subscriptions_only() {
    let mut rig = rig(&[("narrow", grant("u", "events", Some(&[ALICE]))), ("wide", grant("u", "events", None))]);
    init(&mut rig, "narrow");
    subscribe(&mut rig, 1, "chats", None);
    refresh(&mut rig, "wide");
    subscribe(&mut rig, 2, "chats", None);
    sent(&mut rig);
    rig.append("chat.archived", BOB, 1);
    assert_eq!(sent(&mut rig), ["events 2"]);
}

#[test]
fn a_withdrawn_token_ends_an_open_session_with_its_reason() {
    for (code, close) in [(ErrorCode::TokenBlocked, 4403), (ErrorCode::Unauthenticated, 4401)] {
        let mut rig = rig(&[("good", grant("u", "events", None))]);
        init(&mut rig, "good");
        subscribe(&mut rig, 1, "chats", None);
        rig.input(ServerInput::Revoked(Error::new(code, "withdrawn")));
        let last = sent(&mut rig).pop().unwrap();
        assert_eq!((last, rig.closed), (format!("error {}", code.as_str()), Some(close)));
    }
}

#[test]
fn keys_that_cannot_be_had_are_no_fault_of_the_token() {
    let mut rig = rig(&[]);
    rig.session.handle(0, &rig.log.state(), ServerInput::Text(r#"{"type":"init","token":"x"}"#));
    while rig.session.poll().is_some() {}
    rig.input(ServerInput::Verified(Err(Error::new(ErrorCode::ServiceUnavailable, "the keys cannot be had"))));
    assert_eq!((sent(&mut rig), rig.closed), (vec!["error serviceUnavailable".to_owned()], Some(1013)));
}

#[test]
fn a_user_with_all_subscriptions_that_one_user_may_have_gets_no_more() {
    let mut rig = rig(&[("good", grant("u", "events", None))]);
    init(&mut rig, "good");
    rig.session.set_subject_room(1, 3);
    subscribe(&mut rig, 1, "chats", None);
    subscribe(&mut rig, 2, "chats", None);
    let frames = rig.drain_sent();
    let refused = frames.last().unwrap();
    assert_eq!((&refused["code"], &refused["context"]["limit"]), (&json!("subscriptionLimitExceeded"), &json!("3")));
    assert_eq!(rig.session.subscriptions(), 1);
}

/// A grant as the oracle sees it: sets and nothing clever.
#[derive(Debug, Clone)]
struct Allowed {
    topics: BTreeSet<&'static str>,
    chats: Option<BTreeSet<usize>>,
}

impl Allowed {
    fn grant(&self) -> Grant {
        let scopes = match (self.topics.contains("all"), self.topics.contains("chats")) {
            (true, _) => "events:all",
            (false, true) => "events chats:count",
            (false, false) => "chats:read",
        };
        let chats: Option<Vec<_>> = self.chats.as_ref().map(|chats| chats.iter().map(|chat| CHATS[*chat]).collect());
        grant("u", scopes, chats.as_deref())
    }

    fn allows(&self, topic: &str, chat: Option<usize>) -> bool {
        self.topics.contains(topic) && chat.is_none_or(|chat| self.chats.as_ref().is_none_or(|chats| chats.contains(&chat)))
    }
}

fn allowed() -> impl Strategy<Value = Allowed> {
    let topics = prop_oneof![
        1 => Just(vec![]),
        6 => Just(vec!["chats"]),
        6 => Just(vec!["chats", "all"]),
    ];
    let chats = proptest::option::of(proptest::collection::btree_set(0..3_usize, 1..4));
    (topics, chats).prop_map(|(topics, chats)| Allowed { topics: topics.into_iter().collect(), chats })
}

#[derive(Debug, Clone)]
enum Op {
    Append { kind: usize, chat: usize, count: u64 },
    Subscribe { chat: Option<usize>, all: bool },
    Refresh(Allowed),
    Heartbeat,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        5 => (0..2_usize, 0..3_usize, 1..5_u64).prop_map(|(kind, chat, count)| Op::Append { kind, chat, count }),
        5 => (proptest::option::of(0..3_usize), any::<bool>()).prop_map(|(chat, all)| Op::Subscribe { chat, all }),
        2 => allowed().prop_map(Op::Refresh),
        1 => Just(Op::Heartbeat),
    ];
    proptest::collection::vec(op, 1..40)
}

/// A subscription as the oracle sees it: what it may show was settled when it was opened.
#[derive(Debug)]
struct Reader {
    topic: &'static str,
    chat: Option<usize>,
    chats: Option<BTreeSet<usize>>,
    expected: Vec<u64>,
}

impl Reader {
    fn shows(&self, kind: usize, chat: usize) -> bool {
        (self.topic == "all" || kind == 0)
            && self.chat.is_none_or(|wanted| wanted == chat)
            && self.chats.as_ref().is_none_or(|chats| chats.contains(&chat))
    }

    fn is_allowed(&self, now: &Allowed) -> bool {
        let covered = match (self.chat, &self.chats, &now.chats) {
            (Some(_), ..) | (.., None) => true,
            (None, None, Some(_)) => false,
            (None, Some(own), Some(chats)) => own.is_subset(chats),
        };
        now.allows(self.topic, self.chat) && covered
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// What a reader receives is exactly what its grant allows, whatever the log and the tokens do.
    #[test]
    fn a_reader_receives_exactly_what_its_grant_allows(first in allowed(), ops in ops()) {
        let mut rig = rig(&[("0", first.grant())]);
        let mut now = first;
        init(&mut rig, "0");
        let mut readers: BTreeMap<u64, Reader> = BTreeMap::new();
        let mut received: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        for (id, op) in (1_u64..).zip(ops) {
            if now.topics.is_empty() {
                prop_assert_eq!(rig.closed, Some(4403), "nothing is allowed any more");
                break;
            }
            let mut refused = BTreeSet::new();
            match op {
                Op::Append { kind, chat, count } => {
                    let head = rig.log.head;
                    for reader in readers.values_mut().filter(|reader| reader.shows(kind, chat)) {
                        reader.expected.extend(head + 1..=head + count);
                    }
                    rig.append(KINDS[kind], CHATS[chat], count);
                }
                Op::Subscribe { chat, all } => {
                    let topic = if all { "all" } else { "chats" };
                    subscribe(&mut rig, id, topic, chat.map(|chat| CHATS[chat]));
                    if now.allows(topic, chat) {
                        readers.insert(id, Reader { topic, chat, chats: now.chats.clone(), expected: Vec::new() });
                    } else {
                        refused.insert(id);
                    }
                }
                Op::Refresh(fresh) => {
                    rig.tokens.insert(id.to_string(), fresh.grant());
                    now = fresh;
                    refresh(&mut rig, &id.to_string());
                    if !now.topics.is_empty() {
                        refused.extend(readers.iter().filter(|(_, reader)| !reader.is_allowed(&now)).map(|(id, _)| *id));
                    }
                }
                Op::Heartbeat => rig.advance(15_000),
            }
            for frame in rig.drain_sent() {
                match (frame["type"].as_str().unwrap(), frame["id"].as_u64()) {
                    ("events", Some(id)) => {
                        let sequences = frame["events"].as_array().unwrap().iter().map(|event| event["sequence"].as_u64().unwrap());
                        received.entry(id).or_default().extend(sequences);
                    }
                    ("error", Some(id)) => {
                        prop_assert_eq!(&frame["code"], "unauthorized");
                        prop_assert!(refused.remove(&id), "{} was not to end", id);
                        readers.remove(&id);
                    }
                    _ => {}
                }
            }
            prop_assert!(refused.is_empty(), "ended without a word: {:?}", refused);
            for (id, reader) in &readers {
                prop_assert_eq!(received.get(id).cloned().unwrap_or_default(), reader.expected.clone(), "subscription {}", id);
            }
        }
    }
}
