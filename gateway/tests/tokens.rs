//! Signed tokens, the operator's own, and who makes them, over a real server.

#![cfg(test)]

mod binary;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use binary::{Answer, Gateway, TOKEN, command};
use im_chats_launcher::Process;
use ring::signature::KeyPair as _;
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_rustls::rustls;

const CHAT: &str = "any;-;alice@example.com";

/// A wait that is never used up when things work.
const PATIENCE: Duration = Duration::from_secs(30);

fn keys(name: &str) -> String {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/keys").join(name).display().to_string()
}

fn wish() -> Value {
    json!({ "sub": "alice", "scope": "chats:read events", "chats": [CHAT], "ttlSeconds": 600 })
}

fn get(gateway: &Gateway, token: &str) -> Answer {
    let path = format!("/v1/chats:get?chatGuid={CHAT}");
    gateway.get_with(&path, &[("authorization", &format!("Bearer {token}"))]).unwrap()
}

fn mint_with(gateway: &Gateway, token: &str, wish: &Value) -> Answer {
    let authorization = format!("Bearer {token}");
    gateway.post_with("/v1/tokens", &[("authorization", &authorization)], wish.to_string().as_bytes()).unwrap()
}

fn mint(gateway: &Gateway) -> String {
    mint_with(gateway, TOKEN, &wish()).ok()["token"].as_str().unwrap().to_owned()
}

fn create(gateway: &Gateway) {
    gateway.post("/v1/chats", &json!({ "addresses": ["alice@example.com"] })).ok();
}

