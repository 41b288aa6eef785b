//! The REST front: the unary calls over HTTP with proto3-JSON, and attachments as they are. It may use `http` and `service`.

mod attachments;
mod messaging;
mod openapi;
mod parts;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, on};
use axum::{Json, Router};
use im_chats_protocol::model::ChatGuid;
use im_chats_protocol::wire::chat_list::{ARCHIVED, LIST_CHATS, PAGE_SIZE, SIZE, TOKEN};
use im_chats_protocol::wire::routes::{CHAT_GUID, INCLUDE_ARCHIVED, Route};

use crate::http::call;
use crate::http::failure::Failure;
use crate::http::json::{self, BodyLimit, SMALL_BODY, with_image};
use crate::http::query::Query;
use crate::http::routes::{Size, filter, split};
use crate::service::chat_list::ListChatsRequest;
use crate::service::guard::Caller;
use crate::service::proto::{Empty, GetChatCountRequest, GetChatRequest, HasBackgroundRequest};

pub use openapi::description;
pub use parts::Rest;

/// The routes, each from its row of the protocol's tables. Every one of them needs a token, which whatever stands around them checks.
pub fn routes(rest: Rest) -> Router {
    let routes = Route::ALL.iter().map(|route| {
        let definition = route.definition();
        (definition.path, Size::from(definition.takes_image()), methods(*route))
    });
    let list = (LIST_CHATS.path, Size::LargeAnswer, on(filter(LIST_CHATS.method), list_chats));
    split(routes.chain([list]).chain(messaging::routes()), &rest.admission).with_state(rest)
}

/// The handler of a route, for its method.
fn methods(route: Route) -> MethodRouter<Rest> {
    macro_rules! write {
        ($method:ident) => {
            |State(rest): State<Rest>, request: Request| async move {
                let (caller, request) = body(request, SMALL_BODY).await?;
                rest.guard.$method(&caller, request).await.map(|()| Json(Empty {})).map_err(Failure::from)
            }
        };
    }
    let method = filter(route.definition().method);
    match route {
        Route::CreateChat => on(method, create),
        Route::MarkChatRead => on(method, write!(mark_chat_read)),
        Route::SetBackground => on(method, set_background),
        Route::RemoveBackground => on(method, write!(remove_background)),
        Route::ShareContactInfo => on(method, write!(share_contact_info)),
        Route::SetTyping => on(method, write!(set_typing)),
        Route::GetChat => on(method, get_chat),
        Route::GetChatCount => on(method, count),
        Route::HasBackground => on(method, has_background),
    }
}

async fn create(State(rest): State<Rest>, request: Request) -> Result<Response, Failure> {
    let (caller, request) = body(request, SMALL_BODY).await?;
    Ok(Json(rest.guard.create_chat(&caller, request).await?).into_response())
}

async fn set_background(State(rest): State<Rest>, request: Request) -> Result<Response, Failure> {
    let caller = call::read(request.headers(), request.extensions())?;
    let request = with_image(request).await?;
    rest.guard.set_background(&caller, request).await?;
    Ok(Json(Empty {}).into_response())
}

async fn get_chat(State(rest): State<Rest>, request: Request) -> Result<Response, Failure> {
    let (caller, query) = query(&request)?;
    let answer = rest.guard.get_chat(&caller, GetChatRequest { chat_guid: query.guid(CHAT_GUID.name)? }).await?;
    Ok(Json(answer).into_response())
}

async fn count(State(rest): State<Rest>, request: Request) -> Result<Response, Failure> {
    let (caller, query) = query(&request)?;
    let request = GetChatCountRequest { include_archived: query.flag(INCLUDE_ARCHIVED.name)? };
    Ok(Json(rest.guard.get_chat_count(&caller, request).await?).into_response())
}

async fn has_background(State(rest): State<Rest>, request: Request) -> Result<Response, Failure> {
    let (caller, query) = query(&request)?;
    let answer = rest.guard.has_background(&caller, HasBackgroundRequest { chat_guid: query.guid(CHAT_GUID.name)? }).await?;
    Ok(Json(answer).into_response())
}

async fn list_chats(State(rest): State<Rest>, request: Request) -> Result<Response, Failure> {
    let (caller, query) = query(&request)?;
    let (usual, most) = PAGE_SIZE;
    // There is a GUID in it: as in any other, the `+` of a group need not be encoded.
    let unspaced = |token: String| token.replacen("any; ;", ChatGuid::GROUP_PREFIX, 1);
    let request = ListChatsRequest {
        archived: query.flag(ARCHIVED.name)?,
        page_size: query.number(SIZE.name, 1..=most)?.unwrap_or(usual),
        page_token: query.optional_text(TOKEN.name)?.map(unspaced),
        within: None,
    };
    Ok(Json(rest.guard.list_chats(&caller, request).await?).into_response())
}

/// A write: who calls, and its body.
async fn body<T: serde::de::DeserializeOwned>(request: Request, limit: BodyLimit) -> Result<(Caller, T), Failure> {
    let caller = call::read(request.headers(), request.extensions())?;
    Ok((caller, json::read(request, limit).await?))
}

/// A read: who calls, and its query.
fn query(request: &Request) -> Result<(Caller, Query), Failure> {
    let caller = call::read(request.headers(), request.extensions())?;
    Ok((caller, Query::parse(request.uri().query().unwrap_or_default())?))
}
