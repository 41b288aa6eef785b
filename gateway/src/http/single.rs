//! Headers that a request may have only once. Which of two counts would be a guess, and a proxy in front may guess otherwise:
//! then one of them checks what the other does not use.

use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, ORIGIN};
use http::{HeaderMap, HeaderName, Uri};
use im_chats_protocol::error::Error;

use super::headers::IDEMPOTENCY_KEY;

/// How long a gRPC client waits.
const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// Checks that each of them is there at most once, and that HTTP/2's `:authority` and a `host` header say the same.
///
/// # Errors
/// `invalidArgument` naming the header.
pub fn check(uri: &Uri, headers: &HeaderMap) -> Result<(), Error> {
    for name in [&HOST, &AUTHORIZATION, &ORIGIN, &CONTENT_TYPE, &IDEMPOTENCY_KEY, &GRPC_TIMEOUT] {
        if headers.get_all(name).iter().nth(1).is_some() {
            return Err(Error::invalid(name.to_string(), "the request has this header more than once; send it once"));
        }
    }
    let authority = uri.authority().map(|authority| without_default_port(authority.as_str()));
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).map(without_default_port);
    match (authority, host) {
        (Some(authority), Some(host)) if !authority.eq_ignore_ascii_case(host) => {
            Err(Error::invalid("host", "this header and the host in the request's target (:authority) must be the same"))
        }
        _ => Ok(()),
    }
}

fn without_default_port(authority: &str) -> &str {
    authority.strip_suffix(":80").or_else(|| authority.strip_suffix(":443")).unwrap_or(authority)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn field(uri: &'static str, pairs: &[(&'static str, &'static str)]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        let error = check(&Uri::from_static(uri), &headers).err()?;
        Some(error.context_value("field").unwrap_or_default().to_owned())
    }

    #[test]
    fn what_decides_something_comes_once() {
        for name in ["host", "authorization", "origin", "content-type", "x-idempotency-key", "grpc-timeout"] {
            assert_eq!(field("/", &[(name, "a")]), None);
            assert_eq!(field("/", &[(name, "a"), (name, "b")]).as_deref(), Some(name));
            assert_eq!(field("/", &[(name, "a"), (name, "a")]).as_deref(), Some(name), "even the same value");
        }
        assert_eq!(field("/", &[("accept", "a"), ("accept", "b"), ("cookie", "a"), ("cookie", "b")]), None);
    }

    #[test]
    fn the_target_and_the_host_header_name_the_same_host() {
        for (uri, host) in
            [("http://a:1/", "a:1"), ("http://A/", "a"), ("http://a:80/", "a"), ("https://a/", "a:443"), ("/", "a")]
        {
            assert_eq!(field(uri, &[("host", host)]), None, "{uri} {host}");
        }
        for (uri, host) in [("http://a:1/", "b:1"), ("http://a:1/", "a:2"), ("http://a/", "")] {
            assert_eq!(field(uri, &[("host", host)]).as_deref(), Some("host"), "{uri} {host}");
        }
    }
}
