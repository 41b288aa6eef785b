//! A set of public keys of somebody else's, an identity provider's for example (RFC 7517): in a file, or at an address that is asked in
//! the background.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::BoxFuture;
use http::Uri;
use im_chats_protocol::error::{Error, ErrorCode};
use jsonwebtoken::DecodingKey;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::claims::{MAX_NAME_BYTES, unknown_key};
use super::keys::{Algorithm, Key};
use crate::base::fetch::Fetched;

/// Largest set, in bytes.
pub const MAX_JWKS_BYTES: u64 = 1024 * 1024;

/// How long an address may take to give one.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// What a set is asked for as.
pub(super) const MEDIA_TYPES: &str = "application/jwk-set+json, application/json";

/// How often the address is asked, where its answer does not say.
pub const REFRESH: Duration = Duration::from_mins(5);

/// The shortest and the longest time between two questions that an answer may ask for.
pub const REFRESH_RANGE: (Duration, Duration) = (Duration::from_mins(1), Duration::from_hours(24));

/// How often an unknown `kid` may lead to a question.
pub const UNKNOWN_KID_INTERVAL: Duration = Duration::from_secs(30);

/// How long keys are used beyond their time while the address does not answer.
pub const OUTAGE: Duration = Duration::from_hours(24);

/// The first pause after a failure; it doubles up to [`UNKNOWN_KID_INTERVAL`].
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// When to come back whose key may be there in a moment, in milliseconds.
const RETRY_AFTER_MS: u64 = 1000;

/// A value of `--token-jwks`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JwksFlag {
    /// A file.
    File(PathBuf),
    /// An address.
    Url(Uri),
}

impl FromStr for JwksFlag {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if !text.contains("://") {
            return Ok(Self::File(text.into()));
        }
        let uri: Uri = text.parse().map_err(|error| format!("{error}"))?;
        let host = uri.host().unwrap_or_default();
        if host.is_empty() || uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err("give it as https://HOST/PATH, without a user".to_owned());
        }
        let here = host.trim_matches(['[', ']']);
        let is_here = here == "localhost" || here.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback());
        match uri.scheme_str() {
            Some("https") => Ok(Self::Url(uri)),
            Some("http") if is_here => Ok(Self::Url(uri)),
            Some("http") => Err("give https: over http, whoever is on the way can put keys of their own into it".to_owned()),
            _ => Err("give a file, or an address with https://".to_owned()),
        }
    }
}

impl fmt::Display for JwksFlag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(formatter, "{}", path.display()),
            Self::Url(uri) => write!(formatter, "{uri}"),
        }
    }
}

/// The keys of a set that can be used, and why others cannot.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Jwks {
    keys: BTreeMap<Arc<str>, Key>,
    left_out: Vec<String>,
}

impl Jwks {
    /// Reads a set.
    ///
    /// # Errors
    /// When it is not one, or has no key that can be used: then it is more likely that something is wrong with whoever gives it than
    /// that nobody is to come in any more.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let set: Value = serde_json::from_slice(bytes).map_err(|error| format!("this is not JSON: {error}"))?;
        let keys = set.get("keys").and_then(Value::as_array).ok_or("this is not a set of keys: it has no list `keys`")?;
        let mut found = Self::default();
        for (index, key) in keys.iter().enumerate() {
            match read(key) {
                Ok(key) if found.keys.contains_key(&key.kid) => {
                    found.left_out.push(format!("key {index} ({}): an earlier one has the same kid", key.kid));
                }
                Ok(key) => {
                    found.keys.insert(Arc::clone(&key.kid), key);
                }
                Err(reason) => {
                    let kid = key.get("kid").and_then(Value::as_str).unwrap_or("no kid");
                    let kid: String = kid.chars().take(MAX_NAME_BYTES).collect();
                    found.left_out.push(format!("key {index} ({kid}): {reason}"));
                }
            }
        }
        if found.keys.is_empty() {
            let reasons = found.left_out.iter().flat_map(|reason| ["; ", reason]).collect::<String>();
            return Err(format!("it has no key that can be used{reasons}"));
        }
        Ok(found)
    }

    /// The key with this name.
    pub(super) fn get(&self, kid: &str) -> Option<&Key> {
        self.keys.get(kid)
    }

    /// Says which keys are there, and one line for each that is left out.
    pub(super) fn log(&self) {
        let kids = self.keys.keys().map(|kid| &**kid).collect::<Vec<_>>().join(" ");
        tracing::info!(kids, "the keys of --token-jwks");
        for reason in &self.left_out {
            tracing::warn!(reason, "a key of --token-jwks is left out");
        }
    }
}

