//! What is too large for a text, by what it is. Whoever keeps such bytes names them by this and their owner.

/// What the bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A chat's background.
    Background,
    /// A group's icon.
    Icon,
    /// A file.
    Attachment,
    /// The moving half of a live photo.
    Companion,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Background, Self::Icon, Self::Attachment, Self::Companion];

    /// Its name as text.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Background => "background",
            Self::Icon => "icon",
            Self::Attachment => "attachment",
            Self::Companion => "companion",
        }
    }

    /// The kind with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}
