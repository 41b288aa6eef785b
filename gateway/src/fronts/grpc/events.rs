//! From an event as the log holds it to the one of the wire. Everything that leaves over gRPC passes [`change`].

use bytes::Bytes;
use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::model::{EventContext, LiveEvent};
use prost::Message as _;

use crate::log::{EventKind, LoggedEvent};
use crate::service::convert::event::{Change, chat_change, group_change, message_change};
use crate::service::proto::CatchUpEventsResponse;
use crate::service::proto::catch_up_events_response::Payload;

/// Reads the public JSON. An event of a type that only a newer version knows keeps its place, chat and time, and says
/// nothing of what changed, as protobuf itself treats a new member of a `oneof`.
pub(super) fn change(event: &LoggedEvent) -> Result<Change, Error> {
    if let Some(proto) = &event.proto {
        return Ok(as_it_came(proto.clone()));
    }
    if let Ok(known) = serde_json::from_str::<LiveEvent>(&event.json) {
        return Ok((&known).into());
    }
    let context: EventContext = serde_json::from_str(&event.json).map_err(|error| {
        tracing::error!(%error, sequence = event.sequence, "an event of the log cannot be read");
        Error::new(ErrorCode::InternalError, "an event of the log cannot be read; the server's log says more")
            .with_context("sequence", event.sequence.to_string())
    })?;
    Ok(match event.kind {
        EventKind::Chat => Change::Chat(chat_change(&context, None)),
        EventKind::Message => Change::Message(Box::new(message_change(&context, None))),
        EventKind::Group => Change::Group(Box::new(group_change(&context, None))),
        // Of which poll it is cannot be told.
        EventKind::Poll | EventKind::Unknown => Change::Unknown,
    })
}

/// An event of another server: what this version knows of it goes out as it came in.
fn as_it_came(proto: Bytes) -> Change {
    match CatchUpEventsResponse::decode(proto).ok().and_then(|response| response.payload) {
        Some(Payload::ChatChanged(change)) => Change::Chat(change),
        Some(Payload::MessageChanged(change)) => Change::Message(Box::new(change)),
        Some(Payload::GroupChanged(change)) => Change::Group(Box::new(change)),
        Some(Payload::PollChanged(change)) => Change::Poll(Box::new(change)),
        Some(Payload::Complete(_) | Payload::Heartbeat(_)) | None => Change::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::proto::{
        ChatArchived, ChatBackgroundChanged, ChatBackgroundRemoved, ChatMarkedRead, ChatUnarchived, Timestamp,
        chat_change_event,
    };

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
            let Change::Chat(event) = change(&logged(EventKind::Chat, &json)).unwrap() else { panic!("{kind}") };
            assert_eq!(event.change, Some(member));
            assert_eq!((event.chat_guid.as_str(), event.is_from_me), ("any;-;a@b.c", true));
            assert_eq!(event.occurred_at, Some(Timestamp::from_millis(1_767_268_800_120)));
            assert_eq!(event.actor.unwrap().address, "a@b.c");
        }
    }

    #[test]
    fn a_type_of_a_newer_version_keeps_its_place() {
        let json = r#"{"type":"message.folded","chatGuid":"any;-;a@b.c","sequence":7,"isFromMe":false,"occurredAt":"2026-01-01T12:00:00Z","fold":1}"#;
        let Change::Message(event) = change(&logged(EventKind::Message, json)).unwrap() else { panic!("a message") };
        assert_eq!((event.chat_guid.as_str(), event.change), ("any;-;a@b.c", None));
        assert_eq!(change(&logged(EventKind::Chat, "{}")).unwrap_err().code, "internalError");
    }
}
