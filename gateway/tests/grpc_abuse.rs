//! gRPC clients that break the rules: they get the reason, or are disconnected, and the others are served.

#![cfg(test)]

mod support;

use std::future::poll_fn;
use std::time::Duration;

use bytes::Bytes;
use im_chats_gateway::service::proto::{GetChatCountRequest, SubscribeChatEventsRequest};
use support::grpc::{Raw, clients, framed, refused};
use support::server::{Server, TIMEOUT, fresh};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::Code;

const CREATE: &str = "/photon.imessage.v1.ChatService/CreateChat";
const COUNT: &str = "/photon.imessage.v1.ChatService/GetChatCount";
const SET_BACKGROUND: &str = "/photon.imessage.v1.ChatService/SetBackground";
const SUBSCRIBE: &str = "/photon.imessage.v1.ChatService/SubscribeChatEvents";

/// Somebody else is still served.
async fn serves(server: &Server) {
    let (mut chats, _) = clients(server).await;
    let answer = timeout(TIMEOUT, chats.get_chat_count(GetChatCountRequest::default())).await.expect("an answer in time");
    answer.expect("a count");
}

#[tokio::test]
async fn messages_that_cannot_be_read_are_refused_with_their_field() {
    let (server, _data) = fresh(&[]);
    let raw = Raw::connect(&server).await;
    for (body, field) in [
        // addresses[0] is not UTF-8.
        (framed(b"\x0a\x02\xff\xfe"), "addresses"),
        // initialMessage.text is not UTF-8.
        (framed(b"\x1a\x04\x0a\x02\xc3\x28"), "initialMessage.text"),
        // A string of five bytes, of which two are there.
        (framed(b"\x0a\x05ab"), "addresses"),
        // No field has the number 0.
        (framed(b"\x00\x00"), "body"),
        // Groups in groups without an end, of a field that does not exist.
        (framed(&[0x4b; 4096]), "body"),
        // Less than was announced, and not even the announcement.
        (b"\x00\x00\x00\x00\x0aab".to_vec(), "body"),
        (b"\x00\x00".to_vec(), "body"),
        (Vec::new(), "body"),
        // Compressed, which was never agreed, and a flag that does not exist.
        (b"\x01\x00\x00\x00\x00".to_vec(), "body"),
        (b"\x07\x00\x00\x00\x00".to_vec(), "body"),
    ] {
        let answer = raw.call(CREATE, &[], body.clone()).await;
        assert_eq!((answer.status.as_u16(), answer.verdict()), (200, ("3", "invalidArgument")), "{field} {answer:?}");
        assert_eq!(answer.said("error-context-field"), field, "{answer:?}");
    }
    serves(&server).await;
}

#[tokio::test]
async fn messages_are_limited_by_what_they_are_for() {
    let (server, _data) = fresh(&[]);
    let raw = Raw::connect(&server).await;
    let message = |bytes: usize| {
        let size = u32::try_from(bytes).unwrap().to_be_bytes();
        Bytes::from([&[0][..], &size, &vec![0x0a; bytes]].concat())
    };
    let large = raw.call(CREATE, &[], message(256 * 1024 + 1)).await;
    assert_eq!((large.verdict(), large.said("error-context-field")), (("3", "invalidArgument"), "body"), "{large:?}");
    // An announcement alone is refused: nothing is kept ready for it.
    // Where the call has an image, that is what is too large, as over REST.
    for (path, field, says) in [(CREATE, "body", "too large"), (SET_BACKGROUND, "data", "at most 20 MiB")] {
        let announced = raw.call(path, &[], &b"\x00\xff\xff\xff\xff"[..]).await;
        assert_eq!((announced.verdict(), announced.said("error-context-field")), (("3", "invalidArgument"), field));
        assert!(announced.said("grpc-message").replace("%20", " ").contains(says), "{announced:?}");
    }
    // An image may be larger, and is looked at: this one is none.
    let mut image = vec![0x12, 0x80, 0x80, 0x40];
    image.resize(4 + 1024 * 1024, 0);
    let looked_at = raw.call(SET_BACKGROUND, &[], framed(&image)).await;
    assert_eq!((looked_at.verdict(), looked_at.said("error-context-field")), (("3", "invalidArgument"), "chatGuid"));
    serves(&server).await;
}

