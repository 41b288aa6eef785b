//! Who is let in, and that every refusal arrives: tokens, hosts, origins, limits.

#![cfg(test)]

mod binary;

use std::io::{Read as _, Write as _};

use binary::{Gateway, TOKEN};
use serde_json::json;

const APP: &str = "https://app.example";

/// Sends raw bytes and reads to the end of the connection.
fn raw(gateway: &Gateway, request: &[u8]) -> String {
    let mut stream = gateway.connect();
    // The server may answer and close before all is sent.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn with(gateway: &Gateway, method: &str, path: &str, headers: &[(&str, &str)]) -> String {
    let host = gateway.address().to_owned();
    let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
    if !headers.iter().any(|(name, _)| *name == "host") {
        head.push_str(&format!("host: {host}\r\n"));
    }
    headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
    raw(gateway, format!("{head}\r\n").as_bytes())
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("no answer: {answer:?}"))
}

#[test]
fn only_the_token_opens_the_door() {
    let gateway = Gateway::start();
    let wrong = [
        vec![],
        vec![("authorization", "Bearer wrong")],
        vec![("authorization", "Basic dDp0")],
        vec![("authorization", "Bearer")],
    ];
    for headers in wrong {
        for path in ["/v1/chats:count", "/emulator/v1/chats"] {
            let answer = gateway.get_with(path, &headers).unwrap();
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
            answer.failure(401, "unauthenticated", "unauthenticated");
        }
    }
    for open in ["/healthz", "/openapi.json"] {
        assert_eq!(gateway.get_with(open, &[]).unwrap().status, 200);
    }
}

#[test]
fn every_answer_has_an_id_and_no_path_or_method_goes_without_a_body() {
    let gateway = Gateway::start();
    let answer = gateway.get("/no/such/path");
    answer.failure(404, "unimplemented", "operationNotSupported");
    let answer = gateway.get("/v1/chats:markRead");
    assert_eq!(answer.header("allow"), Some("POST"));
    answer.failure(405, "unimplemented", "operationNotSupported");
    let named = gateway.get_with("/healthz", &[("x-request-id", "my-id-1")]).unwrap();
    assert_eq!(named.header("x-request-id"), Some("my-id-1"));
    let fresh = gateway.get_with("/healthz", &[("x-request-id", &"x".repeat(200))]).unwrap();
    assert_eq!(fresh.header("x-request-id").map(str::len), Some(36));
    for (name, value) in
        [("x-content-type-options", "nosniff"), ("cache-control", "no-store"), ("referrer-policy", "no-referrer")]
    {
        assert_eq!(named.header(name), Some(value));
    }
}

#[test]
fn pages_of_other_sites_stay_out_unless_listed() {
    let gateway = Gateway::start_with(&["--allow-origin", APP]);
    let own = gateway.base.clone();
    let token = format!("Bearer {TOKEN}");
    let get = |origin: &str| with(&gateway, "GET", "/v1/chats:count", &[("origin", origin), ("authorization", &token)]);
    for origin in [APP, &own] {
        assert_eq!(status(&get(origin)), 200, "{origin}");
    }
    assert!(get(APP).contains("access-control-allow-origin: https://app.example\r\n"));
    for origin in ["https://evil.example", "null", "http://app.example", "https://127.0.0.1:1", "http://localhost.evil.example"]
    {
        let answer = get(origin);
        assert_eq!(status(&answer), 403, "{origin}");
        assert!(answer.contains("--allow-origin") && !answer.contains("access-control-allow-origin"), "{answer}");
    }
    // An upgrade is refused as well.
    let upgrade = [
        ("origin", "https://evil.example"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA=="),
    ];
    assert_eq!(status(&with(&gateway, "GET", "/v1/events", &upgrade)), 403);

    let preflight = |origin: &str| {
        let ask = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "authorization,content-type,x-idempotency-key"),
            ("access-control-request-private-network", "true"),
        ];
        with(&gateway, "OPTIONS", "/v1/chats", &ask).to_ascii_lowercase()
    };
    let allowed = preflight(APP);
    assert_eq!(status(&allowed), 200);
    for header in [
        "access-control-allow-origin: https://app.example",
        "x-idempotency-key",
        "access-control-allow-private-network: true",
        "access-control-max-age: 600",
    ] {
        assert!(allowed.contains(header), "{header}: {allowed}");
    }
    assert_eq!(status(&preflight("https://evil.example")), 403);
}

