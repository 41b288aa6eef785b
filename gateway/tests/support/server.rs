//! The real binary with data of its own, and an async client that speaks frames.
//!
//! For tests of the live events, of gRPC, of TLS, of storage and of a relay. A test that only makes REST calls, one after the
//! other, or looks at the command line takes `binary`, which blocks.

use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use im_chats_launcher::Process;
pub use im_chats_launcher::TOKEN;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// A wait that is never used up when things work, and never for ever when they do not.
pub const TIMEOUT: Duration = Duration::from_secs(20);

/// A running gateway. Killed when dropped.
pub struct Server {
    process: Process,
    pub address: String,
}

const BINARY: &str = env!("CARGO_BIN_EXE_im-chats-gateway");

impl Server {
    /// On a data directory, with flags beside the necessary ones.
    pub fn start(data: &Path, flags: &[&str]) -> Self {
        let mut command = im_chats_launcher::gateway(BINARY, "emulator", data);
        Self::of(Process::start(command.args(["--token", TOKEN]).args(flags)).expect("the gateway starts"))
    }

    /// As [`Server::start`], with what it writes on stderr kept.
    pub fn logged(data: &Path, flags: &[&str]) -> Self {
        Self::try_start(data, flags).expect("the gateway starts")
    }

    /// As [`Server::logged`]; what it wrote on stderr, when it does not start.
    pub fn try_start(data: &Path, flags: &[&str]) -> Result<Self, String> {
        Self::run(im_chats_launcher::gateway(BINARY, "emulator", data), flags)
    }

    /// As [`Server::logged`], after these commands of the shell, such as `ulimit`.
    pub fn limited(commands: &str, data: &Path) -> Self {
        let command = im_chats_launcher::gateway_in_shell(commands, BINARY, "emulator", data);
        Self::run(command, &[]).expect("the gateway starts")
    }

    /// A relay in front of `upstream`, with the token that the others have, unless the flags say otherwise.
    pub fn relay(data: &Path, upstream: &str, flags: &[&str]) -> Self {
        let token: &[&str] = if flags.contains(&"--upstream-token-file") { &[] } else { &["--upstream-token", TOKEN] };
        let command = im_chats_launcher::gateway(BINARY, "relay", data);
        Self::run(command, &[&["--upstream", upstream], token, flags].concat()).expect("the gateway starts")
    }

    fn run(mut command: Command, flags: &[&str]) -> Result<Self, String> {
        let process = Process::start_logged(command.args(["--token", TOKEN]).args(flags));
        process.map(Self::of).map_err(|error| error.to_string())
    }

    fn of(process: Process) -> Self {
        Self { address: process.address().to_owned(), process }
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.process.child.id()
    }

    /// What a relay, or a logged emulator, wrote on stderr until now.
    pub fn said(&self) -> String {
        self.process.log()
    }

    /// Any request with the operator's token: status and body.
    pub fn request(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        self.request_as(Some(TOKEN), &[], method, path, body)
    }

