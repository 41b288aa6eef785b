//! `start`: what a start costs after very many events, and what writes cost while old events are dropped.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use futures_util::future::try_join_all;
use im_chats_gateway::emulator::{Emulator, WriterThread};
use im_chats_gateway::log::store::Store;
use im_chats_gateway::log::{Keeper, RetainArgs};
use im_chats_gateway::service::backend::Backend as _;
use im_chats_gateway::service::context::CallContext;
use im_chats_gateway::service::proto::{CreateChatInitialMessage, CreateChatRequest};
use rusqlite::{Connection, OpenFlags};
use tokio_util::sync::CancellationToken;

use crate::process::TOKEN;

/// Writes on their way at once.
const AT_ONCE: u64 = 2048;

/// Chats among which the events are spread.
const CHATS: u64 = 100;

/// Starts of which the median counts.
const STARTS: usize = 5;

/// Writes, one after the other, before old events go.
const WRITES: usize = 500;

#[derive(Args)]
pub(crate) struct Start {
    /// The gateway's release binary.
    #[arg(long, value_name = "BINARY")]
    gateway: PathBuf,
    /// How many events are written, each with an entry of the journal.
    #[arg(long, value_name = "N", default_value_t = 10_000_000)]
    events: u64,
    /// The folder for the databases.
    #[arg(long, value_name = "DIR", default_value = "target")]
    beside: PathBuf,
}

/// Prints one line a figure.
pub(crate) async fn measure(start: &Start) -> Result<()> {
    ensure!(start.gateway.is_file(), "there is no gateway at {}", start.gateway.display());
    let folder = || tempfile::Builder::new().prefix("gateway-start-").tempdir_in(&start.beside);
    let few = start.events / 10;
    {
        let plain = folder()?;
        fill(plain.path(), few, false).await?;
        println!("{few} events, no checkpoint: {}", size(plain.path())?);
        println!("  first start {:.2?}", first_answer(&start.gateway, plain.path())?);
    }
    let data = folder()?;
    let began = Instant::now();
    fill(data.path(), start.events, true).await?;
    println!("{} events, compacted meanwhile, in {:.0?}: {}", start.events, began.elapsed(), size(data.path())?);
    let mut starts = (0..STARTS).map(|_| first_answer(&start.gateway, data.path())).collect::<Result<Vec<_>>>()?;
    starts.sort_unstable();
    println!("  start {:.2?} in the median, {:.2?} at most of {STARTS}", median(&starts)?, starts.last().context("a start")?);
    prune(data.path(), few).await
}

/// Writes so many events, one message each.
async fn fill(data: &Path, events: u64, compacts: bool) -> Result<()> {
    let store = Store::open(data)?;
    let (emulator, writer) = Emulator::open(store.clone())?;
    let end = CancellationToken::new();
    let compacting = compacts.then(|| tokio::spawn(emulator.compactor(store.clone()).run(end.clone())));
    for first in (0..events).step_by(usize::try_from(AT_ONCE)?) {
        let calls = (first..events.min(first.saturating_add(AT_ONCE))).map(|n| message(&emulator, n));
        try_join_all(calls).await?;
    }
    end.cancel();
    if let Some(compacting) = compacting {
        compacting.await?;
    }
    close(emulator, writer)
}

fn close(emulator: Emulator, writer: WriterThread) -> Result<()> {
    drop(emulator);
    writer.join().ok().context("the writer failed")
}

async fn message(emulator: &Emulator, n: u64) -> Result<()> {
    let request = CreateChatRequest {
        addresses: vec![format!("friend{}@example.com", n % CHATS)],
        initial_message: Some(CreateChatInitialMessage { text: format!("message {n}"), ..Default::default() }),
        ..Default::default()
    };
    emulator.create_chat(&CallContext::default(), request).await?;
    Ok(())
}

/// From the start of the process to the line that says where it listens.
fn first_answer(binary: &Path, data: &Path) -> Result<Duration> {
    let mut command = im_chats_launcher::gateway(binary, "emulator", data);
    command.args(["--token", TOKEN]);
    let began = Instant::now();
    let mut process = im_chats_launcher::Process::start(&mut command).context("the gateway does not start")?;
    let took = began.elapsed();
    process.terminate()?;
    process.wait()?;
    Ok(took)
}

/// Drops all but so many events, and writes meanwhile.
async fn prune(data: &Path, left: u64) -> Result<()> {
    let (emulator, writer) = Emulator::open(Store::open(data)?)?;
    let mut before = Vec::new();
    for _ in 0..WRITES {
        before.push(timed(&emulator).await?);
    }
    let retain = RetainArgs { retain_days: None, retain_events: Some(left) };
    let mut keeper = Keeper::new(emulator.event_log().clone(), retain);
    let finished = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let said = Arc::clone(&finished);
    let began = Instant::now();
    let pruning = tokio::task::spawn_blocking(move || {
        let pruned = keeper.keep(0, &|| false);
        said.store(true, std::sync::atomic::Ordering::Release);
        pruned.map(|pruned| (pruned, began.elapsed()))
    });
    let mut during = Vec::new();
    while !finished.load(std::sync::atomic::Ordering::Acquire) {
        during.push(timed(&emulator).await?);
    }
    let (pruned, took) = pruning.await??;
    println!("{} events dropped in {took:.0?}", pruned.events);
    for (what, times) in [("before", &mut before), ("meanwhile", &mut during)] {
        times.sort_unstable();
        let at = |share: usize| times.get(times.len().saturating_mul(share) / 1000).copied().unwrap_or_default();
        let longest = times.last().copied().unwrap_or_default();
        println!(
            "  a write, {what}: {:.2?} p50, {:.2?} p99, {:.2?} p99.9, {longest:.2?} longest of {}",
            at(500),
            at(990),
            at(999),
            times.len()
        );
    }
    println!("  afterwards {}", size(data)?);
    close(emulator, writer)
}

async fn timed(emulator: &Emulator) -> Result<Duration> {
    let began = Instant::now();
    message(emulator, 0).await?;
    Ok(began.elapsed())
}

fn median(sorted: &[Duration]) -> Result<Duration> {
    sorted.get(sorted.len() / 2).copied().context("no start")
}

fn size(data: &Path) -> Result<String> {
    let database = data.join("gateway.sqlite3");
    let connection = Connection::open_with_flags(&database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let (entries, free) = (number("SELECT count(*) FROM journal")?, number("PRAGMA freelist_count")?);
    let (pages, page) = (number("PRAGMA page_count")?, number("PRAGMA page_size")?);
    let mib = |pages: i64| pages.saturating_mul(page) / (1 << 20);
    Ok(format!("{entries} entries in the journal, a database of {} MiB, {} MiB of it free", mib(pages), mib(free)))
}
