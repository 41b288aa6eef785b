//! The bytes that travel beside a command, and where they are kept: an entry of the journal says that they are there, and the entry
//! that has no room for them is written with them.

use bytes::Bytes;
use im_chats_emulator::{Change, Entry};
#[cfg(feature = "server")]
use rusqlite::Transaction;

use crate::log::kind::Kind;
#[cfg(feature = "server")]
use crate::log::store::blob;

/// The bytes of an image or of a file, and those of the file's companion. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Beside {
    pub(crate) data: Bytes,
    pub(crate) companion: Bytes,
}

impl Beside {
    /// Those of one thing.
    pub(crate) fn one(data: Bytes) -> Self {
        Self { data, companion: Bytes::new() }
    }
}

/// What is to be done to one place: bytes to be put there with their media type, or all of them to be dropped.
#[derive(Debug, Clone)]
pub struct Deed {
    /// What the bytes are.
    pub kind: Kind,
    /// The GUID of the chat or of the attachment.
    pub owner: String,
    /// What is to be put there.
    pub put: Option<(String, Bytes)>,
}

impl Deed {
    /// What an entry stands for, with the bytes beside its command.
    pub(super) fn of(entry: &Entry, beside: &Beside) -> Vec<Self> {
        let put = |kind, owner: &str, mime: &str, data: &Bytes| Self {
            kind,
            owner: owner.to_owned(),
            put: Some((mime.to_owned(), data.clone())),
        };
        let drop = |kind, owner: &str| Self { kind, owner: owner.to_owned(), put: None };
        match entry {
            Entry::Changed { chat, change, .. } => match change {
                Change::BackgroundChanged(mime) => vec![put(Kind::Background, chat, mime, &beside.data)],
                Change::BackgroundRemoved => vec![drop(Kind::Background, chat)],
                Change::IconChanged(mime) => vec![put(Kind::Icon, chat, mime, &beside.data)],
                Change::IconRemoved => vec![drop(Kind::Icon, chat)],
                _ => Vec::new(),
            },
            Entry::Uploaded { attachment } => {
                let guid = &attachment.info.guid;
                let file = put(Kind::Attachment, guid, &attachment.info.mime_type, &beside.data);
                let companion = attachment.companion.iter();
                let companion = companion.map(|info| put(Kind::Companion, guid, &info.mime_type, &beside.companion));
                std::iter::once(file).chain(companion).collect()
            }
            Entry::Forgotten { attachments, .. } => {
                let both = |guid: &String| [drop(Kind::Attachment, guid), drop(Kind::Companion, guid)];
                attachments.iter().flat_map(both).collect()
            }
            _ => Vec::new(),
        }
    }

    #[cfg(feature = "server")]
    /// How many bytes are to be put.
    pub(super) fn bytes(&self) -> usize {
        self.put.as_ref().map_or(0, |(_, data)| data.len())
    }

    #[cfg(feature = "server")]
    pub(super) fn write(&self, transaction: &Transaction<'_>) -> Result<(), rusqlite::Error> {
        let place = self.kind.of(&self.owner);
        match &self.put {
            Some((mime, data)) => blob::put(transaction, place, mime, data),
            None => blob::remove(transaction, place),
        }
    }
}
