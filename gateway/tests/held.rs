//! Clients that hold what they have no use for, most of them without a token: they are let go, or find a limit of their own,
//! and those with a token are served.

#![cfg(test)]

mod support;

use std::time::Duration;

use im_chats_gateway::service::proto::SubscribeChatEventsRequest;
use serde_json::json;
use support::grpc::{Raw, channel, clients, framed, refused};
use support::server::{Server, Socket, TIMEOUT, TOKEN, fresh};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout};
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

/// A gateway whose log can be read.
fn logged(flags: &[&str]) -> (Server, TempDir) {
    let data = TempDir::new().expect("a directory");
    (Server::logged(data.path(), flags), data)
}

/// How many lines of the log say this, once one does.
async fn lines(server: &Server, what: &str) -> usize {
    let end = Instant::now() + TIMEOUT;
    loop {
        let count = server.said().lines().filter(|line| line.contains(what)).count();
        if count > 0 {
            return count;
        }
        assert!(Instant::now() < end, "the log never says {what:?}: {}", server.said());
        tokio::task::yield_now().await;
    }
}

/// Reads until the server closes.
async fn closed(stream: &mut TcpStream) -> Vec<u8> {
    let mut answer = Vec::new();
    let _ = timeout(TIMEOUT, stream.read_to_end(&mut answer)).await.expect("the server closes");
    answer
}

#[tokio::test]
async fn a_client_that_asks_and_never_reads_is_let_go() {
    let (server, _data) = fresh(&["--write-timeout-ms", "300", "--max-connections-per-address", "2"]);
    let mut deaf = TcpStream::connect(&server.address).await.unwrap();
    let ask = "GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(100);
    // Until neither side takes any more.
    let mut stalled = false;
    for _ in 0..10_000 {
        match timeout(Duration::from_millis(500), deaf.write_all(ask.as_bytes())).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => {
                stalled = true;
                break;
            }
        }
    }
    assert!(stalled, "the server reads for ever");
    // Its place is free again, so two others come in; while it was taken, one did.
    let end = Instant::now() + TIMEOUT;
    loop {
        let mut others = [connect(&server).await, connect(&server).await];
        let both = [get(&mut others[0], "/healthz").await, get(&mut others[1], "/healthz").await];
        if both.iter().all(|answer| answer.starts_with("HTTP/1.1 200")) {
            break;
        }
        assert!(Instant::now() < end, "{both:?}");
    }
}

async fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(&server.address).await.unwrap()
}

/// A connection from another address of this machine than the usual one.
async fn connect_from_elsewhere(server: &Server) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    socket.connect(server.address.parse().unwrap()).await.unwrap()
}

/// A request for the event stream, as far as it is answered: a socket that never says who it is.
async fn upgrade(stream: &mut TcpStream) -> String {
    let ask = "GET /v1/events HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
               sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
               sec-websocket-protocol: im.events.v1.json\r\n\r\n";
    stream.write_all(ask.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let byte = timeout(TIMEOUT, stream.read_u8()).await.expect("an answer").expect("a whole head");
        answer.push(byte);
    }
    String::from_utf8(answer).unwrap()
}

/// What a connection answers to one request, as far as it comes at once.
async fn get(stream: &mut TcpStream, path: &str) -> String {
    let _ = stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes()).await;
    let mut answer = vec![0; 4096];
    let read = timeout(TIMEOUT, stream.read(&mut answer)).await.expect("an answer").unwrap_or(0);
    String::from_utf8_lossy(&answer[..read]).into_owned()
}

#[tokio::test]
async fn an_idle_http2_connection_is_closed_although_it_answers_pings_and_a_busy_one_is_not() {
    let (server, _data) = fresh(&["--idle-timeout-ms", "300"]);
    let (mut chats, _) = clients(&server).await;
    let mut stream = chats.subscribe_chat_events(SubscribeChatEventsRequest::default()).await.unwrap().into_inner();
    assert!(stream.message().await.unwrap().is_some());
    let (mut socket, _) = Socket::ready(&server).await;
    // `h2` answers pings by itself, and says when the connection is over.
    for asks_first in [false, true] {
        let tcp = TcpStream::connect(&server.address).await.unwrap();
        let (sender, connection) = h2::client::handshake(tcp).await.unwrap();
        let connection = tokio::spawn(connection);
        if asks_first {
            let mut sender = sender.clone().ready().await.unwrap();
            let request = http::Request::get("http://localhost/healthz").body(()).unwrap();
            let (answer, _) = sender.send_request(request, true).unwrap();
            assert_eq!(answer.await.unwrap().status(), 200);
        }
        let ended = timeout(TIMEOUT, connection).await.expect("the server closes").unwrap();
        ended.expect("without a fault: the client is asked to leave");
        drop(sender);
    }
    // What has a stream under way has outlived them, and is served.
    let chat = server.create("bob@example.com");
    server.act("chat.archived", &chat);
    let event = async { while stream.message().await.unwrap().unwrap().sequence.is_none() {} };
    timeout(TIMEOUT, event).await.expect("the event");
    socket.say(&json!({ "type": "ping", "n": 1 })).await;
    assert_eq!(socket.next_but_heartbeats().await["type"], "pong");
}

