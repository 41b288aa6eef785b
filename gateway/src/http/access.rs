//! Which host names and web origins are served. A page of another site must not reach a gateway on loopback, neither with
//! a cross-site request nor by pointing a name of its own at 127.0.0.1 (DNS rebinding).

use std::net::{IpAddr, SocketAddr};

use clap::Args;
use http::header::{HOST, ORIGIN};
use http::{HeaderMap, Uri};
use im_chats_protocol::error::{Error, ErrorCode};

use crate::base::log_throttle::{KeyedLogThrottle, MINUTE};

/// The hosts and web origins that are served.
#[derive(Debug, Args)]
pub struct AccessArgs {
    /// A web origin whose pages may use the gateway, such as `https://app.example`; repeat for more. `*` allows every page.
    #[arg(long = "allow-origin", value_name = "ORIGIN", value_parser = Origin::parse)]
    pub allow_origin: Vec<Origin>,

    /// A host name, beside the loopback names and the listen address, under which clients reach the gateway; repeat for more.
    #[arg(long = "allow-host", value_name = "HOST", value_parser = parse_host)]
    pub allow_host: Vec<String>,
}

/// A web origin in its serialised form, or all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// `*`
    Any,
    /// `scheme://host[:port]`, lower case, no default port.
    One(String),
    /// `http://localhost:*` and `http://127.0.0.1:*`: pages that a server on this machine gave out, on whichever port.
    Local,
}

impl Origin {
    /// Reads an origin as a person types it.
    ///
    /// # Errors
    /// A sentence saying what an origin looks like.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self::Any);
        }
        normalise_origin(text).filter(|origin| has_usable_port(origin)).map(Self::One).ok_or_else(|| {
            format!("{text:?} is not an origin: write scheme://host or scheme://host:port, without a path, such as https://app.example")
        })
    }
}

impl Origin {
    /// Whether it covers an origin in its serialised form.
    fn covers(&self, origin: &str) -> bool {
        match self {
            Self::Any => true,
            Self::One(one) => one == origin,
            Self::Local => {
                let host = origin.strip_prefix("http://").map(host_name);
                matches!(host, Some("localhost" | "127.0.0.1"))
            }
        }
    }
}

/// Reads a host name or address without a port.
///
/// # Errors
/// A sentence saying what a host looks like.
pub fn parse_host(text: &str) -> Result<String, String> {
    let host = text.trim().trim_matches(['[', ']']).to_ascii_lowercase();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    let name = !host.is_empty() && host.chars().all(plain);
    if name && (!host.contains(':') || host.parse::<IpAddr>().is_ok()) {
        Ok(host)
    } else {
        Err(format!("{text:?} is not a host name: write it without scheme, port and path, such as gateway.example"))
    }
}

/// The lists, and the address the gateway listens on.
#[derive(Debug)]
pub struct Access {
    listen: SocketAddr,
    hosts: Vec<String>,
    origins: Vec<Origin>,
    /// Each refused value has its own line in the log, once a minute.
    pub(super) refusals: KeyedLogThrottle,
}

/// How many different refused hosts and origins the log names in an interval.
const MAX_LOGGED_VALUES: usize = 64;

impl Access {
    /// `listen` is the address the socket was really given.
    #[must_use]
    pub fn new(listen: SocketAddr, hosts: Vec<String>, origins: Vec<Origin>) -> Self {
        Self { listen, hosts, origins, refusals: KeyedLogThrottle::new(MINUTE, MAX_LOGGED_VALUES) }
    }

    /// The address the gateway listens on.
    #[must_use]
    pub const fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// Checks both headers of a request.
    ///
    /// # Errors
    /// `unauthorized`, saying what the operator would have to pass.
    pub fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Error> {
        let host = authority(uri, headers).ok_or_else(|| Error::invalid("host", "missing or not readable"))?;
        let name = host_name(&host);
        if !self.host_allowed(name) {
            return Err(Error::new(
                ErrorCode::Unauthorized,
                format!("this gateway does not serve the host {name}; start it with --allow-host {name} if it should"),
            )
            .with_context("host", name.to_owned()));
        }
        let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
        let origin = origin.to_str().unwrap_or("(not readable)");
        if self.origin_allowed(origin, &host) {
            return Ok(());
        }
        Err(Error::new(
            ErrorCode::Unauthorized,
            format!("pages of {origin} may not use this gateway; start it with --allow-origin {origin} if they should"),
        )
        .with_context("origin", origin.to_owned()))
    }

    /// Whether a page of `origin` may use a gateway that it reached as `host` (name and port).
    #[must_use]
    pub fn origin_allowed(&self, origin: &str, host: &str) -> bool {
        let Some(origin) = normalise_origin(origin) else {
            return self.origins.contains(&Origin::Any);
        };
        let same = |scheme| normalise_origin(&format!("{scheme}://{host}")).as_deref() == Some(origin.as_str());
        same("http") || same("https") || self.origins.iter().any(|allowed| allowed.covers(&origin))
    }

    /// Whether a listed origin (not only the gateway's own) asks: only those get CORS headers.
    #[must_use]
    pub fn origin_listed(&self, origin: &str) -> bool {
        let origin = normalise_origin(origin);
        // "null" and the like: only a wildcard covers them.
        self.origins.iter().any(|allowed| origin.as_deref().map_or(*allowed == Origin::Any, |origin| allowed.covers(origin)))
    }

