//! The chats in the order of their activity, and what asks for a page of them.

use std::ops::Bound;
use std::sync::Arc;

use im_chats_protocol::grant::ChatSet;
use im_chats_protocol::model::Chat;
use im_chats_protocol::wire::chat_list::{ChatPlace, PAGE_SIZE};

/// The chats by whether they are archived, then by activity, then by GUID. Copies share what is the same in them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ByActivity(imbl::OrdSet<Place>);

type Place = (bool, i64, Arc<str>);

/// What of a chat decides its place, beside its GUID.
pub(crate) type Rank = (bool, i64);

impl ByActivity {
    /// A chat that had one rank, if any, has another now.
    pub(crate) fn put(&mut self, guid: &str, before: Option<Rank>, after: Rank) {
        if before == Some(after) {
            return;
        }
        let guid: Arc<str> = guid.into();
        if let Some((archived, activity)) = before {
            self.0.remove(&(archived, activity, Arc::clone(&guid)));
        }
        self.0.insert((after.0, after.1, guid));
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The GUIDs of one of the two lists after a place, the newest first.
    pub(crate) fn after(&self, archived: bool, place: Option<&ChatPlace>) -> impl Iterator<Item = &Arc<str>> {
        let first: Place = (archived, i64::MIN, "".into());
        let end = match place {
            Some(place) => Bound::Excluded((archived, place.activity, place.guid.as_str().into())),
            None if archived => Bound::Unbounded,
            None => Bound::Excluded((true, i64::MIN, "".into())),
        };
        self.0.range((Bound::Included(first), end)).rev().map(|(_, _, guid)| guid)
    }
}

/// Which chats to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatQuery {
    /// The archived ones, and not the visible ones.
    pub archived: bool,
    /// How many at most.
    pub page_size: usize,
    /// Where the page before ended: its [`ChatPage::next_page_token`].
    pub page_token: Option<String>,
    /// Only these.
    pub within: Option<ChatSet>,
}

impl Default for ChatQuery {
    fn default() -> Self {
        Self { archived: false, page_size: PAGE_SIZE.0, page_token: None, within: None }
    }
}

/// Chats, the one in which something happened last first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ChatPage {
    /// The chats.
    pub chats: Vec<Arc<Chat>>,
    /// What gives the page after this one; absent when this is the last.
    pub next_page_token: Option<String>,
}
