//! What is done to groups: named, joined, left, given an icon.

use std::sync::Arc;

use im_chats_protocol::error::Error;
use im_chats_protocol::model::{Chat, SingleServiceAddressInfo};

use super::chats::itself;
use super::{Deciding, info, member, not_now};
use crate::account::{ACCOUNT, account};
use crate::address::Address;
use crate::entry::{Change, Reply};
use crate::limits::MAX_CHAT_ADDRESSES;

/// A group, and who acts in it.
struct Acting {
    chat: Arc<Chat>,
    actor: Option<SingleServiceAddressInfo>,
}

impl Deciding<'_> {
    pub(super) fn rename(&mut self, guid: &str, name: &str, actor: Option<&Address>) -> Result<Reply, Error> {
        let Acting { mut chat, actor } = self.acting(guid, actor)?;
        if chat.display_name != name {
            self.push_change(guid, Change::DisplayNameChanged(name.to_owned()), actor)?;
            Arc::make_mut(&mut chat).display_name = name.to_owned();
        }
        Ok(chat_reply(&chat))
    }

    pub(super) fn add_participants(
        &mut self,
        guid: &str,
        addresses: &[Address],
        actor: Option<&Address>,
    ) -> Result<Reply, Error> {
        let state = self.state.existing(guid)?;
        let brings_back = state.has_left && actor.is_some() && addresses.iter().any(|address| address.text == ACCOUNT);
        let Acting { mut chat, actor } = if brings_back { acting(&state.chat, actor)? } else { self.acting(guid, actor)? };
        for (index, address) in addresses.iter().enumerate() {
            let refuse = |message: String| {
                Err(Error::invalid(format!("addresses[{index}]"), message).with_context("value", address.text.clone()))
            };
            if address.text == ACCOUNT {
                if !brings_back {
                    return Err(itself(index));
                }
                self.push_change(guid, Change::ParticipantAdded(account()), actor.clone())?;
                continue;
            }
            if chat.participants.iter().any(|who| who.address == address.text) {
                return refuse("this person is in the group already".to_owned());
            }
            if chat.participants.len() >= MAX_CHAT_ADDRESSES {
                return refuse(format!("a group has at most {MAX_CHAT_ADDRESSES} people beside this account"));
            }
            let who = info(address, chat.service);
            self.push_change(guid, Change::ParticipantAdded(who.clone()), actor.clone())?;
            Arc::make_mut(&mut chat).participants.push(who);
        }
        Ok(chat_reply(&chat))
    }

    pub(super) fn remove_participants(
        &mut self,
        guid: &str,
        addresses: &[Address],
        actor: Option<&Address>,
    ) -> Result<Reply, Error> {
        let Acting { mut chat, actor } = self.acting(guid, actor)?;
        for (index, address) in addresses.iter().enumerate() {
            let refuse = |message: &'static str| {
                Err(Error::invalid(format!("addresses[{index}]"), message).with_context("value", address.text.clone()))
            };
            if address.text == ACCOUNT {
                return refuse("this is the account's own address; leave the group instead");
            }
            let Some(place) = chat.participants.iter().position(|who| who.address == address.text) else {
                return refuse("this person is not in the group");
            };
            if chat.participants.len() == 1 {
                return Err(last_one());
            }
            let who = Arc::make_mut(&mut chat).participants.remove(place);
            self.push_change(guid, Change::ParticipantRemoved(who), actor.clone())?;
        }
        Ok(chat_reply(&chat))
    }

    pub(super) fn leave(&mut self, guid: &str, actor: Option<&Address>) -> Result<Reply, Error> {
        let Acting { chat, actor } = self.acting(guid, actor)?;
        if actor.is_some() && chat.participants.len() == 1 {
            return Err(last_one());
        }
        let who = actor.clone().unwrap_or_else(account);
        self.push_change(guid, Change::ParticipantLeft(who), actor)?;
        Ok(Reply::Done)
    }

    pub(super) fn set_icon(&mut self, guid: &str, mime: &str, actor: Option<&Address>) -> Result<Reply, Error> {
        let Acting { actor, .. } = self.acting(guid, actor)?;
        self.push_change(guid, Change::IconChanged(mime.to_owned()), actor)?;
        Ok(Reply::Done)
    }

    pub(super) fn remove_icon(&mut self, guid: &str, actor: Option<&Address>) -> Result<Reply, Error> {
        let Acting { actor, .. } = self.acting(guid, actor)?;
        if self.state.existing(guid)?.icon.is_some() {
            self.push_change(guid, Change::IconRemoved, actor)?;
        }
        Ok(Reply::Done)
    }

    /// A group that the account is in.
    fn acting(&self, guid: &str, actor: Option<&Address>) -> Result<Acting, Error> {
        acting(&self.state.present(guid)?.chat, actor)
    }
}

fn acting(chat: &Arc<Chat>, actor: Option<&Address>) -> Result<Acting, Error> {
    if !chat.is_group {
        return Err(Error::invalid("chatGuid", "a direct chat has no name, icon or people of its own; this is for groups")
            .with_context("value", chat.guid.clone()));
    }
    Ok(Acting { chat: Arc::clone(chat), actor: member(chat, actor, "actor")? })
}

fn chat_reply(chat: &Arc<Chat>) -> Reply {
    Reply::Chat(Box::new((**chat).clone()))
}

fn last_one() -> Error {
    not_now("somebody else has to stay in the group")
}
