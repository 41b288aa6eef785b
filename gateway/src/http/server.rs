//! The accept loop: HTTP/1.1 and HTTP/2 on one port, plain (HTTP/2 with prior knowledge) or behind TLS (by ALPN), WebSocket
//! upgrades, limits, and a drain.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Connections served at once; the next ones wait in the listen queue.
pub const MAX_CONNECTIONS: usize = 16_384;

/// How long a client may take to send a request's head; a connection that is idle for so long is closed.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Most header lines of a request.
pub const MAX_HEADERS: usize = 64;

/// Most bytes of a request's head, URL included.
pub const MAX_HEAD_BYTES: usize = 32 * 1024;

/// Requests in flight on one HTTP/2 connection.
pub const MAX_H2_STREAMS: u32 = 256;

/// Streams that a client opened and reset before they were looked at; beyond it the connection ends (rapid reset).
const MAX_PENDING_RESETS: usize = 64;

/// Streams that were reset for the client's faults; beyond it the connection ends.
const MAX_FAULTY_STREAMS: usize = 256;

/// Bytes a client may send on one HTTP/2 stream, and on one connection, before the server has taken them.
const H2_WINDOW: u32 = 1024 * 1024;

/// Bytes that wait to be sent on one HTTP/2 stream.
const H2_SEND_BUFFER: usize = 64 * 1024;

/// How long a TLS handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a drain waits for connections and tasks before it gives up on them.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// Pause after an accept failed for lack of a resource such as file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The first bytes of an HTTP/2 connection with prior knowledge.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How often a connection is looked at again whose first bytes may become [`PREFACE`].
const PREFACE_PAUSE: Duration = Duration::from_millis(20);

/// Serves `router` until `drain` is cancelled, then lets what is under way finish, within [`DRAIN_TIMEOUT`]. A client has
/// `head_timeout` for each request's head, usually [`HEAD_TIMEOUT`].
pub async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    drain: CancellationToken,
    tasks: TaskTracker,
    head_timeout: Duration,
) {
    let builder = builder(head_timeout);
    let graceful = GracefulShutdown::new();
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            biased;
            () = drain.cancelled() => break,
            accepted = accept(&listener, &slots) => accepted,
        };
        let Some((stream, slot)) = accepted else { continue };
        let service = TowerToHyperService::new(router.clone());
        let (builder, watcher, drain, tls) = (builder.clone(), graceful.watcher(), drain.clone(), tls.clone());
        tokio::spawn(async move {
            // Who says nothing yet has nothing under way: a drain does not wait for them.
            let ready = tokio::select! {
                () = drain.cancelled() => None,
                ready = ready(stream, tls, head_timeout) => ready,
            };
            let Some(io) = ready else { return };
            let connection = builder.serve_connection_with_upgrades(TokioIo::new(io), service).into_owned();
            let connection = watcher.watch(connection);
            if let Err(error) = connection.await {
                // The usual noise of clients that go away; worth a line only to someone who looks for it.
                tracing::debug!(error = %error, "connection ended");
            }
            drop(slot);
        });
    }
    drop(listener);
    tasks.close();
    let finished = async {
        graceful.shutdown().await;
        tasks.wait().await;
    };
    if tokio::time::timeout(DRAIN_TIMEOUT, finished).await.is_err() {
        tracing::warn!(seconds = DRAIN_TIMEOUT.as_secs(), "drain timed out, dropping what is left");
    }
}

/// A connection on which the first bytes of HTTP have come; nothing for one that lets its time pass.
async fn ready(stream: TcpStream, tls: Option<TlsAcceptor>, head_timeout: Duration) -> Option<Box<dyn Io>> {
    let Some(tls) = tls else {
        let speaks = tokio::time::timeout(head_timeout, speaks(&stream)).await;
        return speaks.unwrap_or(false).then(|| Box::new(stream) as Box<dyn Io>);
    };
    let stream = match tokio::time::timeout(HANDSHAKE_TIMEOUT.min(head_timeout), tls.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            tracing::debug!(%error, "TLS handshake failed");
            return None;
        }
        Err(_) => return None,
    };
    let (mut read, write) = tokio::io::split(stream);
    let first = tokio::time::timeout(head_timeout, opening(&mut read)).await.ok()??;
    Some(Box::new(tokio::io::join(std::io::Cursor::new(first).chain(read), write)))
}

/// What HTTP is spoken over.
trait Io: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// As [`speaks`], where nothing can be looked at without taking it: gives what was taken.
async fn opening(read: &mut (impl AsyncRead + Unpin)) -> Option<Vec<u8>> {
    let mut first = Vec::with_capacity(PREFACE.len());
    while first.len() < PREFACE.len() && PREFACE.starts_with(&first) {
        let room = PREFACE.len().saturating_sub(first.len());
        if (&mut *read).take(u64::try_from(room).ok()?).read_buf(&mut first).await.ok()? == 0 {
            return None;
        }
    }
    Some(first)
}

/// Waits until the version of HTTP can be told, without taking a byte. The connection builder would wait for that without
/// a limit, so a client that says nothing, or only a part of [`PREFACE`], would hold its place for ever.
async fn speaks(stream: &TcpStream) -> bool {
    let mut first = [0; PREFACE.len()];
    loop {
        match stream.peek(&mut first).await {
            Ok(0) | Err(_) => return false,
            Ok(read) if read < PREFACE.len() && first.get(..read) == PREFACE.get(..read) => {
                tokio::time::sleep(PREFACE_PAUSE).await;
            }
            Ok(_) => return true,
        }
    }
}

async fn accept(listener: &TcpListener, slots: &Arc<Semaphore>) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => {
            // Small frames must not wait for the acknowledgement of the one before.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "no TCP_NODELAY");
            }
            Some((stream, slot))
        }
        Err(error) => {
            tracing::warn!(%error, "accept failed");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

fn builder(head_timeout: Duration) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
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
    use super::*;
    use axum::routing::get;
    use tokio::io::AsyncWriteExt as _;

    async fn server(head_timeout: Duration) -> (std::net::SocketAddr, CancellationToken, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let drain = CancellationToken::new();
        let router = Router::new().route("/", get(|| async { "ok" }));
        let serving = tokio::spawn(serve(listener, None, router, drain.clone(), TaskTracker::new(), head_timeout));
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
        let patience = Duration::from_millis(500);
        tokio::spawn(serve(listener, Some(acceptor), Router::new(), drain.clone(), TaskTracker::new(), patience));
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
        let (address, drain, serving) = server(HEAD_TIMEOUT).await;
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
