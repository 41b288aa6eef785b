//! Whose turn it is to write the log. It carries the machine of `im_chats_replication::lease`, which decides, and runs a term for as long
//! as this relay holds the lease. A relay that only serves looks who holds it: without a writer, nothing new comes.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::kv::{Entry, Operation, Store};
use futures_util::future::BoxFuture;
use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_replication::lease::{Holder, Lease, LeaseInput, LeaseOutput, Seen};
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::flags::MOST_LEASE_MS;
use super::stream::{StreamError, unavailable, within};
use super::writer::{StreamWriter, WriterParts};
use super::{Nats, pointer, retain};
use crate::log::{EventLog, RetainArgs};
use crate::metrics::Metrics;
use crate::service::health::{Health, HealthState};

/// The lease's name in the bucket.
const KEY: &str = "lease";

/// How long a term may take to end after its lease is over.
const END_TIMEOUT: Duration = Duration::from_secs(5);

/// Pause before a term is begun again that could not begin, or that another writer ended.
const TERM_PAUSE: Duration = Duration::from_millis(500);

/// How often whoever has the turn looks whether there is something else to tell.
const LOOK: Duration = Duration::from_secs(1);

/// How long a turn without use is kept at least. Longer than it takes to believe that the stream is gone.
const LEAST_USELESS: Duration = Duration::from_secs(15);

/// Longest rest, in milliseconds: a deadline may be none.
const MOST_REST_MS: u64 = 60_000;

/// What is done with a writer until the token is cancelled.
pub type Term = Arc<dyn Fn(StreamWriter, CancellationToken) -> BoxFuture<'static, ()> + Send + Sync>;

/// The lease's value.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Value {
    holder: String,
    lease_ms: u64,
    /// How it stands with the holder's upstream, and with what it writes.
    upstream: Upstream,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "camelCase")]
enum Upstream {
    Connecting,
    Ok,
    Degraded { code: String, reason: String },
}

/// The healths of a relay that may write.
#[derive(Debug, Clone)]
pub struct TurnHealth {
    /// Whether the upstream is there, for whoever writes the log.
    pub upstream: Health,
    /// Whether the stream takes commits.
    pub writer: Health,
}

/// What taking turns needs.
pub struct TurnsParts {
    /// The connection.
    pub nats: Nats,
    /// The bucket of the log.
    pub bucket: Store,
    /// The log of this relay's copy.
    pub log: EventLog,
    /// How long this relay may be silent while it writes.
    pub lease_ms: u64,
    /// What it tells of itself.
    pub health: TurnHealth,
    /// Counts commits.
    pub metrics: Metrics,
    /// How long events are kept; whoever writes sees to it.
    pub retain: RetainArgs,
    /// What is done with a turn; absent, this relay takes none.
    pub term: Option<Term>,
}

/// The task that takes turns, or looks who has the turn.
pub struct Turns {
    nats: Nats,
    bucket: Store,
    lease: Lease,
    lease_ms: u64,
    name: Arc<str>,
    health: TurnHealth,
    metrics: Metrics,
    retain: RetainArgs,
    /// Absent where this relay only looks.
    term: Option<Term>,
    started: Instant,
    running: Option<Running>,
    pause: Option<Pause>,
    /// Since when this relay has had the turn without use.
    away_since: Option<Instant>,
    /// What the holder says of its upstream.
    said: Option<Upstream>,
    /// How it stands with this relay's upstream, as it told the others.
    told: Option<std::mem::Discriminant<Upstream>>,
    /// Why the last question about the lease has no answer.
    unanswered: Option<StreamError>,
    /// The log of this relay's copy.
    log: EventLog,
}

/// After a term.
#[derive(Debug, Clone, Copy)]
struct Pause {
    /// No other term before this.
    until: Instant,
    /// Nor while the lease has this revision: it must have been renewed, or taken again.
    revision: Option<u64>,
}

struct Running {
    end: CancellationToken,
    task: JoinHandle<()>,
}

impl Turns {
    /// Nobody has the turn yet, as far as this relay knows.
    #[must_use]
    pub fn new(parts: TurnsParts) -> Self {
        let TurnsParts { nats, bucket, log, lease_ms, health, metrics, retain, term } = parts;
        let name: Arc<str> = uuid::Uuid::new_v4().simple().to_string().into();
        let me = Holder { name: Arc::clone(&name), lease_ms };
        let lease = if term.is_some() { Lease::new(me) } else { Lease::observer(me) };
        Self {
            nats,
            bucket,
            lease,
            lease_ms,
            name,
            health,
            metrics,
            retain,
            term,
            started: Instant::now(),
            running: None,
            pause: None,
            away_since: None,
            said: None,
            told: None,
            unanswered: None,
            log,
        }
    }

