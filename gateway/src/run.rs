//! From the command line to a running server, and out again. It may use every room, and none uses it.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

use crate::app::{self, App};
use crate::cli::{Cli, Command, EmulatorCommand, RelayCommand, ServeArgs};
use crate::emulator::Emulator;
use crate::http::access::{Access, Origin};
use crate::http::admission::Admission;
use crate::http::listen::Listen;
use crate::http::server;
use crate::http::subjects::Subjects;
use crate::http::tls::{self, TlsError};
use crate::log::backup::{self, BackupError};
use crate::log::store::{Store, StoreError};
use crate::process::shutdown::{CLOSE_TIMEOUT, Shutdown};
use crate::process::{log_panic, open_files, output, start_logging};
use crate::relay::{Relay, RelayError};
use crate::service::backend::Backend;
use crate::service::health::Health;
use crate::tokens::{LOOK_INTERVAL, TokenArgs, Tokens};

/// Why the gateway did not start, or stopped by itself.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Relay(#[from] RelayError),
    #[error("--listen: cannot listen on {listen}: {source}")]
    Listen { listen: Listen, source: std::io::Error },
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
        let store = Store::open(&args.data)?;
        let (emulator, writer) = tokio::task::block_in_place(|| Emulator::open(store))?;
        // Once the directory is locked: a key of our own is in it.
        let tokens = tokens(&serve.token, &args.data);
        let served = match tokens {
            Ok(tokens) => {
                let backend = Arc::new(emulator.clone());
                listen(serve, tls, tokens, backend, Some(emulator), Health::alone(), &shutdown).await
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
    let RelayCommand { serve, relay: args } = command;
    let (runtime, shutdown) = start(&serve)?;
    let served = runtime.block_on(async {
        let tls = acceptor(&serve, &shutdown)?;
        let health = Health::connecting();
        args.warn_of_plain_upstream();
        let (relay, ingest) = tokio::task::block_in_place(|| Relay::open(&args, health.clone()))?;
        let tokens = tokens(&serve.token, &args.data)?;
        let ingest = tokio::spawn(ingest.run(shutdown.drain()));
        listen(serve, tls, tokens, Arc::new(relay), None, health, &shutdown).await?;
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

/// Listens, announces it, and serves until the drain is over.
async fn listen(
    mut args: ServeArgs,
    tls: Option<TlsAcceptor>,
    tokens: Arc<Tokens>,
    backend: Arc<dyn Backend>,
    emulator: Option<Emulator>,
    health: Health,
    shutdown: &Shutdown,
) -> Result<(), RunError> {
    let listener = args.listen.bind().await.map_err(|source| RunError::Listen { listen: args.listen.clone(), source })?;
    let address = listener.local_addr()?;
    warn_of_exposure(&args, address, tls.is_some());
    args.access.allow_host.extend(args.listen.name().map(str::to_owned));
    let (drain, tasks) = (shutdown.drain(), TaskTracker::new());
    let write_timeout = Duration::from_millis(args.live.write_timeout_ms);
    let app = App {
        backend,
        emulator,
        health,
        authenticator: Arc::<Tokens>::clone(&tokens),
        tokens: Some(Arc::clone(&tokens)),
        access: Access::new(address, args.access.allow_host, args.access.allow_origin),
        admission: Admission::new(&args.limits),
        subjects: Subjects::new(args.subjects, args.limits.max_uploads),
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
    announce(if tls.is_some() { "https" } else { "http" }, address);
    open_files::raise_limit();
    server::serve(listener, tls, router, drain, tasks, &args.limits, write_timeout).await;
    Ok(())
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

/// Who may come in. A token that had to be made up is printed where only the person who started the gateway looks.
fn tokens(args: &TokenArgs, data: &Path) -> Result<Arc<Tokens>, RunError> {
    let (tokens, generated) = Tokens::open(args, data).map_err(RunError::Token)?;
    if let Some(token) = generated {
        output::say(format_args!("token (generated for this run): {token}"));
    }
    Ok(Arc::new(tokens))
}
