//! Clients that break the rules, do not read or vanish: the real binary tells them why, lets them go, and serves the others.

#![cfg(test)]

mod support;

use std::time::Duration;

use serde_json::json;
use support::server::{Dice, Socket, TIMEOUT, TOKEN, fresh, subscribe};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tokio_tungstenite::MaybeTlsStream;
use tokio_tungstenite::tungstenite::Message;

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_answered_with_a_reason() {
    let (server, _data) = fresh(&["--max-frames-per-second", "5", "--max-frame-burst", "10"]);
    let (mut socket, _) = Socket::ready(&server).await;
    for n in 0..40 {
        socket.0.feed_ping(n).await;
    }
    let mut last = socket.next().await;
    while last["type"] == "pong" {
        last = socket.next().await;
    }
    assert_eq!((&last["code"], &last["fatal"]), (&json!("burstRateExceeded"), &json!(true)));
    assert_eq!(socket.close_code().await, 4429);
}

/// Sending to a server that closes meanwhile may fail, which is no fault of the test.
trait FeedPing {
    async fn feed_ping(&mut self, n: u64);
}

impl FeedPing for tokio_tungstenite::WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>> {
    async fn feed_ping(&mut self, n: u64) {
        use futures_util::SinkExt;
        let _ = self.send(Message::text(json!({ "type": "ping", "n": n }).to_string())).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_reads_is_let_go_and_costs_a_bounded_buffer() {
    let (server, _data) = fresh(&["--write-timeout-ms", "400", "--max-sockets", "1"]);
    let chat = server.create("alice@example.com");
    server.generate(200_000, &[&chat]);
    let before = server.resident_kib();
    let (mut deaf, _) = Socket::ready(&server).await;
    deaf.say(&subscribe(1, Some(0), 1_000_000)).await;
    // Its place is taken until the server lets it go.
    let end = tokio::time::Instant::now() + TIMEOUT;
    loop {
        let (mut other, _) = Socket::open(&server, Some("im.events.v1.json"), None).await.unwrap();
        other.say(&json!({ "type": "init", "token": TOKEN })).await;
        let frame = other.next().await;
        if frame["type"] == "ready" {
            break;
        }
        assert_eq!((&frame["code"], other.close_code().await), (&json!("serviceUnavailable"), 4429));
        assert!(tokio::time::Instant::now() < end, "the deaf client keeps its place for ever");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let grown = server.resident_kib().saturating_sub(before);
    assert!(grown < 8 * 1024, "{grown} KiB for a slow consumer");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_place_of_a_client_that_vanished_is_free_again() {
    let (server, _data) = fresh(&["--max-sockets", "3"]);
    for _ in 0..10 {
        let mut sockets = Vec::new();
        while sockets.len() < 3 {
            let mut socket = Socket::connect(&server).await;
            socket.say(&json!({ "type": "init", "token": TOKEN })).await;
            if socket.next().await["type"] == "ready" {
                socket.say(&subscribe(1, None, 5)).await;
                sockets.push(socket);
            }
        }
        let mut refused = Socket::connect(&server).await;
        assert_eq!(refused.next().await["code"], "serviceUnavailable");
        assert_eq!(refused.close_code().await, 4429);
        // Dropped without a close handshake: the server sees the connection end, and nothing else.
    }
}

/// Bytes that are no frames of WebSocket, after a good beginning.
#[tokio::test(flavor = "multi_thread")]
async fn broken_websocket_bytes_are_refused_with_a_reason() {
    let (server, _data) = fresh(&[]);
    for (what, bytes) in [
        ("unmasked text", b"\x81\x02{}".to_vec()),
        ("a reserved opcode", b"\x83\x80\0\0\0\0".to_vec()),
        ("reserved bits", b"\xf1\x80\0\0\0\0".to_vec()),
        ("text that is not UTF-8", b"\x81\x82\0\0\0\0\xff\xfe".to_vec()),
        ("a continuation of nothing", b"\x80\x80\0\0\0\0".to_vec()),
        ("a ping that is too long", [b"\x89\xfe\0\x7e\0\0\0\0".as_slice(), &[0; 126]].concat()),
    ] {
        let (mut socket, _) = Socket::ready(&server).await;
        let MaybeTlsStream::Plain(stream) = socket.0.get_mut() else { panic!("plain") };
        stream.write_all(&bytes).await.unwrap();
        let error = socket.next().await;
        assert_eq!((&error["fatal"], &error["context"]["field"]), (&json!(true), &json!("frame")), "{what}");
        assert_eq!(socket.close_code().await, 4400, "{what}");
    }
    // A frame that says it is enormous is refused before it comes.
    let (mut socket, _) = Socket::ready(&server).await;
    let MaybeTlsStream::Plain(stream) = socket.0.get_mut() else { panic!("plain") };
    stream.write_all(b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0").await.unwrap();
    assert_eq!(socket.next().await["context"]["maxFrameBytes"], "65536");
    assert_eq!(socket.close_code().await, 4413);
}

#[tokio::test(flavor = "multi_thread")]
async fn any_bytes_at_all_leave_the_server_standing() {
    let (server, _data) = fresh(&[]);
    let mut dice = Dice(7);
    for _ in 0..60 {
        let (mut socket, _) = Socket::ready(&server).await;
        let bytes: Vec<u8> = (0..dice.below(400)).map(|_| u8::try_from(dice.below(256)).unwrap()).collect();
        let MaybeTlsStream::Plain(stream) = socket.0.get_mut() else { panic!("plain") };
        let _ = stream.write_all(&bytes).await;
        let _ = stream.shutdown().await;
        let mut sink = Vec::new();
        // The server ends the connection, whatever it made of the bytes.
        let _ = timeout(TIMEOUT, stream.read_to_end(&mut sink)).await.expect("an end");
    }
    Socket::ready(&server).await;
}
