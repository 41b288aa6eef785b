//! The end of the process: by a signal whatever else is the matter, in time, and with the process that started it.

#![cfg(unix)]
#![cfg(test)]

mod binary;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{ChildStderr, Command, ExitStatus, Stdio};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use binary::{TOKEN, command};
use im_chats_launcher::{Process, Signal, kill_if_stuck};
use tempfile::TempDir;

/// Long enough, also on a busy machine, for anything that does not wait for a limit of the gateway's: the shortest is 10 seconds.
const SOON: Duration = Duration::from_secs(8);

/// What the documentation promises for every end: the drain and the closing of the database. And a moment for a busy machine.
const PROMISED: Duration = Duration::from_secs(12 + 3);

/// A process that is killed with the test.
struct Running {
    process: Process,
    #[expect(dead_code, reason = "dropped with the process: nothing has to kill it any more")]
    guard: Sender<()>,
}

impl Running {
    fn spawn(command: &mut Command) -> Self {
        let process = Process::spawn(command).unwrap();
        let guard = kill_if_stuck(&process.child);
        Self { process, guard }
    }

    /// Where it listens, from its stdout.
    fn address(&mut self) -> String {
        self.process.listen().unwrap().strip_prefix("http://").unwrap().to_owned()
    }

    fn stderr(&mut self) -> BufReader<ChildStderr> {
        BufReader::new(self.process.child.stderr.take().unwrap())
    }

    fn signal(&self, signal: Signal) {
        self.process.signal(signal).unwrap();
    }

    #[track_caller]
    fn ends_within(&mut self, limit: Duration) -> ExitStatus {
        self.process.wait_within(limit).unwrap().unwrap_or_else(|| panic!("it still runs after {limit:?}"))
    }
}

