//! What the routes of the control plane answer.

use axum::Json;
use im_chats_emulator::{Command, Reply};
use im_chats_protocol::error::Error;
use serde::Serialize;

use crate::emulator::{Beside, Committed, Emulator};
use crate::http::failure::Failure;
use crate::service::proto;

/// What was written: every sequence, in order; and what it was written about, so that a caller can go on with its GUID.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Written {
    pub(super) sequences: Vec<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<proto::Message>,
    #[serde(skip_serializing_if = "Option::is_none")]
    poll: Option<proto::PollInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chat: Option<proto::Chat>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) attachment: Option<proto::AttachmentInfo>,
}

impl From<Committed> for Written {
    fn from(committed: Committed) -> Self {
        let sequences = committed.sequences.map(|(first, last)| (first..=last).collect()).unwrap_or_default();
        let mut written = Self { sequences, ..Self::default() };
        match committed.answer {
            Reply::Message(message) => written.message = Some(message.as_ref().into()),
            Reply::Poll(poll) => written.poll = Some(poll.as_ref().into()),
            Reply::Chat(chat) => written.chat = Some(chat.as_ref().into()),
            Reply::Attachment(attachment) => written.attachment = Some((&attachment.info).into()),
            Reply::Created(_) | Reply::Done => {}
        }
        written
    }
}

/// Does it, and tells what was written.
pub(super) async fn run(emulator: &Emulator, command: Command, beside: Beside) -> Result<Json<Written>, Failure> {
    Ok(Json(emulator.execute(command, None, beside).await.map_err(respelled)?.into()))
}

/// The decision names a field as the calls of the service spell it; here a message stands for itself, and so does a tapback.
fn respelled(mut error: Error) -> Error {
    let Some(field) = error.context_value("field").map(str::to_owned) else { return error };
    let here = match field.strip_prefix("target.").or_else(|| field.strip_prefix("reaction.")) {
        Some(rest) => rest.to_owned(),
        None if field == "addresses[0]" => "address".to_owned(),
        None => return error,
    };
    error.message = error.message.replacen(&field, &here, 1).into();
    for (name, value) in &mut error.context {
        if name == "field" {
            *value = here.clone().into();
        }
    }
    error
}

/// As [`run`], of what has no bytes beside it.
pub(super) async fn act(emulator: &Emulator, command: Command) -> Result<Json<Written>, Failure> {
    run(emulator, command, Beside::default()).await
}
