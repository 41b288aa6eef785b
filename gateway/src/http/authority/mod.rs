//! A certificate authority of this gateway's own, for TLS on a desk: it is made once and kept in the data directory, so that programs
//! which trust it go on doing so. It may sign for the names that are served here, and for no other host.
//!
//! `names` is what the server's certificate is for, `issue` makes and judges certificates.

mod issue;
mod names;

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use clap::Args;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, CertificateError};

use super::tls::{Contents, TlsError, TlsFiles};
use crate::base::private;
use issue::{Authority, certificate_pem, days, key_pem, new_key};
pub use names::{NameError, Names};

/// The certificate that programs are to trust, in the directory of the authority.
pub const AUTHORITY: &str = "authority.pem";

/// Its key.
pub const AUTHORITY_KEY: &str = "authority-key.pem";

/// The certificate that the server shows.
pub const SERVER: &str = "server.pem";

/// The server's key.
pub const SERVER_KEY: &str = "server-key.pem";

/// A certificate that is good for less than this is replaced.
const RENEW_BEFORE: Duration = days(30);

/// How often a gateway that runs for long looks whether it is time.
const LOOK_INTERVAL: Duration = Duration::from_secs(6 * 60 * 60);

/// Whether the gateway makes its certificate itself.
#[derive(Debug, Clone, Copy, Default, Args)]
#[command(next_help_heading = "TLS")]
pub struct SelfSignedArgs {
    /// Serve https with a certificate of a local authority, which is made and kept in the data directory; a line on stderr says how
    /// programs come to trust it. For development.
    #[arg(long, conflicts_with_all = ["tls_cert", "tls_key"])]
    pub tls_self_signed: bool,
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A file that is damaged, or that does not belong to the others.
    #[error("--tls-self-signed: {source}; {remedy}")]
    Damaged {
        /// What is wrong with which file.
        source: TlsError,
        /// What to do.
        remedy: String,
    },
    /// An authority that somebody else made.
    #[error("--tls-self-signed: the authority in {certificate} was not made by this program; {remedy}", certificate = certificate.display())]
    Foreign {
        /// Its file.
        certificate: PathBuf,
        /// What to do.
        remedy: String,
    },
    /// A file or directory that cannot be read or written.
    #[error("--tls-self-signed: {path}: {source}", path = path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A name that no certificate can have.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A certificate that cannot be made.
    #[error("--tls-self-signed: the certificate cannot be made: {0}")]
    Make(#[from] rcgen::Error),
    /// A certificate that was made, and that no client would take.
    #[error("--tls-self-signed: the certificate that was made cannot be used: {0}")]
    Unusable(rustls::Error),
}

/// The authority of one data directory, and the certificate that it gives the server.
#[derive(Debug)]
pub struct LocalAuthority {
    directory: PathBuf,
    names: Names,
}

impl LocalAuthority {
    /// In a data directory, which nobody else uses; for these names.
    ///
    /// # Errors
    /// When the directory has no absolute path.
    pub fn new(data: &Path, names: Names) -> Result<Self, AuthorityError> {
        let directory = std::path::absolute(data.join(private::TLS));
        let directory = directory.map_err(|source| AuthorityError::Io { path: data.to_owned(), source })?;
        Ok(Self { directory, names })
    }

    /// The file that programs are to trust. Its path is absolute.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.directory.join(AUTHORITY)
    }

    /// The server's certificate and key.
    #[must_use]
    pub fn files(&self) -> TlsFiles {
        TlsFiles { certificate: self.directory.join(SERVER), key: self.directory.join(SERVER_KEY) }
    }

