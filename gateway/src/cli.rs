//! The command line: which subcommands there are, and which room's flags each of them takes. It may use every room but `run`.

use clap::{Args, Parser, Subcommand};

use crate::cluster::ClusterArgs;
use crate::emulator::EmulatorArgs;
use crate::fronts::grpc::GrpcLimits;
use crate::fronts::live::LiveLimits;
use crate::fronts::metrics::MetricsArgs;
use crate::fronts::spectrum::SpectrumArgs;
use crate::http::access::AccessArgs;
use crate::http::authority::SelfSignedArgs;
use crate::http::flags::ServerLimits;
use crate::http::listen::Listen;
use crate::http::subjects::SubjectLimits;
use crate::http::tls::TlsArgs;
use crate::log::RetainArgs;
use crate::log::backup::{BackupArgs, RestoreArgs};
use crate::log::store::RoomArgs;
use crate::process::ProcessArgs;
use crate::relay::RelayArgs;
use crate::tokens::TokenArgs;

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
    Emulator(Box<EmulatorCommand>),
    /// Stand in front of the real service: pass calls through, and serve its events from a durable log.
    Relay(Box<RelayCommand>),
    /// Copy a data directory into one file, also while a gateway uses it.
    Backup(BackupArgs),
    /// Make a data directory from a backup. Its log gets another id, so that readers notice.
    Restore(RestoreArgs),
}

/// Options of `emulator`.
#[derive(Debug, Args)]
pub struct EmulatorCommand {
    /// Where to listen, and for whom.
    #[command(flatten)]
    pub serve: ServeArgs,

    /// The service.
    #[command(flatten)]
    pub emulator: EmulatorArgs,

    /// TLS without files of one's own.
    #[command(flatten)]
    pub self_signed: SelfSignedArgs,

    /// The cloud of spectrum-ts.
    #[command(flatten)]
    pub spectrum: SpectrumArgs,

    /// Allow no web origins but those of --allow-origin. Without it, pages of `http://localhost:*` and `http://127.0.0.1:*` may
    /// use the emulator, too; they need the token like everyone else.
    #[arg(long)]
    pub strict_origins: bool,
}

/// Options of `relay`.
#[derive(Debug, Args)]
pub struct RelayCommand {
    /// Where to listen, and for whom.
    #[command(flatten)]
    pub serve: ServeArgs,

    /// The service.
    #[command(flatten)]
    pub relay: RelayArgs,

    /// The log, where several relays share one.
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

/// Options of every subcommand that serves: how to listen, and who may come in.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Address or name and port to listen on; port 0 takes a free one, and of a name's addresses the first that works is taken.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8787")]
    pub listen: Listen,

    /// Who may use the gateway.
    #[command(flatten)]
    pub token: TokenArgs,

    /// Which hosts and web origins are served.
    #[command(flatten)]
    pub access: AccessArgs,

    /// TLS.
    #[command(flatten)]
    pub tls: TlsArgs,

    /// What is taken at most, whatever is spoken over a connection.
    #[command(flatten)]
    pub limits: ServerLimits,

    /// What each user may take.
    #[command(flatten)]
    pub subjects: SubjectLimits,

    /// What the gRPC front gives at most.
    #[command(flatten)]
    pub grpc: GrpcLimits,

    /// What the event stream takes, gives and waits for.
    #[command(flatten)]
    pub live: LiveLimits,

    /// Where the metrics are, and who may read them.
    #[command(flatten)]
    pub metrics: MetricsArgs,

    /// How long events are kept.
    #[command(flatten)]
    pub retain: RetainArgs,

    /// What the data directory may take.
    #[command(flatten)]
    pub room: RoomArgs,

    /// The process.
    #[command(flatten)]
    pub process: ProcessArgs,
}
