//! The command line.

use std::ffi::OsStr;
use std::path::PathBuf;

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Arg, Args, Parser, Subcommand, ValueEnum};
use im_chats_protocol::wire::token::check_token;

use crate::http::listen::Listen;

/// An iMessage chat service for development.
#[derive(Debug, Parser)]
#[command(name = "im-chats-gateway", version, about)]
pub struct Cli {
    /// What to run.
    #[command(subcommand)]
    pub command: Command,
}

/// What the gateway can be.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Be an iMessage chat service: no Mac, no account, durable on disk.
    Emulator(EmulatorArgs),
    /// Stand in front of the real service: pass calls through, and serve its events from a durable log.
    Relay(Box<RelayArgs>),
    /// Copy a data directory into one file, also while a gateway uses it.
    Backup(BackupArgs),
    /// Make a data directory from a backup. Its log gets another id, so that readers notice.
    Restore(RestoreArgs),
}

/// Options of `backup`.
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The data directory of an emulator or a relay.
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,

    /// The backup; must not exist yet.
    #[arg(value_name = "TARGET")]
    pub target: PathBuf,
}

/// Options of `restore`.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// A file that `backup` made.
    #[arg(value_name = "BACKUP")]
    pub backup: PathBuf,

    /// The data directory to make; must not exist, or be empty.
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
}

/// How to listen, and who may come in.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Address or name and port to listen on; port 0 takes a free one, and of a name's addresses the first that works is taken.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8787")]
    pub listen: Listen,

    /// The bearer token clients must send; one is generated and printed on stderr when none is given.
    #[arg(long, value_name = "TOKEN", env = "IM_CHATS_TOKEN", hide_env_values = true, value_parser = TokenParser)]
    pub token: Option<String>,

    /// A web origin whose pages may use the gateway, such as `https://app.example`; repeat for more. `*` allows every page.
    #[arg(long = "allow-origin", value_name = "ORIGIN", value_parser = crate::http::access::Origin::parse)]
    pub allow_origin: Vec<crate::http::access::Origin>,

    /// A host name, beside the loopback names and the listen address, under which clients reach the gateway; repeat for more.
    #[arg(long = "allow-host", value_name = "HOST", value_parser = crate::http::access::parse_host)]
    pub allow_host: Vec<String>,

    /// TLS.
    #[command(flatten)]
    pub tls: crate::http::tls::TlsArgs,

    /// What is taken at most, whatever is spoken over a connection.
    #[command(flatten)]
    pub limits: crate::http::flags::ServerLimits,

    /// What the gRPC front gives at most.
    #[command(flatten)]
    pub grpc: crate::fronts::grpc::GrpcLimits,

    /// What the event stream takes, gives and waits for.
    #[command(flatten)]
    pub live: crate::fronts::live::LiveLimits,

    /// How the log on stderr is written; its level comes from RUST_LOG.
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,

    /// Drain and end when the process that started this one ends, however it ends: for test runners.
    #[arg(long, overrides_with = "exit_with_parent")]
    pub exit_with_parent: bool,
}

/// Options of `emulator`.
#[derive(Debug, Args)]
pub struct EmulatorArgs {
    /// Where to listen, and for whom.
    #[command(flatten)]
    pub serve: ServeArgs,

    /// The data directory; created when absent, used by one process at a time.
    #[arg(long, value_name = "DIR", default_value = ".im-chats")]
    pub data: PathBuf,

    /// Allow no web origins but those of --allow-origin. Without it, pages of `http://localhost:*` and `http://127.0.0.1:*` may
    /// use the emulator, too; they need the token like everyone else.
    #[arg(long)]
    pub strict_origins: bool,
}

/// Options of `relay`.
#[derive(Debug, Args)]
pub struct RelayArgs {
    /// Where to listen, and for whom.
    #[command(flatten)]
    pub serve: ServeArgs,

    /// The data directory; created when absent, used by one process at a time.
    #[arg(long, value_name = "DIR", default_value = ".im-chats-relay")]
    pub data: PathBuf,

    /// The real service, as `http://HOST:PORT` or `https://HOST:PORT`.
    #[arg(long, value_name = "URL", value_parser = crate::relay::parse_upstream)]
    pub upstream: http::Uri,

    /// The bearer token for the upstream.
    #[arg(long, value_name = "TOKEN", env = "IM_CHATS_UPSTREAM_TOKEN", hide_env_values = true, value_parser = TokenParser)]
    pub upstream_token: Option<String>,

    /// A regular file with that token instead, read again whenever it changes; a line break at its end does not count.
    #[arg(long, value_name = "FILE")]
    pub upstream_token_file: Option<PathBuf>,

    /// Which of the upstream's instances is meant: the header `x-photon-server`.
    #[arg(long, value_name = "INSTANCE")]
    pub upstream_server: Option<String>,

    /// PEM certificates of an authority of your own, trusted beside the system's.
    #[arg(long, value_name = "FILE")]
    pub upstream_ca: Option<PathBuf>,

    /// How long the upstream may take to answer a call.
    #[arg(long, value_name = "MS", default_value_t = 30_000, value_parser = clap::value_parser!(u64).range(1..=600_000))]
    pub upstream_timeout_ms: u64,

    /// Silence of the upstream's live stream, heartbeats included, after which the connection counts as dead.
    #[arg(long, value_name = "MS", default_value_t = 60_000, value_parser = clap::value_parser!(u64).range(100..=3_600_000))]
    pub upstream_silence_ms: u64,

    /// How often to ask for what the upstream does not tell live: messages, groups, polls.
    #[arg(long, value_name = "MS", default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(50..=600_000))]
    pub poll_interval_ms: u64,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Reads a token, and never repeats one in what it says.
#[derive(Debug, Clone, Copy)]
struct TokenParser;

impl TypedValueParser for TokenParser {
    type Value = String;

    fn parse_ref(&self, command: &clap::Command, argument: Option<&Arg>, value: &OsStr) -> Result<String, clap::Error> {
        // What is not UTF-8 is not ASCII either, and the replacement character says so.
        let token = value.to_string_lossy();
        let Err(reason) = check_token(&token) else { return Ok(token.into_owned()) };
        let name = argument.map(ToString::to_string).unwrap_or_default();
        let variable =
            argument.and_then(Arg::get_env).map(|name| format!(" (or {})", name.to_string_lossy())).unwrap_or_default();
        Err(command.clone().error(ErrorKind::ValueValidation, format!("{name}{variable}: {reason}")))
    }
}
