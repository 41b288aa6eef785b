//! The journal in memory: for a page, which has no disk. What it is to last beyond the page is handed to a [`Keeping`], and is kept
//! before anybody hears of it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use im_chats_emulator::{Entry, Request, State};
use im_chats_protocol::error::{Error, ErrorCode};
use parking_lot::{Mutex, RwLock};
use tokio::sync::{Mutex as Queue, mpsc, oneshot};

use super::beside::{Beside, Deed};
use super::stored::{BytePieces, Stored};
use super::turn::{self, Changes, Committed, Journal, Turn, View};
use crate::log::EventLog;
use crate::log::kind::Kind;

/// Bytes of one piece of an answer.
const PIECE: usize = 256 * 1024;

/// Answers of idempotency keys beyond which those are looked for that nobody can ask for any more.
const ANSWERS: usize = 4096;

/// What one request changes, on its way to where it lasts.
#[derive(Debug)]
pub struct Kept {
    /// The number of the first entry.
    pub first: u64,
    /// The entries, each as JSON.
    pub entries: Vec<String>,
    /// What becomes of bytes.
    pub deeds: Vec<Deed>,
    /// Says that it is kept, or why not; the request is then as if it had never been made.
    pub done: oneshot::Sender<Result<(), Error>>,
}

/// Where a journal hands what is to last.
pub type Keeping = mpsc::UnboundedSender<Kept>;

/// What was kept before.
#[derive(Debug, Clone, Default)]
pub struct Saved {
    /// The entries, each as JSON, from the first one on.
    pub entries: Vec<String>,
    /// Bytes: what they are, whose, their media type, they themselves.
    pub bytes: Vec<(Kind, String, String, Bytes)>,
}

type Blobs = HashMap<(Kind, String), (String, Bytes)>;

/// A journal in memory.
#[derive(Debug)]
pub(super) struct Memory {
    /// One request at a time, in the order in which they came.
    turn: Queue<()>,
    view: View,
    log: EventLog,
    /// The answers of idempotency keys, by the number of their entry.
    answers: Mutex<BTreeMap<u64, Entry>>,
    blobs: RwLock<Blobs>,
    keeping: Option<Keeping>,
}

impl Memory {
    /// The journal that was kept, or an empty one.
    pub(super) fn open(log: EventLog, saved: Saved, keeping: Option<Keeping>) -> Result<Self, Error> {
        let mut state = State::default();
        let mut answers = BTreeMap::new();
        let mut blobs: Blobs = HashMap::new();
        for (kind, owner, mime, data) in saved.bytes {
            blobs.insert((kind, owner), (mime, data));
        }
        let mut there = HashMap::new();
        for (place, text) in (1_u64..).zip(&saved.entries) {
            let entry: Entry = serde_json::from_str(text).map_err(|error| damaged(&format!("entry {place}: {error}")))?;
            log.append_in_memory(entry.events().map_err(turn::unwritable)?).map_err(|error| damaged(&error.message))?;
            for Deed { kind, owner, put } in Deed::of(&entry, &Beside::default()) {
                there.insert((kind, owner), put.is_some());
            }
            state.apply(&entry);
            if matches!(entry, Entry::Answered { .. }) {
                answers.insert(place, entry);
            }
        }
        if state.head() != log.head() {
            return Err(damaged("its entries are not those of one journal"));
        }
        there.retain(|_, is_there| *is_there);
        if let Some((kind, owner)) = there.keys().find(|place| !blobs.contains_key(*place)) {
            return Err(damaged(&format!("the {} of {owner} is missing", kind.name())));
        }
        blobs.retain(|place, _| there.contains_key(place));
        Ok(Self {
            turn: Queue::new(()),
            view: Arc::new(RwLock::new(state)),
            log,
            answers: Mutex::new(answers),
            blobs: RwLock::new(blobs),
            keeping,
        })
    }

    pub(super) fn view(&self) -> View {
        Arc::clone(&self.view)
    }

    /// Waits until it is kept.
    async fn keep(&self, first: u64, entries: &[Entry], deeds: &[Deed]) -> Result<(), Error> {
        let Some(keeping) = &self.keeping else { return Ok(()) };
        let entries: Result<_, _> = entries.iter().map(serde_json::to_string).collect();
        let entries = entries.map_err(turn::unwritable)?;
        let (done, outcome) = oneshot::channel();
        let gone = || Error::new(ErrorCode::DatabaseError, "nothing can be kept any more: the emulator was closed");
        keeping.send(Kept { first, entries, deeds: deeds.to_vec(), done }).map_err(|_| gone())?;
        outcome.await.map_err(|_| gone())?
    }

    fn remember(&self, first: u64, entries: Vec<Entry>, state: &State) {
        let mut answers = self.answers.lock();
        for (number, entry) in (first..).zip(entries) {
            if matches!(entry, Entry::Answered { .. }) {
                answers.insert(number, entry);
            }
        }
        if answers.len() > ANSWERS {
            let asked = state.answers();
            answers.retain(|number, _| asked.contains(number));
        }
    }
}

fn damaged(why: &str) -> Error {
    Error::new(ErrorCode::DatabaseError, format!("the journal cannot be read: {why}"))
}

#[async_trait]
impl Journal for Memory {
    async fn commit(&self, request: Request, beside: Beside) -> Result<Committed, Error> {
        let _turn = self.turn.lock().await;
        // A copy shares all that does not change. It takes the view's place once it is kept.
        let mut state = self.view.read().clone();
        let first = state.entries().saturating_add(1);
        let Changes { committed, entries, events, deeds } = match turn::decide(&mut state, &request, &beside)? {
            Turn::New(changes) => changes,
            Turn::Again(number) => {
                let entry = self.answers.lock().get(&number).cloned();
                return Ok(Committed { answer: turn::answer(entry)?, sequences: None });
            }
        };
        if entries.is_empty() {
            return Ok(committed);
        }
        self.keep(first, &entries, &deeds).await?;
        let mut blobs = self.blobs.write();
        for Deed { kind, owner, put } in deeds {
            match put {
                Some(put) => blobs.insert((kind, owner), put),
                None => blobs.remove(&(kind, owner)),
            };
        }
        drop(blobs);
        self.remember(first, entries, &state);
        *self.view.write() = state;
        self.log.append_in_memory(events)?;
        Ok(committed)
    }

    async fn find(&self, kind: Kind, owner: &str) -> Result<Option<Stored>, Error> {
        let found = self.blobs.read().get(&(kind, owner.to_owned())).cloned();
        Ok(found.map(|(mime, data)| Stored {
            mime,
            length: u64::try_from(data.len()).unwrap_or(u64::MAX),
            pieces: Box::new(move || in_pieces(data)),
        }))
    }

    fn lost(&self, kind: Kind, owner: &str) -> Error {
        damaged(&format!("the {} of {owner} is missing", kind.name()))
    }
}

fn in_pieces(mut data: Bytes) -> BytePieces {
    stream::iter(std::iter::from_fn(move || {
        let piece = data.split_to(data.len().min(PIECE));
        (!piece.is_empty()).then_some(Ok(piece))
    }))
    .boxed()
}
