//! A message that is to be sent, checked.

use im_chats_protocol::error::Error;
use im_chats_protocol::model::{MessageEffect, TextFormat};

use crate::address::Address;
use crate::limits::{MAX_MESSAGE_PARTS, MAX_SUBJECT_BYTES, MAX_TEXT_BYTES};
use crate::text::{checked_formatting, checked_text, shown};

/// A message that is to be sent. Its texts and ranges are checked; that what it names exists is decided later.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// Its bubbles; never empty.
    pub parts: Vec<Part>,
    /// The message that it answers.
    pub reply_to: Option<ReplyTo>,
    /// Its subject line.
    pub subject: Option<String>,
    /// Its effect.
    pub effect: Option<MessageEffect>,
    /// Whether its file is shown as an audio message.
    pub is_audio_message: bool,
    /// Whether it came part by part, however many: an error then names the part.
    pub is_multipart: bool,
}

/// One bubble of a message.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// A text.
    Text {
        /// Trimmed and not empty.
        text: String,
        /// Its formatted stretches, in UTF-16 units of `text`.
        formatting: Vec<TextFormat>,
        /// The address of the person that the text names.
        mention: Option<String>,
    },
    /// A file that was uploaded.
    File {
        /// The attachment's GUID.
        attachment: String,
        /// The name to show in place of the file's own.
        name: Option<String>,
    },
}

/// The message that another one answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyTo {
    /// The message's GUID.
    pub message: String,
    /// Which bubble; absent = the first.
    pub part: Option<i32>,
}

impl Part {
    /// A text; `field` is what an error names, and what stands beside it is named beside it: `parts[1].text`, then
    /// `parts[1].formatting[0].start`.
    ///
    /// # Errors
    /// `invalidArgument` with `context.field`.
    pub fn text(text: &str, formatting: Vec<TextFormat>, mention: Option<&str>, field: &str) -> Result<Self, Error> {
        let beside = field.strip_suffix("text").unwrap_or_default();
        let formatting = checked_formatting(text, formatting, &format!("{beside}formatting"))?;
        let text = checked_text(text, field, MAX_TEXT_BYTES)?;
        let mention = mention.map(|mention| Address::parse(mention, &format!("{beside}mentionedAddress"))).transpose()?;
        Ok(Self::Text { text, formatting, mention: mention.map(|address| address.text) })
    }

    /// A file that was uploaded.
    #[must_use]
    pub fn file(attachment: String, name: Option<String>) -> Self {
        Self::File { attachment, name }
    }
}

impl Draft {
    /// A text alone; `field` is what an error names.
    ///
    /// # Errors
    /// `invalidArgument` with `context.field`.
    pub fn text(text: &str, formatting: Vec<TextFormat>, field: &str) -> Result<Self, Error> {
        Part::text(text, formatting, None, field).map(|part| Self::of(vec![part]))
    }

    /// A file alone.
    #[must_use]
    pub fn file(attachment: String, name: Option<String>) -> Self {
        Self::of(vec![Part::file(attachment, name)])
    }

    /// Several bubbles.
    ///
    /// # Errors
    /// `invalidArgument` with `context.field` `parts` when there are none or too many.
    pub fn parts(parts: Vec<Part>) -> Result<Self, Error> {
        if parts.is_empty() || parts.len() > MAX_MESSAGE_PARTS {
            return Err(Error::invalid("parts", format!("a message has 1 to {MAX_MESSAGE_PARTS} parts"))
                .with_context("count", parts.len().to_string())
                .with_context("limit", MAX_MESSAGE_PARTS.to_string()));
        }
        Ok(Self { is_multipart: true, ..Self::of(parts) })
    }

    const fn of(parts: Vec<Part>) -> Self {
        Self { parts, reply_to: None, subject: None, effect: None, is_audio_message: false, is_multipart: false }
    }

    /// As an answer to another message.
    #[must_use]
    pub fn reply_to(self, reply_to: Option<ReplyTo>) -> Self {
        Self { reply_to, ..self }
    }

    /// With a subject line; an empty one is none.
    ///
    /// # Errors
    /// `invalidArgument` with `context.field`.
    pub fn subject(self, subject: Option<&str>, field: &str) -> Result<Self, Error> {
        let subject = subject.filter(|subject| !subject.trim().is_empty());
        let subject = subject.map(|subject| checked_text(subject, field, MAX_SUBJECT_BYTES)).transpose()?;
        Ok(Self { subject, ..self })
    }

    /// With an effect, by Apple's identifier; an empty one is none.
    ///
    /// # Errors
    /// `invalidArgument` with `context.field`.
    pub fn effect(self, effect: Option<&str>, field: &str) -> Result<Self, Error> {
        let Some(id) = effect.filter(|id| !id.is_empty()) else { return Ok(Self { effect: None, ..self }) };
        let effect = MessageEffect::ALL.iter().copied().find(|effect| effect.id() == id);
        let effect = effect
            .ok_or_else(|| Error::invalid(field.to_owned(), "no such message effect").with_context("value", shown(id)))?;
        Ok(Self { effect: Some(effect), ..self })
    }

    /// Whether its file is shown as an audio message.
    #[must_use]
    pub fn audio(self, is_audio_message: bool) -> Self {
        Self { is_audio_message, ..self }
    }
}
