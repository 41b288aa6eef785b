//! Starts a server for tests and benchmarks, reads where it listens, looks at its process, and ends it.
//!
//! Uses the operating system and nothing of the gateway: what is started is the binary, as users start it. Looking at a process
//! reads `/proc`, so that part is Linux only.

pub mod nats;
mod usage;

use std::ffi::OsStr;
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustix::process::{Pid, WaitId, WaitIdOptions, kill_process, waitid};

pub use rustix::process::Signal;
pub use usage::own_cpu_time;

/// The token of the gateways that tests start: the one that the transcripts in `docs/protocol.md` send.
pub const TOKEN: &str = "secret";

/// How often a process is looked at that is to end.
const POLL: Duration = Duration::from_millis(5);

/// A command that starts the gateway as `mode` (`emulator` or `relay`), on a free port of the loopback, with its state in `data`.
/// It ends with this process, and takes no token from the environment.
#[must_use]
pub fn gateway(binary: impl AsRef<OsStr>, mode: &str, data: &Path) -> Command {
    let mut command = Command::new(binary);
    with_gateway_options(&mut command, mode, data);
    command
}

/// As [`gateway`], after these commands of the shell, such as `ulimit`.
#[must_use]
pub fn gateway_in_shell(commands: &str, binary: impl AsRef<OsStr>, mode: &str, data: &Path) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("{commands}; exec \"$0\" \"$@\"")).arg(binary);
    with_gateway_options(&mut command, mode, data);
    command
}

fn with_gateway_options(command: &mut Command, mode: &str, data: &Path) {
    command
        .args([mode, "--exit-with-parent", "--listen", "127.0.0.1:0", "--data"])
        .arg(data)
        .env_remove("IM_CHATS_LOG")
        .env_remove("IM_CHATS_TOKEN")
        .env_remove("IM_CHATS_METRICS_TOKEN")
        .env_remove("IM_CHATS_SPECTRUM_PROJECT")
        .env_remove("IM_CHATS_UPSTREAM_TOKEN");
}

/// A server's process. Killed when dropped.
#[derive(Debug)]
pub struct Process {
    /// The process itself.
    pub child: Child,
    url: String,
    log: Arc<Mutex<String>>,
    log_reader: Option<JoinHandle<()>>,
}

