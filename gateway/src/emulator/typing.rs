//! Who is typing. It is in no log and on no disk: whoever asks sees what is so now.

use std::collections::HashMap;

use parking_lot::Mutex;

/// How long somebody is seen typing who says no more, in milliseconds.
const LASTS_MS: u64 = 60_000;

/// Chats in which somebody was typing, beyond which those where nobody is any more are dropped.
const KEPT: usize = 64;

/// Who is typing in which chat.
#[derive(Debug, Default)]
pub(super) struct Typing(Mutex<Chats>);

#[derive(Debug, Default)]
struct Chats {
    by_guid: HashMap<String, Vec<(String, u64)>>,
    /// How many chats there may be before the next look at all of them.
    room: usize,
}

impl Typing {
    /// Somebody begins or ends. Times are milliseconds of a clock that does not go back.
    pub(super) fn set(&self, chat: &str, who: &str, is_typing: bool, now: u64) {
        let mut chats = self.0.lock();
        let people = chats.by_guid.entry(chat.to_owned()).or_default();
        people.retain(|(other, until)| other != who && *until > now);
        if is_typing {
            people.push((who.to_owned(), now.saturating_add(LASTS_MS)));
        }
        if chats.by_guid.len() > chats.room.max(KEPT) {
            chats.by_guid.retain(|_, people| people.iter().any(|(_, until)| *until > now));
            chats.room = chats.by_guid.len().saturating_mul(2);
        }
    }

    /// Who is typing in a chat, by address, in the order in which they began.
    pub(super) fn of(&self, chat: &str, now: u64) -> Vec<String> {
        let chats = self.0.lock();
        let people = chats.by_guid.get(chat).into_iter().flatten();
        people.filter(|(_, until)| *until > now).map(|(who, _)| who.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_ends_by_itself_or_when_it_is_said_and_leaves_nothing_behind() {
        let typing = Typing::default();
        typing.set("chat", "a@example.com", true, 0);
        typing.set("chat", "b@example.com", true, 0);
        typing.set("other", "a@example.com", true, 0);
        assert_eq!(typing.of("chat", 0), ["a@example.com", "b@example.com"]);
        typing.set("chat", "b@example.com", false, 0);
        assert_eq!(typing.of("chat", 0), ["a@example.com"]);
        typing.set("chat", "a@example.com", true, 40_000);
        let now = 80_000;
        assert_eq!((typing.of("chat", now), typing.of("other", now)), (vec!["a@example.com".to_owned()], Vec::new()));
        let now = now + LASTS_MS;
        assert!(typing.of("chat", now).is_empty());
        for chat in 0..1000 {
            typing.set(&chat.to_string(), "a@example.com", true, now + chat * 1000);
        }
        assert!(typing.0.lock().by_guid.len() <= 2 * KEPT + 60);
    }
}
