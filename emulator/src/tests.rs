//! Random histories against what a user may rely on, and what a client sees of single commands.

use im_chats_protocol::model::{ChatServiceType, LiveEvent, MessageEffect};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::address::Address;
use im_chats_protocol::server::LoggedEvent;

const PEOPLE: [&str; 4] = ["alice@example.com", "bob@example.com", "carol@example.com", "+14155552671"];

fn address(who: usize) -> Address {
    Address::parse(PEOPLE[who % PEOPLE.len()], "a").unwrap()
}

fn draft(text: &str) -> Box<Draft> {
    Box::new(Draft::text(text, Vec::new(), "text").unwrap())
}

/// A command by number, so that proptest can shrink it: which people, which chat of those there are, which key.
#[derive(Debug, Clone)]
enum Step {
    Create { people: Vec<usize>, text: Option<u8> },
    On { chat: usize, what: u8, actor: Option<usize> },
    Receive { chat: usize, from: usize },
    Generate { chats: usize, count: u64 },
}

fn steps() -> impl Strategy<Value = Vec<(Step, Option<u8>)>> {
    let step = prop_oneof![
        (proptest::sample::subsequence(vec![0, 1, 2, 3], 1..=4), proptest::option::of(0u8..3))
            .prop_map(|(people, text)| Step::Create { people, text }),
        (0usize..6, 0u8..7, proptest::option::of(0usize..4)).prop_map(|(chat, what, actor)| Step::On { chat, what, actor }),
        (0usize..6, 0usize..4).prop_map(|(chat, from)| Step::Receive { chat, from }),
        (1usize..4, 1u64..20).prop_map(|(chats, count)| Step::Generate { chats, count }),
    ];
    proptest::collection::vec((step, proptest::option::of(0u8..6)), 1..40)
}

fn request(state: &State, step: &Step, key: Option<u8>, now: i64) -> Request {
    let guid = |index: usize| {
        let guids: Vec<String> = state.chats().map(|known| known.chat.guid.clone()).collect();
        guids.get(index).cloned().unwrap_or_else(|| "any;-;nobody@example.com".to_owned())
    };
    let command = match step {
        Step::Create { people, text } => Command::Create {
            addresses: people.iter().map(|who| address(*who)).collect(),
            service: ChatServiceType::IMessage,
            opening: text.map(|text| draft(&format!("text {text}"))),
        },
        Step::On { chat, what, actor } => {
            let chat = guid(*chat);
            let actor = actor.map(address);
            match what {
                0 => Command::Touch { chat },
                1 | 2 => Command::MarkRead { chat, actor },
                3 => Command::SetBackground { chat, mime: "image/png", actor },
                4 => Command::RemoveBackground { chat, actor },
                archived => Command::SetArchived { chat, archived: *archived == 5, actor },
            }
        }
        Step::Receive { chat, from } => Command::Send { chat: guid(*chat), draft: draft("hello"), actor: Some(address(*from)) },
        Step::Generate { chats, count } => {
            Command::Generate { chats: (0..*chats).map(|index| guid(index).into()).collect(), count: *count }
        }
    };
    Request {
        command,
        write: key.map(|key| Write { keys: vec![format!("key {key}")], fingerprint: format!("{step:?}") }),
        now,
        ids: [format!("group{now}"), format!("message{now}")],
    }
}

