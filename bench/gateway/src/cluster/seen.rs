//! From the sending of a write to the upstream to the arrival of its event.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::figures::{alone, beside};
use super::plan::Plan;
use super::world::{Relays, Single, reaches};
use crate::batch::Check;
use crate::control::Control;
use crate::figure::Better::Less;
use crate::figure::Figure;
use crate::latency::{Spread, TURN, WARM, counted};
use crate::process::Process;
use crate::socket::Buffer;
use crate::subscriber::Subscriber;

/// An upstream, who writes there, and who watches.
struct Watched<const N: usize> {
    control: Control,
    body: Value,
    watchers: [Subscriber; N],
    taken: [Vec<Duration>; N],
    is_archived: bool,
}

/// All sides in turn, since how long the disk takes changes from second to second.
pub(crate) async fn measure(plan: &Plan, single: &Single, relays: &Relays, figures: &mut Vec<Figure>) -> Result<()> {
    let count = plan.writes.saturating_add(WARM);
    let mut one = Watched::new(&single.upstream, [&single.upstream, &single.relay]).await?;
    let mut cluster = Watched::new(&relays.upstream, [&relays.front, &relays.ingester]).await?;
    for first in (0..count).step_by(TURN) {
        one.write(TURN.min(count.saturating_sub(first))).await?;
        cluster.write(TURN.min(count.saturating_sub(first))).await?;
    }
    let spread = |taken| Ok::<_, anyhow::Error>(Spread::of(counted(taken))?.all());
    let ([upstream, relay], [front, ingester]) = (one.taken, cluster.taken);
    let (upstream, relay, front, ingester) = (spread(upstream)?, spread(relay)?, spread(front)?, spread(ingester)?);
    let names = [
        ("seenUpstream", "write → event seen at the upstream itself, p50"),
        ("seenUpstreamP99", "write → event seen at the upstream itself, p99"),
    ];
    for ((key, what), value) in names.into_iter().zip(upstream) {
        figures.push(alone(key, what, "ms", value));
    }
    let names = [
        ("seenFront", "write → event seen at the front, p50"),
        ("seenFrontP99", "write → event seen at the front, p99"),
        ("seenIngester", "write → event seen at the ingester, p50"),
        ("seenIngesterP99", "write → event seen at the ingester, p99"),
    ];
    let values = front.into_iter().take(2).chain(ingester.into_iter().take(2));
    for (((key, what), value), one) in
        names.into_iter().zip(values).zip([relay, relay].into_iter().flat_map(|[p50, p99, _]| [p50, p99]))
    {
        figures.push(beside(key, what, "ms", Less, value, one));
    }
    Ok(())
}

impl<const N: usize> Watched<N> {
    async fn new(upstream: &Process, watched: [&Process; N]) -> Result<Self> {
        let mut control = Control::connect(upstream.address).await?;
        let body = json!({ "chatGuid": control.chat("alice@example.com").await? });
        let head = control.head().await?;
        let mut watchers = Vec::new();
        for process in watched {
            reaches(process.address, head).await?;
            watchers.push(Subscriber::connect(process.address, Check::Every, Buffer::Busy).await?);
        }
        let watchers = watchers.try_into().map_err(|_| anyhow::anyhow!("not so many watch"))?;
        Ok(Self { control, body, watchers, taken: std::array::from_fn(|_| Vec::new()), is_archived: false })
    }

    async fn write(&mut self, count: usize) -> Result<()> {
        for _ in 0..count {
            let path = if self.is_archived { "/emulator/v1/chats:unarchive" } else { "/emulator/v1/chats:archive" };
            self.is_archived = !self.is_archived;
            let begin = Instant::now();
            let seen = self
                .watchers
                .iter_mut()
                .map(|watcher| async move { watcher.batch().await.map(|position| (position, begin.elapsed())) });
            let (answer, seen) = tokio::join!(self.control.post(path, &self.body), futures_util::future::join_all(seen));
            let written = answer?.pointer("/sequences/0").and_then(Value::as_u64);
            for (taken, seen) in self.taken.iter_mut().zip(seen) {
                let (position, after) = seen?;
                ensure!(written == Some(position), "{path} wrote {written:?}, and what was seen is {position}");
                taken.push(after);
            }
        }
        Ok(())
    }
}
