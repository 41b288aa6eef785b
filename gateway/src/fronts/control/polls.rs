//! Polls of others, and their votes.

use axum::Json;
use axum::extract::{Request, State};
use serde::Deserialize;

use super::answer::{Written, act};
use crate::emulator::{Emulator, draft};
use crate::http::failure::Failure;
use crate::http::json::{self, SMALL_BODY};

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct OnPoll {
    chat_guid: String,
    title: String,
    options: Vec<String>,
    poll_message_guid: String,
    option_identifier: String,
    option_text: String,
    actor: Option<String>,
}

pub(super) async fn create(State(emulator): State<Emulator>, request: Request) -> Result<Json<Written>, Failure> {
    let asked: OnPoll = json::read(request, SMALL_BODY).await?;
    let actor = draft::actor(asked.actor.as_deref(), "actor")?;
    act(&emulator, draft::create_poll(&asked.chat_guid, &asked.title, &asked.options, actor)?).await
}

pub(super) async fn vote(State(emulator): State<Emulator>, request: Request) -> Result<Json<Written>, Failure> {
    let asked: OnPoll = json::read(request, SMALL_BODY).await?;
    let actor = draft::actor(asked.actor.as_deref(), "actor")?;
    act(&emulator, draft::vote(&asked.poll_message_guid, &asked.option_identifier, actor)?).await
}

pub(super) async fn unvote(State(emulator): State<Emulator>, request: Request) -> Result<Json<Written>, Failure> {
    let asked: OnPoll = json::read(request, SMALL_BODY).await?;
    let actor = draft::actor(asked.actor.as_deref(), "actor")?;
    act(&emulator, draft::unvote(&asked.poll_message_guid, actor)?).await
}

pub(super) async fn add_option(State(emulator): State<Emulator>, request: Request) -> Result<Json<Written>, Failure> {
    let asked: OnPoll = json::read(request, SMALL_BODY).await?;
    let actor = draft::actor(asked.actor.as_deref(), "actor")?;
    act(&emulator, draft::add_option(&asked.poll_message_guid, &asked.option_text, actor)?).await
}
