//! The project that programs name: its id, and the secret that they know.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use im_chats_protocol::error::{Error, ErrorCode};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// Fewest bytes of a secret: the port may be reached by others, and a short one is guessed.
pub const MIN_SECRET_BYTES: usize = 16;

/// Most bytes of an id, and of a secret.
const MAX_BYTES: usize = 256;

/// A project. Of its secret only a digest is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Project {
    id: String,
    /// The SHA-256 of what a program sends, `ID:SECRET`.
    digest: [u8; 32],
}

/// Never the secret, nor what stands for it.
impl fmt::Debug for Project {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Project").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Project {
    /// Reads `ID:SECRET`.
    ///
    /// # Errors
    /// What is wrong with it, without repeating it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (id, secret) = text.split_once(':').ok_or("give it as ID:SECRET")?;
        // The id stands in a path as it is.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if id.is_empty() || id.len() > MAX_BYTES || !id.bytes().all(plain) {
            return Err(format!("the id before the colon must have 1 to {MAX_BYTES} letters, digits, - and _"));
        }
        let secret_bytes = MIN_SECRET_BYTES..=MAX_BYTES;
        if !secret_bytes.contains(&secret.len()) || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!(
                "the secret after the colon must have {MIN_SECRET_BYTES} to {MAX_BYTES} visible characters of ASCII; \
                 `openssl rand -hex 16` makes one"
            ));
        }
        Ok(Self { id: id.to_owned(), digest: Sha256::digest(text).into() })
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether a header of HTTP's basic authentication has this id and secret.
    ///
    /// # Errors
    /// `unauthenticated` when it has not.
    pub fn verify(&self, header: Option<&HeaderValue>) -> Result<(), Error> {
        let refused = |message| Error::new(ErrorCode::Unauthenticated, message);
        let header = header.ok_or_else(|| refused("no project: send its id and secret by HTTP's basic authentication"))?;
        let given = header
            .to_str()
            .ok()
            .and_then(|text| text.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))
            .and_then(|(_, encoded)| STANDARD.decode(encoded.trim()).ok())
            .ok_or_else(|| refused("the Authorization header is not of the form Basic <id:secret in base64>"))?;
        // In constant time, and of digests, so that the answer's delay does not tell how much of a guess was right.
        let digest: [u8; 32] = Sha256::digest(&given).into();
        if bool::from(self.digest.ct_eq(&digest)) {
            return Ok(());
        }
        Err(refused("the id and secret are not those of this gateway's project"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "0123456789abcdef";

    fn header(scheme: &str, text: &str) -> HeaderValue {
        format!("{scheme} {}", STANDARD.encode(text)).parse().unwrap()
    }

    #[test]
    fn only_the_very_id_and_secret_are_accepted() {
        let project = Project::parse(&format!("desk:{SECRET}")).unwrap();
        for scheme in ["Basic", "basic"] {
            project.verify(Some(&header(scheme, &format!("desk:{SECRET}")))).unwrap();
        }
        let longer = format!("desk:{SECRET}0");
        for wrong in [longer.as_str(), "desk:", "desk:0123456789abcde", "Desk:0123456789abcdef", SECRET, ":", ""] {
            assert_eq!(project.verify(Some(&header("Basic", wrong))).unwrap_err().code, "unauthenticated", "{wrong:?}");
        }
        assert!(project.verify(Some(&header("Bearer", &format!("desk:{SECRET}")))).is_err());
        assert!(project.verify(Some(&HeaderValue::from_static("Basic ???"))).is_err());
        assert!(project.verify(None).is_err());
        assert!(!format!("{project:?}").contains(SECRET));
    }

    #[test]
    fn what_is_short_or_cannot_stand_in_a_path_is_refused_and_never_repeated() {
        let secret = format!("desk:{SECRET} ");
        for wrong in
            ["desk", "desk:0123456789abcde", ":0123456789abcdef", "a/b:0123456789abcdef", "a b:0123456789abcdef", &secret]
        {
            let reason = Project::parse(wrong).unwrap_err();
            assert!(!reason.contains("0123456789abcde"), "{reason}");
        }
    }
}
