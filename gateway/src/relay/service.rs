//! The calls, passed through.

use async_trait::async_trait;
use im_chats_protocol::error::Error;

use super::Relay;
use super::upstream::Method;
use crate::log::EventLog;
use crate::service::backend::Backend;
use crate::service::calls::{Messaging, Pieces, messaging_calls};
use crate::service::chat_list::{ListChatsRequest, ListChatsResponse};
use crate::service::context::CallContext;
use crate::service::proto::{
    self, CreateChatRequest, CreateChatResponse, Empty, GetChatCountRequest, GetChatCountResponse, GetChatRequest,
    GetChatResponse, HasBackgroundRequest, HasBackgroundResponse, MarkChatReadRequest, RemoveBackgroundRequest,
    SetBackgroundRequest, SetTypingRequest, ShareContactInfoRequest,
};

macro_rules! method {
    ($name:literal, $repeatable:expr) => {
        Method { path: concat!("/photon.imessage.v1.ChatService/", $name), repeatable: $repeatable }
    };
}

/// The read of a chat.
pub(super) const GET_CHAT: Method = method!("GetChat", true);

/// Whether a call may be sent again when its answer was lost.
macro_rules! repeatable {
    (reads, $call:ident, $request:ident) => {
        true
    };
    (sets, $call:ident, $request:ident) => {
        true
    };
    (does, $call:ident, $request:ident) => {
        $request.client_message_id.is_some()
    };
    (uploads, $call:ident, $request:ident) => {
        false
    };
}

/// Metadata is ASCII. A body carries any key, where it carries one.
macro_rules! move_key {
    (reads, $call:ident, $request:ident) => {};
    (uploads, $call:ident, $request:ident) => {};
    ($kind:ident, $call:ident, $request:ident) => {
        if $call.idempotency_key.as_deref().is_some_and(|key| !key.is_ascii()) && $request.client_message_id.is_none() {
            $request.client_message_id = $call.idempotency_key.take();
        }
    };
}

macro_rules! passed_through {
    ($($service:ident in $module:ident {
        $($(#[$doc:meta])* $kind:ident $method:ident $name:ident($request:ident) -> $answer:ident at $place:ident;)*
    } streams { $($stream:tt)* })*) => {
        #[async_trait]
        impl Messaging for Relay {
            $($(
                async fn $name(&self, call: &CallContext, request: proto::$request) -> Result<proto::$answer, Error> {
                    #[allow(unused_mut, reason = "some bodies carry no key")]
                    let (mut call, mut request) = (call.clone(), request);
                    move_key!($kind, call, request);
                    let path = concat!("/photon.imessage.v1.", stringify!($service), "/", stringify!($method));
                    let method = Method { path, repeatable: repeatable!($kind, call, request) };
                    self.upstream.unary(method, &call, request).await
                }
            )*)*

            async fn download_attachment(
                &self,
                call: &CallContext,
                request: proto::DownloadAttachmentRequest,
            ) -> Result<Pieces<proto::DownloadAttachmentResponse>, Error> {
                let path = "/photon.imessage.v1.AttachmentService/DownloadAttachment";
                self.upstream.download(path, call, request).await
            }

            async fn watch_shared_friend_locations(
                &self,
                call: &CallContext,
                request: proto::WatchSharedFriendLocationsRequest,
            ) -> Result<Pieces<proto::WatchSharedFriendLocationsResponse>, Error> {
                let path = "/photon.imessage.v1.LocationService/WatchSharedFriendLocations";
                self.upstream.watch(path, call, request).await
            }
        }
    };
}

messaging_calls!(passed_through);

#[async_trait]
impl Backend for Relay {
    async fn create_chat(&self, call: &CallContext, mut request: CreateChatRequest) -> Result<CreateChatResponse, Error> {
        let mut call = call.clone();
        // Metadata is ASCII. The body of a create carries any key.
        if call.idempotency_key.as_deref().is_some_and(|key| !key.is_ascii()) && request.client_message_id.is_none() {
            request.client_message_id = call.idempotency_key.take();
        }
        // Without an opening message it finds the second time what it made the first time.
        let repeatable = request.initial_message.is_none() || request.client_message_id.is_some();
        let answer: CreateChatResponse = self.upstream.unary(method!("CreateChat", repeatable), &call, request).await?;
        self.seen(answer.chat.as_ref(), true).await;
        Ok(answer)
    }

    async fn mark_chat_read(&self, call: &CallContext, request: MarkChatReadRequest) -> Result<(), Error> {
        self.upstream.unary(method!("MarkChatRead", true), call, request).await.map(|_: Empty| ())
    }

    async fn set_background(&self, call: &CallContext, request: SetBackgroundRequest) -> Result<(), Error> {
        self.upstream.unary(method!("SetBackground", false), call, request).await.map(|_: Empty| ())
    }

    async fn remove_background(&self, call: &CallContext, request: RemoveBackgroundRequest) -> Result<(), Error> {
        self.upstream.unary(method!("RemoveBackground", true), call, request).await.map(|_: Empty| ())
    }

    async fn share_contact_info(&self, call: &CallContext, request: ShareContactInfoRequest) -> Result<(), Error> {
        self.upstream.unary(method!("ShareContactInfo", false), call, request).await.map(|_: Empty| ())
    }

    async fn set_typing(&self, call: &CallContext, request: SetTypingRequest) -> Result<(), Error> {
        self.upstream.unary(method!("SetTyping", true), call, request).await.map(|_: Empty| ())
    }

    async fn get_chat(&self, call: &CallContext, request: GetChatRequest) -> Result<GetChatResponse, Error> {
        let answer: GetChatResponse = self.upstream.unary(GET_CHAT, call, request).await?;
        self.seen(answer.chat.as_ref(), false).await;
        Ok(answer)
    }

    async fn get_chat_count(&self, call: &CallContext, request: GetChatCountRequest) -> Result<GetChatCountResponse, Error> {
        self.upstream.unary(method!("GetChatCount", true), call, request).await
    }

    async fn has_background(&self, call: &CallContext, request: HasBackgroundRequest) -> Result<HasBackgroundResponse, Error> {
        self.upstream.unary(method!("HasBackground", true), call, request).await
    }

    async fn list_chats(&self, call: &CallContext, request: ListChatsRequest) -> Result<ListChatsResponse, Error> {
        self.page_of_chats(call, request).await
    }

    fn log(&self) -> &EventLog {
        &self.log
    }
}
