//! Servers of NATS for a test: one, or several that form a cluster, each on free ports of the loopback and with a store of its own. They
//! can be killed, frozen and started again on the same ports and store; they end, and their stores go, when they are dropped.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::{POLL, Process, Signal};

/// How long servers may take to be ready; a cluster elects its leader in that time.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// How often other ports are tried: between the look for a free one and its use, somebody else may take it.
const ATTEMPTS: usize = 5;

/// What a server of NATS shall be.
#[derive(Debug, Clone)]
pub struct Setup {
    /// 1 for a server that stands alone, more for a cluster.
    pub servers: usize,
    /// The server's program.
    pub binary: PathBuf,
    /// Whether there is JetStream.
    pub jetstream: bool,
    /// Whether what is confirmed is on the disk.
    pub sync_always: bool,
    /// What else stands in the configuration: `authorization`, `accounts`, `tls`.
    pub config: String,
}

impl Setup {
    /// One server as it is used, with JetStream that writes to its disk at once.
    ///
    /// # Errors
    /// The program is not there; the message says how it is installed.
    pub fn alone() -> io::Result<Self> {
        Ok(Self { servers: 1, binary: nats_server()?, jetstream: true, sync_always: true, config: String::new() })
    }

    /// As [`Setup::alone`], three in a cluster.
    ///
    /// # Errors
    /// Those of [`Setup::alone`].
    pub fn cluster() -> io::Result<Self> {
        Ok(Self { servers: 3, ..Self::alone()? })
    }

    /// With more configuration.
    #[must_use]
    pub fn with(mut self, config: &str) -> Self {
        self.config.push_str(config);
        self
    }

    /// Starts the servers and waits until each says that it is healthy.
    ///
    /// # Errors
    /// One does not start; the message has its log.
    pub fn start(&self) -> io::Result<Nats> {
        let mut attempt = 1;
        loop {
            match self.try_start() {
                Err(error) if attempt < ATTEMPTS && error.kind() == io::ErrorKind::AddrInUse => attempt += 1,
                result => return result,
            }
        }
    }

    fn try_start(&self) -> io::Result<Nats> {
        let dir = tempfile::tempdir()?;
        // All are held until each has its own.
        let mut held = Vec::new();
        let mut port = || {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            let port = listener.local_addr()?.port();
            held.push(listener);
            io::Result::Ok(port)
        };
        let mut servers = Vec::new();
        for number in 1..=self.servers {
            servers.push(Server {
                name: format!("nats-{number}"),
                binary: self.binary.clone(),
                dir: dir.path().to_owned(),
                client: port()?,
                monitor: port()?,
                route: port()?,
                running: None,
            });
        }
        drop(held);
        let routes: Vec<_> = servers.iter().map(|server| server.route).collect();
        for server in &servers {
            fs::write(server.file("conf"), self.config_of(server, &routes)?)?;
        }
        let mut nats = Nats { servers, _dir: dir };
        for server in &mut nats.servers {
            server.spawn()?;
        }
        for server in &mut nats.servers {
            server.ready()?;
        }
        Ok(nats)
    }

    fn config_of(&self, server: &Server, routes: &[u16]) -> io::Result<String> {
        let Server { name, client, monitor, route, .. } = server;
        let mut text = format!("server_name: {name}\nlisten: \"127.0.0.1:{client}\"\nhttp: \"127.0.0.1:{monitor}\"\n");
        let written = (|| {
            if self.jetstream {
                let store = server.store();
                writeln!(text, "jetstream {{\n  store_dir: {store:?}")?;
                if self.sync_always {
                    writeln!(text, "  sync_interval: always")?;
                }
                writeln!(text, "}}")?;
            }
            if self.servers > 1 {
                let others: Vec<_> = routes.iter().map(|port| format!("\"nats://127.0.0.1:{port}\"")).collect();
                writeln!(
                    text,
                    "cluster {{\n  name: test\n  listen: \"127.0.0.1:{route}\"\n  routes: [{}]\n}}",
                    others.join(", ")
                )?;
            }
            writeln!(text, "{}", self.config)
        })();
        written.map_err(io::Error::other)?;
        Ok(text)
    }
}

