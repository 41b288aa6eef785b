//! The process itself: its end, its stderr and log, its open files. It may use `base`.

mod logging;
pub(crate) mod open_files;
pub mod output;
pub(crate) mod shutdown;

use clap::Args;

pub use logging::LogFormat;
pub(crate) use logging::{log_panic, start_logging};

/// How the process logs, and when it ends by itself.
#[derive(Debug, Args)]
pub struct ProcessArgs {
    /// How the log on stderr is written; its level comes from RUST_LOG.
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,

    /// Drain and end when the process that started this one ends, however it ends: for test runners.
    #[arg(long, overrides_with = "exit_with_parent")]
    pub exit_with_parent: bool,

    /// Drain and end when stdin ends: when whoever holds the other end of a pipe closes it, or ends, however it ends.
    #[arg(long, overrides_with = "exit_with_stdin")]
    pub exit_with_stdin: bool,
}
