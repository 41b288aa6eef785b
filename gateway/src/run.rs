//! From the command line to a running server, and out again. It may use every room, and none uses it.

mod member;

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use im_chats_protocol::error::Error;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

use crate::app::{self, App, MetricsApp};
use crate::cli::{Cli, Command, EmulatorCommand, RelayCommand, ServeArgs};
use crate::cluster::{ClusterError, MemberError, Nats, RelayName, shared};
use crate::emulator::Emulator;
use crate::fronts::metrics::{self as metrics_front, Readers};
use crate::http::access::{Access, Origin};
use crate::http::admission::Admission;
use crate::http::flags::ServerLimits;
use crate::http::listen::Listen;
use crate::http::server::{self, ServerParts};
use crate::http::subjects::Subjects;
use crate::http::tls::{self, TlsError};
use crate::log::backup::{self, BackupError};
use crate::log::store::{Owner, Store, StoreError};
use crate::log::{self, Keeper, LogCopy, OwnLog};
use crate::metrics::Metrics;
use crate::process::shutdown::{CLOSE_TIMEOUT, Shutdown};
use crate::process::{log_panic, open_files, output, start_logging};
use crate::relay::Source;
use crate::service::auth::Authenticator;
use crate::service::backend::Backend;
use crate::service::health::Health;
use crate::tokens::{LOOK_INTERVAL, TokenArgs, Tokens};

/// Most connections, and most requests, at the metrics' own address.
const METRICS_CONNECTIONS: usize = 64;

