//! Idempotency keys: a write that comes again with its key is answered again, not done again. The answers themselves stay in
//! the journal: they can be large, and most are never asked for again.

use std::sync::Arc;

use im_chats_protocol::error::{Error, ErrorCode};
use serde::{Deserialize, Serialize};

/// How long a key is remembered, in milliseconds: a day.
pub const KEY_LIFETIME_MS: i64 = 24 * 60 * 60 * 1000;

/// How many keys are remembered at most; beyond it the oldest go first.
pub const KEY_LIMIT: usize = 65_536;

/// How many bytes of keys are remembered at most; beyond it the oldest go first.
pub const KEY_BYTES: usize = 8 * 1024 * 1024;

/// What identifies a write: the keys it came with, and what it asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// One or two keys, in no order. One namespace for all methods: a key names one write, whichever it is.
    pub keys: Vec<String>,
    /// SHA-256 of method and request, in hexadecimal.
    pub fingerprint: String,
}

#[derive(Debug, Clone, PartialEq)]
struct Remembered {
    fingerprint: Arc<str>,
    at: i64,
    /// The number of the journal's entry that holds the answer.
    entry: u64,
}

/// A key in its place among the others, as a checkpoint has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgedKey {
    key: String,
    /// When it was used, in milliseconds since 1970.
    at: i64,
    /// What it names; absent where it was used again since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    names: Option<Named>,
}

/// A write that was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    fingerprint: String,
    /// The number of the journal's entry that holds the answer.
    entry: u64,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Keys {
    by_key: imbl::HashMap<Arc<str>, Remembered>,
    by_age: imbl::Vector<(i64, Arc<str>)>,
    /// Bytes of the keys in `by_age`.
    bytes: usize,
}

impl Keys {
    /// The number of the journal's entry that holds the answer given before, if the write was done before.
    pub(super) fn find(&self, write: &Write, now: i64) -> Result<Option<u64>, Error> {
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
            found = Some(remembered.entry);
        }
        Ok(found)
    }

    pub(super) fn remember(&mut self, keys: &[String], fingerprint: &str, at: i64, entry: u64) {
        let remembered = Remembered { fingerprint: fingerprint.into(), at, entry };
        for key in keys {
            let key: Arc<str> = key.as_str().into();
            self.by_key.insert(Arc::clone(&key), remembered.clone());
            self.bytes = self.bytes.saturating_add(key.len());
            self.by_age.push_back((at, key));
        }
        while let Some((age, _)) = self.by_age.front()
            && (self.by_age.len() > KEY_LIMIT || self.bytes > KEY_BYTES || expired(*age, at))
        {
            let Some((age, key)) = self.by_age.pop_front() else { break };
            self.bytes = self.bytes.saturating_sub(key.len());
            // The key may have been used again since: then its newer place in the queue counts.
            if self.by_key.get(&key).is_some_and(|remembered| remembered.at == age) {
                self.by_key.remove(&key);
            }
        }
    }

    /// All of them, the oldest first.
    pub(super) fn by_age(&self) -> impl Iterator<Item = AgedKey> + '_ {
        self.by_age.iter().map(|(at, key)| {
            let names = self
                .by_key
                .get(key)
                .filter(|remembered| remembered.at == *at)
                .map(|remembered| Named { fingerprint: remembered.fingerprint.to_string(), entry: remembered.entry });
            AgedKey { key: key.to_string(), at: *at, names }
        })
    }

    pub(super) fn len(&self) -> usize {
        self.by_age.len()
    }

    /// Puts one behind the others, as [`Keys::by_age`] gave it.
    pub(super) fn take(&mut self, AgedKey { key, at, names }: AgedKey) {
        let key: Arc<str> = key.into();
        if let Some(Named { fingerprint, entry }) = names {
            self.by_key.insert(Arc::clone(&key), Remembered { fingerprint: fingerprint.into(), at, entry });
        }
        self.bytes = self.bytes.saturating_add(key.len());
        self.by_age.push_back((at, key));
    }

    /// The numbers of the journal's entries that hold answers.
    pub(super) fn answers(&self) -> impl Iterator<Item = u64> + '_ {
        self.by_key.values().map(|remembered| remembered.entry)
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
        keys.remember(&["a".into(), "b".into()], "f", 0, 7);
        for key in ["a", "b"] {
            assert_eq!(keys.find(&write(&[key, "new"], "f"), KEY_LIFETIME_MS), Ok(Some(7)));
            assert_eq!(keys.find(&write(&[key], "g"), 1).unwrap_err().code, "duplicateMessage");
        }
        assert_eq!(keys.find(&write(&["a"], "g"), KEY_LIFETIME_MS + 1), Ok(None));
    }

    #[test]
    fn memory_is_bounded() {
        let mut keys = Keys::default();
        for n in 0..KEY_LIMIT + 10 {
            keys.remember(&[n.to_string()], "f", 0, 1);
        }
        assert_eq!((keys.by_key.len(), keys.by_age.len()), (KEY_LIMIT, KEY_LIMIT));
        assert_eq!(keys.find(&write(&["9"], "g"), 0), Ok(None));
        keys.remember(&["late".into()], "f", KEY_LIFETIME_MS + 1, 1);
        assert_eq!((keys.by_key.len(), keys.by_age.len(), keys.bytes), (1, 1, 4));
        let long = |n: usize| format!("{n:0255}");
        for n in 0..KEY_LIMIT {
            keys.remember(&[long(n)], "f", KEY_LIFETIME_MS + 1, 1);
        }
        assert!(keys.bytes <= KEY_BYTES && keys.bytes > KEY_BYTES - 255);
        assert_eq!(keys.find(&write(&[&long(KEY_LIMIT - 1)], "f"), KEY_LIFETIME_MS + 1), Ok(Some(1)));
        assert_eq!(keys.find(&write(&[&long(0)], "f"), KEY_LIFETIME_MS + 1), Ok(None));
    }

    #[test]
    fn the_limits_are_a_day_and_eight_mebibytes() {
        assert_eq!((KEY_LIFETIME_MS, KEY_BYTES), (86_400_000, 8_388_608));
    }

    #[test]
    fn as_many_bytes_as_the_limit_are_remembered() {
        let mut keys = Keys::default();
        for n in 0..KEY_BYTES / 128 {
            keys.remember(&[format!("{n:0128}")], "f", 0, 1);
        }
        assert_eq!((keys.bytes, keys.by_key.len()), (KEY_BYTES, KEY_LIMIT));
    }

    #[test]
    fn a_key_that_is_used_anew_is_remembered_from_then_on() {
        let mut keys = Keys::default();
        let later = KEY_LIFETIME_MS + 1;
        keys.remember(&["a".into()], "f", 0, 1);
        keys.remember(&["a".into()], "g", later, 2);
        assert_eq!(keys.find(&write(&["a"], "g"), later), Ok(Some(2)));
        keys.remember(&["b".into()], "h", later + KEY_LIFETIME_MS, 3);
        assert_eq!(keys.find(&write(&["a"], "g"), later + KEY_LIFETIME_MS), Ok(Some(2)), "a day is not over");
        assert_eq!(keys.find(&write(&["a", "b"], "h"), later).unwrap_err().context_value("idempotencyKey"), Some("a"));
    }
}
