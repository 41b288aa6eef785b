//! States at rest, and what earlier versions wrote.

use serde_json::json;

use super::*;

/// Down to the pieces of a checkpoint as they lie on disk, and up again.
pub(super) fn rested(state: &State) -> State {
    let mut rested = State::default();
    for item in state.checkpoint() {
        let text = serde_json::to_string(&item).unwrap();
        rested.take(serde_json::from_str(&text).unwrap()).unwrap();
    }
    rested
}

#[test]
fn a_checkpoint_of_another_form_or_order_is_none() {
    let mut world = World::new();
    world.text(DIRECT, "hi", None);
    let file = FileDescription { name: "a".into(), mime: "text/plain".into(), uti: "public.plain-text".into(), bytes: 1 };
    world.run(Command::Upload { file, companion: None, actor: None });
    let options = vec!["a".to_owned(), "b".to_owned()];
    world.run(Command::CreatePoll { chat: GROUP.to_owned(), title: "t".to_owned(), options, actor: None });
    let items: Vec<CheckpointItem> = world.state.checkpoint().collect();
    let [first, group, chat, message, poll_message, poll, file] = items.as_slice() else { panic!("{items:?}") };
    let take = |items: &[&CheckpointItem]| {
        let mut state = State::default();
        items.iter().try_for_each(|item| state.take((*item).clone()))
    };
    assert_eq!(take(&[first, group, chat, message, poll_message, poll, file]), Ok(()));
    for wrong in [
        vec![chat],
        vec![message],
        vec![poll],
        vec![file],
        vec![first, first],
        vec![first, chat, chat],
        vec![first, poll_message, message],
        vec![first, message, message],
        vec![first, poll, poll],
        vec![first, file, file],
    ] {
        assert_eq!(take(&wrong), Err(NotACheckpoint::Order), "{wrong:?}");
    }
    for version in [0, 4] {
        let other = CheckpointItem::State { version, head: 1, entries: 1 };
        let error = take(&[&other]).unwrap_err();
        assert_eq!(error.to_string(), format!("it has the form {version}, and this version reads up to 3"));
    }
}

#[test]
fn a_checkpoint_of_the_first_form_is_read() {
    let chat = json!({
        "guid": DIRECT, "displayName": "Alice", "isGroup": false, "service": "iMessage", "isArchived": false, "isFiltered": false,
        "unreadCount": 2, "participants": [{ "address": "alice@example.com", "service": "iMessage" }],
        "lastMessage": { "guid": "OLD", "chatGuids": [DIRECT], "content": { "text": "hi" }, "isFromMe": false, "dateCreated": "2026-01-01T12:00:00Z" },
    });
    let items = [
        json!({ "item": "state", "version": 1, "head": 7, "entries": 9 }),
        json!({ "item": "chat", "chat": chat, "background": "image/png" }),
        json!({ "item": "key", "key": "k", "at": NOON, "names": { "fingerprint": "f", "entry": 3 } }),
    ];
    let mut world = World::new();
    world.state = State::default();
    for item in items {
        world.state.take(serde_json::from_value(item).unwrap()).unwrap();
    }
    assert_eq!((world.state.head(), world.state.entries(), world.chat(DIRECT).unread_count), (7, 9, Some(2)));
    assert_eq!(world.state.message("OLD").unwrap_err().code, "messageNotFound");
    // Its last message is read with the others, though it is not kept.
    world.run(Command::MarkRead { chat: DIRECT.to_owned(), actor: None });
    assert!(world.chat(DIRECT).last_message.as_ref().unwrap().date_read.is_some());
    let guid = world.text(DIRECT, "still here", None);
    assert_eq!(rested(&world.state), world.state);
    assert_eq!(world.chat(DIRECT).last_message.as_ref().unwrap().guid, guid);
}

#[test]
fn a_message_of_an_earlier_journal_is_one_like_any_other() {
    let mut world = World::new();
    let entry = json!({
        "entry": "message", "sequence": 1, "at": NOON, "chat": DIRECT,
        "message": {
            "guid": "OLD", "chatGuids": [DIRECT], "content": { "text": "hi" }, "isFromMe": false, "dateCreated": "2026-01-01T12:00:00Z",
            "sender": { "address": "alice@example.com", "service": "iMessage" },
        },
    });
    world.state.apply(&serde_json::from_value(entry).unwrap());
    assert_eq!(world.chat(DIRECT).unread_count, Some(1));
    let reaction = tapback(MessageReactionKind::Love);
    let (reply, events) = world.run(Command::React { target: target(DIRECT, "OLD"), reaction, is_set: true, actor: None });
    assert_eq!(events[0]["type"], "message.reactionAdded");
    assert_eq!(message(reply).applied_reactions.unwrap().len(), 1);
    let text = *draft("yes");
    let answer = world.send(DIRECT, text.reply_to(Some(ReplyTo { message: "OLD".to_owned(), part: None })), None);
    assert_eq!(answer.thread_originator_part.as_deref(), Some("0:0:2"));
}