#[tokio::test]
async fn an_answer_that_is_not_taken_loses_its_stream_and_not_the_connection() {
    let (server, _data) = fresh(&["--write-timeout-ms", "300"]);
    let tcp = TcpStream::connect(&server.address).await.unwrap();
    // No room for a single byte of an answer.
    let (sender, connection) =
        h2::client::Builder::new().initial_window_size(0).handshake::<_, bytes::Bytes>(tcp).await.unwrap();
    tokio::spawn(connection);
    let mut sender = sender.ready().await.unwrap();
    let ask = |path: &str| http::Request::get(format!("http://localhost{path}")).body(()).unwrap();
    let (answer, _) = sender.send_request(ask("/openapi.json"), true).unwrap();
    let mut body = answer.await.unwrap().into_body();
    let end = timeout(TIMEOUT, body.data()).await.expect("the stream ends").expect("not as if it were whole");
    assert_eq!(end.unwrap_err().reason(), Some(h2::Reason::CANCEL));
    // A head needs no room.
    let mut sender = sender.ready().await.unwrap();
    let (answer, _) = sender.send_request(ask("/healthz"), true).unwrap();
    assert_eq!(answer.await.unwrap().status(), 200);
}

#[tokio::test]
async fn one_address_has_a_share_of_the_connections_and_hears_why_it_gets_no_more() {
    let (server, _data) = logged(&["--max-connections-per-address", "3"]);
    // A socket of the event stream is a connection like any other.
    let socket = Socket::ready(&server).await;
    let mut held = [connect(&server).await, connect(&server).await];
    assert!(get(&mut held[1], "/healthz").await.starts_with("HTTP/1.1 200"));
    for _ in 0..50 {
        let answer = String::from_utf8(closed(&mut connect(&server).await).await).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").expect("a whole answer");
        assert!(head.starts_with("HTTP/1.1 503 ") && head.contains("retry-after: "), "{head}");
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!((&body["errorCode"], &body["retryable"]), (&json!("serviceUnavailable"), &json!(true)));
        assert_eq!(body["context"]["limit"], "3");
    }
    assert_eq!(lines(&server, "--max-connections-per-address").await, 1);
    drop(socket);
    let end = Instant::now() + TIMEOUT;
    while !get(&mut connect(&server).await, "/healthz").await.starts_with("HTTP/1.1 200") {
        assert!(Instant::now() < end, "the place is never free again");
    }
}

#[tokio::test]
async fn all_connections_together_have_a_limit_that_is_answered() {
    let (server, _data) = logged(&["--max-connections", "2"]);
    let _held = [connect(&server).await, connect(&server).await];
    for _ in 0..20 {
        let answer = String::from_utf8(closed(&mut connect(&server).await).await).unwrap();
        assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("\"limit\":\"2\""), "{answer}");
    }
    assert_eq!(lines(&server, "--max-connections").await, 1);
}

#[tokio::test]
async fn health_watches_do_not_take_the_places_of_event_streams() {
    let (server, _data) = logged(&["--max-open-streams", "5", "--max-grpc-streams", "5", "--max-connections-per-address", "0"]);
    let mut watches = Vec::new();
    for _ in 0..40 {
        let mut health = HealthClient::new(channel(&server).await);
        match health.watch(HealthCheckRequest::default()).await {
            Ok(watch) => watches.push(watch),
            Err(status) => {
                let refusal = refused(Err::<(), _>(status), Code::Unavailable, "serviceUnavailable");
                assert_eq!((refusal.context("limit").as_deref(), refusal.retryable()), (Some("5"), true));
            }
        }
    }
    assert_eq!(watches.len(), 5);
    assert_eq!(lines(&server, "--max-open-streams").await, 1);
    // A question of health is answered all the same, and five with a token have their streams.
    HealthClient::new(channel(&server).await).check(HealthCheckRequest::default()).await.unwrap();
    let mut streams = Vec::new();
    for _ in 0..5 {
        let (mut chats, _) = clients(&server).await;
        let mut stream = chats.subscribe_chat_events(SubscribeChatEventsRequest::default()).await.unwrap().into_inner();
        assert!(stream.message().await.unwrap().is_some());
        streams.push(stream);
    }
}