/// Two chats of one guid must not appear twice in one generated run.
fn sensible(state: &State, step: &Step) -> bool {
    !matches!(step, Step::Generate { chats, .. } if *chats > state.chats().count())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn replay_gives_the_same_state_and_the_events_tell_what_changed(history in steps(), cut: usize, again: usize) {
        let mut state = State::default();
        let mut journal: Vec<Entry> = Vec::new();
        let mut log: Vec<LoggedEvent> = Vec::new();
        // Some keys end on the way, and some are used again after that.
        for (now, (step, key)) in (1_767_268_800_000..).step_by(9_000_000).zip(&history) {
            if !sensible(&state, step) {
                continue;
            }
            let request = request(&state, step, *key, now);
            let before = state.clone();
            let decision = match state.decide(&request) {
                Ok(Decision::New(outcome)) => outcome,
                Ok(Decision::Again { entry }) => {
                    // The answer is where it is said to be, and it is that of this write.
                    let Some(Entry::Answered { keys, fingerprint, .. }) = journal.get(usize::try_from(entry).unwrap() - 1) else {
                        panic!("no answer at {entry}")
                    };
                    let write = request.write.as_ref().unwrap();
                    prop_assert_eq!((keys, fingerprint), (&write.keys, &write.fingerprint));
                    continue;
                }
                Err(_) => continue,
            };
            for entry in &decision.entries {
                let events = entry.events().unwrap();
                prop_assert_eq!(events.last().map(|event| event.sequence), entry.last_sequence());
                log.extend(events);
                state.apply(entry);
            }
            // Deciding changes nothing by itself, and the same write again writes nothing.
            if request.write.is_some() {
                let answered = u64::try_from(journal.len() + decision.entries.len()).unwrap();
                prop_assert_eq!(state.decide(&request), Ok(Decision::Again { entry: answered }));
                let last = decision.entries.last();
                let is_it = matches!(last, Some(Entry::Answered { answer, .. }) if **answer == decision.answer);
                prop_assert!(is_it, "{:?}", last);
            } else if decision.entries.is_empty() {
                prop_assert_eq!(&before, &state);
            }
            journal.extend(decision.entries);
        }

        // The log is gapless here, and its head is the state's.
        let sequences: Vec<u64> = log.iter().map(|event| event.sequence).collect();
        prop_assert_eq!(sequences, (1..=state.head()).collect::<Vec<_>>());

        // A restart: the journal as it lies on disk.
        let mut replayed = State::default();
        for entry in &journal {
            let text = serde_json::to_string(entry).unwrap();
            replayed.apply(&serde_json::from_str(&text).unwrap());
        }
        prop_assert_eq!(&replayed, &state);
        prop_assert_eq!(usize::try_from(state.entries()), Ok(journal.len()));

        // The same from a checkpoint at any place, and again from a checkpoint of that.
        let mut resting = State::default();
        for (index, entry) in journal.iter().enumerate() {
            if index > 0 && (index == cut % journal.len() || index == again % journal.len()) {
                let before = resting.clone();
                resting = rested(&resting);
                prop_assert_eq!(&resting, &before);
                prop_assert_eq!(before.checkpoint().count(), before.checkpoint_len());
                for answer in before.answers() {
                    let holds = matches!(journal[usize::try_from(answer).unwrap() - 1], Entry::Answered { .. });
                    prop_assert!(holds, "{}", answer);
                }
            }
            resting.apply(entry);
        }
        prop_assert_eq!(&resting, &state);

        // What a reader of the events alone believes is what the state says.
        for known in state.chats() {
            let mut archived = false;
            let mut background = false;
            let mut unread = 0;
            for event in log.iter().filter(|event| *event.chat_guid == *known.chat.guid) {
                let value: serde_json::Value = serde_json::from_str(&event.json).unwrap();
                serde_json::from_str::<LiveEvent>(&event.json).unwrap();
                match value["type"].as_str().unwrap() {
                    "chat.archived" => { prop_assert!(!archived); archived = true; }
                    "chat.unarchived" => { prop_assert!(archived); archived = false; }
                    "chat.backgroundChanged" => background = true,
                    "chat.backgroundRemoved" => { prop_assert!(background); background = false; }
                    "chat.markedRead" => { prop_assert!(unread > 0); unread = 0; }
                    "message.received" => {
                        // A message never lands in the archive.
                        prop_assert!(!archived);
                        unread += u32::from(value["isFromMe"] == false);
                    }
                    other => prop_assert!(false, "unknown event {other}"),
                }
            }
            prop_assert_eq!((archived, background, Some(unread)), (known.chat.is_archived, known.background.is_some(), known.chat.unread_count));
        }
    }
}

