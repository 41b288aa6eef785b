//! Random sessions against an oracle: whatever the client, the log and the transport do, a subscription's batches are a
//! chain over the log without a hole, within its credit. So it is over a replica, whose head lags, falls and comes back, and which hears
//! late of a log that was replaced; no cursor is called ahead of a log that holds it, or of another log than the log. And random bytes:
//! never a panic, always a reason.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::rig::{FakeLog, Rig};
use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::server::{REPLICA_WAIT_MS, Replica, ServerInput, SessionLimits, WholeEnd};
use proptest::prelude::*;
use serde_json::{Value, json};

const KINDS: [&str; 3] = ["chat.archived", "message.received", "chat.markedRead"];

/// What filters of types ask for: also what never comes, and what no topic of chats has.
const TYPES: [&[&str]; 4] =
    [&["chat.archived"], &["chat.archived", "chat.markedRead"], &["poll.changed"], &["message.received", "unknown"]];
const CHATS: [&str; 3] = ["any;-;alice@example.com", "any;-;bob@example.com", "any;+;team"];

/// The log that a cursor names.
#[derive(Debug, Clone, Copy)]
enum Named {
    Nothing,
    Present,
    Replicas,
    Elsewhere,
}

#[derive(Debug, Clone)]
enum Op {
    Append {
        kind: usize,
        chat: usize,
        count: u64,
    },
    Subscribe {
        id: u8,
        chat: Option<usize>,
        /// A list of chats, as bits, where there is no one chat.
        chats: Option<usize>,
        types: Option<usize>,
        all: bool,
        back: Option<u64>,
        named: Named,
        until: bool,
        credit: u64,
    },
    Credit {
        id: u8,
        add: u64,
    },
    Unsubscribe {
        id: u8,
    },
    Advance {
        ms: u64,
    },
    Prune {
        through: u64,
    },
    HoldReads(bool),
    HoldWrites(bool),
    FinishRead,
    /// The log is another one from now on. A replica that does not follow it has yet to hear of it.
    Replace,
    /// The replica is at this share of the log, in hundredths, and no longer follows it; or it catches up and follows again.
    ReplicaAt(u64),
    ReplicaFollows,
    /// The replica knows how far the log is.
    Announce,
    /// The oldest question for the log's end is answered, or fails.
    Answer(bool),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let id = 0..6_u8;
    let named = prop_oneof![
        4 => Just(Named::Nothing), 4 => Just(Named::Present), 2 => Just(Named::Replicas), 1 => Just(Named::Elsewhere)
    ];
    let cursor = (proptest::option::of(0..120_u64), named);
    let maybe = |most: usize| proptest::option::of(0..most);
    let filter = (maybe(3), maybe(7), maybe(TYPES.len()));
    let op = prop_oneof![
        5 => (0..3_usize, 0..3_usize, 1..40_u64).prop_map(|(kind, chat, count)| Op::Append { kind, chat, count }),
        4 => (id.clone(), filter, any::<bool>(), cursor, any::<bool>(), 0..50_u64)
            .prop_map(|(id, (chat, chats, types), all, (back, named), until, credit)| {
                Op::Subscribe { id, chat, chats, types, all, back, named, until, credit }
            }),
        4 => (id.clone(), 0..40_u64).prop_map(|(id, add)| Op::Credit { id, add }),
        1 => id.prop_map(|id| Op::Unsubscribe { id }),
        2 => prop_oneof![1..40_000_u64, 1..2_500_u64].prop_map(|ms| Op::Advance { ms }),
        1 => (0..60_u64).prop_map(|through| Op::Prune { through }),
        2 => any::<bool>().prop_map(Op::HoldReads),
        1 => any::<bool>().prop_map(Op::HoldWrites),
        3 => Just(Op::FinishRead),
        1 => Just(Op::Replace),
        3 => (0..120_u64).prop_map(|share| Op::ReplicaAt(share.min(100))),
        2 => Just(Op::ReplicaFollows),
        1 => Just(Op::Announce),
        2 => any::<bool>().prop_map(Op::Answer),
    ];
    proptest::collection::vec(op, 1..60)
}

