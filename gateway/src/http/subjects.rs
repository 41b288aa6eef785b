//! What one user may take: each subject of a signed token has calls, sockets, subscriptions and reads of its own, so that a greedy one
//! does not slow the others. The operator's own token has no such limits.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use clap::Args;
use clap::builder::RangedU64ValueParser;
use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::grant::Grant;
use im_chats_protocol::limits::MAX_REQUEST_BODY_BYTES;
use parking_lot::{Mutex, MutexGuard};
use sha2::{Digest as _, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::flags::ServerLimits;
use super::limit::Limit;
use crate::base::flags::{defaults, size};
use crate::base::log_throttle::LogThrottle;
use crate::log::{EventLog, ReadPage, ReadQuery};
use crate::service::shared::{SharedUsage, Usage, UsageReport, UserHash};

/// How long a subject is remembered that has nothing open. Every rate is full again by then, unless other gateways let it take more.
const MEMORY: Duration = Duration::from_mins(2);

/// How often gateways report to each other.
pub const REPORT_INTERVAL: Duration = Duration::from_millis(500);

/// Every so many reports name all who have something open. Reports may be lost.
const FULL_EVERY: u32 = 10;

/// Silence after which another gateway is taken for dead, and has nothing open any more.
pub const SILENCE: Duration = Duration::from_secs(3);

/// What bodies are counted in, in bytes.
pub(super) const BODY_UNIT: usize = 1024;

/// How many seconds of its rate a subject may read at once after it has read nothing.
const ROW_BURST_SECONDS: f64 = 10.0;

/// What the subject of a signed token may take, on all of its connections together. Each value is a flag of the command line.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(next_help_heading = "Each user (the sub of signed tokens)")]
pub struct SubjectLimits {
    /// Calls a second in the long run, REST and gRPC together; one more is refused as burstRateExceeded.
    #[arg(long, default_value_t = 50, value_parser = rate())]
    pub max_subject_calls_per_second: u32,
    /// Calls at once after having made none for a while; at most two minutes' worth of the calls a second.
    #[arg(long, default_value_t = 500, value_parser = rate())]
    pub max_subject_call_burst: u32,
    /// Sockets of the event stream and gRPC streams at once; one more is refused as subscriptionLimitExceeded.
    #[arg(long, default_value_t = 64, value_parser = size())]
    pub max_subject_sockets: usize,
    /// Subscriptions at once; one more is refused as subscriptionLimitExceeded.
    #[arg(long, default_value_t = 1_024, value_parser = size())]
    pub max_subject_subscriptions: usize,
    /// Rows of the log that are read from disk a second; further reads wait. Ten seconds' worth is read at once.
    #[arg(long, default_value_t = 100_000, value_parser = rate())]
    pub max_subject_rows_per_second: u32,
}

fn rate() -> RangedU64ValueParser<u32> {
    RangedU64ValueParser::new().range(1..=1_000_000_000)
}

impl Default for SubjectLimits {
    fn default() -> Self {
        defaults()
    }
}

/// Every subject that is known at present. Cheap to clone; all clones share them.
#[derive(Debug, Clone)]
pub struct Subjects(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limits: SubjectLimits,
    shares: Shares,
    known: Mutex<Known>,
    throttle: LogThrottle,
    /// What is taken at other gateways; absent = this one is alone.
    others: Option<Others>,
}

/// What the other gateways say.
#[derive(Debug, Default)]
struct Others {
    fronts: Mutex<HashMap<Box<str>, Front>>,
    /// Moves when somebody has more or less open there, so that few have to look.
    version: AtomicU64,
    /// Whether the next report is a full one, and how many were made.
    restate: AtomicBool,
    reports: Mutex<u32>,
}

/// Another gateway.
#[derive(Debug)]
struct Front {
    heard: Instant,
    /// Who has something open there: sockets and subscriptions.
    open: HashMap<UserHash, Open>,
}

/// What one user has open somewhere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Open {
    sockets: usize,
    subscriptions: usize,
}

