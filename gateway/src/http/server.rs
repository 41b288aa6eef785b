//! The accept loop: HTTP/1.1 and HTTP/2 with prior knowledge on one port, WebSocket upgrades, limits, and a drain.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
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
        let (builder, watcher, drain) = (builder.clone(), graceful.watcher(), drain.clone());
        tokio::spawn(async move {
            let speaks = tokio::select! {
                () = drain.cancelled() => false,
                speaks = tokio::time::timeout(head_timeout, speaks(&stream)) => speaks.unwrap_or(false),
            };
            if !speaks {
                return;
            }
            let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
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
        .max_pending_accept_reset_streams(Some(64))
        .keep_alive_interval(Some(Duration::from_secs(30)))
        .keep_alive_timeout(Duration::from_secs(20));
    builder
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    async fn server(head_timeout: Duration) -> (std::net::SocketAddr, CancellationToken, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let drain = CancellationToken::new();
        let router = Router::new().route("/", get(|| async { "ok" }));
        let serving = tokio::spawn(serve(listener, router, drain.clone(), TaskTracker::new(), head_timeout));
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