/// One key (RFC 7518, 6; RFC 8037).
fn read(jwk: &Value) -> Result<Key, String> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    let bytes = |name: &str| {
        let text = text(name).ok_or_else(|| format!("it has no {name}"))?;
        URL_SAFE_NO_PAD.decode(text).map_err(|_| format!("its {name} is not base64url"))
    };
    let kid =
        text("kid").filter(|kid| !kid.is_empty() && kid.len() <= MAX_NAME_BYTES).ok_or("its kid must have 1 to 256 bytes")?;
    let kty = text("kty").ok_or("it has no kty")?;
    if jwk.get("use").is_some_and(|usage| usage != "sig") {
        return Err("its use is not sig".to_owned());
    }
    let operations = jwk.get("key_ops").map(|operations| operations.as_array().map(Vec::as_slice).unwrap_or_default());
    if operations.is_some_and(|operations| !operations.iter().any(|operation| operation == "verify")) {
        return Err("its key_ops have no verify".to_owned());
    }
    if kty == "oct" {
        return Err("a secret is not for a set of public keys; --token-key takes it".to_owned());
    }
    if jwk.get("d").is_some() {
        return Err("it has its private part: whoever reads the set can sign".to_owned());
    }
    let (algorithm, key) = match (kty, text("crv")) {
        ("OKP", Some("Ed25519")) => (Algorithm::EdDsa, DecodingKey::from_ed_der(&bytes("x")?)),
        ("EC", Some("P-256")) => {
            let (x, y) = (bytes("x")?, bytes("y")?);
            if x.len() != 32 || y.len() != 32 {
                return Err("its x and y must have 32 bytes".to_owned());
            }
            (Algorithm::Es256, DecodingKey::from_ec_der(&[&[4], x.as_slice(), &y].concat()))
        }
        ("RSA", _) => (Algorithm::Rs256, DecodingKey::from_rsa_raw_components(&bytes("n")?, &bytes("e")?)),
        ("OKP" | "EC", crv) => return Err(format!("its curve {} is not supported", crv.unwrap_or("(none)"))),
        _ => return Err(format!("its kty {kty} is not supported")),
    };
    match text("alg") {
        None => {}
        Some(name) if name == algorithm.name() => {}
        // RFC 9864 gives it a name of its own.
        Some("Ed25519") if algorithm == Algorithm::EdDsa => {}
        Some(name) => return Err(format!("its alg {name} is not supported")),
    }
    Key::new(kid, algorithm, key, None)
}

/// Asks the address once.
pub(super) type Fetch = Box<dyn Fn() -> BoxFuture<'static, Result<Fetched, String>> + Send + Sync>;

/// A set that is somewhere else.
pub(super) struct Remote {
    fetch: Fetch,
    state: Mutex<State>,
    /// Somebody waits for a key that is not known.
    wanted: Notify,
}

#[derive(Debug)]
struct State {
    known: Option<Known>,
    /// When the last question was asked.
    asked: Option<Instant>,
    /// Whether a question is under way.
    asking: bool,
    /// What went wrong the last time.
    complaint: Option<String>,
}

#[derive(Debug)]
struct Known {
    keys: Arc<Jwks>,
    /// When they came.
    since: Instant,
    /// How long they are good; beyond it they are used for as long as an outage may take.
    lasts: Duration,
}

impl Known {
    fn is_usable(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) <= self.lasts.saturating_add(OUTAGE)
    }
}

