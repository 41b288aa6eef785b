//! Compaction: from time to time the state is written beside the journal as a checkpoint, and what the journal has before it
//! goes, but for the answers of idempotency keys. So a start takes as long as the state is large, however much has happened.
//!
//! Nothing here stops the writer for long. The state is copied once (chats are shared, not copied), and its pieces are written
//! in transactions of their own, between those of the writer. The last of them makes the checkpoint the one that counts; a crash
//! before leaves pieces that nobody looks at, one after it entries that nobody reads again. The next start drops both.

use std::time::{Duration, Instant};

use im_chats_emulator::{CheckpointItem, State};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use tokio_util::sync::CancellationToken;

use super::replay::checkpointed;
use super::turn::View;
use crate::log::store::meta::{self, Key, Meta};
use crate::log::store::problem::Problem;
use crate::log::store::{Operation, Store, layout};

/// Entries after which a checkpoint is worth its writing; a state with more pieces waits for as many entries.
pub const ENTRIES: u64 = 10_000;

/// How often the number of entries is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Pause after a checkpoint that could not be written.
const PAUSE: Duration = Duration::from_mins(1);

/// Rows of one transaction.
const STEP_ROWS: usize = 500;

/// Bytes of one transaction, beyond which no further piece joins it.
const STEP_BYTES: usize = 512 * 1024;

/// Makes checkpoints of one emulator.
#[derive(Debug)]
pub struct Compactor {
    store: Store,
    view: View,
    /// Up to which entry there is one; absent until what the last process left has been dropped.
    upto: Option<u64>,
}

/// What a compaction did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compacted {
    /// The last entry that the checkpoint has.
    pub upto: u64,
    /// Its pieces.
    pub items: usize,
    /// Entries that were dropped.
    pub dropped: u64,
    /// The longest time that the writer had to wait.
    pub longest_step: Duration,
}

impl Compactor {
    pub(super) const fn new(store: Store, view: View) -> Self {
        Self { store, view, upto: None }
    }

