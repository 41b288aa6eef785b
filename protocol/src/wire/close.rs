//! The WebSocket close codes of the event stream: what each one means, the word that the server sends with it, and what the
//! client does about it. Both ends and `docs/protocol.md` read this one table.

use crate::error::{Error, ErrorCode};

/// What a close code means to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// The connection is lost, or the server cannot go on with it.
    Cut,
    /// The server is going away; its `drain` frame said when to come back.
    GoingAway,
    /// The server does not accept the token.
    TokenRefused,
    /// The token is good, but not for this.
    Forbidden,
    /// The client broke the protocol.
    ClientFault,
}

/// What the client does after a socket closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// Connects again, after the backoff.
    Retry,
    /// Connects once more, with a fresh token.
    FreshToken,
    /// Gives up: another attempt would fail for the same reason.
    GiveUp,
}

impl Meaning {
    /// What the client does, unless the `error` frame before the close says more.
    #[must_use]
    pub const fn reaction(self) -> Reaction {
        match self {
            Self::Cut | Self::GoingAway => Reaction::Retry,
            Self::TokenRefused => Reaction::FreshToken,
            Self::Forbidden | Self::ClientFault => Reaction::GiveUp,
        }
    }

    /// The error that the client reports when no `error` frame came before the close.
    #[must_use]
    pub fn error(self) -> Error {
        match self {
            Self::Cut => Error::new(ErrorCode::NetworkError, "the connection was cut"),
            Self::GoingAway => Error::new(ErrorCode::ServiceUnavailable, "the server is going away"),
            Self::TokenRefused => Error::new(ErrorCode::Unauthenticated, "the service refused the token"),
            Self::Forbidden => Error::new(ErrorCode::Unauthorized, "the token does not allow a stream of events"),
            Self::ClientFault => {
                Error::new(ErrorCode::InternalError, "the server closed the stream because of a protocol error")
            }
        }
    }
}

/// A row of the table, for documentation and tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CloseCode {
    /// The number.
    pub code: u16,
    /// The word that the server sends with it, at most 123 bytes; empty when this server never sends the code.
    pub reason: &'static str,
    /// What the client makes of it.
    pub meaning: Meaning,
    /// When it is used, as Markdown.
    pub description: &'static str,
}

macro_rules! close_codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal, $reason:literal, $meaning:ident;)*) => {
        $($(#[doc = $doc])+ pub const $name: u16 = $code;)*

        /// Every close code of the protocol, in numeric order.
        pub const ALL: &[CloseCode] = &[$(CloseCode {
            code: $name,
            reason: $reason,
            meaning: Meaning::$meaning,
            description: concat!($($doc),+),
        },)*];

        /// What a close code means to the client. A code that the protocol does not have is a cut.
        #[must_use]
        pub const fn meaning(code: u16) -> Meaning {
            match code {
                $($name => Meaning::$meaning,)*
                _ => Meaning::Cut,
            }
        }

        /// The word that the server sends with a close code.
        #[must_use]
        pub const fn reason(code: u16) -> &'static str {
            match code {
                $($name => $reason,)*
                _ => "",
            }
        }
    };
}

close_codes! {
    /// The client is done. From the server it is a cut.
    NORMAL = 1000, "", Cut;
    /// The server drains.
    GOING_AWAY = 1001, "draining", GoingAway;
    /// The connection was cut, or never came to be. A runtime reports it; it is never sent.
    ABNORMAL = 1006, "", Cut;
    /// The server failed.
    INTERNAL = 1011, "", Cut;
    /// The server restarts.
    SERVICE_RESTART = 1012, "", Cut;
    /// The server's upstream is away, or the keys that judge tokens are.
    TRY_AGAIN_LATER = 1013, "try again later", Cut;
    /// A frame that the protocol does not allow.
    PROTOCOL_VIOLATION = 4400, "protocol violation", ClientFault;
    /// The token is missing, wrong or has ended.
    UNAUTHENTICATED = 4401, "unauthenticated", TokenRefused;
    /// The token is good, but not for this.
    FORBIDDEN = 4403, "forbidden", Forbidden;
    /// The subprotocol was not offered.
    SUBPROTOCOL = 4406, "subprotocol not agreed on", ClientFault;
    /// No `init` in time.
    INIT_TIMEOUT = 4408, "no init in time", Cut;
    /// A subscription id was used twice.
    DUPLICATE_ID = 4409, "subscription id in use", ClientFault;
    /// A frame was larger than the limit.
    FRAME_TOO_LARGE = 4413, "frame too large", ClientFault;
    /// Too many sockets or frames, or a slow consumer.
    TOO_MANY = 4429, "too many or too slow", Cut;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_stands_once_and_is_read_from_the_table() {
        assert!(ALL.is_sorted_by(|one, next| one.code < next.code));
        for row in ALL {
            assert_eq!((meaning(row.code), reason(row.code)), (row.meaning, row.reason), "{}", row.code);
            assert!(row.reason.len() <= 123, "WebSocket has no room for a longer reason");
        }
    }

    #[test]
    fn an_unknown_code_is_a_cut() {
        assert_eq!((meaning(4999), reason(4999)), (Meaning::Cut, ""));
    }

    #[test]
    fn the_errors_say_whether_another_attempt_may_help() {
        for (meaning, code, retryable) in [
            (Meaning::Cut, "networkError", true),
            (Meaning::GoingAway, "serviceUnavailable", true),
            (Meaning::TokenRefused, "unauthenticated", false),
            (Meaning::Forbidden, "unauthorized", false),
            (Meaning::ClientFault, "internalError", false),
        ] {
            let error = meaning.error();
            assert_eq!((error.code.as_ref(), error.retryable), (code, retryable));
            assert_eq!(meaning.reaction() == Reaction::Retry, retryable);
        }
    }
}
