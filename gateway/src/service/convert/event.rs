//! Events, between the documented shapes and the wire's.

use im_chats_protocol::model::{
    ChatArchived, ChatBackgroundChanged, ChatBackgroundRemoved, ChatEvent, ChatMarkedRead, ChatUnarchived, EventContext,
    GroupChange, GroupChanged, GroupDisplayNameChanged, GroupEvent, GroupIconChanged, GroupIconRemoved, GroupParticipantAdded,
    GroupParticipantLeft, GroupParticipantRemoved, LiveEvent, MessageEdited, MessageEvent, MessageReactionAdded,
    MessageReactionRemoved, MessageRead, MessageReceived, MessageStickerPlaced, MessageUnsent, PollChangeDelta, PollChanged,
    PollCreated, PollEvent, PollOptionAdded, PollUnvoted, PollVoted,
};

use super::from_wire;
use crate::service::proto::{
    self, ChatChangeEvent, GroupChangeEvent, MessageChangeEvent, PollChangeEvent, SingleServiceAddressInfo, Timestamp,
};

/// An event, as protobuf.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A change of a chat.
    Chat(ChatChangeEvent),
    /// A change of a message.
    Message(Box<MessageChangeEvent>),
    /// A change of a group.
    Group(Box<GroupChangeEvent>),
    /// A change of a poll.
    Poll(Box<PollChangeEvent>),
    /// Something that this version does not know.
    Unknown,
}

impl From<&LiveEvent> for Change {
    fn from(event: &LiveEvent) -> Self {
        let context = event.context();
        match event {
            LiveEvent::Chat(event) => Self::Chat(chat_change(context, Some(to_chat(event)))),
            LiveEvent::Message(event) => Self::Message(Box::new(message_change(context, Some(to_message(event))))),
            LiveEvent::Group(GroupEvent::Changed(event)) => {
                Self::Group(Box::new(group_change(context, Some(to_group(&event.change)))))
            }
            LiveEvent::Poll(PollEvent::Changed(event)) => {
                let (occurred_at, actor) = when_and_who(context);
                Self::Poll(Box::new(PollChangeEvent {
                    chat_guid: context.chat_guid.clone(),
                    poll_message_guid: event.poll_message_guid.clone(),
                    occurred_at,
                    actor,
                    is_from_me: context.is_from_me,
                    change: Some(to_poll(&event.delta)),
                }))
            }
            LiveEvent::Unknown(_) => Self::Unknown,
        }
    }
}

/// A change of a chat; without one, only that something happened there.
#[must_use]
pub fn chat_change(context: &EventContext, change: Option<proto::chat_change_event::Change>) -> ChatChangeEvent {
    let (occurred_at, actor) = when_and_who(context);
    ChatChangeEvent { chat_guid: context.chat_guid.clone(), occurred_at, actor, is_from_me: context.is_from_me, change }
}

/// A change of a message; without one, only that something happened there.
#[must_use]
pub fn message_change(context: &EventContext, change: Option<proto::message_change_event::Change>) -> MessageChangeEvent {
    let (occurred_at, actor) = when_and_who(context);
    MessageChangeEvent { chat_guid: context.chat_guid.clone(), occurred_at, actor, is_from_me: context.is_from_me, change }
}

/// A change of a group; without one, only that something happened there.
#[must_use]
pub fn group_change(context: &EventContext, change: Option<proto::group_change_event::Change>) -> GroupChangeEvent {
    let (occurred_at, actor) = when_and_who(context);
    GroupChangeEvent { chat_guid: context.chat_guid.clone(), occurred_at, actor, is_from_me: context.is_from_me, change }
}

fn when_and_who(context: &EventContext) -> (Option<Timestamp>, Option<SingleServiceAddressInfo>) {
    (Timestamp::parse(&context.occurred_at), context.actor.as_ref().map(Into::into))
}

fn to_chat(event: &ChatEvent) -> proto::chat_change_event::Change {
    use proto::chat_change_event::Change;
    match event {
        ChatEvent::BackgroundChanged(_) => Change::BackgroundChanged(proto::ChatBackgroundChanged {}),
        ChatEvent::BackgroundRemoved(_) => Change::BackgroundRemoved(proto::ChatBackgroundRemoved {}),
        ChatEvent::MarkedRead(_) => Change::MarkedRead(proto::ChatMarkedRead {}),
        ChatEvent::Archived(_) => Change::Archived(proto::ChatArchived {}),
        ChatEvent::Unarchived(_) => Change::Unarchived(proto::ChatUnarchived {}),
    }
}