impl Others {
    /// What a user has open at all of them.
    fn open(&self, user: &UserHash) -> Open {
        let fronts = self.fronts.lock();
        fronts.values().filter_map(|front| front.open.get(user)).fold(Open::default(), |all, open| Open {
            sockets: all.sockets.saturating_add(open.sockets),
            subscriptions: all.subscriptions.saturating_add(open.subscriptions),
        })
    }

    /// Forgets those that are dead.
    fn forget(&self, now: Instant) {
        let mut fronts = self.fronts.lock();
        let before = fronts.len();
        fronts.retain(|_, front| now.saturating_duration_since(front.heard) < SILENCE);
        if fronts.len() < before {
            self.version.fetch_add(1, Ordering::Release);
        }
    }
}

/// What one user may have at once of what all share: a quarter each, rounded up.
#[derive(Debug, Clone, Copy)]
struct Shares {
    requests: usize,
    body_bytes: usize,
    uploads: usize,
}

#[derive(Debug)]
struct Known {
    subjects: HashMap<Who, Arc<Subject>>,
    swept: Instant,
}

/// A subject, as it is looked up.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Who {
    /// Where this gateway is alone.
    Name(Arc<str>),
    /// Where others report, who do not say names.
    Hash(UserHash),
}

/// What one subject has taken.
#[derive(Debug)]
pub struct Subject {
    /// Absent = this gateway is alone.
    hash: Option<UserHash>,
    calls: Mutex<Debt>,
    rows: Mutex<Debt>,
    requests: Limit,
    bodies: Limit,
    sockets: Arc<Semaphore>,
    uploads: Arc<Semaphore>,
    subscriptions: Mutex<usize>,
    seen: Mutex<Instant>,
    /// What the others were told last.
    told: Mutex<Open>,
    /// What they have, as of a version of theirs.
    elsewhere: Mutex<(u64, Open)>,
    shared: Arc<Inner>,
}

/// What was taken and is not paid for yet, as of a moment. Time pays for it.
#[derive(Debug)]
struct Debt {
    owed: f64,
    /// What time would have paid beyond that. It is for what others report late: they took it at some moment since their last report.
    spare: f64,
    at: Instant,
    /// How much of what was taken here no report has told yet.
    untold: u32,
    per_second: f64,
    /// As much may be owed.
    most: f64,
}

impl Debt {
    const fn new(per_second: f64, most: f64, now: Instant) -> Self {
        Self { owed: 0.0, spare: 0.0, at: now, untold: 0, per_second, most }
    }

    /// Lets time pay.
    fn pay(&mut self, now: Instant) {
        let paid = now.saturating_duration_since(self.at).as_secs_f64() * self.per_second;
        let rest = paid - self.owed;
        self.owed = (-rest).max(0.0);
        self.spare = (self.spare + rest.max(0.0)).min(self.per_second * REPORT_INTERVAL.as_secs_f64());
        self.at = now;
    }

    /// How long it takes until so much more may be owed.
    fn wait(&self, more: f64) -> Duration {
        // Sums of fractions are a little off.
        let over = self.owed + more - self.most;
        if over < 1e-6 { Duration::ZERO } else { Duration::try_from_secs_f64(over / self.per_second).unwrap_or(Duration::MAX) }
    }

    /// Adds what was taken here.
    fn take(&mut self, count: u32) {
        self.owed += f64::from(count);
        self.untold = self.untold.saturating_add(count);
    }

    /// Adds what was taken elsewhere since the last report from there.
    fn charge(&mut self, count: u32, now: Instant) {
        self.pay(now);
        let count = f64::from(count);
        let paid = self.spare.min(count);
        self.spare -= paid;
        self.owed += count - paid;
    }

    fn is_paid(&mut self, now: Instant) -> bool {
        self.pay(now);
        self.owed <= 0.0
    }
}

impl Subjects {
    /// Within these limits, and within a quarter of what `server` gives to all.
    #[must_use]
    pub fn new(limits: SubjectLimits, server: &ServerLimits) -> Self {
        Self::with(limits, server, None)
    }

    /// As [`Subjects::new`], for one of several gateways: the limits hold for all of them together, as far as they report in time; see
    /// [`SharedUsage`].
    #[must_use]
    pub fn shared(limits: SubjectLimits, server: &ServerLimits) -> Self {
        Self::with(limits, server, Some(Others::default()))
    }

