//! Making keys and certificates, and judging a certificate as a client does that trusts the authority.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, NameConstraints, PublicKeyData as _, SanType, SerialNumber, date_time_ymd,
};
use sha2::{Digest as _, Sha256};
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::ServerCertVerifier as _;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::{CertificateError, Error, RootCertStore};

use super::names::Names;

/// How long an authority is good: as long as nobody wants to think of it.
const AUTHORITY_LIFETIME: Duration = days(3_650);

/// How long a server's certificate is good. Some clients take none that is good for longer than 398 days.
const SERVER_LIFETIME: Duration = days(397);

/// How far the clock of a client may be behind.
const CLOCK_MARGIN: Duration = days(1);

/// Bytes of the hash in an authority's name.
const NAME_BYTES: usize = 4;

/// Characters of a line in PEM.
const PEM_LINE: usize = 64;

pub(super) const fn days(count: u64) -> Duration {
    Duration::from_secs(count * 24 * 60 * 60)
}

/// An authority that can sign.
pub(super) struct Authority {
    certificate: CertificateDer<'static>,
    key: KeyPair,
}

/// A new key: ECDSA with P-256, which every client can check.
pub(super) fn new_key() -> Result<KeyPair, rcgen::Error> {
    KeyPair::generate()
}

/// A key in PEM.
pub(super) fn key_pem(key: &KeyPair) -> String {
    pem("PRIVATE KEY", key.serialized_der())
}

impl Authority {
    /// With a certificate and the key that belongs to it.
    ///
    /// # Errors
    /// When the key is of a kind that cannot sign.
    pub(super) fn new(certificate: CertificateDer<'static>, key: &PrivateKeyDer<'_>) -> Result<Self, rcgen::Error> {
        Ok(Self { certificate, key: KeyPair::try_from(key)? })
    }

    /// A new one, which may sign for servers of these names and for nothing else: whoever trusts it trusts it with no other host.
    pub(super) fn make(names: &Names, now: SystemTime) -> Result<Self, rcgen::Error> {
        let key = new_key()?;
        let mut params = params(&key);
        params.not_before = date_time_ymd(2025, 1, 1);
        params.not_after = date_time_ymd(1970, 1, 1) + since_1970(now + AUTHORITY_LIFETIME);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let permitted = names.iter().map(|name| match name.parse::<IpAddr>() {
            Ok(address) => {
                GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(address, if address.is_ipv4() { 32 } else { 128 }))
            }
            Err(_) => GeneralSubtree::DnsName(name.to_owned()),
        });
        params.name_constraints =
            Some(NameConstraints { permitted_subtrees: permitted.collect(), excluded_subtrees: Vec::new() });
        let certificate = params.self_signed(&key)?;
        Ok(Self { certificate: certificate.into(), key })
    }

    /// Its certificate and its key in PEM.
    pub(super) fn pems(&self) -> (String, String) {
        (certificate_pem(&self.certificate), key_pem(&self.key))
    }

    /// A certificate for the server with this key.
    pub(super) fn issue(
        &self,
        server: &KeyPair,
        names: &Names,
        now: SystemTime,
    ) -> Result<CertificateDer<'static>, rcgen::Error> {
        let mut server_params = CertificateParams::default();
        server_params.serial_number = Some(serial());
        server_params.not_before = date_time_ymd(1970, 1, 1) + since_1970(now - CLOCK_MARGIN);
        server_params.not_after = date_time_ymd(1970, 1, 1) + since_1970(now + SERVER_LIFETIME);
        server_params.distinguished_name = named("im-chats emulator");
        server_params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        server_params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        server_params.use_authority_key_identifier_extension = true;
        for name in names.iter() {
            server_params.subject_alt_names.push(match name.parse::<IpAddr>() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName(name.try_into()?),
            });
        }
        server_params.signed_by(server, &Issuer::new(params(&self.key), &self.key)).map(Into::into)
    }

    /// Whether a client that trusts this authority takes a certificate for all these names at this time.
    ///
    /// # Errors
    /// Why it does not.
    pub(super) fn check(&self, certificate: &CertificateDer<'_>, names: &Names, time: SystemTime) -> Result<(), Error> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone())?;
        let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::new(ring::default_provider()));
        let verifier = builder.build().map_err(|error| Error::General(error.to_string()))?;
        let time = UnixTime::since_unix_epoch(since_1970(time));
        let verify = |certificate: &CertificateDer<'_>, name: &str| {
            let name = ServerName::try_from(name).map_err(|error| Error::General(error.to_string()))?;
            verifier.verify_server_cert(certificate, &[], &name, &[], time)
        };
        // The library looks at no time of what is trusted, but judged as a server's own the authority is refused for its time first.
        if let Err(Error::InvalidCertificate(error @ (CertificateError::Expired | CertificateError::ExpiredContext { .. }))) =
            verify(&self.certificate, "localhost")
        {
            return Err(error.into());
        }
        names.iter().try_for_each(|name| verify(certificate, name).map(drop))
    }
}

/// What is always the same of the authority with this key. Its name has a hash of the key, so that no two have the same name: clients
/// find an authority by it.
fn params(key: &KeyPair) -> CertificateParams {
    let hash = crate::base::hex::first_hex(&Sha256::digest(key.subject_public_key_info()), NAME_BYTES);
    let mut params = CertificateParams::default();
    params.serial_number = Some(serial());
    params.distinguished_name = named(&format!("im-chats emulator, local authority {hash}"));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

/// Another one for each certificate: some clients refuse two of one authority with the same.
fn serial() -> SerialNumber {
    SerialNumber::from_slice(uuid::Uuid::new_v4().as_bytes())
}

fn since_1970(time: SystemTime) -> Duration {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// A certificate in PEM.
pub(super) fn certificate_pem(certificate: &CertificateDer<'_>) -> String {
    pem("CERTIFICATE", certificate)
}

/// The textual form of RFC 7468.
fn pem(label: &str, content: &[u8]) -> String {
    let encoded = STANDARD.encode(content);
    let mut text = format!("-----BEGIN {label}-----\n");
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(PEM_LINE));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text + &format!("-----END {label}-----\n")
}
