//! What happens to messages.

use im_chats_protocol::model::MessageEffect;
use serde_json::json;

use super::*;
use crate::limits::MAX_MESSAGE_PARTS;

fn edit(chat: &str, message: &str, text: &str, actor: Actor) -> Command {
    Command::Edit { target: target(chat, message), text: text.to_owned(), actor }
}

fn unsend(chat: &str, message: &str, actor: Actor) -> Command {
    Command::Unsend { target: target(chat, message), actor }
}

fn react(chat: &str, message: &str, kind: MessageReactionKind, is_set: bool, actor: Actor) -> Command {
    Command::React { target: target(chat, message), reaction: tapback(kind), is_set, actor }
}

fn receipt(message: Option<&str>, actor: &str) -> Command {
    Command::ReadReceipt { chat: GROUP.to_owned(), message: message.map(str::to_owned), actor: someone(actor) }
}

fn reply(text: &str, message: &str, part: Option<i32>) -> Draft {
    draft(text).reply_to(Some(ReplyTo { message: message.to_owned(), part }))
}

#[test]
fn a_message_has_all_that_was_asked_for() {
    let mut world = World::new();
    let draft = Draft::text(" hi 👍 you ", vec![format("bold", 0, 3)], "text").unwrap();
    let draft = draft.effect(Some(MessageEffect::Slam.id()), "effectId").unwrap().subject(Some("s"), "subject").unwrap();
    let (answer, events) = world.run(Command::Send { chat: DIRECT.to_owned(), draft: Box::new(draft), actor: None });
    let sent = message(answer);
    assert_eq!(
        json!(sent),
        json!({
            "guid": "M3", "chatGuids": [DIRECT], "subject": "s", "isFromMe": true, "isSent": true, "isDelivered": true,
            "content": {
                "text": "hi 👍 you", "expressiveSendStyleId": MessageEffect::Slam.id(), "attachments": [], "mentions": [],
                "formatting": [{ "type": "bold", "start": 0, "length": 2 }],
            },
            "dateCreated": "2026-01-01T12:00:00Z", "dateDelivered": "2026-01-01T12:00:00Z", "itemType": "normal", "partCount": 1,
            "appliedReactions": [],
        })
    );
    assert_eq!((&events[0]["type"], &events[0]["message"]), (&json!("message.received"), &json!(sent)));
    assert_eq!((&events[0]["isFromMe"], events.len()), (&json!(true), 1));
    assert_eq!(world.kept("M3"), &sent);
    assert_eq!(world.chat(DIRECT).last_message, Some(sent.summary()));
    assert_eq!(world.chat(DIRECT).unread_count, Some(0));
}

#[test]
fn a_received_message_is_unread_until_the_chat_is_read_and_brings_the_chat_back_from_the_archive() {
    let mut world = World::new();
    let first = world.text(DIRECT, "one", alice());
    world.run(Command::SetArchived { chat: DIRECT.to_owned(), archived: true, actor: None });
    let receive = Command::Send { chat: DIRECT.to_owned(), draft: draft("two"), actor: alice() };
    assert_eq!(world.types(receive), ["chat.unarchived", "message.received"]);
    let own = world.text(DIRECT, "own", None);
    assert_eq!(world.chat(DIRECT).unread_count, Some(2));
    world.now += MINUTE;
    assert_eq!(world.types(Command::MarkRead { chat: DIRECT.to_owned(), actor: None }), ["chat.markedRead"]);
    for guid in [first.as_str(), "M5"] {
        assert_eq!(world.kept(guid).date_read.as_deref(), Some("2026-01-01T12:01:00Z"), "{guid}");
    }
    assert_eq!(world.kept(&own).date_read, None);
    // Those that were read stay read as they were.
    let late = world.text(DIRECT, "three", alice());
    world.now += MINUTE;
    world.run(Command::MarkRead { chat: DIRECT.to_owned(), actor: None });
    assert_eq!(world.kept(&first).date_read.as_deref(), Some("2026-01-01T12:01:00Z"));
    assert_eq!(world.kept(&late).date_read.as_deref(), Some("2026-01-01T12:02:00Z"));
    assert_eq!(world.chat(DIRECT).last_message, Some(world.kept(&late).summary()));
}

