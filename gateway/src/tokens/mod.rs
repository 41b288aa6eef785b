//! Who a token is: the operator's own tokens, and signed ones with a subject, scopes and an end. It may use `service` and `base`.
//!
//! `claims` is what a token says, `keys` and `crypto` what its signature says. `jwks` gets keys from elsewhere, `local` keeps one of our
//! own, `shared` knows one that several gateways have, `deny` which tokens were withdrawn, and `mint` makes new ones.

mod claims;
mod crypto;
mod deny;
mod flags;
mod jwks;
mod keys;
mod local;
mod mint;
mod shared;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::grant::Grant;
use im_chats_protocol::limits::MAX_TOKEN_BYTES;
use parking_lot::RwLock;
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};
use tokio::sync::watch;

use crate::base::fetch::{self, Document};
use crate::base::token::{MAX_TOKEN_FILE_BYTES, token};
use crate::base::watched::Watched;
use crate::service::auth::{Authenticator, Identity, Pass};
use crate::service::shared::{DenyLines, KeyWish, SharedTokens};
pub(crate) use claims::present;
pub use claims::{AUDIENCE, LEEWAY_S, MAX_LIFETIME_S, MAX_NAME_BYTES, TYPE};
use claims::{Claims, Header, refused, unknown_key};
use deny::DenyList;
pub use deny::MAX_DENY_BYTES;
pub use flags::TokenArgs;
pub use jwks::TIMEOUT as JWKS_TIMEOUT;
use jwks::{Jwks, Remote};
pub use jwks::{JwksFlag, MAX_JWKS_BYTES, OUTAGE, REFRESH, REFRESH_RANGE, UNKNOWN_KID_INTERVAL};
use keys::Key;
pub use keys::{Algorithm, KeyFlag, MIN_SECRET_BYTES};
use local::LocalKey;
pub use mint::{Minted, Wish};
use shared::SharedKey;

/// How often the files are looked at.
pub const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// The SHA-256 of a token.
type Digest = [u8; 32];

/// Everything that lets callers in.
#[derive(Debug)]
pub struct Tokens {
    /// The operator's own tokens: the one given, and those in files.
    fixed: Vec<Digest>,
    files: Vec<Watched<Digest>>,
    keys: Vec<Key>,
    /// Where none of `keys` signs, and this gateway is alone.
    local: Option<LocalKey>,
    /// What the gateways of one account share; absent = this one is alone.
    shared: Option<Shared>,
    jwks: Option<KeySet>,
    deny: Option<Watched<DenyList>>,
    audience: String,
    issuer: Option<String>,
    /// Milliseconds since 1970.
    now: fn() -> u64,
    changes: watch::Sender<u64>,
}

/// What this gateway has in common with others.
#[derive(Debug)]
struct Shared {
    /// Where none of `keys` signs.
    key: Option<SharedKey>,
    /// What any of them denies; absent = it was not read yet.
    denied: RwLock<Option<Arc<DenyList>>>,
    /// What this one denies.
    own: watch::Sender<Option<DenyLines>>,
}

#[derive(Debug)]
enum KeySet {
    File(Watched<Jwks>),
    Remote(Remote),
}

impl Tokens {
    /// As the flags say; `data` is the data directory, for a key of our own. Also gives the operator's token where one had to be
    /// generated.
    ///
    /// # Errors
    /// `invalidArgument` of the flag, naming its file, when something cannot be used.
    pub fn open(args: &TokenArgs, data: &Path) -> Result<(Self, Option<String>), Error> {
        Self::open_with(args, Some(data))
    }

    /// As [`Tokens::open`], for one of several gateways: a key of their own, and what was withdrawn, come through [`SharedTokens`].
    /// Until the latter was read, no signed token is good.
    ///
    /// # Errors
    /// As [`Tokens::open`].
    pub fn open_shared(args: &TokenArgs) -> Result<(Self, Option<String>), Error> {
        Self::open_with(args, None)
    }

