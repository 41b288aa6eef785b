//! The gRPC status, from which the class and the HTTP status of an error follow. How an error travels over gRPC itself is in
//! `gateway/src/service/status.rs`.

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
#[repr(u8)]
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

impl Category {
    /// Every class, in the order of [`Category::number`].
    pub const ALL: [Self; 6] =
        [Self::Other, Self::Authentication, Self::NotFound, Self::RateLimit, Self::Validation, Self::Connection];

    /// The class's place in the list `CLASSES` of the package's `errors.ts`.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The class's name in JavaScript.
    #[must_use]
    pub const fn class_name(self) -> &'static str {
        match self {
            Self::Other => "IMessageError",
            Self::Authentication => "AuthenticationError",
            Self::NotFound => "NotFoundError",
            Self::RateLimit => "RateLimitError",
            Self::Validation => "ValidationError",
            Self::Connection => "ConnectionError",
        }
    }
}

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
    fn a_class_is_found_by_its_number() {
        for (index, class) in Category::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(class.number()), index, "{}", class.class_name());
        }
    }

    /// gRPC's own table, with the class that a user catches.
    const TABLE: [(GrpcCode, &str, u16, &str); 17] = [
        (GrpcCode::Ok, "ok", 200, "IMessageError"),
        (GrpcCode::Cancelled, "cancelled", 499, "IMessageError"),
        (GrpcCode::Unknown, "unknown", 500, "IMessageError"),
        (GrpcCode::InvalidArgument, "invalid_argument", 400, "ValidationError"),
        (GrpcCode::DeadlineExceeded, "deadline_exceeded", 504, "ConnectionError"),
        (GrpcCode::NotFound, "not_found", 404, "NotFoundError"),
        (GrpcCode::AlreadyExists, "already_exists", 409, "IMessageError"),
        (GrpcCode::PermissionDenied, "permission_denied", 403, "AuthenticationError"),
        (GrpcCode::ResourceExhausted, "resource_exhausted", 429, "RateLimitError"),
        (GrpcCode::FailedPrecondition, "failed_precondition", 400, "ValidationError"),
        (GrpcCode::Aborted, "aborted", 409, "IMessageError"),
        (GrpcCode::OutOfRange, "out_of_range", 400, "IMessageError"),
        (GrpcCode::Unimplemented, "unimplemented", 501, "IMessageError"),
        (GrpcCode::Internal, "internal", 500, "IMessageError"),
        (GrpcCode::Unavailable, "unavailable", 503, "ConnectionError"),
        (GrpcCode::DataLoss, "data_loss", 500, "IMessageError"),
        (GrpcCode::Unauthenticated, "unauthenticated", 401, "AuthenticationError"),
    ];

    #[test]
    fn each_status_has_grpcs_number_and_name_its_http_status_and_its_class() {
        for (number, (code, name, http, class)) in (0..).zip(TABLE) {
            assert_eq!((code.number(), code.name(), code.http_status()), (number, name, http), "{name}");
            assert_eq!(code.category().class_name(), class, "{name}");
        }
        assert_eq!(GrpcCode::from_name("OK"), None, "names are in lower case");
    }

    #[test]
    fn a_bare_http_status_is_what_it_says_and_any_other_unknown() {
        for (status, code) in [
            (400, GrpcCode::InvalidArgument),
            (401, GrpcCode::Unauthenticated),
            (403, GrpcCode::PermissionDenied),
            (404, GrpcCode::NotFound),
            (408, GrpcCode::DeadlineExceeded),
            (418, GrpcCode::Unknown),
            (429, GrpcCode::ResourceExhausted),
            (500, GrpcCode::Internal),
            (501, GrpcCode::Unknown),
            (502, GrpcCode::Unavailable),
            (503, GrpcCode::Unavailable),
            (504, GrpcCode::DeadlineExceeded),
        ] {
            assert_eq!(GrpcCode::from_http_status(status), code, "{status}");
        }
    }
}
