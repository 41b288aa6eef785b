//! The list of chats: its order, its pages, and what earlier versions wrote.

use im_chats_protocol::grant::ChatSet;
use serde_json::json;

use super::checkpoints::rested;
use super::*;

fn visible() -> ChatQuery {
    ChatQuery::default()
}

fn archived() -> ChatQuery {
    ChatQuery { archived: true, ..visible() }
}

/// The GUIDs of a whole list, and how many chats each of its pages had.
pub(super) fn walk(state: &State, query: &ChatQuery) -> (Vec<String>, Vec<usize>) {
    let (mut guids, mut pages, mut query) = (Vec::new(), Vec::new(), query.clone());
    loop {
        let page = state.list_chats(&query).unwrap();
        pages.push(page.chats.len());
        guids.extend(page.chats.iter().map(|chat| chat.guid.clone()));
        let Some(next) = page.next_page_token else { return (guids, pages) };
        query.page_token = Some(next);
    }
}

fn guids(world: &World, query: &ChatQuery) -> Vec<String> {
    walk(&world.state, query).0
}

/// As somebody would sort them who has all chats.
pub(super) fn sorted(state: &State, is_archived: bool) -> Vec<String> {
    let mut chats: Vec<&ChatState> = state.chats().filter(|state| state.chat.is_archived == is_archived).collect();
    chats.sort_by_key(|state| std::cmp::Reverse((state.activity, state.chat.guid.clone())));
    chats.iter().map(|state| state.chat.guid.clone()).collect()
}

#[test]
fn the_chat_of_the_last_message_comes_first_and_a_new_one_before_it() {
    let mut world = World::new();
    world.now += 1;
    world.text(DIRECT, "hi", None);
    assert_eq!(guids(&world, &visible()), [DIRECT, GROUP]);
    world.now += 1;
    world.text(GROUP, "hello", alice());
    assert_eq!(guids(&world, &visible()), [GROUP, DIRECT]);
    world.now += 1;
    let (reply, _) = world.run(create(&["carol@example.com"], ChatServiceType::IMessage, None));
    let Reply::Created(created) = reply else { panic!("{reply:?}") };
    assert_eq!(guids(&world, &visible()), [&created.chat.guid, GROUP, DIRECT]);
    // Nothing but a message moves a chat.
    world.now += 1;
    world.run(Command::MarkRead { chat: GROUP.to_owned(), actor: None });
    world.run(Command::Rename { chat: GROUP.to_owned(), name: "Us".to_owned(), actor: None });
    world.run(create(&["alice@example.com"], ChatServiceType::IMessage, None));
    assert_eq!(guids(&world, &visible()), [&created.chat.guid, GROUP, DIRECT]);
}

#[test]
fn an_archived_chat_is_in_the_other_list() {
    let mut world = World::new();
    let archive = |archived| Command::SetArchived { chat: DIRECT.to_owned(), archived, actor: None };
    world.run(archive(true));
    assert_eq!((guids(&world, &visible()), guids(&world, &archived())), (vec![GROUP.to_owned()], vec![DIRECT.to_owned()]));
    world.run(archive(false));
    assert_eq!((guids(&world, &visible()).len(), guids(&world, &archived()).len()), (2, 0));
    // A run of events leaves each chat in the list that it ends in.
    world.run(Command::Generate { chats: vec![DIRECT.into(), GROUP.into()], count: 3 });
    assert_eq!((guids(&world, &visible()), guids(&world, &archived())), (vec![DIRECT.to_owned()], vec![GROUP.to_owned()]));
}

#[test]
fn pages_give_each_chat_once_also_when_all_have_the_same_time() {
    let mut world = World::new();
    for number in 0..23 {
        world.run(create(&[&format!("p{number}@example.com")], ChatServiceType::IMessage, None));
    }
    for (page_size, pages) in [(25, vec![25]), (10, vec![10, 10, 5]), (5, vec![5; 5]), (1, vec![1; 25])] {
        let (guids, found) = walk(&world.state, &ChatQuery { page_size, ..visible() });
        assert_eq!((&guids, &found), (&sorted(&world.state, false), &pages));
    }
    // A chat that is read of moves up, and is not given again.
    let first = world.state.list_chats(&ChatQuery { page_size: 5, ..visible() }).unwrap();
    let last = first.chats.last().unwrap().guid.clone();
    world.now += 1;
    world.text(&last, "now", None);
    let rest = walk(&world.state, &ChatQuery { page_token: first.next_page_token, ..visible() }).0;
    assert_eq!((rest.len(), rest.contains(&last)), (20, false));
}

