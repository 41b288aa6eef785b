//! Retention: the beginning of the log goes when it is too old, or when the log is too long.
//!
//! First the new beginning is written and told to the readers, in one short transaction; then the rows before it go, in steps
//! of which each is a transaction of its own. Whoever appends has its turn after each step. A crash in between leaves rows that
//! no reader sees any more; the next run drops them.
//!
//! # Ages
//! Rows have no time of their own: an upstream's clock need not be ours, and events come late. The table `times` says instead
//! that everything up to a sequence was there at a time. The run itself notes it, every few minutes, also without a limit to
//! the age: a limit that is given later finds its times. The times never decrease: a clock that goes back keeps events longer,
//! and loses none.

use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use im_chats_protocol::error::Error;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use tokio_util::sync::CancellationToken;

use super::read::{signed, unsigned};
use super::reader::{EventLog, stopped};
use super::store::Operation;
use super::store::layout::insert_time;
use super::store::meta::{self, Key, Meta};
use super::store::problem::Problem;
use super::store::verify::checked_time;
use crate::base::log_throttle::LogThrottle;

/// Rows that one transaction drops.
const STEP_ROWS: i64 = 1_000;

/// Rows that one read counts.
const COUNT_ROWS: i64 = 100_000;

/// How often the log is looked at. Nothing is read from the disk unless it grew beyond its limit.
const LOOK: Duration = Duration::from_secs(1);

/// How often a run is made, however little there is to do.
const RUN: Duration = Duration::from_mins(1);

/// How often the time is noted, in milliseconds: so much longer than its age an event may stay.
const NOTE_MS: i64 = 10 * 60 * 1000;

/// Lines about the clock.
static CLOCK: LogThrottle = LogThrottle::new(Duration::from_hours(1));

/// A clock that is behind by more than this is worth a line in the log, in milliseconds.
const BEHIND_MS: i64 = 60 * 60 * 1000;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Options of what the log keeps.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct RetainArgs {
    /// How many days an event stays in the log. Absent = for ever. The last event always stays.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub retain_days: Option<u32>,

    /// How many events stay in the log. Absent = all of them.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub retain_events: Option<u64>,
}

/// How many events a log has, as far as they were counted. Sequences need not be dense.
#[derive(Debug)]
struct Counted {
    log: Arc<str>,
    first: u64,
    through: u64,
    events: u64,
}

/// Keeps a log within its limits.
#[derive(Debug)]
pub struct Keeper {
    log: EventLog,
    retain: RetainArgs,
    counted: Option<Counted>,
    connection: Option<Connection>,
}

/// What a run has dropped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Rows.
    pub events: u64,
    /// The log's beginning afterwards.
    pub first: u64,
}

impl Keeper {
    /// For this log.
    #[must_use]
    pub const fn new(log: EventLog, retain: RetainArgs) -> Self {
        Self { log, retain, counted: None, connection: None }
    }

    /// Runs at once, and then whenever there is something to do, until `drain` is cancelled.
    pub async fn run(mut self, drain: CancellationToken) {
        while !drain.is_cancelled() {
            let stop = drain.clone();
            let work = move || {
                self.run_once(chrono::Utc::now().timestamp_millis(), &|| stop.is_cancelled());
                self
            };
            self = match tokio::task::spawn_blocking(work).await {
                Ok(keeper) => keeper,
                Err(error) => return tracing::error!(%error, "the retention of the log failed; the log grows"),
            };
            let next = Instant::now() + RUN;
            while Instant::now() < next && !self.is_far_beyond() {
                tokio::select! {
                    () = drain.cancelled() => return,
                    () = tokio::time::sleep(LOOK) => {}
                }
            }
        }
    }

    fn run_once(&mut self, now: i64, stop: &dyn Fn() -> bool) {
        match self.keep(now, stop) {
            Ok(Pruned { events: 0, .. }) => {}
            Ok(Pruned { events, first }) => {
                tracing::info!(events, first, head = self.log.head(), "pruned the beginning of the log");
            }
            // It is noted for health and log.
            Err(_) => self.connection = None,
        }
    }

    /// Whether the log may be beyond its number of events by more than a tenth, as far as that can be said without reading it.
    fn is_far_beyond(&self) -> bool {
        let Some(limit) = self.retain.retain_events else { return false };
        let span = match &self.counted {
            Some(counted) if counted.first == self.log.first() => {
                counted.events.saturating_add(self.log.head().saturating_sub(counted.through))
            }
            _ => self.log.head().saturating_sub(self.log.first()),
        };
        span > limit.saturating_add(limit.div_ceil(10))
    }

