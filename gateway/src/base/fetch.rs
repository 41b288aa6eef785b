//! One GET of a small document, with the HTTP and the TLS that the gateway has already. It follows no redirect and keeps no connection:
//! it is used now and then.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CACHE_CONTROL, HOST, USER_AGENT};
use http::{HeaderMap, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_util::task::AbortOnDropHandle;

/// A document at an address, as it is asked for.
#[derive(Clone)]
pub(crate) struct Document {
    /// Its address.
    pub(crate) uri: Uri,
    /// Who is trusted, for an address of https.
    pub(crate) tls: Option<TlsConnector>,
    /// The header `Accept`.
    pub(crate) accept: &'static str,
    /// The largest body.
    pub(crate) limit: u64,
    /// How long the whole of it may take.
    pub(crate) within: Duration,
}

/// What came from the address.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) body: Vec<u8>,
    /// `max-age` of `Cache-Control`.
    pub(crate) max_age: Option<Duration>,
}

/// The authorities of the system, as the relay's upstream trusts them; none for plain HTTP.
///
/// # Errors
/// When there are none.
pub(crate) fn connector(uri: &Uri) -> Result<Option<TlsConnector>, String> {
    if uri.scheme_str() != Some("https") {
        return Ok(None);
    }
    let mut roots = RootCertStore::empty();
    let (usable, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if usable == 0 {
        return Err("this system has no certificates of authorities".to_owned());
    }
    trusting(roots).map(Some)
}

/// TLS with these authorities.
///
/// # Errors
/// What the TLS library says.
pub(crate) fn trusting(roots: RootCertStore) -> Result<TlsConnector, String> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

impl Document {
    /// Gets it.
    ///
    /// # Errors
    /// Why not, with the address.
    pub(crate) async fn get(&self) -> Result<Fetched, String> {
        let within = tokio::time::timeout(self.within, self.connect_and_get()).await;
        let answer = within.unwrap_or_else(|_| Err(format!("no answer within {} s", self.within.as_secs())));
        answer.map_err(|reason| format!("{}: {reason}", self.uri))
    }

    async fn connect_and_get(&self) -> Result<Fetched, String> {
        let host = self.uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let port = self.uri.port_u16().unwrap_or(if self.tls.is_some() { 443 } else { 80 });
        let stream = TcpStream::connect((host, port)).await.map_err(|error| error.to_string())?;
        match &self.tls {
            None => self.exchange(stream).await,
            Some(tls) => {
                let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
                self.exchange(tls.connect(name, stream).await.map_err(|error| error.to_string())?).await
            }
        }
    }

    async fn exchange(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Result<Fetched, String> {
        let failed = |error: hyper::Error| error.to_string();
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(failed)?;
        let _serving = AbortOnDropHandle::new(tokio::spawn(connection));
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let request = Request::get(path)
            .header(HOST, self.uri.authority().map_or("", |authority| authority.as_str()))
            .header(ACCEPT, self.accept)
            .header(USER_AGENT, concat!("im-chats-gateway/", env!("CARGO_PKG_VERSION")))
            .body(Empty::<Bytes>::new())
            .map_err(|error| error.to_string())?;
        let answer = sender.send_request(request).await.map_err(failed)?;
        match answer.status() {
            StatusCode::OK => {}
            status if status.is_redirection() => {
                return Err(format!("{status}; redirects are not followed, give the address itself"));
            }
            status => return Err(status.to_string()),
        }
        let max_age = max_age(answer.headers());
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let body = Limited::new(answer.into_body(), limit).collect().await.map_err(|error| error.to_string())?;
        Ok(Fetched { body: body.to_bytes().to_vec(), max_age })
    }
}

fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let directives = headers.get_all(CACHE_CONTROL).into_iter().filter_map(|value| value.to_str().ok());
    let mut parts = directives.flat_map(|value| value.split(',')).map(str::trim);
    let seconds = parts.find_map(|part| part.strip_prefix("max-age=")?.trim_matches('"').parse().ok())?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    const LIMIT: u64 = 10_000;

    #[test]
    fn the_age_is_read_from_among_other_directives() {
        let age = |values: &[&'static str]| {
            let pairs = values.iter().map(|value| (CACHE_CONTROL, HeaderValue::from_static(value)));
            max_age(&pairs.collect())
        };
        assert_eq!(age(&["public, max-age=600, must-revalidate"]), Some(Duration::from_secs(600)));
        assert_eq!(age(&["no-cache"]), None);
        assert_eq!(age(&["max-age=soon"]), None);
        assert_eq!(age(&[]), None);
    }

    fn document(uri: Uri) -> Document {
        Document { uri, tls: None, accept: "application/json", limit: LIMIT, within: Duration::from_secs(10) }
    }

    /// What comes of a server that says this, and then nothing more; with the request it got.
    async fn ask(answer: Vec<u8>) -> (Result<Fetched, String>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri: Uri = format!("http://{}/keys?set=1", listener.local_addr().unwrap()).parse().unwrap();
        let serving = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).await.unwrap();
            // Who reads no further lets go of the connection.
            let _ = stream.write_all(&answer).await;
            let text = String::from_utf8(request[..length].to_vec()).unwrap();
            (stream, text)
        });
        let answer = document(uri).get().await;
        let (_open, request) = serving.await.unwrap();
        (answer, request)
    }

    fn ok(body: &str) -> Vec<u8> {
        format!("HTTP/1.1 200 OK\r\ncache-control: max-age=90\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
    }

    #[tokio::test]
    async fn an_answer_is_its_body_and_its_age() {
        let (answer, request) = ask(ok("{}")).await;
        let answer = answer.unwrap();
        assert_eq!((answer.body.as_slice(), answer.max_age), (&b"{}"[..], Some(Duration::from_secs(90))));
        assert!(request.starts_with("GET /keys?set=1 HTTP/1.1\r\nhost: 127.0.0.1:"), "{request}");
        assert!(request.contains("\r\naccept: application/json\r\n"), "{request}");
    }

    #[tokio::test]
    async fn what_is_no_answer_is_told() {
        let limit = usize::try_from(LIMIT).unwrap();
        for (answer, says) in [
            (b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n".to_vec(), "redirects"),
            (b"HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n".to_vec(), "500"),
            (b"SSH-2.0-x\r\n".to_vec(), "127.0.0.1"),
            (ok(&"x".repeat(limit + 1)), "length limit exceeded"),
        ] {
            let error = ask(answer).await.0.unwrap_err();
            assert!(error.contains(says), "{error}");
        }
        assert_eq!(ask(ok(&"x".repeat(limit))).await.0.unwrap().body.len(), limit);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let closed = format!("http://{}/", listener.local_addr().unwrap());
        drop(listener);
        assert!(document(closed.parse().unwrap()).get().await.is_err());
    }

    /// The clock goes on by itself while nothing else happens.
    #[tokio::test(start_paused = true)]
    async fn an_answer_that_never_ends_is_given_up() {
        for begin in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"] {
            let began = tokio::time::Instant::now();
            let error = ask(begin.as_bytes().to_vec()).await.0.unwrap_err();
            assert!(error.ends_with("no answer within 10 s"), "{error}");
            assert_eq!(began.elapsed().as_secs(), 10);
        }
    }
}
