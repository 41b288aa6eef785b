//! The signatures of tokens, by `ring`, which TLS uses already. `jsonwebtoken` brings two backends of its own, each a second
//! cryptography library in the binary; with none chosen it panics at the first token.

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind, Result};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind, EncodingKey};
use ring::rand::SystemRandom;
use ring::{hmac, signature as ring_signature};
use signature::{Error as SignatureError, Signer, Verifier};

/// The one provider of this process.
static PROVIDER: CryptoProvider =
    CryptoProvider { signer_factory: signer, verifier_factory: verifier, key_utils: KeyUtils::new_unimplemented() };

/// Makes `jsonwebtoken` use `ring`. Safe to repeat.
pub(super) fn install() {
    // An error says that it is installed already.
    let _ = PROVIDER.install_default();
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    same_family(*algorithm, key.family())?;
    Ok(Box::new(RingVerifier { algorithm: *algorithm, key: key.clone() }))
}

fn signer(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>> {
    same_family(*algorithm, key.family())?;
    Ok(Box::new(RingSigner { algorithm: *algorithm, key: key.clone() }))
}

/// A public key must never be taken for the secret of HS256.
fn same_family(algorithm: Algorithm, family: AlgorithmFamily) -> Result<()> {
    if algorithm.family() == family { Ok(()) } else { Err(Error::from(ErrorKind::InvalidAlgorithm)) }
}

struct RingVerifier {
    algorithm: Algorithm,
    key: DecodingKey,
}

impl Verifier<Vec<u8>> for RingVerifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), SignatureError> {
        let public = |algorithm: &'static dyn ring_signature::VerificationAlgorithm, key: &[u8]| {
            ring_signature::UnparsedPublicKey::new(algorithm, key).verify(message, signature)
        };
        let verified = match (self.algorithm, self.key.kind()) {
            (Algorithm::HS256, DecodingKeyKind::SecretOrDer(secret)) => {
                hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, secret), message, signature)
            }
            (Algorithm::EdDSA, DecodingKeyKind::SecretOrDer(key)) => public(&ring_signature::ED25519, key),
            (Algorithm::ES256, DecodingKeyKind::SecretOrDer(key)) => public(&ring_signature::ECDSA_P256_SHA256_FIXED, key),
            (Algorithm::RS256, DecodingKeyKind::SecretOrDer(key)) => public(&ring_signature::RSA_PKCS1_2048_8192_SHA256, key),
            (Algorithm::RS256, DecodingKeyKind::RsaModulusExponent { n, e }) => {
                let key = ring_signature::RsaPublicKeyComponents { n, e };
                key.verify(&ring_signature::RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
            _ => return Err(SignatureError::new()),
        };
        verified.map_err(|_| SignatureError::new())
    }
}

impl JwtVerifier for RingVerifier {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

struct RingSigner {
    algorithm: Algorithm,
    key: EncodingKey,
}

impl Signer<Vec<u8>> for RingSigner {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, SignatureError> {
        let (random, key) = (SystemRandom::new(), self.key.as_bytes());
        let failed = |_| SignatureError::new();
        Ok(match self.algorithm {
            Algorithm::HS256 => hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message).as_ref().to_vec(),
            Algorithm::EdDSA => {
                let pair = ring_signature::Ed25519KeyPair::from_pkcs8_maybe_unchecked(key).map_err(failed)?;
                pair.sign(message).as_ref().to_vec()
            }
            Algorithm::ES256 => {
                let how = &ring_signature::ECDSA_P256_SHA256_FIXED_SIGNING;
                let pair = ring_signature::EcdsaKeyPair::from_pkcs8(how, key, &random).map_err(failed)?;
                pair.sign(&random, message).map_err(|_| SignatureError::new())?.as_ref().to_vec()
            }
            Algorithm::RS256 => {
                let pair = ring_signature::RsaKeyPair::from_der(key).map_err(failed)?;
                let mut signature = vec![0; pair.public().modulus_len()];
                let how = &ring_signature::RSA_PKCS1_SHA256;
                pair.sign(how, &random, message, &mut signature).map_err(|_| SignatureError::new())?;
                signature
            }
            _ => return Err(SignatureError::new()),
        })
    }
}

impl JwtSigner for RingSigner {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}
