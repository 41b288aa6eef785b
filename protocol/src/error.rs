//! The one error of the house: every failure a user can meet is an [`Error`], whatever met it first.
//!
//! The category (the JavaScript class) follows from the gRPC status and from nothing else, so a new code from a newer
//! server lands in the right class without an update of ours.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;
use core::fmt;
use core::ops::{Deref, DerefMut};

use serde::{Deserialize, Serialize};

/// The gRPC status codes, which both transports of the service use as their outer classification.
///
/// Source: the gRPC status code list; the REST failure body carries the lower-case name as `code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum GrpcCode {
    /// Not an error.
    Ok = 0,
    /// The caller went away.
    Cancelled = 1,
    /// The server did not say.
    Unknown = 2,
    /// The request can never succeed as it stands.
    InvalidArgument = 3,
    /// No answer in time.
    DeadlineExceeded = 4,
    /// What was asked for does not exist.
    NotFound = 5,
    /// The write conflicts with one already made.
    AlreadyExists = 6,
    /// The credential is good, but not for this.
    PermissionDenied = 7,
    /// A quota or rate limit was reached.
    ResourceExhausted = 8,
    /// The request is well formed, but not in the present state.
    FailedPrecondition = 9,
    /// The operation was given up because something changed meanwhile.
    Aborted = 10,
    /// A position outside what is held.
    OutOfRange = 11,
    /// The server has no such operation.
    Unimplemented = 12,
    /// The server broke.
    Internal = 13,
    /// The server cannot be reached, or not now.
    Unavailable = 14,
    /// Data is gone or damaged.
    DataLoss = 15,
    /// No valid credential.
    Unauthenticated = 16,
}

impl GrpcCode {
    /// Every status, in numeric order.
    pub const ALL: [Self; 17] = [
        Self::Ok,
        Self::Cancelled,
        Self::Unknown,
        Self::InvalidArgument,
        Self::DeadlineExceeded,
        Self::NotFound,
        Self::AlreadyExists,
        Self::PermissionDenied,
        Self::ResourceExhausted,
        Self::FailedPrecondition,
        Self::Aborted,
        Self::OutOfRange,
        Self::Unimplemented,
        Self::Internal,
        Self::Unavailable,
        Self::DataLoss,
        Self::Unauthenticated,
    ];

    /// The number that travels in gRPC and is `IMessageError.grpcCode`.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The status with this number; unknown numbers are [`GrpcCode::Unknown`], as gRPC prescribes.
    #[must_use]
    pub fn from_number(number: u32) -> Self {
        usize::try_from(number).ok().and_then(|index| Self::ALL.get(index)).copied().unwrap_or(Self::Unknown)
    }

    /// The lower-case name in a REST failure body's `code`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
            Self::InvalidArgument => "invalid_argument",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::NotFound => "not_found",
            Self::AlreadyExists => "already_exists",
            Self::PermissionDenied => "permission_denied",
            Self::ResourceExhausted => "resource_exhausted",
            Self::FailedPrecondition => "failed_precondition",
            Self::Aborted => "aborted",
            Self::OutOfRange => "out_of_range",
            Self::Unimplemented => "unimplemented",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
            Self::DataLoss => "data_loss",
            Self::Unauthenticated => "unauthenticated",
        }
    }

    /// The status with this name, as a REST failure body spells it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.name() == name)
    }

    /// The HTTP status a server answers with, as the gRPC transcoders do.
    #[must_use]
    pub const fn http_status(self) -> u16 {
        match self {
            Self::Ok => 200,
            Self::InvalidArgument | Self::FailedPrecondition | Self::OutOfRange => 400,
            Self::Unauthenticated => 401,
            Self::PermissionDenied => 403,
            Self::NotFound => 404,
            Self::AlreadyExists | Self::Aborted => 409,
            Self::ResourceExhausted => 429,
            Self::Cancelled => 499,
            Self::Unknown | Self::Internal | Self::DataLoss => 500,
            Self::Unimplemented => 501,
            Self::Unavailable => 503,
            Self::DeadlineExceeded => 504,
        }
    }

    /// What a bare HTTP status means when it came from an intermediary, without the service's failure body.
    #[must_use]
    pub const fn from_http_status(status: u16) -> Self {
        match status {
            400 => Self::InvalidArgument,
            401 => Self::Unauthenticated,
            403 => Self::PermissionDenied,
            404 => Self::NotFound,
            408 | 504 => Self::DeadlineExceeded,
            429 => Self::ResourceExhausted,
            500 => Self::Internal,
            502 | 503 => Self::Unavailable,
            _ => Self::Unknown,
        }
    }

    /// The class a user catches.
    #[must_use]
    pub const fn category(self) -> Category {
        match self {
            Self::Unauthenticated | Self::PermissionDenied => Category::Authentication,
            Self::NotFound => Category::NotFound,
            Self::ResourceExhausted => Category::RateLimit,
            Self::InvalidArgument | Self::FailedPrecondition => Category::Validation,
            Self::Unavailable | Self::DeadlineExceeded => Category::Connection,
            _ => Category::Other,
        }
    }
}

