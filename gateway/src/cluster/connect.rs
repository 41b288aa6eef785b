//! The connection to NATS: made in the background and again for as long as the process runs, so that a relay starts, and serves
//! what its replica holds, while NATS is away. Before anything is read or written it is looked at whether the servers are good
//! enough for a log; see [`Nats::verify`].

use std::collections::BTreeSet;
use std::error::Error as _;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_nats::jetstream::context::{AccountErrorKind, CreateStreamErrorKind, GetStreamErrorKind};
use async_nats::jetstream::stream::{self, DiscardPolicy, StorageType, Stream};
use async_nats::jetstream::{self, ErrorCode, kv};
use async_nats::{Client, ConnectError, ConnectErrorKind, ConnectOptions, ServerError, connection::State};
use bytes::Bytes;
use im_chats_protocol::client::Backoff;
use serde::Deserialize;
use tokio::sync::watch;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use super::credentials::Credentials;
use super::error::ClusterError;
use super::events::Events;
use super::flags::{ClusterArgs, Servers};
use super::names::Names;
use super::proof::{Proof, peers};
use super::version::is_new_enough;
use crate::base::files;
use crate::base::log_throttle::{KeyedLogThrottle, MINUTE};
use crate::base::near::is_near;
use crate::base::random::fraction;

/// The waits between attempts to connect. A cluster has several servers, and each attempt is at one of them.
const RECONNECT: Backoff = Backoff { initial_ms: 100, cap_ms: 5_000 };

/// How long one attempt at one server may take, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long JetStream may take to answer. The election of a leader is a matter of seconds.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Silence after which the server is asked whether it is there; it is given up at the third question without an answer.
const PING_INTERVAL: Duration = Duration::from_secs(2);

/// Commands that may wait for the connection. While there is none, [`Nats::ready`] keeps them away.
const CAPACITY: usize = 256;

/// The largest file of certificates.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// The key of the bucket that says which log is the log.
const LOG_KEY: &str = "log";

/// NATS, connected or not. Cheap to clone.
#[derive(Clone)]
pub struct Nats {
    client: Client,
    jetstream: jetstream::Context,
    /// What is called how there.
    pub names: Arc<Names>,
    shared: Arc<Shared>,
}

/// What all clones share.
struct Shared {
    servers: Servers,
    replicas: usize,
    credentials: Credentials,
    has_certificate: bool,
    proof: Proof,
    /// For a connection that only finds out why there is none.
    options: ConnectOptions,
    /// Goes up at each connection.
    connections: watch::Receiver<u64>,
    /// The last thing that the servers did not allow.
    refused: watch::Receiver<Option<String>>,
    /// The number of the connection that was found good, as the client counts; 0 for none.
    verified: AtomicU64,
    link: watch::Sender<Result<(), ClusterError>>,
}

impl std::fmt::Debug for Nats {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "Nats({})", self.shared.servers)
    }
}

/// Checks the options and begins to connect. Nothing has been reached when it returns: [`Nats::start`] waits for that.
///
/// # Errors
/// What is wrong with the options or the files that they name.
pub async fn connect(args: &ClusterArgs) -> Result<Nats, ClusterError> {
    let servers = args.log.clone().ok_or(ClusterError::NoLog)?;
    let names = args.log_name.clone().ok_or(ClusterError::NoName)?;
    let credentials = Credentials::open(args)?;
    // The client of NATS takes what the process has, and nothing else that the gateway does depends on it.
    let _ = ring::default_provider().install_default();
    let authorities = args.log_ca.as_deref().map(authorities).transpose()?;
    let proof = Proof::new(args, authorities.as_ref())?;
    let options = options(args, &servers, &names, &credentials)?;
    warn_of_plain(&servers, &credentials);
    proof.warn();
    let (connected, connections) = watch::channel(0);
    let (refuse, refused) = watch::channel(None);
    let away = ClusterError::Unreachable { servers: servers.to_string(), reason: "not connected yet".to_owned() };
    let link = watch::Sender::new(Err(away));
    let events = Arc::new(Events { connected, refuse, link: link.clone(), servers: servers.to_string() });
    let with_events = options.clone().retry_on_initial_connect().event_callback(move |event| {
        let events = Arc::clone(&events);
        async move { events.take(&event) }
    });
    let client = with_events
        .connect(servers.addresses.clone())
        .await
        .map_err(|error| ClusterError::Unreachable { servers: servers.to_string(), reason: error.to_string() })?;
    let jetstream = jetstream::context::ContextBuilder::new().timeout(REQUEST_TIMEOUT).build(client.clone());
    let shared = Shared {
        replicas: args.log_replicas,
        has_certificate: args.log_cert.is_some(),
        servers,
        credentials,
        proof,
        options,
        connections,
        refused,
        verified: AtomicU64::new(0),
        link,
    };
    Ok(Nats { client, jetstream, names: Arc::new(names), shared: Arc::new(shared) })
}

