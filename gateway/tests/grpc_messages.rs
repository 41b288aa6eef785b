//! Messages, groups, polls and attachments of the real binary over gRPC: the calls, the live streams and the bytes.

#![cfg(test)]

mod support;

use bytes::Bytes;
use im_chats_gateway::service::proto::attachment_service_client::AttachmentServiceClient;
use im_chats_gateway::service::proto::download_attachment_response::Payload as Piece;
use im_chats_gateway::service::proto::group_service_client::GroupServiceClient;
use im_chats_gateway::service::proto::message_change_event::Change;
use im_chats_gateway::service::proto::message_service_client::MessageServiceClient;
use im_chats_gateway::service::proto::poll_service_client::PollServiceClient;
use im_chats_gateway::service::proto::*;
use serde_json::json;
use support::grpc::{Raw, Token, channel, framed, refused, token};
use support::server::{Server, TIMEOUT, fresh};
use tokio::time::timeout;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Code, Streaming};

type Own = InterceptedService<Channel, Token>;

/// A client of each service.
struct Clients {
    messages: MessageServiceClient<Own>,
    groups: GroupServiceClient<Own>,
    polls: PollServiceClient<Own>,
    files: AttachmentServiceClient<Own>,
}

impl Clients {
    async fn of(server: &Server) -> Self {
        let channel = channel(server).await;
        let large = 256 * 1024 * 1024;
        Self {
            messages: MessageServiceClient::with_interceptor(channel.clone(), token as Token),
            groups: GroupServiceClient::with_interceptor(channel.clone(), token as Token),
            polls: PollServiceClient::with_interceptor(channel.clone(), token as Token),
            files: AttachmentServiceClient::with_interceptor(channel, token as Token).max_encoding_message_size(large),
        }
    }

    async fn send(&mut self, chat: &str, text: &str) -> Message {
        let request = SendTextMessageRequest { chat_guid: chat.to_owned(), text: text.to_owned(), ..Default::default() };
        self.messages.send_text_message(request).await.unwrap().into_inner().message.unwrap()
    }
}

async fn next<T>(stream: &mut Streaming<T>) -> T {
    timeout(TIMEOUT, stream.message()).await.expect("in time").expect("no failure").expect("no end")
}