    /// One run at the time `now`, in milliseconds since 1970; it blocks, and ends early when `stop` says so.
    ///
    /// # Errors
    /// `databaseError` when the disk fails, or holds something that was not written.
    pub fn keep(&mut self, now: i64, stop: &dyn Fn() -> bool) -> Result<Pruned, Error> {
        let store = self.log.store()?;
        let kept = match self.connection.take().map_or_else(|| writer(&self.log), Ok) {
            Ok(mut connection) => {
                let kept = keep(&mut connection, &self.log, self.retain, &mut self.counted, now, stop);
                self.connection = Some(connection);
                kept
            }
            Err(problem) => Err(problem),
        };
        kept.map_err(|problem| store.failed(Operation::Write, &problem))
    }
}

impl EventLog {
    /// Drops every event up to and including `first`; cursors before it get `cursorTooOld` from now on. A value beyond the
    /// head means the head; one that is already dropped does nothing.
    ///
    /// # Errors
    /// `databaseError` when the disk fails.
    pub async fn truncate(&self, first: u64) -> Result<(), Error> {
        let log = self.clone();
        let truncate = move || {
            let truncated = writer(&log).and_then(|mut connection| {
                move_first(&mut connection, &log, &log.id(), first)?;
                drop_rows(&mut connection, &log, &|| false)
            });
            let store = log.store()?;
            truncated.map(drop).map_err(|problem| store.failed(Operation::Write, &problem))
        };
        tokio::task::spawn_blocking(truncate).await.map_err(|_| stopped())?
    }
}

/// What is dropped need not be on the disk before the next step begins: it comes there with whatever is appended next.
pub(super) fn writer(log: &EventLog) -> Result<Connection, Problem> {
    let connection = log.disk()?.writer()?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    Ok(connection)
}

fn keep(
    connection: &mut Connection,
    log: &EventLog,
    retain: RetainArgs,
    counted: &mut Option<Counted>,
    now: i64,
    stop: &dyn Fn() -> bool,
) -> Result<Pruned, Problem> {
    let id = log.id();
    // What a run that was interrupted has left.
    let left = drop_rows(connection, log, stop)?;
    note_time(connection, log, &id, now)?;
    let mut first = log.first();
    if let Some(days) = retain.retain_days {
        let oldest = now.saturating_sub(i64::from(days).saturating_mul(DAY_MS));
        first = first.max(there_at(connection, oldest)?.unwrap_or(0));
    }
    if let Some(limit) = retain.retain_events {
        first = first.max(beyond(connection, log, &id, limit, counted, stop)?.unwrap_or(0));
    }
    // The last event stays: with it a relay sees whether its upstream still has the same log.
    first = first.min(before_last(connection)?);
    if first > log.first() {
        move_first(connection, log, &id, first)?;
    }
    let events = drop_rows(connection, log, stop)?;
    // Of an interrupted run it is not known; then the log is counted again.
    if let Some(counted) = counted.as_mut().filter(|counted| counted.first < log.first() && !stop()) {
        counted.events = counted.events.saturating_sub(events);
        counted.first = log.first();
    }
    Ok(Pruned { events: events.saturating_add(left), first: log.first() })
}

/// Notes that everything up to the head is there now.
fn note_time(connection: &mut Connection, log: &EventLog, id: &Arc<str>, now: i64) -> Result<(), Problem> {
    let Ok(_same) = log.same(id) else { return Ok(()) };
    let head = signed(log.head());
    let last = connection
        .query_row("SELECT sequence, at, sum FROM times ORDER BY sequence DESC LIMIT 1", [], |row| Ok(checked_time(row)))
        .optional()?
        .transpose()?;
    if let Some((sequence, at)) = last {
        if at.saturating_sub(now) > BEHIND_MS && CLOCK.hit().is_some() {
            tracing::warn!("the clock has gone back; events stay in the log until it is where it was, and their age on top");
        }
        // So the times never decrease.
        if sequence >= head || now.saturating_sub(at) < NOTE_MS {
            return Ok(());
        }
    }
    if head > 0 {
        let _turn = log.disk()?.turn();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        insert_time(&transaction, head, now)?;
        transaction.commit()?;
    }
    Ok(())
}

