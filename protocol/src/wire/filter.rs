//! Which events a subscription asks for, and the rules of that. Both ends judge by them: the client before it sends anything, the
//! server whoever its client is.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use super::frame::Topic;
use super::request::item;
use crate::error::Error;
use crate::limits::{MAX_STREAM_CHATS, MAX_STREAM_TYPES};
use crate::model::{ChatGuid, EventType, no_type};

/// What a server announces in `ready` when it knows the fields `chats` and `types` of a [`Filter`].
pub const FEATURE: &str = "filters";

/// Which events a subscription asks for. All that is given narrows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Of which part of the log.
    pub topic: Topic,
    /// Only this chat.
    pub chat: Option<String>,
    /// Only these chats. Not together with `chat`.
    pub chats: Option<Vec<String>>,
    /// Only events of these types.
    pub types: Option<Vec<String>>,
}

impl Filter {
    /// All events of a topic.
    #[must_use]
    pub const fn of(topic: Topic) -> Self {
        Self { topic, chat: None, chats: None, types: None }
    }

    /// Whether a server must announce [`FEATURE`] to be asked for it: another one would ignore a part of it, and show what it hides.
    #[must_use]
    pub const fn needs_feature(&self) -> bool {
        self.chats.is_some() || self.types.is_some()
    }

    /// The filter with its chats as events name them, once all of it means something.
    ///
    /// # Errors
    /// `invalidArgument`; `context.field` says which part means nothing, such as `chats[2]`.
    pub fn checked(mut self) -> Result<Self, Error> {
        if let Some(chat) = &mut self.chat {
            *chat = guid(chat, "chat".into())?;
        }
        if let Some(chats) = &mut self.chats {
            if self.chat.is_some() {
                return Err(Error::invalid("chats", "a stream is of one chat or of a list of chats, not of both"));
            }
            if chats.is_empty() || chats.len() > MAX_STREAM_CHATS {
                return Err(Error::invalid("chats", EXPECTED_CHATS));
            }
            for (index, chat) in chats.iter_mut().enumerate() {
                *chat = guid(chat, item("chats", index))?;
            }
        }
        if let Some(types) = &self.types {
            if types.is_empty() || types.len() > MAX_STREAM_TYPES {
                return Err(Error::invalid("types", EXPECTED_TYPES));
            }
            for (index, name) in types.iter().enumerate() {
                let Some(known) = EventType::parse(name) else {
                    return Err(no_type(item("types", index), name.clone()));
                };
                if self.topic == Topic::Chats && !known.is_of_chat() {
                    let message = "the topic chats has no events of this type; the topic all has them";
                    return Err(Error::invalid(item("types", index), message).with_context("value", name.clone()));
                }
            }
        }
        Ok(self)
    }

    /// How many bytes its lists take in a frame, at least.
    #[must_use]
    pub fn list_bytes(&self) -> usize {
        let texts = [&self.chats, &self.types].into_iter().flatten().flatten();
        texts.map(|text| text.chars().map(written).sum::<usize>().saturating_add(3)).sum()
    }
}

/// What is wrong with no chats or more than [`MAX_STREAM_CHATS`]; a test holds that it says so.
const EXPECTED_CHATS: &str = "expected 1 to 100 chat GUIDs; without them a stream is of every chat";

/// What is wrong with no types or more than [`MAX_STREAM_TYPES`].
const EXPECTED_TYPES: &str = "expected 1 to 32 types of events; without them a stream has events of every type";

fn guid(text: &str, field: String) -> Result<String, Error> {
    ChatGuid::parse(text, field).map(|guid| guid.as_str().to_owned())
}

