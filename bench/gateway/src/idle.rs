//! Sockets on which nothing happens but heartbeats.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio::task::JoinSet;

use crate::batch::Check;
use crate::fanout::{float, many};
use crate::figure::{Better, Figure, Quantity};
use crate::process::{Gateway, Process};
use crate::socket::{Buffer, Socket};
use crate::subscriber::Subscriber;

/// Shorter than the default, so that every socket's come in the time of a benchmark.
const HEARTBEAT: Duration = Duration::from_secs(2);

const IDLE: Quantity = Quantity {
    key: "idle",
    what: "memory per idle socket with one subscription",
    unit: "KiB",
    better: Better::Less,
    limit_name: "bare axum WebSocket after one echo",
};

/// Memory of each of `sockets`.
pub(crate) async fn measure(sockets: usize, start: &Gateway, figures: &mut Vec<Figure>) -> Result<()> {
    let (value, limit) = (by_gateway(sockets, start).await?, Some(by_bare(sockets).await?));
    figures.push(Figure { quantity: IDLE, subscribers: Some(sockets), value, limit });
    Ok(())
}

async fn by_gateway(sockets: usize, start: &Gateway) -> Result<f64> {
    let mut gateway = start.start(Some(HEARTBEAT))?;
    let memory = gateway.resident()?;
    let mut open = many(sockets, |_| Subscriber::connect(gateway.address, Check::Batches, Buffer::Idle)).await?;
    // Twice: once could be from before the last socket came.
    for _ in 0..2 {
        let mut waiting = JoinSet::new();
        for mut subscriber in open.drain(..) {
            waiting.spawn(async move { subscriber.heartbeat().await.map(|()| subscriber) });
        }
        while let Some(subscriber) = waiting.join_next().await {
            open.push(subscriber?.context("an idle socket did not stay alive")?);
        }
    }
    gateway.check()?;
    each(&gateway, memory, sockets)
}

async fn by_bare(sockets: usize) -> Result<f64> {
    let mut bare = Process::bare()?;
    let memory = bare.resident()?;
    let connect = |_| async {
        let mut socket = Socket::open(bare.address, "/echo", None, Buffer::Idle).await?;
        socket.say("x").await?;
        socket.text().await?;
        Ok(socket)
    };
    let _open = many(sockets, connect).await?;
    bare.check()?;
    each(&bare, memory, sockets)
}

fn each(server: &Process, memory: u64, sockets: usize) -> Result<f64> {
    Ok(float(server.resident()?.saturating_sub(memory)) / float(u64::try_from(sockets)?))
}
