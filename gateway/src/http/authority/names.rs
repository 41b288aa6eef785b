//! The names that a certificate of the local authority is for.

use std::collections::BTreeSet;
use std::net::IpAddr;

use tokio_rustls::rustls::pki_types::ServerName;

/// Under what clients on this machine reach the gateway, whatever it listens on.
const ALWAYS: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// A name that no certificate can have.
#[derive(Debug, thiserror::Error)]
#[error("--tls-self-signed: {0:?} cannot be a name in a certificate")]
pub struct NameError(String);

/// Host names and addresses, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names(BTreeSet<String>);

impl Names {
    /// The names of this machine for itself, and `more`. An address that stands for every address is none.
    ///
    /// # Errors
    /// When one of them cannot be in a certificate.
    pub fn new(more: impl IntoIterator<Item = String>) -> Result<Self, NameError> {
        let mut names: BTreeSet<String> = ALWAYS.map(str::to_owned).into();
        for name in more {
            match name.parse::<IpAddr>().map(|address| address.to_canonical()) {
                Ok(address) if address.is_unspecified() => {}
                Ok(address) => {
                    names.insert(address.to_string());
                }
                Err(_) if ServerName::try_from(name.as_str()).is_ok() => {
                    names.insert(name.to_ascii_lowercase());
                }
                Err(_) => return Err(NameError(name)),
            }
        }
        Ok(Self(names))
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_the_machine_are_always_there_and_no_address_for_every_address_is() {
        let names = Names::new(["0.0.0.0", "::", "::ffff:10.0.0.1", "Desk.local", "localhost"].map(str::to_owned)).unwrap();
        assert_eq!(names.iter().collect::<Vec<_>>(), ["10.0.0.1", "127.0.0.1", "::1", "desk.local", "localhost"]);
        for wrong in ["a..b", "-", "a b"] {
            let error = Names::new([wrong.to_owned()]).unwrap_err();
            assert!(error.to_string().contains(wrong), "{error}");
        }
    }
}
