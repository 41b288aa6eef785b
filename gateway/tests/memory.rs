//! What a client with a token can make the gateway hold in memory is bounded, whatever it asks for and does not take.

#![cfg(test)]

mod support;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use h2::client::SendRequest;
use serde_json::{Value, json};
use support::server::{Server, TIMEOUT, TOKEN, fresh};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

const MIB: u64 = 1024;

/// A connection on which no byte of an answer's body may be sent.
async fn without_room(server: &Server) -> SendRequest<Bytes> {
    let tcp = TcpStream::connect(&server.address).await.unwrap();
    let (sender, connection) = h2::client::Builder::new().initial_window_size(0).handshake(tcp).await.unwrap();
    tokio::spawn(connection);
    sender
}

fn ask(path: &str) -> http::Request<()> {
    let request = http::Request::get(format!("http://localhost{path}"));
    request.header("authorization", format!("Bearer {TOKEN}")).body(()).unwrap()
}

/// Asks so often, takes nothing, and gives the statuses and what holds the answers.
async fn ask_often(server: &Server, path: &str, times: usize) -> (Vec<u16>, Vec<http::Response<h2::RecvStream>>) {
    let sender = without_room(server).await;
    let mut asked = Vec::new();
    for _ in 0..times {
        let mut sender = sender.clone().ready().await.unwrap();
        asked.push(sender.send_request(ask(path), true).unwrap().0);
    }
    let mut answers = Vec::new();
    for answer in asked {
        answers.push(timeout(TIMEOUT, answer).await.expect("an answer in time").unwrap());
    }
    (answers.iter().map(|answer| answer.status().as_u16()).collect(), answers)
}

/// An image of this size, no two bytes in a row alike.
fn image(bytes: usize, seed: u8) -> Vec<u8> {
    let mut image = b"\x89PNG\r\n\x1a\n".to_vec();
    image.extend((0..bytes - image.len()).map(|at| u8::try_from(at % 251).unwrap().wrapping_add(seed)));
    image
}

fn set_background(server: &Server, chat: &str, image: &[u8]) {
    server.post("/v1/chats:setBackground", &json!({ "chatGuid": chat, "data": STANDARD.encode(image) }));
}

#[tokio::test]
async fn backgrounds_that_nobody_takes_are_not_in_memory() {
    const ASKED: usize = 100;
    let (server, _data) = fresh(&[]);
    let chat = server.create("bob@example.com");
    set_background(&server, &chat, &image(8 << 20, 0));
    let path = format!("/emulator/v1/chats:background?chatGuid={chat}");
    server.reset_peak();
    let before = server.resident_kib();
    let (statuses, held) = ask_often(&server, &path, ASKED).await;
    let grown = server.peak_kib().saturating_sub(before);
    assert!(grown < 64 * MIB, "{grown} KiB for {ASKED} backgrounds of 8 MiB");
    // So many are on their way, and the others hear that they may come again.
    let (given, refused): (Vec<u16>, Vec<u16>) = statuses.iter().partition(|status| **status == 200);
    assert_eq!((given.len(), refused), (32, vec![503; ASKED - 32]));
    drop(held);
}

fn get_background(server: &Server, path: &str) -> Vec<u8> {
    let request = ureq::get(format!("http://{}{path}", server.address)).header("authorization", format!("Bearer {TOKEN}"));
    let mut answer = request.call().unwrap();
    assert_eq!(answer.headers()["content-type"], "image/png");
    let length: usize = answer.headers()["content-length"].to_str().unwrap().parse().unwrap();
    let body = answer.body_mut().read_to_vec().unwrap();
    assert_eq!(body.len(), length);
    body
}