/// Waits for the gateway to notice what changed; it looks once a second.
fn eventually(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn claims_of(token: &str) -> (Value, Value) {
    let part = |index| {
        let bytes = URL_SAFE_NO_PAD.decode(token.split('.').nth(index).unwrap()).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    };
    (part(0), part(1))
}

#[test]
fn the_operators_token_makes_tokens_that_outlive_a_restart_and_not_their_key() {
    let gateway = Gateway::start();
    create(&gateway);
    let answer = mint_with(&gateway, TOKEN, &wish());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let made = answer.ok();
    let token = made["token"].as_str().unwrap();
    let (header, claims) = claims_of(token);
    assert_eq!((&header["typ"], &header["alg"]), (&json!("im+jwt"), &json!("HS256")));
    assert!(header["kid"].as_str().unwrap().starts_with("local-"), "{header}");
    let end = claims["exp"].as_u64().unwrap();
    assert_eq!(end - claims["iat"].as_u64().unwrap(), 600);
    assert_eq!((&claims["sub"], &claims["aud"], &claims["chats"]), (&json!("alice"), &json!("im-chats"), &json!([CHAT])));
    assert!(uuid::Uuid::parse_str(claims["jti"].as_str().unwrap()).is_ok() && claims["iss"].is_null());
    let end = chrono::DateTime::from_timestamp(end.try_into().unwrap(), 0).unwrap();
    assert_eq!(made["expiresAt"], end.to_rfc3339_opts(chrono::SecondsFormat::Millis, true));
    get(&gateway, token).ok();

    let gateway = gateway.kill_and_restart();
    get(&gateway, token).ok();
    std::fs::remove_file(gateway.data.path().join("token.key")).unwrap();
    eventually("the key is gone", || get(&gateway, token).status == 401);
    let next = mint(&gateway);
    get(&gateway, &next).ok();
    get(&gateway, token).failure(401, "unauthenticated", "unauthenticated");
}

#[test]
fn a_relay_makes_tokens_too() {
    let upstream = Gateway::start();
    create(&upstream);
    let data = Arc::new(TempDir::new().unwrap());
    let mut command = im_chats_launcher::gateway(env!("CARGO_BIN_EXE_im-chats-gateway"), "relay", data.path());
    command.args(["--upstream", &upstream.base, "--upstream-token", TOKEN, "--token", TOKEN]);
    let relay = Gateway::of(Process::start(&mut command).unwrap(), Arc::clone(&data));
    let token = mint(&relay);
    get(&relay, &token).ok();
    get(&upstream, &token).failure(401, "unauthenticated", "unauthenticated");
    let document = relay.get_with("/openapi.json", &[]).unwrap().ok();
    assert_eq!(document["paths"]["/v1/tokens"]["post"]["operationId"], "createToken");
}

#[test]
fn a_wish_that_is_wrong_is_refused_by_the_name_of_its_field() {
    let gateway = Gateway::start();
    for (name, value, field) in [
        ("sub", json!(""), "sub"),
        ("sub", json!(7), "sub"),
        ("sub", Value::Null, "sub"),
        ("scope", json!("chats:read,events"), "scope"),
        ("scope", json!(["events"]), "scope"),
        ("scope", json!("chats:read chats:count"), "scope"),
        ("chats", json!([]), "chats"),
        ("chats", json!(null), "chats"),
        ("chats", json!("any;-;a@example.com"), "chats"),
        ("chats", json!(["alice@example.com"]), "chats"),
        ("chats", json!([CHAT, 5]), "chats[1]"),
        ("ttlSeconds", json!(0), "ttlSeconds"),
        ("ttlSeconds", json!(-1), "ttlSeconds"),
        ("ttlSeconds", json!(1.5), "ttlSeconds"),
        ("ttlSeconds", json!(86_401), "ttlSeconds"),
        ("ttlSeconds", json!("600"), "ttlSeconds"),
        ("chat", json!([CHAT]), "chat"),
        ("aud", json!("other"), "aud"),
    ] {
        let mut wish = wish();
        wish[name] = value;
        gateway.post("/v1/tokens", &wish).refuses(field);
    }
    for (absent, rest) in [("sub", json!({ "scope": "events", "ttlSeconds": 1 })), ("sub", json!({}))] {
        gateway.post("/v1/tokens", &rest).refuses(absent);
    }
    gateway.post("/v1/tokens", &json!([])).refuses("body");
    let lasting = json!({ "sub": "a", "scope": "chats:create", "ttlSeconds": 86_400.0 });
    gateway.post("/v1/tokens", &lasting).ok();
}

#[test]
fn only_the_operator_makes_tokens_and_each_attempt_is_in_the_audit_log() {
    let gateway = Gateway::start_logged(&["--log-format", "json"], &[]);
    create(&gateway);
    let token = mint(&gateway);
    mint_with(&gateway, &token, &wish()).failure(403, "permission_denied", "unauthorized");
    mint_with(&gateway, "wrong", &wish()).failure(401, "unauthenticated", "unauthenticated");
    gateway.post("/v1/tokens", &json!({ "sub": "alice@example.com" })).refuses("scope");
    let log = gateway.stop();
    let lines: Vec<Value> = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|line| line["target"] == "audit")
        .map(|line| line["fields"].clone())
        .collect();
    let routes: Vec<_> = lines.iter().map(|line| line["route"].as_str().unwrap()).collect();
    assert_eq!(routes, ["/v1/chats", "/v1/tokens", "/v1/tokens", "/v1/tokens"], "every write, whatever the route");
    let codes: Vec<_> = lines.iter().map(|line| line["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["ok", "ok", "unauthorized", "invalidArgument"]);
    let (header, claims) = claims_of(&token);
    assert_eq!((&lines[2]["kid"], &lines[2]["jti"]), (&header["kid"], &claims["jti"]));
    // printf %s alice | sha256sum | cut -c1-16
    assert_eq!(lines[2]["sub"], "2bd806c97f0e00af");
    assert_eq!(lines[1]["sub"], "");
    assert!(lines.iter().all(|line| line["request_id"].as_str().is_some_and(|id| !id.is_empty())));
    assert!(!log.contains(&token) && !log.contains(TOKEN), "a token is in the log");
}

/// The operator's tokens in files: a new one beside the old one, then without it.
#[test]
fn the_operators_token_is_rotated_without_a_restart() {
    let directory = TempDir::new().unwrap();
    let (old, new) = (directory.path().join("old"), directory.path().join("new"));
    std::fs::write(&old, "first\n").unwrap();
    std::fs::write(&new, "second\n").unwrap();
    let gateway = with_files(&[&old, &new], &[]);
    let works = |token: &str| mint_with(&gateway, token, &wish()).status == 200;
    assert!(works("first") && works("second") && !works(TOKEN));
    std::fs::write(&old, "third\n").unwrap();
    eventually("the new one is good", || works("third"));
    assert!(!works("first") && works("second"));
    // Away, or broken: as it was.
    std::fs::remove_file(&new).unwrap();
    std::fs::write(&old, "fourth\n").unwrap();
    eventually("the next one is good", || works("fourth"));
    assert!(works("second"));
}

fn with_files(files: &[&Path], arguments: &[&str]) -> Gateway {
    let data = Arc::new(TempDir::new().unwrap());
    let mut command = command(data.path());
    command.env_remove("IM_CHATS_TOKEN").args(arguments);
    files.iter().for_each(|file| {
        command.arg("--token-file").arg(file);
    });
    Gateway::of(Process::start(&mut command).unwrap(), data)
}

#[test]
fn a_withdrawn_token_is_refused() {
    let directory = TempDir::new().unwrap();
    let deny = directory.path().join("deny");
    std::fs::write(&deny, "# nobody\n").unwrap();
    let key = format!("2026=EdDSA:{}", keys("ed.pem"));
    let gateway = Gateway::start_with(&["--token-deny", deny.to_str().unwrap(), "--token-key", &key]);
    create(&gateway);
    let (first, second) = (mint(&gateway), mint(&gateway));
    assert_eq!(claims_of(&first).0, json!({ "alg": "EdDSA", "typ": "im+jwt", "kid": "2026" }));
    get(&gateway, &first).ok();
    std::fs::write(&deny, json!({ "jti": claims_of(&first).1["jti"] }).to_string()).unwrap();
    eventually("the first is withdrawn", || get(&gateway, &first).status == 403);
    get(&gateway, &first).failure(403, "permission_denied", "tokenBlocked");
    get(&gateway, &second).ok();
    std::fs::write(&deny, json!({ "sub": "alice", "issuedBefore": "2099-01-01T00:00:00Z" }).to_string()).unwrap();
    eventually("all of them are withdrawn", || get(&gateway, &second).status == 403);
    gateway.post("/v1/tokens", &wish()).ok();
    assert!(!gateway.data.path().join("token.key").exists(), "there is a key that signs");
}

#[test]
fn a_megabyte_of_token_is_refused_and_the_gateway_goes_on() {
    let gateway = Gateway::start();
    let good = mint(&gateway);
    let long = format!("{}.{}", good.rsplit_once('.').unwrap().0, "x".repeat(1 << 20));
    let mut stream = gateway.connect();
    let request =
        format!("GET /v1/chats:count HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {long}\r\n\r\n", gateway.address());
    // It may answer, and close, before all is sent.
    let _ = stream.write_all(request.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let status = String::from_utf8_lossy(&answer).split(' ').nth(1).map(str::to_owned);
    assert!(status.as_deref().is_none_or(|status| status.starts_with('4')), "{status:?}");
    // What fits into a head, and not into a token.
    let long = format!("{}.{}", good.rsplit_once('.').unwrap().0, "x".repeat(8192));
    get(&gateway, &long).failure(401, "unauthenticated", "unauthenticated");
    create(&gateway);
    get(&gateway, &good).ok();
}

/// An identity provider: gives its answers to whoever asks, when the test says so.
struct Provider {
    address: String,
    answers: mpsc::Sender<(u16, Value)>,
    asked: mpsc::Receiver<()>,
}

fn provider(tls: Option<Arc<rustls::ServerConfig>>) -> Provider {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (answers, given) = mpsc::channel::<(u16, Value)>();
    let (asks, asked) = mpsc::channel();
    let scheme = if tls.is_some() { "https" } else { "http" };
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            let answered = match &tls {
                None => exchange(stream, &asks, &given),
                Some(config) => {
                    let connection = rustls::ServerConnection::new(Arc::clone(config)).unwrap();
                    exchange(rustls::StreamOwned::new(connection, stream), &asks, &given)
                }
            };
            if answered.is_none() {
                return;
            }
        }
    });
    Provider { address: format!("{scheme}://localhost:{port}/keys"), answers, asked }
}

