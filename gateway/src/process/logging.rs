//! The log on stderr.

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

use super::output;

/// What is logged where RUST_LOG says nothing. `cluster::connect` says, not at each attempt, what the client of NATS meets.
const LOG_LEVELS: &str = "im_chats_gateway=info,audit=info,async_nats=off,warn";

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts the log; RUST_LOG says what is written.
pub(crate) fn start_logging(format: LogFormat) {
    let wanted = std::env::var_os("RUST_LOG").filter(|wanted| !wanted.is_empty());
    let (filter, unusable) = match wanted.map(|wanted| EnvFilter::try_new(wanted.to_string_lossy())) {
        None => (None, None),
        Some(Ok(filter)) => (Some(filter), None),
        Some(Err(error)) => (None, Some(error)),
    };
    let filter = filter.unwrap_or_else(|| EnvFilter::new(LOG_LEVELS));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(output::Log).log_internal_errors(false);
    // A second subscriber in one process is refused; the first one then serves both.
    let _ = match format {
        LogFormat::Text => builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    if let Some(error) = unusable {
        tracing::warn!(%error, "RUST_LOG cannot be read; {LOG_LEVELS} is used in its place");
    }
}

/// A panic ends one task or request and not the process; its line belongs into the log like any other.
pub(crate) fn log_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(place, "a fault of the gateway: {}", panic.payload_as_str().unwrap_or("(no words)"));
}