/// Down to the pieces of a checkpoint as they lie on disk, and up again.
fn rested(state: &State) -> State {
    let mut rested = State::default();
    for item in state.checkpoint() {
        let text = serde_json::to_string(&item).unwrap();
        rested.take(serde_json::from_str(&text).unwrap()).unwrap();
    }
    rested
}

#[test]
fn a_checkpoint_of_another_form_or_order_is_none() {
    let mut state = State::default();
    decide(&mut state, &request(&State::default(), &Step::Create { people: vec![0], text: None }, None, 1)).unwrap();
    let items: Vec<CheckpointItem> = state.checkpoint().collect();
    let [first, chat] = items.as_slice() else { panic!("{items:?}") };
    let take = |items: &[&CheckpointItem]| {
        let mut state = State::default();
        items.iter().try_for_each(|item| state.take((*item).clone()))
    };
    assert_eq!(take(&[first, chat]), Ok(()));
    for wrong in [vec![chat], vec![first, first], vec![first, chat, chat]] {
        assert_eq!(take(&wrong), Err(NotACheckpoint::Order), "{wrong:?}");
    }
    let newer = CheckpointItem::State { version: 3, head: 1, entries: 1 };
    assert_eq!(take(&[&newer]).unwrap_err().to_string(), "it has the form 3, and this version reads up to 2");
}

fn decide(state: &mut State, request: &Request) -> Result<Outcome, im_chats_protocol::error::Error> {
    let Decision::New(decision) = state.decide(request)? else { panic!("no request here comes twice") };
    decision.entries.iter().for_each(|entry| state.apply(entry));
    Ok(decision)
}

#[test]
fn the_same_people_in_any_order_are_the_same_group() {
    let mut state = State::default();
    let guid = |decision: Outcome| match decision.answer {
        Reply::Created(result) => result.chat.guid,
        other => panic!("no chat: {other:?}"),
    };
    let create = |people: Vec<usize>, now| Step::Create { people, text: None }.clone_into_request(now);
    let first = guid(decide(&mut state, &create(vec![0, 1, 2], 1)).unwrap());
    let second = guid(decide(&mut state, &create(vec![2, 0, 1], 2)).unwrap());
    let other = guid(decide(&mut state, &create(vec![0, 1], 3)).unwrap());
    assert_eq!(first, second);
    assert_ne!(first, other);
}

impl Step {
    fn clone_into_request(&self, now: i64) -> Request {
        request(&State::default(), self, None, now)
    }
}

#[test]
fn the_log_ends_at_the_last_exact_number() {
    let mut state = State::default();
    decide(&mut state, &request(&State::default(), &Step::Create { people: vec![0], text: None }, None, 1)).unwrap();
    let last = im_chats_protocol::number::MAX_SAFE_INTEGER;
    state.apply(&Entry::Changed {
        sequence: last - 1,
        at: 0,
        chat: "any;-;alice@example.com".to_owned(),
        change: Change::MarkedRead,
        actor: None,
    });
    let receive = request(&state, &Step::Receive { chat: 0, from: 0 }, None, 2);
    decide(&mut state, &receive).unwrap();
    assert_eq!(state.head(), last);
    assert_eq!(decide(&mut state, &receive).unwrap_err().code, "internalError");
}

// -- what a client sees -------------------------------------------------------------------------------------------------

const NOON: i64 = 1_767_268_800_000;

const DIRECT: &str = "any;-;alice@example.com";

fn asked(command: Command) -> Request {
    Request { command, write: None, now: NOON, ids: ["group".to_owned(), "message".to_owned()] }
}

fn create(people: &[&str], service: ChatServiceType, opening: Option<Box<Draft>>) -> Command {
    let addresses = people.iter().map(|who| Address::parse(who, "addresses").unwrap()).collect();
    Command::Create { addresses, service, opening }
}