impl Process {
    /// Starts a server and waits until it says where it listens; its stderr goes where the command says.
    ///
    /// # Errors
    /// It does not start, or ends before it listens; the message has what it wrote on a stderr that is kept.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        let mut process = Self::spawn(command.stdout(Stdio::piped()))?;
        process.listen()?;
        Ok(process)
    }

    /// As [`Process::start`], with what it writes on stderr kept, and printed.
    ///
    /// # Errors
    /// Those of [`Process::start`].
    pub fn start_logged(command: &mut Command) -> io::Result<Self> {
        let mut process = Self::spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped()))?;
        process.keep_log();
        process.listen()?;
        Ok(process)
    }

    /// Starts a process and waits for nothing; its pipes are in [`Process::child`].
    ///
    /// # Errors
    /// It does not start.
    pub fn spawn(command: &mut Command) -> io::Result<Self> {
        let child = command.spawn()?;
        Ok(Self { child, url: String::new(), log: Arc::default(), log_reader: None })
    }

    /// Keeps what the process writes on a piped stderr from now on, and prints it.
    pub fn keep_log(&mut self) {
        if let Some(stderr) = self.child.stderr.take() {
            let log = Arc::clone(&self.log);
            self.log_reader = Some(thread::spawn(move || copy_lines(stderr, &log)));
        }
    }

    /// Waits for the line `listening on …` on a piped stdout, and gives the URL in it.
    ///
    /// # Errors
    /// Another line came, or the end.
    pub fn listen(&mut self) -> io::Result<&str> {
        let stdout = self.child.stdout.take().ok_or_else(|| io::Error::other("its stdout is not a pipe"))?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let Some(url) = line.trim().strip_prefix("listening on ") else {
            self.kill()?;
            return Err(io::Error::other(format!("it did not say where it listens but {line:?}\n{}", self.log())));
        };
        url.clone_into(&mut self.url);
        Ok(&self.url)
    }

    /// Where it listens, such as `http://127.0.0.1:8787`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where it listens, without the scheme.
    #[must_use]
    pub fn address(&self) -> &str {
        self.url.split_once("://").map_or("", |(_, address)| address)
    }

    /// What it wrote on stderr until now, when that is kept. Complete after the process was waited for.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.lock().clone()
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// The process was waited for already.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), signal)?)
    }

    /// SIGSTOP, and waits until every thread of it stands still: the signal itself does not wait.
    ///
    /// # Errors
    /// Those of [`Process::signal`], and that it ended meanwhile.
    pub fn freeze(&self) -> io::Result<()> {
        self.signal(Signal::STOP)?;
        waitid(WaitId::Pid(Pid::from_child(&self.child)), WaitIdOptions::STOPPED)?;
        Ok(())
    }

    /// SIGTERM, as an operator ends it.
    ///
    /// # Errors
    /// Those of [`Process::signal`].
    pub fn terminate(&self) -> io::Result<()> {
        self.signal(Signal::TERM)
    }

    /// `kill -9`, and waits for the end.
    ///
    /// # Errors
    /// The process cannot be waited for.
    pub fn kill(&mut self) -> io::Result<ExitStatus> {
        self.child.kill()?;
        self.wait()
    }

    /// Waits for the end of the process, and of its log.
    ///
    /// # Errors
    /// The process cannot be waited for.
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait()?;
        if let Some(reader) = self.log_reader.take() {
            // A reader that panicked has kept what it read.
            let _ = reader.join();
        }
        Ok(status)
    }

    /// As [`Process::wait`], but only this long: `None` when it still runs.
    ///
    /// # Errors
    /// The process cannot be waited for.
    pub fn wait_within(&mut self, limit: Duration) -> io::Result<Option<ExitStatus>> {
        let end = Instant::now() + limit;
        while self.child.try_wait()?.is_none() {
            if Instant::now() >= end {
                return Ok(None);
            }
            thread::sleep(POLL);
        }
        self.wait().map(Some)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// Kills a process that still runs after a minute, so that waiting for its output or its end fails and does not hang. Keep what
/// is returned until the process was waited for.
#[must_use]
pub fn kill_if_stuck(process: &Child) -> Sender<()> {
    let pid = Pid::from_child(process);
    let (guard, ended) = mpsc::channel();
    thread::spawn(move || {
        if ended.recv_timeout(Duration::from_secs(60)) == Err(RecvTimeoutError::Timeout) {
            let _ = kill_process(pid, Signal::KILL);
        }
    });
    guard
}

fn copy_lines(stderr: ChildStderr, log: &Mutex<String>) {
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        eprintln!("{line}");
        let mut log = log.lock();
        log.push_str(&line);
        log.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_server_is_started_once_it_says_where_it_listens_and_its_log_is_kept() {
        let script = "trap 'echo bye >&2; exit 3' TERM; echo ready >&2; echo listening on https://127.0.0.1:1; while :; do sleep 0.01; done";
        let mut server = Process::start_logged(&mut shell(script)).unwrap();
        assert_eq!((server.url(), server.address()), ("https://127.0.0.1:1", "127.0.0.1:1"));
        assert!(server.resident_kib().unwrap() > 0);
        assert_eq!(server.wait_within(Duration::ZERO).unwrap(), None);
        while !server.log().contains("ready") {
            thread::yield_now();
        }
        server.terminate().unwrap();
        assert_eq!(server.wait().unwrap().code(), Some(3));
        assert_eq!(server.log(), "ready\nbye\n");
    }

    #[test]
    fn a_program_that_does_not_listen_is_an_error_with_its_log() {
        let error = Process::start_logged(&mut shell("echo no room >&2; echo hello")).unwrap_err().to_string();
        assert!(error.contains("hello") && error.contains("no room"), "{error}");
    }
}
