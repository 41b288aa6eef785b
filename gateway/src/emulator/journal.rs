//! The one writer: it decides what waits, commits all of it in one transaction, and only then answers.

use std::sync::Arc;

use im_chats_protocol::error::Error;
use parking_lot::RwLock;
use rusqlite::{Connection, Transaction};
use tokio::sync::{mpsc, oneshot};

use super::beside::{Beside, Deed};
use super::replay::replay;
use super::turn::{self, Committed, Turn, View};
use crate::log::store::meta::{self, Key};
use crate::log::store::problem::Problem;
use crate::log::store::{Store, StoreError, layout, verify};
use crate::log::{Appender, LoggedEvent};
use im_chats_emulator::{Entry, Reply, Request, State};

/// Requests of one transaction at most.
const BATCH_REQUESTS: usize = 512;

/// Events of one transaction, beyond which no further request joins it.
const BATCH_EVENTS: usize = 8192;

/// Bytes of images and files of one transaction, beyond which no further request joins it.
const BATCH_BYTES: usize = 32 * 1024 * 1024;

/// Requests that wait for the writer at most; a caller beyond waits to be let in.
pub(super) const QUEUE: usize = 1024;

/// Where a request's outcome goes.
type ReplySender = oneshot::Sender<Result<Committed, Error>>;

/// A request on its way to the writer.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) request: Request,
    pub(super) beside: Beside,
    pub(super) reply: ReplySender,
}

/// The writer. It has the state twice: with what is being written, and (in the view) with what is on disk; when a commit
/// fails, the first is made from the second again.
#[derive(Debug)]
pub(super) struct Writer {
    appender: Appender,
    /// The journal's last entry on disk.
    last: i64,
    working: State,
    view: View,
}

#[derive(Default)]
struct Batch {
    entries: Vec<Entry>,
    events: Vec<LoggedEvent>,
    deeds: Vec<Deed>,
    bytes: usize,
    replies: Vec<(ReplySender, Result<Committed, Error>)>,
}

impl Batch {
    fn is_full(&self) -> bool {
        self.replies.len() >= BATCH_REQUESTS || self.events.len() >= BATCH_EVENTS || self.bytes >= BATCH_BYTES
    }
}

impl Writer {
    /// Makes the state from what is on disk.
    pub(super) fn open(store: &Store, appender: Appender) -> Result<Self, StoreError> {
        let (working, last) = replay(appender.connection()).map_err(|problem| store.unusable(problem))?;
        if working.head() != appender.log().head() {
            return Err(store.damaged(format!(
                "the journal ends at {} and the event log at {}",
                working.head(),
                appender.log().head()
            )));
        }
        let view = Arc::new(RwLock::new(working.clone()));
        Ok(Self { appender, last, working, view })
    }

    pub(super) fn view(&self) -> View {
        Arc::clone(&self.view)
    }

    /// Works until nobody can send any more.
    pub(super) fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        while let Some(first) = jobs.blocking_recv() {
            let mut batch = Batch::default();
            self.take(first, &mut batch);
            while !batch.is_full() {
                let Ok(next) = jobs.try_recv() else { break };
                self.take(next, &mut batch);
            }
            self.commit(batch);
        }
    }

    fn take(&mut self, job: Job, batch: &mut Batch) {
        let outcome = self.decide(&job, batch);
        batch.replies.push((job.reply, outcome));
    }

    fn decide(&mut self, job: &Job, batch: &mut Batch) -> Result<Committed, Error> {
        let mut changes = match turn::decide(&mut self.working, &job.request, &job.beside)? {
            Turn::New(changes) => changes,
            Turn::Again(entry) => return Ok(Committed { answer: self.answered(entry, batch)?, sequences: None }),
        };
        let bytes: usize = changes.deeds.iter().map(Deed::bytes).sum();
        batch.bytes = batch.bytes.saturating_add(bytes);
        batch.deeds.append(&mut changes.deeds);
        batch.entries.append(&mut changes.entries);
        batch.events.append(&mut changes.events);
        Ok(changes.committed)
    }

    /// The answer that this entry of the journal holds; the entry may be one of the batch.
    fn answered(&self, number: u64, batch: &Batch) -> Result<Reply, Error> {
        let waiting = u64::try_from(batch.entries.len()).unwrap_or(u64::MAX);
        let on_disk = self.working.entries().saturating_sub(waiting);
        let entry = match number.checked_sub(on_disk).and_then(|place| place.checked_sub(1)) {
            Some(place) => usize::try_from(place).ok().and_then(|place| batch.entries.get(place)).cloned(),
            None => Some(self.appender.read(|connection| read(connection, number))?),
        };
        turn::answer(entry)
    }

    fn commit(&mut self, batch: Batch) {
        let Batch { entries, events, deeds, replies, .. } = batch;
        let (view, before) = (&self.view, self.last);
        let last = before.saturating_add(i64::try_from(entries.len()).unwrap_or(i64::MAX));
        let result = if entries.is_empty() {
            Ok(())
        } else {
            self.appender.commit(
                events,
                |transaction| write(transaction, before, &entries, &deeds),
                || {
                    let mut view = view.write();
                    entries.iter().for_each(|entry| view.apply(entry));
                },
            )
        };
        match result {
            Ok(()) => self.last = last,
            Err(_) => self.working = self.view.read().clone(),
        }
        for (reply, outcome) in replies {
            let outcome = match &result {
                Ok(()) => outcome,
                Err(error) => Err(error.clone()),
            };
            // The caller may have gone away; what it asked for is done all the same.
            let _ = reply.send(outcome);
        }
    }
}

/// Writes entries behind the one numbered `last`.
fn write(transaction: &Transaction<'_>, mut last: i64, entries: &[Entry], deeds: &[Deed]) -> Result<(), rusqlite::Error> {
    for entry in entries {
        let json = serde_json::to_string(entry).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        last = last.saturating_add(1);
        layout::insert_journal(transaction, last, &json)?;
    }
    meta::set_number(transaction, Key::Journal, last)?;
    deeds.iter().try_for_each(|deed| deed.write(transaction))
}

/// One entry of the journal on disk.
fn read(connection: &Connection, number: u64) -> Result<Entry, Problem> {
    let id = i64::try_from(number).unwrap_or(i64::MAX);
    let entry = verify::journal_entry(connection, id)?;
    serde_json::from_str(&entry).map_err(|error| Problem::damage(format!("entry {id} of the journal cannot be read: {error}")))
}
