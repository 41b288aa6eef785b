//! The emulator: an iMessage chat service without a Mac and without an account. Decisions are those of `im_chats_emulator`; this
//! is its journal on disk. It may use `service` and the log.

mod blob;
mod compact;
#[cfg(test)]
mod compact_tests;
mod failure;
pub mod input;
mod journal;
mod replay;
mod service;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use bytes::Bytes;
use clap::Args;
use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::model::Chat;
use tokio::sync::{mpsc, oneshot};

use crate::log::store::{Owner, Store, StoreError};
use crate::log::{self, EventLog};
pub use compact::{Compacted, Compactor};
pub(crate) use failure::database_failed;
use im_chats_emulator::{Command, Request, Write};
pub(crate) use journal::Committed;
use journal::{Job, View, Writer};

/// The emulator's own options.
#[derive(Debug, Args)]
pub struct EmulatorArgs {
    /// The data directory; created when absent, used by one process at a time.
    #[arg(long, value_name = "DIR", default_value = ".im-chats")]
    pub data: PathBuf,
}

/// The running emulator. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Emulator(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    jobs: mpsc::Sender<Job>,
    view: View,
    log: EventLog,
    store: Store,
}

/// The writer's thread; join it after the last [`Emulator`] is gone.
pub type WriterThread = JoinHandle<()>;

impl Emulator {
    /// Opens the emulator's state in `store` and starts its writer.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn open(store: Store) -> Result<(Self, WriterThread), StoreError> {
        store.claim(Owner::Emulator)?;
        let (log, appender) = log::open(&store)?;
        let writer = Writer::open(&store, appender)?;
        let view = writer.view();
        let (jobs, queue) = mpsc::channel(journal::QUEUE);
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || writer.run(queue))
            .map_err(|source| StoreError::Directory { path: store.directory().to_owned(), source })?;
        Ok((Self(Arc::new(Inner { jobs, view, log, store })), thread))
    }

    /// What keeps the journal short. It runs beside the emulator, and does not keep it from ending.
    #[must_use]
    pub fn compactor(&self) -> Compactor {
        Compactor::new(self.0.store.clone(), Arc::clone(&self.0.view))
    }

    /// The event log.
    #[must_use]
    pub fn event_log(&self) -> &EventLog {
        &self.0.log
    }

    /// All chats, in the order of their GUIDs, after `after` and at most `limit`.
    #[must_use]
    pub fn chats(&self, after: Option<&str>, limit: usize) -> Vec<(Arc<Chat>, bool)> {
        let view = self.0.view.read();
        let listed = view.chats().skip_while(|state| after.is_some_and(|after| state.chat.guid.as_str() <= after));
        listed.take(limit).map(|state| (Arc::clone(&state.chat), state.background.is_some())).collect()
    }

    /// The chats named in `field`, each once; all of them when none is named.
    pub(crate) fn targets(&self, guids: Option<Vec<String>>, field: &'static str) -> Result<Vec<Arc<str>>, Error> {
        let view = self.0.view.read();
        let chats: Vec<Arc<str>> = match guids.filter(|guids| !guids.is_empty()) {
            None => view.chats().map(|state| state.chat.guid.as_str().into()).collect(),
            Some(guids) => {
                let mut seen = HashSet::new();
                let mut chats = Vec::new();
                for guid in guids {
                    let guid = input::guid(&guid, field)?;
                    view.existing(&guid)?;
                    if seen.insert(guid.clone()) {
                        chats.push(guid.into());
                    }
                }
                chats
            }
        };
        if chats.is_empty() {
            return Err(Error::new(ErrorCode::PreconditionFailed, "there is no chat to make events in; create one first"));
        }
        Ok(chats)
    }

    /// Hands a command to the writer and waits until it is on disk.
    pub(crate) async fn execute(
        &self,
        command: Command,
        write: Option<Write>,
        image: Option<Bytes>,
    ) -> Result<Committed, Error> {
        let request = Request {
            command,
            write,
            now: chrono::Utc::now().timestamp_millis(),
            // A group's identifier, and a message's as Apple writes them.
            ids: [uuid::Uuid::new_v4().simple().to_string(), uuid::Uuid::new_v4().hyphenated().to_string().to_uppercase()],
        };
        let (reply, outcome) = oneshot::channel();
        self.0.jobs.send(Job { request, image, reply }).await.map_err(|_| stopped())?;
        outcome.await.map_err(|_| stopped())?
    }
}

fn stopped() -> Error {
    Error::new(ErrorCode::ServiceUnavailable, "the emulator is stopping")
}
