//! The servers of a round.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use im_chats_launcher::nats::{Nats, Setup};
use tempfile::TempDir;

use crate::control::Control;
use crate::process::{Gateway, Process};

/// How often a server is asked how far its log is.
const LOOK: Duration = Duration::from_millis(50);

/// Longer than a copy of the log takes anywhere.
const PATIENCE: Duration = Duration::from_secs(300);

/// A relay that keeps its log alone.
pub(crate) struct Single {
    pub(crate) upstream: Process,
    pub(crate) relay: Process,
    pub(crate) data: TempDir,
}

/// Relays over one log.
pub(crate) struct Relays {
    pub(crate) upstream: Process,
    /// It serves, and writes the log.
    pub(crate) ingester: Process,
    /// It only serves.
    pub(crate) front: Process,
    pub(crate) nats: Nats,
    pub(crate) front_data: TempDir,
    pub(crate) _ingester_data: TempDir,
}

/// CPU time of the servers of a cluster until now.
#[derive(Clone, Copy)]
pub(crate) struct Cpu {
    pub(crate) front: Duration,
    pub(crate) ingester: Duration,
    /// Of all servers of NATS.
    pub(crate) nats: Duration,
}

impl Cpu {
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            front: self.front.saturating_sub(before.front),
            ingester: self.ingester.saturating_sub(before.ingester),
            nats: self.nats.saturating_sub(before.nats),
        }
    }
}

impl Relays {
    /// The flags of a relay of this cluster.
    fn flags(nats: &Nats, role: &str) -> [String; 8] {
        ["--log", &nats.urls(), "--log-name", "bench", "--role", role, "--nats-monitor", &nats.monitors()].map(str::to_owned)
    }

    pub(crate) fn start(binary: &Path, nats: &Nats, role: &str, data: &Path, upstream: SocketAddr) -> Result<Process> {
        let flags = Self::flags(nats, role);
        Process::relay(binary, data, upstream, &flags.each_ref().map(String::as_str))
    }

    /// One more front, with data of its own.
    pub(crate) fn another_front(&self, start: &Gateway) -> Result<(Process, TempDir)> {
        let data = start.folder()?;
        Ok((Self::start(start.binary(), &self.nats, "front", data.path(), self.upstream.address)?, data))
    }

    pub(crate) fn cpu(&self) -> Result<Cpu> {
        Ok(Cpu { front: self.front.cpu()?, ingester: self.ingester.cpu()?, nats: nats_cpu(&self.nats)? })
    }
}

/// Three servers that write to their disks at once.
pub(crate) fn nats(binary: &Path) -> Result<Nats> {
    let setup = Setup { servers: 3, binary: binary.to_owned(), jetstream: true, sync_always: true, config: String::new() };
    setup.start().context("NATS does not start")
}

pub(crate) fn nats_cpu(nats: &Nats) -> Result<Duration> {
    nats.servers.iter().map(|server| Ok(server.process().context("a server of NATS is gone")?.cpu_time()?)).sum()
}

/// Waits until the log of the server at `address` goes as far.
pub(crate) async fn reaches(address: SocketAddr, head: u64) -> Result<()> {
    let mut control = Control::connect(address).await?;
    let end = Instant::now() + PATIENCE;
    loop {
        let now = control.head().await?;
        if now >= head {
            return Ok(());
        }
        ensure!(Instant::now() < end, "its log ends with {now} and not with {head}");
        tokio::time::sleep(LOOK).await;
    }
}

/// Bytes in a folder, on the disk.
pub(crate) fn disk(folder: &Path) -> Result<u64> {
    use std::os::unix::fs::MetadataExt as _;
    let mut bytes = 0_u64;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let meta = entry.metadata()?;
        let own = if meta.is_dir() { disk(&entry.path())? } else { meta.blocks().saturating_mul(512) };
        bytes = bytes.saturating_add(own);
    }
    Ok(bytes)
}
