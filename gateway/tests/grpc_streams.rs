//! The two event streams over gRPC: nothing lost, nothing twice, nothing held for who has left.

#![cfg(test)]

mod support;

use im_chats_gateway::service::proto::catch_up_events_response::Payload as Replayed;
use im_chats_gateway::service::proto::message_change_event::Change as MessageChange;
use im_chats_gateway::service::proto::subscribe_chat_events_response::Payload;
use im_chats_gateway::service::proto::{
    CatchUpEventsRequest, CatchUpEventsResponse, SubscribeChatEventsRequest, SubscribeChatEventsResponse,
};
use support::grpc::{Chats, Events, Raw, clients, framed, narrow, refused};
use support::server::{Server, TIMEOUT, fresh};
use tokio::time::timeout;
use tonic::{Code, Status, Streaming};

type Live = Streaming<SubscribeChatEventsResponse>;

async fn next(stream: &mut Live) -> Result<Option<SubscribeChatEventsResponse>, Status> {
    timeout(TIMEOUT, stream.message()).await.expect("something in time")
}

/// Attached: the first heartbeat has come.
async fn subscribe(chats: &mut Chats, chat: Option<&str>) -> Live {
    let request = SubscribeChatEventsRequest { chat_guid: chat.map(str::to_owned) };
    let mut stream = chats.subscribe_chat_events(request).await.unwrap().into_inner();
    let first = next(&mut stream).await.unwrap().unwrap();
    assert_eq!((first.sequence, first.payload.is_some()), (None, true));
    stream
}

/// The sequences up to and including `last`, whatever heartbeats come in between.
async fn read_to(stream: &mut Live, last: u64) -> Vec<u64> {
    let mut sequences = Vec::new();
    while sequences.last() != Some(&last) {
        let response = next(stream).await.unwrap().unwrap();
        match response.payload {
            Some(Payload::ChatChanged(event)) => {
                assert!(event.change.is_some());
                sequences.push(response.sequence.unwrap());
            }
            Some(Payload::Heartbeat(_)) => assert_eq!(response.sequence, None),
            None => panic!("{response:?}"),
        }
    }
    sequences
}

async fn replay(events: &mut Events, after: Option<u64>) -> Result<Vec<CatchUpEventsResponse>, Status> {
    let mut stream = events.catch_up_events(CatchUpEventsRequest { after_sequence: after }).await?.into_inner();
    let mut all = Vec::new();
    while let Some(response) = timeout(TIMEOUT, stream.message()).await.expect("something in time")? {
        if !matches!(response.payload, Some(Replayed::Heartbeat(_))) {
            all.push(response);
        }
    }
    Ok(all)
}

fn head(replayed: &[CatchUpEventsResponse]) -> u64 {
    match &replayed.last().unwrap().payload {
        Some(Replayed::Complete(complete)) => complete.head_sequence,
        other => panic!("not the end: {other:?}"),
    }
}

#[tokio::test]
async fn a_live_stream_begins_now_and_loses_nothing() {
    let (server, _data) = fresh(&[]);
    let (mut chats, _) = clients(&server).await;
    let (bob, ann) = (server.create("bob@example.com"), server.create("ann@example.com"));
    let before = server.generate(500, &[&bob, &ann]);
    let mut all = subscribe(&mut chats, None).await;
    let mut only_bob = subscribe(&mut chats, Some(&format!(" {bob} "))).await;
    server.act("message.received", &bob);
    let last_of_bob = server.generate(5000, &[&bob]);
    let last = server.generate(1000, &[&ann]);
    // The message has a sequence of its own that no reader of chats sees.
    assert_eq!(read_to(&mut all, last).await, (before + 2..=last).collect::<Vec<_>>());
    assert_eq!(read_to(&mut only_bob, last_of_bob).await, (before + 2..=last_of_bob).collect::<Vec<_>>());
    server.act("chat.archived", &ann);
    server.act("chat.archived", &bob);
    assert_eq!(read_to(&mut only_bob, last + 2).await, [last + 2]);
    let wrong = chats.subscribe_chat_events(SubscribeChatEventsRequest { chat_guid: Some("bob".into()) }).await;
    assert_eq!(refused(wrong, Code::InvalidArgument, "invalidArgument").context("field").as_deref(), Some("chatGuid"));
}

