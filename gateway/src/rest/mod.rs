//! The nine unary calls over HTTP with proto3-JSON.

pub mod json;
pub mod openapi;
pub mod query;

use axum::extract::{Request, State};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Json, Router};
use http::StatusCode;

use im_chats_protocol::limits::{MAX_IMAGE_BYTES, image_too_large};

use crate::app::AppState;
use crate::backend::CallContext;
use crate::http::admission::{Admission, counted_body, one_upload};
use crate::http::call;
use crate::http::failure::Failure;
use crate::proto::{Empty, GetChatCountRequest, GetChatRequest, HasBackgroundRequest};
use json::Limit;
use query::Query;

/// Largest body of a call that carries no image.
pub const SMALL_BODY: Limit = Limit(256 * 1024);

/// Largest body of `setBackground`: the largest image in base64, and room for the rest. Some programs write every `/` of
/// base64 as `\/`, which is one character in 64.
const IMAGE_BODY: Limit = Limit(MAX_IMAGE_BYTES / 3 * 4 + MAX_IMAGE_BYTES / 48 + 64 * 1024);

/// A router under whose paths a colon may be written `%3A`, too, as some clients write every path.
pub(crate) struct Routes<S>(Router<S>);

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    pub(crate) fn new() -> Self {
        Self(Router::new())
    }

    pub(crate) fn route(self, path: &str, methods: MethodRouter<S>) -> Self {
        let spellings: &[&str] = if path.contains(':') { &[":", "%3A", "%3a"] } else { &[":"] };
        let add = |router: Router<S>, spelling: &&str| router.route(&path.replace(':', spelling), methods.clone());
        Self(spellings.iter().fold(self.0, add))
    }

    pub(crate) fn into_router(self) -> Router<S> {
        self.0
    }
}

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

/// A body with an image in it. What makes such a body too large is the image, and that is what the error names.
pub(crate) async fn with_image<T: serde::de::DeserializeOwned>(request: Request) -> Result<T, Failure> {
    json::read(request, IMAGE_BODY).await.map_err(|failure| match failure.status {
        StatusCode::PAYLOAD_TOO_LARGE => Failure::with_status(image_too_large("data"), failure.status),
        _ => failure,
    })
}

/// A read: what travels beside it, and its query.
fn asked(request: &Request) -> Result<(CallContext, Query), Failure> {
    let call = call::read(request.headers(), request.extensions())?;
    Ok((call, Query::parse(request.uri().query().unwrap_or_default())?))
}
