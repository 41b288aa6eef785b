//! Addresses, the services that they belong to, and the transport of a chat.

use alloc::string::String;
use serde::{Deserialize, Serialize};

/// The transport a chat or an address is bound to.
///
/// - `iMessage`: Apple's own
/// - `SMS`: the carrier's text messages
/// - `RCS`: the carrier's rich messages
/// - `unknown`: the server did not say, or named a transport this version does not know
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub enum ChatServiceType {
    /// The server did not say, or named a transport this version does not know.
    #[default]
    #[serde(rename = "unknown")]
    Unknown,
    /// Apple's own.
    #[serde(rename = "iMessage")]
    IMessage,
    /// The carrier's text messages.
    #[serde(rename = "SMS")]
    Sms,
    /// The carrier's rich messages.
    #[serde(rename = "RCS")]
    Rcs,
}

impl ChatServiceType {
    /// Every transport, in the order of its wire number.
    pub const ALL: [Self; 4] = [Self::Unknown, Self::IMessage, Self::Sms, Self::Rcs];

    /// The name users read.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::IMessage => "iMessage",
            Self::Sms => "SMS",
            Self::Rcs => "RCS",
        }
    }
}

/// An address together with the one transport it was seen on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct SingleServiceAddressInfo {
    /// An e-mail address in lower case, or a phone number in E.164 form.
    pub address: String,
    /// The transport.
    pub service: ChatServiceType,
    /// ISO 3166-1 alpha-2 country code; absent when it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub country: Option<String>,
}