#[test]
fn a_message_of_several_bubbles_has_their_texts_in_lines() {
    let mut world = World::new();
    let text =
        |text: &str, mention: Option<&str>| Part::text(text, vec![format("bold", 0, 1)], mention, "parts[0].text").unwrap();
    let parts = vec![text(" Look 👍", None), text("@Bob", Some("Bob@Example.com"))];
    let sent = world.send(GROUP, Draft::parts(parts).unwrap(), None);
    assert_eq!((sent.content.text.as_deref(), sent.part_count), (Some("Look 👍\n@Bob"), Some(2)));
    assert_eq!(json!(sent.content.mentions), json!([{ "address": "bob@example.com", "start": 8, "length": 4 }]));
    assert_eq!(json!(sent.content.formatting), json!([{ "type": "bold", "start": 8, "length": 1 }]));

    let bubble = |part| Target { part: Some(part), ..target(GROUP, &sent.guid) };
    let edit = |part, text: &str| Command::Edit { target: bubble(part), text: text.to_owned(), actor: None };
    assert_eq!(message(world.run(edit(0, "See")).0).content.text.as_deref(), Some("See\n@Bob"));
    assert_eq!(message(world.run(edit(1, "that, 👍 Bob")).0).content.text.as_deref(), Some("See\nthat, 👍 Bob"));
    assert_eq!(world.refused(edit(2, "x")), invalid("target.targetPartIndex"));
    let answer = world.send(GROUP, reply("yes", &sent.guid, Some(1)), bob());
    assert_eq!(answer.thread_originator_part.as_deref(), Some("1:0:12"));

    for count in [0, MAX_MESSAGE_PARTS + 1] {
        assert_eq!(field(&Draft::parts(vec![text("a", None); count]).unwrap_err()), Some("parts"));
    }
}

#[test]
fn an_answer_stands_in_the_thread_of_what_it_answers() {
    let mut world = World::new();
    let first = world.text(GROUP, "hello", alice());
    let second = world.send(GROUP, reply("hi", &first, None), None);
    let third = world.send(GROUP, reply("ho", &second.guid, Some(0)), bob());
    for (answer, target) in [(&second, &first), (&third, &second.guid)] {
        assert_eq!(answer.reply_target_guid.as_ref(), Some(target));
        assert_eq!(
            (answer.thread_originator_guid.as_ref(), answer.thread_originator_part.as_deref()),
            (Some(&first), Some("0:0:5"))
        );
    }
}

#[test]
fn what_cannot_be_answered_is_refused() {
    let mut world = World::new();
    let first = world.text(GROUP, "hello", alice());
    let elsewhere = world.text(DIRECT, "hello", alice());
    let mut refused = |message: &str, part| {
        world.refused(Command::Send { chat: GROUP.to_owned(), draft: Box::new(reply("a", message, part)), actor: None })
    };
    assert_eq!(refused("nothing", None), code("messageNotFound"));
    assert_eq!(refused(&elsewhere, None), invalid("replyTo.messageGuid"));
    assert_eq!(refused(&first, Some(1)), invalid("replyTo.targetPartIndex"));
    assert_eq!(refused(&first, Some(-1)), invalid("replyTo.targetPartIndex"));
    world.run(unsend(GROUP, &first, alice()));
    let send = Command::Send { chat: GROUP.to_owned(), draft: Box::new(reply("a", &first, None)), actor: None };
    assert_eq!(world.refused(send), code("preconditionFailed"));
}

#[test]
fn only_somebody_of_the_chat_does_something_in_it() {
    let mut world = World::new();
    let sent = world.text(DIRECT, "hi", None);
    let send = Command::Send { chat: DIRECT.to_owned(), draft: draft("hi"), actor: bob() };
    assert_eq!(world.refused(send), invalid("from"));
    assert_eq!(world.refused(react(DIRECT, &sent, MessageReactionKind::Love, true, bob())), invalid("actor"));
    let nowhere =
        Command::Send { chat: "any;-;x@example.com".to_owned(), draft: draft("hi"), actor: Some(someone("x@example.com")) };
    assert_eq!(world.refused(nowhere), code("chatNotFound"));
}

