//! What the relay passes on of calls about messages, groups, polls and attachments, with an upstream that does what a test says.

#![cfg(test)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use im_chats_gateway::service::proto::attachment_service_client::AttachmentServiceClient;
use im_chats_gateway::service::proto::group_service_client::GroupServiceClient;
use im_chats_gateway::service::proto::message_service_client::MessageServiceClient;
use im_chats_gateway::service::proto::{
    AttachmentInfo, DownloadAttachmentRequest, DownloadAttachmentResponse, EditMessageRequest, GetMessageRequest,
    GetMessageResponse, MessageResponse, SendTextMessageRequest, SetDisplayNameRequest, SetDisplayNameResponse,
    UploadAttachmentRequest, UploadAttachmentResponse, download_attachment_response::Payload,
};
use parking_lot::Mutex;
use support::grpc::{channel, refused};
use support::server::{Server, TIMEOUT, TOKEN};
use support::upstream::{Answers, Methods, Upstream};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

const PIECE: usize = 256 * 1024;

struct World {
    relay: Server,
    channel: Channel,
    _upstream: Upstream,
    _data: TempDir,
}

async fn relay_of(methods: Methods, flags: &[&str]) -> World {
    let upstream = methods.start().await;
    let data = TempDir::new().unwrap();
    let relay = Server::relay(data.path(), &upstream.url, flags);
    let channel = channel(&relay).await;
    World { relay, channel, _upstream: upstream, _data: data }
}

impl World {
    fn messages(&self) -> MessageServiceClient<Channel> {
        MessageServiceClient::new(self.channel.clone())
    }

    fn attachments(&self) -> AttachmentServiceClient<Channel> {
        AttachmentServiceClient::new(self.channel.clone()).max_decoding_message_size(1 << 20)
    }
}