#[tokio::test]
async fn a_background_arrives_whole_although_it_is_replaced_meanwhile() {
    let (server, _data) = fresh(&["--max-large-answers", "2"]);
    let chat = server.create("bob@example.com");
    let path = format!("/emulator/v1/chats:background?chatGuid={chat}");
    let (first, second) = (image(3 << 20, 0), image(3 << 20, 1));
    set_background(&server, &chat, &first);
    assert!(get_background(&server, &path) == first);
    // Replaced while it is read: the old one to its end, and no mixture.
    let tcp = TcpStream::connect(&server.address).await.unwrap();
    let (sender, connection) = h2::client::Builder::new().initial_window_size(16_384).handshake::<_, Bytes>(tcp).await.unwrap();
    tokio::spawn(connection);
    let (answer, _) = sender.ready().await.unwrap().send_request(ask(&path), true).unwrap();
    let mut body = timeout(TIMEOUT, answer).await.expect("an answer in time").unwrap().into_body();
    let mut read = Vec::new();
    while let Some(bytes) = timeout(TIMEOUT, body.data()).await.expect("data, or the end") {
        let bytes = bytes.unwrap();
        body.flow_control().release_capacity(bytes.len()).unwrap();
        if read.is_empty() {
            set_background(&server, &chat, &second);
        }
        read.extend_from_slice(&bytes);
    }
    assert!(read == first, "{} bytes", read.len());
    assert!(get_background(&server, &path) == second);
    // Its place is free again: there are two.
    for _ in 0..5 {
        get_background(&server, &path);
    }
}

#[tokio::test]
async fn a_page_of_chats_ends_at_a_size_and_goes_on_after_it() {
    const CHATS: usize = 150;
    let (server, _data) = fresh(&[]);
    let text = "x".repeat(20_000);
    for n in 0..CHATS {
        let body = json!({ "addresses": [format!("p{n:03}@example.com")], "initialMessage": { "text": text } });
        server.post("/v1/chats", &body);
    }
    let (mut seen, mut pages, mut after) = (Vec::new(), 0, String::new());
    loop {
        let (status, page) = server.request("GET", &format!("/emulator/v1/chats?limit=1000&after={after}"), None);
        assert_eq!(status, 200);
        assert!(page.to_string().len() <= (1 << 20) + 100);
        seen.extend(page["chats"].as_array().unwrap().iter().map(|listed| listed["chat"]["guid"].as_str().unwrap().to_owned()));
        pages += 1;
        let Some(next) = page["nextAfter"].as_str() else { break };
        after = next.replace('+', "%2B");
    }
    let all: Vec<String> = (0..CHATS).map(|n| format!("any;-;p{n:03}@example.com")).collect();
    assert_eq!((seen, pages), (all, 3));
    server.reset_peak();
    let before = server.resident_kib();
    let (statuses, _held) = ask_often(&server, "/emulator/v1/chats?limit=1000", 100).await;
    let grown = server.peak_kib().saturating_sub(before);
    assert!(grown < 64 * MIB, "{grown} KiB for 100 pages");
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 32);
}

