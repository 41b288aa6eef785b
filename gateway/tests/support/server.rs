//! The real binary with data of its own, and a client that speaks frames.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use parking_lot::Mutex;
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
pub const PATIENCE: Duration = Duration::from_secs(20);

pub const TOKEN: &str = "secret";

/// A running gateway. Killed when dropped.
pub struct Server {
    child: Child,
    pub address: String,
    said: Arc<Mutex<String>>,
}

impl Server {
    /// On a data directory, with flags beside the necessary ones.
    pub fn start(data: &Path, flags: &[&str]) -> Self {
        Self::run(None, "emulator", data, flags, Stdio::inherit()).expect("the line other programs wait for")
    }

    /// As [`Server::start`], with what it writes on stderr kept.
    pub fn logged(data: &Path, flags: &[&str]) -> Self {
        Self::try_start(data, flags).expect("the line other programs wait for")
    }

    /// As [`Server::logged`]; what it wrote on stderr, when it does not start.
    pub fn try_start(data: &Path, flags: &[&str]) -> Result<Self, String> {
        Self::run(None, "emulator", data, flags, Stdio::piped())
    }

    /// As [`Server::logged`], after these commands of the shell, such as `ulimit`.
    pub fn limited(commands: &str, data: &Path) -> Self {
        let script = format!("{commands}; exec \"$0\" \"$@\"");
        Self::run(Some(&script), "emulator", data, &[], Stdio::piped()).expect("the line other programs wait for")
    }

    /// A relay in front of `upstream`, with the token that the others have, unless the flags say otherwise.
    pub fn relay(data: &Path, upstream: &str, flags: &[&str]) -> Self {
        let token: &[&str] = if flags.contains(&"--upstream-token-file") { &[] } else { &["--upstream-token", TOKEN] };
        let flags = [&["--upstream", upstream], token, flags].concat();
        Self::run(None, "relay", data, &flags, Stdio::piped()).expect("the line other programs wait for")
    }

    fn run(script: Option<&str>, what: &str, data: &Path, flags: &[&str], stderr: Stdio) -> Result<Self, String> {
        let binary = env!("CARGO_BIN_EXE_im-chats-gateway");
        let mut command = Command::new(script.map_or(binary, |_| "sh"));
        if let Some(script) = script {
            command.args(["-c", script, binary]);
        }
        let mut child = command
            .args([what, "--exit-with-parent", "--listen", "127.0.0.1:0", "--token", TOKEN, "--data"])
            .arg(data)
            .args(flags)
            .env_remove("IM_CHATS_UPSTREAM_TOKEN")
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .expect("the binary starts");
        let said = Arc::<Mutex<String>>::default();
        let reader = child.stderr.take().map(|stderr| {
            let said = Arc::clone(&said);
            std::thread::spawn(move || {
                for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                    eprintln!("{line}");
                    let mut said = said.lock();
                    said.push_str(&line);
                    said.push('\n');
                }
            })
        });
        let mut line = String::new();
        let stdout = child.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("the binary says where it listens");
        // Before the line is judged, so that a server that says something else is killed with the test.
        let mut server = Self { child, address: String::new(), said };
        let Some((_, address)) = line.trim().strip_prefix("listening on ").and_then(|url| url.split_once("://")) else {
            server.kill();
            if let Some(reader) = reader {
                reader.join().expect("stderr is read");
            }
            return Err(server.said());
        };
        server.address = address.to_owned();
        Ok(server)
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What a relay, or a logged emulator, wrote on stderr until now.
    pub fn said(&self) -> String {
        self.said.lock().clone()
    }

    /// Any request with the token, or without: status and body.
    pub fn request(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address))
            .header("authorization", format!("Bearer {TOKEN}"))
            .header("content-type", "application/json")
            .body(body.map(Value::to_string).unwrap_or_default())
            .expect("a request");
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .timeout_global(Some(PATIENCE))
            .build()
            .into();
        let mut answer = agent.run(request).expect("an answer");
        let bytes = answer.body_mut().read_to_vec().expect("a body");
        // An image as text that tells it from every other.
        let text = || String::from_utf8(bytes.clone()).unwrap_or_else(|_| format!("{bytes:x?}"));
        (answer.status().as_u16(), serde_json::from_slice(&bytes).unwrap_or_else(|_| Value::String(text())))
    }

    /// As the rest of the world: a POST that must succeed.
    pub fn post(&self, path: &str, body: &Value) -> Value {
        let mut answer = ureq::post(format!("http://{}{path}", self.address))
            .header("authorization", &format!("Bearer {TOKEN}"))
            .config()
            .timeout_global(Some(PATIENCE))
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
        let status = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().expect("kill runs");
        assert!(status.success());
    }

    /// Waits for the end of the process.
    pub async fn exit(&mut self) -> ExitStatus {
        let end = tokio::time::Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("the process can be waited for") {
                return status;
            }
            assert!(tokio::time::Instant::now() < end, "the process does not end");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.child.kill().expect("kill");
        self.child.wait().expect("wait");
    }

    /// Memory in use, in KiB.
    pub fn resident_kib(&self) -> u64 {
        self.memory_kib("VmRSS:")
    }

    /// From here on the peak is counted afresh.
    pub fn forget_peak(&self) {
        std::fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5").expect("/proc");
    }

    /// The most memory that was in use since [`Server::forget_peak`], in KiB.
    pub fn peak_kib(&self) -> u64 {
        self.memory_kib("VmHWM:")
    }

    fn memory_kib(&self, what: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("/proc");
        let line = status.lines().find(|line| line.starts_with(what)).expect("a line of memory");
        line.split_whitespace().nth(1).expect("a number").parse().expect("a number")
    }

    /// Processor time used until now, user's and system's, in ticks of 10 ms.
    pub fn cpu_ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("/proc");
        // The name in parentheses may hold anything; what follows it begins with the third field.
        let rest = stat.rsplit_once(')').expect("a name").1;
        let field = |number: usize| rest.split_whitespace().nth(number - 3).expect("a field").parse::<u64>().expect("a number");
        field(14) + field(15)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
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
        let (socket, response) = timeout(PATIENCE, tokio_tungstenite::connect_async(request)).await.expect("an answer")?;
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
        timeout(PATIENCE, self.0.send(message)).await.expect("the server reads").expect("the socket is open");
    }

    async fn message(&mut self) -> Option<Result<Message, tungstenite::Error>> {
        loop {
            let message = timeout(PATIENCE, self.0.next()).await.expect("the server says something");
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
