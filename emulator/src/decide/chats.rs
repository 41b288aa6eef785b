//! New chats, and runs of events.

use std::sync::Arc;

use im_chats_protocol::error::Error;
use im_chats_protocol::model::{Chat, ChatGuid, ChatServiceType, CreateChatResult};

use super::{Deciding, info};
use crate::account::ACCOUNT;
use crate::address::Address;
use crate::draft::Draft;
use crate::entry::{Entry, Reply, Toggle};
use crate::state::{ChatState, sorted};

impl Deciding<'_> {
    pub(super) fn create(
        &mut self,
        addresses: &[Address],
        service: ChatServiceType,
        opening: Option<&Draft>,
    ) -> Result<Reply, Error> {
        if let Some(index) = addresses.iter().position(|address| address.text == ACCOUNT) {
            return Err(itself(index));
        }
        let mut chat = match self.find(addresses) {
            Some(found) => (*found.chat).clone(),
            None => {
                let chat = self.new_chat(addresses, service);
                self.entries.push(Entry::ChatCreated { chat: Box::new(chat.clone()), at: Some(self.request.now) });
                chat
            }
        };
        let initial_message = match opening {
            None => None,
            Some(draft) => {
                let message = self.deliver(&chat, draft, None)?.summary();
                chat.is_archived = false;
                chat.last_message = Some(message.clone());
                Some(message)
            }
        };
        Ok(Reply::Created(Box::new(CreateChatResult { chat, initial_message })))
    }

    /// The chat that something is sent into. The account needs no chat to write to one person: the service sends to the GUID that their
    /// chat would have. So the chat is made here, as a create makes it.
    pub(super) fn writable(&mut self, guid: &str, actor: Option<&Address>) -> Result<Arc<Chat>, Error> {
        let missing = match self.state.present(guid) {
            Ok(state) => return Ok(Arc::clone(&state.chat)),
            Err(error) => error,
        };
        let recipient = recipient(guid).filter(|_| actor.is_none() && self.state.chat(guid).is_none());
        let Some(recipient) = recipient else { return Err(missing) };
        let chat = self.new_chat(&[recipient], ChatServiceType::IMessage);
        self.entries.push(Entry::ChatCreated { chat: Box::new(chat.clone()), at: Some(self.request.now) });
        Ok(Arc::new(chat))
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

    pub(super) fn generate(&mut self, chats: &[Arc<str>], count: u64) -> Result<Reply, Error> {
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
}

/// Whom a direct chat is with, when its GUID is the one that a create would give it.
fn recipient(guid: &str) -> Option<Address> {
    let address = Address::parse(guid.strip_prefix(ChatGuid::DIRECT_PREFIX)?, "chatGuid").ok()?;
    let is_canonical = ChatGuid::direct(&address.text).as_str() == guid;
    (is_canonical && address.text != ACCOUNT).then_some(address)
}

/// What says that an address is the account's own.
pub(super) fn itself(index: usize) -> Error {
    Error::invalid(format!("addresses[{index}]"), "this is the account's own address; it is in every chat by itself")
        .with_context("value", ACCOUNT)
}
