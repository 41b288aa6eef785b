//! Emulator and relay, each alone, beside those of an earlier binary.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::plan::Plan;
use super::world::reaches;
use crate::batch::Check;
use crate::control::Control;
use crate::fanout::float;
use crate::figure::Better::{Less, More};
use crate::figure::{Better, Figure, Quantity};
use crate::process::{Gateway, Process};
use crate::socket::Buffer;
use crate::subscriber::Subscriber;

/// What both are measured by.
struct Measured {
    /// Of the emulator, while a reader follows.
    emulator: (f64, Duration),
    /// Of a relay that copies all of it.
    relay: (f64, Duration),
    /// Of a relay from whose log a reader gets all of it.
    replay: (f64, Duration),
}

/// The rounds; each second one has the other first.
pub(crate) async fn measure(plan: &Plan, new: &Gateway, old: &Gateway) -> Result<Vec<Vec<Figure>>> {
    let mut rounds = Vec::new();
    for round in 0..plan.old_rounds {
        eprintln!("round {} of {}", round.saturating_add(1), plan.old_rounds);
        let (new, old) = if round % 2 == 0 {
            let new = one(plan, new).await?;
            (new, one(plan, old).await?)
        } else {
            let old = one(plan, old).await?;
            (one(plan, new).await?, old)
        };
        let events = float(plan.log);
        let mut figures = Vec::new();
        let mut add = |what: [&'static str; 2], new: (f64, Duration), old: (f64, Duration)| {
            let [rate, cpu] = what;
            figures.push(figure(rate, "events/s", More, events / new.0, events / old.0));
            let micros = |cpu: Duration| cpu.as_secs_f64() * 1e6 / events;
            figures.push(figure(cpu, "µs", Less, micros(new.1), micros(old.1)));
        };
        add(["emulator: events appended and delivered to one", "emulator: CPU per event of that"], new.emulator, old.emulator);
        add(["relay: events copied from the upstream", "relay: CPU per event of that"], new.relay, old.relay);
        add(["relay: events replayed to one", "relay: CPU per event of that replay"], new.replay, old.replay);
        rounds.push(figures);
    }
    Ok(rounds)
}

fn figure(what: &'static str, unit: &'static str, better: Better, value: f64, old: f64) -> Figure {
    let quantity = Quantity { key: what, what, unit, better, limit_name: "the earlier version" };
    Figure { quantity, subscribers: None, value, limit: Some(old) }
}

async fn one(plan: &Plan, start: &Gateway) -> Result<Measured> {
    let upstream = start.start(None)?;
    let mut control = Control::connect(upstream.address).await?;
    control.chats().await?;
    let last = control.head().await?.saturating_add(plan.log);
    let mut reader = Subscriber::connect(upstream.address, Check::Batches, Buffer::Busy).await?;
    let (begin, before) = (Instant::now(), upstream.cpu()?);
    let (generated, read) = tokio::join!(control.generate(plan.log), reader.reach(last));
    generated?;
    read?;
    let emulator = (begin.elapsed().as_secs_f64(), upstream.cpu()?.saturating_sub(before));
    drop(reader);

    let data = start.folder()?;
    let begin = Instant::now();
    let relay = Process::relay(start.binary(), data.path(), upstream.address, &[])?;
    reaches(relay.address, last).await?;
    let copied = (begin.elapsed().as_secs_f64(), relay.cpu()?);

    let mut reader = Subscriber::connect_at_begin(relay.address, Check::Batches).await?;
    let (begin, before) = (Instant::now(), relay.cpu()?);
    reader.reach(last).await.context("a reader did not get everything in order")?;
    let replay = (begin.elapsed().as_secs_f64(), relay.cpu()?.saturating_sub(before));
    Ok(Measured { emulator, relay: copied, replay })
}