#[test]
fn a_text_is_edited_by_who_wrote_it_for_a_quarter_of_an_hour() {
    let mut world = World::new();
    let sent = world.send(GROUP, Draft::text("one", vec![format("bold", 0, 3)], "text").unwrap(), None);
    let theirs = world.text(GROUP, "theirs", alice());
    world.now += 15 * MINUTE;
    let (answer, events) = world.run(edit(GROUP, &sent.guid, "two", None));
    let edited = message(answer);
    assert_eq!(json!(edited.content), json!({ "text": "two", "attachments": [], "formatting": [], "mentions": [] }));
    assert_eq!(edited.date_edited.as_deref(), Some("2026-01-01T12:15:00Z"));
    assert_eq!(world.kept(&sent.guid), &edited);
    let event = &events[0];
    assert_eq!(
        (&event["type"], &event["messageGuid"], &event["editedAt"]),
        (&json!("message.edited"), &json!(sent.guid), &json!("2026-01-01T12:15:00Z"))
    );
    assert_eq!((&event["content"], &event["isFromMe"]), (&json!(edited.content), &json!(true)));
    assert!(world.types(edit(GROUP, &sent.guid, "two", None)).is_empty(), "it says that already");
    assert_eq!(world.run(edit(GROUP, &theirs, "changed", alice())).1[0]["actor"]["address"], "alice@example.com");
    assert_eq!(world.chat(GROUP).last_message.as_ref().unwrap().content.text.as_deref(), Some("changed"));

    assert_eq!(world.refused(edit(GROUP, &theirs, "x", None)), code("preconditionFailed"));
    assert_eq!(world.refused(edit(GROUP, &theirs, "x", bob())), code("preconditionFailed"));
    assert_eq!(world.refused(edit(GROUP, &sent.guid, "x", alice())), code("preconditionFailed"));
    assert_eq!(world.refused(edit(GROUP, "nothing", "x", None)), code("messageNotFound"));
    assert_eq!(world.refused(edit(DIRECT, &sent.guid, "x", None)), invalid("target.messageGuid"));
    world.now += 1;
    assert_eq!(world.refused(edit(GROUP, &sent.guid, "x", None)), code("preconditionFailed"), "too late");
}

#[test]
fn a_message_is_taken_back_by_who_wrote_it_for_two_minutes_and_nothing_of_it_stays() {
    let mut world = World::new();
    let sent = world.send(GROUP, draft("one").subject(Some("s"), "subject").unwrap(), None).guid;
    let late = world.text(GROUP, "two", None);
    world.run(react(GROUP, &sent, MessageReactionKind::Love, true, bob()));
    world.now += 2 * MINUTE;
    let (answer, events) = world.run(unsend(GROUP, &sent, None));
    assert_eq!(answer, Reply::Done);
    assert_eq!((&events[0]["type"], &events[0]["messageGuid"]), (&json!("message.unsent"), &json!(sent)));
    assert_eq!(events[0]["retractedAt"], "2026-01-01T12:02:00Z");
    let kept = world.kept(&sent);
    assert_eq!(json!(kept.content), json!({ "attachments": [], "formatting": [], "mentions": [] }));
    assert_eq!(kept.subject, None);
    assert_eq!(
        (kept.date_retracted.as_deref(), kept.applied_reactions.as_deref()),
        (Some("2026-01-01T12:02:00Z"), Some(&[][..]))
    );
    for command in [
        unsend(GROUP, &sent, None),
        edit(GROUP, &sent, "x", None),
        react(GROUP, &sent, MessageReactionKind::Love, true, None),
        receipt(Some(&sent), "bob@example.com"),
        unsend(GROUP, &late, bob()),
    ] {
        assert_eq!(world.refused(command), code("preconditionFailed"));
    }
    world.now += 1;
    assert_eq!(world.refused(unsend(GROUP, &late, None)), code("preconditionFailed"), "too late");
    assert_eq!(world.refused(unsend(GROUP, "nothing", None)), code("messageNotFound"));
}

