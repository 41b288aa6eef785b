//! What lies in the bucket: the key for tokens, and every relay's part of the deny list. Each session reads all of it, and then follows
//! what changes. When it may have missed something, it ends, and the next one reads all of it again.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::jetstream::kv::{CreateErrorKind, Entry, Operation, Store, Watch};
use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};

use super::super::connect::Nats;
use super::super::error::ClusterError;
use super::super::relay_name::RelayName;
use super::chunks::{self, Chunks};
use crate::base::log_throttle::LogThrottle;
use crate::service::shared::{DenyLines, KeyWish, SharedTokens};

/// The key that holds the secret.
const TOKEN_KEY: &str = "token-key";

/// Before the parts of the deny list: `deny.RELAY.NUMBER`.
const DENY: &str = "deny.";

/// How often it is checked that nothing was missed.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// How long a changed deny list waits for more changes.
const GATHER: Duration = Duration::from_millis(50);

/// Between two sessions.
const PAUSE: Duration = Duration::from_millis(250);

/// How long the answers may take; the client itself gives up earlier.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Two relays of one name would write over each other without end.
const AGAIN: Duration = Duration::from_secs(10);

/// Size of a piece of the deny list, in bytes. One line may be longer.
const ROOM: usize = 128 * 1024;

/// Keeps `tokens` and the bucket in step, for as long as it is asked to.
pub(super) async fn run(nats: &Nats, name: &RelayName, tokens: &dyn SharedTokens) {
    static COMPLAINTS: LogThrottle = LogThrottle::per_minute();
    let mut known = Known { prefix: format!("{DENY}{name}."), bucket: String::new(), key_revision: 0, parts: BTreeMap::new() };
    loop {
        let ended = session(nats, tokens, &mut known).await;
        if let Err(reason) = ended
            && let Some(repeated) = COMPLAINTS.hit()
        {
            tracing::warn!(
                repeated,
                reason,
                "the key for tokens and the deny list cannot be read from NATS; what is known stays"
            );
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// What is known beyond one session.
struct Known {
    /// Of this relay's parts.
    prefix: String,
    /// Which bucket it was: it may be deleted and made again.
    bucket: String,
    /// Of the last that was heard of the key.
    key_revision: u64,
    /// The parts of the deny list. One that is gone without having been deleted stays: the bucket is a new one, and what was denied
    /// still is.
    parts: BTreeMap<String, Bytes>,
}

impl Known {
    /// The number of one of this relay's parts.
    fn own(&self, key: &str) -> Option<u32> {
        key.strip_prefix(&self.prefix)?.parse().ok()
    }
}

async fn session(nats: &Nats, tokens: &dyn SharedTokens, known: &mut Known) -> Result<(), String> {
    let mut link = nats.link();
    while nats.ready().is_err() {
        let _ = tokio::time::timeout(PAUSE, link.changed()).await;
    }
    link.mark_unchanged();
    let store = answer(nats.bucket()).await?;
    let info = store.stream.cached_info();
    let bucket = info.created.to_string();
    if known.bucket != bucket {
        (known.bucket, known.key_revision) = (bucket, 0);
    }
    let is_empty = info.state.messages == 0;
    let mut entries = answer(store.watch_with_history(">")).await?;
    let denied_here = tokens.denied_here();
    let room = ROOM.min(nats.max_payload() / 2);
    let mut session = Session { store, tokens, known, own: BTreeMap::new(), seen: 0, denied_here, room, again: None };
    session.list(&mut entries, is_empty).await?;
    session.follow(&mut entries, &mut link).await
}

/// The answer to a question, or what went wrong.
async fn answer<T, E: std::fmt::Display>(asked: impl Future<Output = Result<T, E>>) -> Result<T, String> {
    match tokio::time::timeout(TIMEOUT, asked).await {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err("no answer".to_owned()),
    }
}

struct Session<'a> {
    store: Store,
    tokens: &'a dyn SharedTokens,
    known: &'a mut Known,
    /// This relay's parts as they are in the bucket, with their revisions.
    own: BTreeMap<u32, (u64, Bytes)>,
    /// The last revision that was seen.
    seen: u64,
    denied_here: watch::Receiver<Option<DenyLines>>,
    room: usize,
    /// When this relay's parts are looked at again, because somebody else wrote them.
    again: Option<Instant>,
}

impl Session<'_> {
    /// Reads all that is there.
    async fn list(&mut self, entries: &mut Watch, is_empty: bool) -> Result<(), String> {
        let mut key = None;
        let mut left = !is_empty;
        while left {
            let entry = next(entries, TIMEOUT).await?;
            left = entry.delta > 0;
            self.seen = self.seen.max(entry.revision);
            if entry.key == TOKEN_KEY {
                key = Some(entry);
            } else {
                self.part(entry);
            }
        }
        match key {
            Some(entry) => self.key(&entry),
            None => self.set_key(None),
        }
        if self.denied_here.borrow().is_some() {
            // What is denied here is known without the bucket.
            let (prefix, own) = (&self.known.prefix, &self.own);
            self.known.parts.retain(|key, _| {
                key.strip_prefix(prefix)
                    .and_then(|number| number.parse().ok())
                    .is_none_or(|number: u32| own.contains_key(&number))
            });
        }
        self.set_denied();
        self.publish().await.map(drop)
    }

    async fn follow(
        &mut self,
        entries: &mut Watch,
        link: &mut watch::Receiver<Result<(), ClusterError>>,
    ) -> Result<(), String> {
        let mut checks = tokio::time::interval(CHECK_INTERVAL);
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let tokens = self.tokens;
        let mut denied_here = self.denied_here.clone();
        let (mut missed, mut gathered) = (None, None);
        loop {
            let again = self.again;
            tokio::select! {
                entry = entries.next() => {
                    let entry = entry.ok_or("the bucket is not followed any more")?.map_err(|error| error.to_string())?;
                    self.seen = self.seen.max(entry.revision);
                    if entry.key == TOKEN_KEY {
                        self.key(&entry);
                    } else if self.part(entry) {
                        gathered.get_or_insert_with(|| Instant::now() + GATHER);
                    }
                }
                () = at(gathered) => {
                    gathered = None;
                    self.set_denied();
                }
                () = at(again) => {
                    self.again = None;
                    if self.publish().await? {
                        tracing::warn!("somebody else wrote this relay's part of the deny list in NATS: give each relay a --relay-name");
                    }
                }
                Ok(()) = denied_here.changed() => {
                    self.publish().await?;
                }
                wish = tokens.key_wish() => self.look(wish).await?,
                // Connected again, or about to be: what came meanwhile may be lost.
                Ok(()) = link.changed() => return Ok(()),
                _ = checks.tick() => {
                    let info = answer(self.store.stream.get_info()).await?;
                    if info.created.to_string() != self.known.bucket {
                        return Err("the bucket was made again".to_owned());
                    }
                    let last = info.state.last_sequence;
                    if missed.is_some_and(|missed| missed > self.seen) || last < self.seen {
                        return Err("changes of the bucket do not come".to_owned());
                    }
                    missed = (last > self.seen).then_some(last);
                }
            }
        }
    }

    /// What was heard of the key, unless something newer was.
    fn key(&mut self, entry: &Entry) {
        if entry.revision >= self.known.key_revision {
            self.known.key_revision = entry.revision;
            self.set_key((entry.operation == Operation::Put).then_some(&*entry.value));
        }
    }

    fn set_key(&self, secret: Option<&[u8]>) {
        if let Err(reason) = self.tokens.set_key(secret) {
            tracing::error!(
                reason,
                "the key for tokens in NATS cannot be used; delete it there to have a new one: {TOKEN_KEY}"
            );
        }
    }

    /// Looks at the key, and makes it if that is wished and there is none.
    async fn look(&mut self, wish: KeyWish) -> Result<(), String> {
        if let Some(secret) = wish.create {
            let created = tokio::time::timeout(TIMEOUT, self.store.create(TOKEN_KEY, secret.into())).await;
            match created.map_err(|_| "no answer")? {
                Ok(_) => tracing::info!("made a key for tokens, which all relays use; --token-key names one of your own"),
                Err(error) if error.kind() == CreateErrorKind::AlreadyExists => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        match answer(self.store.entry(TOKEN_KEY)).await? {
            Some(entry) => self.key(&entry),
            None if self.known.key_revision == 0 => self.set_key(None),
            None => return Err("the key is gone without having been deleted".to_owned()),
        }
        self.tokens.looked();
        Ok(())
    }

    /// A part of the deny list; says whether it is one and has changed.
    fn part(&mut self, entry: Entry) -> bool {
        if !entry.key.starts_with(DENY) {
            return false;
        }
        let value = (entry.operation == Operation::Put).then_some(entry.value);
        if let Some(number) = self.known.own(&entry.key) {
            if self.own.get(&number).is_some_and(|(revision, _)| *revision >= entry.revision) {
                return false;
            }
            if self.denied_here.borrow().is_some() {
                self.again.get_or_insert_with(|| Instant::now() + AGAIN);
            }
            self.own.insert(number, (entry.revision, value.clone().unwrap_or_default()));
        }
        match value {
            Some(value) => self.known.parts.insert(entry.key, value.clone()) != Some(value),
            None => self.known.parts.remove(&entry.key).is_some(),
        }
    }

    fn set_denied(&self) {
        // Each part ends with a line break, whoever wrote it.
        let text = self.known.parts.values().flat_map(|part| [&**part, b"\n"]).collect::<Vec<_>>().concat();
        if let Err(reason) = tokio::task::block_in_place(|| self.tokens.set_denied(&text)) {
            tracing::error!(reason, "the deny list in NATS cannot be read; what it held before is used: {DENY}>");
        }
    }

    /// Writes this relay's parts, as far as they are not so already; says whether they were not.
    async fn publish(&mut self) -> Result<bool, String> {
        let Some(wanted) = self.denied_here.borrow_and_update().clone() else { return Ok(false) };
        let current: Chunks = self.own.iter().map(|(number, (_, value))| (*number, chunks::lines(value))).collect();
        let mut changed = false;
        for (number, lines) in chunks::plan(&current, &wanted, self.room) {
            let key = format!("{}{number}", self.known.prefix);
            let value = Bytes::from(chunks::text(&lines));
            let revision = if lines.is_empty() {
                // Its marker stays. That a revision is not told does not matter: it is the next time that this part is heard of.
                answer(self.store.delete(&key)).await?;
                self.known.parts.remove(&key);
                self.own.get(&number).map_or(0, |(revision, _)| revision.saturating_add(1))
            } else {
                self.known.parts.insert(key.clone(), value.clone());
                answer(self.store.put(&key, value.clone())).await?
            };
            self.own.insert(number, (revision, value));
            changed = true;
        }
        if changed {
            self.set_denied();
        }
        Ok(changed)
    }
}

async fn next(entries: &mut Watch, within: Duration) -> Result<Entry, String> {
    let entry = tokio::time::timeout(within, entries.next()).await.map_err(|_| "no answer")?;
    entry.ok_or("the bucket is not followed any more")?.map_err(|error| error.to_string())
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
