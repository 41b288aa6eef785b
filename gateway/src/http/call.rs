//! Who calls, and what travels beside a request in its headers, or in gRPC's words its metadata.

use http::{Extensions, HeaderMap};
use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::limits::check_key;
use im_chats_protocol::wire::routes::IDEMPOTENCY_KEY_HEADER;

use super::headers::{IDEMPOTENCY_KEY, RequestId};
use crate::service::auth::Pass;
use crate::service::context::CallContext;
use crate::service::guard::Caller;
use crate::service::trace::TraceContext;

/// Reads it.
///
/// # Errors
/// `invalidArgument` when the idempotency key is not UTF-8, or breaks the rules of [`check_key`]; `internalError` on a route around
/// which nothing checks tokens.
pub fn read(headers: &HeaderMap, extensions: &Extensions) -> Result<Caller, Error> {
    let pass = pass(extensions)?.clone();
    let idempotency_key = headers
        .get(&IDEMPOTENCY_KEY)
        .map(|key| {
            let key =
                std::str::from_utf8(key.as_bytes()).map_err(|_| Error::invalid(IDEMPOTENCY_KEY_HEADER, "this is not UTF-8"))?;
            check_key(key, IDEMPOTENCY_KEY_HEADER).map(|()| key.to_owned())
        })
        .transpose()?;
    let request_id = extensions.get::<RequestId>().map(|id| id.0.to_string()).unwrap_or_default();
    let trace = extensions.get::<TraceContext>().cloned();
    Ok(Caller { pass, context: CallContext { idempotency_key, request_id, trace } })
}

/// The token that the layers have judged.
///
/// # Errors
/// `internalError` on a route around which nothing checks tokens: it must serve nobody.
pub fn pass(extensions: &Extensions) -> Result<&Pass, Error> {
    extensions.get().ok_or_else(|| Error::new(ErrorCode::InternalError, "this route does not check tokens"))
}
