//! From the command line to a running server, and out again.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::{self, AppState};
use crate::auth::StaticToken;
use crate::backend::Backend;
use crate::cli::{Cli, Command, EmulatorArgs, LogFormat, RelayArgs, ServeArgs};
use crate::emulator::Emulator;
use crate::grpc::Grpc;
use crate::health::Health;
use crate::http::access::Access;
use crate::http::admission::Admission;
use crate::http::server;
use crate::http::tls::{self, TlsError};
use crate::live::Live;
use crate::relay::{Relay, RelayError};
use crate::store::{Store, StoreError};

/// How long the writer may take to close the database after the drain.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Why the gateway did not start, or stopped by itself.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Relay(#[from] RelayError),
    #[error("cannot listen on {address}: {source}")]
    Listen { address: std::net::SocketAddr, source: std::io::Error },
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("cannot start: {0}")]
    Start(#[from] std::io::Error),
}

/// Runs what the command line says; the exit code is 0 after a drain.
#[must_use]
pub fn main(cli: Cli) -> ExitCode {
    start_logging(match &cli.command {
        Command::Emulator(args) => args.serve.log_format,
        Command::Relay(args) => args.serve.log_format,
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = runtime.map_err(RunError::from).and_then(|runtime| match cli.command {
        Command::Emulator(args) => runtime.block_on(emulator(args)),
        Command::Relay(args) => runtime.block_on(relay(*args)),
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("im-chats-gateway: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn emulator(args: EmulatorArgs) -> Result<(), RunError> {
    let drain = CancellationToken::new();
    let tls = acceptor(&args.serve, &drain)?;
    let store = Store::open(&args.data)?;
    let (emulator, writer) = tokio::task::block_in_place(|| Emulator::open(store))?;
    let backend = Arc::new(emulator.clone());
    serve(args.serve, tls, backend, Some(emulator), Health::alone(), drain).await?;
    // Nobody asks any more, so the writer finishes what it has and closes the database. A request that outlived the drain
    // may still hold it; the journal is whole either way.
    let _ = tokio::time::timeout(CLOSE_TIMEOUT, tokio::task::spawn_blocking(move || writer.join())).await;
    Ok(())
}

async fn relay(args: RelayArgs) -> Result<(), RunError> {
    let drain = CancellationToken::new();
    let tls = acceptor(&args.serve, &drain)?;
    let health = Health::connecting();
    let (relay, ingest) = tokio::task::block_in_place(|| Relay::open(&args, health.clone()))?;
    let ingest = tokio::spawn(ingest.run(drain.clone()));
    let served = serve(args.serve, tls, Arc::new(relay), None, health, drain.clone()).await;
    drain.cancel();
    // A transaction that is under way is waited for; the log is whole either way.
    let _ = tokio::time::timeout(CLOSE_TIMEOUT, ingest).await;
    served
}

fn acceptor(args: &ServeArgs, drain: &CancellationToken) -> Result<Option<TlsAcceptor>, RunError> {
    Ok(args.tls.files().map(|files| tls::acceptor(files, drain.clone())).transpose()?)
}

/// Listens, announces it, and serves until the drain is over.
async fn serve(
    args: ServeArgs,
    tls: Option<TlsAcceptor>,
    backend: Arc<dyn Backend>,
    emulator: Option<Emulator>,
    health: Health,
    drain: CancellationToken,
) -> Result<(), RunError> {
    let listener = bind(&args).await?;
    let address = listener.local_addr()?;
    let tasks = TaskTracker::new();
    let state = AppState {
        log: backend.log().clone(),
        backend,
        live: Live::new(args.live.clone()),
        grpc: Grpc::new(&args.grpc),
        authenticator: Arc::new(StaticToken::new(&token(&args))),
        access: Arc::new(Access::new(address, args.allow_host, args.allow_origin)),
        admission: Admission::new(&args.limits),
        health,
        drain: drain.clone(),
        tasks: tasks.clone(),
    };
    tokio::spawn(drain_on_signal(drain.clone()));
    announce(if tls.is_some() { "https" } else { "http" }, address)?;
    let write_timeout = Duration::from_millis(args.live.write_timeout_ms);
    server::serve(listener, tls, app::router(state, emulator), drain, tasks, &args.limits, write_timeout).await;
    Ok(())
}

async fn bind(args: &ServeArgs) -> Result<TcpListener, RunError> {
    TcpListener::bind(args.listen).await.map_err(|source| RunError::Listen { address: args.listen, source })
}

/// The line other programs wait for: from here on connections are accepted.
fn announce(scheme: &str, address: std::net::SocketAddr) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "listening on {scheme}://{address}")?;
    stdout.flush()
}

/// The token given, or a fresh one, printed where only the person who started the gateway looks.
fn token(args: &ServeArgs) -> String {
    args.token.clone().unwrap_or_else(|| {
        let token = StaticToken::generate();
        eprintln!("token (generated for this run): {token}");
        token
    })
}

fn start_logging(format: LogFormat) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("im_chats_gateway=info,warn"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second subscriber in one process is refused; the first one then serves both.
    let _ = match format {
        LogFormat::Text => builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}

async fn drain_on_signal(drain: CancellationToken) {
    wait_for_signal().await;
    tracing::info!("draining");
    drain.cancel();
    // A second signal means: now.
    wait_for_signal().await;
    std::process::exit(1);
}

#[cfg(unix)]
async fn wait_for_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

#[cfg(not(unix))]
async fn wait_for_signal() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
