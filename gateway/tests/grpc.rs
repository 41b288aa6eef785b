//! The real binary over gRPC, by clients made from the same definitions.

#![cfg(test)]

mod support;

use im_chats_gateway::service::proto::chat_change_event::Change;
use im_chats_gateway::service::proto::subscribe_chat_events_response::Payload;
use im_chats_gateway::service::proto::{
    ChatServiceType, CreateChatInitialMessage, CreateChatRequest, GetChatCountRequest, GetChatRequest, HasBackgroundRequest,
    MarkChatReadRequest, RemoveBackgroundRequest, SetBackgroundRequest, SetTypingRequest, ShareContactInfoRequest,
    SubscribeChatEventsRequest,
};
use serde_json::json;
use support::grpc::{Chats, Raw, clients, framed, refused};
use support::server::{TOKEN, fresh};
use tonic::{Code, Request};

const PNG: &[u8] = include_bytes!("../../examples/node/background.png");

fn create(addresses: &[&str]) -> CreateChatRequest {
    CreateChatRequest { addresses: addresses.iter().map(|text| (*text).to_owned()).collect(), ..Default::default() }
}

async fn direct(chats: &mut Chats) -> String {
    chats.create_chat(create(&["bob@example.com"])).await.unwrap().into_inner().chat.unwrap().guid
}

#[tokio::test]
async fn the_nine_calls_answer_as_they_do_over_rest() {
    let (server, _data) = fresh(&[]);
    let (mut chats, _) = clients(&server).await;
    let opening = CreateChatInitialMessage { text: "hello".into(), subject: Some("s".into()), ..Default::default() };
    let request = CreateChatRequest { initial_message: Some(opening), ..create(&["Bob@Example.com"]) };
    let answer = chats.create_chat(request).await.unwrap();
    assert!(answer.metadata().contains_key("x-request-id"));
    let created = answer.into_inner();
    let chat_guid = created.chat.unwrap().guid;
    assert_eq!(chat_guid, "any;-;bob@example.com");
    let message = created.initial_message.unwrap();
    assert_eq!((message.content.unwrap().text.as_deref(), message.is_from_me), (Some("hello"), true));

    server.act("message.received", &chat_guid);
    let chat = chats.get_chat(GetChatRequest { chat_guid: chat_guid.clone() }).await.unwrap().into_inner().chat.unwrap();
    let mut rest = ureq::get(format!("http://{}/v1/chats:get?chatGuid={chat_guid}", server.address))
        .header("authorization", &format!("Bearer {TOKEN}"))
        .call()
        .unwrap();
    let rest: serde_json::Value = serde_json::from_str(&rest.body_mut().read_to_string().unwrap()).unwrap();
    assert_eq!(serde_json::to_value(&chat).unwrap(), rest["chat"]);
    assert_eq!((chat.unread_count, chat.service()), (Some(1), ChatServiceType::Imessage));

    chats.mark_chat_read(MarkChatReadRequest { chat_guid: chat_guid.clone() }).await.unwrap();
    let chat = chats.get_chat(GetChatRequest { chat_guid: chat_guid.clone() }).await.unwrap().into_inner().chat.unwrap();
    assert_eq!(chat.unread_count, Some(0));

    let has = HasBackgroundRequest { chat_guid: chat_guid.clone() };
    assert!(!chats.has_background(has.clone()).await.unwrap().into_inner().background_present);
    chats.set_background(SetBackgroundRequest { chat_guid: chat_guid.clone(), data: PNG.into() }).await.unwrap();
    assert!(chats.has_background(has.clone()).await.unwrap().into_inner().background_present);
    chats.remove_background(RemoveBackgroundRequest { chat_guid: chat_guid.clone() }).await.unwrap();
    assert!(!chats.has_background(has).await.unwrap().into_inner().background_present);

    chats.set_typing(SetTypingRequest { chat_guid: chat_guid.clone(), is_typing: true }).await.unwrap();
    chats.share_contact_info(ShareContactInfoRequest { chat_guid: chat_guid.clone() }).await.unwrap();
    server.act("chat.archived", &chat_guid);
    for (include_archived, count) in [(false, 0), (true, 1)] {
        let answer = chats.get_chat_count(GetChatCountRequest { include_archived }).await.unwrap();
        assert_eq!(answer.into_inner().count, count);
    }
}