#[test]
fn pages_of_this_machine_may_use_the_emulator_unless_origins_are_strict() {
    let token = format!("Bearer {TOKEN}");
    let local = ["http://localhost:5173", "http://127.0.0.1:3000", "http://localhost"];
    let get = |gateway: &Gateway, origin: &str, token: &str| {
        with(gateway, "GET", "/v1/chats:count", &[("origin", origin), ("authorization", token)])
    };
    let gateway = Gateway::start();
    for origin in local {
        let answer = get(&gateway, origin, &token);
        assert_eq!(status(&answer), 200, "{origin}");
        assert!(answer.contains(&format!("access-control-allow-origin: {origin}\r\n")), "{answer}");
        assert_eq!(status(&get(&gateway, origin, "Bearer wrong")), 401, "the token still guards everything");
    }
    for origin in ["https://localhost:5173", "http://localhost.evil.example", "http://10.0.0.1:3000", "null"] {
        assert_eq!(status(&get(&gateway, origin, &token)), 403, "{origin}");
    }
    let strict = Gateway::start_with(&["--strict-origins", "--allow-origin", "http://localhost:5173"]);
    assert_eq!(local.map(|origin| status(&get(&strict, origin, &token))), [200, 403, 403]);
}

#[test]
fn a_page_that_is_refused_may_read_why_at_healthz_and_nothing_else() {
    let gateway = Gateway::start();
    let ask = |path: &str| with(&gateway, "GET", path, &[("origin", "https://evil.example")]);
    let answer = ask("/healthz");
    assert_eq!(status(&answer), 403);
    for expected in [
        "access-control-allow-origin: *\r\n",
        "access-control-expose-headers: x-spectrum-middleware\r\n",
        "--allow-origin https://evil.example",
    ] {
        assert!(answer.contains(expected), "{expected}: {answer}");
    }
    for path in ["/v1/chats:count", "/openapi.json", "/healthz/"] {
        assert!(!ask(path).contains("access-control-allow-origin"), "{path}");
    }
    let foreign_host = with(&gateway, "GET", "/healthz", &[("origin", "https://evil.example"), ("host", "evil.example")]);
    assert_eq!(status(&foreign_host), 403);
    assert!(!foreign_host.contains("access-control-allow-origin"), "a name that points here by deceit learns nothing");
}

#[test]
fn a_refused_origin_or_host_is_logged_once() {
    let gateway = Gateway::start_logged(&[], &[]);
    for _ in 0..3 {
        refused(&gateway, "localhost", Some("https://app.example"));
        refused(&gateway, "localhost", Some("https://other.example"));
        refused(&gateway, "rebound.example", None);
    }
    refused(&gateway, "localhost", Some(&format!("https://{}.example", "x".repeat(1_000))));
    let log = gateway.stop();
    let lines = |part: &str| log.lines().filter(|line| line.contains(part)).collect::<Vec<_>>();
    for (value, flag) in [
        ("https://app.example", "--allow-origin"),
        ("https://other.example", "--allow-origin"),
        ("rebound.example", "--allow-host"),
    ] {
        let [line] = lines(value)[..] else { panic!("{value}: {log}") };
        assert!(line.contains("WARN") && line.contains(flag), "{line}");
    }
    let [long] = lines("https://xxx")[..] else { panic!("{log}") };
    assert!(long.len() < 500, "a value is cut: {long}");
}

/// One request that must be refused.
fn refused(gateway: &Gateway, host: &str, origin: Option<&str>) {
    let origin = origin.map(|origin| ("origin", origin));
    let headers: Vec<_> = [("host", host)].into_iter().chain(origin).collect();
    let answer = with(gateway, "GET", "/healthz", &headers);
    assert_eq!(status(&answer), 403, "{answer}");
}

#[test]
fn a_foreign_host_name_is_not_served() {
    let gateway = Gateway::start_with(&["--allow-host", "gateway.example"]);
    for host in ["localhost", "127.0.0.1:9", "[::1]", "gateway.example:443"] {
        assert_eq!(status(&with(&gateway, "GET", "/healthz", &[("host", host)])), 200, "{host}");
    }
    for host in ["rebound.example", "127.0.0.1.nip.example", "10.1.2.3"] {
        let answer = with(&gateway, "GET", "/healthz", &[("host", host)]);
        assert_eq!(status(&answer), 403, "{host}");
        assert!(answer.contains("--allow-host"), "{answer}");
    }
}

