//! The table of error codes: the gRPC status of each, whether it is retryable, what it means and what to do about it.
//! `docs/errors.md` and the package's `ErrorCode` are checked against it.

use serde::{Deserialize, Serialize};

use super::GrpcCode;

macro_rules! error_codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $text:literal, $grpc:ident $(, $retryable:ident)?;)*) => {
        /// A documented reason of failure. Codes that only a newer server knows stay plain strings in
        /// [`ErrorDetails::code`](super::ErrorDetails::code).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
        pub enum ErrorCode {
            $($(#[doc = $doc])+ #[serde(rename = $text)] $variant,)*
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

            /// Whether the same call may succeed later, unless the error itself says otherwise.
            #[must_use]
            pub const fn is_retryable(self) -> bool {
                match self { $(Self::$variant => error_codes!(@ $($retryable)?),)* }
            }

            /// What the code means, and below an empty line what to do about it, as Markdown.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc, "\n"),+),)* }
            }
        }
    };
    (@) => { false };
    (@ retryable) => { true };
}

error_codes! {
    /// There is no credential, or one that the service does not know.
    ///
    /// Check the token.
    Unauthenticated = "unauthenticated", Unauthenticated;
    /// The token has ended.
    ///
    /// Give a fresh one. The SDK asks a token function for it by itself.
    TokenExpired = "tokenExpired", Unauthenticated;
    /// The token was withdrawn.
    ///
    /// Ask the service's operator for another token.
    TokenBlocked = "tokenBlocked", PermissionDenied;
    /// The token, the origin or the host name does not allow this.
    ///
    /// Use another token, or the option of the gateway that the message names.
    Unauthorized = "unauthorized", PermissionDenied;
    /// The account's messages for today are used up.
    ///
    /// Wait until tomorrow.
    DailyLimitExceeded = "dailyLimitExceeded", ResourceExhausted;
    /// Too many messages went to one recipient.
    ///
    /// Write to this recipient less often.
    RecipientLimitExceeded = "recipientLimitExceeded", ResourceExhausted;
    /// Too much was uploaded.
    ///
    /// Wait, then upload less.
    UploadRateExceeded = "uploadRateExceeded", ResourceExhausted;
    /// The same content was sent too often.
    ///
    /// Change the text.
    ContentDuplicateExceeded = "contentDuplicateExceeded", ResourceExhausted;
    /// Nobody may write to this recipient for a while.
    ///
    /// Wait for `retryAfter`.
    RecipientCoolingDown = "recipientCoolingDown", ResourceExhausted;
    /// Nobody may write to this recipient.
    ///
    /// Stop writing to this recipient.
    RecipientLocked = "recipientLocked", ResourceExhausted;
    /// Too many calls or frames came in a short time.
    ///
    /// Wait for `retryAfter`, then slow down.
    BurstRateExceeded = "burstRateExceeded", ResourceExhausted, retryable;
    /// Too many new contacts were written to.
    ///
    /// Wait, then write to fewer new contacts.
    NewContactThrottled = "newContactThrottled", ResourceExhausted;
    /// Much is sent and little comes back.
    ///
    /// Wait for replies.
    SendReceiveRatioExceeded = "sendReceiveRatioExceeded", ResourceExhausted;
    /// More event streams are open than the server allows one client; `context.limit` says how many.
    ///
    /// Open one stream of all chats and select by `chatGuid`, or close streams that are not needed.
    SubscriptionLimitExceeded = "subscriptionLimitExceeded", ResourceExhausted;
    /// The idempotency key was already used for a different write.
    ///
    /// Use a new key for every new write.
    DuplicateMessage = "duplicateMessage", AlreadyExists;
    /// There is no such chat.
    ///
    /// Check the GUID, or create the chat.
    ChatNotFound = "chatNotFound", NotFound;
    /// There is no such message.
    ///
    /// Check the GUID.
    MessageNotFound = "messageNotFound", NotFound;
    /// There is no such attachment.
    ///
    /// Check the GUID.
    AttachmentNotFound = "attachmentNotFound", NotFound;
    /// There is no such address.
    ///
    /// Check the address.
    AddressNotFound = "addressNotFound", NotFound;
    /// That friend shares no location.
    ///
    /// Ask the friend to share it.
    SharedFriendLocationNotFound = "sharedFriendLocationNotFound", NotFound;
    /// The group has no icon.
    ///
    /// Show one of your own.
    GroupIconNotFound = "groupIconNotFound", NotFound;
    /// There is no such poll.
    ///
    /// Check the identifier.
    PollNotFound = "pollNotFound", NotFound;
    /// The request is wrong; `context.field` names where.
    ///
    /// Fix the call.
    InvalidArgument = "invalidArgument", InvalidArgument;
    /// The request is right, but not in the present state.
    ///
    /// Read the message: it names what has to come first.
    PreconditionFailed = "preconditionFailed", FailedPrecondition;
    /// The service has no such operation, or speaks another version of the protocol.
    ///
    /// Use versions of package and gateway that go together.
    OperationNotSupported = "operationNotSupported", Unimplemented;
    /// The attachment is still on its way.
    ///
    /// Ask again later.
    AttachmentNotReady = "attachmentNotReady", FailedPrecondition;
    /// The Mac's private interface is switched off.
    ///
    /// Ask the Mac's operator to switch it on.
    PrivateApiUnavailable = "privateApiUnavailable", FailedPrecondition;
    /// The service cannot answer now: it starts, stops, is full, or its upstream is away.
    ///
    /// Repeat the call, not before `retryAfter`.
    ServiceUnavailable = "serviceUnavailable", Unavailable, retryable;
    /// No answer came within the time allowed.
    ///
    /// Repeat the call; a write only with its idempotency key, because it may have been done.
    Timeout = "timeout", DeadlineExceeded, retryable;
    /// The service failed, or its answer does not have the documented shape.
    ///
    /// Report it with `requestId`: it is a bug.
    InternalError = "internalError", Internal;
    /// The service's database failed. It is not retryable when stored data is damaged.
    ///
    /// Look at the server's log.
    DatabaseError = "databaseError", Internal, retryable;
    /// The network failed before an answer came.
    ///
    /// Repeat the call; a write only with its idempotency key, because it may have been done.
    NetworkError = "networkError", Unavailable, retryable;
    /// The log begins after the cursor; `context.first` and `context.head` say where.
    ///
    /// Reload your chats, then subscribe again without the cursor, or skip the gap with `onGap`.
    CursorTooOld = "cursorTooOld", OutOfRange;
    /// The cursor is beyond the log's head: it belongs to another log, or the log lost its end.
    ///
    /// Reload your chats, then subscribe again without the cursor.
    CursorAhead = "cursorAhead", OutOfRange;
    /// The cursor belongs to another log: the server was reset or restored.
    ///
    /// Reload your chats, then subscribe again without the cursor.
    LogChanged = "logChanged", Aborted;
}

