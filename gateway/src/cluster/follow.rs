//! The copy of the log that this relay serves from. It carries the machine of `im_chats_replication::replica`, which decides.

use std::pin::pin;
use std::time::Duration;

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::push::{Messages, MessagesError};
use async_nats::jetstream::kv::Store;
use futures_util::StreamExt as _;
use im_chats_protocol::client::Backoff;
use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::server::LoggedEvent;
use im_chats_replication::replica::{Range, Replica, Step};
use im_chats_replication::{Commit, CommitKind};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use super::pointer::{self, Pointer};
use super::stream::{LogStream, StreamError, unavailable};
use super::{Nats, commit};
use crate::base::log_throttle::LogThrottle;
use crate::base::random::fraction;
use crate::log::{EventLog, LogCopy, Position};
use crate::service::health::Health;

/// The waits between attempts to follow.
const RETRY: Backoff = Backoff { initial_ms: 50, cap_ms: 2_000 };

/// Messages taken at once; they become one transaction, or several where they hold many events.
const CHUNK: usize = 128;

/// A copy that is made again sooner than this after the last time is not worth the hurry.
const REBUILD_PAUSE: Duration = Duration::from_secs(30);

/// Events of one transaction after which it ends: enough that a copy is not held up by its transactions, and few enough that they do not
/// take much memory, and that readers do not wait.
const TRANSACTION: usize = 4_096;

/// How often it is looked at whether the log is another one.
const LOOK: Duration = Duration::from_secs(1);

/// So many looks in a row may have no answer: while NATS elects who leads the bucket, what the stream delivers is as good as before.
const MOST_BLIND_LOOKS: u32 = 5;

/// How often it is looked at where the stream begins by now.
const LOOK_AT_RANGE: Duration = Duration::from_secs(10);

/// The task that keeps the copy up with the stream.
pub struct Follower {
    nats: Nats,
    bucket: Store,
    log: EventLog,
    /// Away while it writes.
    copy: Option<LogCopy>,
    /// What is in the copy; absent when the disk must be asked.
    replica: Option<Replica>,
    /// When the copy was last made again.
    rebuilt: Option<Instant>,
    health: Health,
    /// Told once the copy has come to the end of the log.
    joined: watch::Sender<bool>,
}

/// Why following ended.
enum Ended {
    /// The log is another one by now, or is to be read again: at once.
    Again,
    /// NATS does not answer: after a pause.
    Nats(Error),
    /// The copy cannot be written or read: after a pause.
    Disk(Error),
}

impl From<StreamError> for Ended {
    fn from(error: StreamError) -> Self {
        Self::Nats(error.to_error())
    }
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        Self::Disk(error)
    }
}

impl Follower {
    /// For this copy. `joined` says whether it ever was one of any log, and is told when it is.
    #[must_use]
    pub fn new(nats: Nats, bucket: Store, copy: LogCopy, health: Health, joined: watch::Sender<bool>) -> Self {
        Self { nats, bucket, log: copy.log().clone(), copy: Some(copy), replica: None, rebuilt: None, health, joined }
    }

    /// Works until `drain` is cancelled.
    pub async fn run(mut self, drain: CancellationToken) {
        let mut failures = 0_u32;
        while !drain.is_cancelled() {
            let began = Instant::now();
            let ended = drain.run_until_cancelled(self.follow()).await;
            if began.elapsed() > Duration::from_secs(5) {
                failures = 0;
            }
            match ended {
                None => return,
                Some(Ended::Again) => {}
                Some(Ended::Nats(error) | Ended::Disk(error)) => {
                    self.complain(&error);
                    failures = failures.saturating_add(1);
                    let pause = sleep(Duration::from_millis(RETRY.delay_ms(failures, fraction())));
                    drain.run_until_cancelled(pause).await;
                }
            }
        }
    }

    /// Follows the log of this moment until something is different.
    async fn follow(&mut self) -> Ended {
        match self.try_follow().await {
            Ok(ended) | Err(ended) => ended,
        }
    }

    async fn try_follow(&mut self) -> Result<Ended, Ended> {
        let Some(pointer) = pointer::read(&self.nats, &self.bucket).await? else {
            return Err(Ended::Nats(unavailable("no relay has begun the log yet; that takes one with --role auto or ingest")));
        };
        let stream = LogStream::of(&self.nats, &pointer.id).await?;
        // Before the copy of another log is thrown away: until this one is there, it is all that readers have.
        let range = stream.range().await?;
        let is_copy = self.write(|copy| copy.position()).await?.is_some();
        if *self.log.id() != *pointer.id || !is_copy {
            tracing::info!(log = pointer.id, "copying the log");
            let id = pointer.id.clone();
            self.write(move |copy| copy.begin_anew(&id)).await?;
            self.replica = None;
        }
        let mut replica = self.replica().await?;
        // Whoever asks for what comes begins there, and not where the copy is.
        let _ = self.log.ask_end().await;
        let is_ours = self.is_ours(&stream).await?;
        if replica.found(range, is_ours).is_some() {
            // Once more: a server that has just begun to lead may not know the end yet.
            sleep(LOOK).await;
            let (again, is_ours) = (stream.range().await?, self.is_ours(&stream).await?);
            return match replica.found(again, is_ours) {
                Some(step) => self.step_back(&pointer, step, replica).await,
                None => Ok(Ended::Again),
            };
        }
        self.forget_before(&stream, range).await?;
        let messages = stream.follow(replica.next()).await?;
        // After an error the disk is asked what is in the copy: what was taken last may not be.
        let step = self.take(&pointer, &stream, &mut replica, range, messages).await?;
        self.step_back(&pointer, step, replica).await
    }