fn emulator(data: &TempDir) -> Command {
    let mut command = command(data.path());
    command.args(["--token", TOKEN]).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// One request on a connection of its own; the whole answer.
fn ask(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\nconnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Begins a request whose body never ends, and knows that the gateway waits for it.
fn unfinished(address: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!(
        "POST /v1/chats HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\n\
         content-length: 500\r\nexpect: 100-continue\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut line = String::new();
    BufReader::new(stream.try_clone().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("HTTP/1.1 100"), "{line}");
    stream
}

#[track_caller]
fn wait_for_line(lines: &mut impl std::io::BufRead, words: &str) -> String {
    lines.lines().map(Result::unwrap).find(|line| line.contains(words)).unwrap_or_else(|| panic!("no line with {words:?}"))
}

#[test]
fn a_closed_stderr_keeps_no_request_and_no_signal_from_its_effect() {
    let data = TempDir::new().unwrap();
    let mut gateway = Running::spawn(emulator(&data).env("RUST_LOG", "trace"));
    let address = gateway.address();
    drop(gateway.stderr());
    for _ in 0..3 {
        assert!(ask(&address, "/v1/chats:count").starts_with("HTTP/1.1 200"));
    }
    gateway.signal(Signal::TERM);
    assert_eq!(gateway.ends_within(SOON).code(), Some(0));
}

#[test]
fn a_stderr_that_nobody_reads_keeps_nobody_waiting() {
    let data = TempDir::new().unwrap();
    let mut gateway = Running::spawn(emulator(&data).env("RUST_LOG", "trace"));
    let address = gateway.address();
    // Far more lines than the pipe and the queue hold.
    for _ in 0..400 {
        assert!(ask(&address, "/v1/chats:count").starts_with("HTTP/1.1 200"));
    }
    gateway.signal(Signal::TERM);
    assert_eq!(gateway.ends_within(SOON).code(), Some(0));
    // And a reader that comes later sees that the log has a gap, or all of it.
    let mut log = String::new();
    gateway.stderr().read_to_string(&mut log).unwrap();
    assert!(log.len() > 30_000, "{}", log.len());
}

#[test]
fn a_closed_stdout_is_reported_and_served_all_the_same() {
    let data = TempDir::new().unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut gateway = Running::spawn(emulator(&data).stdout(writer));
    let line = wait_for_line(&mut gateway.stderr(), "cannot be written to stdout");
    let address = line.split_once("http://").unwrap().1.split([',', ' ']).next().unwrap().to_owned();
    assert!(ask(&address, "/healthz").starts_with("HTTP/1.1 200"));
    gateway.signal(Signal::TERM);
    assert_eq!(gateway.ends_within(SOON).code(), Some(0));
}

#[test]
fn a_pipe_where_a_file_is_needed_is_refused_and_not_waited_for() {
    let data = TempDir::new().unwrap();
    let (pipe, file) = (data.path().join("pipe"), data.path().join("file"));
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    std::fs::write(&file, "text").unwrap();
    let (pipe, file) = (pipe.to_str().unwrap(), file.to_str().unwrap());
    let upstream = ["relay", "--upstream", "https://127.0.0.1:1"];
    for options in [
        vec!["emulator", "--tls-cert", file, "--tls-key", pipe],
        vec!["emulator", "--tls-cert", pipe, "--tls-key", file],
        [&upstream[..], &["--upstream-token-file", pipe]].concat(),
        [&upstream[..], &["--upstream-token", "t", "--upstream-ca", pipe]].concat(),
    ] {
        let mut gateway = Running::spawn(
            Command::new(env!("CARGO_BIN_EXE_im-chats-gateway"))
                .args(&options)
                .args(["--token", TOKEN, "--listen", "127.0.0.1:0", "--data"])
                .arg(data.path().join("data"))
                .stderr(Stdio::piped()),
        );
        assert_eq!(gateway.ends_within(SOON).code(), Some(1), "{options:?}");
        let mut said = String::new();
        gateway.stderr().read_to_string(&mut said).unwrap();
        assert!(said.contains(pipe) && said.contains("not a regular file"), "{said}");
    }
}

/// Holds the database as another process would: the gateway's next write waits for 10 seconds.
fn hold(data: &Path) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(data.join("gateway.sqlite3")).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    connection
}

#[test]
fn a_signal_during_a_slow_start_ends_it_at_once() {
    let data = TempDir::new().unwrap();
    let mut first = Running::spawn(&mut emulator(&data));
    first.address();
    first.signal(Signal::TERM);
    assert_eq!(first.ends_within(SOON).code(), Some(0));
    let _held = hold(data.path());
    // It makes the database's file its own before it opens it.
    let database = data.path().join("gateway.sqlite3");
    std::fs::set_permissions(&database, PermissionsExt::from_mode(0o644)).unwrap();
    let mut gateway = Running::spawn(&mut emulator(&data));
    let end = Instant::now() + SOON;
    while std::fs::metadata(&database).unwrap().permissions().mode() & 0o777 != 0o600 {
        assert!(gateway.process.child.try_wait().unwrap().is_none() && Instant::now() < end, "it does not start");
        std::thread::sleep(Duration::from_millis(5));
    }
    gateway.signal(Signal::TERM);
    assert_eq!(gateway.ends_within(SOON).code(), Some(0));
}

#[test]
fn a_second_signal_ends_it_at_once_with_the_code_of_that_signal() {
    for (second, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let data = TempDir::new().unwrap();
        let mut gateway = Running::spawn(&mut emulator(&data));
        let _held = unfinished(&gateway.address());
        gateway.signal(Signal::TERM);
        let mut stderr = gateway.stderr();
        wait_for_line(&mut stderr, "draining");
        assert!(gateway.process.child.try_wait().unwrap().is_none(), "the request is under way");
        gateway.signal(second);
        assert_eq!(gateway.ends_within(SOON).code(), Some(code));
    }
}

#[test]
fn a_client_that_reads_nothing_delays_the_end_only_until_the_drain_is_over() {
    let data = TempDir::new().unwrap();
    let mut gateway = Running::spawn(&mut emulator(&data));
    let address = gateway.address();
    let post = |path: &str, body: &serde_json::Value| {
        let request = ureq::post(format!("http://{address}{path}")).header("authorization", &format!("Bearer {TOKEN}"));
        assert_eq!(request.send_json(body).unwrap().status(), 200);
    };
    post("/v1/chats", &serde_json::json!({"addresses": ["alice@example.com"]}));
    // A PNG, as far as the gateway looks, and more than the buffers between the two take.
    let image = format!("iVBORw0KGgo{}=", "A".repeat(4 * 5_000_000));
    post("/v1/chats:setBackground", &serde_json::json!({"chatGuid": "any;-;alice@example.com", "data": image}));
    let mut slow = TcpStream::connect(&address).unwrap();
    let path = "/emulator/v1/chats:background?chatGuid=any;-;alice%40example.com";
    write!(slow, "GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\n\r\n").unwrap();
    let mut first = [0; 15];
    slow.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    gateway.signal(Signal::TERM);
    // By itself, within the 12 seconds after which it would end with 1.
    assert_eq!(gateway.ends_within(PROMISED).code(), Some(0));
}

#[test]
fn a_database_that_does_not_close_does_not_keep_the_process() {
    let data = TempDir::new().unwrap();
    let mut gateway = Running::spawn(&mut emulator(&data));
    let address = gateway.address();
    let _held = hold(data.path());
    let body = "{\"addresses\":[\"a@example.com\"]}";
    let mut waiting = Vec::new();
    // The first goes to the database and waits there for 10 seconds; those after it are the next batch, and wait as long again.
    for _ in 0..20 {
        let mut stream = TcpStream::connect(&address).unwrap();
        let head = format!("host: localhost\r\nauthorization: Bearer {TOKEN}\r\ncontent-length: {}", body.len());
        write!(stream, "POST /v1/chats HTTP/1.1\r\n{head}\r\n\r\n{body}").unwrap();
        waiting.push(stream);
        assert!(ask(&address, "/healthz").starts_with("HTTP/1.1"));
    }
    gateway.signal(Signal::TERM);
    assert_eq!(gateway.ends_within(PROMISED).code(), Some(1));
    let mut said = String::new();
    gateway.stderr().read_to_string(&mut said).unwrap();
    assert!(said.contains("not everything ended in 12 s"), "{said}");
}

/// A gateway that a shell has started; the shell, and where the gateway is.
fn child_of_a_shell(data: &TempDir, options: &str) -> (Running, u32, String) {
    let binary = env!("CARGO_BIN_EXE_im-chats-gateway");
    let script = format!(
        "{binary} emulator {options} --token {TOKEN} --listen 127.0.0.1:0 --data {} & echo $! >&2; wait",
        data.path().display()
    );
    let mut shell = Running::spawn(Command::new("sh").args(["-c", &script]).stdout(Stdio::piped()).stderr(Stdio::piped()));
    let address = shell.address();
    // The gateway's own lines come to the same pipe.
    let process = shell.stderr().lines().map_while(Result::ok).find_map(|line| line.parse().ok());
    (shell, process.unwrap(), address)
}

#[test]
fn with_exit_with_parent_a_killed_parent_leaves_nothing_behind() {
    let data = TempDir::new().unwrap();
    let (mut shell, _, address) = child_of_a_shell(&data, "--exit-with-parent");
    assert!(ask(&address, "/healthz").starts_with("HTTP/1.1 200"));
    shell.process.kill().unwrap();
    // It gives the directory back when it ends.
    let lock = std::fs::File::open(data.path().join("lock")).unwrap();
    let end = Instant::now() + SOON;
    while lock.try_lock().is_err() {
        assert!(Instant::now() < end, "it still runs");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(TcpStream::connect(&address).is_err());
}

#[test]
fn without_exit_with_parent_the_gateway_stays() {
    let data = TempDir::new().unwrap();
    let (mut shell, process, address) = child_of_a_shell(&data, "");
    shell.process.kill().unwrap();
    let end = Instant::now() + Duration::from_secs(1);
    while Instant::now() < end {
        assert!(ask(&address, "/healthz").starts_with("HTTP/1.1 200"));
    }
    assert!(Command::new("kill").args(["-KILL", &process.to_string()]).status().unwrap().success());
}

#[test]
fn with_exit_with_stdin_it_ends_when_the_other_end_is_closed() {
    let data = TempDir::new().unwrap();
    let mut gateway = Running::spawn(emulator(&data).arg("--exit-with-stdin").stdin(Stdio::piped()));
    let address = gateway.address();
    let mut stdin = gateway.process.child.stdin.take().unwrap();
    // What is written there means nothing.
    stdin.write_all(b"hello\n").unwrap();
    assert!(ask(&address, "/healthz").starts_with("HTTP/1.1 200"));
    drop(stdin);
    assert_eq!(gateway.ends_within(SOON).code(), Some(0));
}

#[test]
fn without_exit_with_stdin_the_end_of_stdin_means_nothing() {
    let data = TempDir::new().unwrap();
    let mut gateway = Running::spawn(emulator(&data).stdin(Stdio::null()));
    let address = gateway.address();
    let end = Instant::now() + Duration::from_secs(1);
    while Instant::now() < end {
        assert!(ask(&address, "/healthz").starts_with("HTTP/1.1 200"));
    }
}
