//! Events of a chat, and the union of all events of the log.

use alloc::boxed::Box;
use alloc::string::String;
use serde::{Deserialize, Serialize};

use super::{EventContext, GroupEvent, MessageEvent, PollEvent};

/// A custom background was set or replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct ChatBackgroundChanged {
    /// Chat, sequence, time.
    #[serde(flatten)]
    pub context: EventContext,
}

/// The custom background was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct ChatBackgroundRemoved {
    /// Chat, sequence, time.
    #[serde(flatten)]
    pub context: EventContext,
}

/// The chat's unread count went to zero.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct ChatMarkedRead {
    /// Chat, sequence, time.
    #[serde(flatten)]
    pub context: EventContext,
}

/// The chat was archived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct ChatArchived {
    /// Chat, sequence, time.
    #[serde(flatten)]
    pub context: EventContext,
}

/// The chat was taken out of the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct ChatUnarchived {
    /// Chat, sequence, time.
    #[serde(flatten)]
    pub context: EventContext,
}

tagged_union! {
    /// A change of a chat itself; `type` tells which.
    pub enum ChatEvent {
        /// A custom background was set or replaced.
        BackgroundChanged(ChatBackgroundChanged) = "chat.backgroundChanged",
        /// The custom background was removed.
        BackgroundRemoved(ChatBackgroundRemoved) = "chat.backgroundRemoved",
        /// The chat's unread count went to zero.
        MarkedRead(ChatMarkedRead) = "chat.markedRead",
        /// The chat was archived.
        Archived(ChatArchived) = "chat.archived",
        /// The chat was taken out of the archive.
        Unarchived(ChatUnarchived) = "chat.unarchived",
    }
}

impl ChatEvent {
    /// What every event carries.
    #[must_use]
    pub const fn context(&self) -> &EventContext {
        match self {
            Self::BackgroundChanged(event) => &event.context,
            Self::BackgroundRemoved(event) => &event.context,
            Self::MarkedRead(event) => &event.context,
            Self::Archived(event) => &event.context,
            Self::Unarchived(event) => &event.context,
        }
    }
}

/// An event that the server sent and this version does not know, so that it is not passed over in silence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct UnknownEvent {
    /// Chat, sequence, time; `chatGuid` and `occurredAt` are empty when the event does not say them where others do.
    #[serde(flatten)]
    pub context: EventContext,
    /// What it is about: `message`, `chat`, `group`, `poll`, or `other`.
    pub about: String,
    /// The event as the service sent it: a `CatchUpEventsResponse` of `photon.imessage.v1`, protobuf in base64.
    pub data: String,
}

type_tag!(UnknownEvent, "unknown");

impl UnknownEvent {
    /// Its `type`.
    pub const TAG: &'static str = "unknown";
}

/// An [`UnknownEvent`] with its tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Unknown {
    /// What is known of it.
    #[serde(rename = "unknown")]
    Event(UnknownEvent),
}

/// Any event of the durable log; `type` tells which.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(untagged)]
pub enum LiveEvent {
    /// A change of a chat.
    Chat(ChatEvent),
    /// A change of a message.
    Message(MessageEvent),
    /// A change of a group.
    Group(GroupEvent),
    /// A change of a poll.
    Poll(PollEvent),
    /// What this version does not know.
    Unknown(#[cfg_attr(feature = "typescript", tsify(type = "UnknownEvent"))] Unknown),
}

impl LiveEvent {
    /// What every event carries.
    #[must_use]
    pub const fn context(&self) -> &EventContext {
        match self {
            Self::Chat(event) => event.context(),
            Self::Message(event) => event.context(),
            Self::Group(GroupEvent::Changed(changed)) => &changed.context,
            Self::Poll(PollEvent::Changed(changed)) => &changed.context,
            Self::Unknown(Unknown::Event(event)) => &event.context,
        }
    }
}

/// The last thing a catch-up yields: everything up to `headSequence` was replayed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct CatchUpComplete {
    /// The log's head when the catch-up began: the sequence of the last event there was. At most 2^53 − 1.
    pub head_sequence: u64,
}

type_tag!(CatchUpComplete, "catchup.complete");

/// A [`CatchUpComplete`] with its tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Complete {
    /// The end.
    #[serde(rename = "catchup.complete")]
    CatchUp(CatchUpComplete),
}

