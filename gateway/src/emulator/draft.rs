//! From what a call asks for to what the emulator decides. Every refusal names the field as the request spells it.

use im_chats_emulator::address::Address;
use im_chats_emulator::limits::{MAX_GROUP_NAME_BYTES, MAX_POLL_OPTIONS, MAX_POLL_TEXT_BYTES, MAX_TEXT_BYTES};
use im_chats_emulator::{Actor, Command, Draft, FileDescription, Part, ReplyTo, Target, checked_text};
use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::model::{MessageReaction, MessageReactionKind, TextFormat};
use im_chats_protocol::wire::routes::CHAT_GUID;

use super::input::{guid, name};
use crate::service::proto::attachment_ref::Source;
use crate::service::proto::{self, CompanionKind, MessageReactionKind as Kind};

/// A text.
pub(super) fn text(request: &proto::SendTextMessageRequest) -> Result<Command, Error> {
    let chat = guid(&request.chat_guid, CHAT_GUID.name)?;
    let draft = Draft::text(&request.text, formatting(&request.formatting), "text")?
        .subject(request.subject.as_deref(), "subject")?
        .effect(request.effect_id.as_deref(), "effectId")?
        .reply_to(reply_to(request.reply_to.as_ref())?);
    Ok(send(chat, draft))
}

/// A file.
pub(super) fn attachment(request: &proto::SendAttachmentMessageRequest) -> Result<Command, Error> {
    let chat = guid(&request.chat_guid, CHAT_GUID.name)?;
    let (attachment, name) = file(request.attachment.as_ref(), "attachment")?;
    let draft = Draft::file(attachment, name)
        .effect(request.effect_id.as_deref(), "effectId")?
        .audio(request.is_audio_message.unwrap_or(false))
        .reply_to(reply_to(request.reply_to.as_ref())?);
    Ok(send(chat, draft))
}

/// Texts and files as one message.
pub(super) fn multipart(request: &proto::SendMultipartMessageRequest) -> Result<Command, Error> {
    let chat = guid(&request.chat_guid, CHAT_GUID.name)?;
    let parts = request.parts.iter().enumerate().map(|(index, part)| self::part(part, &format!("parts[{index}]")));
    let draft = Draft::parts(parts.collect::<Result<_, _>>()?)?
        .subject(request.subject.as_deref(), "subject")?
        .effect(request.effect_id.as_deref(), "effectId")?
        .reply_to(reply_to(request.reply_to.as_ref())?);
    Ok(send(chat, draft))
}

fn send(chat: String, draft: Draft) -> Command {
    Command::Send { chat, draft: Box::new(draft), actor: None }
}

/// One bubble: a text or a file. Each part is a bubble of its own, so its place in the list says which one it is.
fn part(part: &proto::MessagePart, field: &str) -> Result<Part, Error> {
    let wrong = |name: &str, why: &str| Err(Error::invalid(format!("{field}.{name}"), why.to_owned()));
    if part.bubble_index.is_some_and(|index| index < 0) {
        return wrong("bubbleIndex", "0 or more");
    }
    match (&part.text, &part.attachment) {
        (Some(_), Some(_)) => wrong("attachment", "a part is a text or a file, not both"),
        (None, None) => wrong("text", "a part has a text or a file"),
        (Some(text), None) => {
            let mention = part.mentioned_address.as_deref();
            Part::text(text, formatting(&part.formatting), mention, &format!("{field}.text"))
        }
        (None, Some(_)) if part.mentioned_address.is_some() => wrong("mentionedAddress", "only a text can name somebody"),
        (None, Some(_)) if !part.formatting.is_empty() => wrong("formatting", "only a text has one"),
        (None, attachment) => {
            let (attachment, name) = file(attachment.as_ref(), &format!("{field}.attachment"))?;
            Ok(Part::file(attachment, name))
        }
    }
}

/// An attachment's GUID, and the name to show.
fn file(attachment: Option<&proto::AttachmentRef>, field: &str) -> Result<(String, Option<String>), Error> {
    match attachment.and_then(|attachment| attachment.source.as_ref().map(|source| (source, &attachment.attachment_name))) {
        Some((Source::AttachmentGuid(guid), shown)) => Ok((name(guid, &format!("{field}.attachmentGuid"))?, shown.clone())),
        Some((Source::AttachmentPath(_), _)) => {
            let why = "a path on the server's disk is not taken; upload the file and give its attachmentGuid";
            Err(Error::invalid(format!("{field}.attachmentPath"), why))
        }
        None => Err(Error::invalid(format!("{field}.attachmentGuid"), "name a file that was uploaded")),
    }
}

/// Stretches of a text.
pub(crate) fn formatting(formatting: &[proto::TextFormat]) -> Vec<TextFormat> {
    let of = |format: &proto::TextFormat| TextFormat {
        style: format.r#type.clone(),
        start: format.start,
        length: format.length,
        effect_name: format.effect_name.clone(),
    };
    formatting.iter().map(of).collect()
}

/// The message that another one answers.
pub(crate) fn reply_to(target: Option<&proto::ReplyTarget>) -> Result<Option<ReplyTo>, Error> {
    let of = |target: &proto::ReplyTarget| {
        Ok(ReplyTo { message: name(&target.message_guid, "replyTo.messageGuid")?, part: target.target_part_index })
    };
    target.map(of).transpose()
}

