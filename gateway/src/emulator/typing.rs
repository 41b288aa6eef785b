//! Who is typing. It is in no log and on no disk: whoever asks sees what is so now.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// How long somebody is seen typing who says no more.
const LASTS: Duration = Duration::from_secs(60);

/// Chats in which somebody was typing, beyond which those where nobody is any more are dropped.
const KEPT: usize = 64;

/// Who is typing in which chat.
#[derive(Debug, Default)]
pub(super) struct Typing(Mutex<Chats>);

#[derive(Debug, Default)]
struct Chats {
    by_guid: HashMap<String, Vec<(String, Instant)>>,
    /// How many chats there may be before the next look at all of them.
    room: usize,
}

impl Typing {
    /// Somebody begins or ends.
    pub(super) fn set(&self, chat: &str, who: &str, is_typing: bool) {
        let now = Instant::now();
        let mut chats = self.0.lock();
        let people = chats.by_guid.entry(chat.to_owned()).or_default();
        people.retain(|(other, until)| other != who && *until > now);
        if is_typing {
            people.push((who.to_owned(), now + LASTS));
        }
        if chats.by_guid.len() > chats.room.max(KEPT) {
            chats.by_guid.retain(|_, people| people.iter().any(|(_, until)| *until > now));
            chats.room = chats.by_guid.len().saturating_mul(2);
        }
    }

    /// Who is typing in a chat, by address, in the order in which they began.
    pub(super) fn of(&self, chat: &str) -> Vec<String> {
        let now = Instant::now();
        let chats = self.0.lock();
        let people = chats.by_guid.get(chat).into_iter().flatten();
        people.filter(|(_, until)| *until > now).map(|(who, _)| who.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn typing_ends_by_itself_or_when_it_is_said_and_leaves_nothing_behind() {
        let typing = Typing::default();
        typing.set("chat", "a@example.com", true);
        typing.set("chat", "b@example.com", true);
        typing.set("other", "a@example.com", true);
        assert_eq!(typing.of("chat"), ["a@example.com", "b@example.com"]);
        typing.set("chat", "b@example.com", false);
        assert_eq!(typing.of("chat"), ["a@example.com"]);
        tokio::time::advance(Duration::from_secs(40)).await;
        typing.set("chat", "a@example.com", true);
        tokio::time::advance(Duration::from_secs(40)).await;
        assert_eq!((typing.of("chat"), typing.of("other")), (vec!["a@example.com".to_owned()], Vec::new()));
        tokio::time::advance(LASTS).await;
        assert!(typing.of("chat").is_empty());
        for chat in 0..1000 {
            typing.set(&chat.to_string(), "a@example.com", true);
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert!(typing.0.lock().by_guid.len() <= 2 * KEPT + 60);
    }
}
