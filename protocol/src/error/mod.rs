//! The crate's only error type: every failure that a user can meet is an [`Error`], whichever part found it.
//!
//! The class in JavaScript follows from the gRPC status and from nothing else, so a new code of a newer server lands in the right
//! class without a new version of this crate. It uses no other room.

mod code;
mod details;
mod grpc;

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::ops::{Deref, DerefMut};

pub use code::ErrorCode;
pub use details::{Cause, ErrorDetails};
pub use grpc::{Category, GrpcCode};

/// A failure, with all that is known of it. Built with [`Error::new`] and the `with_…` methods.
///
/// Its details lie behind a pointer: every function that can fail hands results around, and moving all details with each
/// costs the wasm kilobytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(Box<ErrorDetails>);

impl Error {
    /// A failure with a documented code, from which its status follows, and whether it is retryable.
    // Inlined, so that a code that is written out leaves only its own name in the wasm, and not the table of all.
    #[inline(always)]
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self::with_code(code.as_str(), code.grpc_code(), code.is_retryable(), message.into())
    }

    fn with_code(code: &'static str, grpc_code: GrpcCode, retryable: bool, message: Cow<'static, str>) -> Self {
        Self(Box::new(ErrorDetails {
            code: Cow::Borrowed(code),
            grpc_code,
            message,
            retryable,
            context: Vec::new(),
            retry_after_ms: None,
            source: None,
            request_id: None,
            cause: None,
        }))
    }

    /// Bad input: `context.field` names where, before anything is sent or stored. The message becomes `field: message`, so
    /// `message` must not name the field itself.
    #[must_use]
    pub fn invalid(field: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::InvalidArgument, message).with_field(field)
    }

    /// Names the field that is wrong, in `context.field` and at the beginning of the message.
    #[must_use]
    pub fn with_field(mut self, field: impl Into<Cow<'static, str>>) -> Self {
        let field = field.into();
        self.message = [&field, ": ", self.message.as_ref()].concat().into();
        self.with_context("field", field)
    }

    /// Adds a detail.
    #[must_use]
    pub fn with_context(mut self, key: impl Into<Cow<'static, str>>, value: impl Into<Cow<'static, str>>) -> Self {
        self.context.push((key.into(), value.into()));
        self
    }

    /// Adds what the runtime reported.
    #[must_use]
    pub fn with_cause(mut self, cause: Option<Cause>) -> Self {
        self.cause = cause;
        self
    }

    /// Says whether the same call may succeed later, where that differs from the code's default.
    #[must_use]
    pub fn with_retryable(mut self, retryable: bool) -> Self {
        self.retryable = retryable;
        self
    }

    /// The class a user catches.
    #[must_use]
    pub fn category(&self) -> Category {
        self.grpc_code.category()
    }

    /// A detail by its name.
    #[must_use]
    pub fn context_value(&self, key: &str) -> Option<&str> {
        self.context.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_ref())
    }
}

impl From<ErrorDetails> for Error {
    fn from(details: ErrorDetails) -> Self {
        Self(Box::new(details))
    }
}

impl Deref for Error {
    type Target = ErrorDetails;

    fn deref(&self) -> &ErrorDetails {
        &self.0
    }
}

impl DerefMut for Error {
    fn deref_mut(&mut self) -> &mut ErrorDetails {
        &mut self.0
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.message, self.code)
    }
}

impl core::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_input_is_named_at_the_beginning_of_the_message_and_in_the_context() {
        let error = Error::invalid("addresses[1]", "an address must not be empty");
        assert_eq!(error.message, "addresses[1]: an address must not be empty");
        assert_eq!(error.context_value("field"), Some("addresses[1]"));
    }

    #[test]
    fn an_error_in_a_log_has_its_message_and_its_code() {
        assert_eq!(Error::invalid("data", "too large").to_string(), "data: too large (invalidArgument)");
    }
}
