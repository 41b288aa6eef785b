//! The real binary behind TLS.

#![cfg(test)]

mod support;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use support::grpc::{Raw, framed};
use support::server::{Server, TIMEOUT};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

struct Identity {
    certificate: String,
    key: String,
}

fn identity() -> Identity {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    Identity { certificate: made.cert.pem(), key: made.signing_key.serialize_pem() }
}

fn put(dir: &Path, identity: &Identity) {
    std::fs::write(dir.join("cert.pem"), &identity.certificate).unwrap();
    std::fs::write(dir.join("key.pem"), &identity.key).unwrap();
}

fn start(dir: &TempDir) -> Server {
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    Server::start(&dir.path().join("data"), &["--tls-cert", &path("cert.pem"), "--tls-key", &path("key.pem")])
}

async fn connect(server: &Server, trusted: &Identity, protocol: &str) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(trusted.certificate.as_bytes()).unwrap()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let stream = TcpStream::connect(&server.address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    timeout(TIMEOUT, TlsConnector::from(Arc::new(config)).connect(name, stream)).await.expect("a handshake in time")
}

async fn get(stream: &mut TlsStream<TcpStream>) -> String {
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"ok\n") {
        let mut chunk = [0; 1024];
        let read = timeout(TIMEOUT, stream.read(&mut chunk)).await.expect("an answer in time").unwrap();
        assert_ne!(read, 0, "{:?}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&chunk[..read]);
    }
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn both_versions_of_http_are_agreed_on() {
    let dir = TempDir::new().unwrap();
    let identity = identity();
    put(dir.path(), &identity);
    let server = start(&dir);
    let mut stream = connect(&server, &identity, "http/1.1").await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    assert!(get(&mut stream).await.starts_with("HTTP/1.1 200"));

    let stream = connect(&server, &identity, "h2").await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let raw = Raw::over(stream, "localhost").await;
    let answer = raw.call("/photon.imessage.v1.ChatService/GetChatCount", &[], framed(b"")).await;
    assert_eq!((answer.said("grpc-status"), answer.body.len()), ("0", 5));

    // The event stream, which is an upgrade of HTTP/1.1.
    let stream = connect(&server, &identity, "http/1.1").await.unwrap();
    let mut request =
        tokio_tungstenite::tungstenite::client::IntoClientRequest::into_client_request("wss://localhost/v1/events").unwrap();
    request.headers_mut().insert("sec-websocket-protocol", "im.events.v1.json".parse().unwrap());
    let (_, response) = timeout(TIMEOUT, tokio_tungstenite::client_async(request, stream)).await.unwrap().unwrap();
    assert_eq!(response.status(), 101);
}

#[tokio::test]
async fn a_renewed_certificate_is_served_and_open_connections_go_on() {
    let dir = TempDir::new().unwrap();
    let (old, new) = (identity(), identity());
    put(dir.path(), &old);
    let server = start(&dir);
    let mut before = connect(&server, &old, "http/1.1").await.unwrap();
    assert!(connect(&server, &new, "http/1.1").await.is_err());
    // Half of a renewal does not fit, and changes nothing.
    std::fs::write(dir.path().join("cert.pem"), &new.certificate).unwrap();
    connect(&server, &old, "http/1.1").await.unwrap();
    put(dir.path(), &new);
    let renewed = async {
        loop {
            if let Ok(stream) = connect(&server, &new, "http/1.1").await {
                return stream;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let mut after = timeout(TIMEOUT, renewed).await.expect("the new certificate is served");
    assert!(connect(&server, &old, "http/1.1").await.is_err());
    assert!(get(&mut before).await.starts_with("HTTP/1.1 200"));
    assert!(get(&mut after).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn what_cannot_work_is_said_at_the_start() {
    let dir = TempDir::new().unwrap();
    let (one, other) = (identity(), identity());
    put(dir.path(), &one);
    let write = |name: &str, text: &str| {
        std::fs::write(dir.path().join(name), text).unwrap();
        dir.path().join(name).to_str().unwrap().to_owned()
    };
    let other_key = write("other.pem", &other.key);
    let empty = write("empty.pem", "");
    let (certificate, key) = (write("cert.pem", &one.certificate), write("key.pem", &one.key));
    let cases: [(&[&str], &str); 6] = [
        (&["--tls-cert", &certificate], "--tls-key"),
        (&["--tls-key", &key], "--tls-cert"),
        (&["--tls-cert", "/nowhere/cert.pem", "--tls-key", &key], "cannot read /nowhere/cert.pem"),
        (&["--tls-cert", &certificate, "--tls-key", &other_key], "does not belong to the certificate"),
        (&["--tls-cert", &empty, "--tls-key", &key], "does not hold a certificate"),
        (&["--tls-cert", &certificate, "--tls-key", &certificate], "does not hold a private key"),
    ];
    for (flags, words) in cases {
        let output = Command::new(env!("CARGO_BIN_EXE_im-chats-gateway"))
            .args(["emulator", "--listen", "127.0.0.1:0", "--token", "secret", "--data"])
            .arg(dir.path().join("data"))
            .args(flags)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && output.stdout.is_empty(), "{flags:?}");
        assert!(said.contains(words), "{flags:?}: {said}");
    }
}

#[tokio::test]
async fn plain_http_on_the_port_of_tls_is_let_go() {
    let dir = TempDir::new().unwrap();
    let identity = identity();
    put(dir.path(), &identity);
    let server = start(&dir);
    let mut stream = TcpStream::connect(&server.address).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = timeout(TIMEOUT, stream.read_to_end(&mut answer)).await.expect("the server hangs up");
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    get(&mut connect(&server, &identity, "http/1.1").await.unwrap()).await;
}

/// Waits until the relay has tried; gives the status and body of its /healthz.
async fn tried(relay: &Server) -> (u16, serde_json::Value) {
    let end = Instant::now() + TIMEOUT;
    loop {
        let (status, body) = relay.request("GET", "/healthz", None);
        if body["reason"] != "the upstream has not been reached yet" {
            return (status, body);
        }
        assert!(Instant::now() < end, "the relay has not tried");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_talks_tls_to_an_upstream_that_it_can_trust_and_to_no_other() {
    let dir = TempDir::new().unwrap();
    put(dir.path(), &identity());
    let upstream = start(&dir);
    let address = format!("https://{}", upstream.address);
    let authority = dir.path().join("cert.pem");
    let (trusting, wary) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let relay = Server::relay(trusting.path(), &address, &["--upstream-ca", authority.to_str().unwrap()]);
    assert_eq!(tried(&relay).await.0, 200, "{}", relay.said());
    assert_eq!(relay.create("alice@example.com"), "any;-;alice@example.com");

    let wary = Server::relay(wary.path(), &address, &[]);
    let (status, health) = tried(&wary).await;
    assert_eq!((status, &health["code"]), (503, &"serviceUnavailable".into()), "{health}");
    assert!(health["reason"].as_str().unwrap().to_lowercase().contains("certificate"), "{health}");
    let (status, body) = wary.request("GET", "/v1/chats:count", None);
    assert_eq!((status, &body["errorCode"], &body["retryable"]), (503, &"serviceUnavailable".into(), &true.into()), "{body}");
}
