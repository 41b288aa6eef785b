//! What was noted of chats, so that the same is not written twice.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::service::proto::Chat;

/// Chats of which the last note is remembered; beyond it all of them are forgotten.
const MOST_NOTED: usize = 10_000;

/// What was noted of answers, by the chat's GUID.
#[derive(Debug, Clone, Default)]
pub struct Noted(Arc<Mutex<HashMap<String, Note>>>);

/// What was noted of one chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Note {
    /// The time of its last message, in milliseconds since 1970.
    last_message: Option<i64>,
    is_archived: bool,
}

impl Noted {
    /// Whether this is something new.
    pub(super) fn is_new(&self, chat: &Chat, last_message: Option<i64>) -> bool {
        let mut noted = self.0.lock();
        if noted.len() >= MOST_NOTED {
            noted.clear();
        }
        let now = Note { last_message, is_archived: chat.is_archived };
        noted.insert(chat.guid.clone(), now) != Some(now)
    }

    pub(super) fn forget(&self, guid: &str) {
        self.0.lock().remove(guid);
    }

    pub(super) fn forget_all(&self) {
        self.0.lock().clear();
    }
}