#[tokio::test]
async fn a_refusal_says_code_field_and_facts() {
    let (server, _data) = fresh(&[]);
    let (mut chats, _) = clients(&server).await;
    let unknown = chats.get_chat(GetChatRequest { chat_guid: "any;-;nobody@example.com".into() }).await;
    let unknown = refused(unknown, Code::NotFound, "chatNotFound");
    assert!(!unknown.retryable());
    assert!(unknown.0.metadata().contains_key("x-request-id"));
    let wrong = refused(chats.create_chat(create(&["bob"])).await, Code::InvalidArgument, "invalidArgument");
    assert!(wrong.context("field").is_some_and(|field| field.starts_with("addresses")), "{wrong:?}");
    let chat_guid = direct(&mut chats).await;
    let empty = chats.set_background(SetBackgroundRequest { chat_guid, ..Default::default() }).await;
    assert_eq!(refused(empty, Code::InvalidArgument, "invalidArgument").context("field").as_deref(), Some("data"));
    let umlaut = chats.create_chat(create(&["ü"])).await;
    let umlaut = refused(umlaut, Code::InvalidArgument, "invalidArgument");
    for value in umlaut.0.metadata().iter() {
        let tonic::metadata::KeyAndValueRef::Ascii(_, value) = value else { continue };
        assert!(value.to_str().is_ok(), "{umlaut:?}");
    }
}

#[tokio::test]
async fn an_idempotency_key_makes_a_write_repeatable() {
    let (server, _data) = fresh(&[]);
    let (mut chats, _) = clients(&server).await;
    let write = |text: &str| {
        let opening = CreateChatInitialMessage { text: text.to_owned(), ..Default::default() };
        let mut request = Request::new(CreateChatRequest { initial_message: Some(opening), ..create(&["bob@example.com"]) });
        request.metadata_mut().insert("x-idempotency-key", "key-1".parse().unwrap());
        request
    };
    let first = chats.create_chat(write("hello")).await.unwrap().into_inner();
    let second = chats.create_chat(write("hello")).await.unwrap().into_inner();
    assert_eq!(first, second);
    refused(chats.create_chat(write("other")).await, Code::AlreadyExists, "duplicateMessage");
    // The same key over REST is the same write.
    let body = json!({ "addresses": ["bob@example.com"], "initialMessage": { "text": "hello" } });
    let mut answer = ureq::post(format!("http://{}/v1/chats", server.address))
        .header("authorization", &format!("Bearer {TOKEN}"))
        .header("x-idempotency-key", "key-1")
        .send_json(&body)
        .unwrap();
    let rest: serde_json::Value = serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
    assert_eq!(rest["initialMessage"]["guid"], first.initial_message.unwrap().guid);
}

#[tokio::test]
async fn a_refused_caller_gets_a_grpc_status() {
    let (server, _data) = fresh(&[]);
    let raw = Raw::connect(&server).await;
    let path = "/photon.imessage.v1.ChatService/GetChatCount";
    for (headers, verdict) in [
        (&[("authorization", &b""[..])][..], ("16", "unauthenticated")),
        (&[("authorization", b"Bearer wrong")], ("16", "unauthenticated")),
        (&[("authorization", b"Bearer \xc3\xbc")], ("16", "unauthenticated")),
        (&[("origin", b"https://evil.example")], ("7", "unauthorized")),
    ] {
        let answer = raw.call(path, headers, framed(b"")).await;
        assert_eq!((answer.status.as_u16(), answer.verdict()), (200, verdict), "{answer:?}");
        // Nothing but a head: the status travels in it.
        assert!(answer.body.is_empty() && answer.trailers.is_none(), "{answer:?}");
        assert_eq!(answer.said("content-type"), "application/grpc");
        assert!(!answer.said("x-request-id").is_empty());
    }
    assert_eq!(raw.call(path, &[], framed(b"")).await.said("grpc-status"), "0");
    let foreign = Raw::over(tokio::net::TcpStream::connect(&server.address).await.unwrap(), "evil.example").await;
    assert_eq!(foreign.call(path, &[], framed(b"")).await.verdict(), ("7", "unauthorized"));
}

