//! The calls about messages, and where those about groups, polls and attachments go.

use async_trait::async_trait;
use im_chats_emulator::limits::MESSAGE_PAGE;
use im_chats_emulator::{ACCOUNT, Command, MessagePage, MessageQuery, Reply, Write};
use im_chats_protocol::error::{Error, ErrorCode, GrpcCode};
use im_chats_protocol::wire::routes::CHAT_GUID;

use super::{Beside, Emulator, draft, input};
use crate::service::calls::{Messaging, Pieces};
use crate::service::context::CallContext;
use crate::service::proto::{self, Empty, MessageResponse, Timestamp};

/// A write of this name, with the key of its body.
macro_rules! write {
    ($method:literal, $call:ident, $request:ident) => {
        input::write($method, $call, $request.client_message_id.as_deref(), &$request)?
    };
}

#[async_trait]
impl Messaging for Emulator {
    async fn send_text_message(
        &self,
        call: &CallContext,
        request: proto::SendTextMessageRequest,
    ) -> Result<MessageResponse, Error> {
        let write = write!("SendTextMessage", call, request);
        self.send(draft::text(&request)?, write).await
    }

    async fn send_attachment_message(
        &self,
        call: &CallContext,
        request: proto::SendAttachmentMessageRequest,
    ) -> Result<MessageResponse, Error> {
        let write = write!("SendAttachmentMessage", call, request);
        self.send(draft::attachment(&request)?, write).await
    }

    async fn send_multipart_message(
        &self,
        call: &CallContext,
        request: proto::SendMultipartMessageRequest,
    ) -> Result<MessageResponse, Error> {
        let write = write!("SendMultipartMessage", call, request);
        self.send(draft::multipart(&request)?, write).await
    }

    async fn edit_message(&self, call: &CallContext, request: proto::EditMessageRequest) -> Result<MessageResponse, Error> {
        let write = write!("EditMessage", call, request);
        self.change_message(draft::edit(&request)?, write).await
    }

    async fn unsend_message(&self, call: &CallContext, request: proto::UnsendMessageRequest) -> Result<Empty, Error> {
        let write = write!("UnsendMessage", call, request);
        self.execute(draft::unsend(&request)?, write, Beside::default()).await.map(|_| Empty {})
    }

    async fn set_reaction(&self, call: &CallContext, request: proto::SetReactionRequest) -> Result<MessageResponse, Error> {
        let write = write!("SetReaction", call, request);
        self.change_message(draft::react(&request)?, write).await
    }

    async fn get_message(
        &self,
        _: &CallContext,
        request: proto::GetMessageRequest,
    ) -> Result<proto::GetMessageResponse, Error> {
        let guid = input::name(&request.message_guid, "messageGuid")?;
        let view = self.0.view.read();
        Ok(proto::GetMessageResponse { message: Some(view.message(&guid)?.as_ref().into()) })
    }

    async fn list_recent_messages(
        &self,
        _: &CallContext,
        request: proto::ListRecentMessagesRequest,
    ) -> Result<proto::ListRecentMessagesResponse, Error> {
        let query = MessageQuery {
            chat: None,
            page_size: page_size(request.page_size)?,
            page_token: request.page_token.filter(|token| !token.is_empty()),
            is_from_me: request.is_from_me,
            is_read: request.is_read,
            before: request.before.map(|time| milliseconds(time, "before", true)).transpose()?,
            after: request.after.map(|time| milliseconds(time, "after", false)).transpose()?,
        };
        let (messages, next_page_token) = self.page(&query)?;
        Ok(proto::ListRecentMessagesResponse { messages, next_page_token })
    }

    async fn list_chat_messages(
        &self,
        _: &CallContext,
        request: proto::ListChatMessagesRequest,
    ) -> Result<proto::ListChatMessagesResponse, Error> {
        let query = MessageQuery {
            chat: Some(input::guid(&request.chat_guid, CHAT_GUID.name)?),
            page_size: page_size(request.page_size)?,
            page_token: request.page_token.filter(|token| !token.is_empty()),
            is_from_me: request.is_from_me,
            is_read: request.is_read,
            before: request.before.map(|time| milliseconds(time, "before", true)).transpose()?,
            after: request.after.map(|time| milliseconds(time, "after", false)).transpose()?,
        };
        let (messages, next_page_token) = self.page(&query)?;
        Ok(proto::ListChatMessagesResponse { messages, next_page_token })
    }

    /// No message here has any: it is Digital Touch and handwriting, which nothing sends.
    async fn get_embedded_media(
        &self,
        _: &CallContext,
        request: proto::GetEmbeddedMediaRequest,
    ) -> Result<proto::GetEmbeddedMediaResponse, Error> {
        let chat = input::guid(&request.chat_guid, CHAT_GUID.name)?;
        let guid = input::name(&request.message_guid, "messageGuid")?;
        let view = self.0.view.read();
        view.existing(&chat)?;
        if !view.message(&guid)?.chat_guids.contains(&chat) {
            return Err(Error::invalid("messageGuid", "the message is in another chat").with_context("value", guid));
        }
        // The real service counts this as a mistake of the caller, not as a call that it lacks.
        let mut error = Error::new(ErrorCode::OperationNotSupported, "the message has no Digital Touch and no handwriting");
        error.grpc_code = GrpcCode::FailedPrecondition;
        Err(error.with_context("message", guid))
    }

