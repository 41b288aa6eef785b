//! The names of transports in proto3-JSON.

/// The transports as proto3-JSON writes them, each at its number; in the order of [`ChatServiceType::ALL`].
///
/// [`ChatServiceType::ALL`]: crate::model::ChatServiceType::ALL
pub const SERVICES: [&str; 4] = ["CHAT_SERVICE_TYPE_UNSPECIFIED", IMESSAGE, "CHAT_SERVICE_TYPE_SMS", "CHAT_SERVICE_TYPE_RCS"];

/// The transport that the client asks for.
pub const IMESSAGE: &str = "CHAT_SERVICE_TYPE_IMESSAGE";
