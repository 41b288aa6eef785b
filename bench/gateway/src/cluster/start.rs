//! From an upstream with many events to relays that have them, and what they take then.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use im_chats_launcher::nats::Server;

use super::figures::{alone, beside};
use super::plan::Plan;
use super::world::{Relays, Single, disk, nats, nats_cpu, reaches};
use crate::control::Control;
use crate::fanout::float;
use crate::figure::Better::{Less, More};
use crate::figure::Figure;
use crate::process::{Gateway, Process};

/// Starts everything with a log of [`Plan::log`] events.
pub(crate) async fn measure(
    plan: &Plan,
    start: &Gateway,
    nats_server: &Path,
    figures: &mut Vec<Figure>,
) -> Result<(Single, Relays)> {
    let events = float(plan.log);
    let micros = |cpu: Duration| cpu.as_secs_f64() * 1e6 / events;
    let (upstream, head) = filled(plan, start).await?;
    let data = start.folder()?;
    let begin = Instant::now();
    let relay = Process::relay(start.binary(), data.path(), upstream.address, &[])?;
    reaches(relay.address, head).await?;
    let (one, one_cpu) = (begin.elapsed().as_secs_f64(), relay.cpu()?);
    let single = Single { upstream, relay, data };

    let (upstream, head) = filled(plan, start).await?;
    let nats = nats(nats_server)?;
    let (ingester_data, front_data) = (start.folder()?, start.folder()?);
    let (begin, before) = (Instant::now(), nats_cpu(&nats)?);
    let ingester = Relays::start(start.binary(), &nats, "auto", ingester_data.path(), upstream.address)?;
    reaches(ingester.address, head).await?;
    let took = begin.elapsed().as_secs_f64();
    figures.push(beside(
        "ingest",
        "events brought from the upstream into the log",
        "events/s",
        More,
        events / took,
        events / one,
    ));
    figures.push(beside("ingestCpu", "CPU per event of that, ingester", "µs", Less, micros(ingester.cpu()?), micros(one_cpu)));
    let nats_took = micros(nats_cpu(&nats)?.saturating_sub(before));
    figures.push(alone("ingestNatsCpu", "CPU per event of that, the three servers of NATS", "µs", nats_took));

    let (begin, before) = (Instant::now(), nats_cpu(&nats)?);
    let front = Relays::start(start.binary(), &nats, "front", front_data.path(), upstream.address)?;
    let listens = begin.elapsed();
    reaches(front.address, head).await?;
    let took = begin.elapsed().as_secs_f64();
    figures.push(alone("emptyListens", "start of a front without data until it listens", "ms", listens.as_secs_f64() * 1e3));
    figures.push(alone("emptyStart", "start of a front without data until it has the whole log", "s", took));
    figures.push(alone("emptyCpu", "CPU per event of that, front", "µs", micros(front.cpu()?)));
    let nats_took = micros(nats_cpu(&nats)?.saturating_sub(before));
    figures.push(alone("emptyNatsCpu", "CPU per event of that, the three servers of NATS", "µs", nats_took));
    front.end()?;

    let begin = Instant::now();
    let front = Relays::start(start.binary(), &nats, "front", front_data.path(), upstream.address)?;
    let listens = begin.elapsed();
    reaches(front.address, head).await?;
    let took = begin.elapsed();
    figures.push(alone("warmListens", "start of a front with its data until it listens", "ms", listens.as_secs_f64() * 1e3));
    figures.push(alone(
        "warmStart",
        "start of a front with its data until it has the whole log",
        "ms",
        took.as_secs_f64() * 1e3,
    ));
    Ok((single, Relays { upstream, ingester, front, nats, front_data, _ingester_data: ingester_data }))
}

/// An upstream with the events, and its head.
async fn filled(plan: &Plan, start: &Gateway) -> Result<(Process, u64)> {
    let upstream = start.start(None)?;
    let mut control = Control::connect(upstream.address).await?;
    control.chats().await?;
    let head = control.generate(plan.log).await?;
    Ok((upstream, head))
}

/// Memory and disk, after everything else.
pub(crate) fn sizes(single: &Single, relays: &Relays, figures: &mut Vec<Figure>) -> Result<()> {
    let mib = |kib: u64| float(kib) / 1024.0;
    let one = mib(single.relay.resident()?);
    figures.push(beside(
        "frontMemory",
        "memory of the front after all of this",
        "MiB",
        Less,
        mib(relays.front.resident()?),
        one,
    ));
    let ingester = mib(relays.ingester.resident()?);
    figures.push(beside("ingesterMemory", "memory of the ingester after all of this", "MiB", Less, ingester, one));
    let resident = |server: &Server| Ok(server.process().context("a server of NATS is gone")?.resident_kib()?);
    let nats = relays.nats.servers.iter().map(resident).collect::<Result<Vec<_>>>()?;
    let most = nats.iter().copied().max().unwrap_or(0);
    figures.push(alone("natsMemory", "memory of a server of NATS after all of this, the largest", "MiB", mib(most)));
    let disk_mib = |folder: &Path| Ok::<_, anyhow::Error>(mib(disk(folder)? / 1024));
    let (copy, own) = (disk_mib(relays.front_data.path())?, disk_mib(single.data.path())?);
    figures.push(beside("copyDisk", "disk of a relay's copy of the log", "MiB", Less, copy, own));
    let stores = relays.nats.servers.iter().map(|server| disk_mib(&server.store())).collect::<Result<Vec<_>>>()?;
    let most = stores.iter().copied().fold(0.0, f64::max);
    figures.push(beside("natsDisk", "disk of a server of NATS, the largest", "MiB", Less, most, own));
    Ok(())
}
