//! What happens to groups.

use serde_json::json;

use super::*;
use crate::image::detect_icon;
use crate::limits::MAX_CHAT_ADDRESSES;

fn rename(chat: &str, name: &str, actor: Actor) -> Command {
    Command::Rename { chat: chat.to_owned(), name: name.to_owned(), actor }
}

fn add(people: &[&str], actor: Actor) -> Command {
    Command::AddParticipants { chat: GROUP.to_owned(), addresses: people.iter().map(|who| someone(who)).collect(), actor }
}

fn remove(people: &[&str], actor: Actor) -> Command {
    Command::RemoveParticipants { chat: GROUP.to_owned(), addresses: people.iter().map(|who| someone(who)).collect(), actor }
}

fn leave(actor: Actor) -> Command {
    Command::Leave { chat: GROUP.to_owned(), actor }
}

fn people(world: &World) -> Vec<&str> {
    world.chat(GROUP).participants.iter().map(|who| who.address.as_str()).collect()
}

#[test]
fn a_group_is_named_once() {
    let mut world = World::new();
    let (reply, events) = world.run(rename(GROUP, "Lunch", bob()));
    assert_eq!(reply, Reply::Chat(Box::new(world.chat(GROUP).clone())));
    assert_eq!(world.chat(GROUP).display_name, "Lunch");
    assert_eq!(
        (&events[0]["type"], &events[0]["change"]),
        (&json!("group.changed"), &json!({ "type": "displayNameChanged", "displayName": "Lunch" }))
    );
    assert_eq!((&events[0]["isFromMe"], &events[0]["actor"]["address"]), (&json!(false), &json!("bob@example.com")));
    assert!(world.types(rename(GROUP, "Lunch", None)).is_empty(), "it has that name");
}

#[test]
fn what_is_for_groups_is_refused_in_a_direct_chat() {
    let mut world = World::new();
    let chat = || DIRECT.to_owned();
    for command in [
        rename(DIRECT, "n", None),
        Command::AddParticipants { chat: chat(), addresses: vec![someone("bob@example.com")], actor: None },
        Command::RemoveParticipants { chat: chat(), addresses: vec![someone("alice@example.com")], actor: None },
        Command::Leave { chat: chat(), actor: None },
        Command::SetIcon { chat: chat(), mime: "image/png", actor: None },
        Command::RemoveIcon { chat: chat(), actor: None },
    ] {
        assert_eq!(world.refused(command), invalid("chatGuid"));
    }
}

#[test]
fn people_come_and_go() {
    let mut world = World::new();
    let (_, events) = world.run(add(&["carol@example.com", "+14155552671"], None));
    assert_eq!(people(&world), ["alice@example.com", "bob@example.com", "carol@example.com", "+14155552671"]);
    let participant = json!({ "address": "+14155552671", "service": "iMessage", "country": "US" });
    assert_eq!((events.len(), &events[1]["change"]), (2, &json!({ "type": "participantAdded", "participant": participant })));
    let (_, events) = world.run(remove(&["bob@example.com"], alice()));
    assert_eq!(
        (&events[0]["change"]["type"], &events[0]["actor"]["address"]),
        (&json!("participantRemoved"), &json!("alice@example.com"))
    );
    let (reply, events) = world.run(leave(Some(someone("carol@example.com"))));
    assert_eq!((reply, &events[0]["change"]["type"]), (Reply::Done, &json!("participantLeft")));
    assert_eq!(events[0]["change"]["participant"]["address"], "carol@example.com");
    assert_eq!(people(&world), ["alice@example.com", "+14155552671"]);
}

