//! The emulator on a desk: TLS by an authority of its own, and the cloud of spectrum-ts.

#![cfg(test)]

mod support;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use im_chats_gateway::service::proto::GetChatCountRequest;
use im_chats_gateway::service::proto::chat_service_client::ChatServiceClient;
use im_chats_launcher::Process;
use serde_json::{Value, json};
use support::server::{Server, TIMEOUT, TOKEN};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};

const PROJECT: &str = "desk:0123456789abcdef";

/// The file that the line on stderr names.
fn trusted(server: &Server) -> PathBuf {
    let said = server.said();
    let line = said.lines().find_map(|line| line.split_once("NODE_EXTRA_CA_CERTS="));
    line.unwrap_or_else(|| panic!("no line about trust: {said}")).1.into()
}

async fn connect(server: &Server, authority: &Path, name: &str, protocol: &str) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let stream = TcpStream::connect(&server.address).await?;
    let name = ServerName::try_from(name.to_owned()).unwrap();
    timeout(TIMEOUT, TlsConnector::from(Arc::new(config)).connect(name, stream)).await.expect("a handshake in time")
}

#[tokio::test]
async fn a_program_that_trusts_the_authority_is_served_under_each_name_and_after_a_restart() {
    let dir = TempDir::new().unwrap();
    let flags = ["--tls-self-signed", "--allow-host", "desk.example"];
    let server = Server::logged(&dir.path().join("data"), &flags);
    let authority = trusted(&server);
    assert_eq!(authority, std::path::absolute(dir.path().join("data/tls/authority.pem")).unwrap());
    let before = std::fs::read(&authority).unwrap();
    for name in ["localhost", "127.0.0.1", "::1", "desk.example"] {
        for protocol in ["h2", "http/1.1"] {
            let stream = connect(&server, &authority, name, protocol).await.unwrap();
            assert_eq!(stream.get_ref().1.alpn_protocol(), Some(protocol.as_bytes()), "{name}");
        }
    }
    assert!(connect(&server, &authority, "other.example", "h2").await.is_err());
    let mut stream = connect(&server, &authority, "localhost", "http/1.1").await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    timeout(TIMEOUT, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    drop(server);

    let server = Server::logged(&dir.path().join("data"), &flags);
    assert_eq!(std::fs::read(trusted(&server)).unwrap(), before);
    connect(&server, &authority, "desk.example", "h2").await.unwrap();
}

/// Node refuses what OpenSSL refuses: an authority with limits that it does not understand, or a name beyond them.
#[test]
fn node_takes_the_line_as_it_is_printed() {
    let dir = TempDir::new().unwrap();
    let server = Server::logged(&dir.path().join("it's a desk"), &["--tls-self-signed"]);
    let said = server.said();
    let line = said.lines().find(|line| line.contains("NODE_EXTRA_CA_CERTS")).unwrap();
    let (_, variable) = line.split_once(": ").unwrap();
    let port = server.address.rsplit_once(':').unwrap().1;
    let program = format!(
        "for (const host of ['localhost', '127.0.0.1']) console.log((await fetch(`https://${{host}}:{port}/healthz`)).status);"
    );
    let run = |variable: &str| {
        let script = format!("{variable} exec node --input-type=module --eval \"$PROGRAM\"");
        Command::new("sh").args(["-c", &script]).env("PROGRAM", &program).output().unwrap()
    };
    let trusting = run(variable);
    assert_eq!(String::from_utf8_lossy(&trusting.stdout), "200\n200\n", "{}", String::from_utf8_lossy(&trusting.stderr));
    let wary = String::from_utf8(run("NODE_EXTRA_CA_CERTS=").stderr).unwrap();
    assert!(wary.contains("SELF_SIGNED") || wary.contains("UNABLE_TO"), "{wary}");
}

/// What a gateway says that does not start.
fn refusal(mode: &str, data: &Path, flags: &[&str]) -> String {
    let mut command = im_chats_launcher::gateway(env!("CARGO_BIN_EXE_im-chats-gateway"), mode, data);
    Process::start_logged(command.args(["--token", TOKEN]).args(flags)).expect_err("it does not start").to_string()
}

#[test]
fn what_cannot_work_is_said_at_the_start() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    drop(Server::start(&data, &["--tls-self-signed"]));
    let key = data.join("tls/authority-key.pem");
    std::fs::write(&key, "damaged").unwrap();
    let key = key.to_str().unwrap();
    let cases: [(&str, &[&str], &str); 7] = [
        ("emulator", &["--tls-self-signed"], key),
        ("emulator", &["--tls-self-signed", "--tls-cert", "a", "--tls-key", "b"], "cannot be used with"),
        ("relay", &["--tls-self-signed"], "--tls-self-signed"),
        ("relay", &["--spectrum-project", PROJECT], "--spectrum-project"),
        ("emulator", &["--spectrum-project", "desk:0123456789abcde"], "16 to 256"),
        ("emulator", &["--spectrum-project", "desk"], "ID:SECRET"),
        ("emulator", &["--tls-self-signed", "--allow-host", "a..b"], "\"a..b\" cannot be a name"),
    ];
    for (mode, flags, words) in cases {
        let said = refusal(mode, &data, flags);
        assert!(said.contains(words), "{flags:?}: {said}");
        assert!(!said.contains("0123456789abcde"), "{flags:?}: {said}");
    }
}

