//! The nine unary calls over HTTP with proto3-JSON.

use axum::extract::{Request, State};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};

use crate::app::AppState;
use crate::http::admission::{Admission, counted_body, one_upload};
use crate::http::call;
use crate::http::failure::Failure;
use crate::http::json::{self, Limit, SMALL_BODY, with_image};
use crate::http::query::Query;
use crate::http::routes::Routes;
use crate::service::backend::CallContext;
use crate::service::proto::{Empty, GetChatCountRequest, GetChatRequest, HasBackgroundRequest};

/// The routes.
pub fn router(admission: &Admission) -> Router<AppState> {
    macro_rules! write {
        ($method:ident) => {
            post(|State(state): State<AppState>, request: Request| async move {
                let (call, request) = incoming(request, SMALL_BODY).await?;
                state.backend.$method(&call, request).await.map(|()| Json(Empty {})).map_err(Failure::from)
            })
        };
    }
    let uploads = Routes::new()
        .route("/v1/chats:setBackground", post(set_background))
        .into_router()
        .route_layer(from_fn_with_state(admission.clone(), one_upload));
    Routes::new()
        .route("/v1/chats", post(create))
        .route("/v1/chats:markRead", write!(mark_chat_read))
        .route("/v1/chats:removeBackground", write!(remove_background))
        .route("/v1/chats:shareContactInfo", write!(share_contact_info))
        .route("/v1/chats:setTyping", write!(set_typing))
        .route("/v1/chats:get", get(get_chat))
        .route("/v1/chats:count", get(count))
        .route("/v1/chats:hasBackground", get(has_background))
        .into_router()
        .route_layer(from_fn_with_state(admission.clone(), counted_body))
        .merge(uploads)
}

async fn create(State(state): State<AppState>, request: Request) -> Result<Response, Failure> {
    let (call, request) = incoming(request, SMALL_BODY).await?;
    Ok(Json(state.backend.create_chat(&call, request).await?).into_response())
}

async fn set_background(State(state): State<AppState>, request: Request) -> Result<Response, Failure> {
    let call = call::read(request.headers(), request.extensions())?;
    let request = with_image(request).await?;
    state.backend.set_background(&call, request).await?;
    Ok(Json(Empty {}).into_response())
}

async fn get_chat(State(state): State<AppState>, request: Request) -> Result<Response, Failure> {
    let (call, query) = asked(&request)?;
    let answer = state.backend.get_chat(&call, GetChatRequest { chat_guid: query.guid("chatGuid")? }).await?;
    Ok(Json(answer).into_response())
}

async fn count(State(state): State<AppState>, request: Request) -> Result<Response, Failure> {
    let (call, query) = asked(&request)?;
    let request = GetChatCountRequest { include_archived: query.flag("includeArchived")? };
    Ok(Json(state.backend.get_chat_count(&call, request).await?).into_response())
}

async fn has_background(State(state): State<AppState>, request: Request) -> Result<Response, Failure> {
    let (call, query) = asked(&request)?;
    let answer = state.backend.has_background(&call, HasBackgroundRequest { chat_guid: query.guid("chatGuid")? }).await?;
    Ok(Json(answer).into_response())
}

/// A write: what travels beside it, and its body.
async fn incoming<T: serde::de::DeserializeOwned>(request: Request, limit: Limit) -> Result<(CallContext, T), Failure> {
    let call = call::read(request.headers(), request.extensions())?;
    Ok((call, json::read(request, limit).await?))
}

/// A read: what travels beside it, and its query.
fn asked(request: &Request) -> Result<(CallContext, Query), Failure> {
    let call = call::read(request.headers(), request.extensions())?;
    Ok((call, Query::parse(request.uri().query().unwrap_or_default())?))
}