/// What the client knows of a subscription.
#[derive(Debug)]
struct Reader {
    /// The cursor it asked for, and when.
    after: Option<u64>,
    since: u64,
    /// The log that the cursor named, and that of the session when it came.
    named: Option<Arc<str>>,
    met: Arc<str>,
    chats: Option<Vec<&'static str>>,
    types: Option<&'static [&'static str]>,
    all: bool,
    until: bool,
    credit: u64,
    /// From `subscribed` on.
    position: Option<u64>,
    target: u64,
    caught_up: bool,
}

/// The client's end, which believes nothing.
struct Oracle {
    /// Every event ever written to the log that is the log, pruned or not.
    all: FakeLog,
    /// And to those before it.
    before: Vec<FakeLog>,
    readers: BTreeMap<u64, Reader>,
    delivered: u64,
}

impl Oracle {
    /// All of the log that the session reads.
    fn whole(&self, log: &FakeLog) -> &FakeLog {
        self.with_id(&log.id)
    }

    fn with_id(&self, id: &Arc<str>) -> &FakeLog {
        self.before.iter().find(|before| before.id == *id).unwrap_or(&self.all)
    }

    /// A frame that came at `now`, when the session read `log`.
    fn frame(&mut self, frame: &Value, now: u64, log: &FakeLog) {
        let (whole, head) = (self.whole(log).clone(), log.head);
        let id = frame["id"].as_u64();
        let number = |name: &str| frame[name].as_u64().unwrap_or_else(|| panic!("{name} in {frame}"));
        match frame["type"].as_str().unwrap() {
            // What is due at the very moment at which the log is replaced may still be of the log before: so may progress that was kept
            // back for it.
            "heartbeat" => assert!(self.before.iter().chain([&self.all]).any(|log| number("head") <= log.head)),
            "subscribed" => {
                let reader = self.readers.get_mut(&id.unwrap()).expect("a subscription that was asked for");
                assert_eq!(reader.position, None, "subscribed comes once");
                reader.position = frame["after"]["sequence"].as_u64();
                reader.target = number("head");
                assert!(reader.after.is_none_or(|after| Some(after) == reader.position && after <= head), "{frame} at {head}");
                assert_eq!(frame["after"]["log"], *log.id);
                assert!(reader.named.is_none() || reader.named.as_ref() == Some(&log.id), "{frame} for {reader:?}");
                reader.met = Arc::clone(&log.id);
                assert!(reader.target <= whole.head && reader.position <= Some(reader.target), "{frame}");
            }
            "events" => {
                let whole = self.with_id(&self.readers[&id.unwrap()].met).clone();
                let reader = self.readers.get_mut(&id.unwrap()).expect("an open subscription");
                let (prev, through) = (number("prev"), number("through"));
                assert_eq!(reader.position, Some(prev), "the chain");
                assert!(through > prev && through <= whole.head, "{frame}");
                assert!(!reader.until || through <= reader.target, "past its end");
                let expected: Vec<Value> = whole
                    .events
                    .iter()
                    .filter(|event| event.sequence > prev && event.sequence <= through)
                    .map(|event| serde_json::from_str::<Value>(&event.json).unwrap())
                    .filter(|event| reader.all || event["type"].as_str().unwrap().starts_with("chat."))
                    .filter(|event| {
                        reader.chats.as_ref().is_none_or(|chats| chats.iter().any(|chat| event["chatGuid"] == **chat))
                    })
                    .filter(|event| reader.types.is_none_or(|types| types.iter().any(|one| event["type"] == **one)))
                    .collect();
                assert_eq!(frame["events"], json!(expected), "exactly what the log holds");
                let count = u64::try_from(expected.len()).unwrap();
                assert!(count <= 7, "the limit of a batch");
                reader.credit = reader.credit.checked_sub(count).expect("never more than the credit");
                reader.position = Some(through);
                self.delivered += count;
            }
            "caughtUp" => {
                let reader = self.readers.get_mut(&id.unwrap()).expect("an open subscription");
                assert!(!std::mem::replace(&mut reader.caught_up, true), "once");
                assert_eq!(number("head"), reader.target);
                assert!(reader.position >= Some(reader.target));
            }
            "complete" => {
                let reader = self.readers.remove(&id.unwrap()).expect("an open subscription");
                assert_eq!(reader.position.or(reader.after), Some(number("head")));
            }
            "error" => {
                assert_eq!(frame["fatal"], false);
                let reader = self.readers.remove(&id.unwrap()).expect("an open subscription");
                match frame["code"].as_str().unwrap() {
                    "cursorTooOld" => {
                        if let Some(position) = reader.position {
                            let first: u64 = frame["context"]["first"].as_str().unwrap().parse().unwrap();
                            assert!(position < first, "nothing was lost that it had not read");
                        }
                    }
                    "cursorAhead" => {
                        let is_ahead = log.id == self.all.id && reader.after > Some(whole.head);
                        assert!(reader.position.is_none() && is_ahead, "{reader:?}");
                    }
                    // It read another one; or it waits, and what it waits for is not the log.
                    "logChanged" => match &reader.named {
                        Some(named) if reader.position.is_none() => assert_ne!(*named, self.all.id, "{reader:?}"),
                        _ => assert_ne!(reader.met, log.id, "{reader:?}"),
                    },
                    "serviceUnavailable" => {
                        let is_other = reader.named.as_ref().is_some_and(|named| *named != log.id);
                        let waited = now - reader.since >= REPLICA_WAIT_MS && (is_other || reader.after > Some(head));
                        assert!(reader.position.is_none() && waited, "{reader:?} at {now}");
                    }
                    other => panic!("{other}"),
                }
            }
            other => panic!("{other}"),
        }
    }
}