/// Nothing when the test is over.
fn exchange(
    mut stream: impl std::io::Read + std::io::Write,
    asks: &mpsc::Sender<()>,
    given: &mpsc::Receiver<(u16, Value)>,
) -> Option<()> {
    let mut head = [0; 4096];
    // Whoever does not trust us says nothing.
    if stream.read(&mut head).is_ok_and(|length| length > 0) {
        asks.send(()).ok()?;
        let (status, body) = given.recv().ok()?;
        let body = body.to_string();
        let length = body.len();
        let _ = write!(stream, "HTTP/1.1 {status} x\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
        let _ = stream.flush();
    }
    Some(())
}

/// A key of theirs, and its public half.
fn their_key(kid: &str) -> (ring::signature::Ed25519KeyPair, Value) {
    let pkcs8 = ring::signature::Ed25519KeyPair::generate_pkcs8(&ring::rand::SystemRandom::new()).unwrap();
    let pair = ring::signature::Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
    let x = URL_SAFE_NO_PAD.encode(pair.public_key());
    (pair, json!({ "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": kid, "x": x }))
}

fn signed(pair: &ring::signature::Ed25519KeyPair, kid: &str) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let encode = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = encode(json!({ "alg": "EdDSA", "typ": "im+jwt", "kid": kid }));
    let claims = encode(json!({ "sub": "u", "aud": "im-chats", "iat": now, "exp": now + 60, "scope": "chats:read" }));
    let message = format!("{header}.{claims}");
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(pair.sign(message.as_bytes())))
}

