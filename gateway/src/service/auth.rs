//! Who may talk to the gateway.

use std::sync::Arc;
use std::time::{Duration, Instant};

use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::grant::Grant;
use tokio::sync::watch;

/// A token that was judged and found good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pass {
    /// What it allows.
    pub grant: Grant,
    /// Which token it was.
    pub identity: Identity,
    /// When it ends; absent = never.
    ends_at: Option<Instant>,
}

impl Pass {
    /// A token that was judged right now.
    #[must_use]
    pub fn new(grant: Grant, identity: Identity) -> Self {
        let ends_at = grant.expires_in_ms.and_then(|ms| Instant::now().checked_add(Duration::from_millis(ms)));
        Self { grant, identity, ends_at }
    }

    /// Whether its time is not over yet.
    ///
    /// # Errors
    /// `tokenExpired` when it is.
    pub fn check_time(&self) -> Result<(), Error> {
        match self.ends_at {
            Some(end) if end <= Instant::now() => Err(Error::new(ErrorCode::TokenExpired, "the token has ended")),
            _ => Ok(()),
        }
    }
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
        /// The SHA-256 of what checks it: another key may come under the same name.
        fingerprint: [u8; 32],
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
