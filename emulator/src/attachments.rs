//! The files that are kept. Their bytes are beside the journal.

use std::sync::Arc;

use crate::entry::Attachment;
use crate::limits::{ATTACHMENT_LIMIT, MAX_ATTACHMENTS_BYTES};

/// Files by their place: the number of the entry that told of them. Copies share what is the same in them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Attachments {
    by_place: imbl::OrdMap<u64, Arc<Attachment>>,
    places: imbl::HashMap<Arc<str>, u64>,
    /// Bytes of all of them.
    bytes: u64,
}

impl Attachments {
    pub(crate) fn len(&self) -> usize {
        self.by_place.len()
    }

    /// The place of the newest one.
    pub(crate) fn last(&self) -> Option<u64> {
        self.by_place.get_max().map(|(place, _)| *place)
    }

    pub(crate) fn get(&self, guid: &str) -> Option<&Attachment> {
        self.by_place.get(self.places.get(guid)?).map(Arc::as_ref)
    }

    /// All of them with their places, the oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &Attachment)> {
        self.by_place.iter().map(|(place, attachment)| (*place, attachment.as_ref()))
    }

    /// The GUIDs of the oldest ones that have to go, so that one of so many bytes has room.
    pub(crate) fn too_many(&self, new: u64) -> Vec<&str> {
        let mut count = self.len().saturating_add(1);
        let mut bytes = self.bytes.saturating_add(new);
        let oldest = self.by_place.values().take_while(|attachment| {
            let goes = count > ATTACHMENT_LIMIT || bytes > MAX_ATTACHMENTS_BYTES;
            count = count.saturating_sub(1);
            bytes = bytes.saturating_sub(attachment.bytes());
            goes
        });
        oldest.map(|attachment| attachment.info.guid.as_str()).collect()
    }

    pub(crate) fn add(&mut self, place: u64, attachment: Attachment) {
        self.bytes = self.bytes.saturating_add(attachment.bytes());
        self.places.insert(attachment.info.guid.as_str().into(), place);
        self.by_place.insert(place, Arc::new(attachment));
    }

    pub(crate) fn forget(&mut self, guid: &str) {
        let gone = self.places.remove(guid).and_then(|place| self.by_place.remove(&place));
        self.bytes = self.bytes.saturating_sub(gone.map_or(0, |attachment| attachment.bytes()));
    }
}

impl Attachment {
    /// Its bytes, those of its companion included.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.info.total_bytes.saturating_add(self.companion.as_ref().map_or(0, |companion| companion.total_bytes))
    }
}