fn options(
    args: &ClusterArgs,
    servers: &Servers,
    names: &Names,
    credentials: &Credentials,
) -> Result<ConnectOptions, ClusterError> {
    let credentials = credentials.clone();
    let mut options = ConnectOptions::with_auth_callback(move |nonce| credentials.clone().answer_later(nonce))
        .name(format!("im-chats-gateway {} {names}", env!("CARGO_PKG_VERSION")))
        .connection_timeout(CONNECT_TIMEOUT)
        .request_timeout(Some(REQUEST_TIMEOUT))
        .ping_interval(PING_INTERVAL)
        .client_capacity(CAPACITY)
        .reconnect_delay_callback(delay)
        .require_tls(servers.wants_tls() || args.log_ca.is_some() || args.log_cert.is_some());
    if let Some(path) = &args.log_ca {
        options = options.add_root_certificates(path.clone());
    }
    if let (Some(certificate), Some(key)) = (&args.log_cert, &args.log_key) {
        let chain = certificates("--log-cert", certificate)?;
        let bytes = files::read(key, MAX_FILE_BYTES).map_err(|error| unusable("--log-key", key, error.to_string()))?;
        let private = PrivateKeyDer::from_pem_slice(&bytes)
            .map_err(|_| unusable("--log-key", key, "there is no private key in PEM form in it".to_owned()))?;
        ClientConfig::builder()
            .with_root_certificates(RootCertStore::empty())
            .with_client_auth_cert(chain, private)
            .map_err(|error| unusable("--log-key", key, error.to_string()))?;
        options = options.add_client_certificate(certificate.clone(), key.clone());
    }
    Ok(options)
}

fn authorities(path: &Path) -> Result<RootCertStore, ClusterError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates("--log-ca", path)? {
        roots.add(certificate).map_err(|error| unusable("--log-ca", path, error.to_string()))?;
    }
    Ok(roots)
}

/// Each attempt is at the next server; the first one, at the first server, is at once.
fn delay(attempts: usize) -> Duration {
    let failures = u32::try_from(attempts.saturating_sub(1)).unwrap_or(u32::MAX);
    if failures == 0 { Duration::ZERO } else { Duration::from_millis(RECONNECT.delay_ms(failures, fraction())) }
}

