//! From the wire's messages, attachments and polls to the documented ones, with every field that they have.

use im_chats_protocol::model::{
    AttachmentInfo, CompanionInfo, CompanionKind, Message, MessageAppliedReaction, MessageContent, MessageItemType,
    MessageMention, MessagePlacedSticker, MessageReaction, MessageReactionKind, MiniAppContent, MiniAppLayoutInfo, Poll,
    PollOption, PollVote, StickerPlacement, TextFormat, TransferState,
};

use crate::service::proto;

fn time(time: Option<proto::Timestamp>) -> Option<String> {
    time?.to_rfc3339()
}

/// A whole number that JavaScript holds exactly; what cannot be one is 0.
fn whole(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0).min(im_chats_protocol::number::MAX_SAFE_INTEGER)
}

/// JSON has no infinities.
fn finite(number: f64) -> Option<f64> {
    number.is_finite().then_some(number)
}

/// A message; none when it has no content or no time, which every message has.
#[must_use]
pub fn message(message: proto::Message) -> Option<Message> {
    let date_created = time(message.date_created)?;
    Some(Message {
        guid: message.guid,
        chat_guids: message.chat_guids,
        content: content(message.content?),
        subject: message.subject,
        is_from_me: message.is_from_me,
        date_created,
        date_read: time(message.date_read),
        sender: message.sender.as_ref().map(Into::into),
        date_delivered: time(message.date_delivered),
        date_edited: time(message.date_edited),
        date_retracted: time(message.date_retracted),
        date_played: time(message.date_played),
        date_expressive_send_played: time(message.date_expressive_send_played),
        is_sent: Some(message.is_sent),
        is_delivered: Some(message.is_delivered),
        is_delivered_quietly: Some(message.is_delivered_quietly),
        did_notify_recipient: Some(message.did_notify_recipient),
        send_error_code: Some(message.send_error_code),
        is_audio_message: Some(message.is_audio_message),
        is_auto_reply: Some(message.is_auto_reply),
        is_system_message: Some(message.is_system_message),
        is_forward: Some(message.is_forward),
        is_delayed: Some(message.is_delayed),
        is_spam: Some(message.is_spam),
        data_detector_results_present: Some(message.data_detector_results_present),
        is_archived: Some(message.is_archived),
        is_service_message: Some(message.is_service_message),
        is_corrupt: Some(message.is_corrupt),
        is_expirable: Some(message.is_expirable),
        share_status: message.share_status,
        share_direction: message.share_direction,
        item_type: Some(item_type(message.item_type)),
        group_title: message.group_title,
        chat_action_type: message.chat_action_type,
        thread_originator_guid: message.thread_originator_guid,
        thread_originator_part: message.thread_originator_part,
        reply_target_guid: message.reply_target_guid,
        destination_caller_id: message.destination_caller_id,
        part_count: message.part_count,
        cached_room_names: message.cached_room_names,
        reaction_target_guid: message.reaction_target_guid,
        reaction_target_part_index: message.reaction_target_part_index,
        reaction: message.reaction.map(reaction),
        reaction_selected: message.reaction_selected,
        applied_reactions: Some(message.applied_reactions.into_iter().filter_map(applied_reaction).collect()),
        placed_stickers: Some(message.placed_stickers.into_iter().filter_map(placed_sticker).collect()),
    })
}

/// What a message says.
#[must_use]
pub fn content(content: proto::MessageContent) -> MessageContent {
    MessageContent {
        text: content.text,
        expressive_send_style_id: content.expressive_send_style_id,
        attachments: Some(content.attachments.into_iter().map(attachment).collect()),
        formatting: Some(content.formatting.into_iter().map(text_format).collect()),
        mentions: Some(content.mentions.into_iter().map(mention).collect()),
        balloon_bundle_id: content.balloon_bundle_id,
        mini_app: content.mini_app.map(mini_app),
    }
}

