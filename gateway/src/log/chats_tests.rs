//! What is noted of chats.

use im_chats_protocol::grant::ChatSet;
use im_chats_protocol::wire::chat_list::ChatPlace;
use tempfile::TempDir;

use super::store::verify;
use super::*;

const ALICE: &str = "any;-;alice@example.com";
const BOB: &str = "any;-;bob@example.com";

/// 2026-01-01T12:00:00Z
const NOON: i64 = 1_767_268_800_000;

struct Seen {
    store: Store,
    log: EventLog,
    appender: Appender,
    head: u64,
    _directory: TempDir,
}

impl Seen {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let (log, appender) = open(&store).unwrap();
        Self { store, log, appender, head: 0, _directory: directory }
    }

    /// Events of this kind, in one transaction; each is of a chat and a second after noon.
    fn happens(&mut self, events: &[(&str, &str, i64)]) {
        let events = events.iter().map(|(kind, chat, second)| {
            self.head += 1;
            let json =
                format!("{{\"type\":\"{kind}\",\"occurredAt\":\"2026-01-01T12:00:{second:02}Z\",\"chatGuid\":\"{chat}\"}}");
            LoggedEvent {
                sequence: self.head,
                kind: EventKind::Message,
                chat_guid: (*chat).into(),
                json: json.into(),
                proto: None,
            }
        });
        let events = events.collect();
        self.appender.append(events).unwrap();
    }

    async fn note(&self, note: ChatNote) {
        self.log.note_chats(vec![note]).await.unwrap();
    }

    async fn found(&self, archived: bool) -> Vec<SeenChat> {
        verify::everything(&self.store.reader().unwrap()).unwrap();
        self.log.seen_chats(SeenQuery { archived, after: None, within: None, limit: 100 }).await.unwrap()
    }

    /// The GUIDs, and the seconds after noon.
    async fn list(&self, archived: bool) -> Vec<(String, i64)> {
        let seen = self.found(archived).await.into_iter();
        seen.map(|seen| (seen.place.guid, (seen.place.activity - NOON) / 1000)).collect()
    }
}

fn of(chats: &[(&str, i64)]) -> Vec<(String, i64)> {
    chats.iter().map(|(guid, second)| ((*guid).to_owned(), *second)).collect()
}

#[tokio::test]
async fn the_chat_of_the_last_message_comes_first_and_other_events_move_none() {
    let mut seen = Seen::new();
    seen.happens(&[
        ("message.received", ALICE, 1),
        ("message.received", BOB, 2),
        ("message.received", ALICE, 3),
        ("message.read", BOB, 4),
    ]);
    assert_eq!(seen.list(false).await, of(&[(ALICE, 3), (BOB, 2)]));
    seen.happens(&[("message.reactionAdded", BOB, 5), ("group.changed", "any;+;g", 6)]);
    assert_eq!(seen.list(false).await, of(&[("any;+;g", 6), (ALICE, 3), (BOB, 2)]));
    // One that comes late does not move its chat back.
    seen.happens(&[("message.received", ALICE, 2)]);
    assert_eq!(seen.list(false).await[1], (ALICE.to_owned(), 3));
    // What is no GUID, or has no time, is in no list, or at its end.
    seen.happens(&[("unknown", "", 7), ("unknown", "chat", 8)]);
    assert_eq!(seen.list(false).await.len(), 3);
}

#[tokio::test]
async fn a_chat_is_in_the_list_that_its_events_put_it_in_and_in_both_when_that_is_not_known() {
    let mut seen = Seen::new();
    seen.happens(&[("chat.archived", ALICE, 1)]);
    assert_eq!((seen.list(true).await.len(), seen.list(false).await.len()), (1, 0));
    seen.happens(&[("message.received", ALICE, 2)]);
    assert_eq!((seen.list(true).await.len(), seen.list(false).await.len()), (1, 1), "a message may have brought it back");
    seen.happens(&[("chat.archived", ALICE, 3), ("chat.unarchived", ALICE, 4)]);
    assert_eq!((seen.list(true).await.len(), seen.list(false).await.len()), (0, 1));
    seen.happens(&[("chat.archived", ALICE, 5), ("message.received", ALICE, 6)]);
    assert_eq!((seen.list(true).await.len(), seen.list(false).await.len()), (1, 1), "also when both are written at once");
    seen.happens(&[("chat.unarchived", ALICE, 7), ("message.received", ALICE, 8)]);
    assert_eq!((seen.list(true).await.len(), seen.list(false).await.len()), (0, 1), "a message archives no chat");
    seen.appender.skip_to(50).unwrap();
    assert_eq!((seen.list(true).await.len(), seen.list(false).await.len()), (1, 1), "what came between is not known");
    seen.appender.replace().unwrap();
    assert_eq!(seen.found(false).await.len(), 1);
}

