//! What is kept is bounded, and copies of it are cheap.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::*;
use crate::limits::{
    ATTACHMENT_LIMIT, EDIT_WINDOW_MS, MAX_ATTACHMENT_BYTES, MAX_ATTACHMENTS_BYTES, MESSAGE_LIMIT, UNSEND_WINDOW_MS,
};

/// A journal's message as it would be decided, without deciding it: there are many.
fn landed(sequence: u64, like: &Message) -> Entry {
    let message = Message { guid: format!("N{sequence}"), ..like.clone() };
    Entry::Message { sequence, at: NOON, chat: DIRECT.to_owned(), message: Arc::new(message), parts: Vec::new() }
}

#[test]
fn a_hundred_thousand_messages_are_kept_and_copied_in_no_time() {
    let mut world = World::new();
    let options = vec!["a".to_owned(), "b".to_owned()];
    let create = Command::CreatePoll { chat: DIRECT.to_owned(), title: "t".to_owned(), options, actor: None };
    let first = poll(world.run(create).0).poll_message_guid;
    let like = world.kept(&first).clone();
    let head = world.state.head();
    for index in 1..u64::try_from(MESSAGE_LIMIT).unwrap() {
        world.state.apply(&landed(head + index, &like));
    }
    assert!(world.state.message(&first).is_ok(), "as many as the limit are kept");

    // The writer does this when a commit fails, and the compactor while writers wait.
    let copies: Vec<(State, Duration)> = (0..5)
        .map(|_| {
            let start = Instant::now();
            let copy = world.state.clone();
            (copy, start.elapsed())
        })
        .collect();
    let fastest = copies.iter().map(|(_, took)| *took).min().unwrap();
    assert!(fastest < Duration::from_millis(5), "{fastest:?}");

    // One more, and the oldest goes, with its poll: by an entry of its own, or by the limit itself in an earlier journal.
    let mut earlier = copies.into_iter().next().unwrap().0;
    let send = Command::Send { chat: DIRECT.to_owned(), draft: draft("one more"), actor: None };
    let outcome = world.outcome(send).unwrap();
    assert_eq!(outcome.entries[0], Entry::Forgotten { messages: vec![first.clone()], attachments: Vec::new() });
    earlier.apply(&outcome.entries[1]);
    for state in [&world.state, &earlier] {
        assert_eq!(state.messages.len(), MESSAGE_LIMIT);
        assert_eq!(state.messages.sizes(), [MESSAGE_LIMIT; 3], "nothing of the forgotten one stays");
        assert_eq!(state.message(&first).unwrap_err().code, "messageNotFound");
        assert_eq!(state.poll(&first).unwrap_err().code, "pollNotFound");
        let query = MessageQuery {
            chat: Some(DIRECT.to_owned()),
            page_size: 1,
            page_token: Some(first.clone()),
            ..MessageQuery::default()
        };
        assert_eq!(state.messages(&query).unwrap_err().context_value("field"), Some("pageToken"));
    }
}

fn upload(bytes: u64) -> Command {
    let file = FileDescription { name: "a".into(), mime: "text/plain".into(), uti: "public.plain-text".into(), bytes };
    Command::Upload { file, companion: None, actor: None }
}

fn forgotten(outcome: &Outcome) -> Vec<String> {
    match &outcome.entries[0] {
        Entry::Forgotten { attachments, .. } => attachments.clone(),
        _ => Vec::new(),
    }
}

#[test]
fn the_oldest_files_go_when_all_of_them_are_too_large() {
    let mut world = World::new();
    let guids: Vec<String> = (0..20)
        .map(|_| {
            let outcome = world.outcome(upload(MAX_ATTACHMENT_BYTES)).unwrap();
            assert_eq!(forgotten(&outcome), Vec::<String>::new());
            format!("M{}", world.made)
        })
        .collect();
    let rest = MAX_ATTACHMENTS_BYTES - 20 * MAX_ATTACHMENT_BYTES;
    assert_eq!(forgotten(&world.outcome(upload(rest)).unwrap()), Vec::<String>::new(), "to the byte");
    assert_eq!(forgotten(&world.outcome(upload(1)).unwrap()), guids[..1]);
    assert_eq!(forgotten(&world.outcome(upload(MAX_ATTACHMENT_BYTES)).unwrap()), guids[1..2]);
    assert_eq!(world.state.attachment(&guids[1]).unwrap_err().code, "attachmentNotFound");
    assert!(world.state.attachment(&guids[2]).is_ok());
}

#[test]
fn the_oldest_file_goes_when_there_are_too_many() {
    let mut world = World::new();
    for _ in 0..ATTACHMENT_LIMIT {
        assert_eq!(forgotten(&world.outcome(upload(1)).unwrap()), Vec::<String>::new());
    }
    assert_eq!(forgotten(&world.outcome(upload(1)).unwrap()), ["M3"]);
    assert_eq!(world.state.attachments.len(), ATTACHMENT_LIMIT);
}

#[test]
fn the_limits_are_those_that_are_documented() {
    assert_eq!((MESSAGE_LIMIT, ATTACHMENT_LIMIT), (100_000, 10_000));
    assert_eq!((MAX_ATTACHMENT_BYTES, MAX_ATTACHMENTS_BYTES), (100 << 20, 2 << 30));
    assert_eq!((EDIT_WINDOW_MS, UNSEND_WINDOW_MS), (15 * MINUTE, 2 * MINUTE));
}
