//! From the sending of a write to the arrival of its event, one write after the other.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::batch::Check;
use crate::control::Control;
use crate::disk::OneByOne;
use crate::fanout::{Appending, FILLED, many};
use crate::figure::{Better, Figure, Quantity};
use crate::plan::Plan;
use crate::process::{Gateway, Process};
use crate::socket::{Buffer, Socket};
use crate::subscriber::Subscriber;

/// Writes that are not counted: the first ones open files and grow buffers.
pub(crate) const WARM: usize = 50;

/// Writes of one side before the other has its turn.
pub(crate) const TURN: usize = 50;

const LIMIT: &str = "commit of one row in SQLite, then a bare axum WebSocket broadcast to as many";

const fn quantity(key: &'static str, what: &'static str, limit_name: &'static str) -> Quantity {
    Quantity { key, what, unit: "ms", better: Better::Less, limit_name }
}

const SEEN: [Quantity; 3] = [
    quantity("seenP50", "write → event seen, p50", LIMIT),
    quantity("seenP99", "write → event seen, p99", LIMIT),
    quantity("seenMax", "write → event seen, longest", LIMIT),
];

const ECHO: [Quantity; 2] = [
    quantity("echoP50", "bare WebSocket echo, there and back, p50", ""),
    quantity("echoP99", "bare WebSocket echo, there and back, p99", ""),
];

/// Latency with few and many watching, and the least it could be.
pub(crate) async fn measure(
    plan: &Plan,
    start: &Gateway,
    beside: &Path,
    appending: &Appending,
    figures: &mut Vec<Figure>,
) -> Result<()> {
    for &watchers in plan.watchers {
        let count = plan.writes.saturating_add(WARM);
        let mut ours = Ours::start(watchers, count, start).await?;
        let mut least = Least::start(watchers, count, appending.written.one_by_one(beside, FILLED)?).await?;
        let (mut seen, mut limit) = (Vec::with_capacity(count), Vec::with_capacity(count));
        // By turns: how long the disk takes changes from second to second.
        while seen.len() < count {
            for _ in 0..TURN.min(count.saturating_sub(seen.len())) {
                seen.push(ours.write().await?);
            }
            while limit.len() < seen.len() {
                limit.push(least.write().await?);
            }
        }
        ours.end().await?;
        least.end().await?;
        let (seen, limit) = (Spread::of(counted(seen))?, Spread::of(counted(limit))?);
        for ((quantity, value), limit) in SEEN.into_iter().zip(seen.all()).zip(limit.all()) {
            figures.push(Figure { quantity, subscribers: Some(watchers), value, limit: Some(limit) });
        }
    }
    let echo = Spread::of(echoes(plan.writes).await?)?;
    for (quantity, value) in ECHO.into_iter().zip(echo.all()) {
        figures.push(Figure { quantity, subscribers: None, value, limit: None });
    }
    Ok(())
}

/// A gateway, its watchers, and who writes.
struct Ours {
    gateway: Process,
    control: Control,
    body: Value,
    measured: Subscriber,
    others: JoinSet<Result<()>>,
    is_archived: bool,
}

impl Ours {
    async fn start(watchers: usize, writes: usize, start: &Gateway) -> Result<Self> {
        let gateway = start.start(None)?;
        let mut control = Control::connect(gateway.address).await?;
        let body = json!({ "chatGuid": control.chat("alice@example.com").await? });
        let head = control.generate(FILLED).await?;
        let connect = |_| Subscriber::connect(gateway.address, Check::Every, Buffer::Busy);
        let mut all = many(watchers, connect).await?;
        let measured = all.pop().context("nobody watches")?;
        let last = head.saturating_add(u64::try_from(writes)?);
        let mut others = JoinSet::new();
        for mut other in all {
            others.spawn(async move { other.follow(last).await });
        }
        Ok(Self { gateway, control, body, measured, others, is_archived: false })
    }

