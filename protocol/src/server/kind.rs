//! What an event is about.

use crate::wire::filter::Topic;

/// What an event is about; a [`Topic`] selects by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// A change of a chat.
    Chat,
    /// A change of a message.
    Message,
    /// A change of a group: its name, its icon, its people.
    Group,
    /// A change of a poll.
    Poll,
    /// Something that only a newer version could tell.
    Unknown,
}

impl EventKind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [Self; 5] = [Self::Chat, Self::Message, Self::Group, Self::Poll, Self::Unknown];

    /// Its number, for a log that stores it.
    #[must_use]
    pub const fn number(self) -> i64 {
        self as i64
    }

    /// The kind with this number.
    #[must_use]
    pub fn from_number(number: i64) -> Option<Self> {
        usize::try_from(number).ok().and_then(|index| Self::ALL.get(index)).copied()
    }

    /// Whether a reader of `topic` sees events of this kind.
    #[must_use]
    pub const fn is_in(self, topic: Topic) -> bool {
        match topic {
            Topic::All => true,
            Topic::Chats => matches!(self, Self::Chat),
        }
    }
}