    /// Sees to it that the files are there and good. The authority stays as long as it can be used; what it gave the server is replaced
    /// when it ends soon, or when the names are others.
    ///
    /// # Errors
    /// A sentence that names the file. One that is damaged is not replaced: it is for its owner to say that nobody needs it.
    pub fn keep(&self, now: SystemTime) -> Result<(), AuthorityError> {
        let ours = [AUTHORITY, AUTHORITY_KEY, SERVER, SERVER_KEY];
        let is_ours = |name: &str| ours.contains(&name.strip_suffix(".new").unwrap_or(name));
        private::directory(&self.directory, is_ours).map_err(|source| io_error(&self.directory, source))?;
        for name in ours {
            let path = self.directory.join(name);
            private::tighten(&path).map_err(|source| io_error(&path, source))?;
        }
        let found = self.authority()?;
        let authority = match found {
            Some(authority) => authority,
            None => self.make(now)?,
        };
        if self.is_good(&authority, now)? {
            return Ok(());
        }
        match self.issue(&authority, now) {
            Err(AuthorityError::Unusable(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer))) => {
                Err(AuthorityError::Foreign { certificate: self.certificate(), remedy: self.remedy() })
            }
            // It has ended, or may not sign for a name that is new.
            Err(AuthorityError::Unusable(reason)) => {
                tracing::warn!(
                    %reason,
                    certificate = %self.certificate().display(),
                    "the local authority can sign no certificate for the names that are served now, so there is a new one; \
                     programs that are to trust it must read its file again"
                );
                self.issue(&self.make(now)?, now)
            }
            issued => issued,
        }
    }

    /// Keeps the files for as long as the gateway runs; who serves them notices that they change.
    pub async fn watch(self) {
        loop {
            tokio::time::sleep(LOOK_INTERVAL).await;
            if let Err(error) = self.keep(SystemTime::now()) {
                tracing::warn!(%error, "the TLS certificate cannot be renewed");
            }
        }
    }

    /// The authority that is there.
    fn authority(&self) -> Result<Option<Authority>, AuthorityError> {
        let files = TlsFiles { certificate: self.certificate(), key: self.directory.join(AUTHORITY_KEY) };
        // A key alone is what is left of a start that was cut off: nobody trusts it yet.
        if !is_there(&files.certificate)? {
            return Ok(None);
        }
        let (certificate, key) = self.read(&files, self.remedy())?;
        let damaged = |_| {
            let source = TlsError::Content { path: files.key.clone(), what: "a private key in PKCS #8" };
            AuthorityError::Damaged { source, remedy: self.remedy() }
        };
        Authority::new(certificate, &key).map(Some).map_err(damaged)
    }

    /// Whether the server's certificate is there and will do for a while.
    fn is_good(&self, authority: &Authority, now: SystemTime) -> Result<bool, AuthorityError> {
        let files = self.files();
        if !is_there(&files.certificate)? || !is_there(&files.key)? {
            return Ok(false);
        }
        let (certificate, _) = self.read(&files, self.remedy_of_server())?;
        let good_at = |time| authority.check(&certificate, &self.names, time).is_ok();
        Ok(good_at(now) && good_at(now + RENEW_BEFORE))
    }

    fn make(&self, now: SystemTime) -> Result<Authority, AuthorityError> {
        let authority = Authority::make(&self.names, now)?;
        let (certificate, key) = authority.pems();
        // The key alone is no authority, so that whatever is cut off here begins from the start.
        self.remove(AUTHORITY)?;
        self.write(AUTHORITY_KEY, &key)?;
        self.write(AUTHORITY, &certificate)?;
        tracing::info!(certificate = %self.certificate().display(), "made a local certificate authority");
        Ok(authority)
    }

    fn issue(&self, authority: &Authority, now: SystemTime) -> Result<(), AuthorityError> {
        let key = new_key()?;
        let certificate = authority.issue(&key, &self.names, now)?;
        for time in [now, now + RENEW_BEFORE] {
            authority.check(&certificate, &self.names, time).map_err(AuthorityError::Unusable)?;
        }
        self.remove(SERVER)?;
        self.write(SERVER_KEY, &key_pem(&key))?;
        self.write(SERVER, &certificate_pem(&certificate))?;
        tracing::info!(certificate = %self.files().certificate.display(), "made a certificate for this server");
        Ok(())
    }

    fn read(
        &self,
        files: &TlsFiles,
        remedy: String,
    ) -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), AuthorityError> {
        let read = || {
            let contents = Contents::read(files)?;
            let certified = contents.certified(files, &ring::default_provider())?;
            let content = |path: &Path, what| TlsError::Content { path: path.to_owned(), what };
            let certificate = certified.cert.first().cloned().ok_or_else(|| content(&files.certificate, "a certificate"))?;
            let key = PrivateKeyDer::from_pem_slice(&contents.key).map_err(|_| content(&files.key, "a private key"))?;
            Ok((certificate, key))
        };
        read().map_err(|source| AuthorityError::Damaged { source, remedy })
    }

    fn write(&self, name: &str, pem: &str) -> Result<(), AuthorityError> {
        let path = self.directory.join(name);
        private::replace(&path, pem.as_bytes()).map_err(|source| io_error(&path, source))
    }

    fn remove(&self, name: &str) -> Result<(), AuthorityError> {
        let path = self.directory.join(name);
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(io_error(&path, source)),
            _ => Ok(()),
        }
    }

    fn remedy(&self) -> String {
        let directory = self.directory.display();
        format!("restore it, or delete {directory} to have a new authority, which programs must then be told to trust")
    }

    fn remedy_of_server(&self) -> String {
        format!("delete {} to have a new one; the authority stays", self.files().certificate.display())
    }
}

fn is_there(path: &Path) -> Result<bool, AuthorityError> {
    path.try_exists().map_err(|source| io_error(path, source))
}

fn io_error(path: &Path, source: io::Error) -> AuthorityError {
    AuthorityError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests;
