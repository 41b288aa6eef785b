//! A message that is to be sent, checked.

use im_chats_protocol::model::{MessageEffect, TextFormat};

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