impl Remote {
    /// Nothing is asked before [`Remote::run`].
    pub(super) fn new(fetch: Fetch) -> Self {
        let state = State { known: None, asked: None, asking: false, complaint: None };
        Self { fetch, state: Mutex::new(state), wanted: Notify::new() }
    }

    /// The key with this name.
    ///
    /// # Errors
    /// `serviceUnavailable` while it may still come, `unauthenticated` when there is none.
    pub(super) fn get(&self, kid: &str) -> Result<Key, Error> {
        let now = Instant::now();
        let mut state = self.state.lock();
        let known = state.known.as_ref().filter(|known| known.is_usable(now));
        if let Some(key) = known.and_then(|known| known.keys.get(kid)) {
            return Ok(key.clone());
        }
        let is_fresh = known.is_some_and(|known| now.saturating_duration_since(known.since) < UNKNOWN_KID_INTERVAL);
        if is_fresh && !state.asking {
            return Err(unknown_key());
        }
        let is_due = state.asked.is_none_or(|asked| now.saturating_duration_since(asked) >= UNKNOWN_KID_INTERVAL);
        if is_due && !state.asking {
            // From now on, so that all who come meanwhile ask one question together.
            state.asking = true;
            self.wanted.notify_one();
        }
        let mut error =
            Error::new(ErrorCode::ServiceUnavailable, "the keys that tell whether the token is good cannot be had now");
        error.retry_after_ms = Some(RETRY_AFTER_MS);
        Err(error)
    }

    /// Asks now, whenever the keys get old, and when an unknown one is wanted. `changes` moves with the set.
    pub(super) async fn run(&self, changes: watch::Sender<u64>) {
        let mut pause = FIRST_RETRY;
        loop {
            let next = if self.ask(&changes).await {
                pause = FIRST_RETRY;
                self.state.lock().known.as_ref().map_or(REFRESH, |known| known.lasts)
            } else {
                let this = pause;
                pause = pause.saturating_mul(2).min(UNKNOWN_KID_INTERVAL);
                this
            };
            // It ends early for a key that is wanted.
            let _ = tokio::time::timeout(next, self.wanted.notified()).await;
        }
    }

    /// Asks once; says whether there was an answer that can be used.
    async fn ask(&self, changes: &watch::Sender<u64>) -> bool {
        {
            let mut state = self.state.lock();
            state.asking = true;
            state.asked = Some(Instant::now());
        }
        let answer = (self.fetch)().await;
        let found = answer.and_then(|fetched| Ok((Jwks::parse(&fetched.body)?, fetched.max_age)));
        let now = Instant::now();
        let mut state = self.state.lock();
        state.asking = false;
        match found {
            Ok((keys, max_age)) => {
                if state.complaint.take().is_some() {
                    tracing::info!("the keys of --token-jwks can be had again");
                }
                let (shortest, longest) = REFRESH_RANGE;
                let lasts = max_age.map_or(REFRESH, |age| age.clamp(shortest, longest));
                let was_usable = state.known.as_ref().is_some_and(|known| known.is_usable(now));
                let is_same = state.known.as_ref().is_some_and(|known| *known.keys == keys);
                if !is_same {
                    keys.log();
                }
                state.known = Some(Known { keys: Arc::new(keys), since: now, lasts });
                drop(state);
                if !is_same || !was_usable {
                    changes.send_modify(|changes| *changes = changes.wrapping_add(1));
                }
                true
            }
            Err(reason) => {
                if state.complaint.as_ref() != Some(&reason) {
                    tracing::warn!(reason, "the keys of --token-jwks cannot be had; those from before serve meanwhile");
                    state.complaint = Some(reason);
                }
                if state.known.as_ref().is_some_and(|known| !known.is_usable(now)) {
                    state.known = None;
                    drop(state);
                    tracing::error!("the keys of --token-jwks could not be had for 24 hours, and are not used any more");
                    changes.send_modify(|changes| *changes = changes.wrapping_add(1));
                }
                false
            }
        }
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Remote").field("state", &self.state).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "jwks_tests.rs"]
mod tests;
