//! The gateway's own key, for who configured none: a secret in the data directory, made when the first token is asked for. Whoever deletes
//! its file takes every token back that it signed.

use std::io;
use std::path::{Path, PathBuf};

use im_chats_protocol::error::{Error, ErrorCode};
use parking_lot::Mutex;
use ring::rand::{SecureRandom as _, SystemRandom};

use super::keys::{Key, local_path, name_of_secret};
use crate::base::hex::hex;
use crate::base::watched::without_line_break;
use crate::base::{files, private};

/// Random bytes of a new secret; its file holds them as hexadecimal digits.
const SECRET_BYTES: usize = 32;

/// Largest file of it, in bytes.
const MAX_FILE_BYTES: u64 = 1024;

/// The key, where its file is there.
#[derive(Debug)]
pub(super) struct LocalKey {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    key: Option<Key>,
    /// Whether the log says already that the file cannot be read.
    complained: bool,
}

impl LocalKey {
    /// Reads the key of a data directory, if it has one.
    ///
    /// # Errors
    /// `invalidArgument` of `--data`, naming the file, when it is there and cannot be used.
    pub(super) fn open(data: &Path) -> Result<Self, Error> {
        let path = local_path(data);
        // It is a secret, however it came here.
        let found = private::tighten(&path).and_then(|()| read(&path));
        let key = found.map_err(|error| {
            let help = "delete it to have a new one; tokens that it signed are good no more";
            Error::invalid("--data", format!("{}: {error}; {help}", path.display()))
        })?;
        Ok(Self { path, state: Mutex::new(State { key, complained: false }) })
    }

    /// The key as it was when the file was last looked at.
    pub(super) fn last(&self) -> Option<Key> {
        self.state.lock().key.clone()
    }

    /// Looks at the file; says whether it is another one, or gone.
    pub(super) fn look(&self) -> bool {
        look(&self.path, &mut self.state.lock())
    }

    /// The key to sign with, which is made where there is none.
    ///
    /// # Errors
    /// `internalError` when it cannot be written.
    pub(super) fn or_create(&self) -> Result<Key, Error> {
        let mut state = self.state.lock();
        look(&self.path, &mut state);
        if let Some(key) = &state.key {
            return Ok(key.clone());
        }
        let key = create(&self.path).map_err(|error| {
            tracing::error!(path = %self.path.display(), %error, "the key for tokens cannot be written");
            Error::new(ErrorCode::InternalError, "the key for tokens cannot be written; the server's log says more")
        })?;
        tracing::info!(path = %self.path.display(), kid = %key.kid, "made a key for tokens; --token-key names one of your own");
        state.key = Some(key.clone());
        Ok(key)
    }
}

fn look(path: &Path, state: &mut State) -> bool {
    match read(path) {
        Ok(found) => {
            let changed = found != state.key;
            if changed {
                let kid = found.as_ref().map_or("none", |key| &key.kid);
                tracing::info!(path = %path.display(), kid, "the key for tokens has changed");
            }
            *state = State { key: found, complained: false };
            changed
        }
        Err(error) => {
            if !std::mem::replace(&mut state.complained, true) {
                tracing::warn!(path = %path.display(), %error, "the key for tokens cannot be read; the one from before is used");
            }
            false
        }
    }
}

fn read(path: &Path) -> io::Result<Option<Key>> {
    let bytes = match files::read(path, MAX_FILE_BYTES) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        bytes => bytes?,
    };
    let secret = without_line_break(&bytes);
    Key::secret(&name_of_secret(secret), secret).map(Some).map_err(io::Error::other)
}

/// A secret that nobody can guess, as hexadecimal digits; none while the system has no random numbers.
pub(super) fn new_secret() -> Option<Vec<u8>> {
    let mut random = [0; SECRET_BYTES];
    SystemRandom::new().fill(&mut random).ok()?;
    Some(hex(&random).into_bytes())
}

fn create(path: &Path) -> io::Result<Key> {
    let secret = new_secret().ok_or_else(|| io::Error::other("the system has no random numbers"))?;
    private::replace(path, &[&secret[..], b"\n"].concat())?;
    Key::secret(&name_of_secret(&secret), &secret).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_when_it_is_needed_and_outlives_a_restart() {
        let data = tempfile::tempdir().unwrap();
        let path = data.path().join("token.key");
        let local = LocalKey::open(data.path()).unwrap();
        assert!(local.last().is_none() && !path.exists());
        let key = local.or_create().unwrap();
        assert_eq!((local.last(), LocalKey::open(data.path()).unwrap().last()), (Some(key.clone()), Some(key.clone())));
        assert!(!local.look());
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
            assert_eq!(mode & 0o777, 0o600);
        }
        std::fs::remove_file(&path).unwrap();
        assert!(local.look());
        assert!(local.last().is_none());
        let next = local.or_create().unwrap();
        assert!(next.kid != key.kid && next != key);
    }

    #[test]
    fn a_broken_file_stops_the_start_and_names_itself() {
        let data = tempfile::tempdir().unwrap();
        let path = data.path().join("token.key");
        let local = LocalKey::open(data.path()).unwrap();
        let key = local.or_create().unwrap();
        std::fs::write(&path, "short\n").unwrap();
        let error = LocalKey::open(data.path()).unwrap_err();
        assert!(error.message.contains("token.key") && error.message.contains("32 bytes"), "{error}");
        assert!(!local.look());
        assert_eq!(local.last(), Some(key));
    }
}