#[tokio::test]
async fn a_read_is_noted_unless_an_event_has_shown_something_newer() {
    let mut seen = Seen::new();
    let shown = |guid: &str, last_message: Option<i64>, created: Option<i64>| ChatNote::Shown {
        guid: guid.to_owned(),
        last_message: last_message.map(|second| NOON + second * 1000),
        created: created.map(|second| NOON + second * 1000),
        archived: false,
    };
    seen.note(shown(BOB, None, Some(5))).await;
    seen.note(shown(ALICE, Some(3), None)).await;
    seen.note(shown("no guid", Some(9), None)).await;
    assert_eq!(seen.list(false).await, of(&[(BOB, 5), (ALICE, 3)]));
    // A chat that was found, not created, stays where it is.
    seen.note(shown(BOB, None, Some(9))).await;
    assert_eq!(seen.list(false).await[0], (BOB.to_owned(), 5));
    let before = seen.found(false).await;
    let place = |second: i64| ChatPlace { activity: NOON + second * 1000, guid: BOB.to_owned() };
    let changed = ChatNote::Changed(before[0].clone(), SeenChat { place: place(1), archived: Some(true) });
    seen.note(changed.clone()).await;
    assert_eq!((seen.list(true).await, seen.list(false).await), (of(&[(BOB, 1)]), of(&[(ALICE, 3)])));
    seen.happens(&[("message.received", BOB, 7)]);
    seen.note(changed).await;
    seen.note(ChatNote::Gone(before[0].clone())).await;
    assert_eq!(seen.list(false).await, of(&[(BOB, 7), (ALICE, 3)]));
    let now = seen.found(false).await;
    seen.note(ChatNote::Gone(now[0].clone())).await;
    assert_eq!(seen.list(false).await, of(&[(ALICE, 3)]));
    seen.happens(&[("chat.archived", ALICE, 8)]);
    seen.note(shown(ALICE, Some(3), None)).await;
    assert_eq!(
        (seen.list(true).await, seen.list(false).await),
        (of(&[(ALICE, 3)]), of(&[(ALICE, 3)])),
        "it may be an old answer"
    );
}

#[tokio::test]
async fn a_list_goes_on_after_a_place_and_has_every_chat_that_it_is_limited_to() {
    let mut seen = Seen::new();
    let guids: Vec<String> = (0..20).map(|number| format!("any;-;p{number:02}")).collect();
    // Two in each second.
    let events: Vec<_> = guids.iter().zip(0..).map(|(guid, number)| ("message.received", guid.as_str(), number / 2)).collect();
    seen.happens(&events);
    let all: Vec<SeenChat> = seen.found(false).await;
    for limit in [1, 3, 7, 20] {
        let (mut walked, mut after) = (Vec::new(), None);
        loop {
            let query = SeenQuery { archived: false, after, within: None, limit };
            let page = seen.log.seen_chats(query).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.place.clone());
            walked.extend(page);
        }
        assert_eq!(walked, all);
    }
    let within = Some(ChatSet::parse(&["any;-;p03", "any;-;p11", "any;-;nobody"]).unwrap());
    let query = SeenQuery { archived: true, after: None, within, limit: 9 };
    let found = seen.log.seen_chats(query.clone()).await.unwrap();
    assert_eq!(found.iter().map(|seen| &*seen.place.guid).collect::<Vec<_>>(), ["any;-;p11", "any;-;p03", "any;-;nobody"]);
    let rest = seen.log.seen_chats(SeenQuery { after: Some(found[0].place.clone()), limit: 1, ..query }).await.unwrap();
    assert_eq!(rest, found[1..2]);
}

#[tokio::test]
async fn a_note_that_was_damaged_is_told_of_and_written_again() {
    let mut seen = Seen::new();
    seen.happens(&[("chat.archived", ALICE, 1)]);
    seen.store.writer().unwrap().execute("UPDATE chats SET activity = activity + 1", []).unwrap();
    let query = SeenQuery { archived: true, after: None, within: None, limit: 9 };
    assert_eq!(seen.log.seen_chats(query.clone()).await.unwrap_err().code, "databaseError");
    verify::everything(&seen.store.reader().unwrap()).unwrap_err();
    seen.appender.skip_to(50).unwrap();
    seen.head = 50;
    assert_eq!(seen.log.seen_chats(query).await.unwrap_err().code, "databaseError", "a gap in the log makes nothing good");
    seen.happens(&[("message.received", ALICE, 2)]);
    assert_eq!(seen.list(false).await, of(&[(ALICE, 2)]));
}
