//! What the people of a group do to it.

use axum::Json;
use axum::extract::{Request, State};
use im_chats_emulator::Command;
use im_chats_emulator::address::Address;
use im_chats_protocol::wire::routes::CHAT_GUID;
use serde::Deserialize;

use super::answer::{Written, act};
use crate::emulator::{Emulator, draft, input};
use crate::http::failure::Failure;
use crate::http::json::{self, SMALL_BODY};

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct OnGroup {
    chat_guid: String,
    address: String,
    display_name: String,
    actor: Option<String>,
}

pub(super) async fn join(State(emulator): State<Emulator>, request: Request) -> Result<Json<Written>, Failure> {
    let asked: OnGroup = json::read(request, SMALL_BODY).await?;
    let chat = input::guid(&asked.chat_guid, CHAT_GUID.name)?;
    let addresses = vec![Address::parse(&asked.address, "address")?];
    let actor = draft::actor(asked.actor.as_deref(), "actor")?;
    act(&emulator, Command::AddParticipants { chat, addresses, actor }).await
}

pub(super) async fn leave(State(emulator): State<Emulator>, request: Request) -> Result<Json<Written>, Failure> {
    let asked: OnGroup = json::read(request, SMALL_BODY).await?;
    let chat = input::guid(&asked.chat_guid, CHAT_GUID.name)?;
    let actor = draft::actor(asked.actor.as_deref(), "actor")?;
    act(&emulator, Command::Leave { chat, actor }).await
}

pub(super) async fn rename(State(emulator): State<Emulator>, request: Request) -> Result<Json<Written>, Failure> {
    let asked: OnGroup = json::read(request, SMALL_BODY).await?;
    let actor = draft::actor(asked.actor.as_deref(), "actor")?;
    act(&emulator, draft::rename(&asked.chat_guid, &asked.display_name, actor)?).await
}