fn to_message(event: &MessageEvent) -> proto::message_change_event::Change {
    use proto::message_change_event::Change;
    match event {
        MessageEvent::Received(event) => {
            Change::MessageReceived(proto::MessageReceived { message: Some((&*event.message).into()) })
        }
        MessageEvent::Edited(event) => Change::MessageEdited(proto::MessageEdited {
            message_guid: event.message_guid.clone(),
            content: Some((&event.content).into()),
            edited_at: Timestamp::parse(&event.edited_at),
        }),
        MessageEvent::Read(event) => Change::MessageRead(proto::MessageRead {
            message_guid: event.message_guid.clone(),
            read_at: Timestamp::parse(&event.read_at),
        }),
        MessageEvent::Unsent(event) => Change::MessageUnsent(proto::MessageUnsent {
            message_guid: event.message_guid.clone(),
            retracted_at: Timestamp::parse(&event.retracted_at),
        }),
        MessageEvent::ReactionAdded(event) => Change::ReactionAdded(proto::MessageReactionAdded {
            message_guid: event.message_guid.clone(),
            target_part_index: event.target_part_index,
            reaction: Some((&event.reaction).into()),
        }),
        MessageEvent::ReactionRemoved(event) => Change::ReactionRemoved(proto::MessageReactionRemoved {
            message_guid: event.message_guid.clone(),
            target_part_index: event.target_part_index,
            reaction: Some((&event.reaction).into()),
        }),
        MessageEvent::StickerPlaced(event) => Change::StickerPlaced(proto::StickerPlaced {
            message_guid: event.message_guid.clone(),
            target_part_index: event.target_part_index,
            sticker: event.sticker.as_ref().map(Into::into),
            placement: event.placement.as_ref().map(Into::into),
        }),
    }
}

fn to_group(change: &GroupChange) -> proto::group_change_event::Change {
    use proto::group_change_event::Change;
    match change {
        GroupChange::DisplayNameChanged(change) => {
            Change::DisplayNameChanged(proto::GroupDisplayNameChanged { display_name: change.display_name.clone() })
        }
        GroupChange::ParticipantAdded(change) => {
            Change::ParticipantAdded(proto::GroupParticipantAdded { participant: Some((&change.participant).into()) })
        }
        GroupChange::ParticipantRemoved(change) => {
            Change::ParticipantRemoved(proto::GroupParticipantRemoved { participant: Some((&change.participant).into()) })
        }
        GroupChange::ParticipantLeft(change) => {
            Change::ParticipantLeft(proto::GroupParticipantLeft { participant: Some((&change.participant).into()) })
        }
        GroupChange::IconChanged(_) => Change::IconChanged(proto::GroupIconChanged {}),
        GroupChange::IconRemoved(_) => Change::IconRemoved(proto::GroupIconRemoved {}),
    }
}

fn to_poll(delta: &PollChangeDelta) -> proto::poll_change_event::Change {
    use proto::poll_change_event::Change;
    match delta {
        PollChangeDelta::Created(change) => Change::Created(proto::PollCreated {
            title: change.title.clone(),
            options: change.options.iter().map(Into::into).collect(),
        }),
        PollChangeDelta::OptionAdded(change) => Change::OptionAdded(proto::PollOptionAdded {
            title: change.title.clone(),
            options: change.options.iter().map(Into::into).collect(),
        }),
        PollChangeDelta::Voted(change) => {
            Change::Voted(proto::PollVoted { option_identifier: change.option_identifier.clone() })
        }
        PollChangeDelta::Unvoted(change) => {
            Change::Unvoted(proto::PollUnvoted { option_identifier: change.option_identifier.clone() })
        }
    }
}

/// The documented event about a chat; none when it is of a kind that this version does not know.
#[must_use]
pub fn chat(event: ChatChangeEvent, context: EventContext) -> Option<LiveEvent> {
    use proto::chat_change_event::Change;
    Some(LiveEvent::Chat(match event.change? {
        Change::BackgroundChanged(_) => ChatEvent::BackgroundChanged(ChatBackgroundChanged { context }),
        Change::BackgroundRemoved(_) => ChatEvent::BackgroundRemoved(ChatBackgroundRemoved { context }),
        Change::MarkedRead(_) => ChatEvent::MarkedRead(ChatMarkedRead { context }),
        Change::Archived(_) => ChatEvent::Archived(ChatArchived { context }),
        Change::Unarchived(_) => ChatEvent::Unarchived(ChatUnarchived { context }),
    }))
}

