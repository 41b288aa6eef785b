//! What a token allows. The gateway's fronts and the server's session machine judge by it, so that no rule is written twice.
//!
//! May use: `error`, `model`.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use core::fmt;

use crate::error::{Error, ErrorCode};
use crate::model::ChatGuid;

/// Most chats that a token may be limited to. More of them would not fit into a token anyway, and each costs a look at every event.
pub const MAX_CHATS: usize = 100;

/// What is wrong with a limit to no chats or to more than [`MAX_CHATS`].
pub(crate) const EXPECTED_CHATS: &str = "expected 1 to 100 chat GUIDs; a token without `chats` is for every chat";

/// Why a token that is limited to chats has no scope that is about the whole account.
pub const NOT_FOR_ACCOUNT: &str = "a token that is limited to chats can neither create nor count";

/// One thing that a token may allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Reading chats, and listing them.
    ChatsRead,
    /// Changing chats: marking them read, typing, backgrounds, the contact card.
    ChatsWrite,
    /// Creating chats, or finding the one there is. Not with a token that is limited to chats.
    ChatsCreate,
    /// Counting all chats. Not with a token that is limited to chats.
    ChatsCount,
    /// Events about chats.
    Events,
    /// Events of every kind, messages included. It includes [`Scope::Events`].
    EventsAll,
    /// Reading messages, polls and attachments.
    MessagesRead,
    /// Sending and changing messages, reactions, polls and attachments.
    MessagesWrite,
    /// Changing groups: their name, people and icon.
    GroupsWrite,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 9] = [
        Self::ChatsRead,
        Self::ChatsWrite,
        Self::ChatsCreate,
        Self::ChatsCount,
        Self::Events,
        Self::EventsAll,
        Self::MessagesRead,
        Self::MessagesWrite,
        Self::GroupsWrite,
    ];

    /// Its name in a token.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ChatsRead => "chats:read",
            Self::ChatsWrite => "chats:write",
            Self::ChatsCreate => "chats:create",
            Self::ChatsCount => "chats:count",
            Self::Events => "events",
            Self::EventsAll => "events:all",
            Self::MessagesRead => "messages:read",
            Self::MessagesWrite => "messages:write",
            Self::GroupsWrite => "groups:write",
        }
    }

    /// Whether it is about the whole account, so that a token limited to chats never has it: who finds a chat by its addresses, or
    /// counts, learns of chats that are not their own.
    #[must_use]
    pub const fn is_of_account(self) -> bool {
        matches!(self, Self::ChatsCreate | Self::ChatsCount)
    }

    const fn bit(self) -> u16 {
        1 << self as u16
    }

    /// Its own bit, and those of the scopes that it includes.
    const fn bits(self) -> u16 {
        match self {
            Self::EventsAll => self.bit() | Self::Events.bit(),
            _ => self.bit(),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A set of scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scopes(u16);

impl Scopes {
    /// All of them.
    pub const ALL: Self = Self(0b1_1111_1111);

    /// None.
    pub const NONE: Self = Self(0);

    /// Reads the space-separated form of a token's `scope`.
    ///
    /// # Errors
    /// `invalidArgument` of the field `scope`, naming the one that is not known.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut scopes = Self::NONE;
        for name in text.split(' ').filter(|name| !name.is_empty()) {
            let Some(scope) = Scope::ALL.into_iter().find(|scope| scope.as_str() == name) else {
                let known = Scope::ALL.map(Scope::as_str).join(", ");
                return Err(Error::invalid("scope", ["there is no such scope; there are: ", &known].concat())
                    .with_context("value", name.to_owned()));
            };
            scopes = scopes.with(scope);
        }
        Ok(scopes)
    }

    /// The set with one more.
    #[must_use]
    pub const fn with(self, scope: Scope) -> Self {
        Self(self.0 | scope.bits())
    }

    /// Whether a scope is in it.
    #[must_use]
    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Whether nothing is in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        scopes.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for scope in Scope::ALL.into_iter().filter(|scope| self.contains(*scope)) {
            write!(formatter, "{separator}{scope}")?;
            separator = " ";
        }
        Ok(())
    }
}