#[tokio::test]
async fn what_does_not_exist_is_unimplemented() {
    let (server, _data) = fresh(&[]);
    let raw = Raw::connect(&server).await;
    for path in [
        "/photon.imessage.v1.ChatService/FoldChat",
        "/photon.imessage.v1.EventService/FoldEvents",
        "/photon.imessage.v1.PigeonService/Fly",
        "/grpc.health.v1.Health/Sleep",
        "/",
    ] {
        let answer = raw.call(path, &[], framed(b"")).await;
        assert_eq!((answer.status.as_u16(), answer.verdict()), (200, ("12", "operationNotSupported")), "{path} {answer:?}");
    }
    for media in [&b"application/json"[..], b"application/grpc-web", b"application/grpc+json", b"text/plain"] {
        let answer = raw.call(COUNT, &[("content-type", media)], framed(b"")).await;
        assert_eq!(answer.status.as_u16(), 415, "{answer:?}");
        assert_eq!(answer.said("content-type"), "application/json");
    }
}

#[tokio::test]
async fn metadata_that_is_not_ascii_is_judged_and_not_a_fault() {
    let (server, _data) = fresh(&[]);
    let raw = Raw::connect(&server).await;
    let create = framed(b"\x0a\x0fbob@example.com");
    let broken = raw.call(CREATE, &[("x-idempotency-key", b"\xff\xfe")], create.clone()).await;
    assert_eq!((broken.verdict(), broken.said("error-context-field")), (("3", "invalidArgument"), "x-idempotency-key"));
    for (name, value) in [("x-idempotency-key", &b"k\xc3\xbc"[..]), ("x-request-id", b"\xff"), ("x-more", b"\x80\x81")] {
        let answer = raw.call(CREATE, &[(name, value)], create.clone()).await;
        assert_eq!(answer.said("grpc-status"), "0", "{name} {answer:?}");
    }
    let many: Vec<_> = (0..10).map(|_| ("x-more", &[b'x'; 4000][..])).collect();
    // Beyond what a head may have, HTTP/2 itself refuses; the connection goes on.
    let too_much = raw.call(CREATE, &many, create).await;
    assert_eq!(too_much.status.as_u16(), 431);
    serves(&server).await;
}

#[tokio::test]
async fn a_rapid_reset_ends_its_connection_and_nothing_else() {
    let (server, _data) = fresh(&[]);
    let before = server.resident_kib();
    let raw = Raw::connect(&server).await;
    let mut sender = raw.sender.clone();
    let mut failed = false;
    for _ in 0..50_000 {
        let Ok(Ok(())) = timeout(TIMEOUT, poll_fn(|context| sender.poll_ready(context))).await else {
            failed = true;
            break;
        };
        let Ok((_, mut stream)) = sender.send_request(raw.request(SUBSCRIBE, &[]), false) else {
            failed = true;
            break;
        };
        stream.send_reset(h2::Reason::CANCEL);
        tokio::task::yield_now().await;
    }
    let grown = server.resident_kib().saturating_sub(before);
    assert!(grown < 64 * 1024, "grown by {grown} KiB, connection ended: {failed}");
    serves(&server).await;
}

/// A frame of HTTP/2 on stream 0.
fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let size = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&size[1..], &[kind, 0, 0, 0, 0, 0], payload].concat()
}

#[tokio::test]
async fn floods_of_settings_and_pings_are_bounded() {
    const FLOOD: usize = 64 * 1024 * 1024;
    let (server, _data) = fresh(&[]);
    let before = server.resident_kib();
    for kind in [frame(4, &[0, 4, 0, 0, 0xff, 0xff]), frame(4, &[]), frame(6, &[7; 8])] {
        let mut stream = TcpStream::connect(&server.address).await.unwrap();
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        stream.write_all(&frame(4, &[])).await.unwrap();
        // Nothing of what the server answers is read: it stops reading, or hangs up, or takes it all in its stride.
        let some = kind.repeat(10_000);
        let mut sent = 0;
        while sent < FLOOD {
            let Ok(Ok(())) = timeout(Duration::from_secs(1), stream.write_all(&some)).await else { break };
            sent += some.len();
        }
        serves(&server).await;
        let grown = server.resident_kib().saturating_sub(before);
        assert!(grown < 48 * 1024, "grown by {grown} KiB after {sent} bytes of {:?}", &kind[..9]);
    }
}