fn run(ops: Vec<Op>, is_replica: bool) {
    let limits =
        SessionLimits { max_batch_events: 7, max_concurrent_reads: 2, high_water_bytes: 3_000, ..SessionLimits::default() };
    let replica = is_replica.then(Replica::default);
    let mut log = FakeLog { scan: 11, replica, ..FakeLog::default() };
    for index in 0..30 {
        log.append(KINDS[index % 3], CHATS[index % 2]);
    }
    let mut oracle = Oracle { all: log.clone(), before: Vec::new(), readers: BTreeMap::new(), delivered: 0 };
    let mut rig = Rig::ready(limits, log);
    let mut follows = true;
    for op in ops {
        match op {
            Op::Append { kind, chat, count } => {
                for _ in 0..count {
                    oracle.all.append(KINDS[kind], CHATS[chat]);
                }
                if follows {
                    go_to(&mut rig, &oracle.all, oracle.all.head);
                }
            }
            Op::Subscribe { id, chat, chats, types, all, back, named, until, credit } => {
                let id = u64::from(id);
                if oracle.readers.contains_key(&id) {
                    continue;
                }
                let chat = chat.map(|chat| CHATS[chat]);
                let list = |bits: usize| {
                    (0..3).filter(|chat| (bits + 1) & (1 << chat) != 0).map(|chat| CHATS[chat]).collect::<Vec<_>>()
                };
                let chats = chats.filter(|_| chat.is_none()).map(list);
                let types = types.filter(|types| all || *types < 2).map(|types| TYPES[types]);
                // Over a replica a cursor may lie beyond its head, and even beyond the log's.
                let from = if is_replica { oracle.all.head + 4 } else { rig.log.head };
                let after = back.map(|back| from.saturating_sub(back));
                let named = match named {
                    Named::Present => Some(Arc::clone(&oracle.all.id)),
                    Named::Replicas => Some(Arc::clone(&rig.log.id)),
                    Named::Elsewhere => Some("elsewhere".into()),
                    Named::Nothing => None,
                };
                let named = named.filter(|_| after.is_some());
                let after_frame = after.map(|after| json!({ "log": named.as_deref(), "sequence": after }));
                let (since, met) = (rig.now, Arc::clone(&rig.log.id));
                let seen = chats.clone().or(chat.map(|chat| vec![chat]));
                let (position, target, caught_up) = (None, 0, false);
                let reader =
                    Reader { after, since, named, met, chats: seen, types, all, until, credit, position, target, caught_up };
                oracle.readers.insert(id, reader);
                let mut frame =
                    json!({ "type": "subscribe", "id": id, "topic": if all { "all" } else { "chats" }, "credit": credit });
                (frame["chat"], frame["chats"], frame["types"]) = (json!(chat), json!(chats), json!(types));
                frame["after"] = json!(after_frame);
                frame["until"] = json!(until.then_some("head"));
                rig.say(&frame.to_string());
            }
            Op::Credit { id, add } => {
                if let Some(reader) = oracle.readers.get_mut(&u64::from(id)) {
                    reader.credit += add;
                }
                rig.say(&json!({ "type": "credit", "id": id, "add": add }).to_string());
            }
            Op::Unsubscribe { id } => rig.say(&json!({ "type": "unsubscribe", "id": id }).to_string()),
            // A client that takes nothing is closed in the end, which is another test's affair.
            Op::Advance { ms } if !rig.hold_writes => rig.advance(ms),
            Op::Advance { .. } => {}
            Op::Prune { through } => {
                rig.log.prune(through);
                rig.log_moved();
            }
            Op::HoldReads(hold) => rig.hold_reads = hold,
            Op::HoldWrites(true) => rig.hold_writes = true,
            Op::HoldWrites(false) => rig.release_writes(),
            Op::FinishRead => drop(rig.finish_read()),
            Op::Replace => {
                let id = format!("log-{}", oracle.before.len() + 2);
                oracle.before.push(oracle.all.clone());
                oracle.all.replace(&id);
                if follows {
                    go_to(&mut rig, &oracle.all, oracle.all.head);
                }
            }
            Op::ReplicaAt(share) if is_replica => {
                follows = false;
                let whole = oracle.whole(&rig.log).clone();
                let head = (whole.head * share / 100).max(rig.log.first);
                go_to(&mut rig, &whole, head);
            }
            Op::ReplicaFollows => {
                follows = true;
                go_to(&mut rig, &oracle.all, oracle.all.head);
            }
            Op::Announce if is_replica && rig.log.id == oracle.all.id => {
                rig.log.replica = Some(Replica { written: oracle.all.head, announced: oracle.all.head });
            }
            Op::Answer(succeeds) if !rig.asks.is_empty() => {
                let away = || Error::new(ErrorCode::ServiceUnavailable, "the log is away");
                let end = WholeEnd { log: Arc::clone(&oracle.all.id), end: oracle.all.head };
                rig.answer_of(succeeds.then_some(end).ok_or_else(away));
            }
            Op::ReplicaAt(_) | Op::Announce | Op::Answer(_) => {}
        }
        for frame in rig.drain_sent() {
            oracle.frame(&frame, rig.now, &rig.log);
        }
        assert_eq!(rig.closed, None);
    }
    finish(&mut rig, &mut oracle);
}