#[test]
fn everyone_has_one_tapback_on_a_bubble() {
    let mut world = World::new();
    let parts = ["a", "b"].map(|text| Part::text(text, Vec::new(), None, "parts[0].text").unwrap());
    let sent = world.send(GROUP, Draft::parts(parts.into()).unwrap(), None);
    let on = |part: Option<i32>, kind, is_set, actor| Command::React {
        target: Target { part, ..target(GROUP, &sent.guid) },
        reaction: tapback(kind),
        is_set,
        actor,
    };
    use MessageReactionKind::{Laugh, Like, Love};
    let (answer, events) = world.run(on(None, Love, true, alice()));
    assert_eq!((&events[0]["type"], &events[0]["reaction"]), (&json!("message.reactionAdded"), &json!({ "kind": "love" })));
    assert_eq!(events[0]["actor"]["address"], "alice@example.com");
    let applied = json!(message(answer).applied_reactions);
    assert_eq!(
        applied,
        json!([{
            "messageGuid": "M4", "reaction": { "kind": "love" }, "isFromMe": false, "dateCreated": "2026-01-01T12:00:00Z",
            "sender": { "address": "alice@example.com", "service": "iMessage" },
        }])
    );
    assert!(world.types(on(Some(0), Love, true, alice())).is_empty(), "the first bubble is meant by both");
    assert_eq!(world.types(on(Some(1), Love, true, alice())), ["message.reactionAdded"]);
    assert_eq!(world.types(on(None, Love, true, None)), ["message.reactionAdded"]);
    assert_eq!(world.types(on(Some(0), Like, true, alice())), ["message.reactionRemoved", "message.reactionAdded"]);
    assert!(world.types(on(None, Laugh, false, alice())).is_empty(), "there is no such tapback");
    assert_eq!(world.types(on(None, Like, false, alice())), ["message.reactionRemoved"]);
    assert!(world.types(on(None, Like, false, alice())).is_empty());
    assert_eq!(world.kept(&sent.guid).applied_reactions.as_ref().unwrap().len(), 2);
    assert_eq!(world.refused(on(Some(2), Like, true, None)), invalid("target.targetPartIndex"));
}

#[test]
fn a_tapback_is_one_of_six_or_one_emoji() {
    let mut world = World::new();
    let sent = world.text(DIRECT, "hi", None);
    let with = |kind, emoji: Option<&str>| Command::React {
        target: target(DIRECT, &sent),
        reaction: MessageReaction { kind, emoji: emoji.map(str::to_owned) },
        is_set: true,
        actor: None,
    };
    use MessageReactionKind::{Emoji, Like, Sticker, Unknown};
    for emoji in ["👍", "👍🏽", "❤️", "❤", "👨‍👩‍👧‍👦", "🇩🇪", "1️⃣"] {
        let events = world.run(with(Emoji, Some(emoji))).1;
        assert_eq!(events.last().unwrap()["reaction"], json!({ "kind": "emoji", "emoji": emoji }), "{emoji}");
    }
    for emoji in [None, Some(""), Some("a"), Some("1"), Some("👍👍"), Some("👍 nice"), Some("🇩")] {
        assert_eq!(world.refused(with(Emoji, emoji)), invalid("reaction.emoji"), "{emoji:?}");
    }
    assert_eq!(world.refused(with(Sticker, None)), code("operationNotSupported"));
    assert_eq!(world.refused(with(Unknown, None)), invalid("reaction.kind"));
    assert_eq!(world.run(with(Like, Some("👎"))).1[1]["reaction"], json!({ "kind": "like" }), "only the kind emoji has one");
}

