//! The emulator: an iMessage chat service without a Mac and without an account. Decisions are those of `im_chats_emulator`; this
//! is its journal on disk. It may use `service` and the log.

mod beside;
mod blob;
pub mod clock;
#[cfg(feature = "server")]
mod compact;
#[cfg(test)]
#[cfg(feature = "server")]
mod compact_tests;
#[cfg(feature = "server")]
mod disk;
pub(crate) mod draft;
mod failure;
mod files;
mod groups;
pub mod input;
#[cfg(feature = "server")]
mod journal;
mod memory;
#[cfg(test)]
#[cfg(feature = "server")]
mod memory_tests;
mod messaging;
mod polls;
#[cfg(feature = "server")]
mod replay;
mod service;
mod stored;
#[cfg(test)]
#[cfg(feature = "server")]
mod tests;
mod turn;
mod typing;

use std::collections::HashSet;
#[cfg(feature = "server")]
use std::path::PathBuf;
use std::sync::Arc;
#[cfg(feature = "server")]
use std::thread::JoinHandle;

#[cfg(feature = "server")]
use clap::Args;
use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::model::Chat;
#[cfg(feature = "server")]
use tokio::sync::mpsc;

use crate::log::EventLog;
#[cfg(feature = "server")]
use crate::log::{
    self,
    store::{Owner, Store, StoreError},
};
pub(crate) use beside::Beside;
pub use beside::Deed;
use clock::Clock;
#[cfg(feature = "server")]
use clock::SystemClock;
#[cfg(feature = "server")]
pub use compact::{Compacted, Compactor};
pub(crate) use failure::database_failed;
use im_chats_emulator::address::Address;
use im_chats_emulator::{ACCOUNT, Command, Request, Write};
#[cfg(feature = "server")]
use journal::Writer;
use memory::Memory;
pub use memory::{Keeping, Kept, Saved};
pub(crate) use turn::Committed;
use turn::{Journal, View};
use typing::Typing;

/// The emulator's own options.
#[cfg(feature = "server")]
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
    journal: Box<dyn Journal>,
    view: View,
    log: EventLog,
    typing: Typing,
    clock: Arc<dyn Clock>,
}

#[cfg(feature = "server")]
/// The writer's thread; join it after the last [`Emulator`] is gone.
pub type WriterThread = JoinHandle<()>;

impl Emulator {
    /// Opens the emulator's state in `store` and starts its writer.
    ///
    /// # Errors
    /// When the database cannot be read.
    #[cfg(feature = "server")]
    pub fn open(store: Store) -> Result<(Self, WriterThread), StoreError> {
        Self::open_by(store, Arc::new(SystemClock::default()))
    }

    /// As [`Emulator::open`], by another clock than the machine's.
    #[cfg(feature = "server")]
    fn open_by(store: Store, clock: Arc<dyn Clock>) -> Result<(Self, WriterThread), StoreError> {
        store.claim(Owner::Emulator)?;
        let (log, appender) = log::open(&store)?;
        let writer = Writer::open(&store, appender)?;
        let view = writer.view();
        let (jobs, queue) = mpsc::channel(journal::QUEUE);
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || writer.run(queue))
            .map_err(|source| StoreError::Directory { path: store.directory().to_owned(), source })?;
        let journal = Box::new(disk::Disk { jobs, store });
        Ok((Self(Arc::new(Inner { journal, view, log, typing: Typing::default(), clock })), thread))
    }

    /// An emulator without a disk: its state is what was saved before, and what is to last is handed to `keeping` before it is answered.
    ///
    /// # Errors
    /// `databaseError` when what was saved is not what was kept.
    pub fn in_memory(log: EventLog, clock: Arc<dyn Clock>, saved: Saved, keeping: Option<Keeping>) -> Result<Self, Error> {
        let memory = Memory::open(log.clone(), saved, keeping)?;
        let view = memory.view();
        Ok(Self(Arc::new(Inner { journal: Box::new(memory), view, log, typing: Typing::default(), clock })))
    }

    /// What keeps the journal short. It runs beside the emulator, and does not keep it from ending.
    #[cfg(feature = "server")]
    #[must_use]
    pub fn compactor(&self, store: Store) -> Compactor {
        Compactor::new(store, Arc::clone(&self.0.view))
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
            typing: self.0.typing.of(&state.chat.guid, self.0.clock.steady_ms()),
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
        self.0.view.read().decide(&self.request(command, None)).map(drop)
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
        self.set_typing_of(chat, actor.map_or(ACCOUNT, |actor| &actor.text), is_typing);
        Ok(())
    }

    /// A message of somebody's has taken the place of their typing.
    pub(crate) fn ends_typing(&self, chat: &str, who: &str) {
        self.set_typing_of(chat, who, false);
    }

    fn set_typing_of(&self, chat: &str, who: &str, is_typing: bool) {
        self.0.typing.set(chat, who, is_typing, self.0.clock.steady_ms());
    }

    /// Hands a command to the journal and waits until what it changes is safe.
    pub(crate) async fn execute(&self, command: Command, write: Option<Write>, beside: Beside) -> Result<Committed, Error> {
        self.0.journal.commit(self.request(command, write), beside).await
    }

    /// A request of now.
    fn request(&self, command: Command, write: Option<Write>) -> Request {
        Request { command, write, now: self.0.clock.now_ms(), ids: self.0.clock.identifiers() }
    }
}