/// A request with the token and these headers.
fn with<T>(message: T, headers: &[(&'static str, &str)]) -> Request<T> {
    let mut request = Request::new(message);
    let token = format!("Bearer {TOKEN}");
    for (name, value) in headers.iter().copied().chain([("authorization", token.as_str())]) {
        request.metadata_mut().insert(name, value.parse().unwrap());
    }
    request
}

fn text(chat: &str) -> SendTextMessageRequest {
    SendTextMessageRequest { chat_guid: chat.to_owned(), text: "hello".to_owned(), ..Default::default() }
}

fn header<T>(request: &Request<T>, name: &str) -> String {
    request.metadata().get(name).map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_travels_beside_a_call_arrives_with_it() {
    type Seen = Arc<Mutex<Vec<([String; 3], SendTextMessageRequest)>>>;
    let seen = Seen::default();
    let log = Arc::clone(&seen);
    let methods =
        Methods::default().unary("MessageService/SendTextMessage", move |request: Request<SendTextMessageRequest>| {
            let headers = ["x-request-id", "x-idempotency-key", "traceparent"].map(|name| header(&request, name));
            assert!(header(&request, "grpc-timeout").ends_with('u'), "a deadline");
            log.lock().push((headers, request.into_inner()));
            async { Ok(MessageResponse::default()) }
        });
    let world = relay_of(methods, &[]).await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let request = with(text("a"), &[("x-request-id", "r-1"), ("x-idempotency-key", "k-1"), ("traceparent", trace)]);
    world.messages().send_text_message(request).await.unwrap();
    // A key that gRPC metadata cannot carry travels in the body.
    let body = r#"{"chatGuid":"b","text":"hello"}"#;
    let head = format!(
        "POST /v1/messages:sendText HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\nx-request-id: r-2\r\n\
         x-idempotency-key: schlüssel\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(&world.relay.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(TIMEOUT, stream.read_to_string(&mut answer)).await.expect("an answer").unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let [first, second] = seen.lock().clone().try_into().unwrap();
    assert_eq!(first.0[..2], ["r-1", "k-1"]);
    assert!(first.0[2].starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"), "{}", first.0[2]);
    assert_eq!(first.1, text("a"));
    assert_eq!((second.0[0].as_str(), second.0[1].as_str()), ("r-2", ""));
    assert_eq!(second.1.client_message_id.as_deref(), Some("schlüssel"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_a_call_arrives_word_for_word() {
    let methods = Methods::default().unary("MessageService/EditMessage", |_: Request<EditMessageRequest>| async {
        let mut status = Status::failed_precondition("too late to edit");
        for (name, value) in [("error-code", "preconditionFailed"), ("x-retryable", "true"), ("error-context-window", "15m")] {
            status.metadata_mut().insert(name, value.parse().unwrap());
        }
        Err::<MessageResponse, _>(status)
    });
    let world = relay_of(methods, &[]).await;
    let status = world.messages().edit_message(with(EditMessageRequest::default(), &[])).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::FailedPrecondition, "too late to edit"));
    for (name, value) in [("error-code", "preconditionFailed"), ("x-retryable", "true"), ("error-context-window", "15m")] {
        assert_eq!(status.metadata().get(name).unwrap(), value);
    }
    // A method that the upstream does not have.
    let answer = world.messages().send_text_message(with(text("a"), &[])).await;
    refused(answer, Code::Unimplemented, "operationNotSupported");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_without_an_answer_may_be_repeated_when_a_key_or_its_kind_makes_that_harmless() {
    let methods = Methods::default()
        .unary("MessageService/SendTextMessage", |_: Request<SendTextMessageRequest>| {
            std::future::pending::<Result<MessageResponse, Status>>()
        })
        .unary("MessageService/GetMessage", |_: Request<GetMessageRequest>| {
            std::future::pending::<Result<GetMessageResponse, Status>>()
        })
        .unary("GroupService/SetDisplayName", |_: Request<SetDisplayNameRequest>| {
            std::future::pending::<Result<SetDisplayNameResponse, Status>>()
        });
    let world = relay_of(methods, &["--upstream-timeout-ms", "100"]).await;
    let retryable = |status: &Status| {
        assert_eq!(
            (status.code(), status.metadata().get("error-code").unwrap().to_str().unwrap()),
            (Code::DeadlineExceeded, "timeout")
        );
        status.metadata().get("x-retryable").is_some_and(|flag| flag == "true")
    };
    let mut messages = world.messages();
    let plain = messages.send_text_message(with(text("a"), &[])).await.unwrap_err();
    let keyed = messages.send_text_message(with(text("a"), &[("x-idempotency-key", "k")])).await.unwrap_err();
    let body = SendTextMessageRequest { client_message_id: Some("ü".to_owned()), ..text("a") };
    let keyed_in_body = messages.send_text_message(with(body, &[])).await.unwrap_err();
    let read = GetMessageRequest { message_guid: "m".to_owned() };
    let read = messages.get_message(with(read, &[])).await.unwrap_err();
    let name = SetDisplayNameRequest { chat_guid: "g".to_owned(), ..Default::default() };
    let set = GroupServiceClient::new(world.channel.clone()).set_display_name(with(name, &[])).await.unwrap_err();
    assert_eq!([&plain, &keyed, &keyed_in_body, &read, &set].map(retryable), [false, true, true, true, true]);
}

/// Pieces without end, counted as they are asked for.
fn endless(given: &Arc<AtomicUsize>, open: &Arc<AtomicUsize>) -> Answers<DownloadAttachmentResponse> {
    struct Open(Arc<AtomicUsize>);
    impl Drop for Open {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    open.fetch_add(1, Ordering::SeqCst);
    let (given, open) = (Arc::clone(given), Open(Arc::clone(open)));
    stream::repeat_with(move || {
        let _open = &open;
        given.fetch_add(1, Ordering::SeqCst);
        Ok(DownloadAttachmentResponse { payload: Some(Payload::PrimaryChunk(Bytes::from(vec![7; PIECE]))) })
    })
    .boxed()
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_who_take_nothing_hold_up_the_upstream_and_nobody_else() {
    const READERS: usize = 64;
    let (given, open) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    let (counted, opened) = (Arc::clone(&given), Arc::clone(&open));
    let methods = Methods::default()
        .stream("AttachmentService/DownloadAttachment", move |_: Request<DownloadAttachmentRequest>| {
            Ok(endless(&counted, &opened))
        })
        .unary("MessageService/GetMessage", |_: Request<GetMessageRequest>| async { Ok(GetMessageResponse::default()) });
    let world = relay_of(methods, &[]).await;
    world.relay.reset_peak();
    let before = world.relay.resident_kib();
    let mut held = Vec::new();
    for _ in 0..READERS {
        // Each on a connection of its own: what one does not take is not to hold up the others here, either.
        let mut attachments = AttachmentServiceClient::new(channel(&world.relay).await);
        let answer = attachments.download_attachment(with(DownloadAttachmentRequest::default(), &[])).await;
        held.push(answer.unwrap().into_inner());
    }
    let full = world.attachments().download_attachment(with(DownloadAttachmentRequest::default(), &[])).await;
    refused(full, Code::Unavailable, "serviceUnavailable");
    // Calls go through meanwhile, until nothing moves any more.
    let mut messages = world.messages();
    let mut last = 0;
    loop {
        for _ in 0..50 {
            let asked = messages.get_message(with(GetMessageRequest::default(), &[]));
            timeout(TIMEOUT, asked).await.expect("calls get through").unwrap();
        }
        let now = given.load(Ordering::SeqCst);
        if now == last {
            break;
        }
        last = now;
    }
    // What the sockets and both ends of each hold, of pieces of a quarter of a mebibyte.
    assert!(last <= READERS * 16, "{last} pieces for {READERS} readers");
    let grown = world.relay.peak_kib().saturating_sub(before);
    assert!(grown < 128 * 1024, "{grown} KiB for {READERS} downloads that nobody takes");
    // Who takes gets all of it, and who leaves ends it.
    let mut one = held.pop().unwrap();
    for _ in 0..40 {
        let piece = timeout(TIMEOUT, one.message()).await.expect("the next piece").unwrap().unwrap();
        assert!(matches!(piece.payload, Some(Payload::PrimaryChunk(bytes)) if bytes.len() == PIECE));
    }
    drop((one, held));
    let end = tokio::time::Instant::now() + TIMEOUT;
    while open.load(Ordering::SeqCst) > 0 {
        assert!(tokio::time::Instant::now() < end, "the upstream goes on for nobody");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let again = world.attachments().download_attachment(with(DownloadAttachmentRequest::default(), &[])).await;
    again.expect("a place is free again");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_error_of_a_download_arrives_before_and_within_it() {
    let methods =
        Methods::default().stream("AttachmentService/DownloadAttachment", |request: Request<DownloadAttachmentRequest>| {
            let mut gone = Status::not_found("no such attachment");
            gone.metadata_mut().insert("error-code", "attachmentNotFound".parse().unwrap());
            if request.get_ref().attachment_guid == "none" {
                return Err(gone);
            }
            let header = DownloadAttachmentResponse { payload: Some(Payload::PrimaryChunk(Bytes::from_static(b"x"))) };
            Ok(stream::iter([Ok(header), Err(gone)]).boxed())
        });
    let world = relay_of(methods, &[]).await;
    let ask = |guid: &str| with(DownloadAttachmentRequest { attachment_guid: guid.to_owned() }, &[]);
    refused(world.attachments().download_attachment(ask("none")).await, Code::NotFound, "attachmentNotFound");
    let mut pieces = world.attachments().download_attachment(ask("half")).await.unwrap().into_inner();
    assert!(pieces.message().await.unwrap().is_some());
    refused(pieces.message().await, Code::NotFound, "attachmentNotFound");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_as_large_as_may_be_arrives_whole() {
    const LARGEST: usize = 100 * 1024 * 1024;
    let methods =
        Methods::default().unary("AttachmentService/UploadAttachment", |request: Request<UploadAttachmentRequest>| async {
            assert_eq!(header(&request, "x-idempotency-key"), "k");
            // A call's own time, and some for its size.
            let deadline = header(&request, "grpc-timeout");
            assert!(deadline.ends_with('m') && deadline.len() > 6, "{deadline}");
            let data = request.into_inner().data;
            assert!(data.iter().all(|byte| *byte == 7));
            let attachment = AttachmentInfo { total_bytes: data.len().try_into().unwrap(), ..Default::default() };
            Ok(UploadAttachmentResponse { attachment: Some(attachment), ..Default::default() })
        });
    let world = relay_of(methods, &[]).await;
    let file = UploadAttachmentRequest { file_name: "a.bin".to_owned(), data: vec![7; LARGEST].into(), ..Default::default() };
    let answer = world.attachments().upload_attachment(with(file, &[("x-idempotency-key", "k")])).await.unwrap().into_inner();
    assert_eq!(answer.attachment.unwrap().total_bytes, i64::try_from(LARGEST).unwrap());
}