#[tokio::test]
async fn a_write_reaches_an_open_stream() {
    let (server, _data) = fresh(&[]);
    let (mut chats, _) = clients(&server).await;
    let chat_guid = direct(&mut chats).await;
    let mut stream = chats.subscribe_chat_events(SubscribeChatEventsRequest::default()).await.unwrap().into_inner();
    // The first message says that the stream is attached.
    let first = stream.message().await.unwrap().unwrap();
    assert!(matches!(first.payload, Some(Payload::Heartbeat(_))));
    chats.set_background(SetBackgroundRequest { chat_guid: chat_guid.clone(), data: PNG.into() }).await.unwrap();
    chats.remove_background(RemoveBackgroundRequest { chat_guid: chat_guid.clone() }).await.unwrap();
    for removed in [false, true] {
        let response = stream.message().await.unwrap().unwrap();
        let Some(Payload::ChatChanged(event)) = response.payload else { panic!("{response:?}") };
        assert!(response.sequence.is_some_and(|sequence| sequence > 0));
        assert_eq!((event.chat_guid.as_str(), event.is_from_me), (chat_guid.as_str(), true));
        assert_eq!(matches!(event.change, Some(Change::BackgroundRemoved(_))), removed, "{event:?}");
        assert!(event.occurred_at.is_some());
    }
}

#[tokio::test]
async fn health_needs_no_token() {
    use tonic_health::pb::health_check_response::ServingStatus;
    use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
    let (mut server, _data) = fresh(&[]);
    let mut health = HealthClient::new(support::grpc::channel(&server).await);
    for service in ["", "photon.imessage.v1.ChatService", "photon.imessage.v1.EventService"] {
        let answer = health.check(HealthCheckRequest { service: service.into() }).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{service}");
    }
    let unknown = health.check(HealthCheckRequest { service: "photon.imessage.v1.PigeonService".into() }).await;
    assert_eq!(unknown.unwrap_err().code(), Code::NotFound);
    let mut watch = health.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    server.terminate();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    assert!(watch.message().await.unwrap().is_none());
    assert!(server.exit().await.success());
}

macro_rules! reflects {
    ($name:ident, $version:ident) => {
        #[tokio::test]
        async fn $name() {
            use futures_util::StreamExt as _;
            use tonic_reflection::pb::$version::ServerReflectionRequest;
            use tonic_reflection::pb::$version::server_reflection_client::ServerReflectionClient;
            use tonic_reflection::pb::$version::server_reflection_request::MessageRequest;
            use tonic_reflection::pb::$version::server_reflection_response::MessageResponse;
            let (mut server, _data) = fresh(&[]);
            let mut client = ServerReflectionClient::new(support::grpc::channel(&server).await);
            let ask = |request| ServerReflectionRequest { host: String::new(), message_request: Some(request) };
            let symbol = MessageRequest::FileContainingSymbol("photon.imessage.v1.ChatService".into());
            // Kept open, as a tool does that may have more to ask.
            let questions = futures_util::stream::iter([ask(MessageRequest::ListServices(String::new())), ask(symbol)])
                .chain(futures_util::stream::pending());
            let mut answers = client.server_reflection_info(questions).await.unwrap().into_inner();
            let services = answers.message().await.unwrap().unwrap().message_response.unwrap();
            let MessageResponse::ListServicesResponse(services) = services else { panic!("{services:?}") };
            let names: Vec<_> = services.service.iter().map(|service| service.name.as_str()).collect();
            for name in ["photon.imessage.v1.ChatService", "photon.imessage.v1.EventService", "grpc.health.v1.Health"] {
                assert!(names.contains(&name), "{names:?}");
            }
            let file = answers.message().await.unwrap().unwrap().message_response.unwrap();
            let MessageResponse::FileDescriptorResponse(file) = file else { panic!("{file:?}") };
            assert!(!file.file_descriptor_proto.is_empty());
            server.terminate();
            assert!(answers.message().await.unwrap().is_none());
            assert!(server.exit().await.success());
        }
    };
}

reflects!(reflection_tells_what_is_served, v1);
reflects!(reflection_tells_it_in_its_older_version_too, v1alpha);
