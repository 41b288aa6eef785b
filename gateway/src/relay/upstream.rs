//! The connection to the real service: one for calls and events, and one for what is large, whose streams a slow reader may
//! hold up without holding up the others.

mod events;
mod pieces;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use im_chats_protocol::error::Error;
use im_chats_protocol::wire::routes::{IDEMPOTENCY_KEY_HEADER, REQUEST_ID_HEADER, SERVER_HEADER};
use parking_lot::RwLock;
use prost::Message;
use tokio::sync::Semaphore;
use tonic::client::Grpc;
use tonic::codegen::http::Uri;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::{Ascii, MetadataMap, MetadataValue};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Request, Status};
use tonic_prost::ProstCodec;

use super::failure;
use super::token::{Bearer, TokenSource};
use crate::base::files;
use crate::service::context::CallContext;
use crate::service::trace::{TRACEPARENT, TRACESTATE, TraceContext};

/// How long a connection may take to come about, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// An HTTP/2 ping goes out this often, and its answer may take as long: half-open connections are found even when idle.
const KEEPALIVE: Duration = Duration::from_secs(10);

/// How long the upstream may take to begin a stream.
const OPEN_TIMEOUT: Duration = Duration::from_secs(30);

/// What the upstream may have on its way to us beyond what we took, in bytes, on all streams of a connection together. It is
/// more than the windows of all streams of events, so that calls get through while those wait for our disk.
const CONNECTION_WINDOW: u32 = 1024 * 1024;

/// Largest file of certificates, in bytes: the whole of a system's authorities has some hundred kilobytes.
const MAX_CA_BYTES: u64 = 4 * 1024 * 1024;

/// Largest answer or event, in bytes.
const MAX_MESSAGE: usize = 32 * 1024 * 1024;

/// A request from this size on, in bytes, is large.
const LARGE: usize = 256 * 1024;

/// The least speed at which a request must get through, in bytes a millisecond: about a mebibyte a second. It has that time
/// beside what any call has.
const LEAST_SPEED: usize = 1024;

/// Most attachments that are passed on at once.
const DOWNLOADS: usize = 64;

/// What the upstream may send ahead of each of them, in bytes: one piece of an attachment.
const DOWNLOAD_WINDOW: u32 = 256 * 1024;

/// The same for all of them together: readers who take nothing do not hold up the others.
const DOWNLOADS_WINDOW: u32 = 64 * DOWNLOAD_WINDOW + 1024 * 1024;

/// Largest piece of a streamed answer, in bytes.
const MAX_PIECE: usize = 4 * 1024 * 1024;

/// Which upstream, and how to talk to it.
#[derive(Debug)]
pub struct Settings {
    /// `http://HOST:PORT` or `https://HOST:PORT`.
    pub address: Uri,
    /// The token.
    pub token: TokenSource,
    /// `x-photon-server`
    pub server: Option<MetadataValue<Ascii>>,
    /// PEM certificates to trust beside the system's.
    pub authorities: Option<Vec<u8>>,
    /// How long a call may take.
    pub timeout: Duration,
}

/// The upstream. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Upstream(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    calls: Connection,
    transfers: Connection,
    /// The places of downloads.
    downloads: Arc<Semaphore>,
    settings: Settings,
}

#[derive(Debug)]
struct Connection {
    endpoint: Endpoint,
    channel: RwLock<Channel>,
}

/// What a connection is used for.
#[derive(Debug, Clone, Copy)]
enum Use {
    /// Calls and events: little data, soon taken.
    Call,
    /// What is large, or taken slowly.
    Transfer,
}

impl Connection {
    fn new(endpoint: Endpoint) -> Self {
        let channel = RwLock::new(endpoint.connect_lazy());
        Self { endpoint, channel }
    }

    fn reconnect(&self) {
        *self.channel.write() = self.endpoint.connect_lazy();
    }
}

/// A call: its path, and whether it may be sent again when its answer was lost.
#[derive(Debug, Clone, Copy)]
pub struct Method {
    /// `/package.Service/Method`
    pub path: &'static str,
    /// Whether doing it twice is the same as doing it once.
    pub repeatable: bool,
}