/// The JavaScript class of an error; [`Category::Other`] is the base class `IMessageError` itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Category {
    /// `IMessageError`
    Other,
    /// `AuthenticationError`
    Authentication,
    /// `NotFoundError`
    NotFound,
    /// `RateLimitError`
    RateLimit,
    /// `ValidationError`
    Validation,
    /// `ConnectionError`
    Connection,
}

macro_rules! error_codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $grpc:ident;)*) => {
        /// A documented reason of failure. Codes that only a newer server knows stay plain strings in [`ErrorDetails::code`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
        pub enum ErrorCode {
            $($(#[$doc])* #[serde(rename = $text)] $variant,)*
        }

        impl ErrorCode {
            /// Every documented code.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code as users read it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The gRPC status this code is reported with.
            #[must_use]
            pub const fn grpc_code(self) -> GrpcCode {
                match self { $(Self::$variant => GrpcCode::$grpc,)* }
            }
        }
    };
}

error_codes! {
    /// No credential, or one the service does not know.
    Unauthenticated = "unauthenticated", Unauthenticated;
    /// The token was good once; fetch a fresh one.
    TokenExpired = "tokenExpired", Unauthenticated;
    /// The token was withdrawn.
    TokenBlocked = "tokenBlocked", PermissionDenied;
    /// The token does not allow this.
    Unauthorized = "unauthorized", PermissionDenied;
    /// The account's messages for today are used up.
    DailyLimitExceeded = "dailyLimitExceeded", ResourceExhausted;
    /// Too many messages to one recipient.
    RecipientLimitExceeded = "recipientLimitExceeded", ResourceExhausted;
    /// Too much was uploaded.
    UploadRateExceeded = "uploadRateExceeded", ResourceExhausted;
    /// The same content was sent too often.
    ContentDuplicateExceeded = "contentDuplicateExceeded", ResourceExhausted;
    /// The recipient must not be written to for a while.
    RecipientCoolingDown = "recipientCoolingDown", ResourceExhausted;
    /// The recipient must not be written to.
    RecipientLocked = "recipientLocked", ResourceExhausted;
    /// Too many calls in a short time.
    BurstRateExceeded = "burstRateExceeded", ResourceExhausted;
    /// Too many new contacts.
    NewContactThrottled = "newContactThrottled", ResourceExhausted;
    /// Much is sent and little comes back.
    SendReceiveRatioExceeded = "sendReceiveRatioExceeded", ResourceExhausted;
    /// More event streams are open than the server allows one client; `context.limit` says how many.
    SubscriptionLimitExceeded = "subscriptionLimitExceeded", ResourceExhausted;
    /// The idempotency key was already used for a different write.
    DuplicateMessage = "duplicateMessage", AlreadyExists;
    /// No such chat.
    ChatNotFound = "chatNotFound", NotFound;
    /// No such message.
    MessageNotFound = "messageNotFound", NotFound;
    /// No such attachment.
    AttachmentNotFound = "attachmentNotFound", NotFound;
    /// No such address.
    AddressNotFound = "addressNotFound", NotFound;
    /// That friend shares no location.
    SharedFriendLocationNotFound = "sharedFriendLocationNotFound", NotFound;
    /// The group has no icon.
    GroupIconNotFound = "groupIconNotFound", NotFound;
    /// No such poll.
    PollNotFound = "pollNotFound", NotFound;
    /// The request is wrong; `context.field` names where.
    InvalidArgument = "invalidArgument", InvalidArgument;
    /// The request is right, but not now.
    PreconditionFailed = "preconditionFailed", FailedPrecondition;
    /// The service has no such operation.
    OperationNotSupported = "operationNotSupported", Unimplemented;
    /// The attachment is still on its way.
    AttachmentNotReady = "attachmentNotReady", FailedPrecondition;
    /// The Mac's private interface is switched off.
    PrivateApiUnavailable = "privateApiUnavailable", FailedPrecondition;
    /// The service cannot answer now.
    ServiceUnavailable = "serviceUnavailable", Unavailable;
    /// No answer within the time allowed.
    Timeout = "timeout", DeadlineExceeded;
    /// The service broke.
    InternalError = "internalError", Internal;
    /// The service's database broke.
    DatabaseError = "databaseError", Internal;
    /// The network failed before an answer came.
    NetworkError = "networkError", Unavailable;
    /// The log begins after the cursor; `context.first` and `context.head` say where.
    CursorTooOld = "cursorTooOld", OutOfRange;
    /// The cursor is beyond the log's head: it belongs to another log, or the log lost its end.
    CursorAhead = "cursorAhead", OutOfRange;
    /// The cursor belongs to another log: the server was reset or restored.
    LogChanged = "logChanged", Aborted;
}

/// A failure, with all that is known of it. Built with [`Error::new`] and the `with_…` methods.
///
/// Its details lie behind a pointer: every function that can fail hands results around, and moving all details with each
/// costs the wasm kilobytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(Box<ErrorDetails>);

/// What is known of an [`Error`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorDetails {
    /// An [`ErrorCode`], or a code that only a newer server knows.
    pub code: Cow<'static, str>,
    /// Outer classification; decides the class.
    pub grpc_code: GrpcCode,
    /// One sentence for a person.
    pub message: Cow<'static, str>,
    /// Whether the same call may succeed later, unchanged.
    pub retryable: bool,
    /// Facts by name: `field`, `chat`, `first`, `head` …
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

/// A runtime's own error behind an [`Error`], such as a JavaScript value. This crate only hands it on.
#[derive(Clone)]
pub struct Cause(Arc<dyn Any + Send + Sync>);

impl Cause {
    /// Keeps what the runtime reported.
    pub fn new(cause: impl Any + Send + Sync) -> Self {
        Self(Arc::new(cause))
    }

    /// What was kept, for whoever knows its type.
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

impl Error {
    /// A failure with a documented code; its status follows from the code.
    // Inlined, so that a code that is written out leaves only its own name in the wasm, and not the table of all.
    #[inline(always)]
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self::with_code(code.as_str(), code.grpc_code(), message.into())
    }

    fn with_code(code: &'static str, grpc_code: GrpcCode, message: Cow<'static, str>) -> Self {
        Self(Box::new(ErrorDetails {
            code: Cow::Borrowed(code),
            grpc_code,
            message,
            retryable: false,
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

    /// Adds a fact.
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

    /// Says that the same call may succeed later.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }

    /// The class a user catches.
    #[must_use]
    pub fn category(&self) -> Category {
        self.grpc_code.category()
    }

    /// A fact by its name.
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
    fn names_and_numbers_lead_back_to_the_same_status() {
        for code in GrpcCode::ALL {
            assert_eq!(GrpcCode::from_name(code.name()), Some(code));
            assert_eq!(GrpcCode::from_number(u32::from(code.number())), code);
        }
        assert_eq!(GrpcCode::from_number(17), GrpcCode::Unknown);
    }

    #[test]
    fn bad_input_is_named_at_the_beginning_of_the_message_and_in_the_context() {
        let error = Error::invalid("addresses[1]", "an address must not be empty");
        assert_eq!(error.message, "addresses[1]: an address must not be empty");
        assert_eq!(error.context_value("field"), Some("addresses[1]"));
    }

    #[test]
    fn cursor_errors_are_never_reported_as_bad_input() {
        for code in [ErrorCode::CursorTooOld, ErrorCode::CursorAhead, ErrorCode::LogChanged] {
            assert_eq!(code.grpc_code().category(), Category::Other, "{}", code.as_str());
        }
    }

    #[test]
    fn the_serialised_code_is_the_documented_one() {
        for code in ErrorCode::ALL {
            let json = serde_json::to_string(code).unwrap_or_default();
            assert_eq!(json, format!("\"{}\"", code.as_str()));
        }
    }
}
