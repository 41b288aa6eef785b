//! Who may talk to the gateway.

use std::sync::Arc;

use clap::Args;
use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::grant::Grant;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;
use tokio::sync::watch;

use crate::base::flags::TokenParser;

/// The token that lets clients in.
#[derive(Debug, Args)]
pub struct TokenArgs {
    /// The bearer token clients must send; one is generated and printed on stderr when none is given.
    #[arg(long, value_name = "TOKEN", env = "IM_CHATS_TOKEN", hide_env_values = true, value_parser = TokenParser)]
    pub token: Option<String>,
}

/// A token that was judged and found good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pass {
    /// What it allows.
    pub grant: Grant,
    /// Which token it was.
    pub identity: Identity,
}

/// Which token it was, without the token itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// One of the operator's own.
    Static {
        /// The SHA-256 of the token.
        digest: [u8; 32],
    },
    /// A signed one.
    Signed {
        /// The key that signed it, its `kid`.
        key: Arc<str>,
        /// Its `jti`.
        id: Option<Arc<str>>,
        /// Its `iat`, in seconds since 1970.
        issued_at: u64,
    },
}

/// Judges tokens, for REST, for gRPC and for the event stream alike.
pub trait Authenticator: Send + Sync + 'static {
    /// Judges one token.
    ///
    /// # Errors
    /// A code of the authentication category, or `serviceUnavailable` while the keys cannot be had.
    fn verify(&self, token: &str) -> Result<Pass, Error>;

    /// Whether a token that was good still is: it was not denied since, and its key was not taken away. Its end is not looked at.
    ///
    /// # Errors
    /// As [`Authenticator::verify`].
    fn recheck(&self, pass: &Pass) -> Result<(), Error>;

    /// Changes whenever [`Authenticator::recheck`] may have another answer than before.
    fn changes(&self) -> watch::Receiver<u64>;
}

/// The one token the gateway was started with.
pub struct StaticToken {
    digest: [u8; 32],
    /// Kept, so that those who watch are never told that it is gone.
    changes: watch::Sender<u64>,
}

impl StaticToken {
    /// Accepts exactly `token`.
    #[must_use]
    pub fn new(token: &str) -> Self {
        Self { digest: Sha256::digest(token).into(), changes: watch::Sender::new(0) }
    }

    /// A fresh token that nobody can guess: 122 random bits.
    #[must_use]
    pub fn generate() -> String {
        uuid::Uuid::new_v4().simple().to_string()
    }
}

impl Authenticator for StaticToken {
    fn verify(&self, token: &str) -> Result<Pass, Error> {
        let digest: [u8; 32] = Sha256::digest(token).into();
        // Constant time, so that the answer's delay does not tell how much of a guess was right.
        if bool::from(self.digest.ct_eq(&digest)) {
            return Ok(Pass { grant: Grant::ADMIN, identity: Identity::Static { digest } });
        }
        Err(refused("the token is not the one this gateway was started with"))
    }

    fn recheck(&self, _: &Pass) -> Result<(), Error> {
        Ok(())
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}

/// Takes the token out of an `Authorization` header.
///
/// # Errors
/// `unauthenticated` when the header is not of the form `Bearer <token>`.
pub fn bearer(header: Option<&http::HeaderValue>) -> Result<&str, Error> {
    let header = header.ok_or_else(|| refused("no token: send the header Authorization: Bearer <token>"))?;
    header
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .filter(|token| !token.is_empty())
        .ok_or_else(|| refused("the Authorization header is not of the form Bearer <token>"))
}

fn refused(message: &'static str) -> Error {
    Error::new(ErrorCode::Unauthenticated, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_token_is_accepted() {
        let token = StaticToken::new("secret");
        assert!(token.verify("secret").is_ok());
        for wrong in ["", "Secret", "secre", "secret1", "secret "] {
            assert_eq!(token.verify(wrong).unwrap_err().code, "unauthenticated", "{wrong:?}");
        }
    }

    #[test]
    fn the_header_is_read_as_clients_write_it() {
        for (text, token) in [("Bearer abc", "abc"), ("bearer  abc ", "abc")] {
            assert_eq!(bearer(Some(&http::HeaderValue::from_static(text))), Ok(token));
        }
        for text in ["Basic abc", "Bearer", "Bearer ", "abc"] {
            assert!(bearer(Some(&http::HeaderValue::from_static(text))).is_err(), "{text:?}");
        }
        assert!(bearer(None).is_err());
    }
}
