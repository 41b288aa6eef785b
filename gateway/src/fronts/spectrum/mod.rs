//! What a program with `@spectrum-ts/core` asks the cloud for before it sends and receives: its project, and a token. So such a program
//! reaches the emulator with nothing changed but its environment. It may use `http`, `service` and `tokens`.

mod flags;
mod project;

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use im_chats_protocol::error::Error;
use im_chats_protocol::grant::Scopes;
use serde::Serialize;

use crate::http::admission::{Admission, counted_body};
use crate::http::failure::Failure;
use crate::http::headers::RequestId;
use crate::service::audit::audit;
use crate::service::auth::Authenticator as _;
use crate::tokens::{MAX_LIFETIME_S, Tokens, Wish};
pub use flags::SpectrumArgs;
pub use project::{MIN_SECRET_BYTES, Project};

/// Where a project is described.
const PROJECT_PATH: &str = "/projects/{project}/";

/// Where it gets its tokens.
const TOKENS_PATH: &str = "/projects/{project}/imessage/tokens";

/// How long a token is good, in seconds: the longest there is. A stream ends with the token that it began with, and a program that has
/// no cursor yet would miss what comes just then. It asks for another one when four fifths of the time are over.
pub const TOKEN_SECONDS: u64 = MAX_LIFETIME_S;

/// How the program is to say who it is.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Basic realm=\"spectrum\"");

/// What the routes need.
#[derive(Clone)]
struct Cloud {
    project: Arc<Project>,
    tokens: Arc<Tokens>,
}

/// The routes. They take the project's id and secret, and no token.
pub fn routes(project: Project, tokens: Arc<Tokens>, admission: &Admission) -> Router {
    Router::new()
        .route(PROJECT_PATH, get(describe))
        .route(TOKENS_PATH, post(token))
        .route_layer(from_fn_with_state(admission.clone(), counted_body))
        .route_layer(from_fn(challenge))
        .with_state(Cloud { project: Arc::new(project), tokens })
}

/// The frame of every answer that is no failure.
#[derive(Serialize)]
struct Succeeded<T> {
    succeed: bool,
    data: T,
}

impl<T> From<T> for Succeeded<T> {
    fn from(data: T) -> Self {
        Self { succeed: true, data }
    }
}

#[derive(Serialize)]
struct Described {
    id: String,
    name: String,
    slug: String,
    profile: Profile,
}

/// The settings of a project. There are none here, so each has its default.
#[derive(Serialize)]
struct Profile {}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Token {
    /// One line for all: its address is in the program's environment, where that of a line of its own is fixed.
    r#type: &'static str,
    token: String,
    expires_in: u64,
}

async fn describe(
    State(cloud): State<Cloud>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Succeeded<Described>>, Failure> {
    cloud.check(&id, &headers)?;
    Ok(Json(Described { id: id.clone(), name: id.clone(), slug: id, profile: Profile {} }.into()))
}

async fn token(
    State(cloud): State<Cloud>,
    Path(id): Path<String>,
    Extension(request_id): Extension<RequestId>,
    headers: HeaderMap,
) -> Result<Json<Succeeded<Token>>, Failure> {
    cloud.check(&id, &headers)?;
    let token = cloud.mint(&id, &request_id.0).await?;
    Ok(Json(Token { r#type: "shared", token, expires_in: TOKEN_SECONDS }.into()))
}

impl Cloud {
    /// Whether the caller knows the project, and asks for no other.
    fn check(&self, id: &str, headers: &HeaderMap) -> Result<(), Failure> {
        self.project.verify(headers.get(AUTHORIZATION))?;
        if id != self.project.id() {
            let error = Error::invalid("projectId", "there is no such project here; --spectrum-project names the one there is");
            return Err(Failure::with_status(error, StatusCode::NOT_FOUND));
        }
        Ok(())
    }

    /// A token that can do what a program of the project does, and nothing of the operator's.
    async fn mint(&self, id: &str, request_id: &str) -> Result<String, Error> {
        let (sub, scope) = (Some(format!("spectrum:{id}")), Some(Scopes::ALL.to_string()));
        self.tokens.prepare().await?;
        let minted = self.tokens.mint(&Wish { sub, scope, chats: None, ttl_seconds: Some(TOKEN_SECONDS) })?;
        audit(&self.tokens.verify(&minted.token)?, TOKENS_PATH, request_id, "ok");
        Ok(minted.token)
    }
}

/// A caller who is not known is asked for the id and secret, and not for a token as elsewhere.
async fn challenge(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if response.status() == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, CHALLENGE);
    }
    response
}
