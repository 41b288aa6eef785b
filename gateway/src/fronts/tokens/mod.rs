//! Where the operator's own token gets scoped ones for others. It may use `http`, `service` and `tokens`.

mod openapi;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::from_fn_with_state;
use axum::routing::post;
use axum::{Extension, Json, Router};
use chrono::{DateTime, SecondsFormat};
use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::wire::routes::{Method, TOKENS_PATH};
use serde::{Deserialize, Serialize};

use crate::http::admission::{Admission, counted_body};
use crate::http::failure::Failure;
use crate::http::headers::RequestId;
use crate::http::json::{self, SMALL_BODY};
use crate::http::openapi::{Content, Description, Operation};
use crate::service::audit::audit;
use crate::service::auth::Pass;
use crate::tokens::{Tokens, Wish};

/// The route. It needs a token; the layers around it check that, and it checks that the token is the operator's own.
pub fn routes(tokens: Arc<Tokens>, admission: &Admission) -> Router {
    Router::new()
        .route(TOKENS_PATH, post(create))
        .route_layer(from_fn_with_state(admission.clone(), counted_body))
        .with_state(tokens)
}

/// The operation and its schemas.
#[must_use]
pub fn description() -> Description {
    let operation = Operation {
        method: Method::Post,
        path: TOKENS_PATH,
        id: "createToken",
        summary: "A token for somebody: with a subject, scopes and an end. With the operator's own token only.",
        query: Vec::new(),
        body: Some("CreateTokenRequest".into()),
        content: Content::Json("CreateTokenResponse".into()),
        takes_key: false,
        scope: None,
    };
    Description { operations: vec![operation], schemas: openapi::schemas() }
}

/// The body. A field with another name is refused: whoever writes `chat` in place of `chats` would get a token for all of them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Asked {
    sub: Option<String>,
    scope: Option<String>,
    chats: Option<Vec<String>>,
    ttl_seconds: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    token: String,
    expires_at: String,
}

async fn create(
    State(tokens): State<Arc<Tokens>>,
    Extension(pass): Extension<Pass>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Result<Json<Answer>, Failure> {
    let result = mint(&tokens, &pass, request).await;
    audit(&pass, TOKENS_PATH, &id.0, result.as_ref().map(|_| ()).map_err(|failure| &failure.error));
    result.map(Json)
}

async fn mint(tokens: &Tokens, pass: &Pass, request: Request) -> Result<Answer, Failure> {
    pass.grant.check_operator()?;
    let asked: Asked = json::read(request, SMALL_BODY).await?;
    let wish = Wish { sub: asked.sub, scope: asked.scope, chats: asked.chats, ttl_seconds: asked.ttl_seconds };
    let minted = tokens.mint(&wish)?;
    let end = i64::try_from(minted.expires_at).ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    let end = end.ok_or_else(|| Error::new(ErrorCode::InternalError, "the clock of this server is wrong"))?;
    Ok(Answer { token: minted.token, expires_at: end.to_rfc3339_opts(SecondsFormat::Millis, true) })
}