    /// Any request with this token, or without one, and with these headers: status and body.
    pub fn request_as(
        &self,
        token: Option<&str>,
        headers: &[(&str, &str)],
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> (u16, Value) {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let own = bearer.as_ref().map(|bearer| ("authorization", bearer.as_str()));
        let headers = [own, Some(("content-type", "application/json"))].into_iter().flatten().chain(headers.iter().copied());
        ask(&self.address, &headers.collect::<Vec<_>>(), method, path, body)
    }

    /// As the rest of the world: a POST that must succeed.
    pub fn post(&self, path: &str, body: &Value) -> Value {
        let mut answer = ureq::post(format!("http://{}{path}", self.address))
            .header("authorization", &format!("Bearer {TOKEN}"))
            .config()
            .timeout_global(Some(TIMEOUT))
            .http_status_as_error(false)
            .build()
            .send_json(body)
            .expect("an answer");
        let text = answer.body_mut().read_to_string().expect("a body");
        assert!(answer.status().is_success(), "{path}: {text}");
        serde_json::from_str(&text).expect("JSON")
    }

    pub fn create(&self, address: &str) -> String {
        self.post("/v1/chats", &json!({ "addresses": [address] }))["chat"]["guid"].as_str().expect("a guid").to_owned()
    }

    /// `count` chat events in these chats; gives the last sequence.
    pub fn generate(&self, count: u64, chats: &[&str]) -> u64 {
        self.post("/emulator/v1/events:generate", &json!({ "count": count, "chatGuids": chats }))["last"]
            .as_u64()
            .expect("a sequence")
    }

    /// The one event that brings a chat from one state of the archive to the other.
    pub fn act(&self, kind: &str, chat: &str) {
        match kind {
            "chat.archived" => self.post("/emulator/v1/chats:archive", &json!({ "chatGuid": chat })),
            "chat.unarchived" => self.post("/emulator/v1/chats:unarchive", &json!({ "chatGuid": chat })),
            "message.received" => self.post(
                "/emulator/v1/messages:receive",
                &json!({ "chatGuid": chat, "from": "bob@example.com", "text": "hello" }),
            ),
            other => panic!("no way to make {other}"),
        };
    }

    pub fn terminate(&self) {
        self.process.terminate().expect("it runs");
    }

    /// Waits for the end of the process, and of what it said.
    pub async fn exit(&mut self) -> ExitStatus {
        let end = tokio::time::Instant::now() + TIMEOUT;
        loop {
            if self.process.child.try_wait().expect("the process can be waited for").is_some() {
                return self.process.wait().expect("the process can be waited for");
            }
            assert!(tokio::time::Instant::now() < end, "the process does not end");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.process.kill().expect("it runs");
    }

    /// Memory in use, in KiB.
    pub fn resident_kib(&self) -> u64 {
        self.process.resident_kib().expect("/proc")
    }

    /// Counts the peak from now on.
    pub fn reset_peak(&self) {
        self.process.reset_peak().expect("/proc");
    }

    /// The most memory that was in use since [`Server::reset_peak`], in KiB.
    pub fn peak_kib(&self) -> u64 {
        self.process.peak_kib().expect("/proc")
    }

    /// Processor time used until now, user's and system's.
    pub fn cpu_time(&self) -> Duration {
        self.process.cpu_time().expect("/proc")
    }
}

/// Any request: status and body, which is a text where it is no JSON.
pub fn ask(address: &str, headers: &[(&str, &str)], method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
    let request = ureq::http::Request::builder().method(method).uri(format!("http://{address}{path}"));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let request = request.body(body.map(Value::to_string).unwrap_or_default()).expect("a request");
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .timeout_global(Some(TIMEOUT))
        .build()
        .into();
    let mut answer = agent.run(request).expect("an answer");
    let bytes = answer.body_mut().read_to_vec().expect("a body");
    // An image as text that tells it from every other.
    let text = || String::from_utf8(bytes.clone()).unwrap_or_else(|_| format!("{bytes:x?}"));
    (answer.status().as_u16(), serde_json::from_slice(&bytes).unwrap_or_else(|_| Value::String(text())))
}

/// A gateway with an empty data directory of its own.
pub fn fresh(flags: &[&str]) -> (Server, TempDir) {
    let data = TempDir::new().expect("a directory");
    (Server::start(data.path(), flags), data)
}

/// A client's socket.
pub struct Socket(pub WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// Opened with whatever subprotocol and header; gives the subprotocol the server chose, too.
    pub async fn open(
        server: &Server,
        subprotocol: Option<&str>,
        token: Option<&str>,
    ) -> Result<(Self, Option<String>), tungstenite::Error> {
        let mut request = format!("ws://{}/v1/events", server.address).into_client_request()?;
        let headers = request.headers_mut();
        if let Some(subprotocol) = subprotocol {
            headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_str(subprotocol)?);
        }
        if let Some(token) = token {
            headers.insert(AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {token}"))?);
        }
        let (socket, response) = timeout(TIMEOUT, tokio_tungstenite::connect_async(request)).await.expect("an answer")?;
        let chosen = response.headers().get(SEC_WEBSOCKET_PROTOCOL).map(|value| value.to_str().expect("text").to_owned());
        Ok((Self(socket), chosen))
    }

    pub async fn connect(server: &Server) -> Self {
        Self::open(server, Some("im.events.v1.json"), None).await.expect("a socket").0
    }

    /// Past `ready`, which is given, too.
    pub async fn ready(server: &Server) -> (Self, Value) {
        let mut socket = Self::connect(server).await;
        socket.say(&json!({ "type": "init", "token": TOKEN })).await;
        let ready = socket.next().await;
        assert_eq!(ready["type"], "ready", "{ready}");
        (socket, ready)
    }

    pub async fn say(&mut self, frame: &Value) {
        self.send(Message::text(frame.to_string())).await;
    }

    pub async fn send(&mut self, message: Message) {
        timeout(TIMEOUT, self.0.send(message)).await.expect("the server reads").expect("the socket is open");
    }

    async fn message(&mut self) -> Option<Result<Message, tungstenite::Error>> {
        loop {
            let message = timeout(TIMEOUT, self.0.next()).await.expect("the server says something");
            if !matches!(message, Some(Ok(Message::Ping(_) | Message::Pong(_)))) {
                return message;
            }
        }
    }

    /// The next frame.
    pub async fn next(&mut self) -> Value {
        match self.message().await {
            Some(Ok(Message::Text(text))) => serde_json::from_str(&text).expect("JSON"),
            other => panic!("no frame but {other:?}"),
        }
    }

    /// The next frame that is not a heartbeat.
    pub async fn next_but_heartbeats(&mut self) -> Value {
        loop {
            let frame = self.next().await;
            if frame["type"] != "heartbeat" {
                return frame;
            }
        }
    }

    /// The close code that comes next.
    pub async fn close_code(&mut self) -> u16 {
        match self.message().await {
            Some(Ok(Message::Close(Some(close)))) => close.code.into(),
            other => panic!("no close but {other:?}"),
        }
    }

    /// Everything the server still had to say, by asking it for a sign of life.
    pub async fn rest(&mut self) -> Vec<Value> {
        self.say(&json!({ "type": "ping", "n": 424_242 })).await;
        let mut frames = Vec::new();
        loop {
            let frame = self.next().await;
            if frame == json!({ "type": "pong", "n": 424_242 }) {
                return frames;
            }
            frames.push(frame);
        }
    }
}

/// A subscription of all chats.
pub fn subscribe(id: impl Into<Value>, after: Option<u64>, credit: u64) -> Value {
    let after = after.map(|sequence| json!({ "sequence": sequence }));
    json!({ "type": "subscribe", "id": id.into(), "topic": "chats", "after": after, "credit": credit })
}

/// A small generator with a seed: the same numbers every time.
pub struct Dice(pub u64);

impl Dice {
    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}
