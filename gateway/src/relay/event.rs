//! From the service's events to the documented ones.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::model::{EventContext, LiveEvent, Unknown, UnknownEvent};
use prost::Message;
use serde::Deserialize;

use super::frame::{RawEvent, field};
use super::merge;
use crate::log::{EventKind, LoggedEvent};
use crate::service::convert::event;
use crate::service::proto::{self, ChatChangeEvent, GroupChangeEvent, MessageChangeEvent, PollChangeEvent};

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
    let kind = match raw.field {
        field::MESSAGE => EventKind::Message,
        field::GROUP => EventKind::Group,
        field::POLL => EventKind::Poll,
        field::CHAT => EventKind::Chat,
        _ => EventKind::Unknown,
    };
    let (known, context) = match raw.field {
        field::MESSAGE => open(raw, event::message, |event: &MessageChangeEvent| {
            (&event.chat_guid, event.occurred_at, event.actor.as_ref(), event.is_from_me)
        }),
        field::GROUP => open(raw, event::group, |event: &GroupChangeEvent| {
            (&event.chat_guid, event.occurred_at, event.actor.as_ref(), event.is_from_me)
        }),
        field::POLL => open(raw, event::poll, |event: &PollChangeEvent| {
            (&event.chat_guid, event.occurred_at, event.actor.as_ref(), event.is_from_me)
        }),
        field::CHAT => open(raw, event::chat, |event: &ChatChangeEvent| {
            (&event.chat_guid, event.occurred_at, event.actor.as_ref(), event.is_from_me)
        }),
        _ => (None, None),
    };
    known.map(|event| (kind, event)).unwrap_or_else(|| {
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
        let event = UnknownEvent { context, about: about.to_owned(), data: STANDARD.encode(&raw.frame) };
        (EventKind::Unknown, LiveEvent::Unknown(Unknown::Event(event)))
    })
}

type Envelope<'a> = (&'a String, Option<proto::Timestamp>, Option<&'a proto::SingleServiceAddressInfo>, bool);

