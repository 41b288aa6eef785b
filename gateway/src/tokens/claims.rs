//! What a token says, apart from its signature: its header and its claims, each checked before anything is believed.
//!
//! The library that checks signatures accepts more than it should: any `typ`, critical extensions that it does not know, payloads that
//! are not encoded, times in milliseconds. All of that is refused here.

use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::grant::{ChatSet, Scopes};
use im_chats_protocol::limits::MAX_TOKEN_TTL_SECONDS;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

/// The `typ` of our tokens (RFC 8725, 3.11): an ID token of the same issuer, with the same `aud`, is none.
pub const TYPE: &str = "im+jwt";

/// The `aud` of our tokens, unless a flag says another.
pub const AUDIENCE: &str = "im-chats";

/// The longest that a token may be good for, in seconds: 24 hours.
pub const MAX_LIFETIME_S: u64 = MAX_TOKEN_TTL_SECONDS;

/// How far the clocks of who signs and who checks may be apart, in seconds.
pub const LEEWAY_S: u64 = 30;

/// Longest `sub`, `jti` and `kid`, in bytes.
pub const MAX_NAME_BYTES: usize = 256;

/// Later than any time in seconds that is meant: 2100-01-01. Times in milliseconds, a common mistake, are beyond it.
pub(super) const LATEST_S: u64 = 4_102_444_800;

/// The header of a token (RFC 7515, 4.1). What may name a key elsewhere, such as `jku`, `jwk` and `x5u`, is never looked at.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Header {
    pub(super) alg: String,
    #[serde(default)]
    pub(super) typ: Option<String>,
    #[serde(default)]
    pub(super) kid: Option<String>,
    #[serde(default, deserialize_with = "is_there")]
    crit: bool,
    #[serde(default, deserialize_with = "is_there")]
    b64: bool,
}

/// Whatever it holds, and be it null.
fn is_there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

impl Header {
    /// Reads a header.
    ///
    /// # Errors
    /// `unauthenticated`, saying what is wrong with it.
    pub(super) fn read(json: &[u8]) -> Result<Self, Error> {
        let header: Self = serde_json::from_slice(json).map_err(|_| refused("its header is not what a signed token has"))?;
        if header.crit || header.b64 {
            return Err(refused("its header has extensions (crit, b64) that are not supported"));
        }
        // RFC 7515 lets `application/` be left out, and compares without regard to case.
        let is_ours = header.typ.as_deref().is_some_and(|typ| {
            let typ = typ.strip_prefix("application/").unwrap_or(typ);
            typ.eq_ignore_ascii_case(TYPE)
        });
        if !is_ours {
            return Err(refused("the typ of its header must be im+jwt"));
        }
        Ok(header)
    }
}

/// The claims of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claims {
    pub(super) subject: String,
    pub(super) audiences: Vec<String>,
    pub(super) issuer: Option<String>,
    pub(super) id: Option<String>,
    /// In seconds since 1970.
    pub(super) issued_at: u64,
    /// In seconds since 1970.
    pub(super) expires_at: u64,
    /// In seconds since 1970.
    pub(super) not_before: Option<u64>,
    pub(super) scopes: Scopes,
    pub(super) chats: Option<ChatSet>,
}

/// As they are written. Serde refuses one that is there twice.
#[derive(Debug, Deserialize)]
struct Written {
    sub: String,
    aud: OneOrMany,
    iat: u64,
    exp: u64,
    #[serde(default)]
    nbf: Option<u64>,
    #[serde(default)]
    iss: Option<String>,
    #[serde(default)]
    jti: Option<String>,
    scope: String,
    /// Not null: whoever has nothing to put there must not get a token for every chat.
    #[serde(default, deserialize_with = "present")]
    chats: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// A claim that is there, and no null.
pub(crate) fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(claim: D) -> Result<Option<T>, D::Error> {
    T::deserialize(claim).map(Some)
}

impl Claims {
    /// Reads claims whose signature is good.
    ///
    /// # Errors
    /// `unauthenticated`, saying which claim is wrong.
    pub(super) fn read(json: &[u8]) -> Result<Self, Error> {
        let written: Written = serde_json::from_slice(json).map_err(|error| {
            // Serde's words name the claim and never its value, but for a type that is wrong; a line and column help nobody.
            let text = error.to_string();
            let reason = text.split(" at line ").next().unwrap_or_default();
            refused_because(format!("its claims are wrong: {reason}"))
        })?;
        let Written { sub, aud, iat, exp, nbf, iss, jti, scope, chats } = written;
        if sub.is_empty() || [Some(&sub), jti.as_ref()].into_iter().flatten().any(|name| name.len() > MAX_NAME_BYTES) {
            return Err(refused("its sub and jti must have 1 to 256 bytes"));
        }
        if [iat, exp, nbf.unwrap_or(0)].into_iter().any(|time| time > LATEST_S) {
            return Err(refused("its times must be in seconds since 1970; these look like milliseconds"));
        }
        if exp <= iat || exp - iat > MAX_LIFETIME_S {
            return Err(refused("its exp must be later than its iat, by at most 24 hours"));
        }
        let wrong = |error: Error| refused_because(format!("its claims are wrong: {}", error.message));
        Ok(Self {
            subject: sub,
            audiences: match aud {
                OneOrMany::One(audience) => vec![audience],
                OneOrMany::Many(audiences) => audiences,
            },
            issuer: iss,
            id: jti,
            issued_at: iat,
            expires_at: exp,
            not_before: nbf,
            scopes: Scopes::parse(&scope).map_err(wrong)?,
            chats: chats.map(|chats| ChatSet::parse(&chats)).transpose().map_err(wrong)?,
        })
    }

