//! Chats: made, found, archived, read.

use im_chats_protocol::model::{ChatServiceType, MessageEffect};
use serde_json::json;

use super::*;

#[test]
fn the_same_people_in_any_order_are_the_same_group() {
    let mut state = State::default();
    let guid = |decision: Outcome| match decision.answer {
        Reply::Created(result) => result.chat.guid,
        other => panic!("no chat: {other:?}"),
    };
    let [a, b, c] = ["alice@example.com", "bob@example.com", "+14155552671"];
    let create = |people: &[&str], id: &str| Request {
        ids: [id.to_owned(), String::new()],
        ..asked(create(people, ChatServiceType::IMessage, None))
    };
    let first = guid(decide(&mut state, &create(&[a, b, c], "1")).unwrap());
    let second = guid(decide(&mut state, &create(&[c, a, b], "2")).unwrap());
    let other = guid(decide(&mut state, &create(&[a, b], "3")).unwrap());
    assert_eq!(first, second);
    assert_ne!(first, other);
}

#[test]
fn the_log_ends_at_the_last_exact_number() {
    let mut state = State::default();
    created(&mut state, create(&["alice@example.com"], ChatServiceType::IMessage, None));
    let last = im_chats_protocol::number::MAX_SAFE_INTEGER;
    state.apply(&Entry::Changed {
        sequence: last - 1,
        at: 0,
        chat: "any;-;alice@example.com".to_owned(),
        change: Change::MarkedRead,
        actor: None,
    });
    let receive = asked(Command::Send { chat: DIRECT.to_owned(), draft: draft("hi"), actor: alice() });
    decide(&mut state, &receive).unwrap();
    assert_eq!(state.head(), last);
    assert_eq!(decide(&mut state, &receive).unwrap_err().code, "internalError");
}

/// The chat that is answered, as JSON, and the opening message.
fn created(state: &mut State, command: Command) -> (serde_json::Value, serde_json::Value) {
    match decide(state, &asked(command)).unwrap().answer {
        Reply::Created(result) => (json!(result.chat), json!(result.initial_message)),
        other => panic!("no chat: {other:?}"),
    }
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

#[test]
fn nobody_can_write_to_the_account_itself() {
    let mut world = World::new();
    for (people, field) in [(vec![ACCOUNT], "addresses[0]"), (vec!["alice@example.com", ACCOUNT], "addresses[1]")] {
        assert_eq!(world.refused(create(&people, ChatServiceType::IMessage, None)), invalid(field));
    }
}

#[test]
fn what_is_sent_to_one_person_needs_no_chat_before_it() {
    let mut created = World::new();
    created.run(create(&["carol@example.com"], ChatServiceType::IMessage, None));
    let like_created = created.chat(CAROL).clone();

    let mut world = World::new();
    let sent = world.outcome(send(CAROL, draft("hi"), None)).unwrap();
    assert_eq!(sent.entries[0], Entry::ChatCreated { chat: Box::new(like_created.clone()), at: Some(NOON) });
    assert_eq!(events(&sent).iter().map(|event| &event["type"]).collect::<Vec<_>>(), ["message.received"]);
    let sent = message(sent.answer);
    assert_eq!(*world.chat(CAROL), Chat { last_message: Some(sent.summary()), ..like_created });
    assert_eq!(world.types(send(CAROL, draft("again"), None)), ["message.received"], "and then it is there");

    let mut world = World::new();
    let file = FileDescription::detect("a.txt", b"hello", "data").unwrap();
    let (Reply::Attachment(file), _) = world.run(Command::Upload { file, companion: None, actor: None }) else { panic!() };
    world.run(send(CAROL, Box::new(Draft::file(file.info.guid, None)), None));
    let options = vec!["yes".to_owned(), "no".to_owned()];
    let poll = Command::CreatePoll { chat: "any;-;+14155552671".to_owned(), title: "Lunch?".to_owned(), options, actor: None };
    assert_eq!(world.types(poll), ["message.received", "poll.changed"]);
}

#[test]
fn a_chat_is_made_for_nothing_that_no_create_would_make_a_chat_for() {
    let mut world = World::new();
    let account = format!("any;-;{ACCOUNT}");
    for chat in [
        "any;-;nobody",
        "any;-;Carol@example.com",
        "any;-; carol@example.com",
        "any;-;+1 415 555 2671",
        &account,
        "any;+;other",
    ] {
        assert_eq!(world.refused(send(chat, draft("hi"), None)), code("chatNotFound"), "{chat}");
    }
    assert_eq!(world.refused(send(CAROL, draft("hi"), Some(someone("carol@example.com")))), code("chatNotFound"));
    let reply = draft("hi").reply_to(Some(ReplyTo { message: "M9".to_owned(), part: None }));
    assert_eq!(world.refused(send(CAROL, Box::new(reply), None)), code("messageNotFound"));
}

const CAROL: &str = "any;-;carol@example.com";

fn send(chat: &str, draft: Box<Draft>, actor: Actor) -> Command {
    Command::Send { chat: chat.to_owned(), draft, actor }
}