#[tokio::test]
async fn a_replay_tells_everything_after_the_cursor_and_its_end() {
    let (server, _data) = fresh(&[]);
    let (_, mut events) = clients(&server).await;
    assert_eq!(head(&replay(&mut events, None).await.unwrap()), 0);
    let bob = server.create("bob@example.com");
    server.act("message.received", &bob);
    let last = server.generate(3000, &[&bob]);
    let whole = replay(&mut events, None).await.unwrap();
    assert_eq!(head(&whole), last);
    let sequences: Vec<_> = whole.iter().filter_map(|response| response.sequence).collect();
    assert_eq!(sequences, (1..=last).collect::<Vec<_>>());
    let Some(Replayed::MessageChanged(message)) = &whole[0].payload else { panic!("{:?}", whole[0]) };
    assert_eq!((message.chat_guid.as_str(), message.is_from_me), (bob.as_str(), false));
    let Some(MessageChange::MessageReceived(received)) = &message.change else { panic!("{message:?}") };
    let received = received.message.as_ref().unwrap();
    assert_eq!(received.content.as_ref().unwrap().text.as_deref(), Some("hello"));
    assert_eq!(received.sender.as_ref().unwrap().address, "bob@example.com");
    assert!(matches!(whole[1].payload, Some(Replayed::ChatChanged(_))));

    let rest = replay(&mut events, Some(last - 2)).await.unwrap();
    assert_eq!(rest.iter().map(|response| response.sequence).collect::<Vec<_>>(), [Some(last - 1), Some(last), None]);
    assert_eq!(replay(&mut events, Some(last)).await.unwrap().len(), 1);
    for after in [last + 1, u64::MAX] {
        let ahead = refused(replay(&mut events, Some(after)).await, Code::FailedPrecondition, "cursorAhead");
        assert_eq!(ahead.context("head"), Some(last.to_string()));
    }
}

#[tokio::test]
async fn a_cursor_before_the_beginning_is_an_error_of_its_own() {
    let (mut server, data) = fresh(&[]);
    let bob = server.create("bob@example.com");
    server.generate(100, &[&bob]);
    server.kill();
    {
        let store = im_chats_gateway::log::store::Store::open(data.path()).unwrap();
        let (log, _appender) = im_chats_gateway::log::open(&store).unwrap();
        log.truncate(40).await.unwrap();
    }
    let server = Server::start(data.path(), &[]);
    let (_, mut events) = clients(&server).await;
    let old = refused(replay(&mut events, Some(39)).await, Code::FailedPrecondition, "cursorTooOld");
    assert_eq!((old.context("first").as_deref(), old.context("head").as_deref()), (Some("40"), Some("100")));
    for after in [None, Some(40)] {
        let held = replay(&mut events, after).await.unwrap();
        assert_eq!((held[0].sequence, head(&held), held.len()), (Some(41), 100, 61));
    }
}

#[tokio::test]
async fn silence_is_filled_with_heartbeats() {
    let (server, _data) = fresh(&["--heartbeat-interval-ms", "20"]);
    let (mut chats, _) = clients(&server).await;
    let mut stream = subscribe(&mut chats, None).await;
    for _ in 0..5 {
        let response = next(&mut stream).await.unwrap().unwrap();
        assert!(matches!(response.payload, Some(Payload::Heartbeat(_))) && response.sequence.is_none(), "{response:?}");
    }
}

#[tokio::test]
async fn who_leaves_gives_the_place_back() {
    let (server, _data) = fresh(&["--max-grpc-streams", "1"]);
    let (mut chats, mut events) = clients(&server).await;
    for _ in 0..3 {
        let held = subscribe(&mut chats, None).await;
        let one_more = refused(replay(&mut events, None).await, Code::Unavailable, "serviceUnavailable");
        assert!(one_more.retryable());
        assert_eq!(one_more.context("limit").as_deref(), Some("1"));
        drop(held);
        // The cancellation and the next call travel on one connection, in this order, but the server may answer the call
        // before the stream's task has been dropped.
        let retried = async { while replay(&mut events, None).await.is_err() {} };
        timeout(TIMEOUT, retried).await.expect("the place is free again");
    }
}

