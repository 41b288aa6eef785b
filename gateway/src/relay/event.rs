//! From the service's events to the documented ones.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use im_chats::error::{Error, ErrorCode};
use im_chats::model::{
    self, ChatEvent, EventContext, GroupChange, GroupChanged, GroupEvent, LiveEvent, MessageEdited, MessageEvent,
    MessageReacted, MessageRead, MessageReceived, MessageStickerPlaced, MessageUnsent, PollChangeDelta, PollChanged, PollEvent,
    UnknownChange, UnknownEvent,
};
use prost::Message;
use serde::Deserialize;

use super::frame::{RawEvent, field};
use super::merge;
use super::message;
use crate::log::{EventKind, LoggedEvent};
use crate::proto::{
    self, ChatChangeEvent, GroupChangeEvent, MessageChangeEvent, PollChangeEvent, chat_change_event, group_change_event,
    message_change_event, poll_change_event,
};

/// The event as our log holds it. What this version cannot read becomes an opaque event rather than nothing.
///
/// # Errors
/// `internalError` when it cannot be written as JSON.
pub fn logged(raw: RawEvent) -> Result<LoggedEvent, Error> {
    let (kind, event) = read(&raw);
    let json = serde_json::to_string(&event).map_err(|error| {
        Error::new(ErrorCode::InternalError, format!("an event of the upstream cannot be written: {error}"))
            .with_context("sequence", raw.sequence.to_string())
    })?;
    let chat_guid = event.context().chat_guid.as_str().into();
    Ok(LoggedEvent { sequence: raw.sequence, kind, chat_guid, json: json.into(), proto: Some(raw.frame) })
}

fn read(raw: &RawEvent) -> (EventKind, LiveEvent) {
    let (known, context) = match raw.field {
        field::MESSAGE => open(raw, message_event, |event: &MessageChangeEvent| {
            (&event.chat_guid, event.occurred_at, event.actor.as_ref(), event.is_from_me)
        }),
        field::GROUP => open(raw, group_event, |event: &GroupChangeEvent| {
            (&event.chat_guid, event.occurred_at, event.actor.as_ref(), event.is_from_me)
        }),
        field::POLL => open(raw, poll_event, |event: &PollChangeEvent| {
            (&event.chat_guid, event.occurred_at, event.actor.as_ref(), event.is_from_me)
        }),
        field::CHAT => open(raw, chat_event, |event: &ChatChangeEvent| {
            (&event.chat_guid, event.occurred_at, event.actor.as_ref(), event.is_from_me)
        }),
        _ => (None, None),
    };
    known.unwrap_or_else(|| {
        let about = match raw.field {
            field::MESSAGE => "message",
            field::GROUP => "group",
            field::POLL => "poll",
            field::CHAT => "chat",
            _ => "other",
        };
        let context = context.unwrap_or_else(|| EventContext {
            chat_guid: String::new(),
            sequence: raw.sequence,
            is_from_me: false,
            occurred_at: String::new(),
            actor: None,
        });
        let change = UnknownChange { context, about: about.to_owned(), data: STANDARD.encode(&raw.frame) };
        (EventKind::Unknown, LiveEvent::Unknown(UnknownEvent::Unknown(change)))
    })
}

type Envelope<'a> = (&'a String, Option<proto::Timestamp>, Option<&'a proto::SingleServiceAddressInfo>, bool);
type Known = (EventKind, LiveEvent);

/// Opens an envelope: the event, when it is of a kind that is known, and what stands on the envelope, when it can be read.
fn open<P: Message + Default>(
    raw: &RawEvent,
    known: fn(P, EventContext) -> Option<Known>,
    envelope: fn(&P) -> Envelope<'_>,
) -> (Option<Known>, Option<EventContext>) {
    let Ok(event) = P::decode(raw.payload.clone()) else { return (None, None) };
    let (chat_guid, occurred_at, actor, is_from_me) = envelope(&event);
    let context = EventContext {
        chat_guid: chat_guid.clone(),
        sequence: raw.sequence,
        is_from_me,
        occurred_at: occurred_at.as_ref().and_then(proto::Timestamp::to_rfc3339).unwrap_or_default(),
        actor: actor.map(Into::into),
    };
    // A documented event has a time; one without it is not one.
    let known = if context.occurred_at.is_empty() { None } else { known(event, context.clone()) };
    (known, Some(context))
}

