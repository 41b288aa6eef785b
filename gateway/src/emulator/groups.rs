//! The calls about groups.

use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt as _;
use im_chats_emulator::image::detect_icon;
use im_chats_emulator::{Command, Reply, Write};
use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::wire::routes::CHAT_GUID;

use super::{Beside, Emulator, draft, input};
use crate::log::kind::Kind;
use crate::service::context::CallContext;
use crate::service::proto::{
    AddParticipantsRequest, Chat, Empty, GetIconRequest, GetIconResponse, LeaveGroupRequest, RemoveIconRequest,
    RemoveParticipantsRequest, SetDisplayNameRequest, SetIconRequest,
};

const GUID: &str = CHAT_GUID.name;

impl Emulator {
    pub(super) async fn rename_group(
        &self,
        call: &CallContext,
        request: &SetDisplayNameRequest,
    ) -> Result<Option<Chat>, Error> {
        let write = input::write("SetDisplayName", call, request.client_message_id.as_deref(), request)?;
        self.change_group(draft::rename(&request.chat_guid, &request.display_name, None)?, write).await
    }

    pub(super) async fn add_people(&self, call: &CallContext, request: &AddParticipantsRequest) -> Result<Option<Chat>, Error> {
        let write = input::write("AddParticipants", call, request.client_message_id.as_deref(), request)?;
        let chat = input::guid(&request.chat_guid, GUID)?;
        let addresses = input::addresses(&request.addresses)?;
        self.change_group(Command::AddParticipants { chat, addresses, actor: None }, write).await
    }

    pub(super) async fn remove_people(
        &self,
        call: &CallContext,
        request: &RemoveParticipantsRequest,
    ) -> Result<Option<Chat>, Error> {
        let write = input::write("RemoveParticipants", call, request.client_message_id.as_deref(), request)?;
        let chat = input::guid(&request.chat_guid, GUID)?;
        let addresses = input::addresses(&request.addresses)?;
        self.change_group(Command::RemoveParticipants { chat, addresses, actor: None }, write).await
    }

    async fn change_group(&self, command: Command, write: Option<Write>) -> Result<Option<Chat>, Error> {
        match self.execute(command, write, Beside::default()).await?.answer {
            Reply::Chat(chat) => Ok(Some(chat.as_ref().into())),
            _ => Err(draft::unexpected()),
        }
    }

    pub(super) async fn leave(&self, call: &CallContext, request: &LeaveGroupRequest) -> Result<Empty, Error> {
        let write = input::write("LeaveGroup", call, request.client_message_id.as_deref(), request)?;
        let chat = input::guid(&request.chat_guid, GUID)?;
        self.execute(Command::Leave { chat, actor: None }, write, Beside::default()).await.map(|_| Empty {})
    }

    pub(super) async fn change_icon(&self, call: &CallContext, request: SetIconRequest) -> Result<Empty, Error> {
        let chat = input::guid(&request.chat_guid, GUID)?;
        let mime = detect_icon(&request.data, "data")?;
        let beside = Beside::one(request.data.clone());
        let (key, size) = (request.client_message_id.clone(), request.data.len());
        let write = input::write_apart("SetIcon", call, key, size, request).await?;
        self.execute(Command::SetIcon { chat, mime, actor: None }, write, beside).await.map(|_| Empty {})
    }

    pub(super) async fn drop_icon(&self, call: &CallContext, request: &RemoveIconRequest) -> Result<Empty, Error> {
        let write = input::write("RemoveIcon", call, request.client_message_id.as_deref(), request)?;
        let chat = input::guid(&request.chat_guid, GUID)?;
        self.execute(Command::RemoveIcon { chat, actor: None }, write, Beside::default()).await.map(|_| Empty {})
    }

    pub(super) async fn icon(&self, request: &GetIconRequest) -> Result<GetIconResponse, Error> {
        let chat = input::guid(&request.chat_guid, GUID)?;
        let has = |state: &im_chats_emulator::State| {
            if !state.existing(&chat)?.chat.is_group {
                return Err(
                    Error::invalid(GUID, "a chat with one person has no icon of its own").with_context("chat", chat.clone())
                );
            }
            Ok(state.icon(&chat)?.is_some())
        };
        let Some(stored) = self.stored(Kind::Icon, &chat, has).await? else {
            return Err(Error::new(ErrorCode::GroupIconNotFound, "the group has no icon of its own").with_context("chat", chat));
        };
        let mime_type = stored.mime.clone();
        let append = |mut all: BytesMut, piece: Bytes| async move {
            all.extend_from_slice(&piece);
            Ok(all)
        };
        let data = stored.into_pieces(()).try_fold(BytesMut::new(), append).await?;
        Ok(GetIconResponse { data: data.freeze().into(), mime_type })
    }
}