    fn open_with(args: &TokenArgs, data: Option<&Path>) -> Result<(Self, Option<String>), Error> {
        let open = |path| Watched::open("--token-file", path, MAX_TOKEN_FILE_BYTES, digest_of_file);
        let files = args.token_file.iter().map(|path| open(path));
        let files: Vec<_> = files.collect::<Result<_, _>>()?;
        let generated = (args.token.is_none() && files.is_empty()).then(generate);
        let keys = keys::read_all(&args.token_key)?;
        let signs = keys.iter().any(Key::can_sign);
        let local = data.filter(|_| !signs).map(LocalKey::open).transpose()?;
        let jwks = match &args.token_jwks {
            None => None,
            Some(JwksFlag::File(path)) => {
                let file = Watched::open("--token-jwks", path, MAX_JWKS_BYTES, Jwks::parse)?;
                file.last().log();
                Some(KeySet::File(file))
            }
            Some(JwksFlag::Url(uri)) => {
                let tls = fetch::connector(uri).map_err(|reason| Error::invalid("--token-jwks", reason))?;
                let (accept, limit, within) = (jwks::MEDIA_TYPES, MAX_JWKS_BYTES, JWKS_TIMEOUT);
                let document = Document { uri: uri.clone(), tls, accept, limit, within };
                let fetch = move || -> futures_util::future::BoxFuture<'static, _> {
                    let document = document.clone();
                    Box::pin(async move { document.get().await })
                };
                Some(KeySet::Remote(Remote::new(Box::new(fetch))))
            }
        };
        let deny = args.token_deny.as_deref();
        let deny = deny.map(|path| Watched::open("--token-deny", path, MAX_DENY_BYTES, DenyList::parse)).transpose()?;
        let shared = data.is_none().then(|| Shared {
            key: (!signs).then(SharedKey::new),
            denied: RwLock::default(),
            own: watch::Sender::new(deny.as_ref().map(|deny| Arc::new(deny.last().lines()))),
        });
        let tokens = Self {
            fixed: args.token.iter().chain(&generated).map(|token| digest(token)).collect(),
            files,
            keys,
            local,
            shared,
            jwks,
            deny,
            audience: args.token_audience.clone(),
            issuer: args.token_issuer.clone(),
            now,
            changes: watch::Sender::new(0),
        };
        Ok((tokens, generated))
    }

    /// Notices what changes, until it is dropped: the files every `look`, and the keys of an address when they get old. Without it, what
    /// was read at the start stays.
    pub async fn watch(self: Arc<Self>, look: Duration) {
        let looking = async {
            loop {
                tokio::time::sleep(look).await;
                let tokens = Arc::clone(&self);
                // Files may be large, and on a slow disk.
                let _ = tokio::task::spawn_blocking(move || tokens.look()).await;
            }
        };
        let asking = async {
            match &self.jwks {
                Some(KeySet::Remote(remote)) => remote.run(self.changes.clone()).await,
                _ => std::future::pending().await,
            }
        };
        tokio::join!(looking, asking);
    }

    /// Looks at every file now.
    pub fn look(&self) {
        // Each of them, whatever the others say.
        let mut changed = self.files.iter().fold(false, |changed, file| file.look() | changed);
        changed |= self.local.as_ref().is_some_and(LocalKey::look);
        if let Some(deny) = &self.deny
            && deny.look()
        {
            changed = true;
            if let Some(shared) = &self.shared {
                shared.own.send_replace(Some(Arc::new(deny.last().lines())));
            }
        }
        if let Some(KeySet::File(file)) = &self.jwks
            && file.look()
        {
            file.last().log();
            changed = true;
        }
        if changed {
            self.changed();
        }
    }

    fn changed(&self) {
        self.changes.send_modify(|changes| *changes = changes.wrapping_add(1));
    }

    fn shared_key(&self) -> Option<&SharedKey> {
        self.shared.as_ref()?.key.as_ref()
    }

    /// Whether a token with this digest is one of the operator's. In constant time, so that the answer's delay does not tell how much of a
    /// guess was right, nor which of them it was.
    fn is_ours(&self, digest: &Digest) -> bool {
        let none = Choice::from(0);
        let fixed = self.fixed.iter().fold(none, |found, known| found | known.ct_eq(digest));
        self.files.iter().fold(fixed, |found, file| found | file.last().ct_eq(digest)).into()
    }

    /// The key with this name, from wherever it comes.
    fn key(&self, kid: &str) -> Result<Key, Error> {
        if let Some(key) = self.keys.iter().find(|key| &*key.kid == kid) {
            return Ok(key.clone());
        }
        if let Some(key) = self.local.as_ref().and_then(LocalKey::last).filter(|key| &*key.kid == kid) {
            return Ok(key);
        }
        if let Some(key) = self.shared_key().and_then(SharedKey::last).filter(|key| &*key.kid == kid) {
            return Ok(key);
        }
        let found = match &self.jwks {
            Some(KeySet::Remote(remote)) => remote.get(kid),
            Some(KeySet::File(file)) => file.last().get(kid).cloned().ok_or_else(unknown_key),
            None => Err(unknown_key()),
        };
        // Nobody else is asked for more than before: that it is not known there does not mean that it is not one of ours.
        found.map_err(|error| match self.shared_key() {
            Some(shared) if !error.retryable => shared.unknown(kid),
            _ => error,
        })
    }

    fn signed(&self, token: &str) -> Result<Pass, Error> {
        let malformed = || refused("it is not of the form header.claims.signature in base64url");
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| malformed());
        let (message, signature) = token.rsplit_once('.').ok_or_else(malformed)?;
        let (header, claims) = message.split_once('.').ok_or_else(malformed)?;
        let header = Header::read(&decode(header)?)?;
        let key = self.key(header.kid.as_deref().ok_or_else(|| refused("its header must name its key (kid)"))?)?;
        if header.alg != key.algorithm.name() {
            return Err(refused("its alg is not that of its key"));
        }
        if !key.verifies(message, signature) {
            return Err(refused("its signature is not that of its key"));
        }
        let claims = Claims::read(&decode(claims)?)?;
        if !claims.audiences.contains(&self.audience) {
            return Err(refused("its aud is not this gateway").with_context("audience", self.audience.clone()));
        }
        if self.issuer.as_ref().is_some_and(|issuer| claims.issuer.as_ref() != Some(issuer)) {
            return Err(refused("its iss is not the one that this gateway trusts"));
        }
        let remaining = claims.remaining_ms((self.now)())?;
        self.check_deny(claims.id.as_deref(), Some(&claims.subject), claims.issued_at)?;
        let grant = Grant {
            subject: Some(claims.subject.into()),
            scopes: claims.scopes,
            chats: claims.chats,
            expires_in_ms: Some(remaining),
        };
        let (id, issued_at) = (claims.id.map(Into::into), claims.issued_at);
        Ok(Pass::new(grant, Identity::Signed { key: key.kid, id, fingerprint: key.fingerprint, issued_at }))
    }

    fn check_deny(&self, id: Option<&str>, subject: Option<&str>, issued_at: u64) -> Result<(), Error> {
        self.deny.as_ref().map_or(Ok(()), |deny| deny.last().check(id, subject, issued_at))?;
        let Some(shared) = &self.shared else { return Ok(()) };
        let denied = shared.denied.read().clone();
        denied.ok_or_else(shared::no_list)?.check(id, subject, issued_at)
    }

    fn has_keys(&self) -> bool {
        // One that is shared may be there without being known here.
        let shared = self.shared_key().is_some();
        shared
            || !self.keys.is_empty()
            || self.jwks.is_some()
            || self.local.as_ref().is_some_and(|local| local.last().is_some())
    }
}

