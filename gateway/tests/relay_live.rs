//! The live streams between the relay and its upstream: how soon an event is there, and what becomes of a stream that the
//! upstream does not give.

#![cfg(test)]

mod support;

use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use im_chats_gateway::service::proto::{
    CatchUpEventsComplete, CatchUpEventsRequest, CatchUpEventsResponse, ChatArchived, ChatChangeEvent, Heartbeat,
    MessageChangeEvent, MessageRead, SubscribeChatEventsRequest, SubscribeChatEventsResponse, SubscribeGroupEventsRequest,
    SubscribeGroupEventsResponse, SubscribeMessageEventsRequest, SubscribeMessageEventsResponse, Timestamp,
    catch_up_events_response, chat_change_event, message_change_event, subscribe_chat_events_response,
    subscribe_message_events_response,
};
use serde_json::{Value, json};
use support::server::{Dice, Server, Socket, TIMEOUT, fresh};
use support::upstream::{Answers, Methods};
use tempfile::TempDir;
use tokio::sync::broadcast;
use tonic::{Request, Status};

/// Events of each kind whose way is measured.
const MEASURED: usize = 40;

async fn healthy(relay: &Server) {
    let end = Instant::now() + TIMEOUT;
    while relay.request("GET", "/healthz", None).0 != 200 {
        assert!(Instant::now() < end, "{}", relay.said());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A reader of everything from the beginning.
async fn reader(server: &Server) -> Socket {
    let (mut socket, _) = Socket::ready(server).await;
    socket.say(&json!({ "type": "subscribe", "id": 1, "topic": "all", "after": { "sequence": 0 }, "credit": 1_000_000 })).await;
    socket
}

/// The next event.
async fn next_events(socket: &mut Socket) -> Vec<Value> {
    loop {
        let frame = socket.next_but_heartbeats().await;
        match frame["events"].as_array() {
            Some(events) if !events.is_empty() => return events.clone(),
            _ => assert_ne!(frame["type"], "error", "{frame}"),
        }
    }
}

/// From the call that makes an event at the upstream to the event in a client's hands, sorted.
async fn waits(upstream: &Server, relay: &Server, chat: &str, kinds: [&str; 2]) -> Vec<Duration> {
    let mut socket = reader(relay).await;
    let mut seen = 0;
    let mut waits = Vec::new();
    let head = Socket::ready(upstream).await.1["log"]["head"].as_u64().unwrap();
    while seen < head {
        seen += next_events(&mut socket).await.len() as u64;
    }
    for round in 0..MEASURED {
        let began = Instant::now();
        upstream.act(kinds[round % 2], chat);
        let events = next_events(&mut socket).await;
        waits.push(began.elapsed());
        seen += 1;
        assert_eq!((events.len(), events[0]["sequence"].as_u64()), (1, Some(seen)));
    }
    waits.sort_unstable();
    waits
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_there_as_soon_as_an_event_of_a_chat_and_nobody_waits_for_a_poll() {
    let (upstream, _data) = fresh(&["--heartbeat-interval-ms", "1000"]);
    let chat = upstream.create("bob@example.com");
    let data = TempDir::new().unwrap();
    let relay = Server::relay(data.path(), &format!("http://{}", upstream.address), &["--poll-interval-ms", "60000"]);
    healthy(&relay).await;
    for kinds in [["chat.archived", "chat.unarchived"], ["message.received"; 2]] {
        let waits = waits(&upstream, &relay, &chat, kinds).await;
        let (median, longest) = (waits[waits.len() / 2], waits[waits.len() - 1]);
        println!("{}, written upstream → seen through the relay: median {median:?}, longest {longest:?}", kinds[0]);
        // While a stream is not attached, a catch-up begins every second, and each event waits for the next.
        assert!(median < Duration::from_millis(700) && longest < TIMEOUT, "waited for a catch-up: {median:?}, {longest:?}");
    }
    assert!(!relay.said().contains("no live events"), "{}", relay.said());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_live_is_in_the_log_as_what_was_caught_up() {
    let (upstream, _data) = fresh(&["--heartbeat-interval-ms", "1000"]);
    let (live_data, later_data) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let url = format!("http://{}", upstream.address);
    let mut live = Server::relay(live_data.path(), &url, &["--poll-interval-ms", "60000"]);
    healthy(&live).await;
    let chat = upstream.create("bob@example.com");
    let mut socket = reader(&live).await;
    for kind in ["message.received", "chat.archived", "chat.unarchived", "message.received"] {
        upstream.act(kind, &chat);
        assert_eq!(next_events(&mut socket).await.len(), 1);
    }
    let mut later = Server::relay(later_data.path(), &url, &[]);
    let mut other = reader(&later).await;
    let mut seen = 0;
    while seen < 4 {
        seen += next_events(&mut other).await.len();
    }
    drop((socket, other));
    live.kill();
    later.kill();
    assert_eq!(stored(&live_data).await, stored(&later_data).await);
}

/// Every event as it lies on the disk: its kind, JSON and protobuf.
async fn stored(data: &TempDir) -> Vec<String> {
    use im_chats_gateway::log::store::Store;
    use im_chats_gateway::log::{EventFilter, ReadQuery};
    use im_chats_protocol::wire::frame::Topic;
    let store = Store::open(data.path()).unwrap();
    let (log, _appender) = im_chats_gateway::log::open(&store).unwrap();
    let query =
        ReadQuery { after: 0, through: u64::MAX, filter: EventFilter::of(Topic::All), max_events: 100, max_bytes: 1 << 20 };
    log.read(query).await.unwrap().events.iter().map(|event| format!("{event:?}")).collect()
}

/// The first answer, and then what is sent.
fn live<A: Clone + Send + 'static>(first: A, events: &broadcast::Sender<A>) -> Answers<A> {
    let later = stream::unfold(events.subscribe(), |mut events| async move {
        let event = events.recv().await.ok()?;
        Some((Ok(event), events))
    });
    stream::iter([Ok(first)]).chain(later).boxed()
}

/// Answers a catch-up from these events, up to the present head.
fn caught_up(
    log: &[catch_up_events_response::Payload],
    head: u64,
    request: Request<CatchUpEventsRequest>,
) -> Answers<CatchUpEventsResponse> {
    let after = request.into_inner().after_sequence.unwrap_or(0);
    let events = (1..=head).zip(log.to_vec()).filter(move |(sequence, _)| *sequence > after);
    let events = events.map(|(sequence, event)| (Some(sequence), event));
    let complete = catch_up_events_response::Payload::Complete(CatchUpEventsComplete { head_sequence: head });
    let answers = events.chain([(None, complete)]).collect::<Vec<_>>();
    stream::iter(answers).map(|(sequence, payload)| Ok(CatchUpEventsResponse { sequence, payload: Some(payload) })).boxed()
}

/// For the figures in `docs/relay.md`: it takes a minute.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures what waiting for the poll costs; nothing can fail"]
async fn a_message_that_does_not_come_live_waits_for_the_poll() {
    let archived = ChatChangeEvent {
        chat_guid: "any;-;a".to_owned(),
        occurred_at: Some(Timestamp { seconds: 1_700_000_000, nanos: 0 }),
        change: Some(chat_change_event::Change::Archived(ChatArchived {})),
        ..Default::default()
    };
    let log = vec![catch_up_events_response::Payload::ChatChanged(archived); MEASURED];
    let head = Arc::new(AtomicU64::new(0));
    let end = Arc::clone(&head);
    let methods = Methods::default().stream("EventService/CatchUpEvents", move |request: Request<CatchUpEventsRequest>| {
        Ok(caught_up(&log, end.load(Ordering::SeqCst), request))
    });
    let upstream = methods.start().await;
    let data = TempDir::new().unwrap();
    let relay = Server::relay(data.path(), &upstream.url, &[]);
    healthy(&relay).await;
    let mut socket = reader(&relay).await;
    let (mut dice, mut waits) = (Dice(7), Vec::new());
    for sequence in 1..=MEASURED as u64 {
        // At any time between two polls.
        tokio::time::sleep(Duration::from_millis(dice.below(2_000))).await;
        let began = Instant::now();
        head.store(sequence, Ordering::SeqCst);
        assert_eq!(next_events(&mut socket).await[0]["sequence"], sequence);
        waits.push(began.elapsed());
    }
    waits.sort_unstable();
    let (median, longest) = (waits[waits.len() / 2], waits[waits.len() - 1]);
    println!("without live streams, a poll every 2 s: median {median:?}, longest {longest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_the_upstream_does_not_give_is_named_once_and_the_others_go_on() {
    use catch_up_events_response::Payload as CaughtUp;
    use subscribe_chat_events_response::Payload as OfChat;
    use subscribe_message_events_response::Payload as OfMessage;
    let at = Some(Timestamp { seconds: 1_700_000_000, nanos: 0 });
    let archived = ChatChangeEvent {
        chat_guid: "any;-;a".to_owned(),
        occurred_at: at,
        change: Some(chat_change_event::Change::Archived(ChatArchived {})),
        ..Default::default()
    };
    let read = MessageRead { message_guid: "m".to_owned(), read_at: at };
    let read = MessageChangeEvent {
        chat_guid: "any;-;a".to_owned(),
        occurred_at: at,
        change: Some(message_change_event::Change::MessageRead(read)),
        ..Default::default()
    };
    let log = [CaughtUp::ChatChanged(archived.clone()), CaughtUp::MessageChanged(read.clone())];
    let (chats, messages) = (broadcast::channel(10).0, broadcast::channel(10).0);
    let head = Arc::new(AtomicU64::new(0));
    let (end_of_log, to_chats, to_messages) = (Arc::clone(&head), chats.clone(), messages.clone());
    let methods = Methods::default()
        .stream("EventService/CatchUpEvents", move |request: Request<CatchUpEventsRequest>| {
            Ok(caught_up(&log, end_of_log.load(Ordering::SeqCst), request))
        })
        .stream("ChatService/SubscribeChatEvents", move |_: Request<SubscribeChatEventsRequest>| {
            let beat = SubscribeChatEventsResponse { sequence: None, payload: Some(OfChat::Heartbeat(Heartbeat::default())) };
            // One with nothing in it ends the stream.
            let answers = live(beat, &to_chats);
            Ok(answers.take_while(|answer| ready(answer.as_ref().is_ok_and(|answer| answer.payload.is_some()))).boxed())
        })
        .stream("MessageService/SubscribeMessageEvents", move |_: Request<SubscribeMessageEventsRequest>| {
            let beat = OfMessage::Heartbeat(Heartbeat::default());
            Ok(live(SubscribeMessageEventsResponse { sequence: None, payload: Some(beat) }, &to_messages))
        })
        .stream("GroupService/SubscribeGroupEvents", |_: Request<SubscribeGroupEventsRequest>| {
            let mut refusal = Status::permission_denied("this token may not read groups");
            refusal.metadata_mut().insert("error-code", "unauthorized".parse().unwrap());
            Err::<Answers<SubscribeGroupEventsResponse>, _>(refusal)
        });
    let upstream = methods.start().await;
    let data = TempDir::new().unwrap();
    let relay = Server::relay(data.path(), &upstream.url, &["--poll-interval-ms", "60000"]);
    said(&relay, "is connected", 1).await;
    let mut socket = reader(&relay).await;
    for (sequence, kind) in [(1, "chat.archived"), (2, "message.read")] {
        head.store(sequence, Ordering::SeqCst);
        if sequence == 1 {
            chats
                .send(SubscribeChatEventsResponse { sequence: Some(1), payload: Some(OfChat::ChatChanged(archived.clone())) })
                .unwrap();
        } else {
            let payload = Some(OfMessage::MessageChanged(read.clone()));
            messages.send(SubscribeMessageEventsResponse { sequence: Some(2), payload }).unwrap();
        }
        let events = next_events(&mut socket).await;
        assert_eq!((events.len(), &events[0]["sequence"], &events[0]["type"]), (1, &json!(sequence), &json!(kind)));
    }
    // The link is opened again, and the two are refused again.
    chats.send(SubscribeChatEventsResponse { sequence: None, payload: None }).unwrap();
    let all = said(&relay, "is connected", 2).await;
    for (lane, reason) in [("groups", "this token may not read groups"), ("polls", "no such method")] {
        let line =
            format!("the upstream gives no live events of {lane}: {reason}; it is asked for them every 60000 ms instead");
        assert_eq!(all.matches(&line).count(), 1, "{all}");
    }
    assert!(!all.contains("no live events of chats") && !all.contains("no live events of messages"), "{all}");
}

/// What the relay has said, once this is in it so often.
async fn said(relay: &Server, what: &str, times: usize) -> String {
    let end = Instant::now() + TIMEOUT;
    loop {
        let said = relay.said();
        if said.matches(what).count() >= times {
            return said;
        }
        assert!(Instant::now() < end, "{said}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