/// How a stretch of a text looks.
#[must_use]
pub fn text_format(format: proto::TextFormat) -> TextFormat {
    TextFormat { style: format.r#type, start: format.start, length: format.length, effect_name: format.effect_name }
}

fn mention(mention: proto::MessageMention) -> MessageMention {
    MessageMention { address: mention.address, start: mention.start, length: mention.length }
}

fn mini_app(app: proto::MiniAppContent) -> MiniAppContent {
    MiniAppContent {
        team_id: app.team_id,
        extension_bundle_id: app.extension_bundle_id,
        app_name: app.app_name,
        url: app.url,
        session_id: app.session_id,
        app_store_id: app.app_store_id.map(whole),
        live: app.live,
        layout: app.layout.map(|layout| MiniAppLayoutInfo {
            caption: layout.caption,
            subcaption: layout.subcaption,
            trailing_caption: layout.trailing_caption,
            trailing_subcaption: layout.trailing_subcaption,
            image_title: layout.image_title,
            image_subtitle: layout.image_subtitle,
            summary: layout.summary,
        }),
    }
}

/// What is known of an attachment.
#[must_use]
pub fn attachment(info: proto::AttachmentInfo) -> AttachmentInfo {
    AttachmentInfo {
        transfer_state: match info.transfer_state() {
            // A number this version does not know reads as the first one, so the number itself is looked at, too.
            proto::TransferState::Pending if info.transfer_state == 0 => TransferState::Pending,
            proto::TransferState::Transferring => TransferState::Transferring,
            proto::TransferState::Failed => TransferState::Failed,
            proto::TransferState::Finished => TransferState::Finished,
            _ => TransferState::Unknown,
        },
        companion_kind: info.companion_kind.filter(|kind| *kind != 0).map(companion_kind),
        guid: info.guid,
        original_guid: info.original_guid.filter(|guid| !guid.is_empty()),
        file_name: info.file_name,
        mime_type: info.mime_type,
        uti: info.uti,
        total_bytes: whole(info.total_bytes),
        is_outgoing: info.is_outgoing,
        is_hidden: info.is_hidden,
        is_sticker: info.is_sticker,
    }
}

/// A tapback; a kind that this version does not know is `unknown`.
#[must_use]
pub fn reaction(reaction: proto::MessageReaction) -> MessageReaction {
    use proto::MessageReactionKind as Wire;
    let kind = match Wire::try_from(reaction.kind) {
        Ok(Wire::Love) => MessageReactionKind::Love,
        Ok(Wire::Like) => MessageReactionKind::Like,
        Ok(Wire::Dislike) => MessageReactionKind::Dislike,
        Ok(Wire::Laugh) => MessageReactionKind::Laugh,
        Ok(Wire::Emphasize) => MessageReactionKind::Emphasize,
        Ok(Wire::Question) => MessageReactionKind::Question,
        Ok(Wire::Emoji) => MessageReactionKind::Emoji,
        Ok(Wire::Sticker) => MessageReactionKind::Sticker,
        Err(_) => MessageReactionKind::Unknown,
    };
    MessageReaction { kind, emoji: reaction.emoji }
}

/// Where a sticker lies; what is no number is 0, or absent.
#[must_use]
pub fn placement(placement: proto::StickerPlacement) -> StickerPlacement {
    StickerPlacement {
        x: finite(placement.x).unwrap_or_default(),
        y: finite(placement.y).unwrap_or_default(),
        scale: placement.scale.and_then(finite),
        rotation: placement.rotation.and_then(finite),
        width: placement.width.and_then(finite),
    }
}

fn applied_reaction(applied: proto::MessageAppliedReaction) -> Option<MessageAppliedReaction> {
    Some(MessageAppliedReaction {
        message_guid: applied.message_guid,
        target_part_index: applied.target_part_index,
        reaction: reaction(applied.reaction?),
        sender: applied.sender.as_ref().map(Into::into),
        is_from_me: applied.is_from_me,
        date_created: time(applied.date_created)?,
    })
}

fn placed_sticker(placed: proto::MessagePlacedSticker) -> Option<MessagePlacedSticker> {
    Some(MessagePlacedSticker {
        message_guid: placed.message_guid,
        target_part_index: placed.target_part_index,
        sender: placed.sender.as_ref().map(Into::into),
        is_from_me: placed.is_from_me,
        date_created: time(placed.date_created)?,
        sticker: placed.sticker.map(attachment),
        placement: placed.placement.map(placement),
    })
}

fn item_type(item_type: i32) -> MessageItemType {
    match proto::MessageItemType::try_from(item_type) {
        Ok(proto::MessageItemType::Normal) => MessageItemType::Normal,
        Ok(proto::MessageItemType::ParticipantChange) => MessageItemType::ParticipantChange,
        Ok(proto::MessageItemType::GroupNameChange) => MessageItemType::GroupNameChange,
        Ok(proto::MessageItemType::ChatAction) => MessageItemType::ChatAction,
        Err(_) => MessageItemType::Unknown,
    }
}

fn companion_kind(kind: i32) -> CompanionKind {
    match proto::CompanionKind::try_from(kind) {
        Ok(proto::CompanionKind::LivePhotoVideo) => CompanionKind::LivePhotoVideo,
        _ => CompanionKind::Unknown,
    }
}

/// What is known of an attachment's companion.
#[must_use]
pub fn companion(info: proto::CompanionInfo) -> CompanionInfo {
    CompanionInfo {
        file_name: info.file_name,
        mime_type: info.mime_type,
        total_bytes: whole(info.total_bytes),
        kind: companion_kind(info.kind),
    }
}

/// An option of a poll.
#[must_use]
pub fn poll_option(option: proto::PollOption) -> PollOption {
    PollOption { text: option.text, option_identifier: option.option_identifier, creator_handle: option.creator_handle }
}

/// A poll. A vote without a person is none.
#[must_use]
pub fn poll(poll: proto::PollInfo) -> Poll {
    let vote = |vote: proto::PollParticipantVote| {
        Some(PollVote { option_identifier: vote.option_identifier, participant: (&vote.participant?).into() })
    };
    Poll {
        poll_message_guid: poll.poll_message_guid,
        chat_guid: poll.chat_guid,
        title: poll.title,
        options: poll.options.into_iter().map(poll_option).collect(),
        votes: poll.votes.into_iter().filter_map(vote).collect(),
    }
}
