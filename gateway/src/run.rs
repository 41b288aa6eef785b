//! From the command line to a running server, and out again. It may use every room, and none uses it.
//!
//! `serving` is what every gateway does, `member` a relay that shares its log with others, `desk` what the emulator has for programs
//! beside it.

mod desk;
mod error;
mod member;
mod serving;

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use error::RunError;
use serving::{Service, listen, tokens};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use crate::cli::{Cli, Command, EmulatorCommand, RelayCommand, ServeArgs};
use crate::emulator::Emulator;
use crate::http::access::Origin;
use crate::http::{server, tls};
use crate::log::backup;
use crate::log::store::{Owner, Store, StoreError};
use crate::log::{self, Keeper, LogCopy, OwnLog};
use crate::metrics::Metrics;
use crate::process::shutdown::{CLOSE_TIMEOUT, Shutdown};
use crate::process::{log_panic, output, start_logging};
use crate::relay::Source;
use crate::service::health::Health;

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
    let shutdown = Shutdown::watch(&serve.process, server::DRAIN_TIMEOUT)?;
    start_logging(serve.process.log_format);
    std::panic::set_hook(Box::new(log_panic));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    Ok((runtime, shutdown))
}

fn emulator(command: EmulatorCommand) -> Result<(), RunError> {
    let EmulatorCommand { mut serve, emulator: args, self_signed, spectrum, strict_origins } = command;
    let (runtime, shutdown) = start(&serve)?;
    if !strict_origins {
        serve.access.allow_origin.push(Origin::Local);
    }
    let (served, writer) = runtime.block_on(async {
        let mut tls = acceptor(&serve, &shutdown)?;
        let metrics = Metrics::of_emulator();
        let store = Store::open_with(&args.data, &serve.room, metrics.clone())?;
        // Once the directory is locked: it is in it.
        if self_signed.tls_self_signed {
            tls = Some(desk::acceptor(&serve, &args.data, &shutdown)?);
        }
        let (emulator, writer) = tokio::task::block_in_place(|| Emulator::open(store.clone()))?;
        tokio::spawn(emulator.compactor(store).run(shutdown.drain()));
        tokio::spawn(Keeper::new(emulator.event_log().clone(), serve.retain).run(shutdown.drain()));
        // Once the directory is locked: a key of our own is in it.
        let served = match tokens(&serve.token, Some(&args.data)) {
            Ok(tokens) => {
                let backend = Arc::new(emulator.clone());
                let service = Service {
                    backend,
                    emulator: Some(emulator),
                    spectrum: spectrum.spectrum_project,
                    health: Health::alone(),
                    metrics,
                    others: None,
                };
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
        let backend = Arc::new(source.relay(log.clone()));
        let service = Service { backend, emulator: None, spectrum: None, health, metrics, others: None };
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
