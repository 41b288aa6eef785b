//! What stands behind every front: the nine calls about chats, those of [`Messaging`], and the log. REST, gRPC and tests speak to
//! this, so no rule is written twice.

use async_trait::async_trait;
use im_chats_protocol::error::Error;

use crate::log::EventLog;
use crate::service::calls::Messaging;
use crate::service::chat_list::{ListChatsRequest, ListChatsResponse};
use crate::service::context::CallContext;
use crate::service::proto::{
    CreateChatRequest, CreateChatResponse, GetChatCountRequest, GetChatCountResponse, GetChatRequest, GetChatResponse,
    HasBackgroundRequest, HasBackgroundResponse, MarkChatReadRequest, RemoveBackgroundRequest, SetBackgroundRequest,
    SetTypingRequest, ShareContactInfoRequest,
};

/// A chat service.
#[async_trait]
pub trait Backend: Messaging {
    /// Creates a chat, or finds the one there is.
    async fn create_chat(&self, call: &CallContext, request: CreateChatRequest) -> Result<CreateChatResponse, Error>;

    /// Clears the unread count.
    async fn mark_chat_read(&self, call: &CallContext, request: MarkChatReadRequest) -> Result<(), Error>;

    /// Sets or replaces the background.
    async fn set_background(&self, call: &CallContext, request: SetBackgroundRequest) -> Result<(), Error>;

    /// Removes the background.
    async fn remove_background(&self, call: &CallContext, request: RemoveBackgroundRequest) -> Result<(), Error>;

    /// Sends the account's contact card.
    async fn share_contact_info(&self, call: &CallContext, request: ShareContactInfoRequest) -> Result<(), Error>;

    /// Shows or hides the typing indicator.
    async fn set_typing(&self, call: &CallContext, request: SetTypingRequest) -> Result<(), Error>;

    /// One chat.
    async fn get_chat(&self, call: &CallContext, request: GetChatRequest) -> Result<GetChatResponse, Error>;

    /// How many chats there are.
    async fn get_chat_count(&self, call: &CallContext, request: GetChatCountRequest) -> Result<GetChatCountResponse, Error>;

    /// Whether a chat has a custom background.
    async fn has_background(&self, call: &CallContext, request: HasBackgroundRequest) -> Result<HasBackgroundResponse, Error>;

    /// A page of chats, the one in which something happened last first.
    async fn list_chats(&self, call: &CallContext, request: ListChatsRequest) -> Result<ListChatsResponse, Error>;

    /// The durable log of events.
    fn log(&self) -> &EventLog;
}
