//! `GET /v1/chats` of the real binary: of an emulator, of a relay before one, and of a relay whose upstream does what a test says.

#![cfg(test)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use im_chats_gateway::service::proto::CatchUpEventsComplete;
use im_chats_gateway::service::proto::{
    CatchUpEventsRequest, CatchUpEventsResponse, Chat, ChatArchived, ChatChangeEvent, GetChatRequest, GetChatResponse, Message,
    Timestamp, catch_up_events_response::Payload, chat_change_event::Change,
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use support::server::{Server, TIMEOUT, fresh};
use support::tokens::{Keys, token};
use support::upstream::{Answers, Methods};
use tempfile::TempDir;
use tonic::{Request, Status};

const ALICE: &str = "any;-;alice@example.com";
const BOB: &str = "any;-;bob@example.com";
const CAROL: &str = "any;-;carol@example.com";

/// A page: the GUIDs, and the token of the next one.
fn page(server: &Server, query: &str, bearer: Option<&str>) -> (Vec<String>, Option<String>) {
    let path = format!("/v1/chats{query}");
    let (status, body) = match bearer {
        None => server.request("GET", &path, None),
        bearer => server.request_as(bearer, &[], "GET", &path, None),
    };
    assert_eq!(status, 200, "{path}: {body}");
    let guids = body["chats"].as_array().expect("chats").iter().map(|chat| chat["guid"].as_str().unwrap().to_owned());
    (guids.collect(), body["nextPageToken"].as_str().map(str::to_owned))
}

fn first(server: &Server, query: &str) -> Vec<String> {
    page(server, query, None).0
}

fn say(server: &Server, address: &str) {
    server.post("/v1/chats", &json!({ "addresses": [address], "initialMessage": { "text": "hi" } }));
}

#[test]
fn a_list_goes_page_by_page_from_the_last_message_on() {
    let (server, _data) = fresh(&[]);
    for address in ["alice@example.com", "bob@example.com", "carol@example.com"] {
        say(&server, address);
    }
    assert_eq!(page(&server, "", None), (vec![CAROL.to_owned(), BOB.to_owned(), ALICE.to_owned()], None));
    say(&server, "bob@example.com");
    let (guids, next) = page(&server, "?pageSize=2", None);
    assert_eq!(guids, [BOB, CAROL]);
    let next = next.expect("another page").replace(';', "%3B");
    assert_eq!(page(&server, &format!("?pageSize=2&pageToken={next}"), None), (vec![ALICE.to_owned()], None));
    server.act("chat.archived", ALICE);
    assert_eq!(first(&server, "?archived=true"), [ALICE]);
    assert_eq!(first(&server, "?archived=false"), [BOB, CAROL]);
    // The same path is a create for who posts.
    let (_, listed) = server.request("GET", "/v1/chats?pageSize=1", None);
    let (_, got) = server.request("GET", &format!("/v1/chats:get?chatGuid={}", BOB.replace(';', "%3B")), None);
    assert_eq!(listed["chats"][0], got["chat"]);
    // The `+` of a group need not be encoded.
    server.post("/v1/chats", &json!({ "addresses": ["dan@example.com", "erin@example.com"] }));
    let (guids, next) = page(&server, "?pageSize=1", None);
    assert!(guids[0].starts_with("any;+;"), "{guids:?}");
    let next = next.expect("another page").replace(';', "%3B");
    assert_eq!(page(&server, &format!("?pageSize=2&pageToken={next}"), None), (vec![BOB.to_owned(), CAROL.to_owned()], None));
}

#[test]
fn a_query_that_is_wrong_is_refused_by_its_parameter() {
    let (server, _data) = fresh(&[]);
    for (query, field) in [
        ("pageSize=0", "pageSize"),
        ("pageSize=101", "pageSize"),
        ("pageSize=-1", "pageSize"),
        ("pageSize=five", "pageSize"),
        ("pageSize=1&pageSize=2", "pageSize"),
        ("archived=yes", "archived"),
        ("pageToken=nonsense", "pageToken"),
        ("pageToken=archived.1.any%3B-%3Bx", "pageToken"),
        ("archived=true&pageToken=visible.1.any%3B-%3Bx", "pageToken"),
    ] {
        let (status, body) = server.request("GET", &format!("/v1/chats?{query}"), None);
        assert_eq!(
            (status, &body["errorCode"], &body["context"]["field"]),
            (400, &json!("invalidArgument"), &json!(field)),
            "{query}"
        );
    }
}

#[test]
fn a_token_for_chats_lists_those_and_one_without_the_scope_none() {
    let keys = Keys::new();
    let (server, _data) = keys.serve(&[]);
    for address in ["alice@example.com", "bob@example.com", "carol@example.com"] {
        say(&server, address);
    }
    let limited = token("u", "chats:read", Some(&[ALICE, CAROL, "any;-;nobody@example.com"]));
    assert_eq!(page(&server, "", Some(&limited)), (vec![CAROL.to_owned(), ALICE.to_owned()], None));
    let (guids, next) = page(&server, "?pageSize=1", Some(&limited));
    let next = next.expect("another page").replace(';', "%3B");
    assert_eq!(
        (guids, page(&server, &format!("?pageSize=1&pageToken={next}"), Some(&limited)).0),
        (vec![CAROL.to_owned()], vec![ALICE.to_owned()])
    );
    assert_eq!(page(&server, "", Some(&token("u", "chats:read", None))).0.len(), 3);
    let (status, body) = server.request_as(Some(&token("u", "events:all chats:write", None)), &[], "GET", "/v1/chats", None);
    assert_eq!((status, &body["errorCode"]), (403, &json!("unauthorized")));
    assert_eq!(server.request_as(None, &[], "GET", "/v1/chats", None).0, 401);
}

/// Asks until the answer is the expected one.
fn until(server: &Server, query: &str, expected: &[&str]) {
    let begun = Instant::now();
    loop {
        let found = first(server, query);
        if found == expected {
            return;
        }
        assert!(begun.elapsed() < TIMEOUT, "{query}: {found:?} instead of {expected:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_relay_lists_what_its_log_and_its_calls_have_shown() {
    let keys = Keys::new();
    let (emulator, _data) = keys.serve(&[]);
    for address in ["alice@example.com", "bob@example.com"] {
        say(&emulator, address);
    }
    // Nothing happened in it, so no event tells of it.
    emulator.create("carol@example.com");
    let (relay, _cache) = keys.relay(&emulator, &["--poll-interval-ms", "50"]);
    until(&relay, "", &[BOB, ALICE]);
    say(&emulator, "alice@example.com");
    until(&relay, "", &[ALICE, BOB]);
    // It comes last: when it was created nobody can say.
    let get = |guid: &str| relay.request("GET", &format!("/v1/chats:get?chatGuid={}", guid.replace(';', "%3B")), None);
    assert_eq!(get(CAROL).0, 200);
    assert_eq!(first(&relay, ""), [ALICE, BOB, CAROL]);
    // One that is created through the relay is the newest.
    let dave = relay.create("dave@example.com");
    assert_eq!(first(&relay, "?pageSize=2"), [dave.as_str(), ALICE]);
    emulator.act("chat.archived", ALICE);
    until(&relay, "?archived=true", &[ALICE]);
    assert_eq!(first(&relay, ""), [dave.as_str(), BOB, CAROL]);
    // A message brings it back.
    say(&emulator, "alice@example.com");
    until(&relay, "", &[ALICE, &dave, BOB, CAROL]);
    assert_eq!(first(&relay, "?archived=true"), [""; 0]);
    // A token for chats also lists one that nobody saw here.
    let erin = emulator.create("erin@example.com");
    let limited = token("u", "chats:read", Some(&[BOB, &erin]));
    assert_eq!(page(&relay, "", Some(&limited)).0, [BOB, &erin]);
    let (status, body) = relay.request("GET", "/v1/chats?pageToken=nonsense", None);
    assert_eq!((status, &body["context"]["field"]), (400, &json!("pageToken")));
}

#[test]
fn a_relay_that_starts_again_lists_what_it_knew() {
    let (emulator, _data) = fresh(&[]);
    say(&emulator, "alice@example.com");
    emulator.create("bob@example.com");
    let data = TempDir::new().unwrap();
    let upstream = format!("http://{}", emulator.address);
    let relay = Server::relay(data.path(), &upstream, &[]);
    until(&relay, "", &[ALICE]);
    relay.create("bob@example.com");
    assert_eq!(first(&relay, ""), [BOB, ALICE]);
    drop(relay);
    let relay = Server::relay(data.path(), &upstream, &[]);
    assert_eq!(first(&relay, ""), [BOB, ALICE]);
}

const COUNT: i64 = 30;

/// A log in which each of many chats was archived, one after the other, and is not any more.
fn log(request: &CatchUpEventsRequest) -> Answers<CatchUpEventsResponse> {
    let after = request.after_sequence.unwrap_or(0);
    let events = (1..=COUNT).filter(move |number| u64::try_from(*number).unwrap() > after).map(|number| {
        let event = ChatChangeEvent {
            chat_guid: guid(number),
            occurred_at: Some(Timestamp { seconds: 1_767_268_800 + number, nanos: 0 }),
            change: Some(Change::Archived(ChatArchived {})),
            ..ChatChangeEvent::default()
        };
        (u64::try_from(number).unwrap(), Payload::ChatChanged(event))
    });
    let head = u64::try_from(COUNT).unwrap();
    let end = (head, Payload::Complete(CatchUpEventsComplete { head_sequence: head }));
    let answers: Vec<_> = events.chain([end]).collect();
    stream::iter(answers)
        .map(|(sequence, payload)| Ok(CatchUpEventsResponse { sequence: Some(sequence), payload: Some(payload) }))
        .boxed()
}

fn guid(number: i64) -> String {
    format!("any;-;p{number:02}@example.com")
}

fn newest(numbers: impl DoubleEndedIterator<Item = i64>) -> Vec<String> {
    numbers.rev().map(guid).collect()
}

/// What reads of some chats give.
type Odd = Vec<(String, Result<Chat, Status>)>;

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_read_from_the_upstream_eight_at_once_and_keeps_its_order() {
    let (under_way, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    // What each chat's read gives; by default the chat, which is archived.
    let odd: Arc<Mutex<Odd>> = Arc::default();
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let (peak, answers, calls) = (Arc::clone(&most), Arc::clone(&odd), Arc::clone(&asked));
    let methods = Methods::default()
        .stream("EventService/CatchUpEvents", |request: Request<CatchUpEventsRequest>| Ok(log(request.get_ref())))
        .unary("ChatService/GetChat", move |request: Request<GetChatRequest>| {
            let (under_way, peak, answers) = (Arc::clone(&under_way), Arc::clone(&peak), Arc::clone(&answers));
            let guid = request.into_inner().chat_guid;
            calls.lock().push(guid.clone());
            async move {
                peak.fetch_max(under_way.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                // The first ones answer last.
                let delay = u64::from(guid.bytes().fold(0_u8, u8::wrapping_add) % 5);
                tokio::time::sleep(Duration::from_millis(20 + delay)).await;
                under_way.fetch_sub(1, Ordering::SeqCst);
                let found = answers.lock().iter().find(|(odd, _)| *odd == guid).map(|(_, answer)| answer.clone());
                let usual = || Ok(Chat { guid, is_archived: true, ..Chat::default() });
                found.unwrap_or_else(usual).map(|chat| GetChatResponse { chat: Some(chat) })
            }
        });
    let upstream = methods.start().await;
    let data = TempDir::new().unwrap();
    let relay = Server::relay(data.path(), &upstream.url, &[]);
    let whole = tokio::task::spawn_blocking(move || {
        let expected = newest(1..=COUNT);
        until(&relay, "?archived=true", &expected.iter().map(String::as_str).collect::<Vec<_>>());
        relay
    });
    let relay = whole.await.unwrap();
    assert!((2..=8).contains(&most.load(Ordering::SeqCst)), "{most:?}");
    let ask = move |query: &'static str, relay: Server| async move {
        tokio::task::spawn_blocking(move || (relay.request("GET", &format!("/v1/chats{query}"), None), relay)).await.unwrap()
    };
    let guids = |body: &Value| {
        body["chats"].as_array().unwrap().iter().map(|chat| chat["guid"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };

    // The newest is gone, the next one is visible by now, and the third one has a message that is older than the others' events.
    let old =
        Message { guid: "M".to_owned(), date_created: Some(Timestamp { seconds: 1_000, nanos: 0 }), ..Message::default() };
    *odd.lock() = vec![
        (guid(30), Err(Status::not_found("no such chat"))),
        (guid(29), Ok(Chat { guid: guid(29), ..Chat::default() })),
        (guid(28), Ok(Chat { guid: guid(28), is_archived: true, last_message: Some(old), ..Chat::default() })),
    ];
    let ((status, body), relay) = ask("?archived=true&pageSize=5", relay).await;
    assert_eq!((status, guids(&body)), (200, newest(26..=28)), "a page may have fewer");
    assert!(body["nextPageToken"].is_string());
    asked.lock().clear();
    let ((_, body), relay) = ask("?archived=true&pageSize=100", relay).await;
    let mut expected = newest(1..=27);
    expected.push(guid(28));
    assert_eq!(guids(&body), expected, "the upstream says which message was the last");
    assert!(!asked.lock().iter().any(|asked| *asked == guid(30) || *asked == guid(29)), "what is known is not asked for");
    let ((_, body), relay) = ask("", relay).await;
    assert_eq!(guids(&body), [guid(29)]);

    // One that the service refuses to read has its GUID alone, unless there is no other one on the page.
    odd.lock().push((guid(27), Err(Status::failed_precondition("not this one"))));
    odd.lock().push((guid(26), Err(Status::internal("nor this one"))));
    let ((status, body), relay) = ask("?archived=true&pageSize=100", relay).await;
    assert_eq!((status, guids(&body)), (200, expected), "the others are read all the same");
    assert_eq!(body["chats"][1], json!({ "guid": guid(26), "isArchived": true }));
    let ((status, body), relay) = ask("?archived=true&pageSize=2", relay).await;
    assert_eq!(
        (status, &body["errorCode"], &body["context"]["chatGuid"]),
        (400, &json!("preconditionFailed"), &json!(guid(27)))
    );

    // Any other failure is one of the call.
    odd.lock().push((guid(20), Err(Status::unavailable("busy"))));
    let ((status, body), _relay) = ask("?archived=true", relay).await;
    assert_eq!((status, &body["errorCode"]), (503, &json!("serviceUnavailable")));
    assert_eq!(body["context"]["chatGuid"], json!(guid(20)), "it says which one was asked for");
}
