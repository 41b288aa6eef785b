//! What a subscription hears of a log that moves, and when.

use im_chats_protocol::error::ErrorCode;
use im_chats_protocol::server::{
    ChatFilter, EventFilter, EventKind, LogState, LoggedEvent, Place, Replica, Sent, ServerInput, SessionLimits,
};
use im_chats_protocol::wire::frame::Topic;
use serde_json::{Value, json};

use super::rig::{FakeLog, Rig};

const ALICE: &str = "any;-;alice@example.com";
const BOB: &str = "any;-;bob@example.com";

fn log_of(events: u64) -> FakeLog {
    let mut log = FakeLog::default();
    for _ in 0..events {
        log.append("chat.archived", ALICE);
    }
    log
}

fn heads(frames: &[Value]) -> Vec<u64> {
    frames.iter().filter(|frame| frame["type"] == "heartbeat").map(|frame| frame["head"].as_u64().unwrap()).collect()
}

#[test]
fn a_client_without_credit_hears_of_a_head_that_moves_once_a_second_and_of_one_that_stands_not_at_all() {
    let mut rig = Rig::ready(SessionLimits::default(), log_of(2));
    rig.say(&json!({ "type": "subscribe", "id": 1, "topic": "chats", "after": { "sequence": 0 }, "credit": 0 }).to_string());
    rig.drain_sent();
    rig.advance(5_000);
    assert_eq!(heads(&rig.drain_sent()), [0_u64; 0], "it got the head in subscribed");
    rig.append("chat.archived", ALICE, 1);
    rig.advance(0);
    assert_eq!(heads(&rig.drain_sent()), [3], "the last heartbeat was long ago");
    rig.append("chat.archived", ALICE, 1);
    rig.advance(999);
    assert_eq!(heads(&rig.drain_sent()), [0_u64; 0]);
    rig.append("chat.archived", ALICE, 1);
    rig.advance(1);
    assert_eq!(heads(&rig.drain_sent()), [5]);
    rig.advance(14_999);
    assert_eq!(heads(&rig.drain_sent()), [0_u64; 0], "nothing moved: the ordinary interval");
    rig.advance(1);
    assert_eq!(heads(&rig.drain_sent()), [5]);
}

#[test]
fn a_client_with_credit_and_a_catch_up_hear_of_the_head_with_the_ordinary_heartbeat_only() {
    for (credit, until) in [(10, None), (0, Some("head"))] {
        let mut rig = Rig::ready(SessionLimits::default(), log_of(2));
        let ask = json!({
            "type": "subscribe", "id": 1, "topic": "chats", "chat": ALICE, "after": { "sequence": 0 }, "credit": credit,
            "until": until,
        });
        rig.say(&ask.to_string());
        rig.drain_sent();
        for _ in 0..5 {
            rig.append("chat.archived", BOB, 1);
            rig.advance(1_000);
        }
        assert_eq!(heads(&rig.drain_sent()), [0_u64; 0], "credit {credit}");
        rig.advance(10_000);
        assert_eq!(heads(&rig.drain_sent()), [7], "credit {credit}");
    }
}

#[test]
fn a_catch_up_ends_at_the_head_of_its_beginning_although_the_log_goes_on() {
    let mut rig = Rig::ready(SessionLimits { max_batch_events: 1, ..SessionLimits::default() }, log_of(3));
    rig.hold_reads = true;
    let ask = json!({
        "type": "subscribe", "id": 1, "topic": "chats", "after": { "sequence": 0 }, "credit": 10, "until": "head"
    });
    rig.say(&ask.to_string());
    rig.append("chat.archived", ALICE, 2);
    while rig.finish_read() {}
    let frames = rig.drain_sent();
    let through: Vec<_> = frames.iter().filter_map(|frame| frame["through"].as_u64()).collect();
    assert_eq!(through, [1, 2, 3]);
    let last: Vec<_> = frames.iter().rev().take(2).map(|frame| (frame["type"].clone(), frame["head"].clone())).collect();
    assert_eq!(last, [(json!("complete"), json!(3)), (json!("caughtUp"), json!(3))]);
    assert_eq!(rig.session.subscriptions(), 0);
}

