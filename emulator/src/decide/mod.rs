//! Decides commands: which entries a command writes, and what its caller gets, from the state and nothing else.

mod chats;
mod files;
mod groups;
mod messages;
mod polls;

use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::model::{Chat, ChatServiceType, SingleServiceAddressInfo};

use super::command::{Command, Request};
use super::entry::{Change, Entry, Reply, rfc3339};
use super::state::{ChatState, State};
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
    /// `chatNotFound`, `messageNotFound`, `pollNotFound`, `attachmentNotFound`, `duplicateMessage`, `invalidArgument`,
    /// `preconditionFailed`, `operationNotSupported`, or `internalError` when the log is full. Nothing is written then.
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

    /// One chat that the account is in. What happens in a group that it left reaches it no more.
    fn present(&self, guid: &str) -> Result<&ChatState, Error> {
        let state = self.existing(guid)?;
        if state.has_left {
            return Err(
                not_now("you left this group; somebody in it has to add you again").with_context("chat", guid.to_owned())
            );
        }
        Ok(state)
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
        let request = self.request;
        let answer = match &request.command {
            Command::Create { addresses, service, opening } => self.create(addresses, *service, opening.as_deref())?,
            Command::Touch { chat } => {
                self.state.present(chat)?;
                Reply::Done
            }
            Command::MarkRead { chat, actor } => {
                let unread = self.state.existing(chat)?.chat.unread_count.unwrap_or(0) > 0;
                self.change(unread, chat, Change::MarkedRead, actor.as_ref())?
            }
            Command::SetBackground { chat, mime, actor } => {
                self.state.present(chat)?;
                self.change(true, chat, Change::BackgroundChanged((*mime).to_owned()), actor.as_ref())?
            }
            Command::RemoveBackground { chat, actor } => {
                let there = self.state.present(chat)?.background.is_some();
                self.change(there, chat, Change::BackgroundRemoved, actor.as_ref())?
            }
            Command::SetArchived { chat, archived, actor } => {
                let differs = self.state.existing(chat)?.chat.is_archived != *archived;
                let change = if *archived { Change::Archived } else { Change::Unarchived };
                self.change(differs, chat, change, actor.as_ref())?
            }
            Command::Send { chat, draft, actor } => self.send(chat, draft, actor.as_ref())?,
            Command::Edit { target, text, actor } => self.edit(target, text, actor.as_ref())?,
            Command::Unsend { target, actor } => self.unsend(target, actor.as_ref())?,
            Command::React { target, reaction, is_set, actor } => self.react(target, reaction, *is_set, actor.as_ref())?,
            Command::ReadReceipt { chat, message, actor } => self.read_receipt(chat, message.as_deref(), actor)?,
            Command::Rename { chat, name, actor } => self.rename(chat, name, actor.as_ref())?,
            Command::AddParticipants { chat, addresses, actor } => self.add_participants(chat, addresses, actor.as_ref())?,
            Command::RemoveParticipants { chat, addresses, actor } => {
                self.remove_participants(chat, addresses, actor.as_ref())?
            }
            Command::Leave { chat, actor } => self.leave(chat, actor.as_ref())?,
            Command::SetIcon { chat, mime, actor } => self.set_icon(chat, mime, actor.as_ref())?,
            Command::RemoveIcon { chat, actor } => self.remove_icon(chat, actor.as_ref())?,
            Command::CreatePoll { chat, title, options, actor } => self.create_poll(chat, title, options, actor.as_ref())?,
            Command::Vote { poll, option, actor } => self.vote(poll, option, actor.as_ref())?,
            Command::Unvote { poll, actor } => self.unvote(poll, actor.as_ref())?,
            Command::AddPollOption { poll, text, actor } => self.add_option(poll, text, actor.as_ref())?,
            Command::Upload { file, companion, actor } => self.upload(file, companion.as_ref(), actor.is_none())?,
            Command::Generate { chats, count } => self.generate(chats, *count)?,
        };
        Ok(Outcome { answer, entries: self.entries })
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

    /// The request's time as it is told of.
    fn time(&self) -> Result<String, Error> {
        rfc3339(self.request.now).map_err(|_| Error::new(ErrorCode::InternalError, "the server's clock is out of range"))
    }

    /// The request's identifier for a message or a file.
    fn id(&self) -> String {
        let [_, id] = &self.request.ids;
        id.clone()
    }
}

/// Someone of a chat; nobody when it is the account that acts.
fn member(chat: &Chat, actor: Option<&Address>, field: &'static str) -> Result<Option<SingleServiceAddressInfo>, Error> {
    let Some(who) = actor else { return Ok(None) };
    let known = chat.participants.iter().find(|known| known.address == who.text);
    known.cloned().map(Some).ok_or_else(|| {
        Error::invalid(field, "only a participant of the chat can do this").with_context("value", who.text.clone())
    })
}

fn info(address: &Address, service: ChatServiceType) -> SingleServiceAddressInfo {
    SingleServiceAddressInfo { address: address.text.clone(), service, country: address.country.clone() }
}

fn not_now(message: &'static str) -> Error {
    Error::new(ErrorCode::PreconditionFailed, message)
}