#[tokio::test]
async fn headers_without_an_end_are_cut_off() {
    let (server, _data) = fresh(&[]);
    let before = server.resident_kib();
    let mut stream = TcpStream::connect(&server.address).await.unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    stream.write_all(&frame(4, &[])).await.unwrap();
    // HEADERS on stream 1 without END_HEADERS, then CONTINUATION for ever: literal fields that are never indexed.
    let field = [&[0x10, 1, b'a', 100][..], &[b'x'; 100]].concat();
    let on_stream_1 = |kind: u8| {
        let payload = field.repeat(100);
        let mut bytes = frame(kind, &payload);
        bytes[8] = 1;
        bytes
    };
    let mut sent = stream.write_all(&on_stream_1(1)).await;
    let mut answer = [0; 4096];
    let cut = async {
        while sent.is_ok() {
            sent = stream.write_all(&on_stream_1(9)).await;
        }
        while stream.read(&mut answer).await.is_ok_and(|read| read > 0) {}
    };
    timeout(TIMEOUT, cut).await.expect("the server hangs up");
    let grown = server.resident_kib().saturating_sub(before);
    assert!(grown < 64 * 1024, "grown by {grown} KiB");
    serves(&server).await;
}

#[tokio::test]
async fn ten_thousand_streams_are_bounded_and_others_are_served() {
    const CONNECTIONS: usize = 40;
    const STREAMS: usize = 250;
    let (server, _data) = fresh(&[]);
    let bob = server.create("bob@example.com");
    let before = server.resident_kib();
    let mut held = Vec::new();
    let (mut open, mut refusals) = (0_usize, 0_usize);
    for _ in 0..CONNECTIONS {
        let (chats, _) = clients(&server).await;
        let streams = (0..STREAMS).map(|_| {
            let mut chats = chats.clone();
            async move { chats.subscribe_chat_events(SubscribeChatEventsRequest::default()).await }
        });
        for answer in timeout(TIMEOUT, futures_util::future::join_all(streams)).await.expect("answers in time") {
            match answer {
                Ok(stream) => {
                    open += 1;
                    held.push(stream);
                }
                Err(status) => {
                    refused(Err::<(), _>(status), Code::Unavailable, "serviceUnavailable");
                    refusals += 1;
                }
            }
        }
    }
    assert_eq!((open, refusals), (4096, CONNECTIONS * STREAMS - 4096));
    server.generate(10, &[&bob]);
    let grown = server.resident_kib().saturating_sub(before);
    assert!(grown < 512 * 1024, "grown by {grown} KiB");
    serves(&server).await;
    drop(held);
    // All of it is given back.
    let again = async {
        let (mut chats, _) = clients(&server).await;
        while chats.subscribe_chat_events(SubscribeChatEventsRequest::default()).await.is_err() {}
    };
    timeout(TIMEOUT, again).await.expect("room again");
}

#[tokio::test]
async fn headers_that_decide_something_come_once_and_agree() {
    let (server, _data) = fresh(&[]);
    let raw = Raw::connect(&server).await;
    let count = "/photon.imessage.v1.ChatService/GetChatCount";
    let twice: [[(&str, &[u8]); 2]; 4] = [
        [("authorization", b"Bearer secret"), ("authorization", b"Bearer wrong")],
        [("x-idempotency-key", b"a"), ("x-idempotency-key", b"b")],
        [("grpc-timeout", b"1S"), ("grpc-timeout", b"2S")],
        [("host", server.address.as_bytes()), ("host", server.address.as_bytes())],
    ];
    for headers in twice {
        let answer = raw.call(count, &headers, framed(b"")).await;
        assert_eq!(answer.verdict(), ("3", "invalidArgument"), "{headers:?}: {answer:?}");
        assert_eq!(answer.said("error-context-field"), headers[0].0);
    }
    let same = raw.call(count, &[("host", server.address.as_bytes())], framed(b"")).await;
    assert_eq!(same.said("grpc-status"), "0");
    for path in [count, "/v1/chats:count"] {
        let answer = raw.call(path, &[("host", b"evil.example")], framed(b"")).await;
        assert!(answer.said("error-context-field") == "host", "{answer:?}");
    }
}
