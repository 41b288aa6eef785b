//! What happens to polls.

use serde_json::json;

use super::*;
use crate::limits::MAX_POLL_OPTIONS;

fn create_poll(options: usize, actor: Actor) -> Command {
    let options = (0..options).map(|index| format!("text {index}")).collect();
    Command::CreatePoll { chat: GROUP.to_owned(), title: "Lunch?".to_owned(), options, actor }
}

fn vote(poll: &str, option: &str, actor: Actor) -> Command {
    Command::Vote { poll: poll.to_owned(), option: option.to_owned(), actor }
}

fn unvote(poll: &str, actor: Actor) -> Command {
    Command::Unvote { poll: poll.to_owned(), actor }
}

fn votes(poll: &Poll) -> Vec<(&str, &str)> {
    poll.votes.iter().map(|vote| (vote.participant.address.as_str(), vote.option_identifier.as_str())).collect()
}

#[test]
fn a_poll_is_a_message_and_a_poll() {
    let mut world = World::new();
    let (reply, events) = world.run(create_poll(2, None));
    let made = poll(reply);
    let options = json!([
        { "optionIdentifier": "option-1", "text": "text 0", "creatorHandle": ACCOUNT },
        { "optionIdentifier": "option-2", "text": "text 1", "creatorHandle": ACCOUNT },
    ]);
    assert_eq!(
        json!(made),
        json!({ "pollMessageGuid": made.poll_message_guid, "chatGuid": GROUP, "title": "Lunch?", "options": options, "votes": [] })
    );
    assert_eq!(events[0]["message"]["content"]["balloonBundleId"].as_str().map(|id| id.ends_with("Polls")), Some(true));
    assert_eq!(
        (&events[0]["type"], &events[0]["message"]["guid"]),
        (&json!("message.received"), &json!(made.poll_message_guid))
    );
    assert_eq!((&events[1]["type"], &events[1]["pollMessageGuid"]), (&json!("poll.changed"), &json!(made.poll_message_guid)));
    assert_eq!(events[1]["delta"], json!({ "type": "created", "title": "Lunch?", "options": options }));
    assert_eq!(world.state.poll(&made.poll_message_guid), Ok(made.clone()));
    assert!(world.kept(&made.poll_message_guid).is_from_me);
    world.run(create_poll(2, bob()));
    assert_eq!(world.chat(GROUP).unread_count, Some(1), "one of somebody else's counts as unread");
}

#[test]
fn everyone_has_one_vote() {
    let mut world = World::new();
    let guid = poll(world.run(create_poll(3, alice())).0).poll_message_guid;
    assert_eq!(world.types(vote(&guid, "option-1", None)), ["poll.changed"]);
    world.run(vote(&guid, "option-1", bob()));
    let (reply, events) = world.run(vote(&guid, "option-3", None));
    assert_eq!(events[0]["delta"], json!({ "type": "voted", "optionIdentifier": "option-3" }));
    let after = poll(reply);
    assert_eq!(votes(&after), [("bob@example.com", "option-1"), (ACCOUNT, "option-3")]);
    assert_eq!(world.state.poll(&guid), Ok(after));
    assert!(world.types(vote(&guid, "option-3", None)).is_empty(), "the same again");
    let (_, events) = world.run(unvote(&guid, bob()));
    assert_eq!(events[0]["delta"], json!({ "type": "unvoted", "optionIdentifier": "option-1" }));
    assert_eq!(events[0]["actor"]["address"], "bob@example.com");
    assert!(world.types(unvote(&guid, bob())).is_empty(), "there is no vote");
    assert_eq!(votes(&world.state.poll(&guid).unwrap()), [(ACCOUNT, "option-3")]);
}

#[test]
fn an_option_is_added_at_the_end() {
    let mut world = World::new();
    let guid = poll(world.run(create_poll(MAX_POLL_OPTIONS - 1, None)).0).poll_message_guid;
    let add = || Command::AddPollOption { poll: guid.clone(), text: "Thai".to_owned(), actor: bob() };
    let (reply, events) = world.run(add());
    let last = poll(reply).options.pop().unwrap();
    assert_eq!(json!(last), json!({ "text": "Thai", "optionIdentifier": "option-100", "creatorHandle": "bob@example.com" }));
    assert_eq!(events[0]["delta"]["type"], "optionAdded");
    assert_eq!(events[0]["delta"]["options"].as_array().map(Vec::len), Some(MAX_POLL_OPTIONS));
    world.run(vote(&guid, "option-100", None));
    assert_eq!(world.refused(add()), code("preconditionFailed"), "there are as many as can be");
}

#[test]
fn what_a_poll_cannot_be_is_refused() {
    let mut world = World::new();
    assert_eq!(world.refused(create_poll(1, None)), invalid("options"));
    assert_eq!(world.refused(create_poll(MAX_POLL_OPTIONS + 1, None)), invalid("options"));
    assert_eq!(world.refused(create_poll(2, Some(someone("carol@example.com")))), invalid("actor"));
    for command in [
        vote("nothing", "option-1", None),
        unvote("nothing", None),
        Command::AddPollOption { poll: "nothing".to_owned(), text: "x".to_owned(), actor: None },
    ] {
        assert_eq!(world.refused(command), code("pollNotFound"));
    }
    let plain = world.text(GROUP, "hi", None);
    assert_eq!(world.refused(vote(&plain, "option-1", None)), code("pollNotFound"));
    let guid = poll(world.run(create_poll(2, None)).0).poll_message_guid;
    assert_eq!(world.refused(vote(&guid, "text 0", None)), invalid("optionIdentifier"));
    assert_eq!(world.refused(vote(&guid, "option-3", None)), invalid("optionIdentifier"));
    assert_eq!(world.refused(vote(&guid, "option-1", Some(someone("carol@example.com")))), invalid("actor"));
    let edit = Command::Edit { target: target(GROUP, &guid), text: "x".to_owned(), actor: None };
    assert_eq!(world.refused(edit), code("preconditionFailed"));
    world.run(Command::Unsend { target: target(GROUP, &guid), actor: None });
    assert_eq!(world.refused(vote(&guid, "option-1", None)), code("preconditionFailed"), "it was taken back");
}