impl Upstream {
    /// Prepares the connection; it comes about with the first call.
    ///
    /// # Errors
    /// `invalidArgument` when the certificates cannot be used.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        let mut endpoint = Endpoint::from(settings.address.clone())
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(KEEPALIVE)
            .keep_alive_timeout(KEEPALIVE)
            .keep_alive_while_idle(true)
            .tcp_nodelay(true);
        if settings.address.scheme_str() == Some("https") {
            let mut tls = ClientTlsConfig::new().with_native_roots().timeout(CONNECT_TIMEOUT);
            if let Some(authorities) = &settings.authorities {
                tls = tls.ca_certificate(Certificate::from_pem(authorities));
            }
            endpoint = endpoint
                .tls_config(tls)
                .map_err(|error| Error::invalid("--upstream-ca", format!("these certificates cannot be used: {error:?}")))?;
        }
        let transfers =
            endpoint.clone().initial_stream_window_size(DOWNLOAD_WINDOW).initial_connection_window_size(DOWNLOADS_WINDOW);
        let calls = Connection::new(endpoint.initial_connection_window_size(CONNECTION_WINDOW));
        Ok(Self(Arc::new(Inner {
            calls,
            transfers: Connection::new(transfers),
            downloads: Arc::new(Semaphore::new(DOWNLOADS)),
            settings,
        })))
    }

    /// Lets calls that begin from now on use fresh connections.
    pub fn reconnect(&self) {
        self.0.calls.reconnect();
        self.0.transfers.reconnect();
    }

    /// The token of this moment.
    #[must_use]
    pub fn token(&self) -> Bearer {
        self.0.settings.token.current()
    }

    /// How large a request may be, the fronts say.
    fn client(&self, of: Use) -> Grpc<Channel> {
        let connection = match of {
            Use::Call => &self.0.calls,
            Use::Transfer => &self.0.transfers,
        };
        Grpc::new(connection.channel.read().clone()).max_decoding_message_size(MAX_MESSAGE)
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let metadata = request.metadata_mut();
        metadata.insert("authorization", self.token());
        if let Some(server) = &self.0.settings.server {
            metadata.insert(SERVER_HEADER, server.clone());
        }
        request
    }

    /// What travels beside a request.
    fn accompany<T>(&self, request: &mut Request<T>, call: &CallContext) -> Result<(), Error> {
        if let Ok(id) = MetadataValue::try_from(&call.request_id) {
            request.metadata_mut().insert(REQUEST_ID_HEADER, id);
        }
        if let Some(trace) = &call.trace {
            follow(request.metadata_mut(), trace);
        }
        if let Some(key) = &call.idempotency_key {
            request.metadata_mut().insert(IDEMPOTENCY_KEY_HEADER, printable(key, IDEMPOTENCY_KEY_HEADER)?);
        }
        Ok(())
    }

    /// One call, passed through.
    ///
    /// # Errors
    /// What the upstream says; `serviceUnavailable` when it cannot be reached and `timeout` when it does not answer. A write
    /// that may have been done, and that nothing makes repeatable, is not marked retryable.
    pub async fn unary<Q, A>(&self, method: Method, call: &CallContext, message: Q) -> Result<A, Error>
    where
        Q: Message + Default + 'static,
        A: Message + Default + 'static,
    {
        let size = message.encoded_len();
        let timeout = self.0.settings.timeout + Duration::from_millis((size / LEAST_SPEED).try_into().unwrap_or(u64::MAX));
        let of = if size < LARGE { Use::Call } else { Use::Transfer };
        let mut request = self.request(message);
        request.set_timeout(timeout);
        self.accompany(&mut request, call)?;
        let asked = async {
            let mut client = self.client(of);
            client.ready().await.map_err(|error| Status::from_error(error.into()))?;
            let codec: ProstCodec<Q, A> = ProstCodec::default();
            client.unary(request, PathAndQuery::from_static(method.path), codec).await
        };
        let repeatable = method.repeatable || call.idempotency_key.is_some();
        match tokio::time::timeout(timeout, asked).await {
            Ok(Ok(answer)) => Ok(answer.into_inner()),
            Ok(Err(status)) => {
                let error = failure::from_status(&status);
                let answered = error.source.is_some() || failure::never_connected(&status);
                Err(if answered { error } else { in_doubt(error, repeatable) })
            }
            Err(_) => Err(in_doubt(failure::timed_out(), repeatable)),
        }
    }
}

/// Names the caller's trace. Without one nothing is named: beginning one would decide for the upstream what is sampled.
fn follow(metadata: &mut MetadataMap, trace: &TraceContext) {
    for (name, value) in [(&TRACEPARENT, Some(trace.parent())), (&TRACESTATE, trace.state())] {
        if let Some(value) = value.and_then(|value| MetadataValue::try_from(value).ok()) {
            metadata.insert(name.as_str(), value);
        }
    }
}

/// An error of a call whose answer was lost: it may have been done.
fn in_doubt(mut error: Error, repeatable: bool) -> Error {
    error.retryable = error.retryable && repeatable;
    error
}

/// A value for a header, which must be printable ASCII.
///
/// # Errors
/// `invalidArgument` naming `field`.
pub fn printable(text: &str, field: &'static str) -> Result<MetadataValue<Ascii>, Error> {
    let visible = !text.is_empty() && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    MetadataValue::try_from(text)
        .ok()
        .filter(|_| visible)
        .ok_or_else(|| Error::invalid(field, "the upstream takes printable ASCII characters only, and at least one"))
}

/// Reads certificates, and checks that there is one.
///
/// # Errors
/// `invalidArgument` naming the option.
pub fn authorities(path: &Path) -> Result<Vec<u8>, Error> {
    let failed = |reason: String| Error::invalid("--upstream-ca", format!("{}: {reason}", path.display()));
    let pem = files::read(path, MAX_CA_BYTES).map_err(|error| failed(error.to_string()))?;
    if pem.windows(27).any(|window| window == b"-----BEGIN CERTIFICATE-----") {
        return Ok(pem);
    }
    Err(failed("there is no PEM certificate in it".to_owned()))
}