    fn with(limits: SubjectLimits, server: &ServerLimits, others: Option<Others>) -> Self {
        let shares = Shares {
            requests: server.max_requests.div_ceil(4),
            // One body must fit in.
            body_bytes: server.max_body_bytes.div_ceil(4).max(MAX_REQUEST_BODY_BYTES),
            uploads: server.max_uploads.div_ceil(4).clamp(1, Semaphore::MAX_PERMITS),
        };
        let known = Mutex::new(Known { subjects: HashMap::new(), swept: Instant::now() });
        Self(Arc::new(Inner { limits, shares, known, throttle: LogThrottle::per_minute(), others }))
    }

    /// The subject of a grant; none for the operator.
    #[must_use]
    pub fn of(&self, grant: &Grant) -> Option<Arc<Subject>> {
        let name = grant.subject.as_ref()?;
        Some(self.get(self.0.others.as_ref().map_or_else(|| Who::Name(Arc::clone(name)), |_| Who::Hash(hash(name)))))
    }

    fn get(&self, who: Who) -> Arc<Subject> {
        let now = Instant::now();
        let mut known = self.0.known.lock();
        if now.saturating_duration_since(known.swept) >= MEMORY {
            known.swept = now;
            // Whoever holds one is a socket, a stream or a call.
            known.subjects.retain(|_, subject| {
                Arc::strong_count(subject) > 1
                    || now.saturating_duration_since(*subject.seen.lock()) < MEMORY
                    || !(subject.calls.lock().is_paid(now) && subject.rows.lock().is_paid(now))
            });
        }
        if let Some(subject) = known.subjects.get(&who) {
            *subject.seen.lock() = now;
            return Arc::clone(subject);
        }
        let hash = match &who {
            Who::Name(_) => None,
            Who::Hash(hash) => Some(*hash),
        };
        let subject = Arc::new(Subject::new(&self.0, hash, now));
        known.subjects.insert(who, Arc::clone(&subject));
        subject
    }
}

impl SharedUsage for Subjects {
    fn report(&self) -> UsageReport {
        let Some(others) = &self.0.others else { return UsageReport::default() };
        others.forget(Instant::now());
        let full = {
            let mut reports = others.reports.lock();
            *reports = reports.wrapping_add(1);
            others.restate.swap(false, Ordering::Relaxed) || *reports % FULL_EVERY == 1
        };
        // Not while everybody waits for the list.
        let subjects: Vec<_> = self.0.known.lock().subjects.values().cloned().collect();
        UsageReport { full, users: subjects.iter().filter_map(|subject| subject.report(full)).collect() }
    }

    fn elsewhere(&self, front: &str, report: &UsageReport) {
        let Some(others) = &self.0.others else { return };
        let now = Instant::now();
        {
            let mut fronts = others.fronts.lock();
            if !fronts.contains_key(front) {
                // It does not know yet what is open here.
                others.restate.store(true, Ordering::Relaxed);
            }
            let front = fronts.entry(front.into()).or_insert_with(|| Front { heard: now, open: HashMap::new() });
            front.heard = now;
            let mut changed = report.full && !front.open.is_empty();
            if report.full {
                front.open.clear();
            }
            for usage in &report.users {
                let open = Open::of(usage);
                let before =
                    if open == Open::default() { front.open.remove(&usage.user) } else { front.open.insert(usage.user, open) };
                changed |= before.unwrap_or_default() != open;
            }
            drop(fronts);
            if changed {
                others.version.fetch_add(1, Ordering::Release);
            }
        }
        for usage in report.users.iter().filter(|usage| usage.calls > 0 || usage.rows > 0) {
            let subject = self.get(Who::Hash(usage.user));
            subject.calls.lock().charge(usage.calls, now);
            subject.rows.lock().charge(usage.rows, now);
        }
    }
}

impl Open {
    fn of(usage: &Usage) -> Self {
        let size = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
        Self { sockets: size(usage.sockets), subscriptions: size(usage.subscriptions) }
    }
}