    /// Makes a checkpoint whenever there are enough entries for one, until `drain` is cancelled.
    pub async fn run(mut self, drain: CancellationToken) {
        loop {
            let stop = drain.clone();
            let work = move || {
                let went_well = self.work(&|| stop.is_cancelled());
                (self, went_well)
            };
            let went_well;
            (self, went_well) = match tokio::task::spawn_blocking(work).await {
                Ok(done) => done,
                Err(error) => return tracing::error!(%error, "the compaction of the journal failed; the journal grows"),
            };
            let pause = if went_well { LOOK } else { PAUSE };
            tokio::select! {
                () = drain.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Whether it went well.
    fn work(&mut self, stop: &dyn Fn() -> bool) -> bool {
        let Some(upto) = self.upto else {
            return match finish(&self.store, stop) {
                Ok(upto) => {
                    self.upto = Some(upto);
                    true
                }
                Err(problem) => {
                    self.store.failed(Operation::Write, &problem);
                    false
                }
            };
        };
        let is_due = {
            let view = self.view.read();
            let items = u64::try_from(view.checkpoint_len()).unwrap_or(u64::MAX);
            view.entries().saturating_sub(upto) >= ENTRIES.max(items)
        };
        if !is_due {
            return true;
        }
        match self.compact(stop) {
            Ok(Some(Compacted { upto, items, dropped, longest_step })) => {
                let longest_step_ms = longest_step.as_secs_f64() * 1000.0;
                tracing::info!(upto, items, dropped, longest_step_ms, "compacted the journal");
                true
            }
            Ok(None) => true,
            // It is noted for health and log.
            Err(_) => false,
        }
    }

    /// Makes a checkpoint of everything until now; it blocks, and ends early (with nothing, or with entries left for the next
    /// time) when `stop` says so.
    ///
    /// # Errors
    /// `databaseError` when the disk fails.
    pub fn compact(&mut self, stop: &dyn Fn() -> bool) -> Result<Option<Compacted>, im_chats_protocol::error::Error> {
        // Whoever commits waits for the copy, and for nothing else.
        let state = self.view.read().clone();
        let compacted = compact(&self.store, &state, stop).map_err(|problem| self.store.failed(Operation::Write, &problem))?;
        if let Some(Compacted { upto, .. }) = compacted {
            self.upto = Some(upto);
        }
        Ok(compacted)
    }
}

/// The transactions of a compaction.
struct Steps<'a> {
    store: &'a Store,
    connection: Connection,
    longest: Duration,
}

impl<'a> Steps<'a> {
    fn begin(store: &'a Store) -> Result<Self, Problem> {
        let connection = store.writer()?;
        // What is written on the way need not be on the disk before the last step, which waits for all of it.
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        Ok(Self { store, connection, longest: Duration::ZERO })
    }

    /// One transaction, and then a pause as long: half of the disk is the writer's.
    fn step<T>(&mut self, work: impl FnOnce(&Transaction<'_>) -> Result<T, rusqlite::Error>) -> Result<T, Problem> {
        let turn = self.store.turn();
        let began = Instant::now();
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = work(&transaction)?;
        transaction.commit()?;
        let took = began.elapsed();
        drop(turn);
        self.longest = self.longest.max(took);
        std::thread::sleep(took);
        Ok(done)
    }

    /// Drops the pieces of every other checkpoint.
    fn drop_items(&mut self, upto: i64) -> Result<(), Problem> {
        let rows = i64::try_from(STEP_ROWS).unwrap_or(i64::MAX);
        loop {
            let dropped = self.step(|transaction| {
                transaction
                    .prepare_cached(
                        "DELETE FROM checkpoint WHERE (upto, item) IN
                         (SELECT upto, item FROM checkpoint WHERE upto <> ?1 LIMIT ?2)",
                    )?
                    .execute(params![upto, rows])
            })?;
            if dropped == 0 {
                return Ok(());
            }
        }
    }
}

/// Drops what a compaction that was interrupted has left; gives up to which entry there is a checkpoint.
pub(super) fn finish(store: &Store, stop: &dyn Fn() -> bool) -> Result<u64, Problem> {
    let mut steps = Steps::begin(store)?;
    let meta = Meta::read(&steps.connection)?;
    steps.drop_items(meta.checkpoint)?;
    if meta.checkpoint > 0 {
        // Its own answers, and not those of now: the next start looks for them.
        let state = checkpointed(&steps.connection, &meta)?;
        drop_entries(&mut steps, meta.checkpoint, &state, stop)?;
    }
    Ok(u64::try_from(meta.checkpoint).unwrap_or(0))
}

fn compact(store: &Store, state: &State, stop: &dyn Fn() -> bool) -> Result<Option<Compacted>, Problem> {
    let mut steps = Steps::begin(store)?;
    let known = Meta::read(&steps.connection)?.checkpoint;
    let upto = i64::try_from(state.entries()).unwrap_or(i64::MAX);
    steps.drop_items(known)?;
    if upto == known {
        return Ok(None);
    }
    let mut items = state.checkpoint();
    let mut written = 0;
    loop {
        // Made into text before the turn.
        let piece = next_piece(&mut items)?;
        if piece.is_empty() {
            break;
        }
        if stop() {
            return Ok(None);
        }
        written = steps.step(|transaction| {
            piece.iter().try_fold(written, |item: i64, text| {
                layout::insert_item(transaction, upto, item.saturating_add(1), text).map(|()| item.saturating_add(1))
            })
        })?;
    }
    steps.connection.pragma_update(None, "synchronous", "FULL")?;
    steps.step(|transaction| {
        meta::set_number(transaction, Key::Checkpoint, upto)?;
        meta::set_number(transaction, Key::CheckpointItems, written)
    })?;
    steps.connection.pragma_update(None, "synchronous", "NORMAL")?;
    let dropped = drop_entries(&mut steps, upto, state, stop)?;
    if !stop() {
        steps.drop_items(upto)?;
    }
    let items = usize::try_from(written).unwrap_or(usize::MAX);
    Ok(Some(Compacted { upto: state.entries(), items, dropped, longest_step: steps.longest }))
}

fn next_piece(items: &mut impl Iterator<Item = CheckpointItem>) -> Result<Vec<String>, Problem> {
    let (mut piece, mut bytes) = (Vec::new(), 0_usize);
    while piece.len() < STEP_ROWS && bytes < STEP_BYTES {
        let Some(item) = items.next() else { break };
        let text = serde_json::to_string(&item)
            .map_err(|error| Problem::Failed(rusqlite::Error::ToSqlConversionFailure(Box::new(error))))?;
        bytes = bytes.saturating_add(text.len());
        piece.push(text);
    }
    Ok(piece)
}

/// Drops the entries up to `upto` but for the answers that may be asked for again.
fn drop_entries(steps: &mut Steps<'_>, upto: i64, state: &State, stop: &dyn Fn() -> bool) -> Result<u64, Problem> {
    let answers = state.answers();
    let is_answer = |id: i64| u64::try_from(id).is_ok_and(|id| answers.contains(&id));
    let (mut after, mut dropped) = (0_i64, 0_u64);
    while !stop() {
        let ids = {
            let mut statement =
                steps.connection.prepare_cached("SELECT id FROM journal WHERE id > ?1 AND id <= ?2 ORDER BY id LIMIT ?3")?;
            let rows =
                statement.query_map(params![after, upto, i64::try_from(STEP_ROWS).unwrap_or(i64::MAX)], |row| row.get(0))?;
            rows.collect::<Result<Vec<i64>, _>>()?
        };
        let Some(last) = ids.last() else { break };
        after = *last;
        let ids: Vec<i64> = ids.into_iter().filter(|id| !is_answer(*id)).collect();
        if ids.is_empty() {
            continue;
        }
        steps.step(|transaction| {
            let mut delete = transaction.prepare_cached("DELETE FROM journal WHERE id = ?1")?;
            ids.iter().try_for_each(|id| delete.execute([id]).map(drop))
        })?;
        dropped = dropped.saturating_add(u64::try_from(ids.len()).unwrap_or(u64::MAX));
    }
    Ok(dropped)
}
