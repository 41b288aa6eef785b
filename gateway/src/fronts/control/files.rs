//! Files that others send.

use axum::Json;
use axum::extract::{Request, State};
use bytes::Bytes;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use im_chats_emulator::address::Address;
use im_chats_emulator::limits::MAX_ATTACHMENT_BYTES;
use im_chats_emulator::{Command, Draft, FileDescription, Reply};
use im_chats_protocol::error::Error;
use im_chats_protocol::wire::routes::CHAT_GUID;
use serde::Deserialize;

use super::answer::Written;
use super::handlers::decode;
use crate::emulator::{Beside, Emulator, draft, input};
use crate::http::body;
use crate::http::failure::Failure;
use crate::http::json::with_image;
use crate::http::query::Query;
use crate::service::proto;

/// What somebody sends, beside the bytes.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Receive {
    chat_guid: String,
    from: String,
    file_name: String,
    data: String,
    is_audio_message: bool,
    reply_to: Option<proto::ReplyTarget>,
}

/// A JSON body has the bytes in base64. With any other type the body is the file itself, and the rest stands in the query.
pub(super) async fn receive(State(emulator): State<Emulator>, request: Request) -> Result<Json<Written>, Failure> {
    let media = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (asked, data) = if media.starts_with("application/json") {
        let asked: Receive = with_image(request).await?;
        let data = decode(&asked.data)?;
        (asked, Bytes::from(data))
    } else {
        raw(request).await?
    };
    let chat = input::guid(&asked.chat_guid, CHAT_GUID.name)?;
    let from = Address::parse(&asked.from, "from")?;
    let file = FileDescription::detect(&asked.file_name, &data, "data")?;
    let reply_to = draft::reply_to(asked.reply_to.as_ref())?;
    let send = |attachment: Draft, from| {
        let draft = Box::new(attachment.audio(asked.is_audio_message).reply_to(reply_to.clone()));
        Command::Send { chat: chat.clone(), draft, actor: Some(from) }
    };
    // A file whose message would be refused is not kept.
    emulator.would(send(Draft::text("a file", Vec::new(), "data")?, from.clone()))?;
    let upload = Command::Upload { file, companion: None, actor: Some(from.clone()) };
    let Reply::Attachment(attachment) = emulator.execute(upload, None, Beside::one(data)).await?.answer else {
        return Err(crate::emulator::database_failed("a file was answered with something else").into());
    };
    emulator.ends_typing(&chat, &from.text);
    let command = send(Draft::file(attachment.info.guid.clone(), None), from);
    let mut written = Written::from(emulator.execute(command, None, Beside::default()).await?);
    written.attachment = Some((&attachment.info).into());
    Ok(Json(written))
}

/// A body that is the file.
async fn raw(request: Request) -> Result<(Receive, Bytes), Failure> {
    let query = Query::parse(request.uri().query().unwrap_or_default())?;
    let asked = Receive {
        chat_guid: query.guid(CHAT_GUID.name)?,
        from: query.text("from")?.to_owned(),
        file_name: query.text("fileName")?.to_owned(),
        is_audio_message: query.flag("isAudioMessage")?,
        ..Receive::default()
    };
    let limit = usize::try_from(MAX_ATTACHMENT_BYTES).unwrap_or(usize::MAX);
    let data = body::read(request.into_body(), limit).await.map_err(|failure| match failure.status {
        StatusCode::PAYLOAD_TOO_LARGE => {
            let error = Error::invalid("data", format!("at most {limit} bytes")).with_context("limit", limit.to_string());
            Failure::with_status(error, failure.status)
        }
        _ => failure,
    })?;
    Ok((asked, data))
}
