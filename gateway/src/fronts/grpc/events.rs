//! From an event as the log holds it to the one of the wire. Everything that leaves over gRPC passes [`Change::of`].

use bytes::Bytes;
use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::model::{ChatEvent, EventContext, LiveEvent, MessageEvent};

use prost::Message as _;

use crate::log::{EventKind, LoggedEvent};
use crate::service::proto::catch_up_events_response::Payload;
use crate::service::proto::{
    CatchUpEventsResponse, ChatArchived, ChatBackgroundChanged, ChatBackgroundRemoved, ChatChangeEvent, ChatMarkedRead,
    ChatUnarchived, GroupChangeEvent, MessageChangeEvent, MessageReceived, PollChangeEvent, SingleServiceAddressInfo,
    Timestamp, chat_change_event, message_change_event,
};

/// An event of the log, as protobuf.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Change {
    /// A change of a chat.
    Chat(ChatChangeEvent),
    /// A change of a message.
    Message(Box<MessageChangeEvent>),
    /// A change of a group.
    Group(Box<GroupChangeEvent>),
    /// A change of a poll.
    Poll(Box<PollChangeEvent>),
    /// Something that this version does not know; its sequence is sent all the same.
    Unknown,
}

impl Change {
    /// Reads the public JSON. An event of a type that only a newer version knows keeps its place, chat and time, and says
    /// nothing of what changed, as protobuf itself treats a new member of a `oneof`.
    pub(super) fn of(event: &LoggedEvent) -> Result<Self, Error> {
        if let Some(proto) = &event.proto {
            return Ok(Self::as_it_came(proto.clone()));
        }
        match serde_json::from_str::<LiveEvent>(&event.json) {
            Ok(LiveEvent::Chat(change)) => Ok(Self::Chat(chat(&change))),
            Ok(LiveEvent::Message(MessageEvent::Received(received))) => {
                // A message of the emulator's has nothing that its summary does not tell.
                let message = MessageReceived { message: Some((&received.message.summary()).into()) };
                let change = message_change_event::Change::MessageReceived(message);
                Ok(Self::Message(Box::new(message_change(&received.context, Some(change)))))
            }
            Err(_) => {
                let context: EventContext = serde_json::from_str(&event.json).map_err(|error| {
                    tracing::error!(%error, sequence = event.sequence, "an event of the log cannot be read");
                    Error::new(ErrorCode::InternalError, "an event of the log cannot be read; the server's log says more")
                        .with_context("sequence", event.sequence.to_string())
                })?;
                Ok(match event.kind {
                    EventKind::Chat => Self::Chat(chat_change(&context, None)),
                    EventKind::Message => Self::Message(Box::new(message_change(&context, None))),
                    EventKind::Group | EventKind::Poll | EventKind::Unknown => Self::Unknown,
                })
            }
            // Events of these kinds come from another server only, as protobuf.
            Ok(LiveEvent::Message(_) | LiveEvent::Group(_) | LiveEvent::Poll(_) | LiveEvent::Unknown(_)) => Ok(Self::Unknown),
        }
    }

    /// An event of another server: what this version knows of it goes out as it came in.
    fn as_it_came(proto: Bytes) -> Self {
        match CatchUpEventsResponse::decode(proto).ok().and_then(|response| response.payload) {
            Some(Payload::ChatChanged(change)) => Self::Chat(change),
            Some(Payload::MessageChanged(change)) => Self::Message(Box::new(change)),
            Some(Payload::GroupChanged(change)) => Self::Group(Box::new(change)),
            Some(Payload::PollChanged(change)) => Self::Poll(Box::new(change)),
            Some(Payload::Complete(_) | Payload::Heartbeat(_)) | None => Self::Unknown,
        }
    }
}

fn chat(event: &ChatEvent) -> ChatChangeEvent {
    use chat_change_event::Change;
    let change = match event {
        ChatEvent::BackgroundChanged(_) => Change::BackgroundChanged(ChatBackgroundChanged {}),
        ChatEvent::BackgroundRemoved(_) => Change::BackgroundRemoved(ChatBackgroundRemoved {}),
        ChatEvent::MarkedRead(_) => Change::MarkedRead(ChatMarkedRead {}),
        ChatEvent::Archived(_) => Change::Archived(ChatArchived {}),
        ChatEvent::Unarchived(_) => Change::Unarchived(ChatUnarchived {}),
    };
    chat_change(event.context(), Some(change))
}

fn chat_change(context: &EventContext, change: Option<chat_change_event::Change>) -> ChatChangeEvent {
    let (occurred_at, actor) = when_and_who(context);
    ChatChangeEvent { chat_guid: context.chat_guid.clone(), occurred_at, actor, is_from_me: context.is_from_me, change }
}

fn message_change(context: &EventContext, change: Option<message_change_event::Change>) -> MessageChangeEvent {
    let (occurred_at, actor) = when_and_who(context);
    MessageChangeEvent { chat_guid: context.chat_guid.clone(), occurred_at, actor, is_from_me: context.is_from_me, change }
}

fn when_and_who(context: &EventContext) -> (Option<Timestamp>, Option<SingleServiceAddressInfo>) {
    (Timestamp::parse(&context.occurred_at), context.actor.as_ref().map(Into::into))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logged(kind: EventKind, json: &str) -> LoggedEvent {
        LoggedEvent { sequence: 7, kind, chat_guid: "any;-;a@b.c".into(), json: json.into(), proto: None }
    }

    #[test]
    fn every_chat_event_has_its_member() {
        use chat_change_event::Change as Member;
        for (kind, member) in [
            ("chat.backgroundChanged", Member::BackgroundChanged(ChatBackgroundChanged {})),
            ("chat.backgroundRemoved", Member::BackgroundRemoved(ChatBackgroundRemoved {})),
            ("chat.markedRead", Member::MarkedRead(ChatMarkedRead {})),
            ("chat.archived", Member::Archived(ChatArchived {})),
            ("chat.unarchived", Member::Unarchived(ChatUnarchived {})),
        ] {
            let json = format!(
                r#"{{"type":"{kind}","chatGuid":"any;-;a@b.c","sequence":7,"isFromMe":true,"occurredAt":"2026-01-01T12:00:00.120Z","actor":{{"address":"a@b.c","service":"iMessage"}}}}"#
            );
            let Change::Chat(event) = Change::of(&logged(EventKind::Chat, &json)).unwrap() else { panic!("{kind}") };
            assert_eq!(event.change, Some(member));
            assert_eq!((event.chat_guid.as_str(), event.is_from_me), ("any;-;a@b.c", true));
            assert_eq!(event.occurred_at, Some(Timestamp::from_millis(1_767_268_800_120)));
            assert_eq!(event.actor.unwrap().address, "a@b.c");
        }
    }

    #[test]
    fn a_type_of_a_newer_version_keeps_its_place() {
        let json = r#"{"type":"message.folded","chatGuid":"any;-;a@b.c","sequence":7,"isFromMe":false,"occurredAt":"2026-01-01T12:00:00Z","fold":1}"#;
        let Change::Message(event) = Change::of(&logged(EventKind::Message, json)).unwrap() else { panic!("a message") };
        assert_eq!((event.chat_guid.as_str(), event.change), ("any;-;a@b.c", None));
        assert_eq!(Change::of(&logged(EventKind::Chat, "{}")).unwrap_err().code, "internalError");
    }
}
