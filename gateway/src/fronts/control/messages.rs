//! The messages of others: what they write, change, like and read.

use axum::Json;
use axum::extract::{Request, State};
use im_chats_emulator::address::Address;
use im_chats_emulator::limits::MAX_TEXT_BYTES;
use im_chats_emulator::{Command, Draft, Target, checked_text};
use im_chats_protocol::error::Error;
use im_chats_protocol::model::{MessageReaction, MessageReactionKind};
use im_chats_protocol::wire::routes::CHAT_GUID;
use serde::Deserialize;
use serde::de::IntoDeserializer as _;

use super::answer::{Written, act};
use crate::emulator::{Emulator, draft, input};
use crate::http::failure::Failure;
use crate::http::json::{self, SMALL_BODY};
use crate::service::proto;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Receive {
    chat_guid: String,
    from: String,
    text: String,
    formatting: Vec<proto::TextFormat>,
    subject: Option<String>,
    effect_id: Option<String>,
    reply_to: Option<proto::ReplyTarget>,
}

pub(super) async fn receive(State(emulator): State<Emulator>, request: Request) -> Result<Json<Written>, Failure> {
    let asked: Receive = json::read(request, SMALL_BODY).await?;
    let chat = input::guid(&asked.chat_guid, CHAT_GUID.name)?;
    let from = Address::parse(&asked.from, "from")?;
    let draft = Draft::text(&asked.text, draft::formatting(&asked.formatting), "text")?
        .subject(asked.subject.as_deref(), "subject")?
        .effect(asked.effect_id.as_deref(), "effectId")?
        .reply_to(draft::reply_to(asked.reply_to.as_ref())?);
    emulator.ends_typing(&chat, &from.text);
    act(&emulator, Command::Send { chat, draft: Box::new(draft), actor: Some(from) }).await
}

/// A message that somebody does something to.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct OnMessage {
    chat_guid: String,
    message_guid: String,
    target_part_index: Option<i32>,
    actor: Option<String>,
    text: String,
    kind: String,
    emoji: Option<String>,
    is_set: Option<bool>,
}

impl OnMessage {
    fn target(&self) -> Result<Target, Error> {
        Ok(Target {
            chat: input::guid(&self.chat_guid, CHAT_GUID.name)?,
            message: input::name(&self.message_guid, "messageGuid")?,
            part: self.target_part_index,
        })
    }

    fn reaction(&self) -> Result<MessageReaction, Error> {
        let name: serde::de::value::StrDeserializer<'_, serde::de::value::Error> = self.kind.as_str().into_deserializer();
        match MessageReactionKind::deserialize(name) {
            Ok(kind) if kind != MessageReactionKind::Unknown => Ok(MessageReaction { kind, emoji: self.emoji.clone() }),
            _ => Err(Error::invalid("kind", "love, like, dislike, laugh, emphasize, question or emoji")),
        }
    }
}

pub(super) async fn edit(State(emulator): State<Emulator>, request: Request) -> Result<Json<Written>, Failure> {
    let asked: OnMessage = json::read(request, SMALL_BODY).await?;
    let target = asked.target()?;
    let text = checked_text(&asked.text, "text", MAX_TEXT_BYTES)?;
    let actor = draft::actor(asked.actor.as_deref(), "actor")?;
    act(&emulator, Command::Edit { target, text, actor }).await
}

pub(super) async fn unsend(State(emulator): State<Emulator>, request: Request) -> Result<Json<Written>, Failure> {
    let asked: OnMessage = json::read(request, SMALL_BODY).await?;
    let actor = draft::actor(asked.actor.as_deref(), "actor")?;
    act(&emulator, Command::Unsend { target: asked.target()?, actor }).await
}

pub(super) async fn react(State(emulator): State<Emulator>, request: Request) -> Result<Json<Written>, Failure> {
    let asked: OnMessage = json::read(request, SMALL_BODY).await?;
    let (target, reaction) = (asked.target()?, asked.reaction()?);
    let actor = draft::actor(asked.actor.as_deref(), "actor")?;
    act(&emulator, Command::React { target, reaction, is_set: asked.is_set.unwrap_or(true), actor }).await
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Read {
    chat_guid: String,
    message_guid: Option<String>,
    actor: String,
}

pub(super) async fn read(State(emulator): State<Emulator>, request: Request) -> Result<Json<Written>, Failure> {
    let asked: Read = json::read(request, SMALL_BODY).await?;
    let chat = input::guid(&asked.chat_guid, CHAT_GUID.name)?;
    let message = asked.message_guid.map(|guid| input::name(&guid, "messageGuid")).transpose()?;
    let actor = Address::parse(&asked.actor, "actor")?;
    act(&emulator, Command::ReadReceipt { chat, message, actor }).await
}