    async fn set_display_name(
        &self,
        call: &CallContext,
        request: proto::SetDisplayNameRequest,
    ) -> Result<proto::SetDisplayNameResponse, Error> {
        Ok(proto::SetDisplayNameResponse { chat: self.rename_group(call, &request).await? })
    }

    async fn add_participants(
        &self,
        call: &CallContext,
        request: proto::AddParticipantsRequest,
    ) -> Result<proto::AddParticipantsResponse, Error> {
        Ok(proto::AddParticipantsResponse { chat: self.add_people(call, &request).await? })
    }

    async fn remove_participants(
        &self,
        call: &CallContext,
        request: proto::RemoveParticipantsRequest,
    ) -> Result<proto::RemoveParticipantsResponse, Error> {
        Ok(proto::RemoveParticipantsResponse { chat: self.remove_people(call, &request).await? })
    }

    async fn leave_group(&self, call: &CallContext, request: proto::LeaveGroupRequest) -> Result<Empty, Error> {
        self.leave(call, &request).await
    }

    async fn set_icon(&self, call: &CallContext, request: proto::SetIconRequest) -> Result<Empty, Error> {
        self.change_icon(call, request).await
    }

    async fn remove_icon(&self, call: &CallContext, request: proto::RemoveIconRequest) -> Result<Empty, Error> {
        self.drop_icon(call, &request).await
    }

    async fn get_icon(&self, _: &CallContext, request: proto::GetIconRequest) -> Result<proto::GetIconResponse, Error> {
        self.icon(&request).await
    }

    async fn create_poll(&self, call: &CallContext, request: proto::CreatePollRequest) -> Result<proto::PollResponse, Error> {
        self.send_poll(call, &request).await
    }

    async fn vote_poll(&self, call: &CallContext, request: proto::VotePollRequest) -> Result<proto::PollResponse, Error> {
        self.vote(call, &request).await
    }

    async fn unvote_poll(&self, call: &CallContext, request: proto::UnvotePollRequest) -> Result<proto::PollResponse, Error> {
        self.unvote(call, &request).await
    }

    async fn add_poll_option(
        &self,
        call: &CallContext,
        request: proto::AddPollOptionRequest,
    ) -> Result<proto::PollResponse, Error> {
        self.add_option(call, &request).await
    }

    async fn get_poll(&self, _: &CallContext, request: proto::GetPollRequest) -> Result<proto::PollResponse, Error> {
        self.poll(&request)
    }

    async fn upload_attachment(
        &self,
        call: &CallContext,
        request: proto::UploadAttachmentRequest,
    ) -> Result<proto::UploadAttachmentResponse, Error> {
        self.upload(call, request).await
    }

    async fn get_attachment_info(
        &self,
        _: &CallContext,
        request: proto::GetAttachmentInfoRequest,
    ) -> Result<proto::GetAttachmentInfoResponse, Error> {
        self.attachment_info(&request)
    }

    async fn download_attachment(
        &self,
        _: &CallContext,
        request: proto::DownloadAttachmentRequest,
    ) -> Result<Pieces<proto::DownloadAttachmentResponse>, Error> {
        self.download(&request).await
    }
}

impl Emulator {
    /// What comes of it ends the typing before it, as in Messages.
    async fn send(&self, command: Command, write: Option<Write>) -> Result<MessageResponse, Error> {
        let chat = match &command {
            Command::Send { chat, .. } => chat.clone(),
            _ => return Err(draft::unexpected()),
        };
        let sent = self.change_message(command, write).await?;
        self.set_typing_of(&chat, ACCOUNT, false);
        Ok(sent)
    }

    async fn change_message(&self, command: Command, write: Option<Write>) -> Result<MessageResponse, Error> {
        match self.execute(command, write, Beside::default()).await?.answer {
            Reply::Message(message) => {
                Ok(MessageResponse { message: Some(message.as_ref().into()), mini_app_card_session: None })
            }
            _ => Err(draft::unexpected()),
        }
    }

    fn page(&self, query: &MessageQuery) -> Result<(Vec<proto::Message>, Option<String>), Error> {
        let MessagePage { messages, next_page_token } = self.0.view.read().messages(query)?;
        Ok((messages.iter().map(|message| message.as_ref().into()).collect(), next_page_token))
    }
}

/// How many messages a page has.
fn page_size(asked: Option<i32>) -> Result<usize, Error> {
    let (default, most) = MESSAGE_PAGE;
    let Some(asked) = asked else { return Ok(default) };
    usize::try_from(asked)
        .map_err(|_| Error::invalid("pageSize", format!("1 to {most}")).with_context("value", asked.to_string()))
}

/// A time in whole milliseconds since 1970, as messages have it; what lies between two of them becomes the later one where `up`.
fn milliseconds(time: Timestamp, field: &'static str, up: bool) -> Result<i64, Error> {
    let wrong = || Error::invalid(field, "not a time");
    time.to_rfc3339().ok_or_else(wrong)?;
    let nanos = i64::from(time.nanos);
    let more = if up { nanos.saturating_add(999_999) } else { nanos } / 1_000_000;
    time.seconds.checked_mul(1000).and_then(|seconds| seconds.checked_add(more)).ok_or_else(wrong)
}