impl ErrorCode {
    /// Whether it says that a saved cursor is of no use any more.
    #[must_use]
    pub const fn is_cursor(self) -> bool {
        matches!(self, Self::CursorTooOld | Self::CursorAhead | Self::LogChanged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Category, Error};

    #[test]
    fn cursor_errors_are_never_reported_as_bad_input() {
        let codes: Vec<_> = ErrorCode::ALL.iter().copied().filter(|code| code.is_cursor()).collect();
        assert_eq!(codes, [ErrorCode::CursorTooOld, ErrorCode::CursorAhead, ErrorCode::LogChanged]);
        for code in codes {
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

    /// These travel to clients that act on them: a change here is a change of the wire.
    #[test]
    fn a_new_error_is_retryable_when_its_code_is() {
        let retryable = |code: &&ErrorCode| Error::new(**code, "x").retryable;
        let codes: Vec<_> = ErrorCode::ALL.iter().filter(retryable).map(|code| code.as_str()).collect();
        assert_eq!(codes, ["burstRateExceeded", "serviceUnavailable", "timeout", "databaseError", "networkError"]);
        assert!(!Error::new(ErrorCode::Timeout, "x").with_retryable(false).retryable);
        assert!(Error::new(ErrorCode::ChatNotFound, "x").with_retryable(true).retryable);
    }

    #[test]
    fn every_code_says_what_it_means_and_what_to_do() {
        for code in ErrorCode::ALL {
            let paragraphs: Vec<_> = code.description().trim_end().split("\n\n").collect();
            assert!(matches!(paragraphs.as_slice(), [meaning, advice] if meaning.ends_with('.') && advice.ends_with('.')));
        }
    }
}
