//! The headers of our own, which every front reads and writes alike.

use std::sync::Arc;

use http::HeaderName;
use im_chats_protocol::wire::routes::{IDEMPOTENCY_KEY_HEADER, MIDDLEWARE_HEADER, REQUEST_ID_HEADER, SERVER_HEADER};

/// Names a request in answers and in the server's log.
pub static REQUEST_ID: HeaderName = HeaderName::from_static(REQUEST_ID_HEADER);

/// Makes a write repeatable.
pub static IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static(IDEMPOTENCY_KEY_HEADER);

/// Marks an answer as the service's own, not an intermediary's.
pub static MIDDLEWARE: HeaderName = HeaderName::from_static(MIDDLEWARE_HEADER);

/// Chooses an instance of the real service; taken and not needed here.
pub static SERVER: HeaderName = HeaderName::from_static(SERVER_HEADER);

/// The id of the request being served; handlers find it in the extensions.
#[derive(Debug, Clone)]
pub struct RequestId(pub Arc<str>);

/// The kind of the companion of an attachment that is downloaded.
pub const COMPANION_KIND: HeaderName = HeaderName::from_static("x-companion-kind");

/// The size of that companion, in bytes.
pub const COMPANION_BYTES: HeaderName = HeaderName::from_static("x-companion-total-bytes");
