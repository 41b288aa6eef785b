//! Which events a reader sees: of what it asked for, what its token allows.

use alloc::boxed::Box;

use super::kind::EventKind;
use crate::error::{Error, ErrorCode};
use crate::grant::{ChatSet, Grant, Scope};
use crate::model::{EventType, EventTypes};
use crate::wire::filter::Filter;
use crate::wire::frame::Topic;

/// Which events a reader sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFilter {
    /// Of which part of the log.
    pub topic: Topic,
    /// Of which chats.
    pub chats: ChatFilter,
    /// Of which types; absent = of every type, also of those that this version does not know.
    pub types: Option<EventTypes>,
}

/// The chats whose events a reader sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChatFilter {
    /// Every chat.
    All,
    /// The one that the reader asked for.
    One(Box<str>),
    /// Those that the reader asked for.
    Asked(ChatSet),
    /// Those that the reader's token is limited to.
    Granted(ChatSet),
}

impl EventFilter {
    /// Every event of a topic.
    #[must_use]
    pub const fn of(topic: Topic) -> Self {
        Self { topic, chats: ChatFilter::All, types: None }
    }

    /// What a reader with this grant sees who asked for this.
    ///
    /// # Errors
    /// `unauthorized` when the grant has no such topic, or is not for a chat that was asked for; `invalidArgument` when what was asked
    /// for means nothing.
    pub fn within(grant: &Grant, asked: &Filter) -> Result<Self, Error> {
        let types = asked.types.as_ref().map(|types| types.iter().filter_map(|name| EventType::parse(name)).collect());
        let chats = match (&asked.chat, &asked.chats, &grant.chats) {
            (Some(chat), ..) => ChatFilter::One(chat.as_str().into()),
            (None, Some(chats), _) => ChatFilter::Asked(ChatSet::parse(chats)?),
            (None, None, Some(chats)) => ChatFilter::Granted(chats.clone()),
            (None, None, None) => ChatFilter::All,
        };
        let filter = Self { topic: asked.topic, chats, types };
        filter.check(grant)?;
        Ok(filter)
    }

    /// The same, as a reader with a fresh grant sees it who has seen nothing yet.
    ///
    /// # Errors
    /// `unauthorized`, as [`EventFilter::within`].
    pub(super) fn renew(&mut self, grant: &Grant) -> Result<(), Error> {
        if let ChatFilter::All | ChatFilter::Granted(_) = self.chats {
            self.chats = grant.chats.clone().map_or(ChatFilter::All, ChatFilter::Granted);
        }
        self.check(grant)
    }

    /// Whether a grant allows all that this lets pass.
    ///
    /// # Errors
    /// `unauthorized`, saying what it does not allow.
    pub fn check(&self, grant: &Grant) -> Result<(), Error> {
        let scope = scope(self.topic);
        let is_less = match (&self.chats, &grant.chats) {
            (ChatFilter::One(chat), _) => return grant.check(scope, Some(chat)),
            (ChatFilter::Asked(chats), Some(_)) => {
                return chats.iter().try_for_each(|chat| grant.check(scope, Some(chat)));
            }
            (ChatFilter::All, Some(_)) => true,
            (ChatFilter::Granted(chats), Some(allowed)) => !allowed.covers(chats),
            (_, None) => false,
        };
        grant.check(scope, None)?;
        if is_less { Err(Error::new(ErrorCode::Unauthorized, "the fresh token is for fewer chats")) } else { Ok(()) }
    }

    /// Whether it lets an event pass: one of this kind, in this chat, with this JSON.
    #[must_use]
    pub fn admits(&self, kind: EventKind, chat: &str, json: &str) -> bool {
        kind.is_in(self.topic)
            && self.chats.admits(chat)
            && self.types.is_none_or(|types| types.meets(EventTypes::of_json(json)))
    }
}

impl ChatFilter {
    /// Whether it lets events of a chat pass.
    #[must_use]
    pub fn admits(&self, chat: &str) -> bool {
        match self {
            Self::All => true,
            Self::One(wanted) => **wanted == *chat,
            Self::Asked(chats) | Self::Granted(chats) => chats.contains(chat),
        }
    }
}

/// What a token must allow for a topic.
#[must_use]
pub const fn scope(topic: Topic) -> Scope {
    match topic {
        Topic::Chats => Scope::Events,
        Topic::All => Scope::EventsAll,
    }
}