/// The chats that a token is limited to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatSet(Arc<BTreeSet<String>>);

impl ChatSet {
    /// Reads the GUIDs of a token's `chats`. They are compared as they are once they are parsed, as those of calls and events are.
    ///
    /// # Errors
    /// `invalidArgument` of the field `chats`: one that is no GUID, none at all, or more than [`MAX_CHATS`].
    pub fn parse<T: AsRef<str>>(guids: &[T]) -> Result<Self, Error> {
        if guids.is_empty() || guids.len() > MAX_CHATS {
            return Err(Error::invalid("chats", EXPECTED_CHATS).with_context("count", guids.len().to_string()));
        }
        let parse = |guid: &T| ChatGuid::parse(guid.as_ref(), "chats").map(|guid| guid.as_str().to_owned());
        Ok(Self(Arc::new(guids.iter().map(parse).collect::<Result<_, _>>()?)))
    }

    /// Whether a chat is among them.
    #[must_use]
    pub fn contains(&self, chat: &str) -> bool {
        self.0.contains(chat)
    }

    /// Whether all of the others are among them, too.
    #[must_use]
    pub fn covers(&self, others: &Self) -> bool {
        Arc::ptr_eq(&self.0, &others.0) || self.0.is_superset(&others.0)
    }

    /// The GUIDs, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// What a good token allows, whose it is, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Whose token it is; absent = the operator's own, which may do everything.
    pub subject: Option<Arc<str>>,
    /// What it allows.
    pub scopes: Scopes,
    /// The chats it allows that for; absent = every chat.
    pub chats: Option<ChatSet>,
    /// When the token ends, in milliseconds from now; absent = never.
    pub expires_in_ms: Option<u64>,
}

impl Grant {
    /// That of the operator: everything, and for ever.
    pub const ADMIN: Self = Self { subject: None, scopes: Scopes::ALL, chats: None, expires_in_ms: None };

    /// Whether it is the operator's own.
    #[must_use]
    pub const fn is_admin(&self) -> bool {
        self.subject.is_none()
    }

    /// Whether it is the operator's own, which alone gives tokens to others and plays the other people of an emulator.
    ///
    /// # Errors
    /// `unauthorized` when it is not.
    pub fn check_operator(&self) -> Result<(), Error> {
        if self.is_admin() {
            Ok(())
        } else {
            Err(unauthorized("only the operator's own token may do this, never a signed one"))
        }
    }

