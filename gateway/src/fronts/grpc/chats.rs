//! `photon.imessage.v1.ChatService`: ten methods, each of which converts and delegates.

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use im_chats_protocol::model::ChatGuid;
use im_chats_protocol::wire::frame::Topic;
use tonic::{Request, Response, Status};

use super::events::change;
use super::reader::Reader;
use super::stream::{LogReader, Range, Step};
use super::{Front, incoming, outgoing};
use crate::service::convert::event::Change;
use crate::service::proto::chat_service_server::ChatService;
use crate::service::proto::subscribe_chat_events_response::Payload;
use crate::service::proto::{
    CreateChatRequest, CreateChatResponse, Empty, GetChatCountRequest, GetChatCountResponse, GetChatRequest, GetChatResponse,
    HasBackgroundRequest, HasBackgroundResponse, Heartbeat, MarkChatReadRequest, RemoveBackgroundRequest, SetBackgroundRequest,
    SetTypingRequest, ShareContactInfoRequest, SubscribeChatEventsRequest, SubscribeChatEventsResponse,
};
use crate::service::status;

#[tonic::async_trait]
impl ChatService for Front {
    async fn create_chat(&self, request: Request<CreateChatRequest>) -> Result<Response<CreateChatResponse>, Status> {
        let (caller, request) = incoming(request)?;
        outgoing(self.guard.create_chat(&caller, request).await)
    }

    async fn mark_chat_read(&self, request: Request<MarkChatReadRequest>) -> Result<Response<Empty>, Status> {
        let (caller, request) = incoming(request)?;
        outgoing(self.guard.mark_chat_read(&caller, request).await.map(|()| Empty {}))
    }

    async fn set_background(&self, request: Request<SetBackgroundRequest>) -> Result<Response<Empty>, Status> {
        let (caller, request) = incoming(request)?;
        outgoing(self.guard.set_background(&caller, request).await.map(|()| Empty {}))
    }

    async fn remove_background(&self, request: Request<RemoveBackgroundRequest>) -> Result<Response<Empty>, Status> {
        let (caller, request) = incoming(request)?;
        outgoing(self.guard.remove_background(&caller, request).await.map(|()| Empty {}))
    }

    async fn share_contact_info(&self, request: Request<ShareContactInfoRequest>) -> Result<Response<Empty>, Status> {
        let (caller, request) = incoming(request)?;
        outgoing(self.guard.share_contact_info(&caller, request).await.map(|()| Empty {}))
    }

    async fn set_typing(&self, request: Request<SetTypingRequest>) -> Result<Response<Empty>, Status> {
        let (caller, request) = incoming(request)?;
        outgoing(self.guard.set_typing(&caller, request).await.map(|()| Empty {}))
    }

    async fn get_chat(&self, request: Request<GetChatRequest>) -> Result<Response<GetChatResponse>, Status> {
        let (caller, request) = incoming(request)?;
        outgoing(self.guard.get_chat(&caller, request).await)
    }

    async fn get_chat_count(&self, request: Request<GetChatCountRequest>) -> Result<Response<GetChatCountResponse>, Status> {
        let (caller, request) = incoming(request)?;
        outgoing(self.guard.get_chat_count(&caller, request).await)
    }

    async fn has_background(&self, request: Request<HasBackgroundRequest>) -> Result<Response<HasBackgroundResponse>, Status> {
        let (caller, request) = incoming(request)?;
        outgoing(self.guard.has_background(&caller, request).await)
    }

    type SubscribeChatEventsStream = BoxStream<'static, Result<SubscribeChatEventsResponse, Status>>;

    /// Begins at the head of this moment.
    async fn subscribe_chat_events(
        &self,
        request: Request<SubscribeChatEventsRequest>,
    ) -> Result<Response<Self::SubscribeChatEventsStream>, Status> {
        let reader = Reader::of(self, request.extensions())?;
        let chat = request.into_inner().chat_guid;
        let chat = chat.map(|chat| ChatGuid::parse(&chat, "chatGuid")).transpose();
        let chat = chat.map_err(|error| status::from_error(&error))?;
        let filter = reader.sees(Topic::Chats, chat.as_ref().map(ChatGuid::as_str))?;
        let head = self.guard.log().watch_head();
        let state = self.guard.log().state();
        let after = state.now();
        let range = Range { log: state.id, after, until: None, filter, from_beginning: false };
        let steps = LogReader::new(self, head, range, reader)?.steps();
        Ok(super::streaming(steps.map(|step| step.and_then(response)).boxed()))
    }
}

fn response(step: Step) -> Result<SubscribeChatEventsResponse, Status> {
    let (sequence, payload) = match step {
        Step::Event(event) => match change(&event).map_err(|error| status::from_error(&error))? {
            Change::Chat(change) => (Some(event.sequence), Some(Payload::ChatChanged(change))),
            // The topic lets none of these pass; were one here, its sequence would still be sent.
            _ => (Some(event.sequence), None),
        },
        // A stream without an end has no `Complete`.
        Step::Heartbeat | Step::Complete(_) => (None, Some(Payload::Heartbeat(Heartbeat {}))),
    };
    Ok(SubscribeChatEventsResponse { sequence, payload })
}
