//! What the gateways of one account share in NATS, and how it is called there. Another account has other names, so that several
//! may use one NATS.

use std::fmt;
use std::str::FromStr;

/// The longest account.
const MAX_ACCOUNT: usize = 64;

/// The names of one account's log, from `--log-name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names(Box<str>);

impl Names {
    /// The account.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.0
    }

    /// The bucket of keys and values: which log is the log, the lease, the key of tokens, the deny list.
    #[must_use]
    pub fn bucket(&self) -> String {
        format!("im-chats-{self}")
    }

    /// The stream in which NATS keeps that bucket.
    #[must_use]
    pub fn bucket_stream(&self) -> String {
        format!("KV_{}", self.bucket())
    }

    /// The stream of the log with this id.
    #[must_use]
    pub fn stream(&self, log_id: &str) -> String {
        format!("im-chats-{self}-{log_id}")
    }

    /// The one subject of that stream.
    #[must_use]
    pub fn subject(&self, log_id: &str) -> String {
        format!("im-chats.{self}.log.{log_id}")
    }

    /// The subjects of every log that the account ever had.
    #[must_use]
    pub fn subjects(&self) -> String {
        self.subject("*")
    }

    /// Where gateways tell each other what their users take. Not kept.
    #[must_use]
    pub fn usage(&self) -> String {
        format!("im-chats.{self}.usage")
    }

    /// Where the one that writes tells how far the upstream is. Not kept.
    #[must_use]
    pub fn end(&self) -> String {
        format!("im-chats.{self}.end")
    }
}

impl FromStr for Names {
    type Err = String;

    fn from_str(account: &str) -> Result<Self, String> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if account.is_empty() || account.len() > MAX_ACCOUNT || !account.bytes().all(allowed) {
            return Err(format!("use 1 to {MAX_ACCOUNT} of the letters a to z and A to Z, digits, _ and -"));
        }
        Ok(Self(account.into()))
    }
}

impl fmt::Display for Names {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hold_the_account() {
        let names: Names = "a-B_9".parse().unwrap();
        assert_eq!(names.bucket(), "im-chats-a-B_9");
        assert_eq!(names.bucket_stream(), "KV_im-chats-a-B_9");
        assert_eq!(names.stream("l0"), "im-chats-a-B_9-l0");
        assert_eq!(names.subject("l0"), "im-chats.a-B_9.log.l0");
        assert_eq!(names.subjects(), "im-chats.a-B_9.log.*");
        assert_eq!((names.usage(), names.end()), ("im-chats.a-B_9.usage".to_owned(), "im-chats.a-B_9.end".to_owned()));
    }

    #[test]
    fn what_nats_would_read_as_something_else_is_no_account() {
        for account in ["", "a.b", "a b", "a*", "a>", "ä", &"a".repeat(65)] {
            assert!(account.parse::<Names>().unwrap_err().contains("1 to 64"), "{account:?}");
        }
        assert!("a".repeat(64).parse::<Names>().is_ok());
    }
}
