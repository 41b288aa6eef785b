//! Which events a subscription asks for, and the rules of that. Both ends judge by them: the client before it sends anything, the
//! server whoever its client is.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use super::request::item;
use crate::error::Error;
use crate::limits::{MAX_STREAM_CHATS, MAX_STREAM_TYPES};
use crate::model::{ChatGuid, EventType};

/// What a server announces in `ready` when it knows the fields `chats` and `types` of a [`Filter`].
pub const FEATURE: &str = "filters";

/// Which part of the log a subscription sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Chat events only.
    Chats,
    /// Everything in the log.
    All,
}

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

    /// The filter with its chats as events name them, once each part of it means something.
    ///
    /// # Errors
    /// `invalidArgument`; `context.field` says which part means nothing, such as `chats[2]`.
    pub fn checked(mut self) -> Result<Self, Error> {
        if let Some(chat) = &mut self.chat {
            *chat = guid(chat, "chat".into())?;
        }
        if let Some(chats) = &mut self.chats {
            if chats.is_empty() || chats.len() > MAX_STREAM_CHATS {
                return Err(Error::invalid("chats", "expected 1 to 100 chat GUIDs"));
            }
            for (index, chat) in chats.iter_mut().enumerate() {
                *chat = guid(chat, item("chats", index))?;
            }
        }
        if let Some(types) = &self.types {
            if types.is_empty() || types.len() > MAX_STREAM_TYPES {
                return Err(Error::invalid("types", "expected 1 to 32 types of events"));
            }
            for (index, name) in types.iter().enumerate() {
                if EventType::parse(name).is_none() {
                    return Err(
                        Error::invalid(item("types", index), "no event has this type").with_context("value", name.clone())
                    );
                }
            }
        }
        Ok(self)
    }

    /// Whether its parts go together. Our client asks for nothing else, so this is for servers.
    ///
    /// # Errors
    /// `invalidArgument`, as [`Filter::checked`].
    pub fn check_together(&self) -> Result<(), Error> {
        if self.chat.is_some() && self.chats.is_some() {
            return Err(Error::invalid("chats", "a stream is of one chat or of a list of chats, not of both"));
        }
        let is_foreign =
            |name: &String| self.topic == Topic::Chats && !EventType::parse(name).is_some_and(EventType::is_of_chat);
        match self.types.iter().flatten().enumerate().find(|(_, name)| is_foreign(name)) {
            None => Ok(()),
            Some((index, name)) => {
                let message = "the topic chats has no events of this type; the topic all has them";
                Err(Error::invalid(item("types", index), message).with_context("value", name.clone()))
            }
        }
    }

    /// How many bytes its lists take in a frame, at most.
    #[must_use]
    pub fn list_bytes(&self) -> usize {
        let mut bytes: usize = 0;
        for text in [&self.chats, &self.types].into_iter().flatten().flatten() {
            for byte in text.bytes() {
                // What is escaped takes up to six.
                bytes = bytes.saturating_add(if byte < b' ' || byte == b'"' || byte == b'\\' { 6 } else { 1 });
            }
            // Its quotes and its comma.
            bytes = bytes.saturating_add(3);
        }
        bytes
    }
}

fn guid(text: &str, field: String) -> Result<String, Error> {
    ChatGuid::parse(text, field).map(|guid| guid.as_str().to_owned())
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
            let checked = filter.clone().checked().and_then(|filter| filter.check_together());
            let error = checked.expect_err(&format!("{filter:?}"));
            assert_eq!((&*error.code, error.context_value("field")), ("invalidArgument", Some(field)), "{filter:?}");
        }
        let message = |filter: Filter| filter.checked().unwrap_err().message.clone();
        let (chats, types) = (Filter { chats: texts(&[]), ..all() }, Filter { types: texts(&[]), ..all() });
        assert_eq!(message(chats), format!("chats: expected 1 to {MAX_STREAM_CHATS} chat GUIDs"));
        assert_eq!(message(types), format!("types: expected 1 to {MAX_STREAM_TYPES} types of events"));
    }

    #[test]
    fn an_unknown_type_is_refused_with_its_name() {
        let error = Filter { types: texts(&["message.Received"]), ..all() }.checked().unwrap_err();
        assert_eq!(
            (&*error.message, error.context_value("value")),
            ("types[0]: no event has this type", Some("message.Received"))
        );
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
    fn its_lists_take_no_more_bytes_than_are_counted() {
        let size = |filter: &Filter| {
            let filter = filter.clone();
            let subscribe = Subscribe { id: SubscriptionId::Number(1), filter, after: None, until: None, credit: 1 };
            ClientFrame::Subscribe(subscribe).write::<String>().len()
        };
        // The names of the two fields and their brackets; the last item of a list needs no comma.
        let names = r#","chats":[]"#.len() + r#","types":[]"#.len() - 2;
        let plain = Filter { chats: texts(&["any;+;é\u{7f}😀", ALICE]), types: texts(&["unknown"]), ..all() };
        assert_eq!(size(&plain), size(&all()) + plain.list_bytes() + names);
        let escaped = Filter { chats: texts(&["any;+;\"é\\\u{1}\t\n\u{1f}"]), ..plain };
        assert!(size(&escaped) <= size(&all()) + escaped.list_bytes() + names);
    }
}