/// The session's log is `whole`, and holds what that holds up to `head`.
fn go_to(rig: &mut Rig, whole: &FakeLog, head: u64) {
    if rig.log.id != whole.id {
        rig.log.replace(&whole.id);
    }
    let first = rig.log.first;
    rig.log.events = whole.events.iter().filter(|event| first < event.sequence && event.sequence <= head).cloned().collect();
    rig.log.head = head;
    rig.log_moved();
}

/// With credit, time and a transport that works, every reader that is left gets to the head, or to its end.
fn finish(rig: &mut Rig, oracle: &mut Oracle) {
    rig.hold_reads = false;
    rig.release_writes();
    let ids: Vec<u64> = oracle.readers.keys().copied().collect();
    for id in ids {
        oracle.readers.get_mut(&id).unwrap().credit += 1_000_000;
        rig.say(&json!({ "type": "credit", "id": id, "add": 1_000_000 }).to_string());
    }
    while rig.finish_read() {}
    for frame in rig.drain_sent() {
        oracle.frame(&frame, rig.now, &rig.log);
    }
    go_to(rig, &oracle.all, oracle.all.head);
    while rig.finish_read() {}
    rig.advance(15_000);
    while rig.finish_read() {}
    for frame in rig.drain_sent() {
        oracle.frame(&frame, rig.now, &rig.log);
    }
    for (id, reader) in &oracle.readers {
        assert!(reader.caught_up && !reader.until, "{id}: {reader:?}");
        assert_eq!((&reader.met, reader.position), (&oracle.all.id, Some(oracle.all.head)), "{id}: {reader:?}");
    }
    assert_eq!(rig.session.subscriptions(), oracle.readers.len());
    assert_eq!(rig.session.slowest(), (!oracle.readers.is_empty()).then_some(oracle.all.head));
    assert_eq!(rig.session.take_sent().events, oracle.delivered);
}

