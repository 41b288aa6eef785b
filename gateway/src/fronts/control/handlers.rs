//! What each route of the control plane does.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::StatusCode;
use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE};
use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::wire::routes::CHAT_GUID;
use serde::{Deserialize, Serialize};

use super::answer::{Written, act, run};
use crate::emulator::{Beside, Emulator, ListedChat, database_failed, draft, input};
use crate::http::admission::Admission;
use crate::http::failure::Failure;
use crate::http::json::{self, SMALL_BODY, with_image};
use crate::http::large;
use crate::http::query::Query;
use crate::service::proto;
use im_chats_emulator::Command;
use im_chats_emulator::address::Address;
use im_chats_emulator::image::ImageType;

/// Most events of one `events:generate`.
pub const MAX_GENERATED: u64 = 10_000_000;

/// Events of one transaction of `events:generate`: other writes come in between.
pub const GENERATE_CHUNK: u64 = 4096;

/// Up to so many sequences are listed one by one in the answer of `events:generate`.
pub const LISTED_SEQUENCES: u64 = 1000;

/// Chats of one page of the list: the default and the most.
pub const PAGE: (usize, usize) = (100, 1000);

/// Bytes of one page of the list, beyond which it ends early.
pub const PAGE_BYTES: usize = 1024 * 1024;

/// What the routes need.
#[derive(Clone)]
pub(super) struct Control {
    pub(super) emulator: Emulator,
    pub(super) admission: Admission,
}

