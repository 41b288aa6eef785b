//! Where to listen.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use tokio::net::TcpListener;

use super::access::parse_host;

/// `HOST:PORT`: an address, or a name that is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// `127.0.0.1:8787`, `[::1]:8787`
    Address(SocketAddr),
    /// `localhost:8787`
    Name {
        /// Without the port; lower case.
        host: String,
        /// 0 takes a free one.
        port: u16,
    },
}

impl Listen {
    /// Binds it. Of a name with several addresses, the first that works is taken.
    ///
    /// # Errors
    /// When the name has no address, or none can be bound.
    pub async fn bind(&self) -> std::io::Result<TcpListener> {
        match self {
            Self::Address(address) => TcpListener::bind(address).await,
            Self::Name { host, port } => TcpListener::bind((host.as_str(), *port)).await,
        }
    }

    /// The name, if it is one: clients will use it.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Address(_) => None,
            Self::Name { host, .. } => Some(host),
        }
    }
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Address(address));
        }
        let wrong = || {
            "write HOST:PORT, such as 127.0.0.1:8787, [::1]:8787, localhost:8787 or 0.0.0.0:8787 for every address; port 0 takes a free one".to_owned()
        };
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let port = port.parse().map_err(|_| wrong())?;
        // With a colon or brackets it was meant to be an address of IPv6, which it is not.
        let host = parse_host(host).ok().filter(|_| !host.contains([':', '[', ']'])).ok_or_else(wrong)?;
        Ok(Self::Name { host, port })
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(to),
            Self::Name { host, port } => write!(to, "{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_names_are_taken() {
        for text in ["127.0.0.1:0", "[::1]:0", "[::]:8787", "0.0.0.0:65535"] {
            assert_eq!(text.parse(), Ok(Listen::Address(text.parse().unwrap())), "{text}");
        }
        assert_eq!("LocalHost:0".parse(), Ok(Listen::Name { host: "localhost".to_owned(), port: 0 }));
    }

    #[test]
    fn anything_else_is_refused_with_examples() {
        for text in [
            "",
            "8787",
            ":8787",
            "localhost",
            "localhost:",
            "localhost:http",
            "localhost:65536",
            "::1:80",
            "[::1]",
            "*:80",
            "http://localhost:80",
            "[x]:80",
            "a b:80",
        ] {
            assert!(text.parse::<Listen>().unwrap_err().contains("localhost:8787"), "{text:?}");
        }
    }
}
