//! The calls about groups, as the client sends them, and the checks before anything is sent. Their answers are chats.

use super::checks::not_empty;
use super::routes::MessagingRoute;
use crate::error::Error;
use crate::limits::check_address_count;
use crate::model::ChatGuid;
use crate::wire::json::MakeJson;
use crate::wire::request::{Request, item};
use crate::wire::response::{NOTHING, ONE_CHAT, ResponseTable};
use crate::wire::routes::{ADDRESSES, CHAT_GUID, Route};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// The GUID of a group.
///
/// # Errors
/// `invalidArgument` with `context.field` = `chat` when it is that of a direct chat, or of none.
pub fn group(text: &str) -> Result<ChatGuid, Error> {
    let chat = ChatGuid::parse(text, "chat")?;
    if chat.is_group() {
        return Ok(chat);
    }
    Err(Error::invalid("chat", "this is a direct chat, and the call is about groups: their guid begins with any;+;"))
}

impl<J: MakeJson> Request<J> {
    fn about_group(route: MessagingRoute, response: &'static ResponseTable, group: &ChatGuid) -> Self {
        Self::messaging(route, response, vec![(CHAT_GUID.name, J::from_text(group.as_str()))])
    }

    /// Fetches a group.
    #[must_use]
    pub fn get_group(group: &ChatGuid) -> Self {
        Self::about(Route::GetChat, group)
    }

    /// Names a group.
    ///
    /// # Errors
    /// `invalidArgument` for an empty name and a key of the wrong length; `context.field` says which.
    pub fn rename_group(group: &ChatGuid, name: &str, client_message_id: Option<String>) -> Result<Self, Error> {
        not_empty(name, "name")?;
        let mut request = Self::about_group(MessagingRoute::SetDisplayName, ONE_CHAT, group);
        request.fields.push(("displayName", J::from_text(name)));
        request.with_key(client_message_id)
    }

    /// Adds people to a group, or removes them.
    ///
    /// # Errors
    /// `invalidArgument` for no, too many or empty addresses, and a key of the wrong length; `context.field` says which.
    pub fn change_participants(
        group: &ChatGuid,
        addresses: &[String],
        add: bool,
        client_message_id: Option<String>,
    ) -> Result<Self, Error> {
        if addresses.is_empty() {
            return Err(Error::invalid("addresses", "at least one address is needed"));
        }
        check_address_count(addresses.len())?;
        if let Some(index) = addresses.iter().position(|address| address.trim().is_empty()) {
            return Err(Error::invalid(item("addresses", index), "an address must not be empty"));
        }
        let route = if add { MessagingRoute::AddParticipants } else { MessagingRoute::RemoveParticipants };
        let mut request = Self::about_group(route, ONE_CHAT, group);
        let addresses: Vec<_> = addresses.iter().map(|address| J::from_text(address)).collect();
        request.fields.push((ADDRESSES.name, J::array(addresses)));
        request.with_key(client_message_id)
    }

    /// Leaves a group.
    ///
    /// # Errors
    /// `invalidArgument` for a key of the wrong length.
    pub fn leave_group(group: &ChatGuid, client_message_id: Option<String>) -> Result<Self, Error> {
        Self::about_group(MessagingRoute::LeaveGroup, NOTHING, group).with_key(client_message_id)
    }
}