    fn host_allowed(&self, name: &str) -> bool {
        let name = name.trim_matches(['[', ']']);
        if name == "localhost" || name.ends_with(".localhost") || self.hosts.iter().any(|host| host == name) {
            return true;
        }
        // An address cannot be rebound by a foreign name server. On 0.0.0.0 any address of this machine may be in use.
        name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback() || ip == self.listen.ip() || self.listen.ip().is_unspecified())
    }
}

/// Name and port as the client gave them: HTTP/2 has them in the URI, HTTP/1 in the Host header.
fn authority(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let from_uri = uri.authority().map(http::uri::Authority::as_str);
    let host = from_uri.or_else(|| headers.get(HOST).and_then(|host| host.to_str().ok()))?;
    (!host.is_empty()).then(|| host.to_ascii_lowercase())
}

fn host_name(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((name, port)) if port.chars().all(|c| c.is_ascii_digit()) && (!name.contains(':') || name.ends_with(']')) => name,
        _ => authority,
    }
}

/// Whether the port of an origin, if it has one, can be one. A browser never sends another, so that it would let nobody in.
fn has_usable_port(origin: &str) -> bool {
    let authority = origin.split_once("://").map_or(origin, |(_, authority)| authority);
    let after_host = authority
        .rsplit_once(']')
        .map_or_else(|| authority.split_once(':').map(|(_, port)| port), |(_, rest)| rest.strip_prefix(':'));
    after_host.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port != 0))
}

fn normalise_origin(text: &str) -> Option<String> {
    let (scheme, authority) = text.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let authority = authority.to_ascii_lowercase();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    if authority.is_empty() || !authority.chars().all(plain) || !scheme.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return None;
    }
    let default_port = match scheme.as_str() {
        "http" => ":80",
        "https" => ":443",
        _ => "",
    };
    let authority =
        if default_port.is_empty() { &authority } else { authority.strip_suffix(default_port).unwrap_or(&authority) };
    Some(format!("{scheme}://{authority}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn check(access: &Access, host: &str, origin: Option<&str>) -> Result<(), Error> {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_str(host).unwrap());
        if let Some(origin) = origin {
            headers.insert(ORIGIN, HeaderValue::from_str(origin).unwrap());
        }
        access.check(&Uri::from_static("/v1/chats"), &headers)
    }

    fn access(origins: &[&str], hosts: &[&str]) -> Access {
        let origins = origins.iter().map(|text| Origin::parse(text).unwrap()).collect();
        let hosts = hosts.iter().map(|text| parse_host(text).unwrap()).collect();
        Access::new("127.0.0.1:8787".parse().unwrap(), hosts, origins)
    }

    #[test]
    fn loopback_names_are_served_and_foreign_names_are_not() {
        let access = access(&[], &["gateway.example"]);
        for host in
            ["127.0.0.1:8787", "localhost:8787", "LOCALHOST", "[::1]:8787", "127.0.0.2", "gateway.example:1", "a.localhost"]
        {
            assert_eq!(check(&access, host, None), Ok(()), "{host}");
        }
        for host in ["evil.example", "127.0.0.1.evil.example:8787", "localhost.evil.example", "10.0.0.1", ""] {
            assert!(check(&access, host, None).is_err(), "{host}");
        }
    }

    #[test]
    fn only_own_and_listed_origins_come_in() {
        let access = access(&["https://app.example:443"], &[]);
        for origin in ["http://localhost:8787", "https://app.example", "HTTPS://APP.example"] {
            assert_eq!(check(&access, "localhost:8787", Some(origin)), Ok(()), "{origin}");
        }
        for origin in
            ["http://localhost:3000", "http://app.example", "null", "https://app.example.evil.example", "http://127.0.0.1:8787"]
        {
            let error = check(&access, "localhost:8787", Some(origin)).unwrap_err();
            assert!(error.message.contains("--allow-origin"), "{error}");
        }
    }

    #[test]
    fn local_pages_are_those_of_this_machine_on_any_port_and_no_others() {
        let access = Access::new("127.0.0.1:8787".parse().unwrap(), vec![], vec![Origin::Local]);
        for origin in ["http://localhost:5173", "http://127.0.0.1:3000", "http://localhost", "HTTP://LOCALHOST:80"] {
            assert_eq!(check(&access, "localhost:8787", Some(origin)), Ok(()), "{origin}");
            assert!(access.origin_listed(origin), "{origin}");
        }
        for origin in [
            "https://localhost:5173",
            "http://localhost.evil.example",
            "http://127.0.0.1.evil.example:80",
            "http://evil.localhost:80",
            "http://127.0.0.2",
            "null",
        ] {
            assert!(check(&access, "localhost:8787", Some(origin)).is_err(), "{origin}");
            assert!(!access.origin_listed(origin), "{origin}");
        }
    }

    #[test]
    fn a_wildcard_is_everyone() {
        let access = access(&["*"], &[]);
        for origin in ["null", "https://any.example"] {
            assert_eq!(check(&access, "localhost:8787", Some(origin)), Ok(()));
        }
    }

    #[test]
    fn what_a_person_types_is_checked_at_the_start() {
        for text in [
            "app.example",
            "https://",
            "https://app.example/path",
            "https://user@app.example",
            "",
            "https://a:99999",
            "https://a:",
            "https://a:0",
            "https://a:b",
            "https://[::1]:x",
            "https://a:1:2",
        ] {
            assert!(Origin::parse(text).is_err(), "{text:?}");
        }
        for text in ["https://a:8443", "http://[::1]:3000", "http://[::1]", "http://a"] {
            assert_eq!(Origin::parse(text), Ok(Origin::One(text.to_owned())));
        }
        for text in ["", "http://a", "a:80", "a/b"] {
            assert!(parse_host(text).is_err(), "{text:?}");
        }
    }
}
