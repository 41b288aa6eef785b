//! Events to readers: those that the log has already, and those that come now.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::task::JoinSet;

use super::figures::{alone, beside, with};
use super::world::{Cpu, Relays, Single};
use crate::batch::Check;
use crate::control::Control;
use crate::fanout::{float, many};
use crate::figure::Better::{Less, More};
use crate::figure::Figure;
use crate::process::Process;
use crate::socket::Buffer;
use crate::subscriber::Subscriber;

/// `events` to each of `readers`, from the log and live, at the front and at one relay alone.
pub(crate) async fn measure(
    readers: usize,
    events: u64,
    single: &Single,
    relays: &Relays,
    figures: &mut Vec<Figure>,
) -> Result<()> {
    let deliveries = float(events) * float(u64::try_from(readers)?);
    let micros = |cpu: Duration| cpu.as_secs_f64() * 1e6 / deliveries;
    let mut add = |figure| figures.push(with(readers, figure));

    let before = single.relay.cpu()?;
    let one = replay(readers, events, &single.relay).await?;
    let one_cpu = single.relay.cpu()?.saturating_sub(before);
    let before = relays.front.cpu()?;
    let took = replay(readers, events, &relays.front).await?;
    let cpu = relays.front.cpu()?.saturating_sub(before);
    add(beside("replay", "deliveries of a replay", "events/s", More, deliveries / took, deliveries / one));
    add(beside("replayCpu", "CPU per delivery of a replay", "µs", Less, micros(cpu), micros(one_cpu)));

    let before = single.relay.cpu()?;
    let one = live(readers, events, &single.upstream, &single.relay).await?;
    let one_cpu = single.relay.cpu()?.saturating_sub(before);
    let before = relays.cpu()?;
    let took = live(readers, events, &relays.upstream, &relays.front).await?;
    let Cpu { front, ingester, nats } = relays.cpu()?.since(before);
    let each = |cpu: Duration| cpu.as_secs_f64() * 1e6 / float(events);
    add(beside("burst", "deliveries of a burst of new events", "events/s", More, deliveries / took, deliveries / one));
    add(beside("burstCpu", "CPU per new event, front", "µs", Less, each(front), each(one_cpu)));
    add(alone("burstIngesterCpu", "CPU per new event, ingester", "µs", each(ingester)));
    add(alone("burstNatsCpu", "CPU per new event, the three servers of NATS", "µs", each(nats)));
    Ok(())
}

/// How many seconds it takes until every reader has so many events from the beginning of the log.
async fn replay(readers: usize, events: u64, server: &Process) -> Result<f64> {
    let begin = Instant::now();
    let open = many(readers, |index| Subscriber::connect_at_begin(server.address, check(index))).await?;
    all(open, events).await?;
    Ok(begin.elapsed().as_secs_f64())
}

/// How many seconds it takes from the upstream's first new event until every reader has all of them.
async fn live(readers: usize, events: u64, upstream: &Process, server: &Process) -> Result<f64> {
    let mut control = Control::connect(upstream.address).await?;
    super::world::reaches(server.address, control.head().await?).await?;
    let open = many(readers, |index| Subscriber::connect(server.address, check(index), Buffer::Busy)).await?;
    let last = control.head().await?.saturating_add(events);
    let begin = Instant::now();
    let (generated, read) = tokio::join!(control.generate(events), all(open, last));
    generated?;
    read?;
    Ok(begin.elapsed().as_secs_f64())
}

const fn check(index: usize) -> Check {
    if index == 0 { Check::Every } else { Check::Batches }
}

async fn all(readers: Vec<Subscriber>, through: u64) -> Result<()> {
    let mut reading = JoinSet::new();
    for mut reader in readers {
        reading.spawn(async move { reader.reach(through).await.map(|()| reader) });
    }
    // They stay open until all have everything: closing is no part of it.
    let mut open = Vec::new();
    while let Some(reader) = reading.join_next().await {
        open.push(reader?.context("a reader did not get everything in order")?);
    }
    Ok(())
}
