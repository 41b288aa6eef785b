//! What a reader of the events alone believes.

use std::collections::{BTreeMap, BTreeSet};

use im_chats_protocol::model::LiveEvent;
use im_chats_protocol::server::{EventKind, LoggedEvent};

use super::*;

/// One chat, by its events.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Chats {
    chats: BTreeMap<String, Seen>,
    messages: BTreeMap<String, SeenMessage>,
    polls: BTreeMap<String, BTreeMap<String, String>>,
}

#[derive(Debug, Default, PartialEq)]
struct Seen {
    archived: bool,
    background: bool,
    unread: u32,
    icon: bool,
    name: Option<String>,
    has_left: bool,
    /// Who came and who went, counted.
    people: BTreeMap<String, i32>,
}

#[derive(Debug, Default, PartialEq)]
struct SeenMessage {
    text: Option<String>,
    retracted: bool,
    read: bool,
    tapbacks: BTreeSet<(String, i64, String)>,
}

impl Chats {
    /// Reads one event; what could not happen panics.
    pub(super) fn read(&mut self, event: &LoggedEvent) {
        let value: Value = serde_json::from_str(&event.json).unwrap();
        serde_json::from_str::<LiveEvent>(&event.json).unwrap();
        let kind = match value["type"].as_str().unwrap().split('.').next() {
            Some("chat") => EventKind::Chat,
            Some("message") => EventKind::Message,
            Some("group") => EventKind::Group,
            _ => EventKind::Poll,
        };
        assert_eq!(event.kind, kind, "{value}");
        let guid = event.chat_guid.to_string();
        let seen = self.chats.entry(guid.clone()).or_default();
        let who = value["actor"]["address"].as_str().unwrap_or(ACCOUNT).to_owned();
        assert_eq!(value["isFromMe"], value["actor"].is_null(), "{value}");
        let named = value["messageGuid"].as_str().unwrap_or_default().to_owned();
        let message = self.messages.entry(named);
        match value["type"].as_str().unwrap() {
            "chat.archived" => assert!(!std::mem::replace(&mut seen.archived, true)),
            "chat.unarchived" => assert!(std::mem::replace(&mut seen.archived, false)),
            "chat.backgroundChanged" => seen.background = true,
            "chat.backgroundRemoved" => assert!(std::mem::replace(&mut seen.background, false)),
            "chat.markedRead" => assert!(std::mem::take(&mut seen.unread) > 0),
            "message.received" => {
                assert!(!seen.archived, "a message never lands in the archive");
                assert!(!seen.has_left, "nothing comes from a group that the account left");
                seen.unread += u32::from(value["isFromMe"] == false);
                let text = value["message"]["content"]["text"].as_str().map(str::to_owned);
                let guid = value["message"]["guid"].as_str().unwrap().to_owned();
                let new = self.messages.insert(guid, SeenMessage { text, ..SeenMessage::default() });
                assert_eq!(new, None, "a message lands once");
            }
            "message.edited" => {
                let text = value["content"]["text"].as_str().map(str::to_owned);
                message.and_modify(|message| assert_ne!(std::mem::replace(&mut message.text, text.clone()), text));
            }
            "message.unsent" => {
                message.and_modify(|message| {
                    assert!(!message.retracted);
                    *message = SeenMessage { retracted: true, read: message.read, ..SeenMessage::default() };
                });
            }
            "message.read" => {
                message.and_modify(|message| assert!(!std::mem::replace(&mut message.read, true)));
            }
            added @ ("message.reactionAdded" | "message.reactionRemoved") => {
                let part = value["targetPartIndex"].as_i64().unwrap_or(0);
                let tapback = (who, part, value["reaction"].to_string());
                message.and_modify(|message| {
                    assert!(!message.retracted);
                    if added == "message.reactionAdded" {
                        let has_one = message.tapbacks.iter().any(|(other, on, _)| (other, *on) == (&tapback.0, part));
                        assert!(!has_one, "one tapback a person and bubble");
                        message.tapbacks.insert(tapback);
                    } else {
                        assert!(message.tapbacks.remove(&tapback));
                    }
                });
            }
            "group.changed" => seen.change(&value["change"]),
            "poll.changed" => {
                let poll = value["pollMessageGuid"].as_str().unwrap().to_owned();
                assert_eq!(self.messages.get(&poll).map(|message| message.retracted), Some(false), "a poll is a message");
                let option = value["delta"]["optionIdentifier"].as_str().unwrap_or_default().to_owned();
                let votes = self.polls.entry(poll).or_default();
                match value["delta"]["type"].as_str().unwrap() {
                    "created" | "optionAdded" => {}
                    "voted" => assert_ne!(votes.insert(who, option.clone()), Some(option)),
                    "unvoted" => assert_eq!(votes.remove(&who), Some(option)),
                    other => panic!("unknown change {other}"),
                }
            }
            other => panic!("unknown event {other}"),
        }
    }

