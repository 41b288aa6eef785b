//! The token for the upstream: given once, or in a file that may change.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use im_chats::error::Error;
use parking_lot::Mutex;
use tonic::metadata::{Ascii, MetadataValue};

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
}

/// What changes when the file does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Version {
    modified: Option<SystemTime>,
    length: u64,
}

impl TokenSource {
    /// The token itself.
    ///
    /// # Errors
    /// `invalidArgument` when it cannot travel in a header.
    pub fn fixed(token: &str) -> Result<Self, Error> {
        Ok(Self::Fixed(bearer(token, "--upstream-token")?))
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
        if version(&self.path).is_ok_and(|version| version != known.version) {
            match read(&self.path) {
                Ok(fresh) => {
                    if fresh.bearer != known.bearer {
                        tracing::info!(path = %self.path.display(), "the upstream's token has changed");
                    }
                    *known = fresh;
                }
                Err(error) => tracing::warn!(%error, "the token as it was is used"),
            }
        }
        known.bearer.clone()
    }
}

fn version(path: &Path) -> std::io::Result<Version> {
    let metadata = std::fs::metadata(path)?;
    Ok(Version { modified: metadata.modified().ok(), length: metadata.len() })
}

fn read(path: &Path) -> Result<Read, Error> {
    let name = "--upstream-token-file";
    let failed = |reason: String| Error::invalid(name, format!("{}: {reason}", path.display()));
    let version = version(path).map_err(|error| failed(error.to_string()))?;
    if version.length > MAX_FILE_BYTES {
        return Err(failed(format!("a token has at most {MAX_FILE_BYTES} bytes")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    Ok(Read { version, bearer: bearer(text.trim(), name)? })
}

fn bearer(token: &str, name: &'static str) -> Result<Bearer, Error> {
    if token.is_empty() {
        return Err(Error::invalid(name, "there is no token"));
    }
    let visible = token.bytes().all(|byte| byte.is_ascii_graphic());
    let value = Bearer::try_from(format!("Bearer {token}")).ok().filter(|_| visible);
    let mut value = value.ok_or_else(|| Error::invalid(name, "a token has printable ASCII characters only, and no spaces"))?;
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
}
