//! What one user may take: each subject of a signed token has calls, sockets, subscriptions and reads of its own, so that a greedy one
//! does not slow the others. The operator's own token has no such limits.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use clap::builder::RangedU64ValueParser;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::grant::Grant;
use im_chats_protocol::limits::MAX_REQUEST_BODY_BYTES;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::flags::ServerLimits;
use super::limit::Limit;
use crate::base::flags::{defaults, size};
use crate::base::log_throttle::LogThrottle;
use crate::log::{EventLog, ReadPage, ReadQuery};

/// How long a subject is remembered that has nothing open. Every rate is full again by then.
const MEMORY: Duration = Duration::from_mins(2);

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
    subjects: HashMap<Arc<str>, Arc<Subject>>,
    swept: Instant,
}

/// What one subject has taken.
#[derive(Debug)]
pub struct Subject {
    calls: DefaultDirectRateLimiter,
    rows: Mutex<Debt>,
    requests: Limit,
    bodies: Limit,
    sockets: Arc<Semaphore>,
    uploads: Arc<Semaphore>,
    subscriptions: Mutex<usize>,
    seen: Mutex<Instant>,
    shared: Arc<Inner>,
}

/// Rows that were read and are not paid for yet, as of a moment. Time pays for them.
#[derive(Debug)]
struct Debt {
    rows: f64,
    at: Instant,
}

impl Debt {
    /// Adds rows, and gives how long it takes until no more are owed than one may owe.
    fn owe(&mut self, rows: usize, per_second: f64, most: f64, now: Instant) -> Duration {
        let paid = now.saturating_duration_since(self.at).as_secs_f64() * per_second;
        self.rows = (self.rows - paid).max(0.0) + f64::from(u32::try_from(rows).unwrap_or(u32::MAX));
        self.at = now;
        Duration::try_from_secs_f64((self.rows - most) / per_second).unwrap_or_default()
    }
}

impl Subjects {
    /// Within these limits, and within a quarter of what `server` gives to all.
    #[must_use]
    pub fn new(limits: SubjectLimits, server: &ServerLimits) -> Self {
        let shares = Shares {
            requests: server.max_requests.div_ceil(4),
            // One body must fit in.
            body_bytes: server.max_body_bytes.div_ceil(4).max(MAX_REQUEST_BODY_BYTES),
            uploads: server.max_uploads.div_ceil(4).clamp(1, Semaphore::MAX_PERMITS),
        };
        let known = Mutex::new(Known { subjects: HashMap::new(), swept: Instant::now() });
        Self(Arc::new(Inner { limits, shares, known, throttle: LogThrottle::per_minute() }))
    }

    /// The subject of a grant; none for the operator.
    #[must_use]
    pub fn of(&self, grant: &Grant) -> Option<Arc<Subject>> {
        let name = grant.subject.as_ref()?;
        let now = Instant::now();
        let mut known = self.0.known.lock();
        if now.saturating_duration_since(known.swept) >= MEMORY {
            known.swept = now;
            // Whoever holds one is a socket, a stream or a call.
            known.subjects.retain(|_, subject| {
                Arc::strong_count(subject) > 1 || now.saturating_duration_since(*subject.seen.lock()) < MEMORY
            });
        }
        if let Some(subject) = known.subjects.get(name) {
            *subject.seen.lock() = now;
            return Some(Arc::clone(subject));
        }
        let subject = Arc::new(Subject::new(&self.0, now));
        known.subjects.insert(Arc::clone(name), Arc::clone(&subject));
        Some(subject)
    }
}

impl Subject {
    fn new(shared: &Arc<Inner>, now: Instant) -> Self {
        let SubjectLimits { max_subject_calls_per_second: calls, max_subject_call_burst: burst, .. } = shared.limits;
        let shares = shared.shares;
        Self {
            calls: limiter(calls, burst.min(calls.saturating_mul(120))),
            rows: Mutex::new(Debt { rows: 0.0, at: now }),
            requests: Limit::new(shares.requests, "requests of one user", "--max-requests"),
            bodies: Limit::in_units(BODY_UNIT, shares.body_bytes, "bytes of request bodies of one user", "--max-body-bytes"),
            sockets: Arc::new(Semaphore::new(shared.limits.max_subject_sockets.min(Semaphore::MAX_PERMITS))),
            uploads: Arc::new(Semaphore::new(shares.uploads)),
            subscriptions: Mutex::new(0),
            seen: Mutex::new(now),
            shared: Arc::clone(shared),
        }
    }