/// The program: `IM_CHATS_NATS_SERVER`, or what `cargo xtask test tools` installed beside the program that runs.
///
/// # Errors
/// There is none; the message says what to do.
pub fn nats_server() -> io::Result<PathBuf> {
    if let Some(named) = std::env::var_os("IM_CHATS_NATS_SERVER") {
        return Ok(named.into());
    }
    let own = std::env::current_exe()?;
    let found = own.ancestors().map(|dir| dir.join("cluster-python/bin/nats-server")).find(|program| program.is_file());
    found.ok_or_else(|| {
        let reason = "this test needs nats-server: `cargo xtask test tools` installs it, or IM_CHATS_NATS_SERVER names it";
        io::Error::new(io::ErrorKind::NotFound, reason)
    })
}

/// Servers that run.
#[derive(Debug)]
pub struct Nats {
    /// Each of them.
    pub servers: Vec<Server>,
    _dir: TempDir,
}

impl Nats {
    /// Where clients connect, with commas between.
    #[must_use]
    pub fn urls(&self) -> String {
        self.servers.iter().map(Server::url).collect::<Vec<_>>().join(",")
    }

    /// Where they can be asked about themselves, with commas between.
    #[must_use]
    pub fn monitors(&self) -> String {
        self.servers.iter().map(Server::monitor).collect::<Vec<_>>().join(",")
    }
}

/// One server.
#[derive(Debug)]
pub struct Server {
    /// As JetStream calls it.
    pub name: String,
    binary: PathBuf,
    dir: PathBuf,
    client: u16,
    monitor: u16,
    route: u16,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    /// Ends the server when this process ends, however it ends. Dropped first: afterwards the number may be another process's.
    watchdog: Watchdog,
    process: Process,
}