#[test]
fn what_is_said_twice_is_refused_by_name_and_not_guessed() {
    let gateway = Gateway::start();
    let (own, token) = (gateway.address().to_owned(), format!("Bearer {TOKEN}"));
    let body = "{\"addresses\":[\"a@example.com\"]}";
    let refused = |answer: &str, field: &str| {
        assert_eq!(status(answer), 400, "{field}: {answer}");
        let body: serde_json::Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
        assert_eq!((&body["errorCode"], &body["context"]["field"]), (&json!("invalidArgument"), &json!(field)), "{body}");
    };
    for (name, one, other) in [
        ("host", own.as_str(), "evil.example"),
        ("host", &own, &own),
        ("authorization", &token, "Bearer wrong"),
        ("authorization", "Bearer wrong", &token),
        ("origin", &gateway.base, "https://evil.example"),
        ("content-type", "application/json", "text/plain"),
        ("x-idempotency-key", "a", "b"),
    ] {
        let mut headers = vec![(name, one), (name, other), ("content-length", "0")];
        if name != "authorization" {
            headers.push(("authorization", &token));
        }
        refused(&with(&gateway, "POST", "/v1/chats", &headers), name);
        let upgrade =
            [("upgrade", "websocket"), ("sec-websocket-version", "13"), ("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA==")];
        refused(&with(&gateway, "GET", "/v1/events", &[&[(name, one), (name, other)], &upgrade[..]].concat()), name);
    }
    // A target that names another host than the header.
    let absolute = "http://evil.example/healthz";
    refused(&with(&gateway, "GET", absolute, &[("host", &own)]), "host");
    assert_eq!(status(&with(&gateway, "GET", &format!("http://{own}/healthz"), &[("host", &own)])), 200);
    // Two lengths that differ are no HTTP at all.
    let lengths = [("authorization", token.as_str()), ("content-length", "2"), ("content-length", "3")];
    assert_eq!(status(&with(&gateway, "POST", "/v1/chats", &lengths)), 400);

    gateway.get("/v1/chats:get?chatGuid=any;-;a&chatGuid=any;-;b").refuses("chatGuid");
    gateway.get("/v1/chats:hasBackground?chatGuid=any;-;a&chat_guid=any;-;a").refuses("chatGuid");
    gateway.get("/v1/chats:count?includeArchived=true&includeArchived=false").refuses("includeArchived");
    gateway.get("/emulator/v1/chats?limit=1&limit=2").refuses("limit");
    for body in [
        "{\"chatGuid\":\"any;-;a\",\"chatGuid\":\"any;-;b\"}",
        "{\"isTyping\":null,\"chatGuid\":\"any;-;a\",\"chatGuid\":\"any;-;b\"}",
    ] {
        gateway.post_with("/v1/chats:setTyping", &[], body.as_bytes()).unwrap().refuses("chatGuid");
    }
    gateway
        .post_with("/emulator/v1/chats:archive", &[], b"{\"chatGuid\":\"a\",\"chatGuid\":\"b\"}")
        .unwrap()
        .refuses("chatGuid");
    // Nothing of it had an effect.
    assert_eq!(gateway.post_with("/v1/chats", &[], body.as_bytes()).unwrap().status, 200);
    assert_eq!(gateway.get("/v1/chats:count").ok(), json!({"count": "1"}));
}

#[test]
fn heads_that_are_too_large_or_broken_get_an_answer() {
    let gateway = Gateway::start();
    let long = "x".repeat(40_000);
    for (request, expected) in [
        (format!("GET /{long} HTTP/1.1\r\nhost: localhost\r\n\r\n"), [414, 431]),
        (format!("GET / HTTP/1.1\r\nhost: localhost\r\nx-long: {long}\r\n\r\n"), [431, 431]),
        (format!("GET / HTTP/1.1\r\nhost: localhost\r\n{}\r\n", "a: b\r\n".repeat(100)), [431, 431]),
        ("NOT HTTP\r\n\r\n".to_owned(), [400, 400]),
    ] {
        let answer = raw(&gateway, request.as_bytes());
        assert!(expected.contains(&status(&answer)), "{answer}");
    }
}

#[test]
fn a_refused_body_is_read_so_that_the_answer_arrives() {
    let gateway = Gateway::start();
    let large = vec![b'x'; 8 * 1024 * 1024];
    for (path, headers, expected) in [
        ("/v1/chats", vec![("authorization", "Bearer wrong")], 401),
        ("/v1/chats", vec![("origin", "https://evil.example")], 403),
        ("/no/such/path", vec![], 404),
        ("/v1/chats", vec![], 413),
        ("/v1/chats", vec![("content-type", "text/plain")], 415),
    ] {
        let answer = gateway.post_with(path, &headers, &large).unwrap();
        assert_eq!(answer.status, expected);
        assert!(answer.json()["requestId"].is_string());
    }
}

#[test]
fn a_body_that_breaks_off_changes_nothing() {
    let gateway = Gateway::start();
    let mut stream = gateway.connect();
    let head = format!(
        "POST /v1/chats HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{{\"addresses\":[\"a@example.com\"]}}"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(status(&answer), 400, "{answer}");
    assert_eq!(gateway.get("/v1/chats:count").ok(), json!({}));
}

#[test]
fn the_log_of_the_server_holds_no_token_and_no_text() {
    let gateway = Gateway::start_logged(&["--log-format", "json"], &[("RUST_LOG", "trace")]);
    let body = json!({"addresses": ["secret.person@example.com"], "initialMessage": {"text": "a secret text"}}).to_string();
    for _ in 0..2 {
        assert_eq!(gateway.post_with("/v1/chats", &[], body.as_bytes()).unwrap().status, 200);
    }
    let log = gateway.stop();
    let ours: Vec<&str> = log.lines().filter(|line| line.contains("im_chats_gateway")).collect();
    assert!(ours.iter().any(|line| line.contains("\"route\":\"/v1/chats\"")), "{log}");
    for secret in [TOKEN, "a secret text", "secret.person"] {
        assert!(!ours.iter().any(|line| line.contains(secret)), "{secret}");
    }
}