#[test]
fn a_list_of_some_chats_has_those_alone_in_the_same_order() {
    let mut world = World::new();
    world.now += 1;
    world.run(create(&["carol@example.com"], ChatServiceType::IMessage, None));
    let within = |guids: &[&str]| Some(ChatSet::parse(guids).unwrap());
    let some = ChatQuery { within: within(&[DIRECT, "any;-;carol@example.com", "any;-;nobody@example.com"]), ..visible() };
    for page_size in [1, 50] {
        let some = ChatQuery { page_size, ..some.clone() };
        assert_eq!(guids(&world, &some), ["any;-;carol@example.com", DIRECT]);
    }
    world.run(Command::SetArchived { chat: DIRECT.to_owned(), archived: true, actor: None });
    assert_eq!(guids(&world, &some), ["any;-;carol@example.com"]);
    assert_eq!(guids(&world, &ChatQuery { archived: true, ..some }), [DIRECT]);
}

#[test]
fn a_page_that_cannot_be_is_refused() {
    let world = World::new();
    for page_size in [0, 101] {
        assert_eq!(field(&world.state.list_chats(&ChatQuery { page_size, ..visible() }).unwrap_err()), Some("pageSize"));
    }
    let first = world.state.list_chats(&ChatQuery { page_size: 1, ..visible() }).unwrap();
    for (token, archived) in [(Some("nonsense".to_owned()), false), (first.next_page_token, true)] {
        let error = world.state.list_chats(&ChatQuery { page_token: token, archived, ..visible() }).unwrap_err();
        assert_eq!(field(&error), Some("pageToken"));
    }
}

#[test]
fn a_journal_and_a_checkpoint_of_an_earlier_version_are_listed_by_the_last_messages() {
    let chat = |guid: &str| {
        json!({
            "guid": guid, "displayName": "", "isGroup": false, "service": "iMessage", "isArchived": false, "isFiltered": false,
            "unreadCount": 0, "participants": [],
        })
    };
    let mut old = chat("any;-;old@example.com");
    old["lastMessage"] =
        json!({ "guid": "OLD", "chatGuids": [], "content": {}, "isFromMe": false, "dateCreated": "2025-01-01T12:00:00Z" });
    let mut state = State::default();
    for item in [
        json!({ "item": "state", "version": 2, "head": 7, "entries": 9 }),
        json!({ "item": "chat", "chat": chat("any;-;silent@example.com") }),
        json!({ "item": "chat", "chat": old }),
    ] {
        state.take(serde_json::from_value(item).unwrap()).unwrap();
    }
    let created = json!({ "entry": "chatCreated", "chat": chat("any;-;zero@example.com") });
    state.apply(&serde_json::from_value(created).unwrap());
    let (listed, _) = walk(&state, &visible());
    assert_eq!(listed, ["any;-;old@example.com", "any;-;zero@example.com", "any;-;silent@example.com"]);
    assert_eq!(rested(&state), state);
}

#[test]
fn ten_thousand_chats_are_listed_without_sorting_them_for_each_page() {
    let mut world = World::new();
    for number in 0..10_000 {
        world.now += 1;
        let people = format!("p{number}@example.com");
        let entry = json!({
            "entry": "chatCreated", "at": world.now,
            "chat": {
                "guid": format!("any;-;{people}"), "displayName": "", "isGroup": false, "service": "iMessage", "isArchived": false,
                "isFiltered": false, "participants": [],
            },
        });
        world.state.apply(&serde_json::from_value(entry).unwrap());
    }
    assert_eq!(world.state.by_activity.len(), 10_002);
    let (guids, pages) = walk(&world.state, &ChatQuery { page_size: 100, ..visible() });
    assert_eq!((guids, pages.len()), (sorted(&world.state, false), 101));
}