/// What `events.catchUp` yields: every event after the cursor, then one `catchup.complete`; `type` tells which.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(untagged)]
pub enum CatchUpEvent {
    /// An event of the log.
    Event(Box<LiveEvent>),
    /// The end.
    Complete(#[cfg_attr(feature = "typescript", tsify(type = "CatchUpComplete"))] Complete),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{EventType, EventTypes};
    use serde_json::{Value, json};

    /// An event as it travels, with what every event carries.
    fn event(tag: &str, own: &Value) -> Value {
        let last = crate::number::MAX_SAFE_INTEGER;
        let mut event = json!({ "type": tag, "chatGuid": "g", "sequence": last, "isFromMe": false, "occurredAt": "t" });
        for (name, value) in own.as_object().unwrap() {
            event[name] = value.clone();
        }
        event
    }

    #[test]
    fn each_event_is_known_by_its_type_and_its_json_leads_back_to_it() {
        let who = json!({ "participant": { "address": "a@b.c", "service": "iMessage" } });
        let group = |tag: &str, own: &Value| {
            let mut change = own.clone();
            change["type"] = json!(tag);
            event("group.changed", &json!({ "change": change }))
        };
        let poll = |delta: Value| event("poll.changed", &json!({ "pollMessageGuid": "m", "delta": delta }));
        let reacted = json!({ "messageGuid": "m", "reaction": { "kind": "love" } });
        let message = json!({ "guid": "m", "chatGuids": ["g"], "content": {}, "isFromMe": false, "dateCreated": "t" });
        let events = [
            event("chat.backgroundChanged", &json!({})),
            event("chat.backgroundRemoved", &json!({})),
            event("chat.markedRead", &json!({})),
            event("chat.archived", &json!({ "actor": { "address": "a@b.c", "service": "SMS" } })),
            event("chat.unarchived", &json!({})),
            event("message.received", &json!({ "message": message })),
            event("message.edited", &json!({ "messageGuid": "m", "content": { "text": "t" }, "editedAt": "t" })),
            event("message.read", &json!({ "messageGuid": "m", "readAt": "t" })),
            event("message.unsent", &json!({ "messageGuid": "m", "retractedAt": "t" })),
            event("message.reactionAdded", &reacted),
            event("message.reactionRemoved", &reacted),
            event("message.stickerPlaced", &json!({ "messageGuid": "m", "targetPartIndex": 0 })),
            group("displayNameChanged", &json!({ "displayName": "n" })),
            group("participantAdded", &who),
            group("participantRemoved", &who),
            group("participantLeft", &who),
            group("iconChanged", &json!({})),
            group("iconRemoved", &json!({})),
            poll(json!({ "type": "created", "title": "t", "options": [{ "text": "t", "optionIdentifier": "o" }] })),
            poll(json!({ "type": "optionAdded", "title": "t", "options": [] })),
            poll(json!({ "type": "voted", "optionIdentifier": "o" })),
            poll(json!({ "type": "unvoted", "optionIdentifier": "o" })),
            event("unknown", &json!({ "about": "other", "data": "" })),
        ];
        let mut seen = std::collections::BTreeSet::new();
        for json in events {
            let typed: CatchUpEvent = serde_json::from_value(json.clone()).unwrap_or_else(|error| panic!("{json}: {error}"));
            let CatchUpEvent::Event(event) = &typed else { panic!("{json}") };
            assert_eq!(event.context().chat_guid, "g", "{json}");
            assert_eq!(serde_json::to_value(&typed).unwrap(), json);
            // The tag comes first, and all of it is one object.
            let text = serde_json::to_string(&typed).unwrap();
            assert!(text.starts_with("{\"type\":"), "{json}");
            // So a filter of types finds it without reading on.
            let named = EventType::parse(json["type"].as_str().unwrap()).unwrap();
            assert_eq!(EventTypes::of_json(&text), EventTypes::default().with(named), "{json}");
            seen.insert(named);
        }
        assert_eq!(seen, EventType::all().map(|(one, _)| one).collect(), "an event of every type");
        let end = json!({ "type": "catchup.complete", "headSequence": 7 });
        let typed: CatchUpEvent = serde_json::from_value(end.clone()).unwrap();
        assert!(matches!(typed, CatchUpEvent::Complete(_)));
        assert_eq!(serde_json::to_value(&typed).unwrap(), end);
    }

    #[test]
    fn an_event_of_another_type_is_none() {
        for tag in ["chat.renamed", "catchup", ""] {
            let json = event(tag, &json!({ "about": "other", "data": "", "headSequence": 7 }));
            assert!(serde_json::from_value::<CatchUpEvent>(json).is_err(), "{tag}");
        }
    }
}