/// Opens an envelope: the event, when it is of a kind that is known, and what stands on the envelope, when it can be read.
fn open<P: Message + Default>(
    raw: &RawEvent,
    known: fn(P, EventContext) -> Option<LiveEvent>,
    envelope: fn(&P) -> Envelope<'_>,
) -> (Option<LiveEvent>, Option<EventContext>) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::proto::{CatchUpEventsResponse, Timestamp, catch_up_events_response::Payload};
    use crate::service::proto::{chat_change_event, group_change_event, message_change_event, poll_change_event};
    use serde_json::{Value, json};

    fn logged_from(payload: Payload) -> LoggedEvent {
        let frame = CatchUpEventsResponse { sequence: Some(7), payload: Some(payload) }.encode_to_vec();
        logged_bytes(frame)
    }

    fn logged_bytes(frame: Vec<u8>) -> LoggedEvent {
        let super::super::frame::Frame::Event(raw) = super::super::frame::catch_up(frame.into()).unwrap() else {
            panic!("no event")
        };
        logged(raw).unwrap()
    }

    fn json_of(event: &LoggedEvent) -> Value {
        // The documented types read it back to the same JSON: nothing in it is undocumented.
        let value: Value = serde_json::from_str(&event.json).unwrap();
        let typed: LiveEvent = serde_json::from_value(value.clone()).unwrap();
        assert_eq!(serde_json::to_value(typed).unwrap(), value);
        value
    }

    fn actor() -> Option<proto::SingleServiceAddressInfo> {
        Some(proto::SingleServiceAddressInfo { address: "a@b.c".to_owned(), service: 1, country: None })
    }

    fn with_context(mut event: Value) -> Value {
        for (key, value) in [
            ("chatGuid", json!("any;+;g")),
            ("sequence", json!(7)),
            ("isFromMe", json!(false)),
            ("occurredAt", json!("2026-01-01T12:00:00.120Z")),
            ("actor", json!({ "address": "a@b.c", "service": "iMessage" })),
        ] {
            event[key] = value;
        }
        event
    }

    const AT: Timestamp = Timestamp { seconds: 1_767_268_800, nanos: 120_000_000 };

    #[test]
    fn group_events_have_the_documented_form() {
        use group_change_event::Change;
        let participant = || actor();
        for (change, expected) in [
            (
                Change::DisplayNameChanged(proto::GroupDisplayNameChanged { display_name: "Us".to_owned() }),
                json!({ "type": "displayNameChanged", "displayName": "Us" }),
            ),
            (
                Change::ParticipantAdded(proto::GroupParticipantAdded { participant: participant() }),
                json!({ "type": "participantAdded", "participant": { "address": "a@b.c", "service": "iMessage" } }),
            ),
            (
                Change::ParticipantLeft(proto::GroupParticipantLeft { participant: participant() }),
                json!({ "type": "participantLeft", "participant": { "address": "a@b.c", "service": "iMessage" } }),
            ),
            (Change::IconChanged(proto::GroupIconChanged {}), json!({ "type": "iconChanged" })),
            (Change::IconRemoved(proto::GroupIconRemoved {}), json!({ "type": "iconRemoved" })),
        ] {
            let event = logged_from(Payload::GroupChanged(GroupChangeEvent {
                chat_guid: "any;+;g".to_owned(),
                occurred_at: Some(AT),
                actor: actor(),
                is_from_me: false,
                change: Some(change),
            }));
            assert_eq!(json_of(&event), with_context(json!({ "type": "group.changed", "change": expected })));
            assert_eq!((event.kind, &*event.chat_guid), (EventKind::Group, "any;+;g"));
        }
    }

    #[test]
    fn poll_events_have_the_documented_form() {
        use poll_change_event::Change;
        let options = vec![proto::PollOption {
            text: "Yes".to_owned(),
            option_identifier: "1".to_owned(),
            creator_handle: Some("a@b.c".to_owned()),
        }];
        let documented = json!([{ "text": "Yes", "optionIdentifier": "1", "creatorHandle": "a@b.c" }]);
        for (change, expected) in [
            (
                Change::Created(proto::PollCreated { title: "Go?".to_owned(), options: options.clone() }),
                json!({ "type": "created", "title": "Go?", "options": documented }),
            ),
            (
                Change::OptionAdded(proto::PollOptionAdded { title: "Go?".to_owned(), options }),
                json!({ "type": "optionAdded", "title": "Go?", "options": documented }),
            ),
            (
                Change::Voted(proto::PollVoted { option_identifier: "1".to_owned() }),
                json!({ "type": "voted", "optionIdentifier": "1" }),
            ),
            (
                Change::Unvoted(proto::PollUnvoted { option_identifier: "1".to_owned() }),
                json!({ "type": "unvoted", "optionIdentifier": "1" }),
            ),
        ] {
            let event = logged_from(Payload::PollChanged(PollChangeEvent {
                chat_guid: "any;+;g".to_owned(),
                poll_message_guid: "m".to_owned(),
                occurred_at: Some(AT),
                actor: actor(),
                is_from_me: false,
                change: Some(change),
            }));
            let expected = with_context(json!({ "type": "poll.changed", "pollMessageGuid": "m", "delta": expected }));
            assert_eq!((event.kind, json_of(&event)), (EventKind::Poll, expected));
        }
    }

    #[test]
    fn message_events_have_the_documented_form() {
        use message_change_event::Change;
        let reaction = || Some(proto::MessageReaction { kind: 6, emoji: Some("🎉".to_owned()) });
        let content = || proto::MessageContent { text: Some("new".to_owned()), ..proto::MessageContent::default() };
        let guid = || "m".to_owned();
        for (change, expected) in [
            (
                Change::MessageEdited(proto::MessageEdited {
                    message_guid: guid(),
                    content: Some(content()),
                    edited_at: Some(AT),
                }),
                json!({
                    "type": "message.edited", "editedAt": "2026-01-01T12:00:00.120Z",
                    "content": { "text": "new", "attachments": [], "formatting": [], "mentions": [] }
                }),
            ),
            (
                Change::MessageRead(proto::MessageRead { message_guid: guid(), read_at: Some(AT) }),
                json!({ "type": "message.read", "readAt": "2026-01-01T12:00:00.120Z" }),
            ),
            (
                Change::MessageUnsent(proto::MessageUnsent { message_guid: guid(), retracted_at: Some(AT) }),
                json!({ "type": "message.unsent", "retractedAt": "2026-01-01T12:00:00.120Z" }),
            ),
            (
                Change::ReactionAdded(proto::MessageReactionAdded {
                    message_guid: guid(),
                    target_part_index: Some(1),
                    reaction: reaction(),
                }),
                json!({
                    "type": "message.reactionAdded", "targetPartIndex": 1, "reaction": { "kind": "emoji", "emoji": "🎉" }
                }),
            ),
            (
                Change::ReactionRemoved(proto::MessageReactionRemoved {
                    message_guid: guid(),
                    target_part_index: None,
                    reaction: Some(proto::MessageReaction { kind: 99, emoji: None }),
                }),
                json!({ "type": "message.reactionRemoved", "reaction": { "kind": "unknown" } }),
            ),
            (
                Change::StickerPlaced(proto::StickerPlaced {
                    message_guid: guid(),
                    target_part_index: None,
                    sticker: None,
                    placement: Some(proto::StickerPlacement {
                        x: 0.5,
                        y: f64::NAN,
                        scale: Some(f64::INFINITY),
                        ..proto::StickerPlacement::default()
                    }),
                }),
                json!({ "type": "message.stickerPlaced", "placement": { "x": 0.5, "y": 0.0 } }),
            ),
        ] {
            let event = logged_from(Payload::MessageChanged(MessageChangeEvent {
                chat_guid: "any;+;g".to_owned(),
                occurred_at: Some(AT),
                actor: actor(),
                is_from_me: false,
                change: Some(change),
            }));
            let mut expected = with_context(expected);
            expected["messageGuid"] = json!("m");
            assert_eq!((event.kind, json_of(&event)), (EventKind::Message, expected));
        }
    }

    #[test]
    fn what_cannot_be_read_is_an_opaque_event_with_what_is_known_of_it() {
        // A change of a kind that a newer service has: the envelope is known, and the bytes are there.
        let newer = logged_from(Payload::ChatChanged(ChatChangeEvent {
            chat_guid: "any;+;g".to_owned(),
            occurred_at: Some(AT),
            actor: actor(),
            is_from_me: false,
            change: None,
        }));
        let data = STANDARD.encode(newer.proto.as_ref().unwrap());
        let expected = with_context(json!({ "type": "unknown", "about": "chat", "data": data }));
        assert_eq!((newer.kind, json_of(&newer)), (EventKind::Unknown, expected));
        // A kind of event that nobody knows, one whose text is not UTF-8, one that is cut short, and one without a time.
        for (frame, about) in [
            (vec![0x08, 7, 0xd2, 0x02, 2, 0xff, 0xfe], "other"),
            (vec![0x08, 7, 0x52, 3, 0x0a, 1, 0xff], "message"),
            (vec![0x08, 7, 0x5a, 2, 0x0a, 9], "group"),
            (vec![0x08, 7, 0x62, 0], "poll"),
            (vec![0x08, 7], "other"),
        ] {
            let data = STANDARD.encode(&frame);
            let event = logged_bytes(frame);
            let expected = json!({
                "type": "unknown", "about": about, "chatGuid": "", "sequence": 7, "isFromMe": false, "occurredAt": "", "data": data
            });
            assert_eq!((event.kind, json_of(&event)), (EventKind::Unknown, expected), "{about}");
        }
    }

    #[test]
    fn an_event_is_the_same_when_chat_and_time_are() {
        use merge::Event as _;
        let event = |at: Timestamp, chat: &str| {
            logged_from(Payload::ChatChanged(ChatChangeEvent {
                chat_guid: chat.to_owned(),
                occurred_at: Some(at),
                change: Some(chat_change_event::Change::Archived(proto::ChatArchived {})),
                ..ChatChangeEvent::default()
            }))
        };
        let known = event(AT, "any;+;g");
        // A server that learnt the actor's country, or a relay from before the bytes were kept.
        assert!(known.is_same(&LoggedEvent { proto: None, ..known.clone() }));
        assert!(!known.is_same(&event(Timestamp { nanos: 0, ..AT }, "any;+;g")));
        assert!(!known.is_same(&event(AT, "any;+;h")));
    }
}
