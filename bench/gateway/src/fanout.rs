//! Events appended, and delivered to one, many and very many subscribers.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::task::JoinSet;

use crate::batch::Check;
use crate::control::Control;
use crate::disk::{Cost, Written};
use crate::figure::Better::{Less, More};
use crate::figure::{Figure, Quantity};
use crate::plan::Plan;
use crate::process::{Gateway, Process};
use crate::socket::{Buffer, Socket};
use crate::subscriber::{Received, Subscriber};

/// Events before a measurement: they fill what the gateway keeps in memory of a log, which is no subscriber's cost, and bring
/// SQLite's write-ahead log to its full size, since a commit that makes a file longer takes longer.
pub(crate) const FILLED: u64 = 20_000;

/// Bytes that the bare server sends at least: what it does for one subscriber is over before a clock tick is.
const LEAST_SENT: u64 = 512 * 1024 * 1024;

/// Sockets that are being opened at a time.
const OPENING: usize = 64;

const SQLITE: &str = "SQLite batch insert of the same rows";
const BARE: &str = "bare axum WebSocket sending the same bytes";
const EITHER: &str = "the lower of SQLite's appending and the bare WebSocket's sending";

const APPENDED: Quantity =
    Quantity { key: "appended", what: "events appended, nobody listening", unit: "events/s", better: More, limit_name: SQLITE };
const APPENDED_CPU: Quantity = Quantity {
    key: "appendedCpu",
    what: "CPU per event appended, nobody listening",
    unit: "µs",
    better: Less,
    limit_name: SQLITE,
};
const LOG: Quantity =
    Quantity { key: "log", what: "the gateway's log alone", unit: "events/s", better: More, limit_name: SQLITE };
const LOG_CPU: Quantity =
    Quantity { key: "logCpu", what: "CPU per event, the gateway's log alone", unit: "µs", better: Less, limit_name: SQLITE };
const APPENDED_LIVE: Quantity = Quantity {
    key: "appendedLive",
    what: "events appended while they are delivered",
    unit: "events/s",
    better: More,
    limit_name: EITHER,
};
const EVENT_CPU: Quantity =
    Quantity { key: "eventCpu", what: "CPU per event, all its deliveries included", unit: "µs", better: Less, limit_name: "" };
const DELIVERED: Quantity =
    Quantity { key: "delivered", what: "deliveries", unit: "events/s", better: More, limit_name: EITHER };
const DELIVERED_CPU: Quantity =
    Quantity { key: "deliveredCpu", what: "CPU per delivery, beyond appending", unit: "µs", better: Less, limit_name: BARE };
const GROWTH: Quantity =
    Quantity { key: "growth", what: "memory per subscriber while events flow", unit: "KiB", better: Less, limit_name: BARE };

/// What appending alone costs in this round.
pub(crate) struct Appending {
    /// Of the gateway.
    cpu_per_event: f64,
    /// Of SQLite.
    events_per_second: f64,
    pub(crate) written: Written,
}

/// What both sides are asked in the same way.
struct Flow {
    /// Until everybody has everything.
    cost: Cost,
    growth_kib: f64,
}

/// The log without readers, and the least it could cost.
pub(crate) async fn appending(plan: &Plan, start: &Gateway, beside: &Path, figures: &mut Vec<Figure>) -> Result<Appending> {
    let mut gateway = start.start(None)?;
    let mut control = Control::connect(gateway.address).await?;
    control.chats().await?;
    control.generate(FILLED).await?;
    let (begin, before) = (Instant::now(), gateway.cpu()?);
    control.generate(plan.appended).await?;
    let ours = Cost { time: begin.elapsed(), cpu: gateway.cpu()?.saturating_sub(before) };
    gateway.check()?;
    let written = Written::read(&gateway.database()?)?;
    drop(gateway);
    let count = float(plan.appended);
    let rows = float(u64::try_from(written.len())?);
    let (log, sqlite) = (written.by_event_log(beside)?, written.by_sqlite(beside)?);
    let mut add = |quantity, value, limit| figures.push(Figure { quantity, subscribers: None, value, limit: Some(limit) });
    add(APPENDED, per_second(count, ours), per_second(rows, sqlite));
    add(APPENDED_CPU, micros(ours, count), micros(sqlite, rows));
    add(LOG, per_second(rows, log), per_second(rows, sqlite));
    add(LOG_CPU, micros(log, rows), micros(sqlite, rows));
    let events_per_second = per_second(rows, sqlite);
    Ok(Appending { cpu_per_event: micros(ours, count), events_per_second, written })
}

