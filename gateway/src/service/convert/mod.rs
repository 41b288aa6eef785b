//! Between the documented shapes and the wire's, in one place for the emulator, the relay and the fronts: `to_wire` has the conversions
//! that lose nothing as `From`, [`from_wire`] those that may find something missing, [`event`] both for events.

pub mod event;
pub mod from_wire;
mod to_wire;

use im_chats_protocol::model;

use crate::service::proto;

/// The wire's transport.
#[must_use]
pub const fn service_to_wire(service: model::ChatServiceType) -> proto::ChatServiceType {
    match service {
        model::ChatServiceType::Unknown => proto::ChatServiceType::Unspecified,
        model::ChatServiceType::IMessage => proto::ChatServiceType::Imessage,
        model::ChatServiceType::Sms => proto::ChatServiceType::Sms,
        model::ChatServiceType::Rcs => proto::ChatServiceType::Rcs,
    }
}

/// The documented transport.
#[must_use]
pub const fn service_from_wire(service: proto::ChatServiceType) -> model::ChatServiceType {
    match service {
        proto::ChatServiceType::Unspecified => model::ChatServiceType::Unknown,
        proto::ChatServiceType::Imessage => model::ChatServiceType::IMessage,
        proto::ChatServiceType::Sms => model::ChatServiceType::Sms,
        proto::ChatServiceType::Rcs => model::ChatServiceType::Rcs,
    }
}

impl From<&model::SingleServiceAddressInfo> for proto::SingleServiceAddressInfo {
    fn from(info: &model::SingleServiceAddressInfo) -> Self {
        Self { address: info.address.clone(), service: service_to_wire(info.service).into(), country: info.country.clone() }
    }
}

impl From<&model::MessageSummary> for proto::Message {
    fn from(message: &model::MessageSummary) -> Self {
        Self {
            guid: message.guid.clone(),
            content: Some(proto::MessageContent {
                text: message.content.text.clone(),
                expressive_send_style_id: message.content.expressive_send_style_id.clone(),
                ..proto::MessageContent::default()
            }),
            subject: message.subject.clone(),
            date_created: proto::Timestamp::parse(&message.date_created),
            date_read: message.date_read.as_deref().and_then(proto::Timestamp::parse),
            sender: message.sender.as_ref().map(Into::into),
            is_from_me: message.is_from_me,
            is_sent: message.is_from_me,
            is_delivered: message.is_from_me,
            chat_guids: message.chat_guids.clone(),
            ..Self::default()
        }
    }
}

impl From<&model::Chat> for proto::Chat {
    fn from(chat: &model::Chat) -> Self {
        Self {
            guid: chat.guid.clone(),
            chat_identifier: chat.chat_identifier.clone(),
            group_id: chat.group_id.clone(),
            display_name: (!chat.display_name.is_empty()).then(|| chat.display_name.clone()),
            is_group: chat.is_group,
            service: service_to_wire(chat.service).into(),
            is_archived: chat.is_archived,
            is_filtered: chat.is_filtered,
            unread_count: chat.unread_count.map(|count| i32::try_from(count).unwrap_or(i32::MAX)),
            participants: chat.participants.iter().map(Into::into).collect(),
            last_message: chat.last_message.as_ref().map(Into::into),
        }
    }
}

impl From<&proto::SingleServiceAddressInfo> for model::SingleServiceAddressInfo {
    fn from(info: &proto::SingleServiceAddressInfo) -> Self {
        Self { address: info.address.clone(), service: service_from_wire(info.service()), country: info.country.clone() }
    }
}

#[cfg(test)]
mod tests;
