//! Decides commands: which entries a command writes, and what its caller gets, from the state and nothing else.

use std::sync::Arc;

use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::model::{
    Chat, ChatGuid, ChatServiceType, CreateChatResult, Message, MessageContent, SingleServiceAddressInfo,
};

use super::command::{Command, Request};
use super::draft::{Draft, Part};
use super::entry::{Change, Entry, Reply, Toggle, rfc3339};
use super::state::{ChatState, State, sorted};
use crate::address::Address;

/// What a request leads to.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// It is done now.
    New(Outcome),
    /// It was done before, and is answered as then.
    Again {
        /// The number of the journal's entry that holds the answer, counted from 1.
        entry: u64,
    },
}

/// The entries that a command writes, and its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// What the caller gets, once the entries are on disk.
    pub answer: Reply,
    /// What is written down; empty when nothing changes.
    pub entries: Vec<Entry>,
}

impl State {
    /// Decides a request against this state, without changing it.
    ///
    /// # Errors
    /// `chatNotFound`, `duplicateMessage`, `invalidArgument`, or `internalError` when the log is full. Nothing is written then.
    pub fn decide(&self, request: &Request) -> Result<Decision, Error> {
        if let Some(write) = &request.write
            && let Some(entry) = self.keys.find(write, request.now)?
        {
            return Ok(Decision::Again { entry });
        }
        let mut outcome = Deciding { state: self, request, entries: Vec::new(), used: 0 }.run()?;
        if let Some(write) = &request.write {
            outcome.entries.push(Entry::Answered {
                keys: write.keys.clone(),
                fingerprint: write.fingerprint.clone(),
                at: request.now,
                answer: Box::new(outcome.answer.clone()),
            });
        }
        Ok(Decision::New(outcome))
    }

    /// One chat, or the error that says there is none.
    ///
    /// # Errors
    /// `chatNotFound` with `context.chat`.
    pub fn existing(&self, guid: &str) -> Result<&ChatState, Error> {
        self.chat(guid)
            .ok_or_else(|| Error::new(ErrorCode::ChatNotFound, "there is no such chat").with_context("chat", guid.to_owned()))
    }
}

struct Deciding<'a> {
    state: &'a State,
    request: &'a Request,
    entries: Vec<Entry>,
    /// Sequences used so far.
    used: u64,
}

