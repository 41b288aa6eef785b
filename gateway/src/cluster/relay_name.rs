//! What a relay is called among the others. Its part of the deny list has that name, so that it is found again after a restart.

use std::fmt;
use std::str::FromStr;

/// The longest name.
const MAX_NAME: usize = 64;

/// A name that NATS takes in a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayName(Box<str>);

fn is_allowed(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '-' || character == '_'
}

impl RelayName {
    /// Of a relay whose operator gave it none: the machine, and where it listens there.
    #[must_use]
    pub fn of(port: u16) -> Self {
        let host = std::env::var("HOSTNAME").or_else(|_| std::fs::read_to_string("/proc/sys/kernel/hostname"));
        Self::at(host.as_deref().map_or("relay", str::trim), port)
    }

    fn at(host: &str, port: u16) -> Self {
        let host = host.chars().take(MAX_NAME - 6).map(|character| if is_allowed(character) { character } else { '-' });
        Self(format!("{}-{port}", host.collect::<String>()).into())
    }
}

impl FromStr for RelayName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(is_allowed) {
            return Err(format!("use 1 to {MAX_NAME} of the letters a to z and A to Z, digits, _ and -"));
        }
        Ok(Self(name.into()))
    }
}

impl fmt::Display for RelayName {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_one_that_nats_takes_in_a_key() {
        assert_eq!(RelayName::at("relay-1.example.com", 4100).to_string(), "relay-1-example-com-4100");
        for name in [RelayName::at(&"ä".repeat(200), 65_535), RelayName::at("", 1), RelayName::of(443)] {
            assert_eq!(name.to_string().parse(), Ok(name));
        }
        for name in ["", "a.b", "a*", "a>", "a b", &"a".repeat(65)] {
            assert!(name.parse::<RelayName>().is_err(), "{name:?}");
        }
    }
}