/// Asks as the program with spectrum-ts does: status and body.
fn ask(server: &Server, credentials: Option<&str>, method: &str, path: &str) -> (u16, Value) {
    let basic = credentials.map(|credentials| format!("Basic {}", STANDARD.encode(credentials)));
    let headers: Vec<_> = basic.iter().map(|basic| (AUTHORIZATION.as_str(), basic.as_str())).collect();
    support::server::ask(&server.address, &headers, method, path, None)
}

#[test]
fn who_knows_the_secret_gets_the_project_and_a_token_for_a_day() {
    let (server, _data) = support::server::fresh(&["--spectrum-project", PROJECT]);
    let described = json!({ "id": "desk", "name": "desk", "slug": "desk", "profile": {} });
    assert_eq!(ask(&server, Some(PROJECT), "GET", "/projects/desk/"), (200, json!({ "succeed": true, "data": described })));

    let (status, answer) = ask(&server, Some(PROJECT), "POST", "/projects/desk/imessage/tokens");
    assert_eq!((status, &answer["succeed"]), (200, &json!(true)), "{answer}");
    assert_eq!((&answer["data"]["type"], &answer["data"]["expiresIn"]), (&json!("shared"), &json!(86_400)));
    let token = answer["data"]["token"].as_str().unwrap();
    let as_program = |method, path, body: Option<Value>| server.request_as(Some(token), &[], method, path, body.as_ref());
    let (status, body) = as_program("POST", "/v1/chats", Some(json!({ "addresses": ["alice@example.com"] })));
    assert_eq!(status, 200, "{body}");
    // What is the operator's stays the operator's.
    for path in ["/emulator/v1/chats", "/metrics"] {
        assert_eq!(as_program("GET", path, None).0, 403, "{path}");
    }
    let wish = json!({ "sub": "x", "scope": "events", "ttlSeconds": 60 });
    assert_eq!(as_program("POST", "/v1/tokens", Some(wish)).0, 403);
    assert_ne!(ask(&server, Some(PROJECT), "POST", "/projects/desk/imessage/tokens").1["data"]["token"], token);
}

#[test]
fn who_does_not_know_the_secret_gets_nothing() {
    let (server, _data) = support::server::fresh(&["--spectrum-project", PROJECT]);
    for (method, path) in [("GET", "/projects/desk/"), ("POST", "/projects/desk/imessage/tokens"), ("GET", "/projects/other/")]
    {
        let wrong = [None, Some("desk:0123456789abcdeX"), Some("desk:"), Some("desk:0123456789abcdef "), Some(TOKEN)];
        for credentials in wrong {
            let (status, body) = ask(&server, credentials, method, path);
            assert_eq!((status, &body["errorCode"]), (401, &json!("unauthenticated")), "{credentials:?}: {body}");
            // What spectrum-ts shows.
            assert!(body["code"].is_string() && body["message"].is_string(), "{body}");
        }
        let (status, _) = server.request(method, path, None);
        assert_eq!(status, 401, "the operator's token is not the project's secret");
    }
    for (method, path) in [("GET", "/projects/other/"), ("POST", "/projects/other/imessage/tokens")] {
        let (status, body) = ask(&server, Some(PROJECT), method, path);
        assert_eq!((status, &body["context"]["field"]), (404, &json!("projectId")), "{body}");
    }
    let answer =
        ureq::get(format!("http://{}/projects/desk/", server.address)).config().http_status_as_error(false).build().call();
    assert_eq!(answer.unwrap().headers()["www-authenticate"], "Basic realm=\"spectrum\"");

    let (without, _data) = support::server::fresh(&[]);
    assert_eq!(ask(&without, Some(PROJECT), "GET", "/projects/desk/").0, 404);
    assert_eq!(ask(&without, Some(PROJECT), "POST", "/projects/desk/imessage/tokens").0, 404);
}

/// Both together, and nothing but what the two lines on stderr say.
#[tokio::test(flavor = "multi_thread")]
async fn the_printed_variables_lead_a_program_to_the_emulator() {
    let data = TempDir::new().unwrap();
    let server = Server::logged(data.path(), &["--tls-self-signed", "--spectrum-project", PROJECT]);
    let said = server.said();
    let variables: HashMap<_, _> = said.split_whitespace().filter_map(|word| word.split_once('=')).collect();
    let place = format!("localhost:{}", server.address.rsplit_once(':').unwrap().1);
    assert_eq!(variables["SPECTRUM_CLOUD_URL"], format!("https://{place}"));
    assert_eq!(variables["SPECTRUM_IMESSAGE_ADDRESS"], place);
    assert_eq!(variables["SPECTRUM_PROJECT_ID"], "desk");
    assert!(!said.contains("0123456789abcdef"), "{said}");

    let authority = trusted(&server);
    let mut stream = connect(&server, &authority, "localhost", "http/1.1").await.unwrap();
    let request = format!(
        "POST /projects/desk/imessage/tokens HTTP/1.1\r\nhost: {}\r\nauthorization: Basic {}\r\ncontent-length: 0\r\n\
         connection: close\r\n\r\n",
        server.address,
        STANDARD.encode(PROJECT)
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(TIMEOUT, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    let answer: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();

    let trust = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(std::fs::read(authority).unwrap()));
    let endpoint = Endpoint::from_shared(format!("https://{place}")).unwrap();
    let channel = timeout(TIMEOUT, endpoint.tls_config(trust).unwrap().connect()).await.unwrap().unwrap();
    let mut request = tonic::Request::new(GetChatCountRequest::default());
    let bearer = format!("Bearer {}", answer["data"]["token"].as_str().unwrap());
    request.metadata_mut().insert("authorization", bearer.parse().unwrap());
    ChatServiceClient::new(channel).get_chat_count(request).await.unwrap();
}
