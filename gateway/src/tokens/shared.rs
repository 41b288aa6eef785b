//! The key for tokens where several gateways share one: it lies elsewhere, and whoever can reach that place says what it holds. This
//! file knows it, and which names of keys are worth another look.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use im_chats_protocol::error::{Error, ErrorCode};
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::claims::unknown_key;
use super::keys::{Key, is_local_name, name_of_secret};
use super::local::new_secret;
use crate::service::shared::KeyWish;

/// The shortest time between two looks that unknown names of keys lead to.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// How long the making of a token waits for a key.
const CREATE_TIMEOUT: Duration = Duration::from_secs(5);

/// Unknown names that wait for one look. Those beyond wait for the next one.
const MAX_WAITING: usize = 64;

/// Names that are known to be unknown.
const MAX_REFUSED: usize = 256;

/// The key that several gateways share.
#[derive(Debug)]
pub(super) struct SharedKey {
    state: Mutex<State>,
    wanted: Notify,
    /// Moves with the key, and with each look.
    moved: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct State {
    /// Whether the place was ever read.
    read: bool,
    key: Option<Key>,
    /// Whether a token is to be signed, and there is no key.
    create: bool,
    /// Names that nobody has looked for yet.
    waiting: HashSet<Arc<str>>,
    /// Names that the look under way will answer.
    asked: HashSet<Arc<str>>,
    /// Names that the place did not have, the oldest first.
    refused: VecDeque<Arc<str>>,
    /// When the last look was asked for.
    last: Option<Instant>,
}

impl State {
    fn refuse(&mut self, kid: Arc<str>) {
        if !self.refused.contains(&kid) {
            self.refused.truncate(MAX_REFUSED.saturating_sub(1));
            self.refused.push_front(kid);
        }
    }
}

impl SharedKey {
    pub(super) fn new() -> Self {
        Self { state: Mutex::default(), wanted: Notify::new(), moved: watch::Sender::new(()) }
    }

    /// The key, as far as it is known here.
    pub(super) fn last(&self) -> Option<Key> {
        self.state.lock().key.clone()
    }

    /// What is said of a token whose key is neither this one nor any other that is known.
    pub(super) fn unknown(&self, kid: &str) -> Error {
        if !is_local_name(kid) {
            return unknown_key();
        }
        let mut state = self.state.lock();
        if state.read && state.refused.iter().any(|refused| &**refused == kid) {
            return unknown_key();
        }
        // Another gateway may have made it a moment ago.
        if state.waiting.len() < MAX_WAITING && !state.asked.contains(kid) {
            state.waiting.insert(kid.into());
        }
        drop(state);
        self.wanted.notify_one();
        away("it is looked whether the key of this token is a new one")
    }

    /// The key to sign with, waited for where there is none yet.
    ///
    /// # Errors
    /// `serviceUnavailable` when none comes.
    pub(super) async fn or_create(&self) -> Result<Key, Error> {
        let mut moved = self.moved.subscribe();
        let found = async {
            loop {
                moved.mark_unchanged();
                {
                    let mut state = self.state.lock();
                    if let Some(key) = &state.key {
                        return key.clone();
                    }
                    state.create = true;
                }
                self.wanted.notify_one();
                // Its sender is ours.
                let _ = moved.changed().await;
            }
        };
        tokio::time::timeout(CREATE_TIMEOUT, found).await.map_err(|_| no_key())
    }

    /// As [`crate::service::shared::SharedTokens::set_key`]; says whether it is another key than before.
    pub(super) fn set(&self, secret: Option<&[u8]>) -> Result<bool, String> {
        let key = secret.map(|secret| Key::secret(&name_of_secret(secret), secret)).transpose()?;
        let mut state = self.state.lock();
        state.read = true;
        let changed = state.key != key;
        if changed {
            tracing::info!(kid = key.as_ref().map_or("none", |key| &key.kid), "the key for tokens that the relays share");
            if let Some(old) = std::mem::replace(&mut state.key, key) {
                // It was taken back: nobody needs to look.
                state.refuse(old.kid);
            }
            if let Some(kid) = state.key.as_ref().map(|key| Arc::clone(&key.kid)) {
                state.create = false;
                state.refused.retain(|refused| *refused != kid);
            }
        }
        drop(state);
        self.moved.send_replace(());
        Ok(changed)
    }