    /// Whether a scope is allowed for a chat, or for the account as a whole.
    ///
    /// # Errors
    /// `unauthorized`, naming the scope or the chat.
    pub fn check(&self, scope: Scope, chat: Option<&str>) -> Result<(), Error> {
        if !self.scopes.contains(scope) {
            return Err(unauthorized("the token does not allow this: it lacks a scope").with_context("scope", scope.as_str()));
        }
        let Some(chats) = &self.chats else { return Ok(()) };
        if scope.is_of_account() {
            return Err(unauthorized(NOT_FOR_ACCOUNT).with_context("scope", scope.as_str()));
        }
        match chat {
            Some(chat) if !chats.contains(chat) => {
                Err(unauthorized("the token is not for this chat").with_context("chat", chat.to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// Whether a scope is allowed for the account as a whole.
    ///
    /// # Errors
    /// `unauthorized`, when the scope is lacking or the token is limited to chats.
    pub fn check_account(&self, scope: Scope) -> Result<(), Error> {
        self.check(scope, None)?;
        match self.chats {
            Some(_) => Err(unauthorized("a token that is limited to chats cannot do this: it is about the whole account")
                .with_context("scope", scope.as_str())),
            None => Ok(()),
        }
    }

    /// Whether what was found is in a chat of the token: one of `chats`, which are those that it is in. The refusal names none of them.
    ///
    /// # Errors
    /// `unauthorized`.
    pub fn check_found<'a>(&self, mut chats: impl Iterator<Item = &'a str>) -> Result<(), Error> {
        match &self.chats {
            Some(own) if !chats.any(|chat| own.contains(chat)) => Err(unauthorized("the token is for no chat that this is in")),
            _ => Ok(()),
        }
    }
}

/// A refusal of what a token does not allow.
pub(crate) fn unauthorized(message: &'static str) -> Error {
    Error::new(ErrorCode::Unauthorized, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_user(chats: Option<ChatSet>) -> Grant {
        Grant { subject: Some("user".into()), scopes: Scopes::ALL, chats, expires_in_ms: None }
    }

    #[test]
    fn a_set_of_scopes_is_written_as_it_is_read() {
        for text in [
            "",
            "chats:read",
            "chats:read events events:all",
            "chats:read chats:write chats:create chats:count events events:all messages:read messages:write groups:write",
        ] {
            assert_eq!(Scopes::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Scopes::parse("  events  chats:read events").unwrap().to_string(), "chats:read events");
        assert_eq!(Scopes::parse("events:all").unwrap().to_string(), "events events:all");
        assert_eq!(Scope::ALL.into_iter().collect::<Scopes>(), Scopes::ALL);
        for wrong in ["chat:read", "events:*", "Events", "chats:read,events"] {
            let error = Scopes::parse(wrong).unwrap_err();
            assert_eq!(error.context_value("field"), Some("scope"), "{wrong}");
        }
    }

    #[test]
    fn a_scope_allows_nothing_but_itself_and_all_events_include_those_about_chats() {
        for held in Scope::ALL {
            let grant = Grant { scopes: Scopes::NONE.with(held), ..of_user(None) };
            for asked in Scope::ALL {
                let included = held == asked || (held, asked) == (Scope::EventsAll, Scope::Events);
                assert_eq!(grant.check(asked, None).is_ok(), included, "{held} {asked}");
            }
        }
        assert!(Scope::ALL.into_iter().all(|scope| Grant::ADMIN.check(scope, Some("any;-;a")).is_ok()));
    }

    #[test]
    fn a_token_for_chats_is_for_no_other_chat_and_not_for_the_account() {
        let grant = of_user(Some(ChatSet::parse(&["any;-;alice@example.com", "any;+;g1"]).unwrap()));
        for scope in Scope::ALL {
            let allowed = !scope.is_of_account();
            assert_eq!(grant.check(scope, Some("any;-;alice@example.com")).is_ok(), allowed, "{scope}");
            assert_eq!(grant.check(scope, None).is_ok(), allowed, "{scope}");
            for other in ["any;-;alice@example.co", "any;-;alice@example.com2", "any;+;G1", ""] {
                assert_eq!(grant.check(scope, Some(other)).unwrap_err().code, "unauthorized", "{scope} {other}");
            }
        }
    }

    #[test]
    fn a_limit_to_chats_has_one_to_a_hundred_of_them() {
        let guids: Vec<_> = (0..=MAX_CHATS).map(|index| format!("any;+;g{index}")).collect();
        assert!(ChatSet::parse(&guids[..MAX_CHATS]).is_ok());
        for wrong in [&guids[..], &[], &["chat-1".to_owned()]] {
            assert_eq!(ChatSet::parse(wrong).unwrap_err().context_value("field"), Some("chats"));
        }
    }

    #[test]
    fn a_set_of_chats_covers_what_is_in_it() {
        let set = |guids: &[&str]| ChatSet::parse(guids).unwrap();
        let (one, two) = (set(&["any;+;a"]), set(&["any;+;a", "any;+;b"]));
        assert!(two.covers(&one) && two.covers(&two) && !one.covers(&two));
        assert_eq!(two.iter().collect::<Vec<_>>(), ["any;+;a", "any;+;b"]);
    }
}
