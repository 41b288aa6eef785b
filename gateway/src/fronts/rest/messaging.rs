//! The calls about messages, groups, polls, attachments, addresses and locations: each handler is made from the table of calls.

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, on};
use im_chats_protocol::error::Error;
use im_chats_protocol::wire::messaging::routes::MessagingRoute;
use im_chats_protocol::wire::routes::CHAT_GUID;
use serde::de::DeserializeOwned;

use super::attachments;
use super::parts::{Rest, query};
use crate::http::call;
use crate::http::failure::Failure;
use crate::http::json::{self, SMALL_BODY, with_image};
use crate::http::query::Query;
use crate::http::routes::{Size, filter};
use crate::service::calls::messaging_calls;
use crate::service::guard::Caller;
use crate::service::proto;

/// The routes: path, size, handler.
pub(super) fn routes() -> impl Iterator<Item = (&'static str, Size, MethodRouter<Rest>)> {
    MessagingRoute::ALL.iter().map(|route| (route.definition().path, size(*route), methods(*route)))
}

const fn size(route: MessagingRoute) -> Size {
    use MessagingRoute as Route;
    match route {
        Route::SetIcon | Route::UploadAttachment => Size::LargeBody,
        Route::GetIcon
        | Route::ListRecentMessages
        | Route::ListChatMessages
        | Route::GetEmbeddedMedia
        | Route::DownloadAttachment
        | Route::DownloadCompanion => Size::LargeAnswer,
        _ => Size::Small,
    }
}

macro_rules! handler {
    (reads, $filter:ident, $method:ident, $name:ident, $request:ident) => {
        on($filter, |State(rest): State<Rest>, request: Request| async move {
            let (caller, query) = query(request).await?;
            let request = proto::$request::of_query(&query)?;
            Ok::<Response, Failure>(Json(rest.guard.$name(&caller, request).await?).into_response())
        })
    };
    (uploads, $filter:ident, $method:ident, $name:ident, $request:ident) => {
        on($filter, attachments::upload)
    };
    ($kind:ident, $filter:ident, $method:ident, $name:ident, $request:ident) => {
        on($filter, |State(rest): State<Rest>, request: Request| async move {
            let (caller, request) = body::<proto::$request>(MessagingRoute::$method, request).await?;
            Ok::<Response, Failure>(Json(rest.guard.$name(&caller, request).await?).into_response())
        })
    };
}

macro_rules! handlers {
    ($($service:ident in $module:ident {
        $($(#[$doc:meta])* $kind:ident $method:ident $name:ident($request:ident) -> $answer:ident at $place:ident;)*
    } streams { $($stream:tt)* })*) => {
        /// The handler of a route, for its method.
        fn methods(route: MessagingRoute) -> MethodRouter<Rest> {
            let filter = filter(route.definition().method);
            match route {
                $($(
                    MessagingRoute::$method => handler!($kind, filter, $method, $name, $request),
                )*)*
                MessagingRoute::DownloadAttachment => on(filter, attachments::data),
                MessagingRoute::DownloadCompanion => on(filter, attachments::companion),
            }
        }
    };
}

messaging_calls!(handlers);

/// A write: who calls, and its body.
async fn body<T: DeserializeOwned>(route: MessagingRoute, request: Request) -> Result<(Caller, T), Failure> {
    let caller = call::read(request.headers(), request.extensions())?;
    let body = match size(route) {
        Size::LargeBody => with_image(request).await?,
        Size::Small | Size::LargeAnswer => json::read(request, SMALL_BODY).await?,
    };
    Ok((caller, body))
}

/// A request that a query and a path say.
trait OfQuery: Sized {
    /// Reads it. What it must hold besides is the service's to say.
    fn of_query(query: &Query) -> Result<Self, Error>;
}

macro_rules! of_query {
    ($($request:ident { $($field:ident: $read:ident $name:literal),* })*) => {
        $(
            impl OfQuery for proto::$request {
                #[allow(unused_variables, reason = "some requests say nothing")]
                fn of_query(query: &Query) -> Result<Self, Error> {
                    Ok(Self { $($field: $read(query, $name)?),* })
                }
            }
        )*
    };
}

of_query! {
    GetMessageRequest { message_guid: text "messageGuid" }
    ListRecentMessagesRequest {
        page_size: integer "pageSize", page_token: optional_text "pageToken", is_from_me: flag "isFromMe", is_read: flag "isRead",
        before: time "before", after: time "after"
    }
    ListChatMessagesRequest {
        chat_guid: chat "chatGuid", page_size: integer "pageSize", page_token: optional_text "pageToken",
        is_from_me: flag "isFromMe", is_read: flag "isRead", before: time "before", after: time "after"
    }
    GetEmbeddedMediaRequest { chat_guid: chat "chatGuid", message_guid: text "messageGuid" }
    GetIconRequest { chat_guid: chat "chatGuid" }
    GetPollRequest { poll_message_guid: text "pollMessageGuid" }
    GetAttachmentInfoRequest { attachment_guid: text "attachmentGuid" }
    GetAddressInfoRequest { address: address "address" }
    GetFocusStatusRequest { address: address "address" }
    GetIMessageAvailabilityRequest { address: address "address" }
    ListSharedFriendLocationsRequest {}
    GetSharedFriendLocationRequest { address: address "address" }
}

fn text(query: &Query, name: &'static str) -> Result<String, Error> {
    match query.text(name)? {
        "" => Err(Error::invalid(name, "this must not be empty")),
        text => Ok(text.to_owned()),
    }
}

fn chat(query: &Query, _: &'static str) -> Result<String, Error> {
    query.guid(CHAT_GUID.name)
}

fn address(query: &Query, name: &'static str) -> Result<String, Error> {
    query.address(name)
}

fn optional_text(query: &Query, name: &'static str) -> Result<Option<String>, Error> {
    query.optional_text(name)
}

fn integer(query: &Query, name: &'static str) -> Result<Option<i32>, Error> {
    query.integer(name)
}

fn flag(query: &Query, name: &'static str) -> Result<Option<bool>, Error> {
    query.optional_flag(name)
}

fn time(query: &Query, name: &'static str) -> Result<Option<proto::Timestamp>, Error> {
    query.time(name)
}
