//! The accept loop: HTTP/1.1 and HTTP/2 on one port, plain (HTTP/2 with prior knowledge) or behind TLS (by ALPN), WebSocket
//! upgrades, limits, and a drain.

use std::pin::{Pin, pin};
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_io_timeout::TimeoutWriter;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::activity::{Activity, Outgoing, Streams};
use super::connections::{Connections, Place};
use super::flags::ServerLimits;
use super::opening::{Opened, opening};
use super::share::Peer;
use crate::base::log_throttle::LogThrottle;
use crate::metrics::Metrics;

/// Most header lines of a request.
pub const MAX_HEADERS: usize = 64;

/// Most bytes of a request's head, URL included.
pub const MAX_HEAD_BYTES: usize = 32 * 1024;

/// Requests in flight on one HTTP/2 connection.
pub const MAX_H2_STREAMS: u32 = 256;

/// Streams that a client opened and reset before they were looked at; beyond it the connection ends (rapid reset).
pub const MAX_PENDING_RESETS: usize = 64;

/// Streams that were reset for the client's faults; beyond it the connection ends.
pub const MAX_FAULTY_STREAMS: usize = 256;

/// Bytes a client may send on one HTTP/2 stream, and on one connection, before the server has taken them.
const H2_WINDOW: u32 = 1024 * 1024;

/// Bytes that wait to be sent on one HTTP/2 stream.
pub const H2_SEND_BUFFER: usize = 64 * 1024;

/// How long a TLS handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a drain waits for connections and tasks before it gives up on them.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an idle HTTP/2 connection that was asked to end may take to do so.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(5);

/// How much later than a socket of the event stream a connection is cut whose client takes nothing: the socket can say why.
const CUT_DELAY: Duration = Duration::from_secs(5);

/// Pause after an accept failed for lack of a resource such as file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What is served, and within which limits.
pub struct ServerParts<'a> {
    /// Speaks TLS; without it, everything is plain.
    pub tls: Option<TlsAcceptor>,
    /// Every route.
    pub router: Router,
    /// Cancelled when the server is to drain.
    pub drain: CancellationToken,
    /// Long-lived tasks that a drain waits for.
    pub tasks: TaskTracker,
    /// How many connections there may be, and how long they may take.
    pub limits: &'a ServerLimits,
    /// A client that takes nothing of what waits for it is let go after this time.
    pub write_timeout: Duration,
    /// Counts connections.
    pub metrics: Metrics,
}

/// What a connection is served with.
#[derive(Clone)]
struct Server {
    builder: Builder<Streams>,
    tls: Option<TlsAcceptor>,
    router: Router,
    drain: CancellationToken,
    head_timeout: Duration,
    idle_timeout: Duration,
    write_timeout: Duration,
    /// Whether requests say which peer they are from: what one peer may take of each limit depends on it.
    names_peers: bool,
}

/// Serves the router until `drain` is cancelled, then lets what is under way finish, within [`DRAIN_TIMEOUT`].
pub async fn serve(listener: TcpListener, parts: ServerParts<'_>) {
    let ServerParts { tls, router, drain, tasks, limits, write_timeout, metrics } = parts;
    let head_timeout = Duration::from_millis(limits.head_timeout_ms);
    let server = Server {
        builder: builder(head_timeout, write_timeout),
        tls,
        router,
        drain: drain.clone(),
        head_timeout,
        idle_timeout: Duration::from_millis(limits.idle_timeout_ms),
        write_timeout: write_timeout.saturating_add(CUT_DELAY),
        // Behind a proxy all clients have one address, which must not have the share of one.
        names_peers: limits.max_connections_per_address > 0,
    };
    let places = Connections::new(limits, metrics);
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = drain.cancelled() => break,
            accepted = accept(&listener) => accepted,
        };
        let Some((stream, peer)) = accepted else { continue };
        match places.enter(peer) {
            Ok(place) => drop(connections.spawn(server.clone().connection(stream, place, peer))),
            Err(full) => places.refuse(stream, full, server.tls.is_none()),
        }
    }
    // Here and not in a task of its own: a drain with nothing under way may end before that task runs.
    tracing::info!("draining");
    drop(listener);
    connections.close();
    tasks.close();
    let finished = async {
        connections.wait().await;
        tasks.wait().await;
    };
    if timeout(DRAIN_TIMEOUT, finished).await.is_err() {
        tracing::warn!(seconds = DRAIN_TIMEOUT.as_secs(), "drain timed out, dropping what is left");
    }
}

