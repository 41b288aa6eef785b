//! The events that entries stand for.

use chrono::{DateTime, SecondsFormat};
use im_chats_protocol::model::{
    ChatArchived, ChatBackgroundChanged, ChatBackgroundRemoved, ChatEvent, ChatMarkedRead, ChatUnarchived, EventContext,
    GroupChange, GroupChanged, GroupDisplayNameChanged, GroupEvent, GroupIconChanged, GroupIconRemoved, GroupParticipantAdded,
    GroupParticipantLeft, GroupParticipantRemoved, LiveEvent, MessageEdited, MessageEvent, MessageReactionAdded,
    MessageReactionRemoved, MessageRead, MessageReceived, MessageUnsent, PollChanged, PollEvent, SingleServiceAddressInfo,
};
use im_chats_protocol::server::{EventKind, LoggedEvent};

use super::{Change, Entry, MessageChange};

impl Entry {
    /// The events this entry puts into the log, in order.
    ///
    /// # Errors
    /// When an event cannot be written as JSON, or a time lies outside the years 1 to 9999.
    pub fn events(&self) -> Result<Vec<LoggedEvent>, serde_json::Error> {
        let event = match self {
            Self::ChatCreated { .. } | Self::Answered { .. } | Self::Uploaded { .. } | Self::Forgotten { .. } => {
                return Ok(Vec::new());
            }
            Self::Generated { .. } => return self.generated(),
            Self::Message { sequence, at, chat, message, .. } => {
                let context = context(chat, *sequence, *at, message.sender.as_ref())?;
                // Who sent it is what the message says: an own one of an earlier journal has no sender either.
                let context = EventContext { is_from_me: message.is_from_me, ..context };
                let message = Box::new((**message).clone());
                LiveEvent::Message(MessageEvent::Received(MessageReceived { context, message }))
            }
            Self::Changed { sequence, at, chat, change, actor } => change.event(context(chat, *sequence, *at, actor.as_ref())?),
            Self::MessageChanged { sequence, at, chat, message, change, actor } => {
                let context = context(chat, *sequence, *at, actor.as_ref())?;
                LiveEvent::Message(change.event(context, message.clone(), rfc3339(*at)?))
            }
            Self::PollChanged { sequence, at, chat, poll, change, actor } => {
                let context = context(chat, *sequence, *at, actor.as_ref())?;
                let changed = PollChanged { context, poll_message_guid: poll.clone(), delta: change.clone() };
                LiveEvent::Poll(PollEvent::Changed(changed))
            }
        };
        Ok(vec![logged(&event)?])
    }

    fn generated(&self) -> Result<Vec<LoggedEvent>, serde_json::Error> {
        let Self::Generated { first, count, at, chats } = self else { return Ok(Vec::new()) };
        (0..*count)
            .zip(chats.iter().cycle())
            .map(|(index, toggle)| {
                let context = context(&toggle.chat, first.saturating_add(index), *at, None)?;
                let round = usize::try_from(index).unwrap_or(usize::MAX) / chats.len().max(1);
                let change = if toggle.is_archived_after(round) { Change::Unarchived } else { Change::Archived };
                logged(&change.event(context))
            })
            .collect()
    }
}

impl Change {
    fn event(&self, context: EventContext) -> LiveEvent {
        let group = |context, change| LiveEvent::Group(GroupEvent::Changed(GroupChanged { context, change }));
        match self {
            Self::BackgroundChanged(_) => LiveEvent::Chat(ChatEvent::BackgroundChanged(ChatBackgroundChanged { context })),
            Self::BackgroundRemoved => LiveEvent::Chat(ChatEvent::BackgroundRemoved(ChatBackgroundRemoved { context })),
            Self::MarkedRead => LiveEvent::Chat(ChatEvent::MarkedRead(ChatMarkedRead { context })),
            Self::Archived => LiveEvent::Chat(ChatEvent::Archived(ChatArchived { context })),
            Self::Unarchived => LiveEvent::Chat(ChatEvent::Unarchived(ChatUnarchived { context })),
            Self::DisplayNameChanged(name) => {
                group(context, GroupChange::DisplayNameChanged(GroupDisplayNameChanged { display_name: name.clone() }))
            }
            Self::ParticipantAdded(who) => {
                group(context, GroupChange::ParticipantAdded(GroupParticipantAdded { participant: who.clone() }))
            }
            Self::ParticipantRemoved(who) => {
                group(context, GroupChange::ParticipantRemoved(GroupParticipantRemoved { participant: who.clone() }))
            }
            Self::ParticipantLeft(who) => {
                group(context, GroupChange::ParticipantLeft(GroupParticipantLeft { participant: who.clone() }))
            }
            Self::IconChanged(_) => group(context, GroupChange::IconChanged(GroupIconChanged {})),
            Self::IconRemoved => group(context, GroupChange::IconRemoved(GroupIconRemoved {})),
        }
    }
}

impl MessageChange {
    fn event(&self, context: EventContext, message_guid: String, at: String) -> MessageEvent {
        match self {
            Self::Edited { content, .. } => {
                MessageEvent::Edited(MessageEdited { context, message_guid, content: (**content).clone(), edited_at: at })
            }
            Self::Unsent => MessageEvent::Unsent(MessageUnsent { context, message_guid, retracted_at: at }),
            Self::Read => MessageEvent::Read(MessageRead { context, message_guid, read_at: at }),
            Self::ReactionAdded(applied) => MessageEvent::ReactionAdded(MessageReactionAdded {
                context,
                message_guid,
                reaction: applied.reaction.clone(),
                target_part_index: applied.target_part_index,
            }),
            Self::ReactionRemoved(applied) => MessageEvent::ReactionRemoved(MessageReactionRemoved {
                context,
                message_guid,
                reaction: applied.reaction.clone(),
                target_part_index: applied.target_part_index,
            }),
        }
    }
}

fn context(
    chat: &str,
    sequence: u64,
    at: i64,
    actor: Option<&SingleServiceAddressInfo>,
) -> Result<EventContext, serde_json::Error> {
    Ok(EventContext {
        chat_guid: chat.to_owned(),
        sequence,
        is_from_me: actor.is_none(),
        occurred_at: rfc3339(at)?,
        actor: actor.cloned(),
    })
}

fn logged(event: &LiveEvent) -> Result<LoggedEvent, serde_json::Error> {
    let context = event.context();
    let kind = match event {
        LiveEvent::Message(_) => EventKind::Message,
        LiveEvent::Group(_) => EventKind::Group,
        LiveEvent::Poll(_) => EventKind::Poll,
        LiveEvent::Chat(_) | LiveEvent::Unknown(_) => EventKind::Chat,
    };
    Ok(LoggedEvent {
        sequence: context.sequence,
        kind,
        chat_guid: context.chat_guid.as_str().into(),
        json: serde_json::to_string(event)?.into(),
        proto: None,
    })
}

/// The documented form of a time in milliseconds since 1970.
pub(crate) fn rfc3339(at: i64) -> Result<String, serde_json::Error> {
    let time = DateTime::from_timestamp_millis(at).map(|time| time.to_rfc3339_opts(SecondsFormat::AutoSi, true));
    time.ok_or_else(|| serde::ser::Error::custom("a time out of range"))
}

/// The milliseconds since 1970 of a time that [`rfc3339`] wrote.
pub(crate) fn milliseconds(text: &str) -> Option<i64> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp_millis())
}