/// What a client that means no good, or a broken one, may send.
#[derive(Debug, Clone)]
enum Noise {
    Text(String),
    Binary,
    Malformed,
    Oversized,
    Wait(u64),
}

fn noise() -> impl Strategy<Value = Vec<Noise>> {
    let field = prop_oneof![
        Just("id"),
        Just("type"),
        Just("topic"),
        Just("chat"),
        Just("after"),
        Just("until"),
        Just("credit"),
        Just("add"),
        Just("n"),
        Just("token"),
        Just("client"),
    ];
    let value = prop_oneof![
        Just(json!(null)),
        Just(json!("subscribe")),
        Just(json!("credit")),
        Just(json!("ping")),
        Just(json!("token")),
        Just(json!("chats")),
        Just(json!("head")),
        Just(json!("secret")),
        Just(json!("any;-;a@b.c")),
        Just(json!({ "sequence": 1 })),
        Just(json!([])),
        Just(json!(true)),
        any::<u64>().prop_map(|number| json!(number)),
        any::<f64>().prop_map(|number| json!(number)),
        (0..9_u64).prop_map(|number| json!(number)),
        ".{0,80}".prop_map(|text| json!(text)),
    ];
    let almost = proptest::collection::btree_map(field, value, 0..7).prop_map(|map| json!(map).to_string());
    let valid = (0..4_u64, 0..100_u64, 0..6_usize).prop_map(|(id, number, which)| {
        let frames = [
            json!({ "type": "init", "token": "secret" }),
            json!({ "type": "subscribe", "id": id, "topic": "chats", "credit": number, "after": { "sequence": number } }),
            json!({ "type": "credit", "id": id, "add": number }),
            json!({ "type": "unsubscribe", "id": id }),
            json!({ "type": "token", "token": "secret" }),
            json!({ "type": "ping", "n": number }),
        ];
        frames[which].to_string()
    });
    let bytes = proptest::collection::vec(any::<u8>(), 0..200).prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let item = prop_oneof![
        8 => valid.prop_map(Noise::Text),
        3 => almost.prop_map(Noise::Text),
        1 => bytes.prop_map(Noise::Text),
        1 => (0..70_000_usize).prop_map(|size| Noise::Text("[".repeat(size))),
        2 => (0..30_000_u64).prop_map(Noise::Wait),
        1 => Just(Noise::Binary),
        1 => Just(Noise::Malformed),
        1 => Just(Noise::Oversized),
    ];
    proptest::collection::vec(item, 0..30)
}

fn endure(items: Vec<Noise>, greet: bool) {
    let mut log = FakeLog::default();
    for _ in 0..40 {
        log.append(KINDS[0], CHATS[0]);
    }
    let mut rig = if greet { Rig::ready(SessionLimits::default(), log) } else { Rig::with(SessionLimits::default(), log) };
    for item in items {
        match item {
            Noise::Text(text) => rig.say(&text),
            Noise::Binary => rig.input(ServerInput::Binary),
            Noise::Malformed => rig.input(ServerInput::Malformed),
            Noise::Oversized => rig.input(ServerInput::Oversized),
            Noise::Wait(ms) => rig.advance(ms),
        }
    }
    let frames = rig.drain_sent();
    let fatal: Vec<&Value> = frames.iter().filter(|frame| frame["fatal"] == true).collect();
    match rig.closed {
        None => assert!(fatal.is_empty(), "a fatal error is followed by a close: {fatal:?}"),
        Some(code) => {
            assert!([4400, 4401, 4408, 4409, 4413].contains(&code), "{code}");
            assert_eq!(fatal, [frames.last().unwrap()], "the last frame before the close says why");
            assert!(!fatal[0]["message"].as_str().unwrap().is_empty());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn every_subscription_is_a_chain_over_the_log_within_its_credit(ops in ops()) {
        run(ops, false);
    }

    #[test]
    fn so_it_is_over_a_replica_that_lags_and_goes_back(ops in ops()) {
        run(ops, true);
    }

    #[test]
    fn any_input_is_answered_or_refused_with_a_reason(items in noise(), greet in any::<bool>()) {
        endure(items, greet);
    }
}
