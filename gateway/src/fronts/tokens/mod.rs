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
use crate::tokens::{Tokens, Wish, present};

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
        is_extension: false,
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
    /// Null is none in it. Elsewhere that is absent; here whoever has nothing to put there must not get a token for every chat.
    #[serde(default, deserialize_with = "present")]
    chats: Option<Option<Vec<String>>>,
    /// Not a whole number of serde's: a body with a field that does not fit is read again without its nulls.
    ttl_seconds: Option<f64>,
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
    let code = result.as_ref().err().map_or("ok", |failure| failure.error.code.as_ref());
    audit(&pass, TOKENS_PATH, &id.0, code);
    result.map(Json)
}

async fn mint(tokens: &Tokens, pass: &Pass, request: Request) -> Result<Answer, Failure> {
    pass.grant.check_operator()?;
    let asked: Asked = json::read(request, SMALL_BODY).await?;
    let chats = match asked.chats {
        None => None,
        Some(Some(chats)) => Some(chats),
        Some(None) => {
            return Err(Error::invalid("chats", "null is no list; leave it out for a token for every chat").into());
        }
    };
    // Beyond the range, which is judged with the rest, whatever is no whole number.
    let whole = |seconds: f64| format!("{seconds}").parse().unwrap_or(u64::MAX);
    let wish = Wish { sub: asked.sub, scope: asked.scope, chats, ttl_seconds: asked.ttl_seconds.map(whole) };
    tokens.prepare().await?;
    let minted = tokens.mint(&wish)?;
    let end = i64::try_from(minted.expires_at).ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    let end = end.ok_or_else(|| Error::new(ErrorCode::InternalError, "the clock of this server is wrong"))?;
    Ok(Answer { token: minted.token, expires_at: end.to_rfc3339_opts(SecondsFormat::Millis, true) })
}