/// How many bytes a character takes in the text of a JSON string.
const fn written(character: char) -> usize {
    match character {
        '"' | '\\' | '\u{8}' | '\t' | '\n' | '\u{c}' | '\r' => 2,
        '\0'..=' ' if character != ' ' => 6,
        _ => character.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::frame::{ClientFrame, Subscribe, SubscriptionId};

    const ALICE: &str = "any;-;alice@example.com";

    fn texts(list: &[&str]) -> Option<Vec<String>> {
        Some(list.iter().map(|text| (*text).to_owned()).collect())
    }

    fn all() -> Filter {
        Filter::of(Topic::All)
    }

    #[test]
    fn what_means_nothing_is_named_by_its_place() {
        let many = |count: usize, text: &str| Some(vec![text.to_owned(); count]);
        for (filter, field) in [
            (Filter { chat: Some("alice".into()), ..all() }, "chat"),
            (Filter { chats: texts(&[ALICE, "alice"]), ..all() }, "chats[1]"),
            (Filter { chats: texts(&[]), ..all() }, "chats"),
            (Filter { chats: many(101, ALICE), ..all() }, "chats"),
            (Filter { chat: Some(ALICE.into()), chats: texts(&[ALICE]), ..all() }, "chats"),
            (Filter { types: texts(&[]), ..all() }, "types"),
            (Filter { types: many(33, "unknown"), ..all() }, "types"),
            (Filter { types: texts(&["message.received", "unknown", "message"]), ..all() }, "types[2]"),
            (Filter { types: texts(&["chat.archived", "message.received"]), ..Filter::of(Topic::Chats) }, "types[1]"),
        ] {
            let error = filter.clone().checked().expect_err(&format!("{filter:?}"));
            assert_eq!((&*error.code, error.context_value("field")), ("invalidArgument", Some(field)), "{filter:?}");
        }
        assert!(
            EXPECTED_CHATS.contains(&format!(" {MAX_STREAM_CHATS} "))
                && EXPECTED_TYPES.contains(&format!(" {MAX_STREAM_TYPES} "))
        );
    }

    #[test]
    fn an_unknown_type_is_refused_with_the_types_there_are() {
        let error = Filter { types: texts(&["message.Received"]), ..all() }.checked().unwrap_err();
        assert!(error.message.starts_with("types[0]: there is no such type of event; there are: chat."), "{error}");
        assert!(error.message.ends_with(" poll.changed unknown"), "{error}");
        assert_eq!(error.context_value("value"), Some("message.Received"));
    }

    #[test]
    fn the_most_of_everything_is_taken_and_guids_lose_their_spaces() {
        let chats = vec![format!(" {ALICE} "); MAX_STREAM_CHATS];
        let types = vec!["group.changed".to_owned(); MAX_STREAM_TYPES];
        let checked = Filter { chats: Some(chats), types: Some(types.clone()), ..all() }.checked().unwrap();
        assert_eq!((checked.chats, checked.types), (Some(vec![ALICE.to_owned(); MAX_STREAM_CHATS]), Some(types)));
        let one = Filter { chat: Some(format!(" {ALICE}")), ..all() }.checked().unwrap();
        assert_eq!(one, Filter { chat: Some(ALICE.into()), ..all() });
        assert!(!one.needs_feature() && Filter { types: texts(&["unknown"]), ..all() }.needs_feature());
    }

    #[test]
    fn its_lists_take_as_many_bytes_as_are_counted() {
        let filter = Filter { chats: texts(&["any;+;\"é\\\u{1}\t\u{7f}😀", ALICE]), types: texts(&["unknown"]), ..all() };
        let id = SubscriptionId::Number(1);
        let size = |filter: &Filter| {
            let subscribe = Subscribe { id: id.clone(), filter: filter.clone(), after: None, until: None, credit: 1 };
            ClientFrame::Subscribe(subscribe).write::<String>().len()
        };
        // The names of the two fields, and their brackets with a comma each, of which the last item of a list needs none.
        let names = r#","chats":[]"#.len() + r#","types":[]"#.len() - 2;
        assert_eq!(size(&filter), size(&all()) + filter.list_bytes() + names);
    }
}
