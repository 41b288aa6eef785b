//! What travels beside a request.

use crate::service::trace::TraceContext;

/// What travels beside a request, whatever the transport.
#[derive(Debug, Clone, Default)]
pub struct CallContext {
    /// `x-idempotency-key`
    pub idempotency_key: Option<String>,
    /// `x-request-id`
    pub request_id: String,
    /// `traceparent` and `tracestate`
    pub trace: Option<TraceContext>,
}