impl Deciding<'_> {
    fn run(mut self) -> Result<Outcome, Error> {
        let answer = match &self.request.command {
            Command::Create { addresses, service, opening } => self.create(addresses, *service, opening.as_deref())?,
            Command::Touch { chat } => {
                self.state.existing(chat)?;
                Reply::Done
            }
            Command::MarkRead { chat, actor } => {
                let unread = self.state.existing(chat)?.chat.unread_count.unwrap_or(0) > 0;
                self.change(unread, chat, Change::MarkedRead, actor.as_ref())?
            }
            Command::SetBackground { chat, mime, actor } => {
                self.state.existing(chat)?;
                self.change(true, chat, Change::BackgroundChanged((*mime).to_owned()), actor.as_ref())?
            }
            Command::RemoveBackground { chat, actor } => {
                let there = self.state.existing(chat)?.background.is_some();
                self.change(there, chat, Change::BackgroundRemoved, actor.as_ref())?
            }
            Command::SetArchived { chat, archived, actor } => {
                let differs = self.state.existing(chat)?.chat.is_archived != *archived;
                let change = if *archived { Change::Archived } else { Change::Unarchived };
                self.change(differs, chat, change, actor.as_ref())?
            }
            Command::Send { chat, draft, actor } => {
                let chat = Arc::clone(&self.state.existing(chat)?.chat);
                let sender = actor.as_ref().map(|actor| participant(&chat, actor, "from")).transpose()?;
                Reply::Message(Box::new(self.send(&chat, draft, sender)?))
            }
            Command::Generate { chats, count } => self.generate(chats, *count)?,
            _ => return Err(Error::new(ErrorCode::OperationNotSupported, "the emulator does not do this")),
        };
        Ok(Outcome { answer, entries: self.entries })
    }

    fn create(&mut self, addresses: &[Address], service: ChatServiceType, opening: Option<&Draft>) -> Result<Reply, Error> {
        let mut chat = match self.find(addresses) {
            Some(found) => (*found.chat).clone(),
            None => {
                let chat = self.new_chat(addresses, service);
                self.entries.push(Entry::ChatCreated { chat: Box::new(chat.clone()) });
                chat
            }
        };
        let initial_message = match opening {
            None => None,
            Some(draft) => {
                let message = self.send(&chat, draft, None)?.summary();
                chat.is_archived = false;
                chat.last_message = Some(message.clone());
                Some(message)
            }
        };
        Ok(Reply::Created(Box::new(CreateChatResult { chat, initial_message })))
    }

    fn find(&self, addresses: &[Address]) -> Option<&ChatState> {
        match addresses {
            [address] => self.state.chat(ChatGuid::direct(&address.text).as_str()),
            _ => self.state.group(sorted(addresses.iter().map(|address| address.text.clone()))),
        }
    }

    fn new_chat(&self, addresses: &[Address], service: ChatServiceType) -> Chat {
        let participants = addresses.iter().map(|address| info(address, service)).collect();
        let (guid, identifier, group_id, display_name) = match addresses {
            [address] => (ChatGuid::direct(&address.text), address.text.clone(), None, address.display_name()),
            _ => {
                let [id, _] = &self.request.ids;
                // Nobody named the group yet, and the service makes no name up.
                (ChatGuid::group(id), id.clone(), Some(id.clone()), String::new())
            }
        };
        Chat {
            guid: guid.as_str().to_owned(),
            chat_identifier: Some(identifier),
            is_group: group_id.is_some(),
            group_id,
            display_name,
            service,
            is_archived: false,
            is_filtered: false,
            unread_count: Some(0),
            participants,
            last_message: None,
        }
    }

    /// A message brings an archived chat back, as it does in Messages.
    fn send(&mut self, chat: &Chat, draft: &Draft, sender: Option<&SingleServiceAddressInfo>) -> Result<Message, Error> {
        let [Part::Text { text, .. }] = draft.parts.as_slice() else {
            return Err(Error::new(ErrorCode::OperationNotSupported, "the emulator does not do this"));
        };
        if chat.is_archived {
            self.push_change(&chat.guid, Change::Unarchived, sender.cloned())?;
        }
        let [_, id] = &self.request.ids;
        let message = Message {
            guid: id.clone(),
            chat_guids: vec![chat.guid.clone()],
            content: MessageContent {
                text: Some(text.clone()),
                expressive_send_style_id: draft.effect.map(|effect| effect.id().to_owned()),
                ..MessageContent::default()
            },
            subject: draft.subject.clone(),
            is_from_me: sender.is_none(),
            date_created: rfc3339(self.request.now).map_err(|_| clock_error())?,
            sender: sender.cloned(),
            ..Message::default()
        };
        let sequence = self.next_sequence(1)?;
        self.entries.push(Entry::Message {
            sequence,
            at: self.request.now,
            chat: chat.guid.clone(),
            message: Arc::new(message.clone()),
            parts: Vec::new(),
        });
        Ok(message)
    }

    fn change(&mut self, happens: bool, guid: &str, change: Change, actor: Option<&Address>) -> Result<Reply, Error> {
        if happens {
            let actor = actor.map(|address| self.known_as(guid, address));
            self.push_change(guid, change, actor)?;
        }
        Ok(Reply::Done)
    }

    fn push_change(&mut self, guid: &str, change: Change, actor: Option<SingleServiceAddressInfo>) -> Result<(), Error> {
        let sequence = self.next_sequence(1)?;
        self.entries.push(Entry::Changed { sequence, at: self.request.now, chat: guid.to_owned(), change, actor });
        Ok(())
    }

    /// An actor as the chat knows them, or on the chat's transport when it does not.
    fn known_as(&self, guid: &str, address: &Address) -> SingleServiceAddressInfo {
        let chat = self.state.chat(guid);
        let known = chat.and_then(|state| state.chat.participants.iter().find(|who| who.address == address.text));
        let service = chat.map_or(ChatServiceType::IMessage, |state| state.chat.service);
        known.cloned().unwrap_or_else(|| info(address, service))
    }

    fn generate(&mut self, chats: &[Arc<str>], count: u64) -> Result<Reply, Error> {
        let touched = usize::try_from(count).unwrap_or(usize::MAX).min(chats.len());
        let toggles = chats
            .iter()
            .take(touched)
            .map(|guid| Ok(Toggle { chat: guid.to_string(), was_archived: self.state.existing(guid)?.chat.is_archived }))
            .collect::<Result<Vec<_>, Error>>()?;
        let last = self.next_sequence(count)?;
        let first = last.saturating_sub(count).saturating_add(1);
        self.entries.push(Entry::Generated { first, count, at: self.request.now, chats: toggles });
        Ok(Reply::Done)
    }

    /// Takes so many sequences and gives the last one.
    fn next_sequence(&mut self, count: u64) -> Result<u64, Error> {
        self.used = self.used.saturating_add(count);
        self.state.sequence(self.used).ok_or_else(|| {
            Error::new(
                ErrorCode::InternalError,
                "the event log is full: its next sequence would leave the exact range of 2^53 - 1",
            )
        })
    }
}

fn info(address: &Address, service: ChatServiceType) -> SingleServiceAddressInfo {
    SingleServiceAddressInfo { address: address.text.clone(), service, country: address.country.clone() }
}

/// Someone of a chat.
fn participant<'a>(chat: &'a Chat, who: &Address, field: &'static str) -> Result<&'a SingleServiceAddressInfo, Error> {
    chat.participants.iter().find(|known| known.address == who.text).ok_or_else(|| {
        Error::invalid(field, "only a participant of the chat can do this").with_context("value", who.text.clone())
    })
}

fn clock_error() -> Error {
    Error::new(ErrorCode::InternalError, "the server's clock is out of range")
}