fn chat_event(event: ChatChangeEvent, context: EventContext) -> Option<Known> {
    use chat_change_event::Change;
    let event = match event.change? {
        Change::BackgroundChanged(_) => ChatEvent::BackgroundChanged(context),
        Change::BackgroundRemoved(_) => ChatEvent::BackgroundRemoved(context),
        Change::MarkedRead(_) => ChatEvent::MarkedRead(context),
        Change::Archived(_) => ChatEvent::Archived(context),
        Change::Unarchived(_) => ChatEvent::Unarchived(context),
    };
    Some((EventKind::Chat, LiveEvent::Chat(event)))
}

fn group_event(event: GroupChangeEvent, context: EventContext) -> Option<Known> {
    use group_change_event::Change;
    let change = match event.change? {
        Change::DisplayNameChanged(change) => GroupChange::DisplayNameChanged { display_name: change.display_name },
        Change::ParticipantAdded(change) => GroupChange::ParticipantAdded { participant: (&change.participant?).into() },
        Change::ParticipantRemoved(change) => GroupChange::ParticipantRemoved { participant: (&change.participant?).into() },
        Change::ParticipantLeft(change) => GroupChange::ParticipantLeft { participant: (&change.participant?).into() },
        Change::IconChanged(_) => GroupChange::IconChanged,
        Change::IconRemoved(_) => GroupChange::IconRemoved,
    };
    Some((EventKind::Group, LiveEvent::Group(GroupEvent::Changed(GroupChanged { context, change }))))
}

fn poll_event(event: PollChangeEvent, context: EventContext) -> Option<Known> {
    use poll_change_event::Change;
    let options = |options: Vec<proto::PollOption>| options.into_iter().map(option).collect();
    let delta = match event.change? {
        Change::Created(change) => PollChangeDelta::Created { title: change.title, options: options(change.options) },
        Change::OptionAdded(change) => PollChangeDelta::OptionAdded { title: change.title, options: options(change.options) },
        Change::Voted(change) => PollChangeDelta::Voted { option_identifier: change.option_identifier },
        Change::Unvoted(change) => PollChangeDelta::Unvoted { option_identifier: change.option_identifier },
    };
    let changed = PollChanged { context, poll_message_guid: event.poll_message_guid, delta };
    Some((EventKind::Poll, LiveEvent::Poll(PollEvent::Changed(changed))))
}

fn option(option: proto::PollOption) -> model::PollOption {
    model::PollOption { text: option.text, option_identifier: option.option_identifier, creator_handle: option.creator_handle }
}

fn message_event(event: MessageChangeEvent, context: EventContext) -> Option<Known> {
    use message_change_event::Change;
    let event = match event.change? {
        Change::MessageReceived(change) => {
            MessageEvent::Received(Box::new(MessageReceived { context, message: message::message(change.message?)? }))
        }
        Change::MessageEdited(change) => MessageEvent::Edited(MessageEdited {
            context,
            message_guid: change.message_guid,
            content: message::content(change.content?),
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
        Change::ReactionAdded(change) => MessageEvent::ReactionAdded(MessageReacted {
            context,
            message_guid: change.message_guid,
            reaction: message::reaction(change.reaction?),
            target_part_index: change.target_part_index,
        }),
        Change::ReactionRemoved(change) => MessageEvent::ReactionRemoved(MessageReacted {
            context,
            message_guid: change.message_guid,
            reaction: message::reaction(change.reaction?),
            target_part_index: change.target_part_index,
        }),
        Change::StickerPlaced(change) => MessageEvent::StickerPlaced(MessageStickerPlaced {
            context,
            message_guid: change.message_guid,
            sticker: change.sticker.map(message::attachment),
            placement: change.placement.map(message::placement),
            target_part_index: change.target_part_index,
        }),
    };
    Some((EventKind::Message, LiveEvent::Message(event)))
}

/// What tells an event of one log from another's at the same place.
#[derive(Deserialize, PartialEq, Eq, Default)]
#[serde(rename_all = "camelCase", default)]
struct Identity<'a> {
    #[serde(borrow)]
    chat_guid: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow)]
    occurred_at: Option<std::borrow::Cow<'a, str>>,
}

impl Identity<'_> {
    fn of(event: &LoggedEvent) -> Identity<'_> {
        serde_json::from_str(&event.json).unwrap_or_default()
    }
}

impl merge::Event for LoggedEvent {
    fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Chat and time, which no server changes afterwards; or the very bytes, for an event that this version cannot read and
    /// another version could.
    fn is_same(&self, other: &Self) -> bool {
        self.sequence == other.sequence
            && ((self.proto.is_some() && self.proto == other.proto) || Identity::of(self) == Identity::of(other))
    }
}