/// The chat that is answered, as JSON, and the opening message.
fn created(state: &mut State, command: Command) -> (serde_json::Value, serde_json::Value) {
    match decide(state, &asked(command)).unwrap().answer {
        Reply::Created(result) => (json!(result.chat), json!(result.initial_message)),
        other => panic!("no chat: {other:?}"),
    }
}

fn events(outcome: &Outcome) -> Vec<serde_json::Value> {
    let events = outcome.entries.iter().flat_map(|entry| entry.events().unwrap());
    events.map(|event| serde_json::from_str(&event.json).unwrap()).collect()
}

#[test]
fn a_new_chat_is_what_its_people_make_it() {
    let mut state = State::default();
    let (direct, message) = created(&mut state, create(&["Alice@Example.com"], ChatServiceType::IMessage, None));
    assert_eq!((&direct["guid"], &direct["chatIdentifier"]), (&json!(DIRECT), &json!("alice@example.com")));
    assert_eq!(
        (&direct["displayName"], &direct["isGroup"], &direct["unreadCount"]),
        (&json!("Alice"), &json!(false), &json!(0))
    );
    assert_eq!((&direct["groupId"], message), (&json!(null), json!(null)));

    let people = ["+14155552671", "bob@example.com"];
    let (group, _) = created(&mut state, create(&people, ChatServiceType::Sms, None));
    assert_eq!((&group["guid"], &group["groupId"], &group["isGroup"]), (&json!("any;+;group"), &json!("group"), &json!(true)));
    assert_eq!((&group["displayName"], &group["service"]), (&json!(""), &json!(ChatServiceType::Sms)));
    let first = &group["participants"][0];
    assert_eq!((&first["address"], &first["country"]), (&json!("+14155552671"), &json!("US")));
    assert_eq!((&first["service"], &group["participants"][1]["country"]), (&json!(ChatServiceType::Sms), &json!(null)));
    assert_eq!(state.chats().count(), 2);
    created(&mut state, create(&["alice@example.com"], ChatServiceType::IMessage, None));
    assert_eq!((state.chats().count(), state.entries()), (2, 2), "who is there already is found, and nothing is written");
}

#[test]
fn an_opening_message_has_all_that_was_asked_for() {
    let mut state = State::default();
    let opening = draft("hello").effect(Some(MessageEffect::Confetti.id()), "effectId").unwrap();
    let opening = Box::new(opening.subject(Some("a subject"), "subject").unwrap());
    let (chat, message) = created(&mut state, create(&["alice@example.com"], ChatServiceType::IMessage, Some(opening)));
    assert_eq!(
        message,
        json!({
            "guid": "message", "chatGuids": [DIRECT], "subject": "a subject", "isFromMe": true,
            "content": { "text": "hello", "expressiveSendStyleId": MessageEffect::Confetti.id() },
            "dateCreated": "2026-01-01T12:00:00Z",
        })
    );
    assert_eq!((&chat["lastMessage"], &chat["unreadCount"]), (&message, &json!(0)));
    assert_eq!(json!(*state.chat(DIRECT).unwrap().chat), chat, "the answer is what a read gives next");
}

#[test]
fn a_message_comes_from_a_participant_and_is_unread_until_it_is_read() {
    let mut state = State::default();
    created(&mut state, create(&["alice@example.com"], ChatServiceType::IMessage, None));
    let receive = |from: &str| {
        asked(Command::Send { chat: DIRECT.to_owned(), actor: Some(Address::parse(from, "from").unwrap()), draft: draft("hi") })
    };
    let refused = decide(&mut state, &receive("bob@example.com")).unwrap_err();
    assert_eq!((refused.context_value("field"), refused.context_value("value")), (Some("from"), Some("bob@example.com")));
    let outcome = decide(&mut state, &receive("alice@example.com")).unwrap();
    let event = &events(&outcome)[0];
    assert_eq!((&event["type"], &event["occurredAt"]), (&json!("message.received"), &json!("2026-01-01T12:00:00Z")));
    assert_eq!((&event["isFromMe"], &event["actor"]["address"]), (&json!(false), &json!("alice@example.com")));
    assert_eq!((&event["message"]["sender"]["address"], &event["sequence"]), (&json!("alice@example.com"), &json!(1)));
    let last = |state: &State| state.chat(DIRECT).unwrap().chat.last_message.clone().unwrap();
    assert_eq!(last(&state).date_read, None);
    let read = asked(Command::MarkRead { chat: DIRECT.to_owned(), actor: None });
    assert_eq!(events(&decide(&mut state, &read).unwrap())[0]["type"], "chat.markedRead");
    assert_eq!(last(&state).date_read.as_deref(), Some("2026-01-01T12:00:00Z"));
    assert!(decide(&mut state, &read).unwrap().entries.is_empty(), "nothing is unread any more");
}