/// The documented event about a group, as [`chat`].
#[must_use]
pub fn group(event: GroupChangeEvent, context: EventContext) -> Option<LiveEvent> {
    use proto::group_change_event::Change;
    let change = match event.change? {
        Change::DisplayNameChanged(change) => {
            GroupChange::DisplayNameChanged(GroupDisplayNameChanged { display_name: change.display_name })
        }
        Change::ParticipantAdded(change) => {
            GroupChange::ParticipantAdded(GroupParticipantAdded { participant: (&change.participant?).into() })
        }
        Change::ParticipantRemoved(change) => {
            GroupChange::ParticipantRemoved(GroupParticipantRemoved { participant: (&change.participant?).into() })
        }
        Change::ParticipantLeft(change) => {
            GroupChange::ParticipantLeft(GroupParticipantLeft { participant: (&change.participant?).into() })
        }
        Change::IconChanged(_) => GroupChange::IconChanged(GroupIconChanged {}),
        Change::IconRemoved(_) => GroupChange::IconRemoved(GroupIconRemoved {}),
    };
    Some(LiveEvent::Group(GroupEvent::Changed(GroupChanged { context, change })))
}

/// The documented event about a poll, as [`chat`].
#[must_use]
pub fn poll(event: PollChangeEvent, context: EventContext) -> Option<LiveEvent> {
    use proto::poll_change_event::Change;
    let options = |options: Vec<proto::PollOption>| options.into_iter().map(from_wire::poll_option).collect();
    let delta = match event.change? {
        Change::Created(change) => {
            PollChangeDelta::Created(PollCreated { title: change.title, options: options(change.options) })
        }
        Change::OptionAdded(change) => {
            PollChangeDelta::OptionAdded(PollOptionAdded { title: change.title, options: options(change.options) })
        }
        Change::Voted(change) => PollChangeDelta::Voted(PollVoted { option_identifier: change.option_identifier }),
        Change::Unvoted(change) => PollChangeDelta::Unvoted(PollUnvoted { option_identifier: change.option_identifier }),
    };
    let changed = PollChanged { context, poll_message_guid: event.poll_message_guid, delta };
    Some(LiveEvent::Poll(PollEvent::Changed(changed)))
}

/// The documented event about a message, as [`chat`].
#[must_use]
pub fn message(event: MessageChangeEvent, context: EventContext) -> Option<LiveEvent> {
    use proto::message_change_event::Change;
    Some(LiveEvent::Message(match event.change? {
        Change::MessageReceived(change) => {
            MessageEvent::Received(MessageReceived { context, message: Box::new(from_wire::message(change.message?)?) })
        }
        Change::MessageEdited(change) => MessageEvent::Edited(MessageEdited {
            context,
            message_guid: change.message_guid,
            content: from_wire::content(change.content?),
            edited_at: change.edited_at?.to_rfc3339()?,
        }),
        Change::MessageRead(change) => MessageEvent::Read(MessageRead {
            context,
            message_guid: change.message_guid,
            read_at: change.read_at?.to_rfc3339()?,
        }),
        Change::MessageUnsent(change) => MessageEvent::Unsent(MessageUnsent {
            context,
            message_guid: change.message_guid,
            retracted_at: change.retracted_at?.to_rfc3339()?,
        }),
        Change::ReactionAdded(change) => MessageEvent::ReactionAdded(MessageReactionAdded {
            context,
            message_guid: change.message_guid,
            reaction: from_wire::reaction(change.reaction?),
            target_part_index: change.target_part_index,
        }),
        Change::ReactionRemoved(change) => MessageEvent::ReactionRemoved(MessageReactionRemoved {
            context,
            message_guid: change.message_guid,
            reaction: from_wire::reaction(change.reaction?),
            target_part_index: change.target_part_index,
        }),
        Change::StickerPlaced(change) => MessageEvent::StickerPlaced(MessageStickerPlaced {
            context,
            message_guid: change.message_guid,
            sticker: change.sticker.map(from_wire::attachment),
            placement: change.placement.map(from_wire::placement),
            target_part_index: change.target_part_index,
        }),
    }))
}
