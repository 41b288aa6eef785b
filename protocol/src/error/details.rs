//! What an error carries beside its code.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;
use core::fmt;

use super::GrpcCode;

/// What is known of an [`Error`](super::Error).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorDetails {
    /// An [`ErrorCode`](super::ErrorCode), or a code that only a newer server knows.
    pub code: Cow<'static, str>,
    /// Outer classification; decides the class.
    pub grpc_code: GrpcCode,
    /// One sentence for a person.
    pub message: Cow<'static, str>,
    /// Whether the same call may succeed later, unchanged.
    pub retryable: bool,
    /// Details by name: `field`, `chat`, `first`, `head` …
    pub context: Vec<(Cow<'static, str>, Cow<'static, str>)>,
    /// How long the server asks to wait, in milliseconds.
    pub retry_after_ms: Option<u64>,
    /// Who answered: `middleware`, `upstream`, `intermediary` …
    pub source: Option<Cow<'static, str>>,
    /// The server's `x-request-id`, for its operator.
    pub request_id: Option<String>,
    /// What caused it, in the form of the runtime that met it.
    pub cause: Option<Cause>,
}

/// A runtime's own error behind an [`Error`](super::Error), such as a JavaScript value. This crate only hands it on.
#[derive(Clone)]
pub struct Cause(Arc<dyn Any + Send + Sync>);

impl Cause {
    /// Keeps what the runtime reported.
    pub fn new(cause: impl Any + Send + Sync) -> Self {
        Self(Arc::new(cause))
    }

    /// What was kept, for the caller that knows its type.
    #[must_use]
    pub fn downcast_ref<T: Any>(&self) -> Option<&T> {
        self.0.downcast_ref()
    }
}

/// Two causes are equal when they are the same one.
impl PartialEq for Cause {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Cause {}

impl fmt::Debug for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Cause")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn a_cause_is_handed_on_as_it_was_kept_and_equals_itself_alone() {
        let cause = Cause::new(7_u32);
        assert_eq!((cause.downcast_ref::<u32>(), cause.downcast_ref::<u64>()), (Some(&7), None));
        assert_eq!(cause, cause.clone());
        assert_ne!(cause, Cause::new(7_u32), "an equal value of another failure");
        assert_eq!(format!("{cause:?}"), "Cause", "what it is, only the runtime knows");
    }
}