/// The last sequence that is known to have been there at `at`.
fn there_at(connection: &Connection, at: i64) -> Result<Option<u64>, Problem> {
    let mut statement =
        connection.prepare_cached("SELECT sequence, at, sum FROM times WHERE at <= ?1 ORDER BY sequence DESC LIMIT 1")?;
    let found = statement.query_row([at], |row| Ok(checked_time(row))).optional()?.transpose()?;
    Ok(found.map(|(sequence, _)| unsigned(sequence)))
}

/// The sequence before which the log has to begin to have at most `limit` events.
fn beyond(
    connection: &Connection,
    log: &EventLog,
    id: &Arc<str>,
    limit: u64,
    counted: &mut Option<Counted>,
    stop: &dyn Fn() -> bool,
) -> Result<Option<u64>, Problem> {
    let (first, head) = (log.first(), log.head());
    if head.saturating_sub(first) <= limit {
        return Ok(None);
    }
    let mut count = match counted.take() {
        Some(counted) if counted.log == *id && counted.first == first => counted,
        _ => Counted { log: Arc::clone(id), first, through: first, events: 0 },
    };
    // In pieces: one long read would keep the write-ahead log growing.
    let mut statement = connection.prepare_cached(
        "SELECT count(*), max(sequence) FROM (SELECT sequence FROM events WHERE sequence > ?1 ORDER BY sequence LIMIT ?2)",
    )?;
    while count.through < head && !stop() {
        let found: (i64, Option<i64>) =
            statement.query_row(params![signed(count.through), COUNT_ROWS], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let (events, Some(through)) = found else { break };
        count.events = count.events.saturating_add(unsigned(events));
        count.through = unsigned(through);
    }
    let excess = count.events.saturating_sub(limit);
    *counted = Some(count);
    let Some(skipped) = excess.checked_sub(1) else { return Ok(None) };
    let mut statement =
        connection.prepare_cached("SELECT sequence FROM events WHERE sequence > ?1 ORDER BY sequence LIMIT 1 OFFSET ?2")?;
    let found: Option<i64> = statement.query_row(params![signed(first), signed(skipped)], |row| row.get(0)).optional()?;
    Ok(found.map(unsigned))
}

/// Where the log may begin at most for its last event to stay; 0 when it has none.
fn before_last(connection: &Connection) -> Result<u64, Problem> {
    let found: Option<i64> =
        connection.query_row("SELECT prev FROM events ORDER BY sequence DESC LIMIT 1", [], |row| row.get(0)).optional()?;
    Ok(found.map_or(0, unsigned))
}

/// The beginning moves on disk, and then for every reader, before the first row goes: no reader takes the hole for silence.
pub(super) fn move_first(connection: &mut Connection, log: &EventLog, id: &Arc<str>, first: u64) -> Result<(), Problem> {
    // A log that is replaced meanwhile keeps its own beginning.
    let Ok(_same) = log.same(id) else { return Ok(()) };
    let first = first.min(log.head());
    let turn = log.disk()?.turn();
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let before = Meta::read(&transaction)?.first;
    meta::set_number(&transaction, Key::LogFirst, before.max(signed(first)))?;
    // The last time stays: the next one must not be earlier.
    transaction
        .execute("DELETE FROM times WHERE sequence <= ?1 AND sequence < (SELECT max(sequence) FROM times)", [signed(first)])?;
    transaction.commit()?;
    drop(turn);
    log.0.first.fetch_max(first, std::sync::atomic::Ordering::AcqRel);
    Ok(())
}

/// Drops the rows before the log's beginning, step by step; gives how many there were.
fn drop_rows(connection: &mut Connection, log: &EventLog, stop: &dyn Fn() -> bool) -> Result<u64, Problem> {
    let mut dropped = 0_u64;
    while !stop() {
        let began = Instant::now();
        let step = {
            let id = log.id();
            let Ok(_same) = log.same(&id) else { continue };
            let _turn = log.disk()?.turn();
            let mut delete = connection.prepare_cached(
                "DELETE FROM events WHERE sequence IN
                 (SELECT sequence FROM events WHERE sequence <= ?1 ORDER BY sequence LIMIT ?2)",
            )?;
            delete.execute(params![signed(log.first()), STEP_ROWS])?
        };
        if step == 0 {
            break;
        }
        dropped = dropped.saturating_add(u64::try_from(step).unwrap_or(u64::MAX));
        // Half of the disk is for the others.
        std::thread::sleep(began.elapsed());
    }
    Ok(dropped)
}
