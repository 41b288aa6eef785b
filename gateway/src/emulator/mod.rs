//! The emulator: an iMessage chat service without a Mac and without an account. Decisions are those of `im_chats_emulator`; this
//! is its journal on disk. It may use `service` and the log.

mod beside;
mod blob;
mod compact;
#[cfg(test)]
mod compact_tests;
pub(crate) mod draft;
mod failure;
mod files;
mod groups;
pub mod input;
mod journal;
mod messaging;
mod polls;
mod replay;
mod service;
#[cfg(test)]
mod tests;
mod typing;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use clap::Args;
use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::model::Chat;
use tokio::sync::{mpsc, oneshot};

use crate::log::store::{Owner, Store, StoreError};
use crate::log::{self, EventLog};
pub(crate) use beside::Beside;
pub use compact::{Compacted, Compactor};
pub(crate) use failure::database_failed;
use im_chats_emulator::address::Address;
use im_chats_emulator::{ACCOUNT, Command, Request, Write};
pub(crate) use journal::Committed;
use journal::{Job, View, Writer};
use typing::Typing;

/// The emulator's own options.
#[derive(Debug, Args)]
pub struct EmulatorArgs {
    /// The data directory; created when absent, used by one process at a time.
    #[arg(long, value_name = "DIR", default_value = ".im-chats")]
    pub data: PathBuf,
}

/// A chat, with what the emulator knows beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedChat {
    /// As `get` answers it.
    pub chat: Arc<Chat>,
    /// Whether it has a background.
    pub has_background: bool,
    /// Whether it is a group with an icon.
    pub has_icon: bool,
    /// Whether it is a group that the account left.
    pub has_left: bool,
    /// Who is typing, by address.
    pub typing: Vec<String>,
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
    typing: Typing,
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
        Ok((Self(Arc::new(Inner { jobs, view, log, store, typing: Typing::default() })), thread))
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
    pub fn chats(&self, after: Option<&str>, limit: usize) -> Vec<ListedChat> {
        let view = self.0.view.read();
        let listed = view.chats().skip_while(|state| after.is_some_and(|after| state.chat.guid.as_str() <= after));
        let listed = listed.take(limit).map(|state| ListedChat {
            chat: Arc::clone(&state.chat),
            has_background: state.background.is_some(),
            has_icon: state.icon.is_some(),
            has_left: state.has_left,
            typing: self.0.typing.of(&state.chat.guid),
        });
        listed.collect()
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

    /// Whether a command would be done now, without doing it.
    ///
    /// # Errors
    /// Those of the command.
    pub(crate) fn would(&self, command: Command) -> Result<(), Error> {
        self.0.view.read().decide(&request(command, None)).map(drop)
    }

    /// Somebody in a chat begins or ends typing; the account when nobody is named.
    ///
    /// # Errors
    /// `chatNotFound`, `preconditionFailed` in a group that the account left, or `invalidArgument` when it is nobody of the chat.
    pub(crate) fn types(&self, chat: &str, actor: Option<&Address>, is_typing: bool) -> Result<(), Error> {
        self.would(Command::Touch { chat: chat.to_owned() })?;
        let view = self.0.view.read();
        let state = view.existing(chat)?;
        if let Some(actor) = actor
            && !state.chat.participants.iter().any(|who| who.address == actor.text)
        {
            return Err(Error::invalid("actor", "only a participant of the chat can type in it")
                .with_context("value", actor.text.clone()));
        }
        self.0.typing.set(chat, actor.map_or(ACCOUNT, |actor| &actor.text), is_typing);
        Ok(())
    }

    /// A message of somebody's has taken the place of their typing.
    pub(crate) fn ends_typing(&self, chat: &str, who: &str) {
        self.0.typing.set(chat, who, false);
    }

    /// Hands a command to the writer and waits until it is on disk.
    pub(crate) async fn execute(&self, command: Command, write: Option<Write>, beside: Beside) -> Result<Committed, Error> {
        let request = request(command, write);
        let (reply, outcome) = oneshot::channel();
        self.0.jobs.send(Job { request, beside, reply }).await.map_err(|_| stopped())?;
        outcome.await.map_err(|_| stopped())?
    }
}

/// A request of now.
fn request(command: Command, write: Option<Write>) -> Request {
    Request {
        command,
        write,
        now: chrono::Utc::now().timestamp_millis(),
        // A group's identifier, and a message's as Apple writes them.
        ids: [uuid::Uuid::new_v4().simple().to_string(), uuid::Uuid::new_v4().hyphenated().to_string().to_uppercase()],
    }
}

fn stopped() -> Error {
    Error::new(ErrorCode::ServiceUnavailable, "the emulator is stopping")
}
