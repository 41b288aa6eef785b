//! What users hand in about messages, checked before anything else happens.

use im_chats_protocol::error::Error;
use im_chats_protocol::model::TextFormat;
use im_chats_protocol::number::safe_integer;
use im_chats_protocol::wire::messaging::request::{ListOptions, SendOptions, Target};
use im_chats_protocol::wire::messaging::upload::check_attachment_size;
use im_chats_protocol::wire::request::{effect, item};
use js_sys::{Array, Uint8Array};
use wasm_bindgen::prelude::*;

use crate::input::{Options, text, unexpected};
use crate::js::get;

/// A message that something is done to, and the part of it that the options name.
pub(super) fn target(message: &JsValue, options: &Options) -> Result<Target, Error> {
    Target::new(&text(message, "message")?, "message", integer(options, "partIndex"), "partIndex")
}

/// The caller's own idempotency key.
pub(super) fn key(options: &Options) -> Result<Option<String>, Error> {
    options.text("clientMessageId")
}

/// What a text and an attachment are sent with. The shell lets each have only its own options.
pub(super) fn send_options(options: &Options) -> Result<SendOptions, Error> {
    Ok(SendOptions {
        reply_to: options.value("replyTo").map(|value| reply_to(&value)).transpose()?,
        effect: options.text("effect")?.map(|id| effect(&id)).transpose()?,
        subject: options.text("subject")?,
        formatting: options.value("formatting").map_or(Ok(Vec::new()), |value| formatting(&value))?,
        file_name: options.text("fileName")?,
        is_audio_message: options.flag("isAudioMessage")?.unwrap_or(false),
        client_message_id: key(options)?,
    })
}

/// Which messages are listed.
pub(super) fn list_options(options: &Options) -> Result<ListOptions, Error> {
    Ok(ListOptions {
        page_size: integer(options, "pageSize"),
        page_token: options.text("pageToken")?,
        is_from_me: options.flag("isFromMe")?,
        is_read: options.flag("isRead")?,
        before: options.text("before")?,
        after: options.text("after")?,
    })
}

/// The bytes of a file, of which the shell made a `Uint8Array`.
pub(super) fn file(value: &JsValue) -> Result<Uint8Array, Error> {
    let Some(bytes) = value.dyn_ref::<Uint8Array>() else {
        return Err(unexpected("data", "the file as a Uint8Array or an ArrayBuffer, or the guid of an attachment", value));
    };
    check_attachment_size(usize::try_from(bytes.length()).unwrap_or(usize::MAX), "data")?;
    Ok(bytes.clone())
}

/// A reaction: the name of its kind, and the emoji of one that is.
pub(super) fn reaction(value: &JsValue) -> Result<(String, Option<String>), Error> {
    if value.is_string() {
        return Ok((text(value, "reaction")?, None));
    }
    if !value.is_object() {
        return Err(unexpected("reaction", "a name such as \"love\", or { kind: \"emoji\", emoji }", value));
    }
    let emoji = get(value, "emoji");
    let emoji = (!emoji.is_undefined()).then(|| text(&emoji, "reaction.emoji")).transpose()?;
    Ok((text(&get(value, "kind"), "reaction.kind")?, emoji))
}

fn reply_to(value: &JsValue) -> Result<Target, Error> {
    if value.is_string() {
        return Target::new(&text(value, "replyTo")?, "replyTo", None, "");
    }
    if !value.is_object() {
        return Err(unexpected("replyTo", "the guid of a message, or { guid, partIndex }", value));
    }
    let guid = text(&get(value, "guid"), "replyTo.guid")?;
    Target::new(&guid, "replyTo.guid", whole(&get(value, "partIndex")), "replyTo.partIndex")
}

fn formatting(value: &JsValue) -> Result<Vec<TextFormat>, Error> {
    let Some(items) = value.dyn_ref::<Array>() else {
        return Err(unexpected("formatting", "an array of formats", value));
    };
    let mut formats = Vec::new();
    for (index, format) in items.iter().enumerate() {
        let at = item("formatting", index);
        if !format.is_object() {
            return Err(unexpected(&at, "a format", &format));
        }
        let effect_name = get(&format, "effectName");
        let effect_at = [&at, ".effectName"].concat();
        // What is no whole number fits no text.
        let number = |name| whole(&get(&format, name)).flatten().and_then(|number| i32::try_from(number).ok()).unwrap_or(-1);
        formats.push(TextFormat {
            style: text(&get(&format, "type"), &[&at, ".type"].concat())?,
            start: number("start"),
            length: number("length"),
            effect_name: (!effect_name.is_undefined()).then(|| text(&effect_name, &effect_at)).transpose()?,
        });
    }
    Ok(formats)
}

/// A whole number, when it is given; nothing within when it is no such number.
fn integer(options: &Options, name: &'static str) -> Option<Option<u64>> {
    options.value(name).and_then(|value| whole(&value))
}

fn whole(value: &JsValue) -> Option<Option<u64>> {
    (!value.is_undefined()).then(|| value.as_f64().and_then(safe_integer))
}
