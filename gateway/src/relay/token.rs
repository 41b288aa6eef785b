//! The token for the upstream: given once, or in a file that may change.

use std::path::Path;

use im_chats_protocol::error::Error;
use im_chats_protocol::wire::token::check_token;
use tonic::metadata::{Ascii, MetadataValue};

use crate::base::token::{MAX_TOKEN_FILE_BYTES, token};
use crate::base::watched::Watched;

/// An `authorization` value.
pub type Bearer = MetadataValue<Ascii>;

/// Where the token comes from.
#[derive(Debug)]
pub enum TokenSource {
    /// The command line or the environment.
    Fixed(Bearer),
    /// A file, read again whenever it changes.
    File(Watched<Bearer>),
}

impl TokenSource {
    /// The token itself.
    ///
    /// # Errors
    /// `invalidArgument` when it cannot travel in a header.
    pub fn fixed(token: &str) -> Result<Self, Error> {
        bearer(token).map(Self::Fixed).map_err(|reason| Error::invalid("--upstream-token", reason))
    }

    /// A file, which must hold a token now.
    ///
    /// # Errors
    /// `invalidArgument` when it cannot be read, or holds no token.
    pub fn file(path: &Path) -> Result<Self, Error> {
        Watched::open("--upstream-token-file", path, MAX_TOKEN_FILE_BYTES, |bytes| header(&token(bytes)?)).map(Self::File)
    }

    /// The token of this moment. A file that cannot be read for a while, because it is being replaced, is as it was.
    pub fn current(&self) -> Bearer {
        match self {
            Self::Fixed(bearer) => bearer.clone(),
            Self::File(file) => Bearer::clone(&file.current()),
        }
    }
}

fn bearer(token: &str) -> Result<Bearer, String> {
    check_token(token)?;
    header(token)
}

fn header(token: &str) -> Result<Bearer, String> {
    let mut value = Bearer::try_from(format!("Bearer {token}")).map_err(|error| error.to_string())?;
    // Kept out of whatever prints headers.
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_cannot_travel_is_refused_by_name() {
        for token in ["", "a b", "tök", "a\nb"] {
            let error = TokenSource::fixed(token).unwrap_err();
            assert_eq!(error.context_value("field"), Some("--upstream-token"), "{token:?}");
            assert!(!error.message.contains("tök"));
        }
        assert_eq!(TokenSource::fixed("abc").unwrap().current().to_str().unwrap(), "Bearer abc");
    }

    #[test]
    fn a_file_is_read_again_when_it_changes_and_as_it_was_while_it_is_away() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        assert!(TokenSource::file(&path).unwrap_err().message.contains("token"));
        std::fs::write(&path, "first\n").unwrap();
        let source = TokenSource::file(&path).unwrap();
        assert_eq!(source.current().to_str().unwrap(), "Bearer first");
        std::fs::remove_file(&path).unwrap();
        assert_eq!(source.current().to_str().unwrap(), "Bearer first");
        std::fs::write(&path, "").unwrap();
        assert_eq!(source.current().to_str().unwrap(), "Bearer first");
        std::fs::write(&path, "another\n").unwrap();
        assert_eq!(source.current().to_str().unwrap(), "Bearer another");
    }

    #[test]
    fn a_line_break_at_the_end_is_not_part_of_the_token_and_anything_else_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        let holding = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            TokenSource::file(&path).map(|source| source.current().to_str().unwrap().to_owned())
        };
        for bytes in [&b"abc"[..], b"abc\n", b"abc\r\n"] {
            assert_eq!(holding(bytes).unwrap(), "Bearer abc");
        }
        for bytes in
            [&b""[..], b"\n", b" abc\n", b"abc \n", b"abc\n\n", b"\nabc", b"a\nb", b"abc\r", b"\xef\xbb\xbfabc", b"\xff"]
        {
            let error = holding(bytes).unwrap_err();
            assert_eq!(error.context_value("field"), Some("--upstream-token-file"), "{bytes:?}");
            assert!(!error.message.contains("abc"), "{error}");
        }
    }
}