#[tokio::test]
async fn reflection_has_the_places_of_what_needs_no_token() {
    const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    let (server, _data) = fresh(&["--max-open-streams", "2", "--max-connections-per-address", "0"]);
    let raw = Raw::connect(&server).await;
    // list_services, with the question left open.
    let open = || async {
        let mut sender = raw.sender.clone().ready().await.unwrap();
        let (answer, mut asks) = sender.send_request(raw.request(REFLECTION, &[("authorization", b"")]), false).unwrap();
        asks.send_data(framed(&[0x3a, 0]).into(), false).unwrap();
        (answer.await.unwrap(), asks)
    };
    let first = open().await;
    let second = open().await;
    let third = open().await;
    assert_eq!((first.0.headers().get("grpc-status"), second.0.headers().get("grpc-status")), (None, None));
    assert_eq!(third.0.headers()["error-code"], "serviceUnavailable");
    drop((first, third));
    let end = Instant::now() + TIMEOUT;
    while open().await.0.headers().contains_key("grpc-status") {
        assert!(Instant::now() < end, "the place is never free again");
    }
}

#[tokio::test]
async fn requests_without_a_token_do_not_take_the_places_of_those_with_one() {
    let (server, _data) = logged(&["--max-open-requests", "3", "--max-connections-per-address", "0"]);
    // Bodies that never come, of callers without a token.
    let mut slow = Vec::new();
    let end = Instant::now() + TIMEOUT;
    loop {
        // One more each time: the question below takes a place, too, and may have had the last one when a body came.
        let mut stream = connect(&server).await;
        stream.write_all(b"POST /v1/chats HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\n").await.unwrap();
        slow.push(stream);
        let answer = get(&mut connect(&server).await, "/healthz").await;
        if answer.starts_with("HTTP/1.1 503") {
            assert!(answer.contains("serviceUnavailable") && answer.contains("retry-after"), "{answer}");
            break;
        }
        assert!(Instant::now() < end, "{answer}");
    }
    let chat = server.create("bob@example.com");
    assert_eq!(server.request("GET", &format!("/v1/chats:get?chatGuid={chat}"), None).0, 200);
    for _ in 0..20 {
        assert!(get(&mut connect(&server).await, "/healthz").await.starts_with("HTTP/1.1 503"));
    }
    assert_eq!(lines(&server, "--max-open-requests").await, 1);
    assert!(!server.said().contains("ERROR"), "one line is enough: {}", server.said());
}

#[tokio::test]
async fn sockets_that_show_no_token_do_not_take_the_places_of_those_that_do() {
    let limits = ["--max-waiting-sockets", "2", "--max-sockets", "4", "--init-timeout-ms", "60000"];
    let (server, _data) = logged(&[&limits[..], &["--max-connections-per-address", "0"]].concat());
    let waiting = [Socket::connect(&server).await, Socket::connect(&server).await];
    let mut third = Socket::connect(&server).await;
    let error = third.next().await;
    assert_eq!((&error["code"], &error["context"]["limit"]), (&json!("serviceUnavailable"), &json!("2")), "{error}");
    assert_eq!(third.close_code().await, 4429);
    assert_eq!(lines(&server, "--max-waiting-sockets").await, 1);
    // A token in the header is shown at once.
    let (mut known, _) = Socket::open(&server, Some("im.events.v1.json"), Some(TOKEN)).await.unwrap();
    known.say(&json!({ "type": "init" })).await;
    assert_eq!(known.next().await["type"], "ready");
    // And who shows it in `init` makes room for the next.
    let [mut first, _second] = waiting;
    first.say(&json!({ "type": "init", "token": TOKEN })).await;
    assert_eq!(first.next().await["type"], "ready");
    Socket::ready(&server).await;
}

/// With eight places, how many one address can take: by its share, and where addresses are not looked at.
const SHARES: [(&str, usize); 2] = [("1024", 2), ("0", 8)];

#[tokio::test]
async fn one_address_has_a_share_of_the_requests_without_a_token() {
    for (connections, share) in SHARES {
        let (server, _data) = logged(&["--max-open-requests", "8", "--max-connections-per-address", connections]);
        let tcp = connect_from_elsewhere(&server).await;
        // No room for a single byte of an answer, so each keeps its place.
        let (sender, connection) =
            h2::client::Builder::new().initial_window_size(0).handshake::<_, bytes::Bytes>(tcp).await.unwrap();
        tokio::spawn(connection);
        let mut statuses = Vec::new();
        let mut held = Vec::new();
        for _ in 0..20 {
            let mut sender = sender.clone().ready().await.unwrap();
            let request = http::Request::get("http://localhost/healthz").body(()).unwrap();
            let (answer, _) = sender.send_request(request, true).unwrap();
            let answer = timeout(TIMEOUT, answer).await.expect("a head").unwrap();
            statuses.push(answer.status().as_u16());
            held.push(answer);
        }
        assert_eq!(statuses, [vec![200; share], vec![503; 20 - share]].concat(), "{connections}");
        assert_eq!(lines(&server, "--max-open-requests").await, 1);
        let own = get(&mut connect_from_elsewhere(&server).await, "/healthz").await;
        assert!(own.starts_with("HTTP/1.1 503") && own.contains(&format!("\"limit\":\"{share}\"")), "{own}");
        for path in ["/healthz", "/", "/openapi.json"] {
            let status = if share < 8 { "HTTP/1.1 200" } else { "HTTP/1.1 503" };
            let answer = get(&mut connect(&server).await, path).await;
            assert!(answer.starts_with(status), "{connections} {path}: {answer}");
        }
        // What it lets go of, it can have again.
        drop(held);
        let end = Instant::now() + TIMEOUT;
        while !get(&mut connect_from_elsewhere(&server).await, "/healthz").await.starts_with("HTTP/1.1 200") {
            assert!(Instant::now() < end, "the place is never free again");
        }
    }
}

