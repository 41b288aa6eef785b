//! The token for the upstream: given once, or in a file that may change.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use im_chats_protocol::error::Error;
use im_chats_protocol::wire::token::check_token;
use parking_lot::Mutex;
use tonic::metadata::{Ascii, MetadataValue};

use crate::base::files;

/// Largest token file, in bytes.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// An `authorization` value.
pub type Bearer = MetadataValue<Ascii>;

/// Where the token comes from.
#[derive(Debug)]
pub enum TokenSource {
    /// The command line or the environment.
    Fixed(Bearer),
    /// A file, read again whenever it changes.
    File(TokenFile),
}

/// A file with a token in it.
#[derive(Debug)]
pub struct TokenFile {
    path: PathBuf,
    read: Mutex<Read>,
}

#[derive(Debug, Clone)]
struct Read {
    version: Version,
    bearer: Bearer,
    /// What is wrong with the file as it is now, once it was reported; empty when nothing is.
    complaint: String,
}

/// What changes when the file does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Version {
    modified: Option<SystemTime>,
    length: u64,
    /// Another file of the same age and length, moved here or behind a link, is another one.
    #[cfg(unix)]
    inode: u64,
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
        let read = read(path)?;
        Ok(Self::File(TokenFile { path: path.to_owned(), read: Mutex::new(read) }))
    }

    /// The token of this moment. A file that cannot be read for a while, because it is being replaced, is as it was.
    pub fn current(&self) -> Bearer {
        match self {
            Self::Fixed(bearer) => bearer.clone(),
            Self::File(file) => file.current(),
        }
    }
}

impl TokenFile {
    fn current(&self) -> Bearer {
        let mut known = self.read.lock();
        match version(&self.path) {
            Ok(version) if version == known.version && known.complaint.is_empty() => return known.bearer.clone(),
            _ => {}
        }
        match read(&self.path) {
            Ok(fresh) => {
                if fresh.bearer != known.bearer {
                    tracing::info!(path = %self.path.display(), "the upstream's token has changed");
                }
                *known = fresh;
            }
            // Every call asks: the same complaint is not repeated.
            Err(error) if error.message != known.complaint => {
                tracing::warn!(%error, "the upstream's token cannot be read; the one from before is used");
                known.complaint = error.message.to_string();
            }
            Err(_) => {}
        }
        known.bearer.clone()
    }
}

fn version(path: &Path) -> std::io::Result<Version> {
    let metadata = std::fs::metadata(path)?;
    Ok(Version {
        modified: metadata.modified().ok(),
        length: metadata.len(),
        #[cfg(unix)]
        inode: std::os::unix::fs::MetadataExt::ino(&metadata),
    })
}

fn read(path: &Path) -> Result<Read, Error> {
    let name = "--upstream-token-file";
    let failed = |reason: String| Error::invalid(name, format!("{}: {reason}", path.display()));
    let version = version(path).map_err(|error| failed(error.to_string()))?;
    let bytes = files::read(path, MAX_FILE_BYTES).map_err(|error| failed(error.to_string()))?;
    // What is not UTF-8 is not ASCII either, and the replacement character says so.
    let text = String::from_utf8_lossy(&bytes);
    // Editors and `echo` end a file with a line break. Anything else is taken as it is, and judged.
    let token = text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n')).unwrap_or(&text);
    let bearer = bearer(token).map_err(failed)?;
    Ok(Read { version, bearer, complaint: String::new() })
}

fn bearer(token: &str) -> Result<Bearer, String> {
    check_token(token)?;
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