/// `events` to each of `subscribers`.
pub(crate) async fn with_subscribers(
    subscribers: usize,
    events: u64,
    start: &Gateway,
    appending: &Appending,
    figures: &mut Vec<Figure>,
) -> Result<()> {
    let (ours, appended, received) = by_gateway(subscribers, events, start).await?;
    let readers = float(u64::try_from(subscribers)?);
    let deliveries = readers * float(events);
    let order = Order::like(received, u64::try_from(subscribers)?);
    let bare = by_bare(subscribers, &order).await?;
    let share = float(order.frames) / float(order.frames_once);
    let mut add = |quantity, value, limit| figures.push(Figure { quantity, subscribers: Some(subscribers), value, limit });
    // No event is delivered before it is appended, nor appended much before it is delivered: readers and writer share the cores.
    let limit = appending.events_per_second.min(per_second(float(events) * share, bare.cost));
    add(APPENDED_LIVE, float(events) / appended.as_secs_f64(), Some(limit));
    add(DELIVERED, per_second(deliveries, ours.cost), Some(limit * readers));
    add(EVENT_CPU, micros(ours.cost, float(events)), None);
    let beyond = micros(ours.cost, deliveries) - appending.cpu_per_event / readers;
    add(DELIVERED_CPU, beyond, Some(micros(bare.cost, deliveries * share)));
    add(GROWTH, ours.growth_kib, Some(bare.growth_kib));
    Ok(())
}

async fn by_gateway(subscribers: usize, events: u64, start: &Gateway) -> Result<(Flow, Duration, Received)> {
    let mut gateway = start.start(None)?;
    let mut control = Control::connect(gateway.address).await?;
    control.chats().await?;
    let head = control.generate(FILLED).await?;
    let memory = gateway.resident()?;
    let connect = |index| {
        let check = if index == 0 { Check::Every } else { Check::Batches };
        Subscriber::connect(gateway.address, check, Buffer::Busy)
    };
    let readers = many(subscribers, connect).await?;
    gateway.reset_peak()?;
    let last = head.saturating_add(events);
    let (begin, before) = (Instant::now(), gateway.cpu()?);
    let mut following = JoinSet::new();
    for mut reader in readers {
        following.spawn(async move { reader.follow(last).await.map(|()| reader) });
    }
    control.generate(events).await?;
    let appended = begin.elapsed();
    let mut all = Received::default();
    let mut open = Vec::new();
    while let Some(reader) = following.join_next().await {
        let reader = reader?.context("a subscriber did not get everything in order")?;
        all.frames = all.frames.saturating_add(reader.received.frames);
        all.bytes = all.bytes.saturating_add(reader.received.bytes);
        // Stays open: closing is no part of it.
        open.push(reader);
    }
    let flow = flow(&gateway, begin, before, memory, subscribers)?;
    gateway.check()?;
    Ok((flow, appended, all))
}

/// What each socket of the bare server asks for.
struct Order {
    frames: u64,
    /// As many as the gateway sent to one subscriber.
    frames_once: u64,
    frame_bytes: u64,
}

impl Order {
    /// Frames like those that `subscribers` got, at least [`LEAST_SENT`] in all.
    fn like(received: Received, subscribers: u64) -> Self {
        let frames_once = received.frames.checked_div(subscribers).unwrap_or(0).max(1);
        let frame_bytes = received.bytes.checked_div(received.frames).unwrap_or(0).max(1);
        let times = LEAST_SENT.div_ceil(received.bytes.max(1));
        Self { frames: frames_once.saturating_mul(times), frames_once, frame_bytes }
    }
}

async fn by_bare(subscribers: usize, order: &Order) -> Result<Flow> {
    let mut bare = Process::bare()?;
    let memory = bare.resident()?;
    let connect = |_| async {
        let mut socket = Socket::open(bare.address, "/send", None, Buffer::Busy).await?;
        // One frame first, as a subscriber of the gateway has had some.
        socket.say("1 64").await?;
        socket.text().await?;
        Ok(socket)
    };
    let sockets = many(subscribers, connect).await?;
    bare.reset_peak()?;
    let (begin, before) = (Instant::now(), bare.cpu()?);
    let mut reading = JoinSet::new();
    for mut socket in sockets {
        let (frames, text) = (order.frames, format!("{} {}", order.frames, order.frame_bytes));
        reading.spawn(async move {
            socket.say(text).await?;
            for _ in 0..frames {
                socket.text().await?;
            }
            anyhow::Ok(socket)
        });
    }
    let mut open = Vec::new();
    while let Some(socket) = reading.join_next().await {
        open.push(socket??);
    }
    let flow = flow(&bare, begin, before, memory, subscribers)?;
    bare.check()?;
    Ok(flow)
}

fn flow(server: &Process, begin: Instant, cpu: Duration, memory: u64, sockets: usize) -> Result<Flow> {
    let cost = Cost { time: begin.elapsed(), cpu: server.cpu()?.saturating_sub(cpu) };
    Ok(Flow { cost, growth_kib: float(server.peak()?.saturating_sub(memory)) / float(u64::try_from(sockets)?) })
}

/// Opens `count` of something, some at a time: a server's listen queue is short.
pub(crate) async fn many<T, F: Future<Output = Result<T>>>(count: usize, open: impl FnMut(usize) -> F) -> Result<Vec<T>> {
    stream::iter(0..count).map(open).buffered(OPENING).try_collect().await
}

/// Counts here are far below 2^53.
#[allow(clippy::cast_precision_loss, reason = "counts here are far below 2^53")]
pub(crate) const fn float(count: u64) -> f64 {
    count as f64
}

fn per_second(count: f64, cost: Cost) -> f64 {
    count / cost.time.as_secs_f64()
}

/// CPU of one of `count`.
fn micros(cost: Cost, count: f64) -> f64 {
    cost.cpu.as_secs_f64() * 1e6 / count
}