/// Why the gateway did not start, or stopped by itself.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error(transparent)]
    Member(#[from] MemberError),
    /// An option of the relay cannot be used.
    #[error("{}", .0.message)]
    Relay(Error),
    #[error("--listen: cannot listen on {listen}: {source}")]
    Listen { listen: Listen, source: std::io::Error },
    #[error("--metrics-listen: cannot listen on {listen}: {source}")]
    MetricsListen { listen: Listen, source: std::io::Error },
    #[error("{}", .0.message)]
    MetricsToken(Error),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("{}", .0.message)]
    Token(im_chats_protocol::error::Error),
    #[error(transparent)]
    Backup(#[from] BackupError),
    #[error("--drain-reconnect-min-ms: at most --drain-reconnect-max-ms, which is {0}")]
    Reconnect(u64),
    #[error("cannot start: {0}")]
    Start(#[from] std::io::Error),
}

/// Runs what the command line says; the exit code is 0 after a drain.
#[must_use]
pub fn main(cli: Cli) -> ExitCode {
    let result = match cli.command {
        Command::Emulator(command) => emulator(*command),
        Command::Relay(command) => relay(*command),
        Command::Backup(args) => backup::backup(&args.data, &args.target).map_err(RunError::from).map(|copied| {
            report(format_args!("{}: backup of {}, {copied}", args.target.display(), args.data.display()));
        }),
        Command::Restore(args) => backup::restore(&args.backup, &args.data).map_err(RunError::from).map(|copied| {
            report(format_args!("{}: restored from {}, {copied}", args.data.display(), args.backup.display()));
        }),
    };
    if let Err(error) = &result {
        output::say(format_args!("im-chats-gateway: {error}"));
    }
    output::flush();
    if result.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Says on stdout what was done. A closed stdout is no error.
fn report(text: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Prepares the process to serve: stderr, signals, the log, the runtime.
fn start(serve: &ServeArgs) -> Result<(Runtime, Shutdown), RunError> {
    output::start()?;
    if serve.live.drain_reconnect_min_ms > serve.live.drain_reconnect_max_ms {
        return Err(RunError::Reconnect(serve.live.drain_reconnect_max_ms));
    }
    // Before anything that may take long, so that it can be ended.
    let shutdown = Shutdown::watch(serve.process.exit_with_parent, server::DRAIN_TIMEOUT)?;
    start_logging(serve.process.log_format);
    std::panic::set_hook(Box::new(log_panic));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    Ok((runtime, shutdown))
}

fn emulator(command: EmulatorCommand) -> Result<(), RunError> {
    let EmulatorCommand { mut serve, emulator: args, strict_origins } = command;
    let (runtime, shutdown) = start(&serve)?;
    if !strict_origins {
        serve.access.allow_origin.push(Origin::Local);
    }
    let (served, writer) = runtime.block_on(async {
        let tls = acceptor(&serve, &shutdown)?;
        let metrics = Metrics::of_emulator();
        let store = Store::open_with(&args.data, &serve.room, metrics.clone())?;
        let (emulator, writer) = tokio::task::block_in_place(|| Emulator::open(store))?;
        tokio::spawn(emulator.compactor().run(shutdown.drain()));
        tokio::spawn(Keeper::new(emulator.event_log().clone(), serve.retain).run(shutdown.drain()));
        // Once the directory is locked: a key of our own is in it.
        let served = match tokens(&serve.token, Some(&args.data)) {
            Ok(tokens) => {
                let backend = Arc::new(emulator.clone());
                let service = Service { backend, emulator: Some(emulator), health: Health::alone(), metrics, others: None };
                listen(serve, tls, tokens, service, true, &shutdown).await
            }
            Err(error) => Err(error),
        };
        Ok::<_, RunError>((served, writer))
    })?;
    // Drops the connections that outlived the drain, and with them whatever could still ask the writer for something. It
    // finishes what it has and closes the database; `shutdown` sees to it that this does not take for ever.
    runtime.shutdown_timeout(CLOSE_TIMEOUT);
    if writer.join().is_err() {
        tracing::error!("the writer of the journal failed");
    }
    served
}

fn relay(command: RelayCommand) -> Result<(), RunError> {
    let RelayCommand { serve, relay: args, cluster } = command;
    let (runtime, shutdown) = start(&serve)?;
    let served = runtime.block_on(async {
        let tls = acceptor(&serve, &shutdown)?;
        let (health, metrics) = (Health::connecting(), Metrics::of_relay());
        args.warn_of_plain_upstream();
        let source = Source::new(&args).map_err(RunError::Relay)?;
        let owner = if cluster.log.is_some() { Owner::Replica } else { Owner::Relay };
        let (store, log, appender) = tokio::task::block_in_place(|| {
            let store = Store::open_with(&args.data, &serve.room, metrics.clone())?;
            store.claim(owner)?;
            let (log, appender) = log::open(&store)?;
            Ok::<_, StoreError>((store, log, appender))
        })?;
        let service = Service { backend: Arc::new(source.relay(log.clone())), emulator: None, health, metrics, others: None };
        if cluster.log.is_some() {
            let copy = LogCopy::new(appender, &store)?;
            let parts = member::Parts { cluster, serve, tls, source, copy, service };
            return member::run(parts, &shutdown).await;
        }
        let ingest = source.ingest(Box::new(OwnLog::from(appender)), service.health.clone()).await;
        let ingest = ingest.map_err(|error| store.damaged(error))?;
        tokio::spawn(Keeper::new(log, serve.retain).run(shutdown.drain()));
        let tokens = tokens(&serve.token, Some(&args.data))?;
        let ingest = tokio::spawn(ingest.run(shutdown.drain()));
        listen(serve, tls, tokens, service, true, &shutdown).await?;
        // A transaction that is under way is waited for; the log is whole either way.
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, ingest).await;
        Ok(())
    });
    runtime.shutdown_timeout(CLOSE_TIMEOUT);
    served
}

fn acceptor(args: &ServeArgs, shutdown: &Shutdown) -> Result<Option<TlsAcceptor>, RunError> {
    Ok(args.tls.files().map(|files| tls::acceptor(files, shutdown.drain())).transpose()?)
}

/// What is served, as far as the two services differ.
struct Service {
    backend: Arc<dyn Backend>,
    /// The same service, where it is the emulator.
    emulator: Option<Emulator>,
    health: Health,
    metrics: Metrics,
    /// Other relays over the same log, and what this one is called among them.
    others: Option<(Nats, Option<RelayName>)>,
}

/// Listens, announces it, and serves until the drain is over. Unless it `serves` clients, there are health and metrics only.
async fn listen(
    mut args: ServeArgs,
    tls: Option<TlsAcceptor>,
    tokens: Arc<Tokens>,
    service: Service,
    serves: bool,
    shutdown: &Shutdown,
) -> Result<(), RunError> {
    let Service { backend, emulator, health, metrics, others } = service;
    let listener = args.listen.bind().await.map_err(|source| RunError::Listen { listen: args.listen.clone(), source })?;
    let address = listener.local_addr()?;
    let metrics_token = args.metrics.token().map_err(RunError::MetricsToken)?.map(Arc::new);
    let metrics_listener = match &args.metrics.metrics_listen {
        None => None,
        Some(listen) => {
            let failed = |source| RunError::MetricsListen { listen: listen.clone(), source };
            Some(listen.bind().await.map_err(failed)?)
        }
    };
    warn_of_exposure(&args, address, tls.is_some());
    let authenticator: Arc<dyn Authenticator> = Arc::<Tokens>::clone(&tokens);
    let scheme = if tls.is_some() { "https" } else { "http" };
    let beside = match metrics_listener {
        None => None,
        Some(listener) => {
            let address = listener.local_addr()?;
            warn_of_open_metrics(address, metrics_token.is_some());
            tracing::info!("metrics at {scheme}://{address}{}", metrics_front::PATH);
            let mut hosts = args.access.allow_host.clone();
            hosts.extend(args.metrics.metrics_listen.as_ref().and_then(Listen::name).map(str::to_owned));
            let limits = metrics_limits(&args.limits);
            let router = app::metrics_router(MetricsApp {
                backend: Arc::clone(&backend),
                health: health.clone(),
                metrics: metrics.clone(),
                readers: metrics_token.clone().map_or(Readers::All, Readers::Token),
                authenticator: Arc::clone(&authenticator),
                access: Access::new(address, hosts, Vec::new()),
                admission: Admission::new(&limits),
            });
            Some((listener, limits, router))
        }
    };
    let metrics_readers = match (&beside, metrics_token) {
        (Some(_), _) => None,
        (None, Some(token)) => Some(Readers::Token(token)),
        (None, None) => Some(Readers::Own(Arc::clone(&authenticator))),
    };
    args.access.allow_host.extend(args.listen.name().map(str::to_owned));
    let (drain, tasks) = (shutdown.drain(), TaskTracker::new());
    let subjects = if others.is_some() { Subjects::shared } else { Subjects::new }(args.subjects, &args.limits);
    if let Some((nats, name)) = others {
        let name = name.unwrap_or_else(|| RelayName::of(address.port()));
        tokio::spawn(shared::run(nats, name, Arc::<Tokens>::clone(&tokens), Arc::new(subjects.clone()), shutdown.drain()));
    }
    let write_timeout = Duration::from_millis(args.live.write_timeout_ms);
    let app = App {
        serves,
        backend,
        emulator,
        health,
        metrics: metrics.clone(),
        metrics_readers,
        authenticator,
        tokens: Some(Arc::clone(&tokens)),
        access: Access::new(address, args.access.allow_host, args.access.allow_origin),
        admission: Admission::new(&args.limits),
        subjects,
        grpc: args.grpc,
        live: args.live,
        drain: drain.clone(),
        tasks: tasks.clone(),
    };
    let router = app::router(app);
    let stop = shutdown.drain();
    tokio::spawn(async move { stop.run_until_cancelled(tokens.watch(LOOK_INTERVAL)).await });
    // First: a program that reads the line may ask for the end at once, and gets a drain like later ones.
    shutdown.serving();
    announce(scheme, address);
    open_files::raise_limit();
    let parts = |router, tasks, limits| {
        let (tls, drain, metrics) = (tls.clone(), drain.clone(), metrics.clone());
        ServerParts { tls, router, drain, tasks, limits, write_timeout, metrics }
    };
    let main = server::serve(listener, parts(router, tasks, &args.limits));
    match beside {
        None => main.await,
        Some((listener, limits, router)) => {
            tokio::join!(main, server::serve(listener, parts(router, TaskTracker::new(), &limits)));
        }
    }
    Ok(())
}

/// The limits at the metrics' own address: a few scrapers and probers, perhaps all from one address.
fn metrics_limits(main: &ServerLimits) -> ServerLimits {
    ServerLimits {
        max_connections: METRICS_CONNECTIONS,
        max_connections_per_address: 0,
        max_requests: METRICS_CONNECTIONS,
        max_open_requests: METRICS_CONNECTIONS,
        ..main.clone()
    }
}

/// An address of their own is often one that only the operator's network reaches, and sometimes by mistake it is not.
fn warn_of_open_metrics(address: SocketAddr, has_token: bool) {
    if !has_token && !address.ip().to_canonical().is_loopback() {
        tracing::warn!(
            %address,
            "--metrics-listen beyond this machine without --metrics-token: whoever reaches the address can read the metrics"
        );
    }
}

/// What works, and lets in more than its operator may have meant to.
fn warn_of_exposure(args: &ServeArgs, address: SocketAddr, tls: bool) {
    if !tls && !address.ip().to_canonical().is_loopback() {
        tracing::warn!(
            %address,
            "listening beyond this machine without TLS: tokens and messages can be read on their way; \
             give --tls-cert and --tls-key, or let a proxy with TLS stand in front"
        );
    }
    if args.access.allow_origin.contains(&Origin::Any) {
        tracing::warn!(
            "--allow-origin '*': the pages of every web site may use this gateway, and only the token keeps them out"
        );
    }
}

/// The line other programs wait for: from here on connections are accepted. Who closed stdout does not wait for it.
fn announce(scheme: &str, address: SocketAddr) {
    let mut stdout = std::io::stdout().lock();
    if let Err(error) = writeln!(stdout, "listening on {scheme}://{address}").and_then(|()| stdout.flush()) {
        tracing::warn!(%error, "listening on {scheme}://{address}, which cannot be written to stdout");
    }
}

/// Who may come in; without a data directory, as all relays over one log say. A token that had to be made up is printed where only the person who started the gateway looks.
fn tokens(args: &TokenArgs, data: Option<&Path>) -> Result<Arc<Tokens>, RunError> {
    let (tokens, generated) =
        data.map_or_else(|| Tokens::open_shared(args), |data| Tokens::open(args, data)).map_err(RunError::Token)?;
    if let Some(token) = generated {
        output::say(format_args!("token (generated for this run): {token}"));
    }
    Ok(Arc::new(tokens))
}