    /// Counts one call.
    ///
    /// # Errors
    /// `burstRateExceeded`, with the time until the next call may be made.
    pub fn call(&self) -> Result<(), Error> {
        let Err(early) = self.calls.check() else { return Ok(()) };
        let wait = early.wait_time_from(DefaultClock::default().now());
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
        Arc::clone(&self.sockets).try_acquire_owned().map_err(|_| {
            self.complain("sockets", "--max-subject-sockets");
            let message = "this user has as many event stream sockets and gRPC streams open as one user may";
            Error::new(ErrorCode::SubscriptionLimitExceeded, message)
                .with_context("limit", self.shared.limits.max_subject_sockets.to_string())
        })
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
        let per_second = f64::from(self.shared.limits.max_subject_rows_per_second);
        self.rows.lock().owe(rows, per_second, per_second * ROW_BURST_SECONDS, Instant::now())
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
        let mut all: MutexGuard<'_, usize> = self.subject.subscriptions.lock();
        let own = change(self.subject.max_subscriptions().saturating_sub(*all));
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

fn limiter(per_second: u32, burst: u32) -> DefaultDirectRateLimiter {
    let number = |number: u32| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
    RateLimiter::direct(Quota::per_second(number(per_second)).allow_burst(number(burst)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use im_chats_protocol::grant::Scopes;

    fn subjects(limits: SubjectLimits) -> Subjects {
        Subjects::new(limits, &ServerLimits::default())
    }

    fn user(name: &str) -> Grant {
        Grant { subject: Some(name.into()), scopes: Scopes::ALL, chats: None, expires_in_ms: None }
    }

    #[test]
    fn a_user_has_a_rate_of_its_own_and_the_operator_has_none() {
        let limits = SubjectLimits { max_subject_calls_per_second: 1, max_subject_call_burst: 2, ..SubjectLimits::default() };
        let subjects = subjects(limits);
        assert!(subjects.of(&Grant::ADMIN).is_none());
        let greedy = subjects.of(&user("greedy")).unwrap();
        assert_eq!((greedy.call(), greedy.call()), (Ok(()), Ok(())));
        let error = subjects.of(&user("greedy")).unwrap().call().unwrap_err();
        assert_eq!((error.code.as_ref(), error.retryable), ("burstRateExceeded", true));
        assert!((1..=1_001).contains(&error.retry_after_ms.unwrap()), "{:?}", error.retry_after_ms);
        assert_eq!(subjects.of(&user("modest")).unwrap().call(), Ok(()));
    }

    #[test]
    fn sockets_and_subscriptions_come_back() {
        let limits = SubjectLimits { max_subject_sockets: 1, max_subject_subscriptions: 3, ..SubjectLimits::default() };
        let subject = subjects(limits).of(&user("u")).unwrap();
        let place = subject.socket().unwrap();
        let error = subject.socket().unwrap_err();
        assert_eq!((error.code.as_ref(), error.context_value("limit")), ("subscriptionLimitExceeded", Some("1")));
        drop(place);
        assert!(subject.socket().is_ok());

        let (mut one, mut two) = (Subscriptions::of(Arc::clone(&subject)), Subscriptions::of(subject));
        let room = |subscriptions: &mut Subscriptions, own: usize| {
            let mut room = 0;
            subscriptions.change(|left| {
                room = left;
                own
            });
            room
        };
        assert_eq!((room(&mut one, 2), room(&mut two, 1), room(&mut two, 1)), (3, 1, 0));
        assert_eq!(room(&mut one, 1), 0);
        drop(one);
        assert_eq!(room(&mut two, 0), 2);
    }

    #[tokio::test]
    async fn a_reader_of_more_than_its_rate_waits() {
        let limits = SubjectLimits { max_subject_rows_per_second: 1_000, ..SubjectLimits::default() };
        let subject = subjects(limits).of(&user("u")).unwrap();
        assert_eq!(subject.read(10_000), Duration::ZERO, "ten seconds' worth at once");
        assert!(subject.read(2_000) > Duration::from_secs(1), "and no more");
        assert!(tokio::time::timeout(Duration::from_millis(1), subject.pace()).await.is_err());
    }
}