#[tokio::test]
async fn a_drain_ends_streams_with_unavailable() {
    let (mut server, _data) = fresh(&[]);
    let (mut chats, _) = clients(&server).await;
    let mut stream = subscribe(&mut chats, None).await;
    server.terminate();
    assert!(refused(next(&mut stream).await, Code::Unavailable, "serviceUnavailable").retryable());
    assert!(server.exit().await.success());
}

#[tokio::test]
async fn a_deadline_ends_a_stream_and_a_call() {
    let (server, _data) = fresh(&[]);
    let raw = Raw::connect(&server).await;
    let path = "/photon.imessage.v1.ChatService/SubscribeChatEvents";
    let answer = raw.call(path, &[("grpc-timeout", b"150m")], framed(b"")).await;
    assert_eq!(answer.verdict(), ("4", "timeout"));
    // The heartbeat of the beginning came all the same.
    assert!(answer.body.len() > 5, "{answer:?}");
    let unary = raw.call("/photon.imessage.v1.ChatService/GetChatCount", &[("grpc-timeout", b"0n")], framed(b"")).await;
    assert_eq!(unary.verdict(), ("4", "timeout"));
    let wrong = raw.call("/photon.imessage.v1.ChatService/GetChatCount", &[("grpc-timeout", b"soon")], framed(b"")).await;
    assert_eq!((wrong.verdict(), wrong.said("error-context-field")), (("3", "invalidArgument"), "grpc-timeout"));
}

#[tokio::test]
async fn readers_that_do_not_read_cost_little_and_miss_nothing() {
    const READERS: usize = 100;
    const EVENTS: u64 = 10_000;
    let (server, _data) = fresh(&[]);
    let bob = server.create("bob@example.com");
    let mut readers = Vec::new();
    for _ in 0..READERS {
        readers.push(subscribe(&mut narrow(&server).await, None).await);
    }
    let before = server.resident_kib();
    let last = server.generate(EVENTS, &[&bob]);
    // One that reads gets everything while the others stand still.
    let mut attentive = subscribe(&mut clients(&server).await.0, None).await;
    let end = server.generate(1, &[&bob]);
    assert_eq!(read_to(&mut attentive, end).await, [end]);
    let grown = server.resident_kib().saturating_sub(before);
    // A queue for each would be 100 times 10,000 events of some 100 bytes.
    assert!(grown < 64 * 1024, "grown by {grown} KiB");
    for reader in &mut readers[..3] {
        assert_eq!(read_to(reader, end).await, (last - EVENTS + 1..=end).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn replay_and_live_meet_without_a_hole_while_events_are_written() {
    let (server, _data) = fresh(&[]);
    let bob = server.create("bob@example.com");
    server.generate(2000, &[&bob]);
    let (mut chats, mut events) = clients(&server).await;
    let writer = tokio::task::spawn_blocking(move || {
        let last = (0..20).fold(0, |_, _| server.generate(100, &[&bob]));
        (server, last)
    });
    let mut live = subscribe(&mut chats, None).await;
    let replayed = replay(&mut events, None).await.unwrap();
    let head = head(&replayed);
    let mut seen: Vec<u64> = replayed.iter().filter_map(|response| response.sequence).collect();
    assert_eq!(seen.last(), Some(&head));
    let (server, last) = writer.await.unwrap();
    // One more, so that there is an end to read to, however early the replay began or ended.
    server.act("chat.archived", "any;-;bob@example.com");
    let rest = read_to(&mut live, last + 1).await;
    assert!(rest[0] <= head + 1, "{} after {head}", rest[0]);
    seen.extend(rest.into_iter().filter(|sequence| *sequence > head));
    assert_eq!(seen, (1..=last + 1).collect::<Vec<_>>());
}