#[tokio::test]
async fn one_address_has_a_share_of_the_sockets_without_a_token() {
    for (connections, share) in SHARES {
        let flags = ["--max-waiting-sockets", "8", "--init-timeout-ms", "60000", "--max-connections-per-address", connections];
        let (server, _data) = logged(&flags);
        let mut held = Vec::new();
        for count in 0..12 {
            let mut stream = connect_from_elsewhere(&server).await;
            let head = upgrade(&mut stream).await;
            assert!(head.starts_with("HTTP/1.1 101"), "{head}");
            if count < share {
                held.push(stream);
                continue;
            }
            // The socket says why, and closes.
            let mut said = vec![0; 1024];
            let read = timeout(TIMEOUT, stream.read(&mut said)).await.expect("a frame").unwrap();
            let said = String::from_utf8_lossy(&said[..read]);
            assert!(said.contains("serviceUnavailable") && said.contains(&format!("\"limit\":\"{share}\"")), "{said}");
        }
        assert_eq!(lines(&server, "--max-waiting-sockets").await, 1);
        if share < 8 {
            Socket::ready(&server).await;
        } else {
            let mut refused = Socket::connect(&server).await;
            assert_eq!(refused.next().await["code"], "serviceUnavailable");
        }
        drop(held);
    }
}

#[tokio::test]
async fn one_address_has_a_share_of_the_streams_without_a_token() {
    const WATCH: &str = "/grpc.health.v1.Health/Watch";
    const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    for (connections, share) in SHARES {
        let (server, _data) = logged(&["--max-open-streams", "8", "--max-connections-per-address", connections]);
        let raw = Raw::over(connect_from_elsewhere(&server).await, &server.address).await;
        let mut held = Vec::new();
        // Both kinds have the same places.
        for (count, path) in [WATCH, REFLECTION].into_iter().cycle().take(20).enumerate() {
            let mut sender = raw.sender.clone().ready().await.unwrap();
            let (answer, mut asks) = sender.send_request(raw.request(path, &[("authorization", b"")]), false).unwrap();
            let ask: &[u8] = if path == WATCH { b"" } else { &[0x3a, 0] };
            let _ = asks.send_data(framed(ask).into(), path == WATCH);
            let answer = timeout(TIMEOUT, answer).await.expect("an answer").unwrap();
            if count < share {
                assert!(!answer.headers().contains_key("grpc-status"), "{count}: {answer:?}");
                held.push((answer, asks));
            } else {
                let said = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
                let refusal = (said("grpc-status"), said("error-code"), said("error-context-limit"));
                assert_eq!(refusal, ("14".to_owned(), "serviceUnavailable".to_owned(), share.to_string()), "{path}");
            }
        }
        assert_eq!(lines(&server, "--max-open-streams").await, 1);
        let other = HealthClient::new(channel(&server).await).watch(HealthCheckRequest::default()).await;
        assert_eq!(other.is_ok(), share < 8, "{connections}: {other:?}");
        drop(held);
    }
}

#[tokio::test]
async fn sockets_that_send_one_byte_cost_no_time() {
    const SOCKETS: usize = 500;
    let (server, _data) = fresh(&[]);
    let mut held = Vec::new();
    for _ in 0..SOCKETS {
        let mut stream = connect(&server).await;
        stream.write_all(b"P").await.unwrap();
        held.push(stream);
    }
    // All of them were looked at when a later one is answered.
    assert!(get(&mut connect(&server).await, "/healthz").await.starts_with("HTTP/1.1 200"));
    let before = server.cpu_time();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let spent = server.cpu_time() - before;
    // Looking at them every 20 ms took about 120 ms in a release build and 600 ms in a debug build.
    assert!(spent <= Duration::from_millis(40), "{spent:?} for {SOCKETS} sockets that say nothing");
    drop(held);
}