impl Server {
    async fn connection(self, stream: TcpStream, place: Place, peer: Peer) {
        // Who says nothing yet has nothing under way: a drain does not wait for them.
        let opened = tokio::select! {
            () = self.drain.cancelled() => None,
            opened = self.open(stream, place) => opened,
        };
        let Some(opened) = opened else { return };
        let is_http2 = opened.is_http2;
        let activity = Activity::new();
        let service = hyper::service::service_fn(|mut request: http::Request<hyper::body::Incoming>| {
            if self.names_peers {
                request.extensions_mut().insert(peer);
            }
            let in_flight = activity.begin();
            let answer = self.router.clone().oneshot(request);
            async move { answer.await.map(|response| Outgoing::answer(response, in_flight)) }
        });
        let mut connection = pin!(self.builder.serve_connection_with_upgrades(TokioIo::new(opened), service));
        let mut idle = pin!(activity.idle(self.idle_timeout));
        // When a connection that was asked to end for being idle is looked at again.
        let mut goodbye: Option<Instant> = None;
        let mut draining = false;
        loop {
            tokio::select! {
                result = connection.as_mut() => {
                    if let Err(error) = result {
                        // The usual noise of clients that go away; worth a line only to someone who looks for it.
                        tracing::debug!(error = %error, "connection ended");
                    }
                    return;
                }
                () = self.drain.cancelled(), if !draining => {
                    draining = true;
                    connection.as_mut().graceful_shutdown();
                }
                () = &mut idle, if is_http2 && goodbye.is_none() => {
                    connection.as_mut().graceful_shutdown();
                    goodbye = Some(Instant::now() + GOODBYE_TIMEOUT);
                }
                () = sleep_until(goodbye.unwrap_or_else(Instant::now)), if goodbye.is_some() => {
                    // A request may have crossed the goodbye; without one, only the client keeps the connection open.
                    if activity.is_idle() {
                        tracing::debug!("an idle connection was cut");
                        return;
                    }
                    goodbye = Some(Instant::now() + GOODBYE_TIMEOUT);
                }
            }
        }
    }

    /// A connection on which the first bytes of HTTP have come; nothing for one that lets its time pass.
    async fn open(&self, stream: TcpStream, place: Place) -> Option<Opened<Pin<Box<dyn Io>>, Place>> {
        let mut stream = TimeoutWriter::new(stream);
        stream.set_timeout(Some(self.write_timeout));
        let stream = Box::pin(stream);
        let stream: Pin<Box<dyn Io>> = match &self.tls {
            None => stream,
            Some(tls) => match timeout(HANDSHAKE_TIMEOUT.min(self.head_timeout), tls.accept(stream)).await {
                Ok(Ok(stream)) => Box::pin(stream),
                Ok(Err(error)) => {
                    tracing::debug!(%error, "TLS handshake failed");
                    return None;
                }
                Err(_) => return None,
            },
        };
        timeout(self.head_timeout, opening(stream, place)).await.ok()?
    }
}

/// What HTTP is spoken over.
trait Io: AsyncRead + AsyncWrite + Send {}

impl<T: AsyncRead + AsyncWrite + Send> Io for T {}

static ACCEPT_FAILED: LogThrottle = LogThrottle::per_minute();

