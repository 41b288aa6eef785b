//! Files: kept, and put into messages.

use im_chats_protocol::error::Error;
use im_chats_protocol::model::{
    AttachmentInfo, CompanionInfo, CompanionKind, MessageContent, MessageMention, TextFormat, TransferState,
};

use super::Deciding;
use crate::command::FileDescription;
use crate::draft::{Draft, Part};
use crate::entry::{Attachment, Bubble, Entry, Reply};
use crate::file_type::file_name;
use crate::text::{shown, units};

impl Deciding<'_> {
    pub(super) fn upload(
        &mut self,
        file: &FileDescription,
        companion: Option<&FileDescription>,
        is_outgoing: bool,
    ) -> Result<Reply, Error> {
        let companion = companion.map(|companion| live_photo(file, companion)).transpose()?;
        let attachment = Attachment {
            info: AttachmentInfo {
                guid: self.id(),
                original_guid: None,
                file_name: file.name.clone(),
                mime_type: file.mime.clone(),
                uti: file.uti.clone(),
                total_bytes: file.bytes,
                is_outgoing,
                transfer_state: TransferState::Finished,
                is_hidden: false,
                is_sticker: false,
                companion_kind: companion.as_ref().map(|companion| companion.kind),
            },
            companion,
        };
        let oldest = self.state.attachments.too_many(attachment.bytes());
        if !oldest.is_empty() {
            let attachments = oldest.into_iter().map(str::to_owned).collect();
            self.entries.push(Entry::Forgotten { messages: Vec::new(), attachments });
        }
        self.entries.push(Entry::Uploaded { attachment: Box::new(attachment.clone()) });
        Ok(Reply::Attachment(Box::new(attachment)))
    }

    /// What a draft says, and its bubbles. The texts of several bubbles stand in lines of their own.
    pub(super) fn content(&self, draft: &Draft, is_outgoing: bool) -> Result<(MessageContent, Vec<Bubble>), Error> {
        let mut whole: Option<String> = None;
        let (mut attachments, mut formats, mut mentions, mut bubbles) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (index, part) in draft.parts.iter().enumerate() {
            match part {
                Part::Text { text, formatting, mention } => {
                    let before = whole.take().map(|before| before + "\n").unwrap_or_default();
                    let (first, length) = (units(&before), units(text));
                    let moved =
                        |format: &TextFormat| TextFormat { start: format.start.saturating_add(first), ..format.clone() };
                    formats.extend(formatting.iter().map(moved));
                    mentions.extend(mention.iter().map(|address| MessageMention {
                        address: address.clone(),
                        start: first,
                        length,
                    }));
                    whole = Some(before + text);
                    bubbles.push(Bubble::Text(length));
                }
                Part::File { attachment, name } => {
                    let field = if draft.is_multipart { format!("parts[{index}].") } else { String::new() };
                    attachments.push(self.file(attachment, name.as_deref(), is_outgoing, &field)?);
                    bubbles.push(Bubble::File);
                }
            }
        }
        let content = MessageContent {
            text: whole,
            attachments: Some(attachments),
            formatting: Some(formats),
            mentions: Some(mentions),
            ..MessageContent::default()
        };
        Ok((content, bubbles))
    }

    /// A file as the message has it: only who brought it can send it.
    fn file(&self, guid: &str, name: Option<&str>, is_outgoing: bool, field: &str) -> Result<AttachmentInfo, Error> {
        let info = &self.state.attachment(guid)?.info;
        if info.is_outgoing != is_outgoing {
            let message = "somebody else brought this file; upload it to send it";
            return Err(Error::invalid(format!("{field}attachment.attachmentGuid"), message).with_context("value", shown(guid)));
        }
        let name = name.filter(|name| !name.trim().is_empty()).map(file_name);
        Ok(AttachmentInfo { file_name: name.unwrap_or_else(|| info.file_name.clone()), ..info.clone() })
    }
}

/// A live photo: a still picture and its moving half, which has the picture's name.
fn live_photo(picture: &FileDescription, video: &FileDescription) -> Result<CompanionInfo, Error> {
    if !matches!(picture.mime.as_str(), "image/heic" | "image/heif") {
        return Err(Error::invalid("data", "the picture of a live photo is HEIC or HEIF")
            .with_context("detected", picture.mime.clone()));
    }
    if video.mime != "video/quicktime" {
        return Err(Error::invalid("companion.data", "the moving half of a live photo is a QuickTime movie")
            .with_context("detected", video.mime.clone()));
    }
    let stem = picture.name.rsplit_once('.').map_or(picture.name.as_str(), |(stem, _)| stem);
    Ok(CompanionInfo {
        file_name: file_name(&format!("{stem}.MOV")),
        mime_type: video.mime.clone(),
        total_bytes: video.bytes,
        kind: CompanionKind::LivePhotoVideo,
    })
}
