//! Tokens, and what they allow. The oracle judges by this and never by the machine's own rules.

use im_chats_protocol::grant::{ChatSet, Grant, Scopes};
use im_chats_protocol::wire::frame::Topic;

use crate::log::{CHATS, Chats, Filter};

/// Every chat, also those that came after the token.
pub const EVERY_CHAT: Chats = Chats::MAX;

/// What a token allows, and whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rights {
    /// A script counts from the client's own.
    pub subject: u8,
    /// The events it allows; absent = none.
    pub topic: Option<Topic>,
    pub chats: Chats,
}

impl Rights {
    /// Whether a stream may be opened with them.
    pub fn allow(self, filter: Filter) -> bool {
        (self.topic == Some(Topic::All) || self.topic == Some(filter.topic))
            && filter.named().is_none_or(|chats| chats & !self.chats == 0)
    }

    /// Whether a stream that was opened with `before` may go on with them.
    pub fn still_allow(self, filter: Filter, before: Chats) -> bool {
        self.allow(filter) && (filter.named().is_some() || before & !self.chats == 0)
    }

    pub fn grant(self, expires_in_ms: Option<u64>) -> Grant {
        let scopes = match self.topic {
            None => "chats:read",
            Some(Topic::Chats) => "events",
            Some(Topic::All) => "events:all",
        };
        let guids: Vec<_> = (0..CHATS.len()).filter(|chat| self.chats & (1 << chat) != 0).map(|chat| CHATS[chat]).collect();
        Grant {
            subject: Some(self.subject.to_string().into()),
            scopes: Scopes::parse(scopes).unwrap_or(Scopes::NONE),
            chats: if self.chats == EVERY_CHAT { None } else { ChatSet::parse(&guids).ok() },
            expires_in_ms,
        }
    }
}

/// A token that is signed well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    pub rights: Rights,
    pub issued: u64,
    /// 0 = never.
    pub ends: u64,
}

impl Token {
    pub fn write(self) -> String {
        let Rights { subject, topic, chats } = self.rights;
        let topic = topic.map_or(0, |topic| if topic == Topic::All { 2 } else { 1 });
        format!("good {} {} {subject} {topic} {chats}", self.issued, self.ends)
    }

    /// `None` for a token that nobody signed.
    pub fn read(text: &str) -> Option<Self> {
        let numbers = text.strip_prefix("good ")?.split(' ').map(|part| part.parse().ok());
        let numbers: Option<Vec<u64>> = numbers.collect();
        let [issued, ends, subject, topic, chats] = numbers?[..] else { return None };
        let topic = [None, Some(Topic::Chats), Some(Topic::All)][topic as usize];
        Some(Self { rights: Rights { subject: subject as u8, topic, chats: chats as Chats }, issued, ends })
    }
}
