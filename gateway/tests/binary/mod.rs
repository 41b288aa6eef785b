//! The real binary on a free port, and a client for it that blocks.
//!
//! For tests of REST, of the command line and of the process. A test of the live events, of gRPC or of a relay takes
//! `support::server`, which is async.

#![allow(dead_code, reason = "each test program uses its part")]

use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::time::Duration;

use im_chats_launcher::Process;
pub use im_chats_launcher::TOKEN;
use serde_json::Value;
use tempfile::TempDir;

/// A running gateway. Killed when dropped.
pub struct Gateway {
    process: Process,
    pub base: String,
    pub data: Arc<TempDir>,
    agent: ureq::Agent,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub bytes: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes)
            .unwrap_or_else(|error| panic!("{error}: {:?}", String::from_utf8_lossy(&self.bytes)))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body of a 200.
    pub fn ok(self) -> Value {
        let json = self.json();
        assert_eq!(self.status, 200, "{json}");
        json
    }

    /// Checks that this is a whole failure body, and gives it.
    pub fn failure(self, status: u16, code: &str, error_code: &str) -> Value {
        let json = self.json();
        assert_eq!((self.status, &json["code"], &json["errorCode"]), (status, &code.into(), &error_code.into()), "{json}");
        assert_eq!(json["source"], "middleware");
        assert!(json["message"].is_string() && json["retryable"].is_boolean() && json["context"].is_object(), "{json}");
        assert_eq!(json["requestId"].as_str(), self.header("x-request-id"));
        assert!(self.header("x-spectrum-middleware").is_some());
        json
    }

    /// Checks that this refuses a field, and gives the context.
    pub fn refuses(self, field: &str) -> Value {
        let json = self.failure(400, "invalid_argument", "invalidArgument");
        assert_eq!(json["context"]["field"], field, "{json}");
        let message = json["message"].as_str().and_then(|message| message.strip_prefix(field)?.strip_prefix(": "));
        assert!(message.is_some_and(|rest| !rest.starts_with(field)), "the message begins with the field, once: {json}");
        json["context"].clone()
    }
}

/// Without a token, so that a test can say how it gets one.
pub fn command(data: &Path) -> Command {
    im_chats_launcher::gateway(env!("CARGO_BIN_EXE_im-chats-gateway"), "emulator", data)
}

impl Gateway {
    pub fn start() -> Self {
        Self::start_on(Arc::new(tempfile::tempdir().unwrap()), &[])
    }

    pub fn start_with(arguments: &[&str]) -> Self {
        Self::start_on(Arc::new(tempfile::tempdir().unwrap()), arguments)
    }

    pub fn start_on(data: Arc<TempDir>, arguments: &[&str]) -> Self {
        let process = Process::start(command(data.path()).args(["--token", TOKEN]).args(arguments));
        Self::of(process.expect("the gateway starts"), data)
    }

    /// As [`Gateway::start_with`], with what it writes on stderr kept.
    pub fn start_logged(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let data = Arc::new(tempfile::tempdir().unwrap());
        let mut command = command(data.path());
        command.args(["--token", TOKEN]).args(arguments).envs(environment.iter().copied());
        Self::of(Process::start_logged(&mut command).expect("the gateway starts"), data)
    }

    /// Of a process that listens.
    pub fn of(process: Process, data: Arc<TempDir>) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(120)))
            .build()
            .into();
        Self { base: process.url().to_owned(), process, data, agent }
    }

    pub fn address(&self) -> &str {
        self.base.strip_prefix("http://").unwrap()
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream
    }

    pub fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[("authorization", &format!("Bearer {TOKEN}"))]).unwrap()
    }

    pub fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Result<Answer, ureq::Error> {
        let request = self.agent.get(format!("{}{path}", self.base));
        answer(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).call()?)
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_with(path, &[], body.to_string().as_bytes()).unwrap()
    }

    /// A POST with the token, JSON's media type, and these headers instead or beside.
    pub fn post_with(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer, ureq::Error> {
        let token = format!("Bearer {TOKEN}");
        let mut all = vec![("authorization", token.as_str()), ("content-type", "application/json")];
        all.retain(|(name, _)| !headers.iter().any(|(other, _)| other == name));
        all.extend(headers);
        let request = self.agent.post(format!("{}{path}", self.base));
        answer(all.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send(body)?)
    }

    /// `kill -9`, and the same data again.
    pub fn kill_and_restart(mut self) -> Self {
        self.kill();
        Self::start_on(Arc::clone(&self.data), &[])
    }

    /// `kill -9` from the side, while other threads still talk to it.
    pub fn signal_kill(&self) {
        self.process.signal(im_chats_launcher::Signal::KILL).unwrap();
    }

    pub fn kill(&mut self) {
        self.process.kill().unwrap();
    }

    /// SIGTERM, and how it went out.
    pub fn terminate(&mut self) -> ExitStatus {
        self.signal();
        self.process.wait().unwrap()
    }

    pub fn signal(&self) {
        self.process.terminate().unwrap();
    }

    /// Ends it, in order: a killed process loses the lines that are not written yet. What it wrote on stderr.
    pub fn stop(mut self) -> String {
        self.terminate();
        self.process.log()
    }

    /// What it wrote on stderr until now, where that is kept.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Ends the gateway and reads everything its log holds.
    pub fn events(mut self) -> Vec<Value> {
        self.kill();
        read_events(self.data.path())
    }
}

fn answer(mut response: ureq::http::Response<ureq::Body>) -> Result<Answer, ureq::Error> {
    let bytes = response.body_mut().with_config().limit(64 * 1024 * 1024).read_to_vec()?;
    Ok(Answer { status: response.status().as_u16(), headers: response.headers().clone(), bytes })
}

/// The log of a data directory that no process holds.
pub fn read_events(data: &Path) -> Vec<Value> {
    use im_chats_gateway::log::{EventFilter, ReadQuery, open};
    use im_chats_protocol::wire::frame::Topic;
    let store = im_chats_gateway::log::store::Store::open(data).unwrap();
    let (log, _appender) = open(&store).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut events = Vec::new();
    let mut after = 0;
    loop {
        let query = ReadQuery {
            after,
            through: u64::MAX,
            filter: EventFilter::of(Topic::All),
            max_events: usize::MAX,
            max_bytes: usize::MAX,
        };
        let page = runtime.block_on(log.read(query)).unwrap();
        if page.through == after {
            return events;
        }
        after = page.through;
        events.extend(page.events.iter().map(|event| serde_json::from_str::<Value>(&event.json).unwrap()));
    }
}
