//! The audit log: one line for each write, whatever the front, with who it was and what became of it. It holds no message, no address and
//! no token.

use im_chats_protocol::error::Error;
use sha2::{Digest as _, Sha256};

use super::auth::{Identity, Pass};
use crate::base::hex::first_hex;

/// The target of its lines, for `RUST_LOG`.
pub const TARGET: &str = "audit";

/// Bytes of a subject's hash that are written: subjects are often addresses, and the log need not hold those.
const HASH_BYTES: usize = 8;

/// Writes the line of one write. `route` is its path over REST, also for a call over gRPC; `code` is `ok`, `cancelled` for a caller who did
/// not wait for the answer, or the code of the error.
pub fn audit(pass: &Pass, route: &str, request_id: &str, code: &str) {
    let (kid, jti) = match &pass.identity {
        Identity::Static { digest } => (format!("static-{}", first_hex(digest, 2)), None),
        Identity::Signed { key, id, .. } => (key.to_string(), id.as_deref()),
    };
    let jti = jti.unwrap_or_default();
    let sub = pass.grant.subject.as_deref().map(subject_hash).unwrap_or_default();
    tracing::info!(target: TARGET, kid, jti, sub, route, code, request_id, "write");
}

/// The code of a result.
#[must_use]
pub fn code<T>(result: &Result<T, Error>) -> &str {
    result.as_ref().err().map_or("ok", |error| error.code.as_ref())
}

/// What the audit log writes of a subject: the first 16 hexadecimal digits of its SHA-256.
#[must_use]
pub fn subject_hash(subject: &str) -> String {
    first_hex(&Sha256::digest(subject), HASH_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_written_as_anybody_can_compute_it() {
        // printf %s alice@example.com | sha256sum | cut -c1-16
        assert_eq!(subject_hash("alice@example.com"), "ff8d9819fc0e12bf");
    }
}
