//! Who this relay is for NATS. The files are read at each connection: users that expire are renewed there.

use std::path::{Path, PathBuf};

use async_nats::{Auth, AuthError};
use nkeys::{KeyPair, KeyPairType};

use super::error::ClusterError;
use super::flags::{ClusterArgs, Login};
use crate::base::files;

/// The largest file with credentials.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// How the relay logs in.
#[derive(Debug, Clone)]
pub(super) enum Credentials {
    /// It does not, or a certificate says who it is.
    None,
    /// With what stands in `--log`.
    Login(Login),
    /// With `--log-creds`.
    Creds(PathBuf),
    /// With `--log-nkey`.
    Nkey(PathBuf),
}

impl Credentials {
    /// Reads what the flags say, and looks whether the file can be used now.
    pub(super) fn open(args: &ClusterArgs) -> Result<Self, ClusterError> {
        let login = args.log.as_ref().and_then(|servers| servers.login.clone());
        let credentials = match (&args.log_creds, &args.log_nkey, login) {
            (Some(_), _, Some(_)) => return Err(ClusterError::TwoLogins { flag: "--log-creds" }),
            (_, Some(_), Some(_)) => return Err(ClusterError::TwoLogins { flag: "--log-nkey" }),
            (Some(path), _, _) => Self::Creds(path.clone()),
            (_, Some(path), _) => Self::Nkey(path.clone()),
            (None, None, Some(login)) => Self::Login(login),
            (None, None, None) => Self::None,
        };
        credentials.answer(&[])?;
        Ok(credentials)
    }

    /// The flag to look at when they are refused.
    pub(super) const fn flag(&self) -> &'static str {
        match self {
            Self::None | Self::Login(_) => "--log",
            Self::Creds(_) => "--log-creds",
            Self::Nkey(_) => "--log-nkey",
        }
    }

    /// Whether a secret itself is sent, and not a signature.
    pub(super) const fn sends_secret(&self) -> bool {
        matches!(self, Self::Login(_))
    }

    /// What the server gets that sent this nonce.
    pub(super) fn answer(&self, nonce: &[u8]) -> Result<Auth, ClusterError> {
        let mut auth = Auth::new();
        match self {
            Self::None => {}
            Self::Login(Login::Token(token)) => auth.token = Some(token.clone()),
            Self::Login(Login::Password { user, password }) => {
                (auth.username, auth.password) = (Some(user.clone()), Some(password.clone()));
            }
            Self::Creds(path) => {
                let text = self.read(path)?;
                let (jwt, seed) = of_creds(&text).ok_or_else(|| {
                    self.unusable(path, "there are not a user's JWT and the seed of its nkey in it".to_owned())
                })?;
                auth.signature = Some(self.sign(path, seed, nonce)?.1);
                auth.jwt = Some(jwt.to_owned());
            }
            Self::Nkey(path) => {
                let text = self.read(path)?;
                let seed = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
                let (public, signature) = self.sign(path, seed.unwrap_or_default(), nonce)?;
                (auth.nkey, auth.signature) = (Some(public), Some(signature));
            }
        }
        Ok(auth)
    }

    /// As [`Credentials::answer`], in the form that the client of NATS takes.
    pub(super) async fn answer_later(self, nonce: Vec<u8>) -> Result<Auth, AuthError> {
        let answered = tokio::task::spawn_blocking(move || self.answer(&nonce)).await;
        answered.map_err(AuthError::new)?.map_err(AuthError::new)
    }

    fn read(&self, path: &Path) -> Result<String, ClusterError> {
        let bytes = files::read(path, MAX_FILE_BYTES).map_err(|error| self.unusable(path, error.to_string()))?;
        String::from_utf8(bytes).map_err(|_| self.unusable(path, "it is not text".to_owned()))
    }

    fn sign(&self, path: &Path, seed: &str, nonce: &[u8]) -> Result<(String, Vec<u8>), ClusterError> {
        let pair = KeyPair::from_seed(seed).ok().filter(|pair| matches!(pair.key_pair_type(), KeyPairType::User));
        let pair = pair.ok_or_else(|| self.unusable(path, "there is no seed of a user's nkey in it".to_owned()))?;
        let signature = pair.sign(nonce).map_err(|error| self.unusable(path, error.to_string()))?;
        Ok((pair.public_key(), signature))
    }

    fn unusable(&self, path: &Path, reason: String) -> ClusterError {
        ClusterError::File { flag: self.flag(), path: path.to_owned(), reason }
    }
}

/// The JWT and the seed of a file as `nsc` makes it: each stands between two lines of dashes.
fn of_creds(text: &str) -> Option<(&str, &str)> {
    let mut jwt = None;
    let mut seed = None;
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let block = match line {
            line if line.starts_with("---") && line.contains("BEGIN NATS USER JWT") => &mut jwt,
            line if line.starts_with("---") && line.contains("BEGIN USER NKEY SEED") => &mut seed,
            _ => continue,
        };
        *block = lines.next().filter(|line| !line.is_empty() && !line.starts_with('-'));
    }
    Some((jwt?, seed?))
}