async fn accept(listener: &TcpListener) -> Option<(TcpStream, Peer)> {
    match listener.accept().await {
        Ok((stream, peer)) => {
            // Small frames must not wait for the acknowledgement of the one before.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "no TCP_NODELAY");
            }
            Some((stream, Peer::of(peer.ip())))
        }
        Err(error) => {
            // Without a free file descriptor it fails again at once, until somebody else closes a connection.
            if let Some(repeated) = ACCEPT_FAILED.hit() {
                tracing::warn!(%error, repeated, "accept failed");
            }
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

fn builder(head_timeout: Duration, write_timeout: Duration) -> Builder<Streams> {
    let mut builder = Builder::new(Streams { timeout: write_timeout });
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(head_timeout)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD_BYTES)
        .half_close(true);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_H2_STREAMS)
        .max_header_list_size(MAX_HEAD_BYTES.try_into().unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(Some(MAX_PENDING_RESETS))
        .max_local_error_reset_streams(Some(MAX_FAULTY_STREAMS))
        .initial_stream_window_size(H2_WINDOW)
        .initial_connection_window_size(H2_WINDOW)
        .max_send_buf_size(H2_SEND_BUFFER)
        .keep_alive_interval(Some(Duration::from_secs(30)))
        .keep_alive_timeout(Duration::from_secs(20));
    builder
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    fn serving(
        listener: TcpListener,
        tls: Option<TlsAcceptor>,
        router: Router,
        drain: CancellationToken,
        head_timeout: Duration,
    ) -> tokio::task::JoinHandle<()> {
        let head_timeout_ms = head_timeout.as_millis().try_into().unwrap();
        let limits = ServerLimits { head_timeout_ms, ..ServerLimits::default() };
        tokio::spawn(async move {
            let (tasks, write_timeout, metrics) = (TaskTracker::new(), Duration::from_secs(60), Metrics::default());
            serve(listener, ServerParts { tls, router, drain, tasks, limits: &limits, write_timeout, metrics }).await;
        })
    }

    async fn server(head_timeout: Duration) -> (std::net::SocketAddr, CancellationToken, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let drain = CancellationToken::new();
        let router = Router::new().route("/", get(|| async { "ok" }));
        let serving = serving(listener, None, router, drain.clone(), head_timeout);
        (address, drain, serving)
    }

    #[tokio::test]
    async fn who_does_not_finish_a_head_is_let_go() {
        let (address, _drain, _serving) = server(Duration::from_millis(100)).await;
        for start in ["", "P", "PRI * HTTP", "GET / HTTP/1.1\r\nhost: x\r\n"] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(start.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            // Ends because the server closes; without a limit this would wait for ever.
            let _ = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await.expect(start);
        }
    }

    #[tokio::test]
    async fn who_is_silent_behind_tls_is_let_go_too() {
        use crate::http::tls::{self, TlsFiles};
        use tokio_rustls::rustls::pki_types::ServerName;
        use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let files = TlsFiles { certificate: dir.path().join("cert.pem"), key: dir.path().join("key.pem") };
        std::fs::write(&files.certificate, made.cert.pem()).unwrap();
        std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let drain = CancellationToken::new();
        let acceptor = tls::acceptor(files, drain.clone()).unwrap();
        let write_timeout = Duration::from_millis(500);
        serving(listener, Some(acceptor), Router::new(), drain.clone(), write_timeout);
        // Not even a handshake.
        for start in [&b""[..], b"\x16\x03"] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(start).await.unwrap();
            let mut answer = Vec::new();
            let _ = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await.expect("let go");
        }
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        for start in ["", "P", "PRI * HTTP", "GET / HTTP/1.1\r\nhost: x\r\n"] {
            let stream = TcpStream::connect(address).await.unwrap();
            let mut stream = connector.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap();
            stream.write_all(start.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            let _ = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await.expect(start);
        }
    }

    #[tokio::test]
    async fn a_drain_does_not_wait_for_who_says_nothing() {
        let (address, drain, serving) = server(Duration::from_secs(30)).await;
        let _silent = TcpStream::connect(address).await.unwrap();
        let mut idle = TcpStream::connect(address).await.unwrap();
        idle.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut first = [0; 15];
        idle.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 200 OK");
        drain.cancel();
        tokio::time::timeout(DRAIN_TIMEOUT / 2, serving).await.expect("the drain ends at once").unwrap();
    }
}