#[tokio::test]
async fn a_key_costs_little_however_large_its_answer_and_gives_it_again_after_a_restart() {
    const KEYS: usize = 1_200;
    let data = tempfile::TempDir::new().unwrap();
    let mut server = Server::start(data.path(), &[]);
    let text = "x".repeat(19_990);
    let write = |n: usize| {
        let people: Vec<String> = (0..20).map(|who| format!("person-{who}-of-group-{}@example.com", n % 5)).collect();
        json!({ "addresses": people, "initialMessage": { "text": format!("{n} {text}") }, "clientMessageId": format!("key {n}") })
    };
    server.reset_peak();
    let before = server.resident_kib();
    let first = std::thread::scope(|scope| {
        let (server, write) = (&server, &write);
        let workers: Vec<_> = (0..8)
            .map(|worker| {
                scope.spawn(move || {
                    let mut answer = None;
                    for n in (worker..KEYS).step_by(8) {
                        answer = Some((n, server.post("/v1/chats", &write(n))));
                    }
                    answer.unwrap()
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect::<Vec<(usize, Value)>>()
    });
    // Kept whole, the answers were 45 KiB each and more, twice.
    let grown = server.peak_kib().saturating_sub(before);
    assert!(grown < 48 * MIB, "{grown} KiB for {KEYS} keys");
    for restarted in [false, true] {
        if restarted {
            server.kill();
            server = Server::start(data.path(), &[]);
        }
        for (n, answer) in &first {
            assert_eq!(&server.post("/v1/chats", &write(*n)), answer);
        }
    }
}

#[tokio::test]
async fn bodies_that_do_not_end_are_bounded_together() {
    const SENT: usize = 200_000;
    let data = tempfile::TempDir::new().unwrap();
    let server = Server::logged(data.path(), &["--max-body-bytes", "2097152"]);
    let mut held = Vec::new();
    let mut refused = 0;
    for _ in 0..20 {
        let mut stream = TcpStream::connect(&server.address).await.unwrap();
        let head = format!(
            "POST /v1/chats HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\ncontent-length: {}\r\n\r\n",
            SENT + 10
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&vec![b' '; SENT]).await.unwrap();
        held.push(stream);
    }
    let end = tokio::time::Instant::now() + TIMEOUT;
    while !server.said().contains("see --max-body-bytes limit=2097152") {
        assert!(tokio::time::Instant::now() < end, "twice as much as has room is let in: {}", server.said());
        tokio::task::yield_now().await;
    }
    // Whoever has no room is answered at the end of its body.
    for stream in &mut held {
        let mut answer = vec![0; 1024];
        let _ = stream.write_all(b"          ").await;
        let read = timeout(TIMEOUT, stream.read(&mut answer)).await.expect("an answer").unwrap();
        let answer = String::from_utf8_lossy(&answer[..read]);
        if answer.starts_with("HTTP/1.1 503") {
            assert!(answer.contains("retry-after") && answer.contains("serviceUnavailable"), "{answer}");
            refused += 1;
        } else {
            assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        }
    }
    assert!((1..=19).contains(&refused), "{refused} refused");
    // All of it is given back.
    server.create("bob@example.com");
}

#[tokio::test]
async fn uploads_take_turns_over_all_fronts_and_wait_only_so_long() {
    let (server, _data) = fresh(&["--max-uploads", "1"]);
    let chat = server.create("bob@example.com");
    let mut first = TcpStream::connect(&server.address).await.unwrap();
    let body = json!({ "chatGuid": chat, "data": STANDARD.encode(image(1000, 0)) }).to_string();
    let head = format!(
        "POST /v1/chats:setBackground HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut answer = [0; 1024];
    // The first has its place once it is asked for its body; the second one's turn does not come.
    first.write_all(head.replace("\r\n\r\n", "\r\nexpect: 100-continue\r\n\r\n").as_bytes()).await.unwrap();
    let read = timeout(TIMEOUT, first.read(&mut answer)).await.expect("an answer").unwrap();
    assert!(answer[..read].starts_with(b"HTTP/1.1 100"), "{}", String::from_utf8_lossy(&answer[..read]));
    first.write_all(&body.as_bytes()[..10]).await.unwrap();
    let mut second = TcpStream::connect(&server.address).await.unwrap();
    let path = "/emulator/v1/chats:setBackground";
    let other = head.replace("/v1/chats:setBackground", path);
    let mut beat = tokio::time::interval(Duration::from_secs(5));
    second.write_all(format!("{other}{body}").as_bytes()).await.unwrap();
    let mut rest = body.as_bytes()[10..].chunks(1);
    let refusal = async {
        loop {
            tokio::select! {
                read = second.read(&mut answer) => break read.unwrap(),
                // Keeps the first from being given up as silent.
                _ = beat.tick() => first.write_all(rest.next().unwrap()).await.unwrap(),
            }
        }
    };
    let read = timeout(TIMEOUT * 2, refusal).await.expect("an answer");
    let text = String::from_utf8_lossy(&answer[..read]);
    assert!(text.starts_with("HTTP/1.1 503") && text.contains("serviceUnavailable"), "{text}");
    for byte in rest {
        first.write_all(byte).await.unwrap();
    }
    let read = timeout(TIMEOUT, first.read(&mut answer)).await.expect("an answer").unwrap();
    assert!(answer[..read].starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer[..read]));
    set_background(&server, &chat, &image(1000, 1));
}