fn group(server: &Server) -> String {
    let people = json!({ "addresses": ["alice@example.com", "bob@example.com"] });
    server.post("/v1/chats", &people)["chat"]["guid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_live_stream_of_messages_greets_at_once_and_shows_only_messages_of_its_chat() {
    use subscribe_message_events_response::Payload;
    let (server, _data) = fresh(&[]);
    let (alice, bob) = (server.create("alice@example.com"), server.create("bob@example.com"));
    let mut clients = Clients::of(&server).await;
    let request = SubscribeMessageEventsRequest { chat_guid: Some(alice.clone()) };
    let mut live = clients.messages.subscribe_message_events(request).await.unwrap().into_inner();
    let first = next(&mut live).await;
    assert_eq!((first.sequence, first.payload), (None, Some(Payload::Heartbeat(Heartbeat {}))));

    clients.send(&bob, "not here").await;
    server.act("chat.archived", &alice);
    let sent = clients.send(&alice, "here").await;
    let event = next(&mut live).await;
    assert!(event.sequence.is_some());
    let Some(Payload::MessageChanged(change)) = event.payload else { panic!("{event:?}") };
    assert_eq!((change.chat_guid.as_str(), change.is_from_me), (alice.as_str(), true));
    let Some(Change::MessageReceived(received)) = change.change else { panic!("a message") };
    assert_eq!(received.message, Some(sent.clone()), "the event has the whole message");

    let target = MessageTarget { chat_guid: alice.clone(), message_guid: sent.guid.clone(), target_part_index: None };
    let edit = EditMessageRequest { target: Some(target.clone()), new_text: "there".to_owned(), ..Default::default() };
    clients.messages.edit_message(edit).await.unwrap();
    let reaction = MessageReaction { kind: MessageReactionKind::Laugh.into(), emoji: None };
    let react = |is_set| SetReactionRequest {
        target: Some(target.clone()),
        reaction: Some(reaction.clone()),
        is_set,
        ..Default::default()
    };
    clients.messages.set_reaction(react(true)).await.unwrap();
    clients.messages.set_reaction(react(false)).await.unwrap();
    clients.messages.unsend_message(UnsendMessageRequest { target: Some(target), ..Default::default() }).await.unwrap();
    for expected in ["edited", "added", "removed", "unsent"] {
        let Some(Payload::MessageChanged(change)) = next(&mut live).await.payload else { panic!("{expected}") };
        let (kind, guid) = match change.change.unwrap() {
            Change::MessageEdited(edited) => {
                assert_eq!(edited.content.unwrap().text.as_deref(), Some("there"));
                ("edited", edited.message_guid)
            }
            Change::ReactionAdded(added) => {
                assert_eq!(added.reaction, Some(reaction.clone()));
                ("added", added.message_guid)
            }
            Change::ReactionRemoved(removed) => ("removed", removed.message_guid),
            Change::MessageUnsent(unsent) => ("unsent", unsent.message_guid),
            other => panic!("{other:?}"),
        };
        assert_eq!((kind, guid.as_str()), (expected, sent.guid.as_str()));
    }
}

#[tokio::test]
async fn the_streams_of_groups_and_polls_show_their_own_changes_alone() {
    let (server, _data) = fresh(&[]);
    let chat = group(&server);
    let mut clients = Clients::of(&server).await;
    let request = SubscribeGroupEventsRequest { chat_guid: Some(chat.clone()) };
    let mut groups = clients.groups.subscribe_group_events(request).await.unwrap().into_inner();
    let all = SubscribePollEventsRequest { poll_message_guid: None };
    let mut polls = clients.polls.subscribe_poll_events(all).await.unwrap().into_inner();
    next(&mut groups).await;
    next(&mut polls).await;

    let create = |title: &str| CreatePollRequest {
        chat_guid: chat.clone(),
        title: title.to_owned(),
        options: vec!["Yes".to_owned(), "No".to_owned()],
        ..Default::default()
    };
    let first = clients.polls.create_poll(create("First?")).await.unwrap().into_inner().poll.unwrap();
    let second = clients.polls.create_poll(create("Second?")).await.unwrap().into_inner().poll.unwrap();
    for poll in [&first, &second] {
        let Some(subscribe_poll_events_response::Payload::PollChanged(change)) = next(&mut polls).await.payload else {
            panic!("a poll")
        };
        assert_eq!((&change.poll_message_guid, &change.chat_guid), (&poll.poll_message_guid, &chat));
        let Some(poll_change_event::Change::Created(created)) = change.change else { panic!("created") };
        assert_eq!((created.title, created.options), (poll.title.clone(), poll.options.clone()));
    }
    let one = SubscribePollEventsRequest { poll_message_guid: Some(second.poll_message_guid.clone()) };
    let mut only = clients.polls.subscribe_poll_events(one).await.unwrap().into_inner();
    next(&mut only).await;
    for poll in [&first, &second] {
        let vote = VotePollRequest {
            poll_message_guid: poll.poll_message_guid.clone(),
            option_identifier: poll.options[0].option_identifier.clone(),
            ..Default::default()
        };
        clients.polls.vote_poll(vote).await.unwrap();
    }
    let Some(subscribe_poll_events_response::Payload::PollChanged(change)) = next(&mut only).await.payload else {
        panic!("a vote")
    };
    assert_eq!(change.poll_message_guid, second.poll_message_guid);

    let rename = SetDisplayNameRequest { chat_guid: chat.clone(), display_name: "Us".to_owned(), ..Default::default() };
    let renamed = clients.groups.set_display_name(rename).await.unwrap().into_inner().chat.unwrap();
    assert_eq!(renamed.display_name.as_deref(), Some("Us"));
    let Some(subscribe_group_events_response::Payload::GroupChanged(change)) = next(&mut groups).await.payload else {
        panic!("a name")
    };
    let Some(group_change_event::Change::DisplayNameChanged(changed)) = change.change else { panic!("a name") };
    assert_eq!((change.chat_guid.as_str(), changed.display_name.as_str()), (chat.as_str(), "Us"));
}

#[tokio::test]
async fn a_file_comes_back_as_it_went() {
    let (server, _data) = fresh(&[]);
    let mut clients = Clients::of(&server).await;
    // Not one piece, and none of them alike.
    let data: Bytes = (0..3_000_000_u32).flat_map(u32::to_le_bytes).take(5_000_001).collect::<Vec<_>>().into();
    let upload = UploadAttachmentRequest { file_name: "numbers.bin".to_owned(), data: data.clone(), companion: None };
    let info = clients.files.upload_attachment(upload).await.unwrap().into_inner().attachment.unwrap();
    assert_eq!((info.file_name.as_str(), info.total_bytes, info.is_outgoing), ("numbers.bin", 5_000_001, true));

    let request = DownloadAttachmentRequest { attachment_guid: info.guid.clone() };
    let mut pieces = clients.files.download_attachment(request).await.unwrap().into_inner();
    let Some(Piece::Header(header)) = next(&mut pieces).await.payload else { panic!("what it is comes first") };
    assert_eq!((header.attachment, header.companion), (Some(info.clone()), None));
    let mut read = Vec::new();
    while let Some(piece) = timeout(TIMEOUT, pieces.message()).await.expect("in time").expect("no failure") {
        let Some(Piece::PrimaryChunk(chunk)) = piece.payload else { panic!("bytes") };
        assert!((1..=256 * 1024).contains(&chunk.len()), "{}", chunk.len());
        read.extend_from_slice(&chunk);
    }
    assert!(read == data, "the bytes are the same");

    let get = GetAttachmentInfoRequest { attachment_guid: info.guid.clone() };
    assert_eq!(clients.files.get_attachment_info(get).await.unwrap().into_inner().attachment, Some(info));
    let none = clients.files.download_attachment(DownloadAttachmentRequest { attachment_guid: "none".to_owned() }).await;
    refused(none.map(drop), Code::NotFound, "attachmentNotFound");
}

#[tokio::test]
async fn downloads_have_places_as_streams_of_events_do() {
    let (server, _data) = fresh(&["--max-grpc-streams", "1"]);
    let mut clients = Clients::of(&server).await;
    let upload = UploadAttachmentRequest { file_name: "a".to_owned(), data: vec![7; 4_000_000].into(), companion: None };
    let attachment_guid = clients.files.upload_attachment(upload).await.unwrap().into_inner().attachment.unwrap().guid;
    let request = DownloadAttachmentRequest { attachment_guid };
    let held = clients.files.download_attachment(request.clone()).await.unwrap();
    let full = clients.files.download_attachment(request.clone()).await;
    refused(full.map(drop), Code::Unavailable, "serviceUnavailable");
    drop(held);
    let again = async {
        while clients.files.download_attachment(request.clone()).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    timeout(TIMEOUT, again).await.expect("who leaves gives the place back");
}

#[tokio::test]
async fn a_file_that_is_too_large_is_refused_by_its_field_before_it_is_read() {
    let (server, _data) = fresh(&[]);
    let client = Raw::connect(&server).await;
    // A message that says it is larger than two of the largest files.
    let mut head = framed(&[]);
    head[1..5].copy_from_slice(&(201 * 1024 * 1024_u32).to_be_bytes());
    let answer = client.call("/photon.imessage.v1.AttachmentService/UploadAttachment", &[], head).await;
    assert_eq!((answer.verdict(), answer.said("error-context-field")), (("3", "invalidArgument"), "data"));
    let mut clients = Clients::of(&server).await;
    let data = Bytes::from(vec![0; 100 * 1024 * 1024 + 1]);
    let upload = UploadAttachmentRequest { file_name: "a".to_owned(), data, companion: None };
    let large = refused(clients.files.upload_attachment(upload).await, Code::InvalidArgument, "invalidArgument");
    assert_eq!(large.context("field").as_deref(), Some("data"));
    let icon = SetIconRequest { chat_guid: group(&server), data: vec![0; 21 * 1024 * 1024].into(), ..Default::default() };
    let mut groups = clients.groups.max_encoding_message_size(64 * 1024 * 1024);
    let large = refused(groups.set_icon(icon).await, Code::InvalidArgument, "invalidArgument");
    assert_eq!(large.context("field").as_deref(), Some("data"));
}

#[tokio::test]
async fn what_this_service_does_not_do_it_says() {
    let (server, _data) = fresh(&[]);
    let channel = channel(&server).await;
    let mut addresses = address_service_client::AddressServiceClient::with_interceptor(channel.clone(), token as Token);
    let answer = addresses.get_focus_status(GetFocusStatusRequest { address: "a@example.com".to_owned() }).await;
    let refusal = refused(answer, Code::Unimplemented, "operationNotSupported");
    assert_eq!(refusal.context("method").as_deref(), Some("GetFocusStatus"));
    let mut places = location_service_client::LocationServiceClient::with_interceptor(channel, token as Token);
    let watched = places.watch_shared_friend_locations(WatchSharedFriendLocationsRequest::default()).await;
    refused(watched.map(drop), Code::Unimplemented, "operationNotSupported");
}