impl axum::extract::FromRef<Control> for Emulator {
    fn from_ref(control: &Control) -> Self {
        control.emulator.clone()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ActOn {
    #[serde(default)]
    chat_guid: String,
    actor: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SetBackground {
    #[serde(default)]
    chat_guid: String,
    #[serde(default)]
    data: String,
    actor: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Generate {
    count: u64,
    chat_guids: Option<Vec<String>>,
}

/// What `events:generate` wrote.
#[derive(Serialize)]
pub(super) struct Generated {
    first: u64,
    last: u64,
    count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequences: Option<Vec<u64>>,
}

impl ActOn {
    fn read(self) -> Result<(String, Option<Address>), Error> {
        Ok((input::guid(&self.chat_guid, CHAT_GUID.name)?, actor(self.actor.as_deref())?))
    }
}

fn actor(text: Option<&str>) -> Result<Option<Address>, Error> {
    draft::actor(text, "actor")
}

pub(super) async fn archived(emulator: Emulator, request: Request, archived: bool) -> Result<Json<Written>, Failure> {
    let (chat, actor) = json::read::<ActOn>(request, SMALL_BODY).await?.read()?;
    act(&emulator, Command::SetArchived { chat, archived, actor }).await
}

pub(super) async fn remove_background(State(emulator): State<Emulator>, request: Request) -> Result<Json<Written>, Failure> {
    let (chat, actor) = json::read::<ActOn>(request, SMALL_BODY).await?.read()?;
    act(&emulator, Command::RemoveBackground { chat, actor }).await
}

pub(super) async fn mark_read(State(emulator): State<Emulator>, request: Request) -> Result<Json<Written>, Failure> {
    let (chat, actor) = json::read::<ActOn>(request, SMALL_BODY).await?.read()?;
    act(&emulator, Command::MarkRead { chat, actor }).await
}

pub(super) async fn set_background(State(emulator): State<Emulator>, request: Request) -> Result<Json<Written>, Failure> {
    let asked: SetBackground = with_image(request).await?;
    let chat = input::guid(&asked.chat_guid, CHAT_GUID.name)?;
    let actor = actor(asked.actor.as_deref())?;
    let image = decode(&asked.data)?;
    let mime = ImageType::detect(&image, "data")?.mime();
    run(&emulator, Command::SetBackground { chat, mime, actor }, Beside::one(image.into())).await
}

/// Base64 in either alphabet, padded or not, as in proto3-JSON.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, Error> {
    let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let url_safe = text.contains(['-', '_']);
    let alphabet = if url_safe { &alphabet::URL_SAFE } else { &alphabet::STANDARD };
    GeneralPurpose::new(alphabet, lenient).decode(text).map_err(|error| Error::invalid("data", format!("not base64: {error}")))
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Type {
    chat_guid: String,
    actor: Option<String>,
    is_typing: Option<bool>,
}

pub(super) async fn typing(State(emulator): State<Emulator>, request: Request) -> Result<Json<Written>, Failure> {
    let asked: Type = json::read(request, SMALL_BODY).await?;
    let chat = input::guid(&asked.chat_guid, CHAT_GUID.name)?;
    let actor = actor(asked.actor.as_deref())?;
    emulator.types(&chat, actor.as_ref(), asked.is_typing.unwrap_or(true))?;
    Ok(Json(Written::default()))
}

pub(super) async fn generate(State(emulator): State<Emulator>, request: Request) -> Result<Json<Generated>, Failure> {
    let asked: Generate = json::read(request, SMALL_BODY).await?;
    if asked.count == 0 || asked.count > MAX_GENERATED {
        return Err(Error::invalid("count", format!("1 to {MAX_GENERATED}"))
            .with_context("value", asked.count.to_string())
            .into());
    }
    let mut chats = emulator.targets(asked.chat_guids, "chatGuids")?;
    let mut span: Option<(u64, u64)> = None;
    let mut left = asked.count;
    while left > 0 {
        let count = left.min(GENERATE_CHUNK);
        let reach = usize::try_from(count).unwrap_or(usize::MAX);
        let turn: Vec<Arc<str>> = chats.iter().take(reach).cloned().collect();
        let outcome = emulator.execute(Command::Generate { chats: turn, count }, None, Beside::default()).await?;
        if let Some((first, last)) = outcome.sequences {
            span = Some((span.map_or(first, |(first, _)| first), last));
        }
        // The next run goes on with the chat after the last one.
        let length = chats.len();
        chats.rotate_left(reach % length.max(1));
        left = left.saturating_sub(count);
    }
    let (first, last) = span.unwrap_or_default();
    // Other writes may have come in between, so a list is given only where one transaction made it whole.
    let listed = asked.count <= LISTED_SEQUENCES;
    Ok(Json(Generated { first, last, count: asked.count, sequences: listed.then(|| (first..=last).collect()) }))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed<'a> {
    chat: proto::Chat,
    has_background: bool,
    has_icon: bool,
    has_left: bool,
    typing: &'a [String],
}

pub(super) async fn list(State(control): State<Control>, request: Request) -> Result<Response, Failure> {
    let query = Query::parse(request.uri().query().unwrap_or_default())?;
    let after = query.text("after")?;
    let limit = query.number("limit", 1..=PAGE.1)?.unwrap_or(PAGE.0);
    let place = control.admission.large_answer()?;
    let page = page(control.emulator.chats((!after.is_empty()).then_some(after), limit), limit).map_err(database_failed)?;
    Ok(([(CONTENT_TYPE, "application/json")], large::body(page, place)).into_response())
}

/// Writes `{chats, nextAfter?}`: the chats found, as far as they fit.
fn page(found: Vec<ListedChat>, limit: usize) -> Result<Vec<u8>, serde_json::Error> {
    let whole = found.len() < limit;
    let mut text = br#"{"chats":["#.to_vec();
    let mut last = None;
    for ListedChat { chat, has_background, has_icon, has_left, typing } in &found {
        let (has_background, has_icon, has_left) = (*has_background, *has_icon, *has_left);
        let listed = serde_json::to_vec(&Listed { chat: chat.as_ref().into(), has_background, has_icon, has_left, typing })?;
        // The first one always fits, or its reader would stand still for ever.
        if last.is_some() && text.len().saturating_add(listed.len()) > PAGE_BYTES {
            break;
        }
        if last.is_some() {
            text.push(b',');
        }
        text.extend_from_slice(&listed);
        last = Some(&chat.guid);
    }
    text.push(b']');
    let is_last = whole && last == found.last().map(|listed| &listed.chat.guid);
    if let Some(guid) = last.filter(|_| !is_last) {
        text.extend_from_slice(br#","nextAfter":"#);
        serde_json::to_writer(&mut text, guid)?;
    }
    text.push(b'}');
    Ok(text)
}

/// Bytes of any kind.
const OCTETS: &str = "application/octet-stream";

pub(super) async fn background(State(control): State<Control>, request: Request) -> Result<Response, Failure> {
    let query = Query::parse(request.uri().query().unwrap_or_default())?;
    let guid = input::guid(&query.guid(CHAT_GUID.name)?, CHAT_GUID.name)?;
    let place = control.admission.large_answer()?;
    match control.emulator.background(&guid).await? {
        Some(background) => {
            // What generated clients ask for that know how to read bytes, but no images.
            let plain = request.headers().get(ACCEPT).is_some_and(|accept| accept.as_bytes() == OCTETS.as_bytes());
            let media = if plain { OCTETS.to_owned() } else { background.mime.clone() };
            let headers = [(CONTENT_TYPE, media), (CONTENT_LENGTH, background.length.to_string())];
            Ok((headers, Body::from_stream(background.into_pieces(place))).into_response())
        }
        None => {
            let error =
                Error::new(ErrorCode::PreconditionFailed, "the chat has no custom background").with_context("chat", guid);
            Err(Failure::with_status(error, StatusCode::NOT_FOUND))
        }
    }
}