impl Authenticator for Tokens {
    fn verify(&self, token: &str) -> Result<Pass, Error> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(refused("it is too long").with_context("limit", MAX_TOKEN_BYTES.to_string()));
        }
        // First, and whatever its form: a token of the operator's may have dots, too.
        let digest = digest(token);
        if self.is_ours(&digest) {
            return Ok(Pass::new(Grant::ADMIN, Identity::Static { digest }));
        }
        let dots = token.bytes().filter(|byte| *byte == b'.').count();
        if dots == 2 && self.has_keys() { self.signed(token) } else { Err(not_ours()) }
    }

    fn recheck(&self, pass: &Pass) -> Result<(), Error> {
        match &pass.identity {
            Identity::Static { digest } => self.is_ours(digest).then_some(()).ok_or_else(not_ours),
            Identity::Signed { key, id, fingerprint, issued_at } => {
                if self.key(key)?.fingerprint != *fingerprint {
                    return Err(refused("its key was replaced by another one of the same name"));
                }
                self.check_deny(id.as_deref(), pass.grant.subject.as_deref(), *issued_at)
            }
        }
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}

#[async_trait]
impl SharedTokens for Tokens {
    fn set_key(&self, secret: Option<&[u8]>) -> Result<(), String> {
        if let Some(shared) = self.shared_key()
            && shared.set(secret)?
        {
            self.changed();
        }
        Ok(())
    }

    async fn key_wish(&self) -> KeyWish {
        match self.shared_key() {
            Some(shared) => shared.wish().await,
            None => std::future::pending().await,
        }
    }

    fn looked(&self) {
        if let Some(shared) = self.shared_key() {
            shared.looked();
        }
    }

    fn set_denied(&self, lines: &[u8]) -> Result<(), String> {
        let Some(shared) = &self.shared else { return Ok(()) };
        let list = DenyList::parse(lines)?;
        let changed = shared.denied.read().as_deref() != Some(&list);
        if changed {
            *shared.denied.write() = Some(Arc::new(list));
            self.changed();
        }
        Ok(())
    }

    fn denied_here(&self) -> watch::Receiver<Option<DenyLines>> {
        self.shared.as_ref().map_or_else(|| watch::Sender::new(None).subscribe(), |shared| shared.own.subscribe())
    }
}

/// A fresh token that nobody can guess: 122 random bits.
fn generate() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

fn digest(token: &str) -> Digest {
    Sha256::digest(token).into()
}

/// What a token file holds, of which only the digest is kept.
fn digest_of_file(bytes: &[u8]) -> Result<Digest, String> {
    token(bytes).map(|token| digest(&token))
}

fn not_ours() -> Error {
    Error::new(ErrorCode::Unauthenticated, "the gateway does not know this token")
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