#[test]
fn a_read_receipt_is_for_a_message_and_those_before_it() {
    let mut world = World::new();
    let theirs = world.text(GROUP, "theirs", alice());
    let other = world.text(DIRECT, "elsewhere", None);
    assert_eq!(world.refused(receipt(None, "bob@example.com")), code("preconditionFailed"), "nothing can be read");
    let own: Vec<String> = ["a", "b", "c"].map(|text| world.text(GROUP, text, None)).into();
    world.now += MINUTE;
    let events = world.run(receipt(Some(&own[1]), "bob@example.com")).1;
    assert_eq!((&events[0]["type"], &events[0]["messageGuid"]), (&json!("message.read"), &json!(own[1])));
    assert_eq!(
        (&events[0]["readAt"], &events[0]["actor"]["address"]),
        (&json!("2026-01-01T12:01:00Z"), &json!("bob@example.com"))
    );
    assert_eq!((&events[0]["isFromMe"], events.len()), (&json!(false), 1));
    let read = |world: &World| own.iter().map(|guid| world.kept(guid).date_read.is_some()).collect::<Vec<_>>();
    assert_eq!(read(&world), [true, true, false]);
    assert!(world.types(receipt(Some(&own[0]), "alice@example.com")).is_empty(), "it was read");
    world.run(receipt(None, "alice@example.com"));
    assert_eq!(read(&world), [true, true, true]);
    assert!(world.chat(GROUP).last_message.as_ref().unwrap().date_read.is_some());
    assert_eq!((world.kept(&theirs).date_read.is_some(), world.kept(&other).date_read.is_some()), (false, false));
    assert_eq!(world.refused(receipt(Some(&theirs), "bob@example.com")), invalid("messageGuid"));
    assert_eq!(world.refused(receipt(Some(&other), "bob@example.com")), invalid("messageGuid"));
    assert_eq!(world.refused(receipt(Some("nothing"), "bob@example.com")), code("messageNotFound"));
    assert_eq!(world.refused(receipt(None, "carol@example.com")), invalid("actor"));
}

#[test]
fn messages_are_listed_page_by_page_the_newest_first() {
    let mut world = World::new();
    for index in 0..5 {
        world.text(if index == 2 { GROUP } else { DIRECT }, &index.to_string(), if index % 2 == 0 { None } else { alice() });
        world.now += 1;
    }
    let list = |world: &World, query: &MessageQuery| {
        let mut query = query.clone();
        let mut pages = Vec::new();
        loop {
            let page = world.state.messages(&query).unwrap();
            pages.push(page.messages.iter().map(|message| message.content.text.clone().unwrap()).collect::<String>());
            query.page_token = page.next_page_token;
            if query.page_token.is_none() {
                return pages;
            }
        }
    };
    let all = MessageQuery { page_size: 2, ..MessageQuery::default() };
    let direct = MessageQuery { chat: Some(DIRECT.to_owned()), ..all.clone() };
    assert_eq!(list(&world, &all), ["43", "21", "0"]);
    assert_eq!(list(&world, &direct), ["43", "10"], "no page is empty");
    assert_eq!(list(&world, &MessageQuery { is_from_me: Some(true), ..direct.clone() }), ["40"]);
    assert_eq!(list(&world, &MessageQuery { is_from_me: Some(false), ..all.clone() }), ["31"]);
    assert_eq!(
        list(&world, &MessageQuery { before: Some(NOON + 3), after: Some(NOON), ..all.clone() }),
        ["21"],
        "both ends are out"
    );
    world.run(Command::MarkRead { chat: DIRECT.to_owned(), actor: None });
    assert_eq!(list(&world, &MessageQuery { is_read: Some(true), ..all.clone() }), ["31"]);
    assert_eq!(list(&world, &MessageQuery { is_read: Some(false), ..direct.clone() }), ["40"]);

    let refused = |query: MessageQuery| world.state.messages(&query).unwrap_err();
    for page_size in [0, 101] {
        assert_eq!(field(&refused(MessageQuery { page_size, ..all.clone() })), Some("pageSize"));
    }
    for (query, token) in [(&all, "nothing"), (&direct, "M5")] {
        assert_eq!(field(&refused(MessageQuery { page_token: Some(token.to_owned()), ..query.clone() })), Some("pageToken"));
    }
    assert_eq!(refused(MessageQuery { chat: Some("any;-;x".to_owned()), ..all }).code, "chatNotFound");
}