    /// Reads again, or throws away what is held.
    async fn step_back(&mut self, pointer: &Pointer, step: Step, mut replica: Replica) -> Result<Ended, Ended> {
        if step == Step::Rebuild {
            tracing::error!(
                log = pointer.id,
                head = self.log.head(),
                "the copy of the log is not what the stream holds; copying all of it again"
            );
            self.health.degraded(&unavailable("the copy of the log is not what NATS holds, and is made again"));
            let id = pointer.id.clone();
            self.write(move |copy| copy.begin_anew(&id)).await?;
            replica.emptied();
            if self.rebuilt.replace(Instant::now()).is_some_and(|before| before.elapsed() < REBUILD_PAUSE) {
                self.replica = Some(replica);
                return Err(Ended::Nats(unavailable("what the stream of the log holds does not fit together")));
            }
        }
        self.replica = Some(replica);
        Ok(Ended::Again)
    }

    /// What is in the copy.
    async fn replica(&mut self) -> Result<Replica, Ended> {
        if let Some(replica) = self.replica.take() {
            return Ok(replica);
        }
        let position = self.write(|copy| copy.position()).await?;
        Ok(Replica::new(position.map_or(0, |position| position.number), self.log.head()))
    }

    /// Whether the stream still holds the commit that was copied last; absent when that message is gone.
    async fn is_ours(&mut self, stream: &LogStream) -> Result<Option<bool>, Ended> {
        let position = self.write(|copy| copy.position()).await?;
        let Some(Position { number, commit }) = position.filter(|position| position.number > 0) else { return Ok(None) };
        Ok(stream.message(number).await?.map(|held| held.commit.is_some_and(|held| held.id == commit)))
    }

    /// Forgets what the stream does not hold any more.
    async fn forget_before(&mut self, stream: &LogStream, range: Range) -> Result<(), Ended> {
        if range.oldest <= 1 || range.oldest > range.last {
            return Ok(());
        }
        let oldest = stream.message_from(range.oldest).await?.and_then(|held| held.commit);
        // Never beyond what is here: what comes is told in its place.
        let first = oldest.map_or(0, |commit| commit.prev.min(self.log.head()));
        if first > self.log.first() {
            self.log.truncate(first).await?;
        }
        Ok(())
    }

    /// Appends what has been collected.
    async fn append(&mut self, events: &mut Vec<LoggedEvent>, position: &mut Option<Position>) -> Result<(), Ended> {
        let Some(position) = position.take() else { return Ok(()) };
        let events = std::mem::take(events);
        self.write(move |copy| copy.append(events, &position)).await.map_err(Ended::Disk)
    }

    /// Works where blocking is allowed.
    async fn write<T, F>(&mut self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut LogCopy) -> Result<T, Error> + Send + 'static,
    {
        let failed = |reason: &str| Error::new(ErrorCode::DatabaseError, format!("the copy of the log failed: {reason}"));
        let mut copy = self.copy.take().ok_or_else(|| failed("it was stopped"))?;
        let worked = tokio::task::spawn_blocking(move || {
            let result = work(&mut copy);
            (copy, result)
        });
        let (copy, result) = match worked.await {
            Ok(worked) => worked,
            // The copy is gone with it: nothing could be followed any more.
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(error) => return Err(failed(&error.to_string())),
        };
        self.copy = Some(copy);
        result
    }

    fn complain(&self, error: &Error) {
        static AWAY: LogThrottle = LogThrottle::per_minute();
        self.health.degraded(error);
        if let Some(repeated) = AWAY.hit() {
            tracing::warn!(repeated, code = %error.code, "the log cannot be followed: {}; trying again", error.message);
        }
    }