#[test]
fn a_message_of_ones_own_is_never_read_by_oneself() {
    let mut state = State::default();
    created(&mut state, create(&["alice@example.com"], ChatServiceType::IMessage, None));
    let from = Address::parse("alice@example.com", "from").unwrap();
    decide(&mut state, &asked(Command::Send { chat: DIRECT.to_owned(), actor: Some(from), draft: draft("hi") })).unwrap();
    let opening = draft("hello");
    created(&mut state, create(&["alice@example.com"], ChatServiceType::IMessage, Some(opening)));
    decide(&mut state, &asked(Command::MarkRead { chat: DIRECT.to_owned(), actor: None })).unwrap();
    let chat = &state.chat(DIRECT).unwrap().chat;
    assert_eq!((chat.unread_count, chat.last_message.as_ref().unwrap().date_read.as_deref()), (Some(0), None));
}

#[test]
fn an_actor_is_who_the_chat_knows_or_somebody_on_its_transport() {
    let mut state = State::default();
    created(&mut state, create(&["+14155552671"], ChatServiceType::Sms, None));
    let archive = |archived: bool, actor: Option<&str>| {
        let actor = actor.map(|actor| Address::parse(actor, "actor").unwrap());
        asked(Command::SetArchived { chat: "any;-;+14155552671".to_owned(), archived, actor })
    };
    for (archived, actor, service) in [
        (true, Some("+14155552671"), Some(ChatServiceType::Sms)),
        (false, Some("bob@example.com"), Some(ChatServiceType::Sms)),
        (true, None, None),
    ] {
        let outcome = decide(&mut state, &archive(archived, actor)).unwrap();
        let event = &events(&outcome)[0];
        assert_eq!((&event["actor"]["address"], &event["isFromMe"]), (&json!(actor), &json!(actor.is_none())));
        assert_eq!(event["actor"]["service"], json!(service));
        assert_eq!(event["type"], if archived { "chat.archived" } else { "chat.unarchived" });
        assert!(decide(&mut state, &archive(archived, actor)).unwrap().entries.is_empty(), "it is so already");
    }
}

#[test]
fn what_has_no_chat_or_no_time_is_refused() {
    let mut state = State::default();
    let chat = || DIRECT.to_owned();
    for command in [
        Command::Touch { chat: chat() },
        Command::MarkRead { chat: chat(), actor: None },
        Command::SetBackground { chat: chat(), mime: "image/png", actor: None },
        Command::RemoveBackground { chat: chat(), actor: None },
        Command::SetArchived { chat: chat(), archived: true, actor: None },
        Command::Generate { chats: vec![DIRECT.into()], count: 1 },
    ] {
        let error = decide(&mut state, &asked(command)).unwrap_err();
        assert_eq!((error.code.as_ref(), error.context_value("chat")), ("chatNotFound", Some(DIRECT)));
    }
    let opening = draft("hello");
    let command = create(&["alice@example.com"], ChatServiceType::IMessage, Some(opening));
    let error = decide(&mut state, &Request { now: i64::MAX, ..asked(command) }).unwrap_err();
    assert_eq!(error.message, "the server's clock is out of range");
}