    async fn write(&mut self) -> Result<Duration> {
        let path = if self.is_archived { "/emulator/v1/chats:unarchive" } else { "/emulator/v1/chats:archive" };
        self.is_archived = !self.is_archived;
        let begin = Instant::now();
        let seen = async { self.measured.batch().await.map(|position| (position, begin.elapsed())) };
        let (answer, seen) = tokio::join!(self.control.post(path, &self.body), seen);
        let (position, after) = seen?;
        let written = answer?.pointer("/sequences/0").and_then(Value::as_u64);
        ensure!(written == Some(position), "{path} wrote {written:?}, and what was seen is {position}");
        Ok(after)
    }

    async fn end(mut self) -> Result<()> {
        while let Some(other) = self.others.join_next().await {
            other?.context("a subscriber did not get everything in order")?;
        }
        self.gateway.check()
    }
}

/// A commit of one row here, then a text to everyone in the bare server's room, measured at the one who says it.
struct Least<'a> {
    bare: Process,
    commits: OneByOne<'a>,
    measured: Socket,
    others: JoinSet<Result<()>>,
}

impl<'a> Least<'a> {
    async fn start(watchers: usize, writes: usize, commits: OneByOne<'a>) -> Result<Self> {
        let bare = Process::bare()?;
        let enter = |_| async {
            let mut socket = Socket::open(bare.address, "/room", None, Buffer::Busy).await?;
            socket.text().await?;
            Ok(socket)
        };
        let mut all = many(watchers, enter).await?;
        let measured = all.pop().context("nobody watches")?;
        let mut others = JoinSet::new();
        for mut other in all {
            others.spawn(async move {
                for _ in 0..writes {
                    other.text().await?;
                }
                Ok(())
            });
        }
        Ok(Self { bare, commits, measured, others })
    }

    async fn write(&mut self) -> Result<Duration> {
        let begin = Instant::now();
        self.commits.commit()?;
        there_and_back(&mut self.measured).await?;
        Ok(begin.elapsed())
    }

    async fn end(mut self) -> Result<()> {
        while let Some(other) = self.others.join_next().await {
            other??;
        }
        self.bare.check()
    }
}

async fn echoes(count: usize) -> Result<Vec<Duration>> {
    let mut bare = Process::bare()?;
    let mut socket = Socket::open(bare.address, "/echo", None, Buffer::Busy).await?;
    let mut taken = Vec::with_capacity(count);
    for _ in 0..count.saturating_add(WARM) {
        let begin = Instant::now();
        there_and_back(&mut socket).await?;
        taken.push(begin.elapsed());
    }
    bare.check()?;
    Ok(counted(taken))
}

/// About as long as a frame with one event.
async fn there_and_back(socket: &mut Socket) -> Result<()> {
    socket.say("x".repeat(256)).await?;
    socket.text().await.map(drop)
}

/// Without the first ones.
pub(crate) fn counted(taken: Vec<Duration>) -> Vec<Duration> {
    taken.into_iter().skip(WARM).collect()
}

/// The middle, the slow end and the end.
pub(crate) struct Spread {
    p50: Duration,
    p99: Duration,
    max: Duration,
}

impl Spread {
    pub(crate) fn of(mut taken: Vec<Duration>) -> Result<Self> {
        taken.sort();
        let at = |percent: usize| {
            let rank = taken.len().saturating_mul(percent).div_ceil(100);
            taken.get(rank.saturating_sub(1)).copied().context("nothing was measured")
        };
        Ok(Self { p50: at(50)?, p99: at(99)?, max: at(100)? })
    }

    /// In milliseconds.
    pub(crate) fn all(&self) -> [f64; 3] {
        [self.p50, self.p99, self.max].map(|time| time.as_secs_f64() * 1e3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_least_value_that_so_many_do_not_exceed() {
        let spread = Spread::of((1..=200).rev().map(Duration::from_millis).collect()).unwrap();
        assert_eq!(spread.all(), [100.0, 198.0, 200.0]);
        let one = Spread::of(vec![Duration::from_millis(3)]).unwrap();
        assert_eq!(one.all(), [3.0; 3]);
        assert!(Spread::of(Vec::new()).is_err());
    }
}