#[test]
fn events_of_another_log_end_the_subscriptions_of_this_one() {
    for head in [1, 2, 5] {
        let mut rig = Rig::ready(SessionLimits::default(), log_of(2));
        rig.say(&json!({ "type": "subscribe", "id": 1, "topic": "chats", "credit": 10 }).to_string());
        rig.drain_sent();
        rig.log.replace("log-2");
        for _ in 0..head {
            rig.log.append("chat.archived", ALICE);
        }
        let events = rig.log.events.clone();
        rig.input(ServerInput::Appended { events: &events });
        let frames = rig.drain_sent();
        assert_eq!(frames.len(), 1, "{frames:?}");
        let context = &frames[0]["context"];
        assert_eq!(
            (&frames[0]["code"], &context["log"], &context["expected"]),
            (&json!("logChanged"), &json!("log-2"), &json!("log-1"))
        );
        assert_eq!(rig.session.head(), head);
    }
}

#[test]
fn a_subscription_is_read_for_once_at_a_time_and_not_without_need() {
    let mut rig = Rig::ready(SessionLimits::default(), log_of(2));
    rig.hold_reads = true;
    rig.say(&json!({ "type": "subscribe", "id": 1, "topic": "chats", "after": { "sequence": 0 }, "credit": 10 }).to_string());
    rig.append("chat.archived", ALICE, 1);
    rig.append("chat.archived", ALICE, 1);
    rig.say(r#"{"type":"credit","id":1,"add":1}"#);
    assert_eq!(rig.reads_begun, 1, "one is under way");
    rig.finish_read();
    assert_eq!(rig.reads_begun, 2, "the two events that came meanwhile, in one read");
    rig.finish_read();
    rig.say(r#"{"type":"credit","id":1,"add":1}"#);
    rig.log_moved();
    assert_eq!(rig.reads_begun, 2, "nothing new");
}

#[test]
fn credit_of_nothing_wakes_nobody_and_stops_nobody() {
    let mut rig = Rig::ready(SessionLimits::default(), log_of(1));
    let subscribe = |id: u64, after: u64| {
        json!({ "type": "subscribe", "id": id, "topic": "chats", "chat": ALICE, "after": { "sequence": after }, "credit": 0 })
            .to_string()
    };
    rig.say(&subscribe(1, 0));
    rig.say(&subscribe(2, 1));
    let reads = rig.reads_begun;
    rig.say(r#"{"type":"credit","id":1,"add":0}"#);
    assert_eq!(rig.reads_begun, reads, "still without credit");
    // The other one waits for nothing: an event that its filter hides moves it forward.
    rig.say(r#"{"type":"credit","id":2,"add":0}"#);
    rig.drain_sent();
    rig.log.append("chat.archived", BOB);
    rig.input(ServerInput::Tick);
    rig.advance(15_000);
    let frames = rig.drain_sent();
    let moved: Vec<_> = frames.iter().filter(|frame| frame["type"] == "events").map(|frame| frame["id"].clone()).collect();
    assert_eq!(moved, [json!(2)]);
}

#[test]
fn a_client_that_is_behind_hears_of_hidden_events_at_once() {
    let mut log = log_of(0);
    for _ in 0..20 {
        log.append("chat.archived", BOB);
    }
    log.scan = 8;
    let mut rig = Rig::ready(SessionLimits::default(), log);
    let ask = json!({ "type": "subscribe", "id": 1, "topic": "chats", "chat": ALICE, "after": { "sequence": 0 }, "credit": 5 });
    rig.say(&ask.to_string());
    let through: Vec<_> = rig.drain_sent().iter().filter_map(|frame| frame["through"].as_u64()).collect();
    assert_eq!(through, [8, 16, 20]);
}

#[test]
fn a_position_is_good_from_the_first_to_the_head() {
    let log = LogState { id: "log-1".into(), first: 3, head: 7, replica: None };
    assert!([3, 5, 7].iter().all(|sequence| log.place(*sequence) == Ok(Place::Here)));
    for (sequence, code) in [(2, ErrorCode::CursorTooOld), (0, ErrorCode::CursorTooOld), (8, ErrorCode::CursorAhead)] {
        let error = log.place(sequence).unwrap_err();
        assert_eq!(error.code, code.as_str());
        assert_eq!((error.context_value("first"), error.context_value("head")), (Some("3"), Some("7")));
    }
    let empty = LogState { id: "log-1".into(), first: 0, head: 0, replica: None };
    assert!(empty.place(0).is_ok() && empty.place(1).is_err());
    // A replica cannot say of a place beyond its head that there is none.
    let replica = LogState { replica: Some(Replica::default()), ..log };
    assert_eq!([7, 8].map(|sequence| replica.place(sequence)), [Ok(Place::Here), Ok(Place::Beyond)]);
    assert_eq!(replica.place(2).unwrap_err().code, ErrorCode::CursorTooOld.as_str());
}

#[test]
fn a_reader_sees_the_events_of_its_topic_and_its_chat() {
    let of_chat = |topic: Topic, chat: &str| EventFilter { chats: ChatFilter::One(chat.into()), ..EventFilter::of(topic) };
    let (chats, all) = (EventFilter::of(Topic::Chats), EventFilter::of(Topic::All));
    for kind in EventKind::ALL {
        assert!(all.admits(kind, ALICE, "{}"));
        assert_eq!(chats.admits(kind, ALICE, "{}"), kind == EventKind::Chat);
        let (of_alice, of_bob) = (of_chat(Topic::All, ALICE), of_chat(Topic::All, BOB));
        assert_eq!((of_alice.admits(kind, ALICE, "{}"), of_bob.admits(kind, ALICE, "{}")), (true, false));
    }
    assert!(!of_chat(Topic::Chats, BOB).admits(EventKind::Chat, ALICE, "{}"));
}

#[test]
fn a_kind_of_event_has_a_number_of_its_own_that_leads_back_to_it() {
    for (number, kind) in (0..).zip(EventKind::ALL) {
        assert_eq!((kind.number(), EventKind::from_number(number)), (number, Some(kind)));
    }
    assert_eq!([-1, 5, i64::MAX].map(EventKind::from_number), [None; 3]);
}

#[test]
fn an_event_costs_what_it_holds() {
    let event = LoggedEvent {
        sequence: 1,
        kind: EventKind::Chat,
        chat_guid: "four".into(),
        json: "{}".into(),
        proto: Some(vec![0; 10].into()),
    };
    assert_eq!(event.size(), 16);
    assert_eq!(LoggedEvent { proto: None, ..event }.size(), 6);
}

#[test]
fn new_events_are_looked_at_only_where_that_saves_reads() {
    // How many subscriptions, how many new events, and whether they are looked at.
    for (subscriptions, new, is_asked) in [(4, 1, false), (5, 1, true), (5, 0, false)] {
        let mut rig = Rig::ready(SessionLimits::default(), log_of(2));
        for id in 0..subscriptions {
            rig.say(&json!({ "type": "subscribe", "id": id, "topic": "chats", "chat": BOB, "credit": 5 }).to_string());
        }
        for _ in 0..new {
            rig.log.append("chat.archived", ALICE);
        }
        let (log, before) = (rig.log.state(), rig.reads_begun);
        let mut asked = Vec::new();
        rig.session.handle_with_recent(0, &log, ServerInput::Tick, |after| {
            asked.push(after);
            Some(rig.log.events.iter().filter(|event| event.sequence > after).cloned().collect::<Vec<_>>())
        });
        assert_eq!(asked, if is_asked { vec![2] } else { vec![] }, "{subscriptions} subscriptions, {new} events");
        rig.input(ServerInput::Tick);
        assert_eq!(rig.reads_begun > before, new > 0 && !is_asked, "{subscriptions} subscriptions, {new} events");
    }
}

#[test]
fn of_many_subscriptions_a_new_event_is_read_only_for_those_whose_chats_and_types_it_has() {
    let mut rig = Rig::ready(SessionLimits::default(), log_of(2));
    let team = "any;+;team";
    let filters = [
        json!({ "chats": [ALICE, team] }),
        json!({ "chats": [BOB, team] }),
        json!({ "types": ["message.received"] }),
        json!({ "types": ["chat.archived", "poll.changed"] }),
        json!({ "chats": [ALICE], "types": ["chat.archived"] }),
        json!({ "chats": [ALICE], "types": ["unknown"] }),
    ];
    for (id, filter) in filters.iter().enumerate() {
        let mut ask = json!({ "type": "subscribe", "id": id, "topic": "all", "credit": 5 });
        ask.as_object_mut().unwrap().extend(filter.as_object().unwrap().clone());
        rig.say(&ask.to_string());
    }
    rig.drain_sent();
    let mut reach = |kind: &str, chat: &str| {
        let begun = rig.reads_begun;
        rig.log.append(kind, chat);
        rig.append(kind, chat, 1);
        let events = rig.drain_sent().into_iter().filter(|frame| frame["type"] == "events");
        (events.map(|frame| frame["id"].as_u64().unwrap()).collect::<Vec<_>>(), rig.reads_begun - begun)
    };
    assert_eq!(reach("chat.archived", ALICE), (vec![0, 3, 4], 3));
    assert_eq!(reach("message.received", team), (vec![0, 1, 2], 3));
    assert_eq!(reach("message.edited", BOB), (vec![1], 1));
    assert_eq!(reach("message.invented", ALICE), (vec![0, 5], 2), "a type that nobody knows is unknown");
}

#[test]
fn a_log_that_went_back_has_no_new_events() {
    let mut rig = Rig::ready(SessionLimits::default(), log_of(2));
    for id in 0..9 {
        rig.say(&json!({ "type": "subscribe", "id": id, "topic": "chats", "chat": BOB, "credit": 5 }).to_string());
    }
    rig.log.head = 1;
    let log = rig.log.state();
    rig.session.handle_with_recent(0, &log, ServerInput::Tick, |_| -> Option<Vec<_>> { panic!("nothing is new") });
}

#[test]
fn spaces_around_a_chat_are_no_part_of_it() {
    let mut rig = Rig::ready(SessionLimits::default(), log_of(1));
    let ask = json!({
        "type": "subscribe", "id": 1, "topic": "chats", "chat": format!(" {ALICE} "), "after": { "sequence": 0 }, "credit": 5
    });
    rig.say(&ask.to_string());
    let given: usize = rig.drain_sent().iter().filter_map(|frame| frame["events"].as_array().map(Vec::len)).sum();
    assert_eq!(given, 1);
}

#[test]
fn credit_that_is_used_up_to_the_last_event_keeps_nothing_waiting() {
    let mut rig = Rig::ready(SessionLimits::default(), log_of(2));
    let ask = json!({ "type": "subscribe", "id": 1, "topic": "chats", "chat": ALICE, "after": { "sequence": 0 }, "credit": 2 });
    rig.say(&ask.to_string());
    rig.drain_sent();
    rig.log.append("chat.archived", BOB);
    rig.input(ServerInput::Tick);
    rig.advance(14_999);
    assert_eq!(rig.drain_sent().len(), 0, "no event of its chat waits: there is no hurry to tell it the head");
    rig.advance(1);
    let frames = rig.drain_sent();
    assert_eq!((&frames[0]["type"], &frames[0]["through"]), (&json!("events"), &json!(3)), "it moves on without credit");
}

#[test]
fn one_that_leaves_the_queue_takes_nobody_with_it() {
    let limits = SessionLimits { max_batch_events: 1, max_concurrent_reads: 1, ..SessionLimits::default() };
    let mut rig = Rig::ready(limits, log_of(2));
    rig.hold_reads = true;
    let subscribe = |id: u64| {
        json!({ "type": "subscribe", "id": id, "topic": "chats", "after": { "sequence": 0 }, "credit": 5 }).to_string()
    };
    for id in 1..=4 {
        rig.say(&subscribe(id));
    }
    // 2, 3 and 4 wait for their turn; 3 leaves, and comes back behind the others.
    rig.say(r#"{"type":"unsubscribe","id":3}"#);
    rig.say(&subscribe(3));
    while rig.finish_read() {}
    let frames = rig.drain_sent();
    let order: Vec<_> = frames.iter().filter(|frame| frame["type"] == "events").map(|frame| frame["id"].clone()).collect();
    assert_eq!(order, [1, 2, 4, 3, 1, 2, 4, 3]);
}

#[test]
fn the_slowest_subscription_is_the_one_that_has_seen_least_and_what_was_sent_is_told_once() {
    let mut rig = Rig::ready(SessionLimits::default(), log_of(5));
    assert_eq!((rig.session.slowest(), rig.session.take_sent()), (None, Sent::default()));
    let mut ask = |id: u64, chat: &str, after: u64, credit: u64| {
        let place = json!({ "sequence": after });
        let frame = json!({ "type": "subscribe", "id": id, "topic": "chats", "chat": chat, "after": place, "credit": credit });
        rig.say(&frame.to_string());
        rig.session.slowest()
    };
    // Nothing is for it in what it skips, so it is not behind, although no event tells its client so.
    assert_eq!(ask(1, BOB, 0, 0), Some(5));
    assert_eq!(ask(2, ALICE, 2, 9), Some(5));
    assert_eq!(ask(3, ALICE, 0, 2), Some(2), "it waits for credit");
    for id in [4, 5] {
        assert_eq!(ask(id, ALICE, 6, 1), Some(2));
    }
    let sent = rig.session.take_sent();
    assert_eq!((sent.events, sent.errors), (5, vec![("cursorAhead".into(), 2)]));
    assert_eq!(rig.session.take_sent(), Sent::default());
    rig.say(r#"{"type":"unsubscribe","id":3}"#);
    assert_eq!(rig.session.slowest(), Some(5));
}