impl Server {
    /// Where clients connect.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://{}", self.address())
    }

    /// Where clients connect, without a scheme.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.client)
    }

    /// Where it can be asked about itself.
    #[must_use]
    pub fn monitor(&self) -> String {
        format!("http://127.0.0.1:{}", self.monitor)
    }

    /// Starts it, again on the ports and the store that it had, and waits until it is healthy.
    ///
    /// # Errors
    /// It does not start; the message has its log.
    pub fn start(&mut self) -> io::Result<()> {
        self.spawn()?;
        self.ready()
    }

    /// As [`Server::start`], without the wait: in a cluster without a majority no server is healthy.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn spawn(&mut self) -> io::Result<()> {
        self.running = None;
        let log = File::create(self.file("log"))?;
        let mut command = Command::new(&self.binary);
        command.arg("-c").arg(self.file("conf")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let process = Process::spawn(&mut command)?;
        let watchdog = Watchdog::start(&process.child)?;
        self.running = Some(Running { watchdog, process });
        Ok(())
    }

    /// Waits until it is healthy: a member of a cluster is so once it knows the leader and has what it missed.
    ///
    /// # Errors
    /// It ended, or is not in a minute; the message has its log.
    pub fn ready(&mut self) -> io::Result<()> {
        let end = Instant::now() + READY_WITHIN;
        while !is_healthy(self.monitor) {
            let ended = self.running.as_mut().is_none_or(|running| !matches!(running.process.child.try_wait(), Ok(None)));
            if ended || Instant::now() >= end {
                let log = self.log();
                let in_use = log.contains("address already in use");
                let kind = if in_use { io::ErrorKind::AddrInUse } else { io::ErrorKind::Other };
                return Err(io::Error::new(kind, format!("{} is not ready:\n{log}", self.name)));
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    /// `kill -9`.
    ///
    /// # Errors
    /// It does not run.
    pub fn kill(&mut self) -> io::Result<()> {
        let mut running = self.running.take().ok_or_else(|| io::Error::other("it does not run"))?;
        running.watchdog.end();
        running.process.kill().map(drop)
    }

    /// Stops it in the middle of what it does, as a machine that hangs: its connections stay, and nothing comes.
    ///
    /// # Errors
    /// It does not run.
    pub fn freeze(&self) -> io::Result<()> {
        self.process().ok_or_else(not_running)?.freeze()
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// It does not run.
    pub fn thaw(&self) -> io::Result<()> {
        self.signal(Signal::CONT)
    }

    /// Its process, while it runs.
    #[must_use]
    pub fn process(&self) -> Option<&Process> {
        self.running.as_ref().map(|running| &running.process)
    }

    /// The folder where JetStream keeps what it has.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.file("store")
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        self.process().ok_or_else(not_running)?.signal(signal)
    }

    /// Changes its configuration for the next start.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn reconfigure(&self, change: impl FnOnce(String) -> String) -> io::Result<()> {
        let path = self.file("conf");
        fs::write(&path, change(fs::read_to_string(&path)?))
    }

    /// What it wrote since it started.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read(self.file("log")).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    fn file(&self, extension: &str) -> PathBuf {
        self.dir.join(&self.name).with_extension(extension)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// A shell that waits for the end of its input, which is the end of this process, and then kills.
#[derive(Debug)]
struct Watchdog(Child);

impl Watchdog {
    fn start(watched: &Child) -> io::Result<Self> {
        let script = format!("read -r _; kill -9 {}", watched.id());
        Command::new("sh").args(["-c", &script]).stdin(Stdio::piped()).stderr(Stdio::null()).spawn().map(Self)
    }

    fn end(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.end();
    }
}

fn not_running() -> io::Error {
    io::Error::other("it does not run")
}

/// Whether the server at this port says that it is well.
fn is_healthy(port: u16) -> bool {
    let ask = || {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        io::Result::Ok(answer)
    };
    ask().is_ok_and(|answer| answer.split_whitespace().nth(1) == Some("200"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether something listens there.
    fn is_open(server: &Server) -> bool {
        TcpStream::connect(server.address()).is_ok()
    }

    #[test]
    fn a_server_is_killed_and_comes_back_on_its_ports_and_goes_when_dropped() {
        let mut nats = Setup::alone().unwrap().start().unwrap();
        let dir = nats.servers[0].dir.clone();
        let urls = (nats.urls(), nats.monitors());
        assert!(is_open(&nats.servers[0]));
        assert!(nats.servers[0].process().unwrap().resident_kib().unwrap() > 0);
        nats.servers[0].kill().unwrap();
        assert!(!is_open(&nats.servers[0]));
        assert!(nats.servers[0].process().is_none() && nats.servers[0].store().is_dir());
        assert!(nats.servers[0].kill().is_err());
        nats.servers[0].start().unwrap();
        assert!(is_open(&nats.servers[0]));
        assert_eq!(urls, (nats.urls(), nats.monitors()));
        let address = nats.servers[0].address();
        drop(nats);
        assert!(TcpStream::connect(address).is_err());
        assert!(!dir.exists());
    }

    #[test]
    fn a_server_that_does_not_start_is_an_error_with_its_log() {
        let error = Setup::alone().unwrap().with("nonsense: {").start().unwrap_err().to_string();
        assert!(error.contains("nats-1 is not ready") && error.contains("Parse error"), "{error}");
    }

    #[test]
    fn three_servers_form_a_cluster_and_one_that_is_frozen_goes_on() {
        let mut nats = Setup::cluster().unwrap().start().unwrap();
        assert_eq!(nats.urls().split(',').count(), 3);
        nats.servers[1].freeze().unwrap();
        assert!(!is_healthy(nats.servers[1].monitor));
        nats.servers[1].thaw().unwrap();
        nats.servers[1].ready().unwrap();
    }
}
