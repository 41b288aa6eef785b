//! The REST front: the nine unary calls over HTTP with proto3-JSON. It may use `http` and `service`.

mod openapi;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, on};
use axum::{Json, Router};
use im_chats_protocol::wire::routes::{CHAT_GUID, INCLUDE_ARCHIVED, Route};

use crate::http::admission::Admission;
use crate::http::call;
use crate::http::failure::Failure;
use crate::http::json::{self, BodyLimit, SMALL_BODY, with_image};
use crate::http::query::Query;
use crate::http::routes::{filter, split};
use crate::service::backend::{Backend, CallContext};
use crate::service::proto::{Empty, GetChatCountRequest, GetChatRequest, HasBackgroundRequest};

pub use openapi::description;

/// What the routes need. Cheap to clone.
#[derive(Clone)]
pub struct Rest {
    /// The service.
    pub backend: Arc<dyn Backend>,
    /// The limits on work under way.
    pub admission: Admission,
}

/// The nine routes, each from its row of the protocol's table. Every one of them needs a token, which whatever stands around
/// them checks.
pub fn routes(rest: Rest) -> Router {
    let routes = Route::ALL.iter().map(|route| {
        let definition = route.definition();
        (definition.path, definition.takes_image(), methods(*route))
    });
    split(routes, &rest.admission).with_state(rest)
}

/// The handler of a route, for its method.
fn methods(route: Route) -> MethodRouter<Rest> {
    macro_rules! write {
        ($method:ident) => {
            |State(rest): State<Rest>, request: Request| async move {
                let (call, request) = body(request, SMALL_BODY).await?;
                rest.backend.$method(&call, request).await.map(|()| Json(Empty {})).map_err(Failure::from)
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
    let (call, request) = body(request, SMALL_BODY).await?;
    Ok(Json(rest.backend.create_chat(&call, request).await?).into_response())
}

async fn set_background(State(rest): State<Rest>, request: Request) -> Result<Response, Failure> {
    let call = call::read(request.headers(), request.extensions())?;
    let request = with_image(request).await?;
    rest.backend.set_background(&call, request).await?;
    Ok(Json(Empty {}).into_response())
}

async fn get_chat(State(rest): State<Rest>, request: Request) -> Result<Response, Failure> {
    let (call, query) = query(&request)?;
    let answer = rest.backend.get_chat(&call, GetChatRequest { chat_guid: query.guid(CHAT_GUID.name)? }).await?;
    Ok(Json(answer).into_response())
}

async fn count(State(rest): State<Rest>, request: Request) -> Result<Response, Failure> {
    let (call, query) = query(&request)?;
    let request = GetChatCountRequest { include_archived: query.flag(INCLUDE_ARCHIVED.name)? };
    Ok(Json(rest.backend.get_chat_count(&call, request).await?).into_response())
}

async fn has_background(State(rest): State<Rest>, request: Request) -> Result<Response, Failure> {
    let (call, query) = query(&request)?;
    let answer = rest.backend.has_background(&call, HasBackgroundRequest { chat_guid: query.guid(CHAT_GUID.name)? }).await?;
    Ok(Json(answer).into_response())
}

/// A write: its context and its body.
async fn body<T: serde::de::DeserializeOwned>(request: Request, limit: BodyLimit) -> Result<(CallContext, T), Failure> {
    let call = call::read(request.headers(), request.extensions())?;
    Ok((call, json::read(request, limit).await?))
}

/// A read: its context and its query.
fn query(request: &Request) -> Result<(CallContext, Query), Failure> {
    let call = call::read(request.headers(), request.extensions())?;
    Ok((call, Query::parse(request.uri().query().unwrap_or_default())?))
}
