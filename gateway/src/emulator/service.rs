//! The nine calls, and the list of chats.

use async_trait::async_trait;
use im_chats_protocol::error::Error;
use im_chats_protocol::wire::routes::CHAT_GUID;

use super::{Beside, Emulator, input};
use crate::log::EventLog;
use crate::service::backend::Backend;
use crate::service::chat_list::{ListChatsRequest, ListChatsResponse};
use crate::service::context::CallContext;
use crate::service::proto::{
    CreateChatRequest, CreateChatResponse, GetChatCountRequest, GetChatCountResponse, GetChatRequest, GetChatResponse,
    HasBackgroundRequest, HasBackgroundResponse, MarkChatReadRequest, RemoveBackgroundRequest, SetBackgroundRequest,
    SetTypingRequest, ShareContactInfoRequest,
};
use im_chats_emulator::image::ImageType;
use im_chats_emulator::{ACCOUNT, ChatQuery, Command, Reply};

const GUID: &str = CHAT_GUID.name;

#[async_trait]
impl Backend for Emulator {
    async fn create_chat(&self, call: &CallContext, request: CreateChatRequest) -> Result<CreateChatResponse, Error> {
        let write = input::write("CreateChat", call, request.client_message_id.as_deref(), &request)?;
        let command = input::create(&request)?;
        match self.execute(command, write, Beside::default()).await?.answer {
            Reply::Created(result) => Ok(CreateChatResponse {
                chat: Some((&result.chat).into()),
                initial_message: result.initial_message.as_ref().map(Into::into),
            }),
            _ => Err(super::database_failed("a create was answered without a chat")),
        }
    }

    async fn mark_chat_read(&self, call: &CallContext, request: MarkChatReadRequest) -> Result<(), Error> {
        let chat = input::guid(&request.chat_guid, GUID)?;
        let write = input::write("MarkChatRead", call, None, &request)?;
        self.execute(Command::MarkRead { chat, actor: None }, write, Beside::default()).await.map(drop)
    }

    async fn set_background(&self, call: &CallContext, request: SetBackgroundRequest) -> Result<(), Error> {
        let chat = input::guid(&request.chat_guid, GUID)?;
        let mime = ImageType::detect(&request.data, "data")?.mime();
        let (beside, size) = (Beside::one(request.data.clone()), request.data.len());
        let write = input::write_apart("SetBackground", call, None, size, request).await?;
        self.execute(Command::SetBackground { chat, mime, actor: None }, write, beside).await.map(drop)
    }

    async fn remove_background(&self, call: &CallContext, request: RemoveBackgroundRequest) -> Result<(), Error> {
        let chat = input::guid(&request.chat_guid, GUID)?;
        let write = input::write("RemoveBackground", call, None, &request)?;
        self.execute(Command::RemoveBackground { chat, actor: None }, write, Beside::default()).await.map(drop)
    }

    async fn share_contact_info(&self, call: &CallContext, request: ShareContactInfoRequest) -> Result<(), Error> {
        let chat = input::guid(&request.chat_guid, GUID)?;
        let write = input::write("ShareContactInfo", call, None, &request)?;
        self.touch(chat, write).await
    }

    async fn set_typing(&self, call: &CallContext, request: SetTypingRequest) -> Result<(), Error> {
        let chat = input::guid(&request.chat_guid, GUID)?;
        let write = input::write("SetTyping", call, None, &request)?;
        self.touch(chat.clone(), write).await?;
        self.set_typing_of(&chat, ACCOUNT, request.is_typing);
        Ok(())
    }

    async fn get_chat(&self, _call: &CallContext, request: GetChatRequest) -> Result<GetChatResponse, Error> {
        let guid = input::guid(&request.chat_guid, GUID)?;
        let view = self.0.view.read();
        Ok(GetChatResponse { chat: Some(view.existing(&guid)?.chat.as_ref().into()) })
    }

    async fn get_chat_count(&self, _call: &CallContext, request: GetChatCountRequest) -> Result<GetChatCountResponse, Error> {
        let view = self.0.view.read();
        let count = view.chats().filter(|state| request.include_archived || !state.chat.is_archived).count();
        Ok(GetChatCountResponse { count: i64::try_from(count).unwrap_or(i64::MAX) })
    }

    async fn has_background(&self, _call: &CallContext, request: HasBackgroundRequest) -> Result<HasBackgroundResponse, Error> {
        let guid = input::guid(&request.chat_guid, GUID)?;
        let view = self.0.view.read();
        Ok(HasBackgroundResponse { background_present: view.existing(&guid)?.background.is_some() })
    }

    async fn list_chats(&self, _call: &CallContext, request: ListChatsRequest) -> Result<ListChatsResponse, Error> {
        let ListChatsRequest { archived, page_size, page_token, within } = request;
        let page = self.0.view.read().list_chats(&ChatQuery { archived, page_size, page_token, within })?;
        let chats = page.chats.iter().map(|chat| chat.as_ref().into()).collect();
        Ok(ListChatsResponse { chats, next_page_token: page.next_page_token })
    }

    fn log(&self) -> &EventLog {
        &self.0.log
    }
}

impl Emulator {
    /// A call that only needs the chat to exist. Without a key there is nothing to write down, so the disk is left alone.
    async fn touch(&self, chat: String, write: Option<super::Write>) -> Result<(), Error> {
        if write.is_none() {
            return self.would(Command::Touch { chat });
        }
        self.execute(Command::Touch { chat }, write, Beside::default()).await.map(drop)
    }
}
