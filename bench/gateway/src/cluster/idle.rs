//! What a front costs with sockets on which nothing happens but heartbeats, at their default interval, and the package's answers to them.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::figures::{alone, with};
use super::plan::Plan;
use super::world::{Cpu, Relays};
use crate::batch::Check;
use crate::control::Control;
use crate::fanout::{float, many};
use crate::figure::Figure;
use crate::process::{Gateway, Process};
use crate::socket::Buffer;
use crate::subscriber::Subscriber;

/// Between two events.
const TRICKLE: Duration = Duration::from_millis(200);

/// More and more sockets on a fresh front.
pub(crate) async fn measure(plan: &Plan, start: &Gateway, relays: &Relays, figures: &mut Vec<Figure>) -> Result<()> {
    // Copying costs time and leaves memory behind, so it is over before, and was another process's.
    let head = Control::connect(relays.upstream.address).await?.head().await?;
    let (copying, data) = relays.another_front(start)?;
    super::world::reaches(copying.address, head).await?;
    copying.end()?;
    let front = Relays::start(start.binary(), &relays.nats, "front", data.path(), relays.upstream.address)?;
    super::world::reaches(front.address, head).await?;
    let mut staying = JoinSet::new();
    for &sockets in plan.idle {
        let more = sockets.saturating_sub(staying.len());
        for mut socket in many(more, |_| Subscriber::connect(front.address, Check::Batches, Buffer::Idle)).await? {
            staying.spawn(async move { socket.stay().await });
        }
        let others = relays.cpu()?;
        let before = front.cpu()?;
        tokio::select! {
            () = sleep(Duration::from_secs(plan.idle_s)) => {}
            Some(ended) = staying.join_next() => { ended?.context("an idle socket did not stay alive")?; }
        }
        let minute = |cpu: Duration| cpu.as_secs_f64() * 60.0 / float(plan.idle_s);
        let Cpu { ingester, nats, .. } = relays.cpu()?.since(others);
        let mib = float(front.resident()?) / 1024.0;
        let mut add = |figure| figures.push(with(sockets, figure));
        add(alone("idleMemory", "memory of a front with idle sockets", "MiB", mib));
        add(alone("idleCpu", "CPU in a minute, front with idle sockets", "s", minute(front.cpu()?.saturating_sub(before))));
        if Some(&sockets) == plan.idle.last() {
            let cpu = trickle(plan, relays, &front).await?;
            let deliveries = float(plan.trickle) * float(u64::try_from(sockets)?);
            add(alone(
                "trickleCpu",
                "CPU per delivery of events that come one by one",
                "µs",
                cpu.as_secs_f64() * 1e6 / deliveries,
            ));
        }
        if sockets == 0 {
            add(alone("idleIngesterCpu", "CPU in a minute, ingester", "s", minute(ingester)));
            add(alone("idleNatsCpu", "CPU in a minute, the three servers of NATS", "s", minute(nats)));
        }
    }
    Ok(())
}

/// CPU of a front for events that come one after the other, each to all its sockets.
async fn trickle(plan: &Plan, relays: &Relays, front: &Process) -> Result<Duration> {
    let mut control = Control::connect(relays.upstream.address).await?;
    let body = json!({ "chatGuid": control.chat("alice@example.com").await? });
    let mut watcher = Subscriber::connect(front.address, Check::Every, Buffer::Idle).await?;
    let before = front.cpu()?;
    for write in 0..plan.trickle {
        let path = if write % 2 == 0 { "/emulator/v1/chats:archive" } else { "/emulator/v1/chats:unarchive" };
        let written = control.post(path, &body).await?;
        let sequence = written.pointer("/sequences/0").and_then(Value::as_u64).context("nothing was written")?;
        watcher.reach(sequence).await?;
        // As far apart as events are where they are few: none waits for the one before.
        sleep(TRICKLE).await;
    }
    Ok(front.cpu()?.saturating_sub(before))
}
