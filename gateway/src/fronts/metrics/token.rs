//! The token that opens the metrics and nothing else.

use std::path::{Path, PathBuf};

use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::wire::token::check_token;
use parking_lot::Mutex;
use subtle::ConstantTimeEq as _;

use crate::base::files;
use crate::base::log_throttle::LogThrottle;

/// Largest token file, in bytes.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// The flag of the file.
const FLAG: &str = "--metrics-token-file";

/// While the file cannot be read, each request finds that out again.
static UNREADABLE: LogThrottle = LogThrottle::per_minute();

/// The token. It is never shown.
pub struct MetricsToken {
    file: Option<PathBuf>,
    /// As it was read last.
    token: Mutex<String>,
}

impl MetricsToken {
    /// Given once.
    #[must_use]
    pub fn fixed(token: &str) -> Self {
        Self { file: None, token: Mutex::new(token.to_owned()) }
    }

    /// In a file that may change, and must hold one now.
    ///
    /// # Errors
    /// `invalidArgument` naming the flag.
    pub fn file(path: &Path) -> Result<Self, Error> {
        Ok(Self { file: Some(path.to_owned()), token: Mutex::new(read(path)?) })
    }

    /// Judges one token.
    ///
    /// # Errors
    /// `unauthenticated` when it is another one.
    pub fn verify(&self, given: &str) -> Result<(), Error> {
        let mut token = self.token.lock();
        // A scrape comes every few seconds: the file is small, and reading it is cheaper than being wrong about it.
        match self.file.as_deref().map(read).transpose() {
            Ok(Some(fresh)) => *token = fresh,
            Ok(None) => {}
            Err(error) => {
                if let Some(repeated) = UNREADABLE.hit() {
                    tracing::warn!(%error, repeated, "the token of the metrics cannot be read; the one from before is used");
                }
            }
        }
        // Constant time, so that the answer's delay does not tell how much of a guess was right.
        if bool::from(token.as_bytes().ct_eq(given.as_bytes())) {
            return Ok(());
        }
        Err(Error::new(ErrorCode::Unauthenticated, "the token is not the one for the metrics of this gateway"))
    }
}

fn read(path: &Path) -> Result<String, Error> {
    let failed = |reason: String| Error::invalid(FLAG, format!("{}: {reason}", path.display()));
    let bytes = files::read(path, MAX_FILE_BYTES).map_err(|error| failed(error.to_string()))?;
    // What is not UTF-8 is not ASCII either, and the replacement character says so.
    let text = String::from_utf8_lossy(&bytes);
    // Editors and `echo` end a file with a line break.
    let token = text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n')).unwrap_or(&text);
    check_token(token).map_err(failed)?;
    Ok(token.to_owned())
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
