//! Who may talk to the gateway.

use clap::Args;
use im_chats_protocol::error::{Error, ErrorCode};
pub use im_chats_protocol::server::Grant;
use subtle::ConstantTimeEq;

use crate::base::flags::TokenParser;

/// The token that lets clients in.
#[derive(Debug, Args)]
pub struct TokenArgs {
    /// The bearer token clients must send; one is generated and printed on stderr when none is given.
    #[arg(long, value_name = "TOKEN", env = "IM_CHATS_TOKEN", hide_env_values = true, value_parser = TokenParser)]
    pub token: Option<String>,
}

/// Judges tokens, for REST and for the event stream alike.
pub trait Authenticator: Send + Sync + 'static {
    /// Judges one token.
    ///
    /// # Errors
    /// A code of the authentication category.
    fn verify(&self, token: &str) -> Result<Grant, Error>;
}

/// The one token the gateway was started with.
pub struct StaticToken(Box<[u8]>);

impl StaticToken {
    /// Accepts exactly `token`.
    #[must_use]
    pub fn new(token: &str) -> Self {
        Self(token.as_bytes().into())
    }

    /// A fresh token that nobody can guess: 122 random bits.
    #[must_use]
    pub fn generate() -> String {
        uuid::Uuid::new_v4().simple().to_string()
    }
}

impl Authenticator for StaticToken {
    fn verify(&self, token: &str) -> Result<Grant, Error> {
        // Constant time, so that the answer's delay does not tell how much of a guess was right.
        if bool::from(self.0.ct_eq(token.as_bytes())) {
            return Ok(Grant::default());
        }
        Err(refused("the token is not the one this gateway was started with"))
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
