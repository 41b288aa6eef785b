//! Keys: what signs tokens, and what tells whether a signature is good. A key has one algorithm, which its owner fixed; what a token
//! says of it must be the same.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use im_chats_protocol::error::Error;
use jsonwebtoken::{DecodingKey, DecodingKeyKind, EncodingKey};
use ring::rand::SystemRandom;
use ring::signature::{self, KeyPair as _};
use sha2::{Digest as _, Sha256};

use super::claims::MAX_NAME_BYTES;
use crate::base::files;
use crate::base::hex::first_hex;
use crate::base::token::MAX_TOKEN_FILE_BYTES;
use crate::base::watched::without_line_break;

/// Fewest bytes of a secret: with fewer than the hash has, guessing the secret is easier than guessing the signature (RFC 7518, 3.2).
pub const MIN_SECRET_BYTES: usize = 32;

/// Smallest RSA modulus, in bits.
const MIN_MODULUS_BITS: usize = 2048;

/// How the name of a key of our own begins.
const LOCAL: &str = "local-";

/// Bytes of a digest in such a name.
const LOCAL_BYTES: usize = 4;

/// The flag that names a key.
const FLAG: &str = "--token-key";

/// How a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// HMAC with SHA-256: one secret signs and checks.
    Hs256,
    /// Ed25519.
    EdDsa,
    /// ECDSA with P-256 and SHA-256.
    Es256,
    /// RSA with PKCS #1 v1.5 and SHA-256.
    Rs256,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 4] = [Self::Hs256, Self::EdDsa, Self::Es256, Self::Rs256];

    /// Its name in a header, the `alg`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }

    const fn library(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Hs256 => jsonwebtoken::Algorithm::HS256,
            Self::EdDsa => jsonwebtoken::Algorithm::EdDSA,
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
            Self::Rs256 => jsonwebtoken::Algorithm::RS256,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A value of `--token-key`: `KID=ALG:FILE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFlag {
    kid: String,
    algorithm: Algorithm,
    path: PathBuf,
}

impl FromStr for KeyFlag {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = "give it as KID=ALG:FILE, such as 2026-11=HS256:/etc/im-chats/2026-11.key";
        let (kid, rest) = text.split_once('=').ok_or(wanted)?;
        let (name, path) = rest.split_once(':').ok_or(wanted)?;
        if kid.is_empty() || kid.len() > MAX_NAME_BYTES || path.is_empty() {
            return Err(wanted.to_owned());
        }
        let algorithm = Algorithm::ALL.into_iter().find(|algorithm| algorithm.name() == name);
        let algorithm = algorithm.ok_or("the algorithm must be one of HS256, EdDSA, ES256, RS256")?;
        Ok(Self { kid: kid.to_owned(), algorithm, path: path.into() })
    }
}

impl KeyFlag {
    /// Reads the key.
    ///
    /// # Errors
    /// `invalidArgument` of `--token-key`, naming the key and its file.
    pub(super) fn read(&self) -> Result<Key, Error> {
        let failed = |reason: String| {
            let Self { kid, algorithm, path } = self;
            Error::invalid(FLAG, format!("{kid}={algorithm}:{}: {reason}", path.display()))
        };
        let bytes = files::read(&self.path, MAX_TOKEN_FILE_BYTES).map_err(|error| failed(error.to_string()))?;
        Key::from_file(&self.kid, self.algorithm, &bytes).map_err(failed)
    }
}

/// Reads all of them.
///
/// # Errors
/// As [`KeyFlag::read`]; also for two keys of one name.
pub(super) fn read_all(flags: &[KeyFlag]) -> Result<Vec<Key>, Error> {
    let mut keys: Vec<Key> = Vec::new();
    for flag in flags {
        let key = flag.read()?;
        if keys.iter().any(|other| other.kid == key.kid) {
            return Err(Error::invalid(FLAG, format!("there are two keys with the name {}", key.kid)));
        }
        keys.push(key);
    }
    Ok(keys)
}

/// A key.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) kid: Arc<str>,
    pub(super) algorithm: Algorithm,
    checks: DecodingKey,
    signs: Option<EncodingKey>,
    /// Of what checks: tells another key of the same name.
    pub(super) fingerprint: [u8; 32],
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        (&self.kid, self.algorithm, self.fingerprint) == (&other.kid, other.algorithm, other.fingerprint)
    }
}

/// Never what it is made of.
impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Key({}, {})", self.kid, self.algorithm)
    }
}

impl Key {
    /// A key from a file's bytes: the secret itself, or PEM.
    pub(super) fn from_file(kid: &str, algorithm: Algorithm, bytes: &[u8]) -> Result<Self, String> {
        if algorithm == Algorithm::Hs256 {
            return Self::secret(kid, without_line_break(bytes));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| "this is not PEM")?;
        let key = if text.contains("PRIVATE KEY-----") { private(algorithm, bytes) } else { public(algorithm, bytes) };
        let (checks, signs) = key?;
        Self::new(kid, algorithm, checks, signs)
    }

    /// A key of HS256.
    pub(super) fn secret(kid: &str, secret: &[u8]) -> Result<Self, String> {
        if secret.len() < MIN_SECRET_BYTES {
            return Err(format!("a secret has at least {MIN_SECRET_BYTES} bytes, this one has {}", secret.len()));
        }
        if secret.starts_with(b"-----BEGIN ") {
            return Err("this is PEM, and a secret of HS256 is not: whoever knows a public key could sign".to_owned());
        }
        Self::new(kid, Algorithm::Hs256, DecodingKey::from_secret(secret), Some(EncodingKey::from_secret(secret)))
    }

    /// A key that checks, and signs where it can.
    pub(super) fn new(
        kid: &str,
        algorithm: Algorithm,
        checks: DecodingKey,
        signs: Option<EncodingKey>,
    ) -> Result<Self, String> {
        let fits = match (algorithm, checks.kind()) {
            (Algorithm::Hs256, DecodingKeyKind::SecretOrDer(_)) => true,
            (Algorithm::EdDsa, DecodingKeyKind::SecretOrDer(key)) => key.len() == 32,
            (Algorithm::Es256, DecodingKeyKind::SecretOrDer(key)) => key.len() == 65 && key.first() == Some(&4),
            (Algorithm::Rs256, DecodingKeyKind::SecretOrDer(der)) => {
                modulus(der).is_some_and(|modulus| bits(modulus) >= MIN_MODULUS_BITS)
            }
            (Algorithm::Rs256, DecodingKeyKind::RsaModulusExponent { n, .. }) => bits(n) >= MIN_MODULUS_BITS,
            _ => false,
        };
        if !fits {
            return Err(match algorithm {
                Algorithm::Rs256 => "a key of RS256 has at least 2048 bits".to_owned(),
                Algorithm::Es256 => "this is not a point of the curve P-256".to_owned(),
                _ => format!("this is not a key of {algorithm}"),
            });
        }
        let fingerprint = match checks.kind() {
            DecodingKeyKind::SecretOrDer(bytes) => Sha256::digest(bytes),
            DecodingKeyKind::RsaModulusExponent { n, e } => {
                Sha256::new().chain_update(n).chain_update([0]).chain_update(e).finalize()
            }
        };
        Ok(Self { kid: kid.into(), algorithm, checks, signs, fingerprint: fingerprint.into() })
    }

    /// Whether it can sign, too.
    pub(super) const fn can_sign(&self) -> bool {
        self.signs.is_some()
    }

    /// Whether a signature, in base64, is the key's.
    pub(super) fn verifies(&self, message: &str, signature: &str) -> bool {
        super::crypto::install();
        jsonwebtoken::crypto::verify(signature, message.as_bytes(), &self.checks, self.algorithm.library()).unwrap_or(false)
    }

    /// The signature of a message, in base64; none from a key that only checks.
    pub(super) fn sign(&self, message: &str) -> Option<String> {
        super::crypto::install();
        jsonwebtoken::crypto::sign(message.as_bytes(), self.signs.as_ref()?, self.algorithm.library()).ok()
    }
}

/// How many bits a number has, the zeros before it not counted.
fn bits(number: &[u8]) -> usize {
    let digits = number.iter().skip_while(|byte| **byte == 0);
    let spare = digits.clone().next().map_or(0, |byte| byte.leading_zeros() as usize);
    (digits.count() * 8).saturating_sub(spare)
}

/// The modulus of an RSAPublicKey: a sequence of it and the exponent (RFC 8017, A.1.1).
fn modulus(der: &[u8]) -> Option<&[u8]> {
    let (sequence, _) = element(0x30, der)?;
    element(0x02, sequence).map(|(modulus, _)| modulus)
}

/// What the first element of some DER holds, if it has this tag, and what follows it.
fn element(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&length, rest) = der.strip_prefix(&[tag])?.split_first()?;
    // From 128 bytes on, the first byte says how many bytes the length has.
    let (length, rest) = if length < 0x80 {
        (usize::from(length), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
        let length = digits.iter().try_fold(0_usize, |all, digit| all.checked_mul(256)?.checked_add(usize::from(*digit)));
        (length?, rest)
    };
    rest.split_at_checked(length)
}

type Pair = (DecodingKey, Option<EncodingKey>);

fn public(algorithm: Algorithm, pem: &[u8]) -> Result<Pair, String> {
    let key = match algorithm {
        Algorithm::EdDsa => DecodingKey::from_ed_pem(pem),
        Algorithm::Es256 => DecodingKey::from_ec_pem(pem),
        _ => DecodingKey::from_rsa_pem(pem),
    };
    key.map(|key| (key, None)).map_err(|_| format!("this is not the PEM form of a key of {algorithm}"))
}

/// A private key; what checks its signatures is computed from it.
fn private(algorithm: Algorithm, pem: &[u8]) -> Result<Pair, String> {
    let key = match algorithm {
        Algorithm::EdDsa => EncodingKey::from_ed_pem(pem),
        Algorithm::Es256 => EncodingKey::from_ec_pem(pem),
        _ => EncodingKey::from_rsa_pem(pem),
    };
    let help = match algorithm {
        Algorithm::Es256 => "; `openssl pkcs8 -topk8 -nocrypt` turns an EC PRIVATE KEY into one",
        _ => "",
    };
    let key = key.map_err(|_| format!("this is not the PEM form (PKCS #8) of a private key of {algorithm}{help}"))?;
    let der = key.as_bytes();
    let rejected = |error: ring::error::KeyRejected| format!("this private key cannot be used: {error}");
    let checks = match algorithm {
        Algorithm::EdDsa => {
            let pair = signature::Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map_err(rejected)?;
            DecodingKey::from_ed_der(pair.public_key().as_ref())
        }
        Algorithm::Es256 => {
            let how = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
            let pair = signature::EcdsaKeyPair::from_pkcs8(how, der, &SystemRandom::new()).map_err(rejected)?;
            DecodingKey::from_ec_der(pair.public_key().as_ref())
        }
        _ => {
            let pair = signature::RsaKeyPair::from_der(der).map_err(rejected)?;
            DecodingKey::from_rsa_der(pair.public_key().as_ref())
        }
    };
    Ok((checks, Some(key)))
}

/// The name of a key that has none of its owner's: the same for the same secret, and another for another.
pub(super) fn name_of_secret(secret: &[u8]) -> String {
    let digest = Sha256::new().chain_update(b"im-chats kid\0").chain_update(secret).finalize();
    format!("{LOCAL}{}", first_hex(&digest, LOCAL_BYTES))
}

/// Whether a name is of the form that [`name_of_secret`] gives.
pub(super) fn is_local_name(kid: &str) -> bool {
    let digits = kid.strip_prefix(LOCAL).map(str::as_bytes);
    digits.is_some_and(|digits| {
        digits.len() == 2 * LOCAL_BYTES && digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// Where the gateway keeps a secret of its own.
pub(super) fn local_path(data: &Path) -> PathBuf {
    data.join(crate::base::private::TOKEN_KEY)
}