/// Names a user to other gateways. Whoever guesses the name can tell that it is the one, and nobody reads it from the hash.
fn hash(name: &str) -> UserHash {
    let digest = Sha256::new().chain_update(b"im-chats user\0").chain_update(name).finalize();
    std::array::from_fn(|index| digest.get(index).copied().unwrap_or_default())
}

impl Subject {
    fn new(shared: &Arc<Inner>, hash: Option<UserHash>, now: Instant) -> Self {
        let SubjectLimits { max_subject_calls_per_second: calls, max_subject_call_burst: burst, .. } = shared.limits;
        let rows = f64::from(shared.limits.max_subject_rows_per_second);
        let shares = shared.shares;
        Self {
            hash,
            calls: Mutex::new(Debt::new(calls.into(), burst.min(calls.saturating_mul(120)).into(), now)),
            rows: Mutex::new(Debt::new(rows, rows * ROW_BURST_SECONDS, now)),
            requests: Limit::new(shares.requests, "requests of one user", "--max-requests"),
            bodies: Limit::in_units(BODY_UNIT, shares.body_bytes, "bytes of request bodies of one user", "--max-body-bytes"),
            sockets: Arc::new(Semaphore::new(shared.limits.max_subject_sockets.min(Semaphore::MAX_PERMITS))),
            uploads: Arc::new(Semaphore::new(shares.uploads)),
            subscriptions: Mutex::new(0),
            seen: Mutex::new(now),
            told: Mutex::default(),
            elsewhere: Mutex::default(),
            shared: Arc::clone(shared),
        }
    }

    /// Counts one call.
    ///
    /// # Errors
    /// `burstRateExceeded`, with the time until the next call may be made.
    pub fn call(&self) -> Result<(), Error> {
        let wait = {
            let mut calls = self.calls.lock();
            calls.pay(Instant::now());
            let wait = calls.wait(1.0);
            if wait.is_zero() {
                calls.take(1);
                return Ok(());
            }
            wait
        };
        self.complain("calls", "--max-subject-calls-per-second");
        let mut error =
            Error::new(ErrorCode::BurstRateExceeded, "this user makes more calls than one user may; wait, then slow down")
                .with_context("callsPerSecond", self.shared.limits.max_subject_calls_per_second.to_string());
        error.retry_after_ms = Some(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).saturating_add(1));
        Err(error)
    }

    /// A place for one more socket or gRPC stream, given back when it is dropped.
    ///
    /// # Errors
    /// `subscriptionLimitExceeded` with `context.limit` when there are as many as may be.
    pub fn socket(&self) -> Result<OwnedSemaphorePermit, Error> {
        self.place().ok_or_else(|| {
            self.complain("sockets", "--max-subject-sockets");
            let message = "this user has as many event stream sockets and gRPC streams open as one user may";
            Error::new(ErrorCode::SubscriptionLimitExceeded, message)
                .with_context("limit", self.shared.limits.max_subject_sockets.to_string())
        })
    }

    fn place(&self) -> Option<OwnedSemaphorePermit> {
        let take = || Arc::clone(&self.sockets).try_acquire_owned().ok();
        if self.hash.is_none() {
            return take();
        }
        let elsewhere = self.elsewhere().sockets;
        // One at a time, or two could take the last one.
        let turn = self.subscriptions.lock();
        let place = take().filter(|_| self.open_sockets().saturating_add(elsewhere) <= self.max_sockets());
        drop(turn);
        place
    }

    fn max_sockets(&self) -> usize {
        self.shared.limits.max_subject_sockets.min(Semaphore::MAX_PERMITS)
    }

    fn open_sockets(&self) -> usize {
        self.max_sockets().saturating_sub(self.sockets.available_permits())
    }

    /// What the others are told of this subject, if that is new to them.
    fn report(&self, full: bool) -> Option<Usage> {
        let open = Open { sockets: self.open_sockets(), subscriptions: *self.subscriptions.lock() };
        let calls = std::mem::take(&mut self.calls.lock().untold);
        let rows = std::mem::take(&mut self.rows.lock().untold);
        let told = std::mem::replace(&mut *self.told.lock(), open);
        let is_new = calls > 0 || rows > 0 || told != open || (full && open != Open::default());
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let (sockets, subscriptions) = (number(open.sockets), number(open.subscriptions));
        is_new.then_some(Usage { user: self.hash?, calls, rows, sockets, subscriptions })
    }

    /// The turn for one more upload, given back when it is dropped.
    pub(super) async fn upload(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.uploads).acquire_owned().await.ok()
    }

    /// A place for one more request under way, given back when it is dropped.
    ///
    /// # Errors
    /// `serviceUnavailable` with `context.limit` when there are as many as one user may have.
    pub(super) fn request(&self) -> Result<OwnedSemaphorePermit, Error> {
        self.requests.take()
    }

    /// The bytes of bodies that one user may have in memory at once.
    pub(super) fn bodies(&self) -> Limit {
        self.bodies.clone()
    }

    /// Notes that so many rows were looked at on disk.
    fn read(&self, rows: usize) -> Duration {
        let mut debt = self.rows.lock();
        debt.pay(Instant::now());
        debt.take(u32::try_from(rows).unwrap_or(u32::MAX));
        debt.wait(0.0)
    }

    /// Waits until the reads of this subject are within its rate again.
    async fn pace(&self) {
        loop {
            let wait = self.read(0);
            if wait.is_zero() {
                return;
            }
            self.complain("rows of the log", "--max-subject-rows-per-second");
            tokio::time::sleep(wait).await;
        }
    }

    /// How many uploads one subject may have at once.
    #[must_use]
    pub fn max_uploads(&self) -> usize {
        self.shared.shares.uploads
    }

    /// What the subject has open at other gateways.
    fn elsewhere(&self) -> Open {
        let Some((others, hash)) = self.shared.others.as_ref().zip(self.hash.as_ref()) else { return Open::default() };
        let mut known = self.elsewhere.lock();
        let version = others.version.load(Ordering::Acquire);
        if known.0 != version {
            *known = (version, others.open(hash));
        }
        known.1
    }

    /// How many subscriptions one subject may have.
    #[must_use]
    pub fn max_subscriptions(&self) -> usize {
        self.shared.limits.max_subject_subscriptions
    }

    /// Not the subject: the log names nobody.
    fn complain(&self, what: &str, flag: &str) {
        if let Some(repeated) = self.shared.throttle.hit() {
            tracing::warn!(repeated, "limit reached: one user may take no more {what}; see {flag}");
        }
    }
}