#[test]
fn keys_from_an_address_are_waited_for_and_nobody_else_waits() {
    let provider = provider(None);
    let (pair, public) = their_key("theirs");
    // It starts, and serves, while the provider says nothing.
    let gateway = Gateway::start_with(&["--token-jwks", &provider.address]);
    create(&gateway);
    provider.asked.recv_timeout(PATIENCE).unwrap();
    let token = signed(&pair, "theirs");
    let failure = get(&gateway, &token);
    assert_eq!(failure.header("retry-after"), Some("1"));
    let failure = failure.failure(503, "unavailable", "serviceUnavailable");
    assert_eq!((&failure["retryable"], &failure["retryAfterMs"]), (&json!(true), &json!(1000)));
    get(&gateway, TOKEN).ok();
    get(&gateway, &mint(&gateway)).ok();
    // A failure, and a page that is no set: it asks again by itself.
    for answer in [(500, json!({})), (200, json!({ "keys": [] })), (200, json!("<html>"))] {
        provider.answers.send(answer).unwrap();
        provider.asked.recv_timeout(PATIENCE).unwrap();
        get(&gateway, &token).failure(503, "unavailable", "serviceUnavailable");
    }
    provider.answers.send((200, json!({ "keys": [public] }))).unwrap();
    eventually("the key is there", || get(&gateway, &token).status == 200);
    get(&gateway, &signed(&pair, "../../theirs")).failure(401, "unauthenticated", "unauthenticated");
    let (other, _) = their_key("theirs");
    get(&gateway, &signed(&other, "theirs")).failure(401, "unauthenticated", "unauthenticated");
}

#[test]
fn an_https_address_must_be_one_that_the_system_trusts() {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let directory = TempDir::new().unwrap();
    let authority = directory.path().join("authority.pem");
    std::fs::write(&authority, certified.cert.pem()).unwrap();
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let provider = provider(Some(Arc::new(config)));
    let (pair, public) = their_key("theirs");
    let authority = authority.to_str().unwrap();
    let trusting = Gateway::start_logged(&["--token-jwks", &provider.address], &[("SSL_CERT_FILE", authority)]);
    create(&trusting);
    provider.asked.recv_timeout(PATIENCE).unwrap();
    provider.answers.send((200, json!({ "keys": [public] }))).unwrap();
    eventually("the key is there", || get(&trusting, &signed(&pair, "theirs")).status == 200);
    drop(trusting);

    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let authority = directory.path().join("other.pem");
    std::fs::write(&authority, other.cert.pem()).unwrap();
    let environment = [("SSL_CERT_FILE", authority.to_str().unwrap())];
    let wary = Gateway::start_logged(&["--token-jwks", &provider.address], &environment);
    eventually("it says so", || wary.log().contains("cannot be had"));
    get(&wary, &signed(&pair, "theirs")).failure(503, "unavailable", "serviceUnavailable");
    assert!(provider.asked.try_recv().is_err(), "it asked somebody whom it does not trust");
}

/// One option each, and what the start says of it.
#[test]
fn an_option_that_cannot_be_used_stops_the_start_and_is_named() {
    let directory = TempDir::new().unwrap();
    let path = |name: &str, content: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    let (short, list, set) = (path("short", "secret"), path("list", "nonsense"), path("set", r#"{"keys":[]}"#));
    for (option, value, says) in [
        ("--token-key", format!("a=HS256:{short}"), vec!["--token-key", "a=HS256", short.as_str(), "32 bytes"]),
        ("--token-key", format!("a=RS256:{}", keys("rsa1024.pub.pem")), vec!["--token-key", "a=RS256", "2048"]),
        ("--token-key", "a=none:x".to_owned(), vec!["--token-key", "HS256, EdDSA, ES256, RS256"]),
        ("--token-deny", list.clone(), vec!["--token-deny", list.as_str(), "line 1"]),
        ("--token-jwks", set.clone(), vec!["--token-jwks", set.as_str(), "no key"]),
        ("--token-jwks", "http://id.example/keys".to_owned(), vec!["--token-jwks", "https"]),
        ("--token-file", directory.path().join("absent").display().to_string(), vec!["--token-file", "absent"]),
    ] {
        let data = TempDir::new().unwrap();
        let output = command(data.path()).args(["--token", TOKEN, option, &value]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && says.iter().all(|words| said.contains(words)), "{option} {value}: {said}");
    }
}
