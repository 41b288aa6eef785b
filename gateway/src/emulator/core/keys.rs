//! Idempotency keys: a write that comes again with its key is answered again, not done again.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use im_chats::error::{Error, ErrorCode};

use super::Answer;

/// How long a key is remembered, in milliseconds: a day.
pub const KEY_LIFETIME_MS: i64 = 24 * 60 * 60 * 1000;

/// How many keys are remembered at most; beyond it the oldest go first.
pub const KEY_LIMIT: usize = 65_536;

/// What identifies a write: the keys it came with, and what it asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// One or two keys, in no order. One namespace for all methods: a key names one write, whichever it is.
    pub keys: Vec<String>,
    /// SHA-256 of method and request, in hexadecimal.
    pub fingerprint: String,
}

#[derive(Debug, PartialEq)]
struct Remembered {
    fingerprint: Box<str>,
    at: i64,
    answer: Answer,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Keys {
    by_key: HashMap<Arc<str>, Arc<Remembered>>,
    by_age: VecDeque<(i64, Arc<str>)>,
}

impl Keys {
    /// The answer given before, if the write was done before.
    pub(super) fn find(&self, write: &Write, now: i64) -> Result<Option<Answer>, Error> {
        let mut found = None;
        for key in &write.keys {
            let Some(remembered) = self.by_key.get(key.as_str()).filter(|remembered| !expired(remembered.at, now)) else {
                continue;
            };
            if *remembered.fingerprint != *write.fingerprint {
                return Err(Error::new(
                    ErrorCode::DuplicateMessage,
                    "this idempotency key was already used for a different write; use a new key for a new write",
                )
                .with_context("idempotencyKey", key.clone()));
            }
            found = Some(remembered.answer.clone());
        }
        Ok(found)
    }

    pub(super) fn remember(&mut self, keys: &[String], fingerprint: &str, at: i64, answer: &Answer) {
        let remembered = Arc::new(Remembered { fingerprint: fingerprint.into(), at, answer: answer.clone() });
        for key in keys {
            let key: Arc<str> = key.as_str().into();
            self.by_key.insert(Arc::clone(&key), Arc::clone(&remembered));
            self.by_age.push_back((at, key));
        }
        while let Some((age, _)) = self.by_age.front()
            && (self.by_age.len() > KEY_LIMIT || expired(*age, at))
        {
            let Some((age, key)) = self.by_age.pop_front() else { break };
            // The key may have been used anew since: then its newer place in the queue counts.
            if self.by_key.get(&key).is_some_and(|remembered| remembered.at == age) {
                self.by_key.remove(&key);
            }
        }
    }
}

const fn expired(at: i64, now: i64) -> bool {
    now.saturating_sub(at) > KEY_LIFETIME_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(keys: &[&str], fingerprint: &str) -> Write {
        Write { keys: keys.iter().map(|key| (*key).to_owned()).collect(), fingerprint: fingerprint.to_owned() }
    }

    #[test]
    fn a_key_is_good_for_a_day_and_for_one_write() {
        let mut keys = Keys::default();
        keys.remember(&["a".into(), "b".into()], "f", 0, &Answer::Done);
        for key in ["a", "b"] {
            assert_eq!(keys.find(&write(&[key, "new"], "f"), KEY_LIFETIME_MS), Ok(Some(Answer::Done)));
            assert_eq!(keys.find(&write(&[key], "g"), 1).unwrap_err().code, "duplicateMessage");
        }
        assert_eq!(keys.find(&write(&["a"], "g"), KEY_LIFETIME_MS + 1), Ok(None));
    }

    #[test]
    fn memory_is_bounded() {
        let mut keys = Keys::default();
        for n in 0..KEY_LIMIT + 10 {
            keys.remember(&[n.to_string()], "f", 0, &Answer::Done);
        }
        assert_eq!((keys.by_key.len(), keys.by_age.len()), (KEY_LIMIT, KEY_LIMIT));
        assert_eq!(keys.find(&write(&["9"], "g"), 0), Ok(None));
        keys.remember(&["late".into()], "f", KEY_LIFETIME_MS + 1, &Answer::Done);
        assert_eq!((keys.by_key.len(), keys.by_age.len()), (1, 1));
    }
}