/// A message that something is done to.
fn target(target: Option<&proto::MessageTarget>) -> Result<Target, Error> {
    let target = target.ok_or_else(|| Error::invalid("target", "name the chat and the message"))?;
    Ok(Target {
        chat: guid(&target.chat_guid, "target.chatGuid")?,
        message: name(&target.message_guid, "target.messageGuid")?,
        part: target.target_part_index,
    })
}

/// Another text. The text for those who cannot show an edit is for nobody here.
pub(super) fn edit(request: &proto::EditMessageRequest) -> Result<Command, Error> {
    let target = target(request.target.as_ref())?;
    let text = checked_text(&request.new_text, "newText", MAX_TEXT_BYTES)?;
    Ok(Command::Edit { target, text, actor: None })
}

/// Taking a message back.
pub(super) fn unsend(request: &proto::UnsendMessageRequest) -> Result<Command, Error> {
    Ok(Command::Unsend { target: target(request.target.as_ref())?, actor: None })
}

/// A tapback.
pub(super) fn react(request: &proto::SetReactionRequest) -> Result<Command, Error> {
    let target = target(request.target.as_ref())?;
    let asked = request.reaction.as_ref().ok_or_else(|| Error::invalid("reaction", "say which"))?;
    let reaction = MessageReaction { kind: reaction_kind(asked.kind)?, emoji: asked.emoji.clone() };
    Ok(Command::React { target, reaction, is_set: request.is_set, actor: None })
}

fn reaction_kind(number: i32) -> Result<MessageReactionKind, Error> {
    Ok(match Kind::try_from(number) {
        Ok(Kind::Love) => MessageReactionKind::Love,
        Ok(Kind::Like) => MessageReactionKind::Like,
        Ok(Kind::Dislike) => MessageReactionKind::Dislike,
        Ok(Kind::Laugh) => MessageReactionKind::Laugh,
        Ok(Kind::Emphasize) => MessageReactionKind::Emphasize,
        Ok(Kind::Question) => MessageReactionKind::Question,
        Ok(Kind::Emoji) => MessageReactionKind::Emoji,
        Ok(Kind::Sticker) => MessageReactionKind::Sticker,
        Err(_) => return Err(Error::invalid("reaction.kind", "no such tapback").with_context("value", number.to_string())),
    })
}

/// A group's name.
pub(crate) fn rename(chat: &str, display_name: &str, actor: Actor) -> Result<Command, Error> {
    let chat = guid(chat, CHAT_GUID.name)?;
    let name = checked_text(display_name, "displayName", MAX_GROUP_NAME_BYTES)?;
    Ok(Command::Rename { chat, name, actor })
}

/// A poll.
pub(crate) fn create_poll(chat: &str, title: &str, options: &[String], actor: Actor) -> Result<Command, Error> {
    let chat = guid(chat, CHAT_GUID.name)?;
    let title = checked_text(title, "title", MAX_POLL_TEXT_BYTES)?;
    if !(2..=MAX_POLL_OPTIONS).contains(&options.len()) {
        return Err(Error::invalid("options", format!("2 to {MAX_POLL_OPTIONS} options"))
            .with_context("count", options.len().to_string())
            .with_context("limit", MAX_POLL_OPTIONS.to_string()));
    }
    let checked =
        options.iter().enumerate().map(|(index, text)| checked_text(text, &format!("options[{index}]"), MAX_POLL_TEXT_BYTES));
    Ok(Command::CreatePoll { chat, title, options: checked.collect::<Result<_, _>>()?, actor })
}

/// A vote.
pub(crate) fn vote(poll: &str, option: &str, actor: Actor) -> Result<Command, Error> {
    Ok(Command::Vote { poll: name(poll, "pollMessageGuid")?, option: name(option, "optionIdentifier")?, actor })
}

/// A vote that is taken back.
pub(crate) fn unvote(poll: &str, actor: Actor) -> Result<Command, Error> {
    Ok(Command::Unvote { poll: name(poll, "pollMessageGuid")?, actor })
}

/// One more option.
pub(crate) fn add_option(poll: &str, text: &str, actor: Actor) -> Result<Command, Error> {
    let poll = name(poll, "pollMessageGuid")?;
    Ok(Command::AddPollOption { poll, text: checked_text(text, "optionText", MAX_POLL_TEXT_BYTES)?, actor })
}

/// A file, and the moving half of a live photo.
pub(super) fn upload(request: &proto::UploadAttachmentRequest) -> Result<Command, Error> {
    let file = FileDescription::detect(&request.file_name, &request.data, "data")?;
    let companion = request.companion.as_ref().map(companion).transpose()?;
    Ok(Command::Upload { file, companion, actor: None })
}

/// There is one kind, so one that names none means it. Its bytes are given without a name; what cannot be told by them passes for a movie.
fn companion(companion: &proto::Companion) -> Result<FileDescription, Error> {
    match CompanionKind::try_from(companion.kind) {
        Ok(CompanionKind::Unspecified | CompanionKind::LivePhotoVideo) => {
            FileDescription::detect("companion.MOV", &companion.data, "companion.data")
        }
        Err(_) => Err(Error::invalid("companion.kind", "no such kind").with_context("value", companion.kind.to_string())),
    }
}

/// Somebody who acts, named in `field`; nobody = this account.
pub(crate) fn actor(text: Option<&str>, field: &str) -> Result<Actor, Error> {
    text.map(|text| Address::parse(text, field)).transpose()
}

/// The error of a reply that its command does not give.
pub(super) fn unexpected() -> Error {
    Error::new(ErrorCode::InternalError, "the emulator answered something else")
}
