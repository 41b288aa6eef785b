//! TLS of the gateway itself. The certificate is read again when its file changes, so that a renewal needs no restart;
//! connections that are open keep the one they began with.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use parking_lot::RwLock;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_util::sync::CancellationToken;

use crate::base::files;

/// How often the files are looked at. They are read whole and compared: times and sizes miss what a swapped link changes.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Largest file that is read; a chain of certificates has some kilobytes.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Where the certificate is.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "TLS")]
pub struct TlsArgs {
    /// The certificate and its chain in PEM: serves https and HTTP/2 by ALPN in place of plain HTTP. Read again when it changes.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// The certificate's private key in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
}

impl TlsArgs {
    /// The two files, when TLS is wanted; the command line refuses one without the other.
    #[must_use]
    pub fn files(&self) -> Option<TlsFiles> {
        Some(TlsFiles { certificate: self.tls_cert.clone()?, key: self.tls_key.clone()? })
    }
}

/// A certificate and its key on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// PEM, the server's own certificate first.
    pub certificate: PathBuf,
    /// PEM: PKCS #8, PKCS #1 or SEC1.
    pub key: PathBuf,
}

/// Why TLS cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file that cannot be read.
    #[error("cannot read {path}: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file without what it should hold.
    #[error("{path} does not hold {what} in PEM form", path = path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
    },
    /// A certificate and a key that are not of each other.
    #[error("the key in {key} does not belong to the certificate in {certificate}", key = files.key.display(), certificate = files.certificate.display())]
    Mismatch {
        /// The certificate and the key.
        files: TlsFiles,
    },
    /// A certificate or key that cannot be used.
    #[error("the certificate in {certificate} cannot be used: {source}", certificate = files.certificate.display())]
    Unusable {
        /// The certificate and the key.
        files: TlsFiles,
        /// What the TLS library said.
        source: rustls::Error,
    },
}

/// The certificate in use.
#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read()))
    }
}

/// Reads the files and gives what accepts connections with them, and with what replaces them until `stop`.
///
/// # Errors
/// A sentence that names the file.
pub fn acceptor(files: TlsFiles, stop: CancellationToken) -> Result<TlsAcceptor, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let contents = Contents::read(&files)?;
    let current = Arc::new(Current(RwLock::new(Arc::new(contents.certified(&files, &provider)?))));
    let unusable = |source| TlsError::Unusable { files: files.clone(), source };
    let mut config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::<Current>::clone(&current));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    tokio::spawn(async move {
        stop.run_until_cancelled(watch(files, contents, provider, current)).await;
    });
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn watch(files: TlsFiles, mut last: Contents, provider: Arc<CryptoProvider>, current: Arc<Current>) {
    let mut complained = String::new();
    loop {
        tokio::time::sleep(LOOK_INTERVAL).await;
        let looked = {
            let files = files.clone();
            tokio::task::spawn_blocking(move || Contents::read(&files)).await
        };
        let Ok(looked) = looked else { continue };
        let renewed = match looked {
            Ok(contents) if contents == last => continue,
            Ok(contents) => contents.certified(&files, &provider).map(|key| (contents, key)),
            Err(error) => Err(error),
        };
        match renewed {
            Ok((contents, key)) => {
                *current.0.write() = Arc::new(key);
                last = contents;
                complained.clear();
                tracing::info!("the TLS certificate was renewed");
            }
            // Two files are never replaced at once: what does not fit yet may fit at the next look.
            Err(error) => {
                let error = error.to_string();
                if error != complained {
                    tracing::warn!(%error, "the TLS files changed and cannot be used; the certificate from before stays");
                    complained = error;
                }
            }
        }
    }
}

/// What the two files hold.
#[derive(PartialEq, Eq)]
pub(super) struct Contents {
    certificate: Vec<u8>,
    pub(super) key: Vec<u8>,
}

impl Contents {
    pub(super) fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        Ok(Self { certificate: read(&files.certificate)?, key: read(&files.key)? })
    }

    pub(super) fn certified(&self, files: &TlsFiles, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
        let content = |path: &Path, what| TlsError::Content { path: path.to_owned(), what };
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&self.certificate)
            .collect::<Result<_, _>>()
            .map_err(|_| content(&files.certificate, "a certificate"))?;
        if chain.is_empty() {
            return Err(content(&files.certificate, "a certificate"));
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|_| content(&files.key, "a private key"))?;
        CertifiedKey::from_der(chain, key, provider).map_err(|source| match source {
            rustls::Error::InconsistentKeys(_) => TlsError::Mismatch { files: files.clone() },
            source => TlsError::Unusable { files: files.clone(), source },
        })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    files::read(path, MAX_FILE_BYTES).map_err(|source| TlsError::Read { path: path.to_owned(), source })
}
