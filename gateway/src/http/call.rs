//! What travels beside a request in its headers, or in gRPC's words its metadata.

use http::{Extensions, HeaderMap};
use im_chats::error::Error;

use super::layers::{IDEMPOTENCY_KEY, RequestId};
use crate::backend::Call;

/// Reads it.
///
/// # Errors
/// `invalidArgument` when the idempotency key is not UTF-8.
pub fn read(headers: &HeaderMap, extensions: &Extensions) -> Result<Call, Error> {
    let idempotency_key = headers
        .get(&IDEMPOTENCY_KEY)
        .map(|key| std::str::from_utf8(key.as_bytes()).map(str::to_owned))
        .transpose()
        .map_err(|_| Error::invalid("x-idempotency-key", "this is not UTF-8"))?;
    let request_id = extensions.get::<RequestId>().map(|id| id.0.to_string()).unwrap_or_default();
    Ok(Call { idempotency_key, request_id })
}