    /// Works until `drain` is cancelled; then the lease is given back, so that another takes it at once.
    pub async fn run(mut self, drain: CancellationToken) {
        let mut question = self.lease.handle(0, LeaseInput::Tick);
        while !drain.is_cancelled() {
            let input = match question {
                // Whoever holds the lease does not outlive it while it waits for an answer.
                Some(question) => {
                    let over = sleep_until(self.deadline());
                    tokio::select! {
                        input = self.ask(question) => input,
                        () = over => LeaseInput::Unanswered,
                        () = drain.cancelled() => break,
                    }
                }
                None => {
                    self.rest(&drain).await;
                    // Others say what they were told: with a long lease that would be wrong for long.
                    if self.running.is_some() && self.told != Some(std::mem::discriminant(&self.upstream())) {
                        self.lease.renew(self.now());
                    }
                    LeaseInput::Tick
                }
            };
            question = self.lease.handle(self.now(), input);
            self.serve().await;
            self.report();
            if self.is_of_no_use() {
                tracing::warn!("this relay does not get on with writing the log; leaving the turn to another, if there is one");
                self.end_term().await;
                self.give_back().await;
                self.lease.release(self.now());
                question = None;
            }
        }
        self.end_term().await;
        self.give_back().await;
    }

    /// Whether this relay has the turn, and has not reached the upstream or not been able to write for two leases, and
    /// [`LEAST_USELESS`] at least: another one perhaps can.
    fn is_of_no_use(&mut self) -> bool {
        let away = |health: &Health| !matches!(health.part(), HealthState::Ok);
        if self.running.is_none() || !(away(&self.health.writer) || away(&self.health.upstream)) {
            self.away_since = None;
            return false;
        }
        let since = *self.away_since.get_or_insert_with(Instant::now);
        let is_long = since.elapsed() >= LEAST_USELESS.max(Duration::from_millis(self.lease_ms.saturating_mul(2)));
        if is_long {
            self.away_since = None;
        }
        is_long
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn deadline(&self) -> Instant {
        self.started + Duration::from_millis(self.lease.next_deadline().min(self.now().saturating_add(MOST_REST_MS)))
    }

    /// Waits until there is something to do.
    async fn rest(&self, drain: &CancellationToken) {
        let again = self.pause.filter(|pause| pause.until > Instant::now()).map(|pause| pause.until);
        let deadline = again.map_or(self.deadline(), |again| again.min(self.deadline()));
        let ended = async {
            match &self.running {
                Some(running) => running.end.cancelled().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = sleep_until(if self.running.is_some() { deadline.min(Instant::now() + LOOK) } else { deadline }) => {}
            () = drain.cancelled() => {}
            () = ended => {}
        }
    }

    async fn ask(&mut self, question: LeaseOutput) -> LeaseInput {
        let answer = match question {
            LeaseOutput::Read => pointer::entry(&self.nats, &self.bucket, KEY).await.map(|entry| {
                let (seen, upstream) = seen(entry);
                self.said = upstream;
                LeaseInput::Seen(seen)
            }),
            LeaseOutput::Write(revision) => {
                let upstream = self.upstream();
                self.told = Some(std::mem::discriminant(&upstream));
                let value = Value { holder: self.name.to_string(), lease_ms: self.lease_ms, upstream };
                let value = serde_json::to_vec(&value).unwrap_or_default();
                let written = pointer::update(&self.nats, &self.bucket, KEY, value.into(), revision).await;
                written.map(|written| written.map_or(LeaseInput::Refused, LeaseInput::Written))
            }
        };
        self.unanswered = None;
        match answer {
            Ok(input) => input,
            Err(error) => {
                tracing::debug!(?error, "no answer about the lease");
                self.unanswered = Some(error);
                LeaseInput::Unanswered
            }
        }
    }

    /// What the others are told; before the turn is taken, nothing is known yet but what was said of it by others.
    fn upstream(&self) -> Upstream {
        if self.lease.held(self.now()).is_none() {
            return Upstream::Connecting;
        }
        let states = [self.health.writer.part(), self.health.upstream.part()];
        let away = states.iter().find_map(|state| match state {
            HealthState::Degraded(error) => {
                Some(Upstream::Degraded { code: error.code.to_string(), reason: error.message.to_string() })
            }
            _ => None,
        });
        let connecting = matches!(self.health.upstream.part(), HealthState::Connecting);
        away.unwrap_or(if connecting { Upstream::Connecting } else { Upstream::Ok })
    }

    /// Begins and ends terms, as the lease says.
    async fn serve(&mut self) {
        let held = self.lease.held(self.now());
        if let Some(running) = &self.running
            && (held.is_none() || running.end.is_cancelled())
        {
            // Deposed while the lease seems to be ours: the store knows better, so it is asked before there is another term.
            let until = Instant::now() + TERM_PAUSE;
            self.pause = Some(Pause { until, revision: self.lease.revision() });
            self.lease.renew(self.now());
            self.end_term().await;
        }
        let (Some(epoch), Some(term), None) = (held, &self.term, &self.running) else { return };
        if self.pause.is_some_and(|pause| pause.until > Instant::now() || pause.revision == self.lease.revision()) {
            return;
        }
        self.pause = None;
        let end = CancellationToken::new();
        let (nats, bucket, term) = (self.nats.clone(), self.bucket.clone(), Arc::clone(term));
        let (health, metrics, limits) = (self.health.writer.clone(), self.metrics.clone(), self.retain);
        let copied = self.log.id();
        let token = end.clone();
        // Whatever ends the task: a turn in which nothing is written any more would be kept for ever.
        let over = token.clone().drop_guard();
        let task = tokio::spawn(async move {
            let _over = over;
            let term_token = token.clone();
            let parts = WriterParts {
                nats: &nats,
                bucket: &bucket,
                copied: &copied,
                epoch,
                term: term_token,
                health: health.clone(),
                metrics,
            };
            match token.run_until_cancelled(StreamWriter::open(parts)).await {
                Some(Ok(writer)) => {
                    health.ok();
                    tokio::select! {
                        () = term(writer, token.clone()) => {}
                        () = retain::run(&nats, &bucket, limits, token.clone()) => {}
                    }
                }
                Some(Err(error)) => {
                    health.degraded(&error);
                    tracing::warn!(code = %error.code, "this relay cannot write the log: {}; trying again", error.message);
                }
                None => {}
            }
        });
        self.running = Some(Running { end, task });
    }

    async fn end_term(&mut self) {
        let Some(running) = self.running.take() else { return };
        running.end.cancel();
        let mut task = running.task;
        if tokio::time::timeout(END_TIMEOUT, &mut task).await.is_err() {
            // What it wrote last is fenced like everything else.
            tracing::warn!("the end of a term takes long; what it waits for is given up");
            task.abort();
        }
    }

    /// What those who do not write know of the one who does.
    fn report(&self) {
        if self.lease.held(self.now()).is_some() {
            return;
        }
        self.health.writer.ok();
        match (self.lease.holder(self.now()), &self.said) {
            (holder, _)
                if let Some(error) = &self.unanswered
                    && holder.is_none_or(|(holder, silent_ms)| silent_ms > holder.lease_ms) =>
            {
                self.health.upstream.degraded(&error.to_error());
            }
            (Some((holder, silent_ms)), _) if silent_ms > holder.lease_ms => {
                let reason = format!("no relay writes the log: the last one has been silent for {} s", silent_ms / 1_000);
                self.health.upstream.degraded(&unavailable(&reason));
            }
            (Some(_), Some(Upstream::Ok)) => self.health.upstream.ok(),
            (Some(_), Some(Upstream::Degraded { code, reason })) => {
                let mut error =
                    Error::new(ErrorCode::ServiceUnavailable, format!("the relay that writes the log says: {reason}"));
                error.code = code.clone().into();
                self.health.upstream.degraded(&error);
            }
            (Some(_), Some(Upstream::Connecting) | None) => {
                self.health.upstream.degraded(&unavailable("the relay that writes the log has not reached the upstream yet"));
            }
            (None, _) => self.health.upstream.degraded(&unavailable("no relay writes the log")),
        }
    }

    async fn give_back(&self) {
        let Some(revision) = self.lease.revision().filter(|_| self.lease.held(self.now()).is_some()) else { return };
        let given = within(&self.nats, self.bucket.delete_expect_revision(KEY, Some(revision))).await;
        match given {
            Ok(Ok(())) => tracing::info!("gave the turn at writing the log back"),
            Ok(Err(error)) => tracing::debug!(%error, "the lease cannot be given back; it ends by itself"),
            Err(error) => tracing::debug!(?error, "the lease cannot be given back; it ends by itself"),
        }
    }
}

/// The lease as the store has it.
fn seen(entry: Option<Entry>) -> (Seen, Option<Upstream>) {
    let Some(entry) = entry else { return (Seen { revision: 0, holder: None }, None) };
    let revision = entry.revision;
    let value = (entry.operation == Operation::Put).then(|| serde_json::from_slice::<Value>(&entry.value));
    match value {
        None => (Seen { revision, holder: None }, None),
        Some(Ok(Value { holder, lease_ms, upstream })) => {
            // Nobody waits longer than for any relay.
            let lease_ms = lease_ms.min(MOST_LEASE_MS);
            (Seen { revision, holder: Some(Holder { name: holder.into(), lease_ms }) }, Some(upstream))
        }
        Some(Err(error)) => {
            tracing::warn!(%error, "the value {KEY:?} in the bucket is not ours; taking the turn");
            (Seen { revision, holder: None }, None)
        }
    }
}
