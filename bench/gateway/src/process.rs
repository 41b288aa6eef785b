//! Child processes whose CPU and memory are looked at. Reads `/proc`, so Linux only.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
pub(crate) use im_chats_launcher::own_cpu_time;
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
    process: im_chats_launcher::Process,
    pub(crate) address: SocketAddr,
    data: Option<TempDir>,
}

impl Gateway {
    /// `binary` is started; its data goes into a folder of its own in `beside`.
    pub(crate) fn new(binary: &Path, beside: &Path) -> Self {
        Self { binary: binary.to_owned(), beside: beside.to_owned() }
    }

    /// What is started.
    pub(crate) fn binary(&self) -> &Path {
        &self.binary
    }

    /// A folder for a server's data, beside the results.
    pub(crate) fn folder(&self) -> Result<TempDir> {
        Ok(tempfile::Builder::new().prefix("gateway-bench-").tempdir_in(&self.beside)?)
    }

    /// A fresh gateway with an empty log.
    pub(crate) fn start(&self, heartbeat: Option<Duration>) -> Result<Process> {
        let data = self.folder()?;
        let mut command = im_chats_launcher::gateway(&self.binary, "emulator", data.path());
        // Ten thousand sockets come from one address here.
        command.args(["--token", TOKEN, "--max-connections-per-address", "0"]);
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

    /// A relay of `upstream` whose state is in `data`, which stays.
    pub(crate) fn relay(binary: &Path, data: &Path, upstream: SocketAddr, more: &[&str]) -> Result<Self> {
        let mut command = im_chats_launcher::gateway(binary, "relay", data);
        command.args(["--token", TOKEN, "--max-connections-per-address", "0", "--upstream", &format!("http://{upstream}")]);
        command.args(["--upstream-token", TOKEN]).args(more);
        Self::start(command, None)
    }

    /// As an operator ends it.
    pub(crate) fn end(mut self) -> Result<()> {
        self.process.terminate()?;
        let status = self.process.wait()?;
        ensure!(status.success(), "a server ended with {status}");
        Ok(())
    }

    fn start(mut command: Command, data: Option<TempDir>) -> Result<Self> {
        let process = im_chats_launcher::Process::start(&mut command).context("a server does not start")?;
        let address = process.address().parse()?;
        Ok(Self { process, address, data })
    }

    /// The gateway's database.
    pub(crate) fn database(&self) -> Result<PathBuf> {
        Ok(self.data.as_ref().context("a server without data")?.path().join("gateway.sqlite3"))
    }

    /// That it still runs.
    pub(crate) fn check(&mut self) -> Result<()> {
        let status = self.process.child.try_wait()?;
        ensure!(status.is_none(), "the server ended by itself: {status:?}");
        Ok(())
    }

    /// CPU time used until now.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        self.process.cpu_time().context("the server is gone")
    }

    /// Resident memory now, in KiB.
    pub(crate) fn resident(&self) -> Result<u64> {
        self.process.resident_kib().context("the server is gone")
    }

    /// The most resident memory since [`Process::reset_peak`], in KiB.
    pub(crate) fn peak(&self) -> Result<u64> {
        self.process.peak_kib().context("the server is gone")
    }

    pub(crate) fn reset_peak(&self) -> Result<()> {
        self.process.reset_peak().context("the peak of its memory cannot be reset")
    }
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