    /// How long the token is good from now on, in milliseconds.
    ///
    /// # Errors
    /// `tokenExpired`, or `unauthenticated` for one whose time has not come. Both tell the server's clock: one that is wrong by minutes,
    /// here or there, is the usual reason.
    pub(super) fn remaining_ms(&self, now_ms: u64) -> Result<u64, Error> {
        let leeway = LEEWAY_S * 1000;
        let begins = self.not_before.unwrap_or(0).max(self.issued_at) * 1000;
        if begins > now_ms.saturating_add(leeway) {
            let message = "the token is not good yet; the clock of who signed it, or of this server, may be wrong";
            return Err(with_clock(Error::new(ErrorCode::Unauthenticated, message), now_ms));
        }
        match (self.expires_at * 1000).saturating_add(leeway).checked_sub(now_ms) {
            Some(remaining @ 1..) => Ok(remaining),
            _ => Err(with_clock(Error::new(ErrorCode::TokenExpired, "the token has ended"), now_ms)
                .with_context("endedAt", self.expires_at.to_string())),
        }
    }
}

/// The server's clock, in seconds since 1970: the client compares it with its own.
fn with_clock(error: Error, now_ms: u64) -> Error {
    error.with_context("serverTime", (now_ms / 1000).to_string())
}

/// A token that is refused, whatever it allows.
pub(super) fn refused(what: &'static str) -> Error {
    refused_because(what.to_owned())
}

/// What is said of a token whose key nobody here has.
pub(super) fn unknown_key() -> Error {
    refused("its key (kid) is not known")
}

fn refused_because(what: String) -> Error {
    Error::new(ErrorCode::Unauthenticated, format!("the token is refused: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn good() -> Value {
        json!({ "sub": "u1", "aud": "im-chats", "iat": 1_700_000_000, "exp": 1_700_003_600, "scope": "events" })
    }

    fn read(value: &Value) -> Result<Claims, Error> {
        Claims::read(value.to_string().as_bytes())
    }

    fn with(name: &str, value: Value) -> Value {
        let mut claims = good();
        claims[name] = value;
        claims
    }

    #[test]
    fn a_header_is_of_our_type_and_has_no_extension() {
        for good in [
            json!({ "alg": "HS256", "typ": "im+jwt" }),
            json!({ "alg": "none", "typ": "application/IM+JWT", "kid": "1", "jku": 7 }),
        ] {
            assert!(Header::read(good.to_string().as_bytes()).is_ok(), "{good}");
        }
        for wrong in [
            json!({ "alg": "HS256" }),
            json!({ "alg": "HS256", "typ": "JWT" }),
            json!({ "alg": "HS256", "typ": "im+jwt", "crit": ["exp"] }),
            json!({ "alg": "HS256", "typ": "im+jwt", "crit": null }),
            json!({ "alg": "HS256", "typ": "im+jwt", "b64": false }),
            json!({ "alg": 1, "typ": "im+jwt" }),
            json!([]),
        ] {
            assert_eq!(Header::read(wrong.to_string().as_bytes()).unwrap_err().code, "unauthenticated", "{wrong}");
        }
        assert!(Header::read(br#"{"alg":"HS256","alg":"none","typ":"im+jwt"}"#).is_err(), "a name that is there twice");
    }

    #[test]
    fn claims_are_read_and_what_is_wrong_is_named() {
        assert_eq!(read(&good()).unwrap().subject, "u1");
        assert_eq!(read(&with("aud", json!(["a", "b"]))).unwrap().audiences, ["a", "b"]);
        for (name, value, says) in [
            ("sub", json!(""), "sub"),
            ("sub", json!("x".repeat(257)), "sub"),
            ("jti", json!("x".repeat(257)), "jti"),
            ("exp", json!(1_700_003_600_000_u64), "milliseconds"),
            ("exp", json!(1_700_003_600.5), "exp"),
            ("exp", json!("1700003600"), "string"),
            ("exp", json!(-1), "-1"),
            ("exp", json!(1_700_000_000), "later than its iat"),
            ("exp", json!(1_700_086_401), "24 hours"),
            ("iat", json!(null), "null"),
            ("scope", json!("everything"), "scope"),
            ("chats", json!([]), "chat"),
            ("chats", json!(["chat-1"]), "GUID"),
        ] {
            let error = read(&with(name, value.clone())).unwrap_err();
            assert_eq!(error.code, "unauthenticated");
            assert!(error.message.contains(says), "{name} {value}: {}", error.message);
        }
        for name in ["sub", "aud", "iat", "exp", "scope"] {
            let mut claims = good();
            claims.as_object_mut().unwrap().remove(name);
            let error = read(&claims).unwrap_err();
            assert!(error.message.contains(name), "{}", error.message);
        }
        assert!(Claims::read(br#"{"sub":"a","sub":"b","aud":"x","iat":1,"exp":2,"scope":""}"#).is_err(), "twice");
    }

    #[test]
    fn a_token_is_good_between_its_times_give_or_take_the_leeway() {
        let claims = read(&with("nbf", json!(1_700_000_100))).unwrap();
        let at = |second: u64| claims.remaining_ms(second * 1000);
        assert_eq!(at(1_700_000_069).unwrap_err().code, "unauthenticated");
        assert_eq!(at(1_700_000_070), Ok(3_560_000));
        assert_eq!(at(1_700_003_629), Ok(1_000));
        let error = at(1_700_003_630).unwrap_err();
        assert_eq!((error.code.as_ref(), error.context_value("serverTime")), ("tokenExpired", Some("1700003630")));
    }
}
