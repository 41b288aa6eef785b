//! Making a token for somebody.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::grant::{ChatSet, NOT_FOR_ACCOUNT, Scopes};
use im_chats_protocol::limits::MAX_TOKEN_BYTES;
use serde::Serialize;

use super::Tokens;
use super::claims::{MAX_LIFETIME_S, MAX_NAME_BYTES, TYPE};
use super::keys::Key;
use super::shared::no_key;

/// What a token is asked for; absent means that it was not said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    /// Whose it is to be.
    pub sub: Option<String>,
    /// What it is to allow, space-separated.
    pub scope: Option<String>,
    /// For which chats; absent = every chat.
    pub chats: Option<Vec<String>>,
    /// How long it is to be good.
    pub ttl_seconds: Option<u64>,
}

/// A new token.
#[derive(Clone, PartialEq, Eq)]
pub struct Minted {
    /// The token.
    pub token: String,
    /// Its end, in seconds since 1970.
    pub expires_at: u64,
    /// Its `jti`, which the deny list takes.
    pub id: String,
}

/// Never the token.
impl std::fmt::Debug for Minted {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { id, expires_at, .. } = self;
        formatter.debug_struct("Minted").field("id", id).field("expires_at", expires_at).finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    typ: &'static str,
    kid: &'a str,
}

#[derive(Serialize)]
struct Claims<'a> {
    sub: &'a str,
    aud: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    iat: u64,
    exp: u64,
    jti: &'a str,
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    chats: Option<Vec<&'a str>>,
}

impl Tokens {
    /// Makes a token. Who may have one made is for the caller to judge.
    ///
    /// # Errors
    /// `invalidArgument` of the first field that is wrong; `internalError` when there is no key, and none can be made, or
    /// `serviceUnavailable` when it may be made yet: see [`Tokens::prepare`].
    pub fn mint(&self, wish: &Wish) -> Result<Minted, Error> {
        let sub = wish.sub.as_deref().unwrap_or_default();
        if sub.is_empty() || sub.len() > MAX_NAME_BYTES {
            return Err(Error::invalid("sub", format!("whose token it is, 1 to {MAX_NAME_BYTES} bytes")));
        }
        let scopes = Scopes::parse(wish.scope.as_deref().unwrap_or_default())?;
        if scopes.is_empty() {
            return Err(Error::invalid("scope", "what the token allows, at least one scope, such as chats:read events"));
        }
        let chats = wish.chats.as_deref().map(ChatSet::parse).transpose()?;
        if chats.is_some()
            && im_chats_protocol::grant::Scope::ALL.iter().any(|scope| scope.is_of_account() && scopes.contains(*scope))
        {
            return Err(Error::invalid("scope", NOT_FOR_ACCOUNT));
        }
        let ttl = wish.ttl_seconds.unwrap_or_default();
        if ttl == 0 || ttl > MAX_LIFETIME_S {
            return Err(Error::invalid("ttlSeconds", format!("how long the token is good, 1 to {MAX_LIFETIME_S} seconds")));
        }
        let now = (self.now)() / 1000;
        let (expires_at, id) = (now.saturating_add(ttl), uuid::Uuid::new_v4().to_string());
        let claims = Claims {
            sub,
            aud: &self.audience,
            iss: self.issuer.as_deref(),
            iat: now,
            exp: expires_at,
            jti: &id,
            scope: scopes.to_string(),
            chats: chats.as_ref().map(|chats| chats.iter().collect()),
        };
        let token = sign(&self.signing_key()?, &claims)?;
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Error::invalid("chats", format!("with all of them the token is longer than {MAX_TOKEN_BYTES} bytes")));
        }
        Ok(Minted { token, expires_at, id })
    }

    /// The first key that can sign; else our own, which is made where there is none yet.
    fn signing_key(&self) -> Result<Key, Error> {
        if let Some(key) = self.keys.iter().find(|key| key.can_sign()) {
            return Ok(key.clone());
        }
        match (&self.local, self.shared_key()) {
            (Some(local), _) => local.or_create(),
            (None, Some(shared)) => shared.last().ok_or_else(no_key),
            (None, None) => Err(failed()),
        }
    }

    /// Waits until there is a key to sign with, where that comes from elsewhere. Otherwise it is there, or is made by [`Tokens::mint`].
    ///
    /// # Errors
    /// `serviceUnavailable` when none comes.
    pub async fn prepare(&self) -> Result<(), Error> {
        match self.shared_key() {
            Some(shared) => shared.or_create().await.map(drop),
            None => Ok(()),
        }
    }
}

/// Writes and signs a token.
pub(super) fn sign(key: &Key, claims: &impl Serialize) -> Result<String, Error> {
    let encode = |json: serde_json::Result<Vec<u8>>| json.map(|json| URL_SAFE_NO_PAD.encode(json)).map_err(|_| failed());
    let header = Header { alg: key.algorithm.name(), typ: TYPE, kid: &key.kid };
    let message = format!("{}.{}", encode(serde_json::to_vec(&header))?, encode(serde_json::to_vec(claims))?);
    let signature = key.sign(&message).ok_or_else(failed)?;
    Ok(format!("{message}.{signature}"))
}

fn failed() -> Error {
    Error::new(ErrorCode::InternalError, "the token cannot be signed")
}