    /// Compares with what the state says.
    pub(super) fn agree(&self, state: &State) {
        let nothing = Seen::default();
        for known in state.chats() {
            let chat = &known.chat;
            let seen = self.chats.get(&chat.guid).unwrap_or(&nothing);
            assert_eq!((seen.archived, Some(seen.unread)), (chat.is_archived, chat.unread_count), "{}", chat.guid);
            assert_eq!(
                (seen.background, seen.icon, seen.has_left),
                (known.background.is_some(), known.icon.is_some(), known.has_left)
            );
            assert!(seen.name.as_ref().is_none_or(|name| *name == chat.display_name));
            assert!(!chat.is_group || !chat.participants.is_empty());
            for (who, balance) in &seen.people {
                let is_in = chat.participants.iter().any(|known| known.address == *who);
                assert!(is_in || *balance <= 0, "{who} came and is not there");
                assert!(!is_in || *balance >= 0, "{who} went and is there");
            }
        }
        for (_, kept) in state.messages.iter() {
            let message = &kept.message;
            let seen = &self.messages[&message.guid];
            assert_eq!((&seen.text, seen.retracted), (&message.content.text, message.date_retracted.is_some()));
            assert!(!seen.read || message.date_read.is_some());
            let tapbacks: BTreeSet<_> = message
                .applied_reactions
                .iter()
                .flatten()
                .map(|applied| {
                    let who = applied.sender.as_ref().map_or(ACCOUNT, |who| &who.address).to_owned();
                    (who, i64::from(applied.target_part_index.unwrap_or(0)), json_text(&applied.reaction))
                })
                .collect();
            assert_eq!(seen.tapbacks, tapbacks);
        }
        for poll in state.polls.iter() {
            let votes: BTreeMap<_, _> =
                poll.votes.iter().map(|vote| (vote.participant.address.clone(), vote.option_identifier.clone())).collect();
            assert_eq!(votes.len(), poll.votes.len(), "one vote a person");
            assert_eq!(self.polls[&poll.poll_message_guid], votes);
        }
    }
}

fn json_text(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).unwrap().to_string()
}

impl Seen {
    fn change(&mut self, change: &Value) {
        let who = change["participant"]["address"].as_str().unwrap_or_default().to_owned();
        match change["type"].as_str().unwrap() {
            "displayNameChanged" => {
                let name = change["displayName"].as_str().map(str::to_owned);
                assert_ne!(std::mem::replace(&mut self.name, name.clone()), name);
            }
            "participantAdded" if who == ACCOUNT => assert!(std::mem::replace(&mut self.has_left, false)),
            "participantLeft" if who == ACCOUNT => assert!(!std::mem::replace(&mut self.has_left, true)),
            "participantAdded" => *self.people.entry(who).or_default() += 1,
            "participantRemoved" | "participantLeft" => *self.people.entry(who).or_default() -= 1,
            "iconChanged" => self.icon = true,
            "iconRemoved" => assert!(std::mem::replace(&mut self.icon, false)),
            other => panic!("unknown change {other}"),
        }
    }
}
