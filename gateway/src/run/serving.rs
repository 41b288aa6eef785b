//! Listening and serving, whatever the service is.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

use super::desk;
use super::error::RunError;
use crate::app::{self, App, MetricsApp};
use crate::cli::ServeArgs;
use crate::cluster::{Nats, RelayName, shared};
use crate::emulator::Emulator;
use crate::fronts::metrics::{self as metrics_front, Readers};
use crate::fronts::spectrum::Project;
use crate::http::access::{Access, Origin};
use crate::http::admission::Admission;
use crate::http::flags::ServerLimits;
use crate::http::listen::Listen;
use crate::http::server::{self, ServerParts};
use crate::http::subjects::Subjects;
use crate::metrics::Metrics;
use crate::process::shutdown::Shutdown;
use crate::process::{open_files, output};
use crate::service::auth::Authenticator;
use crate::service::backend::Backend;
use crate::service::health::Health;
use crate::tokens::{LOOK_INTERVAL, TokenArgs, Tokens};

/// Most connections, and most requests, at the metrics' own address.
const METRICS_CONNECTIONS: usize = 64;

/// What is served, as far as the two services differ.
pub(super) struct Service {
    pub(super) backend: Arc<dyn Backend>,
    /// The same service, where it is the emulator.
    pub(super) emulator: Option<Emulator>,
    /// The project of spectrum-ts that finds it.
    pub(super) spectrum: Option<Project>,
    pub(super) health: Health,
    pub(super) metrics: Metrics,
    /// Other relays over the same log, and what this one is called among them.
    pub(super) others: Option<(Nats, Option<RelayName>)>,
}

/// Listens, announces it, and serves until the drain is over. Unless it `serves` clients, there are health and metrics only.
pub(super) async fn listen(
    mut args: ServeArgs,
    tls: Option<TlsAcceptor>,
    tokens: Arc<Tokens>,
    service: Service,
    serves: bool,
    shutdown: &Shutdown,
) -> Result<(), RunError> {
    let Service { backend, emulator, spectrum, health, metrics, others } = service;
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
    if let Some(project) = &spectrum {
        desk::introduce(project, address, tls.is_some());
    }
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
        spectrum,
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
pub(super) fn tokens(args: &TokenArgs, data: Option<&Path>) -> Result<Arc<Tokens>, RunError> {
    let (tokens, generated) =
        data.map_or_else(|| Tokens::open_shared(args), |data| Tokens::open(args, data)).map_err(RunError::Token)?;
    if let Some(token) = generated {
        output::say(format_args!("token (generated for this run): {token}"));
    }
    Ok(Arc::new(tokens))
}
