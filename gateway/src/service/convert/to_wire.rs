//! From the documented messages, attachments and polls to the wire's. What is not known is the wire's default.

use im_chats_protocol::model;

use crate::service::proto;

fn time(time: Option<&String>) -> Option<proto::Timestamp> {
    time.and_then(|time| proto::Timestamp::parse(time))
}

fn all<'a, M: 'a, W: From<&'a M>>(list: Option<&'a Vec<M>>) -> Vec<W> {
    list.into_iter().flatten().map(Into::into).collect()
}

fn bytes(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl From<&model::Message> for proto::Message {
    fn from(message: &model::Message) -> Self {
        Self {
            guid: message.guid.clone(),
            content: Some((&message.content).into()),
            subject: message.subject.clone(),
            date_created: proto::Timestamp::parse(&message.date_created),
            date_read: time(message.date_read.as_ref()),
            date_delivered: time(message.date_delivered.as_ref()),
            date_edited: time(message.date_edited.as_ref()),
            date_retracted: time(message.date_retracted.as_ref()),
            date_played: time(message.date_played.as_ref()),
            date_expressive_send_played: time(message.date_expressive_send_played.as_ref()),
            sender: message.sender.as_ref().map(Into::into),
            is_from_me: message.is_from_me,
            // An own message of a version that did not say so was sent all the same.
            is_sent: message.is_sent.unwrap_or(message.is_from_me),
            is_delivered: message.is_delivered.unwrap_or(message.is_from_me),
            is_delivered_quietly: message.is_delivered_quietly.unwrap_or_default(),
            did_notify_recipient: message.did_notify_recipient.unwrap_or_default(),
            send_error_code: message.send_error_code.unwrap_or_default(),
            is_audio_message: message.is_audio_message.unwrap_or_default(),
            is_auto_reply: message.is_auto_reply.unwrap_or_default(),
            is_system_message: message.is_system_message.unwrap_or_default(),
            is_forward: message.is_forward.unwrap_or_default(),
            is_delayed: message.is_delayed.unwrap_or_default(),
            is_spam: message.is_spam.unwrap_or_default(),
            data_detector_results_present: message.data_detector_results_present.unwrap_or_default(),
            is_archived: message.is_archived.unwrap_or_default(),
            is_service_message: message.is_service_message.unwrap_or_default(),
            is_corrupt: message.is_corrupt.unwrap_or_default(),
            is_expirable: message.is_expirable.unwrap_or_default(),
            share_status: message.share_status,
            share_direction: message.share_direction,
            item_type: item_type(message.item_type).into(),
            group_title: message.group_title.clone(),
            chat_action_type: message.chat_action_type,
            thread_originator_guid: message.thread_originator_guid.clone(),
            thread_originator_part: message.thread_originator_part.clone(),
            reply_to_guid: None,
            reply_target_guid: message.reply_target_guid.clone(),
            destination_caller_id: message.destination_caller_id.clone(),
            part_count: message.part_count,
            cached_room_names: message.cached_room_names.clone(),
            reaction_target_guid: message.reaction_target_guid.clone(),
            reaction_target_part_index: message.reaction_target_part_index,
            reaction: message.reaction.as_ref().map(Into::into),
            reaction_selected: message.reaction_selected,
            applied_reactions: all(message.applied_reactions.as_ref()),
            placed_stickers: all(message.placed_stickers.as_ref()),
            chat_guids: message.chat_guids.clone(),
        }
    }
}

const fn item_type(item_type: Option<model::MessageItemType>) -> proto::MessageItemType {
    match item_type {
        Some(model::MessageItemType::ParticipantChange) => proto::MessageItemType::ParticipantChange,
        Some(model::MessageItemType::GroupNameChange) => proto::MessageItemType::GroupNameChange,
        Some(model::MessageItemType::ChatAction) => proto::MessageItemType::ChatAction,
        Some(model::MessageItemType::Normal | model::MessageItemType::Unknown) | None => proto::MessageItemType::Normal,
    }
}

impl From<&model::MessageContent> for proto::MessageContent {
    fn from(content: &model::MessageContent) -> Self {
        Self {
            text: content.text.clone(),
            attachments: all(content.attachments.as_ref()),
            formatting: all(content.formatting.as_ref()),
            mentions: all(content.mentions.as_ref()),
            balloon_bundle_id: content.balloon_bundle_id.clone(),
            expressive_send_style_id: content.expressive_send_style_id.clone(),
            mini_app: content.mini_app.as_ref().map(Into::into),
        }
    }
}

impl From<&model::TextFormat> for proto::TextFormat {
    fn from(format: &model::TextFormat) -> Self {
        Self {
            r#type: format.style.clone(),
            start: format.start,
            length: format.length,
            effect_name: format.effect_name.clone(),
        }
    }
}

impl From<&model::MessageMention> for proto::MessageMention {
    fn from(mention: &model::MessageMention) -> Self {
        Self { address: mention.address.clone(), start: mention.start, length: mention.length }
    }
}

impl From<&model::MiniAppContent> for proto::MiniAppContent {
    fn from(app: &model::MiniAppContent) -> Self {
        Self {
            team_id: app.team_id.clone(),
            extension_bundle_id: app.extension_bundle_id.clone(),
            app_name: app.app_name.clone(),
            url: app.url.clone(),
            session_id: app.session_id.clone(),
            app_store_id: app.app_store_id.map(bytes),
            live: app.live,
            layout: app.layout.as_ref().map(|layout| proto::MiniAppLayoutInfo {
                caption: layout.caption.clone(),
                subcaption: layout.subcaption.clone(),
                trailing_caption: layout.trailing_caption.clone(),
                trailing_subcaption: layout.trailing_subcaption.clone(),
                image_title: layout.image_title.clone(),
                image_subtitle: layout.image_subtitle.clone(),
                summary: layout.summary.clone(),
            }),
        }
    }
}

impl From<&model::AttachmentInfo> for proto::AttachmentInfo {
    fn from(info: &model::AttachmentInfo) -> Self {
        use model::TransferState as State;
        let transfer_state = match info.transfer_state {
            State::Pending => proto::TransferState::Pending,
            State::Transferring => proto::TransferState::Transferring,
            State::Failed => proto::TransferState::Failed,
            State::Finished => proto::TransferState::Finished,
            State::Unknown => proto::TransferState::Unknown,
        };
        Self {
            guid: info.guid.clone(),
            original_guid: info.original_guid.clone(),
            file_name: info.file_name.clone(),
            mime_type: info.mime_type.clone(),
            uti: info.uti.clone(),
            total_bytes: bytes(info.total_bytes),
            is_outgoing: info.is_outgoing,
            transfer_state: transfer_state.into(),
            is_hidden: info.is_hidden,
            is_sticker: info.is_sticker,
            companion_kind: info.companion_kind.map(|kind| companion_kind(kind).into()),
        }
    }
}

const fn companion_kind(kind: model::CompanionKind) -> proto::CompanionKind {
    match kind {
        model::CompanionKind::LivePhotoVideo => proto::CompanionKind::LivePhotoVideo,
        model::CompanionKind::Unknown => proto::CompanionKind::Unspecified,
    }
}

impl From<&model::CompanionInfo> for proto::CompanionInfo {
    fn from(info: &model::CompanionInfo) -> Self {
        Self {
            file_name: info.file_name.clone(),
            mime_type: info.mime_type.clone(),
            total_bytes: bytes(info.total_bytes),
            kind: companion_kind(info.kind).into(),
        }
    }
}

impl From<&model::MessageReaction> for proto::MessageReaction {
    fn from(reaction: &model::MessageReaction) -> Self {
        use model::MessageReactionKind as Kind;
        let kind: i32 = match reaction.kind {
            Kind::Love => proto::MessageReactionKind::Love.into(),
            Kind::Like => proto::MessageReactionKind::Like.into(),
            Kind::Dislike => proto::MessageReactionKind::Dislike.into(),
            Kind::Laugh => proto::MessageReactionKind::Laugh.into(),
            Kind::Emphasize => proto::MessageReactionKind::Emphasize.into(),
            Kind::Question => proto::MessageReactionKind::Question.into(),
            Kind::Emoji => proto::MessageReactionKind::Emoji.into(),
            Kind::Sticker => proto::MessageReactionKind::Sticker.into(),
            // The first kind would be a heart. No number of the wire says that none is known.
            Kind::Unknown => -1,
        };
        Self { kind, emoji: reaction.emoji.clone() }
    }
}

impl From<&model::MessageAppliedReaction> for proto::MessageAppliedReaction {
    fn from(applied: &model::MessageAppliedReaction) -> Self {
        Self {
            message_guid: applied.message_guid.clone(),
            target_part_index: applied.target_part_index,
            reaction: Some((&applied.reaction).into()),
            sender: applied.sender.as_ref().map(Into::into),
            is_from_me: applied.is_from_me,
            date_created: proto::Timestamp::parse(&applied.date_created),
        }
    }
}

impl From<&model::MessagePlacedSticker> for proto::MessagePlacedSticker {
    fn from(placed: &model::MessagePlacedSticker) -> Self {
        Self {
            message_guid: placed.message_guid.clone(),
            target_part_index: placed.target_part_index,
            sender: placed.sender.as_ref().map(Into::into),
            is_from_me: placed.is_from_me,
            date_created: proto::Timestamp::parse(&placed.date_created),
            sticker: placed.sticker.as_ref().map(Into::into),
            placement: placed.placement.as_ref().map(Into::into),
        }
    }
}

impl From<&model::StickerPlacement> for proto::StickerPlacement {
    fn from(placement: &model::StickerPlacement) -> Self {
        Self { x: placement.x, y: placement.y, scale: placement.scale, rotation: placement.rotation, width: placement.width }
    }
}

impl From<&model::PollOption> for proto::PollOption {
    fn from(option: &model::PollOption) -> Self {
        Self {
            text: option.text.clone(),
            option_identifier: option.option_identifier.clone(),
            creator_handle: option.creator_handle.clone(),
        }
    }
}

impl From<&model::Poll> for proto::PollInfo {
    fn from(poll: &model::Poll) -> Self {
        let vote = |vote: &model::PollVote| proto::PollParticipantVote {
            participant: Some((&vote.participant).into()),
            option_identifier: vote.option_identifier.clone(),
        };
        Self {
            poll_message_guid: poll.poll_message_guid.clone(),
            chat_guid: poll.chat_guid.clone(),
            title: poll.title.clone(),
            options: poll.options.iter().map(Into::into).collect(),
            votes: poll.votes.iter().map(vote).collect(),
        }
    }
}