    async fn take(
        &mut self,
        pointer: &Pointer,
        stream: &LogStream,
        replica: &mut Replica,
        mut range: Range,
        messages: Messages,
    ) -> Result<Step, Ended> {
        let mut messages = messages.ready_chunks(CHUNK);
        // Beside the delivery, which does not wait for it: the bucket has a leader of its own.
        let mut look = pin!(another_log(self.nats.clone(), self.bucket.clone(), pointer.id.clone()));
        let mut ranges = interval(LOOK_AT_RANGE);
        ranges.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut before = None;
        loop {
            if replica.number() >= range.last {
                self.health.ok();
                self.joined.send_replace(true);
            }
            tokio::select! {
                messages = messages.next() => {
                    let messages = messages.ok_or_else(|| Ended::Nats(unavailable("NATS ended the delivery of the log")))?;
                    if let Some(step) = self.take_all(replica, messages).await? {
                        return Ok(step);
                    }
                }
                ended = &mut look => return Err(ended),
                _ = ranges.tick() => {
                    range = stream.range().await?;
                    if range.last < replica.number() {
                        return Err(Ended::Again);
                    }
                    self.forget_before(stream, range).await?;
                    // Heartbeats alone are no delivery: one that waits for an answer that was lost on its way would wait for ever.
                    let behind = (range.last > replica.number()).then_some(replica.number());
                    if behind.is_some() && std::mem::replace(&mut before, behind) == behind {
                        return Err(Ended::Nats(unavailable("NATS does not deliver what the stream of the log holds")));
                    }
                }
            }
        }
    }

    /// Takes messages that came together; gives the step that ends the following.
    async fn take_all(
        &mut self,
        replica: &mut Replica,
        messages: Vec<Result<Message, MessagesError>>,
    ) -> Result<Option<Step>, Ended> {
        let (mut events, mut position) = (Vec::new(), None);
        for message in messages {
            let message = match message {
                Ok(message) => message,
                Err(error) => {
                    self.append(&mut events, &mut position).await?;
                    return Err(Ended::Nats(unavailable(&format!("the delivery of the log from NATS broke off: {error}"))));
                }
            };
            let number = match message.info() {
                Ok(info) => info.stream_sequence,
                Err(error) => {
                    self.append(&mut events, &mut position).await?;
                    return Err(Ended::Nats(unavailable(&format!("a message without a number: {error}"))));
                }
            };
            let Some(commit) = commit::commit(message.headers.as_ref()) else {
                foreign(number);
                match replica.pass(number) {
                    Step::Known => continue,
                    step => {
                        self.append(&mut events, &mut position).await?;
                        return Ok(Some(step));
                    }
                }
            };
            loop {
                let step = replica.take(number, &commit);
                let at = Position { number, commit: commit.id.clone() };
                match step {
                    Step::Known => break,
                    Step::Append => {
                        match read(number, &commit, message.payload.clone()) {
                            Ok(read) => events.extend(read),
                            Err(ended) => {
                                // What came before it is good, and may come together with it every time.
                                self.append(&mut events, &mut position).await?;
                                return Err(ended);
                            }
                        }
                        position = Some(at);
                        replica.done(step, number, &commit);
                        if events.len() >= TRANSACTION {
                            self.append(&mut events, &mut position).await?;
                        }
                        break;
                    }
                    Step::Begin(first) => {
                        self.append(&mut events, &mut position).await?;
                        let is_skip = commit.kind == CommitKind::Skip && first == commit.last;
                        tracing::warn!(
                            first,
                            "events before this one are not in the log any more; readers behind get an error"
                        );
                        self.write(move |copy| copy.begin_at(first, is_skip.then_some(&at))).await?;
                        replica.done(step, number, &commit);
                        if is_skip {
                            break;
                        }
                    }
                    Step::ReadAgain | Step::Rebuild => {
                        self.append(&mut events, &mut position).await?;
                        return Ok(Some(step));
                    }
                }
            }
        }
        self.append(&mut events, &mut position).await?;
        Ok(None)
    }
}

/// Waits until the log is another one, or nobody has been able to say for a while which one it is.
async fn another_log(nats: Nats, bucket: Store, id: String) -> Ended {
    let mut failures = 0;
    loop {
        sleep(LOOK).await;
        match pointer::read(&nats, &bucket).await {
            Ok(Some(now)) if now.id != id => return Ended::Again,
            Ok(_) => failures = 0,
            Err(error) if failures >= MOST_BLIND_LOOKS => return error.into(),
            Err(_) => failures += 1,
        }
    }
}

/// The events of a commit. One that cannot be read is never passed over: whoever wrote it, it may be what somebody waits for.
fn read(number: u64, commit: &Commit, payload: bytes::Bytes) -> Result<Vec<LoggedEvent>, Ended> {
    commit::events(commit, payload).map_err(|reason| {
        Ended::Nats(unavailable(&format!("the message {number} of the log in NATS cannot be read: {reason}")))
    })
}

fn foreign(number: u64) {
    static FOREIGN: LogThrottle = LogThrottle::per_minute();
    if let Some(repeated) = FOREIGN.hit() {
        tracing::warn!(repeated, number, "a message in the stream of the log is not of a relay; passed over");
    }
}