#[test]
fn who_may_not_come_or_go_is_refused_by_place() {
    let mut world = World::new();
    assert_eq!(world.refused(add(&["carol@example.com", "alice@example.com"], None)), invalid("addresses[1]"));
    assert_eq!(world.refused(add(&[ACCOUNT], bob())), invalid("addresses[0]"));
    assert_eq!(world.refused(add(&["carol@example.com"], Some(someone("dave@example.com")))), invalid("actor"));
    assert_eq!(world.refused(remove(&["alice@example.com", "carol@example.com"], None)), invalid("addresses[1]"));
    assert_eq!(world.refused(remove(&[ACCOUNT], bob())), invalid("addresses[0]"));
    assert_eq!(world.refused(remove(&["alice@example.com", "bob@example.com"], None)), code("preconditionFailed"));
    world.run(leave(bob()));
    assert_eq!(world.refused(leave(alice())), code("preconditionFailed"), "somebody has to stay");

    let many: Vec<String> = (1..MAX_CHAT_ADDRESSES).map(|n| format!("p{n}@example.com")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    world.run(add(&many, None));
    assert_eq!(people(&world).len(), MAX_CHAT_ADDRESSES);
    assert_eq!(world.refused(add(&["one@example.com"], None)), invalid("addresses[0]"));
}

#[test]
fn who_left_a_group_can_do_nothing_in_it_until_somebody_brings_them_back() {
    let mut world = World::new();
    let sent = world.text(GROUP, "bye", None);
    let options = || vec!["a".to_owned(), "b".to_owned()];
    let create_poll = || Command::CreatePoll { chat: GROUP.to_owned(), title: "t".to_owned(), options: options(), actor: None };
    let vote = poll(world.run(create_poll()).0).poll_message_guid;
    let (reply, events) = world.run(leave(None));
    let account = json!({ "address": ACCOUNT, "service": "iMessage" });
    assert_eq!(reply, Reply::Done);
    assert_eq!(events[0]["change"], json!({ "type": "participantLeft", "participant": account }));
    assert_eq!((&events[0]["isFromMe"], &events[0]["actor"]), (&json!(true), &json!(null)));
    let chat = || GROUP.to_owned();
    for command in [
        Command::Touch { chat: chat() },
        Command::Send { chat: chat(), draft: draft("hi"), actor: None },
        Command::Send { chat: chat(), draft: draft("hi"), actor: bob() },
        Command::Edit { target: target(GROUP, &sent), text: "x".to_owned(), actor: None },
        Command::Unsend { target: target(GROUP, &sent), actor: None },
        Command::React {
            target: target(GROUP, &sent),
            reaction: tapback(MessageReactionKind::Like),
            is_set: true,
            actor: None,
        },
        Command::ReadReceipt { chat: chat(), message: None, actor: bob().unwrap() },
        rename(GROUP, "n", None),
        add(&["carol@example.com"], None),
        add(&[ACCOUNT], None),
        remove(&["bob@example.com"], None),
        leave(None),
        Command::SetIcon { chat: chat(), mime: "image/png", actor: None },
        Command::RemoveIcon { chat: chat(), actor: None },
        Command::SetBackground { chat: chat(), mime: "image/png", actor: None },
        Command::RemoveBackground { chat: chat(), actor: None },
        create_poll(),
        Command::Vote { poll: vote.clone(), option: "option-1".to_owned(), actor: None },
        Command::Unvote { poll: vote.clone(), actor: None },
        Command::AddPollOption { poll: vote.clone(), text: "c".to_owned(), actor: None },
    ] {
        assert_eq!(world.refused(command.clone()), code("preconditionFailed"), "{command:?}");
    }
    // The same people make a new group now.
    let again = world.outcome(create(&["alice@example.com", "bob@example.com"], ChatServiceType::IMessage, None)).unwrap();
    assert!(matches!(again.entries.as_slice(), [Entry::ChatCreated { .. }]));

    let (_, events) = world.run(add(&[ACCOUNT], bob()));
    assert_eq!(events[0]["change"], json!({ "type": "participantAdded", "participant": account }));
    world.text(GROUP, "hello again", None);
}

#[test]
fn a_group_whose_people_changed_is_found_by_those_it_has_now() {
    let mut world = World::new();
    world.run(add(&["carol@example.com"], None));
    let found = |world: &mut World, people: &[&str]| match world.run(create(people, ChatServiceType::IMessage, None)).0 {
        Reply::Created(result) => result.chat.guid,
        other => panic!("{other:?}"),
    };
    assert_eq!(found(&mut world, &["carol@example.com", "bob@example.com", "alice@example.com"]), GROUP);
    world.run(remove(&["alice@example.com"], None));
    assert_eq!(found(&mut world, &["bob@example.com", "carol@example.com"]), GROUP);
}

#[test]
fn an_icon_is_set_replaced_and_removed_and_removing_is_safe_to_repeat() {
    let mut world = World::new();
    let set = |mime| Command::SetIcon { chat: GROUP.to_owned(), mime, actor: alice() };
    let remove = || Command::RemoveIcon { chat: GROUP.to_owned(), actor: None };
    assert_eq!(world.state.icon(GROUP), Ok(None));
    assert!(world.types(remove()).is_empty(), "there is none");
    let (_, events) = world.run(set("image/gif"));
    assert_eq!(events[0]["change"], json!({ "type": "iconChanged" }));
    world.run(set("image/png"));
    assert_eq!(world.state.icon(GROUP), Ok(Some("image/png")));
    assert_eq!(world.run(remove()).1[0]["change"], json!({ "type": "iconRemoved" }));
    assert_eq!(world.state.icon(GROUP), Ok(None));
    assert_eq!(world.state.icon("any;+;other").unwrap_err().code, "chatNotFound");
}

#[test]
fn an_icon_may_also_be_a_gif() {
    for (data, mime) in [
        (&b"GIF89a........"[..], Some("image/gif")),
        (b"GIF87a........", Some("image/gif")),
        (b"\x89PNG\r\n\x1a\n....", Some("image/png")),
        (b"%PDF-1.4", None),
    ] {
        let found = detect_icon(data, "data");
        assert_eq!(found.as_ref().ok().copied(), mime);
        assert_eq!(found.err().and_then(|error| error.context_value("field").map(str::to_owned)).is_some(), mime.is_none());
    }
}