/// Reads the log for a subject, or for the operator, and keeps the subject to its rate.
///
/// # Errors
/// As [`EventLog::read_of`].
pub async fn read(subject: Option<Arc<Subject>>, log: EventLog, id: Arc<str>, query: ReadQuery) -> Result<ReadPage, Error> {
    if let Some(subject) = &subject {
        subject.pace().await;
    }
    let (page, rows) = log.read_counted(id, query).await?;
    if let Some(subject) = &subject {
        // Whoever leaves now has read them all the same.
        subject.read(rows);
    }
    Ok(page)
}

/// The subscriptions that one socket has of its subject's; they are given back when this is dropped.
#[derive(Debug)]
pub struct Subscriptions {
    subject: Arc<Subject>,
    own: usize,
}

impl Subscriptions {
    /// None yet.
    #[must_use]
    pub const fn of(subject: Arc<Subject>) -> Self {
        Self { subject, own: 0 }
    }

    /// The subject.
    #[must_use]
    pub const fn subject(&self) -> &Arc<Subject> {
        &self.subject
    }

    /// Lets a socket open and close some: `change` is told how many more there may be, and tells how many the socket has then. No other
    /// socket of the subject changes its own meanwhile.
    pub fn change(&mut self, change: impl FnOnce(usize) -> usize) {
        let elsewhere = self.subject.elsewhere().subscriptions;
        let mut all: MutexGuard<'_, usize> = self.subject.subscriptions.lock();
        let own = change(self.subject.max_subscriptions().saturating_sub(*all).saturating_sub(elsewhere));
        *all = all.saturating_sub(self.own).saturating_add(own);
        self.own = own;
    }
}

impl Drop for Subscriptions {
    fn drop(&mut self) {
        let mut all = self.subject.subscriptions.lock();
        *all = all.saturating_sub(self.own);
    }
}
