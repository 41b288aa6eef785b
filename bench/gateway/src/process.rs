//! Child processes whose CPU and memory are looked at. Reads `/proc`, so Linux only.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tempfile::TempDir;

/// The gateway's token in these runs.
pub(crate) const TOKEN: &str = "bench";

/// Descriptors beyond one per socket: databases, pipes, the runtime's own.
const OTHER_FILES: u64 = 256;

/// How to start a gateway.
pub(crate) struct Gateway {
    binary: PathBuf,
    beside: PathBuf,
}

/// A server that was started here. Killed when dropped, with its data.
pub(crate) struct Process {
    child: Child,
    pub(crate) address: SocketAddr,
    data: Option<TempDir>,
}

impl Gateway {
    /// `binary` is started; its data goes into a folder of its own in `beside`.
    pub(crate) fn new(binary: &Path, beside: &Path) -> Self {
        Self { binary: binary.to_owned(), beside: beside.to_owned() }
    }

    /// A fresh gateway with an empty log.
    pub(crate) fn start(&self, heartbeat: Option<Duration>) -> Result<Process> {
        let data = tempfile::Builder::new().prefix("gateway-bench-").tempdir_in(&self.beside)?;
        let mut command = Command::new(&self.binary);
        command
            .args(["emulator", "--exit-with-parent", "--listen", "127.0.0.1:0", "--token", TOKEN, "--data"])
            .arg(data.path());
        // Ten thousand sockets come from one address here.
        command.args(["--max-connections-per-address", "0"]);
        if let Some(interval) = heartbeat {
            command.arg("--heartbeat-interval-ms").arg(interval.as_millis().to_string());
        }
        Process::start(command, Some(data))
    }
}

impl Process {
    /// The bare server: this program once more.
    pub(crate) fn bare() -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("bare");
        Self::start(command, None)
    }

    fn start(mut command: Command, data: Option<TempDir>) -> Result<Self> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("a server does not start")?;
        let stdout = child.stdout.take();
        // Owned from here on, so that it is killed whatever comes next.
        let mut process = Self { child, address: SocketAddr::from(([127, 0, 0, 1], 0)), data };
        let mut line = String::new();
        BufReader::new(stdout.context("no stdout")?).read_line(&mut line)?;
        let Some(address) = line.trim().strip_prefix("listening on http://") else {
            bail!("a server did not say where it listens but {line:?}");
        };
        process.address = address.parse()?;
        Ok(process)
    }

    /// The gateway's database.
    pub(crate) fn database(&self) -> Result<PathBuf> {
        Ok(self.data.as_ref().context("a server without data")?.path().join("gateway.sqlite3"))
    }

    /// That it still runs.
    pub(crate) fn check(&mut self) -> Result<()> {
        let status = self.child.try_wait()?;
        ensure!(status.is_none(), "the server ended by itself: {status:?}");
        Ok(())
    }

    /// CPU time used until now.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        cpu_of(&self.child.id().to_string())
    }

    /// Resident memory now, in KiB.
    pub(crate) fn resident(&self) -> Result<u64> {
        self.status("VmRSS:")
    }

    /// The most resident memory since [`Process::forget_peak`], in KiB.
    pub(crate) fn peak(&self) -> Result<u64> {
        self.status("VmHWM:")
    }

    pub(crate) fn forget_peak(&self) -> Result<()> {
        let path = format!("/proc/{}/clear_refs", self.child.id());
        fs::write(&path, "5").with_context(|| format!("{path}: the peak of its memory cannot be reset"))
    }

    fn status(&self, key: &str) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).context("the server is gone")?;
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        let number = line.and_then(|line| line.split_whitespace().next()).with_context(|| format!("no {key}"))?;
        Ok(number.parse()?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// CPU time that this process has used.
pub(crate) fn own_cpu() -> Result<Duration> {
    cpu_of("self")
}

fn cpu_of(process: &str) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).context("the process is gone")?;
    // The name may hold anything, a parenthesis too; after it come the state and numbers.
    let (_, numbers) = stat.rsplit_once(')').context("/proc: no name")?;
    let ticks = numbers.split_whitespace().skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    let a_second = rustix::param::clock_ticks_per_second();
    Ok(Duration::from_millis(ticks.saturating_mul(1000) / a_second.max(1)))
}

/// Lets this process, and the ones it starts, have this many sockets each.
pub(crate) fn allow_open_files(sockets: usize) -> Result<()> {
    let wanted = u64::try_from(sockets)?.saturating_add(OTHER_FILES);
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= wanted) {
        return Ok(());
    }
    if let Some(hard) = limit.maximum {
        ensure!(
            hard >= wanted,
            "{sockets} sockets need {wanted} open files, and the hard limit is {hard}: raise it (ulimit -Hn)"
        );
    }
    setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum })
        .with_context(|| format!("the limit of open files cannot be raised to {wanted}"))
}
