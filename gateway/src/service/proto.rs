//! The types of `photon.imessage.v1`, generated from `proto/`: protobuf and proto3-JSON from one definition.

#![allow(missing_docs, clippy::pedantic, clippy::all, reason = "generated")]

use chrono::{DateTime, SecondsFormat, Utc};
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The well-known types.
pub mod google {
    /// `google.protobuf`
    pub mod protobuf {
        include!(concat!(env!("OUT_DIR"), "/google.protobuf.rs"));
    }
}

/// The service's own package.
pub mod photon {
    /// `photon.imessage`
    pub mod imessage {
        /// `photon.imessage.v1`
        pub mod v1 {
            include!(concat!(env!("OUT_DIR"), "/photon.imessage.v1.rs"));
            include!(concat!(env!("OUT_DIR"), "/photon.imessage.v1.serde.rs"));
        }
    }
}

pub use google::protobuf::{Empty, Timestamp};
pub use photon::imessage::v1::*;

/// The compiled descriptors of all files, for server reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

impl Timestamp {
    /// A time given in milliseconds since 1970.
    #[must_use]
    pub fn from_millis(millis: i64) -> Self {
        let nanos = i32::try_from(millis.rem_euclid(1000)).unwrap_or(0).saturating_mul(1_000_000);
        Self { seconds: millis.div_euclid(1000), nanos }
    }

    /// RFC 3339 in UTC, with as many decimals as the time has; `None` outside the years 1 to 9999.
    #[must_use]
    pub fn to_rfc3339(&self) -> Option<String> {
        let nanos = u32::try_from(self.nanos).ok()?;
        let time = DateTime::<Utc>::from_timestamp(self.seconds, nanos)?;
        Some(time.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }

    /// Reads RFC 3339.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let time = DateTime::parse_from_rfc3339(text).ok()?;
        Some(Self { seconds: time.timestamp(), nanos: i32::try_from(time.timestamp_subsec_nanos()).ok()? })
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.to_rfc3339().ok_or_else(|| S::Error::custom("a timestamp out of range"))?;
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("not an RFC 3339 time"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_is_written_in_utc_with_a_z() {
        for (millis, text) in
            [(0, "1970-01-01T00:00:00Z"), (1_767_268_800_120, "2026-01-01T12:00:00.120Z"), (-1, "1969-12-31T23:59:59.999Z")]
        {
            let json = serde_json::to_string(&Timestamp::from_millis(millis)).unwrap();
            assert_eq!(json, format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<Timestamp>(&json).unwrap(), Timestamp::from_millis(millis));
        }
    }

    #[test]
    fn proto3_json_is_read_and_written_as_the_mapping_says() {
        let request: CreateChatRequest = serde_json::from_str(
            r#"{"addresses":["a@b.c"],"service":"CHAT_SERVICE_TYPE_SMS","initial_message":{"text":"x"},"new":{}}"#,
        )
        .unwrap();
        assert_eq!(request.service(), ChatServiceType::Sms);
        assert_eq!(request.initial_message.unwrap().text, "x");
        let numbered: CreateChatRequest = serde_json::from_str(r#"{"service":1}"#).unwrap();
        assert_eq!(numbered.service(), ChatServiceType::Imessage);
        assert_eq!(serde_json::to_string(&GetChatCountResponse { count: 7 }).unwrap(), r#"{"count":"7"}"#);
        for count in ["7", "\"7\""] {
            let read: GetChatCountResponse = serde_json::from_str(&format!("{{\"count\":{count}}}")).unwrap();
            assert_eq!(read.count, 7);
        }
        for data in ["+/8=", "-_8", "-_8=", "+/8"] {
            let read: SetBackgroundRequest = serde_json::from_str(&format!("{{\"data\":\"{data}\"}}")).unwrap();
            assert_eq!(read.data.as_ref(), [0xfb, 0xff], "{data}");
        }
        assert_eq!(serde_json::to_string(&Chat::default()).unwrap(), "{}");
        let zero = Chat { unread_count: Some(0), ..Chat::default() };
        assert_eq!(serde_json::to_string(&zero).unwrap(), r#"{"unreadCount":0}"#);
    }
}
