//! What a front costs with sockets on which nothing happens but heartbeats, at their default interval, and the package's answers to them.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::world::{Cpu, Relays};
use super::{Plan, alone, with};
use crate::batch::Check;
use crate::fanout::{float, many};
use crate::figure::Figure;
use crate::process::Gateway;
use crate::socket::Buffer;
use crate::subscriber::Subscriber;

/// More and more sockets on a fresh front.
pub(crate) async fn measure(plan: &Plan, start: &Gateway, relays: &Relays, figures: &mut Vec<Figure>) -> Result<()> {
    // That of the measurements before has grown.
    let (front, _data) = relays.another_front(start)?;
    super::world::reaches(front.address, plan.log).await?;
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
        if sockets == 0 {
            add(alone("idleIngesterCpu", "CPU in a minute, ingester", "s", minute(ingester)));
            add(alone("idleNatsCpu", "CPU in a minute, the three servers of NATS", "s", minute(nats)));
        }
    }
    Ok(())
}