    /// As [`crate::service::shared::SharedTokens::key_wish`].
    pub(super) async fn wish(&self) -> KeyWish {
        loop {
            // Before the look, so that what is asked for meanwhile wakes.
            let woken = self.wanted.notified();
            let due = {
                let state = self.state.lock();
                let open = state.create || !state.waiting.is_empty() || !state.asked.is_empty();
                open.then(|| state.last.map_or_else(Instant::now, |last| last + LOOK_INTERVAL))
            };
            let Some(due) = due else {
                woken.await;
                continue;
            };
            tokio::time::sleep_until(due).await;
            let mut state = self.state.lock();
            state.last = Some(Instant::now());
            let waiting = std::mem::take(&mut state.waiting);
            state.asked.extend(waiting);
            let create = state.create;
            drop(state);
            return KeyWish { create: create.then(new_secret).flatten() };
        }
    }

    /// As [`crate::service::shared::SharedTokens::looked`].
    pub(super) fn looked(&self) {
        let mut state = self.state.lock();
        let current = state.key.as_ref().map(|key| Arc::clone(&key.kid));
        for kid in std::mem::take(&mut state.asked) {
            if Some(&kid) != current.as_ref() {
                state.refuse(kid);
            }
        }
        drop(state);
        self.moved.send_replace(());
    }
}

/// There is no key to sign with.
pub(super) fn no_key() -> Error {
    away("the relays have no key for tokens yet, and none can be made now")
}

/// What all relays know of it was never read.
pub(super) fn no_list() -> Error {
    away("which tokens were withdrawn cannot be read now")
}

fn away(what: &'static str) -> Error {
    let mut error = Error::new(ErrorCode::ServiceUnavailable, what);
    error.retry_after_ms = u64::try_from(LOOK_INTERVAL.as_millis()).ok();
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(error: &Error) -> (&str, bool) {
        (error.code.as_ref(), error.retryable)
    }

    #[tokio::test(start_paused = true)]
    async fn an_unknown_name_leads_to_one_look_and_is_then_refused_and_few_looks_answer_many_names() {
        let key = SharedKey::new();
        assert_eq!(code(&key.unknown("other")), ("unauthenticated", false), "not a name of ours");
        assert_eq!(code(&key.unknown("local-00000001")), ("serviceUnavailable", true));
        assert_eq!(key.wish().await, KeyWish { create: None });
        assert_eq!(code(&key.unknown("local-00000001")), ("serviceUnavailable", true), "the look is under way");
        // Asked for after the look began, so that it is no answer to this one.
        assert_eq!(code(&key.unknown("local-00000002")), ("serviceUnavailable", true));
        key.set(None).unwrap();
        key.looked();
        assert_eq!(code(&key.unknown("local-00000001")), ("unauthenticated", false));
        assert_eq!(code(&key.unknown("local-00000002")), ("serviceUnavailable", true));
        let started = Instant::now();
        key.wish().await;
        assert_eq!(started.elapsed(), LOOK_INTERVAL, "throttled");
        key.set(None).unwrap();
        key.looked();
        assert_eq!(code(&key.unknown("local-00000002")), ("unauthenticated", false));
        assert!(tokio::time::timeout(Duration::from_secs(60), key.wish()).await.is_err(), "nobody asks");
        for number in 0..1_000 {
            key.unknown(&format!("local-0000{number:04}"));
        }
        assert!(key.state.lock().waiting.len() <= MAX_WAITING);
        for round in 0..20 {
            for number in 0..64 {
                key.unknown(&format!("local-00{round:02}{number:04}"));
            }
            key.wish().await;
            key.looked();
        }
        assert_eq!(key.state.lock().refused.len(), MAX_REFUSED);
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_fails_is_done_again() {
        let key = SharedKey::new();
        key.unknown("local-00000001");
        key.wish().await;
        let started = Instant::now();
        key.wish().await;
        assert_eq!(started.elapsed(), LOOK_INTERVAL);
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_is_made_when_it_is_needed_and_one_that_is_taken_back_is_refused_at_once() {
        let key = SharedKey::new();
        let error = key.or_create().await.unwrap_err();
        assert_eq!(code(&error), ("serviceUnavailable", true), "nobody can reach the place");
        let place = async {
            let secret = key.wish().await.create.unwrap();
            assert_eq!(key.set(Some(&secret)), Ok(true));
            key.looked();
            secret
        };
        let (made, secret) = tokio::join!(key.or_create(), place);
        let made = made.unwrap();
        assert!(is_local_name(&made.kid) && key.last() == Some(made.clone()));
        assert_eq!((key.set(Some(&secret)), key.set(Some(b"short")).is_err()), (Ok(false), true));
        assert_eq!(key.last().as_ref(), Some(&made));
        assert_eq!(key.set(None), Ok(true));
        assert_eq!((key.last(), code(&key.unknown(&made.kid))), (None, ("unauthenticated", false)));
    }
}