fn certificates(flag: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, ClusterError> {
    let bytes = files::read(path, MAX_FILE_BYTES).map_err(|error| unusable(flag, path, error.to_string()))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    found
        .ok()
        .filter(|found| !found.is_empty())
        .ok_or_else(|| unusable(flag, path, "there is no certificate in PEM form in it".to_owned()))
}

fn unusable(flag: &'static str, path: &Path, reason: String) -> ClusterError {
    ClusterError::File { flag, path: path.to_owned(), reason }
}

/// What works, and shows more than its operator may have meant to.
fn warn_of_plain(servers: &Servers, credentials: &Credentials) {
    let far = servers.addresses.iter().any(|address| !is_near(address.host()));
    if far && !servers.wants_tls() {
        let secret = if credentials.sends_secret() { "messages and the password" } else { "messages" };
        tracing::warn!(%servers, "--log is not tls://: {secret} can be read on their way to NATS");
    }
}

impl Nats {
    /// The connection. Ask [`Nats::ready`] before something is sent: while there is no connection it would wait, and be sent
    /// later.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// Its JetStream. See [`Nats::client`].
    #[must_use]
    pub const fn jetstream(&self) -> &jetstream::Context {
        &self.jetstream
    }

    /// The largest message, headers included, that the server takes.
    #[must_use]
    pub fn max_payload(&self) -> usize {
        self.client.max_payload()
    }

    /// As many copies are kept of what is made.
    #[must_use]
    pub fn replicas(&self) -> usize {
        self.shared.replicas
    }

    /// Whether the log can be read and written, and why not; for the health, and to wait until it can.
    #[must_use]
    pub fn link(&self) -> watch::Receiver<Result<(), ClusterError>> {
        self.shared.link.subscribe()
    }

    /// Whether there is a connection, and its servers were found good. Costs nothing: ask before each message that is sent.
    ///
    /// # Errors
    /// Why not.
    pub fn ready(&self) -> Result<(), ClusterError> {
        // Counted by the client before the connection is used, so that no message goes to a server that was not looked at.
        if self.client.connection_state() == State::Connected && self.shared.verified.load(Ordering::Acquire) == self.count() {
            return Ok(());
        }
        self.shared.link.borrow().clone().and_then(|()| Err(self.away("the connection was lost")))
    }

    /// Publishes what need not arrive, such as gossip; fails at once while there is no connection.
    ///
    /// # Errors
    /// It could not be sent.
    pub async fn tell(&self, subject: String, payload: Bytes) -> Result<(), ClusterError> {
        self.ready()?;
        self.client.publish(subject, payload).await.map_err(|error| self.away(&error.to_string()))
    }

    /// Waits until NATS is reached and found good; tries for as long as that takes, and says so in the log and in
    /// [`Nats::link`].
    ///
    /// # Errors
    /// What does not pass by itself: [`ClusterError::is_fatal`].
    pub async fn start(&self) -> Result<(), ClusterError> {
        let mut failures = 0;
        loop {
            match self.verify().await {
                Err(error) if !error.is_fatal() => self.wait_after(&error, &mut failures).await,
                result => return result,
            }
        }
    }

    /// As [`Nats::start`], and gives the bucket; servers that elect a leader in between are asked again.
    ///
    /// # Errors
    /// As [`Nats::start`].
    pub async fn start_with_bucket(&self) -> Result<kv::Store, ClusterError> {
        let mut failures = 0;
        loop {
            self.start().await?;
            match self.bucket().await {
                Err(error) if !error.is_fatal() => self.wait_after(&error, &mut failures).await,
                result => return result,
            }
        }
    }

    /// For as long as the process runs, after [`Nats::start`]: looks at the servers again at each connection. What is wrong
    /// with them then is in [`Nats::link`] and in the log, and nothing ends: replicas serve on.
    pub async fn keep(&self) {
        let mut connections = self.shared.connections.clone();
        loop {
            connections.mark_unchanged();
            let mut failures = 0;
            while self.ready().is_err() {
                let Err(error) = self.verify().await else { break };
                self.wait_after(&error, &mut failures).await;
                // Perhaps another server is good.
                if matches!(error, ClusterError::TooOld { .. }) {
                    let _ = self.client.force_reconnect().await;
                }
            }
            if connections.changed().await.is_err() {
                return;
            }
        }
    }

    async fn wait_after(&self, error: &ClusterError, failures: &mut u32) {
        static COMPLAINTS: std::sync::LazyLock<KeyedLogThrottle> =
            std::sync::LazyLock::new(|| KeyedLogThrottle::new(MINUTE, 32));
        if let Some(repeated) = COMPLAINTS.hit(&error.to_string()) {
            tracing::warn!(repeated, "the log in NATS cannot be used: {error}");
        }
        *failures = failures.saturating_add(1);
        tokio::time::sleep(Duration::from_millis(RECONNECT.delay_ms(*failures, fraction()))).await;
    }

    /// Waits for a connection and looks once whether the log may be kept there: the servers' version, JetStream, what this user
    /// may do, the copies that are kept, and that they are on the disks. Must have been good before anything is read or
    /// written, and again after each reconnect; [`Nats::start`] and [`Nats::keep`] do so.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub async fn verify(&self) -> Result<(), ClusterError> {
        let result = self.look().await;
        match &result {
            Ok(connection) => self.shared.verified.store(*connection, Ordering::Release),
            Err(_) => self.shared.verified.store(0, Ordering::Release),
        }
        let result = result.map(drop);
        self.shared.link.send_modify(|link| *link = result.clone());
        result
    }

    async fn look(&self) -> Result<u64, ClusterError> {
        self.connected().await?;
        let connection = self.count();
        // After an answer, what is known of the server is of this connection.
        match tokio::time::timeout(REQUEST_TIMEOUT, self.client.flush()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(self.away(&error.to_string())),
            Err(_) => return Err(self.away("no answer")),
        }
        let info = self.client.server_info();
        if !is_new_enough(&info.version) {
            return Err(ClusterError::TooOld { server: info.server_name, version: info.version });
        }
        self.allowed(self.account()).await?;
        let bucket = self.allowed(self.open_bucket()).await?;
        let log = self.allowed(self.current_log(&bucket)).await?;
        self.check([Some(&bucket.stream), log.as_ref()].into_iter().flatten().map(Stream::cached_info)).await?;
        if self.count() == connection { Ok(connection) } else { Err(self.away("the connection was lost")) }
    }

    /// Waits for the connection. Until the first one it is found out why there is none: some reasons do not pass.
    async fn connected(&self) -> Result<(), ClusterError> {
        let mut connections = self.shared.connections.clone();
        loop {
            let before = *connections.borrow_and_update();
            if self.client.connection_state() == State::Connected {
                return Ok(());
            }
            if before > 0 {
                let _ = connections.changed().await;
                continue;
            }
            match self.shared.options.clone().connect(self.shared.servers.addresses.clone()).await {
                // The client itself is about to be connected, too.
                Ok(_) => {
                    let _ = tokio::time::timeout(CONNECT_TIMEOUT, connections.changed()).await;
                }
                Err(error) => return Err(self.no_connection(&error)),
            }
        }
    }

    /// Why there is no connection.
    fn no_connection(&self, error: &ConnectError) -> ClusterError {
        let servers = self.shared.servers.to_string();
        let source = error.source();
        let reason = source.map_or_else(|| error.to_string(), ToString::to_string);
        let refused = match error.kind() {
            ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => true,
            _ => source.and_then(<dyn std::error::Error>::downcast_ref).is_some_and(|error: &ServerError| {
                let text = error.to_string().to_lowercase();
                text.contains("authentication") || text.contains("authorization")
            }),
        };
        if refused {
            return ClusterError::Credentials { flag: self.shared.credentials.flag(), reason };
        }
        let tls = source
            .and_then(<dyn std::error::Error>::downcast_ref)
            .and_then(io::Error::get_ref)
            .and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match tls {
            Some(rustls::Error::AlertReceived(_)) => {
                let flag = if self.shared.has_certificate { "--log-cert" } else { "--log" };
                ClusterError::Tls { flag, servers, reason }
            }
            Some(rustls::Error::InvalidCertificate(_)) => ClusterError::Tls { flag: "--log-ca", servers, reason },
            Some(_) => ClusterError::Tls { flag: "--log", servers, reason },
            None if error.kind() == ConnectErrorKind::Tls => ClusterError::Tls { flag: "--log-ca", servers, reason },
            None => ClusterError::Unreachable { servers, reason },
        }
    }

    /// What is asked for, or what the servers do not allow in it: they say so beside, and the question is never answered.
    async fn allowed<T>(&self, asked: impl Future<Output = Result<T, ClusterError>>) -> Result<T, ClusterError> {
        let mut refused = self.shared.refused.clone();
        refused.mark_unchanged();
        tokio::select! {
            answer = asked => answer,
            Ok(()) = refused.changed() => {
                let reason = refused.borrow().clone().unwrap_or_default();
                Err(ClusterError::Permissions { flag: self.shared.credentials.flag(), reason })
            }
        }
    }

    async fn account(&self) -> Result<(), ClusterError> {
        let Err(error) = self.jetstream.query_account().await else { return Ok(()) };
        let reason = error.to_string();
        match error.kind() {
            AccountErrorKind::JetStreamUnavailable => Err(ClusterError::NoJetStream { reason }),
            AccountErrorKind::JetStream(error)
                if [ErrorCode::JETSTREAM_NOT_ENABLED, ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT]
                    .contains(&error.error_code()) =>
            {
                Err(ClusterError::NoJetStream { reason })
            }
            _ => Err(ClusterError::JetStream { what: "say what this account may take", reason }),
        }
    }

    /// The bucket, made when there is none.
    ///
    /// # Errors
    /// It cannot be made, or is not kept as the options say.
    pub async fn bucket(&self) -> Result<kv::Store, ClusterError> {
        let bucket = self.open_bucket().await?;
        self.check([bucket.stream.cached_info()]).await?;
        Ok(bucket)
    }

    async fn open_bucket(&self) -> Result<kv::Store, ClusterError> {
        let name = self.names.bucket_stream();
        if self.stream(&name).await?.is_none() {
            // As the client would make it, but that only the leader answers: other copies may not know yet what was written
            // last.
            let config = stream::Config {
                name: name.clone(),
                subjects: vec![format!("$KV.{}.>", self.names.bucket())],
                max_messages_per_subject: 1,
                storage: StorageType::File,
                discard: DiscardPolicy::New,
                allow_rollup: true,
                deny_delete: true,
                allow_direct: false,
                num_replicas: self.shared.replicas,
                ..stream::Config::default()
            };
            self.create(config).await?;
        }
        let opened = self.jetstream.get_key_value(self.names.bucket()).await;
        opened.map_err(|error| ClusterError::JetStream { what: "open the bucket", reason: error.to_string() })
    }

    /// A stream, if there is one of that name.
    ///
    /// # Errors
    /// JetStream does not answer.
    pub async fn stream(&self, name: &str) -> Result<Option<Stream>, ClusterError> {
        match self.jetstream.get_stream(name).await {
            Ok(stream) => Ok(Some(stream)),
            Err(error) => match error.kind() {
                GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND => Ok(None),
                _ => Err(ClusterError::JetStream { what: "open a stream", reason: error.to_string() }),
            },
        }
    }

    /// Makes a stream; one that is there already, made by another relay a moment ago, is good as well.
    ///
    /// # Errors
    /// It cannot be made: too few servers for the copies, or JetStream does not answer.
    pub async fn create(&self, config: stream::Config) -> Result<(), ClusterError> {
        let (name, wanted) = (config.name.clone(), config.num_replicas);
        let Err(error) = self.jetstream.create_stream(config).await else { return Ok(()) };
        let reason = error.to_string();
        match error.kind() {
            CreateStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NAME_EXIST => Ok(()),
            CreateStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_REPLICAS_NOT_SUPPORTED => {
                Err(ClusterError::Replicas { what: format!("the stream {name}"), wanted, reason: error.to_string() })
            }
            _ => Err(ClusterError::JetStream { what: "make a stream", reason }),
        }
    }

    /// The stream of the log, if there is one yet.
    async fn current_log(&self, bucket: &kv::Store) -> Result<Option<Stream>, ClusterError> {
        #[derive(Deserialize)]
        struct Pointer {
            stream: String,
        }
        let entry = bucket.get(LOG_KEY).await;
        let entry =
            entry.map_err(|error| ClusterError::JetStream { what: "say which log it is", reason: error.to_string() })?;
        let pointer = entry.and_then(|bytes| serde_json::from_slice::<Pointer>(&bytes).ok());
        match pointer {
            Some(pointer) => self.stream(&pointer.stream).await,
            None => Ok(None),
        }
    }

    /// Whether streams are kept as the options say. [`Nats::verify`] looks at the bucket and at the log that it names; ask for
    /// a stream that was just made.
    ///
    /// # Errors
    /// One has fewer copies, or is not shown to be on the disks.
    pub async fn check<'a>(&self, streams: impl IntoIterator<Item = &'a stream::Info>) -> Result<(), ClusterError> {
        let connected = self.client.server_info().server_name;
        let mut keepers = BTreeSet::new();
        for stream in streams {
            self.check_copies(stream)?;
            keepers.append(&mut peers(stream, &connected));
        }
        self.shared.proof.look(&keepers).await
    }

    fn check_copies(&self, stream: &stream::Info) -> Result<(), ClusterError> {
        let (config, wanted) = (&stream.config, self.shared.replicas);
        let what = || format!("the stream {}", config.name);
        if config.storage != StorageType::File {
            let reason = "it is in the memory of the servers and not on their disks".to_owned();
            return Err(ClusterError::Replicas { what: what(), wanted, reason });
        }
        if config.num_replicas < wanted {
            let (name, has) = (&config.name, config.num_replicas);
            let reason = format!("it is kept {has} times; change it with `nats stream edit {name} --replicas {wanted}`");
            return Err(ClusterError::Replicas { what: what(), wanted, reason });
        }
        Ok(())
    }

    fn count(&self) -> u64 {
        self.client.statistics().connects.load(Ordering::Relaxed)
    }

    fn away(&self, reason: &str) -> ClusterError {
        ClusterError::Unreachable { servers: self.shared.servers.to_string(), reason: reason.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_attempt_is_at_once_and_the_others_wait_longer_and_longer() {
        assert_eq!((delay(0), delay(1)), (Duration::ZERO, Duration::ZERO));
        for attempts in 2..100 {
            assert!(delay(attempts) <= Duration::from_secs(5), "{attempts}");
        }
    }
}
