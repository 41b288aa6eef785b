//! The token that opens the metrics and nothing else.

use std::path::Path;
use std::sync::Arc;

use im_chats_protocol::error::{Error, ErrorCode};
use subtle::ConstantTimeEq as _;

use crate::base::token::{MAX_TOKEN_FILE_BYTES, token};
use crate::base::watched::Watched;

/// The flag of the file.
const FLAG: &str = "--metrics-token-file";

/// The token. It is never shown.
pub struct MetricsToken(Source);

enum Source {
    Fixed(Arc<String>),
    File(Watched<String>),
}

impl MetricsToken {
    /// Given once.
    #[must_use]
    pub fn fixed(token: &str) -> Self {
        Self(Source::Fixed(Arc::new(token.to_owned())))
    }

    /// In a file that may change, and must hold one now.
    ///
    /// # Errors
    /// `invalidArgument` naming the flag.
    pub fn file(path: &Path) -> Result<Self, Error> {
        Watched::open(FLAG, path, MAX_TOKEN_FILE_BYTES, token).map(Source::File).map(Self)
    }

    /// Judges one token.
    ///
    /// # Errors
    /// `unauthenticated` when it is another one.
    pub fn verify(&self, given: &str) -> Result<(), Error> {
        let token = match &self.0 {
            Source::Fixed(token) => Arc::clone(token),
            Source::File(file) => file.current(),
        };
        // Constant time, so that the answer's delay does not tell how much of a guess was right.
        if bool::from(token.as_bytes().ct_eq(given.as_bytes())) {
            return Ok(());
        }
        Err(Error::new(ErrorCode::Unauthenticated, "the token is not the one for the metrics of this gateway"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_token_is_accepted() {
        let token = MetricsToken::fixed("secret");
        token.verify("secret").unwrap();
        token.verify("secret").unwrap();
        for wrong in ["", "Secret", "secre", "secret1", "secret "] {
            assert_eq!(token.verify(wrong).unwrap_err().code, "unauthenticated", "{wrong:?}");
        }
    }

    #[test]
    fn a_file_is_read_again_and_as_it_was_while_it_is_away() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        for bytes in [None, Some(&b""[..]), Some(b"a b"), Some(b"abc\n\n"), Some(b"\xff")] {
            if let Some(bytes) = bytes {
                std::fs::write(&path, bytes).unwrap();
            }
            let error = MetricsToken::file(&path).err().expect("no token");
            assert_eq!(error.context_value("field"), Some(FLAG), "{bytes:?}");
            assert!(!error.message.contains("abc"), "{error}");
        }
        std::fs::write(&path, "first\n").unwrap();
        let token = MetricsToken::file(&path).unwrap();
        token.verify("first").unwrap();
        std::fs::remove_file(&path).unwrap();
        token.verify("first").unwrap();
        std::fs::write(&path, "second\r\n").unwrap();
        token.verify("second").unwrap();
        assert!(token.verify("first").is_err());
    }
}
