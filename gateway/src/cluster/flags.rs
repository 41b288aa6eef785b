//! The flags of several relays over one log.

use std::ffi::OsStr;
use std::fmt;
use std::path::PathBuf;

use async_nats::ServerAddr;
use clap::builder::{RangedU64ValueParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, Args, Command, ValueEnum};
use http::Uri;
use percent_encoding::percent_decode_str;

use super::names::Names;
use super::relay_name::RelayName;

/// The longest `--lease-ms`.
pub(super) const MOST_LEASE_MS: u64 = 600_000;

/// Several relays over one log.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Several relays over one log")]
pub struct ClusterArgs {
    /// The servers of NATS whose JetStream keeps the log, as `nats://HOST:PORT` or `tls://HOST:PORT`, with commas between them;
    /// a user and password may stand in them. Without it, this process alone keeps the log in its data directory.
    #[arg(
        long, value_name = "URL[,URL]", env = "IM_CHATS_LOG", hide_env_values = true, value_parser = ServersParser,
        requires = "log_name"
    )]
    pub log: Option<Servers>,

    /// The name of the log in NATS; the relays of one account give the same one.
    #[arg(long, value_name = "ACCOUNT", requires = "log")]
    pub log_name: Option<Names>,

    /// A file with credentials for NATS, as `nsc` makes them; read again at each connection.
    #[arg(long, value_name = "FILE", requires = "log", conflicts_with = "log_nkey")]
    pub log_creds: Option<PathBuf>,

    /// A file with the seed of a user's nkey instead; read again at each connection.
    #[arg(long, value_name = "FILE", requires = "log")]
    pub log_nkey: Option<PathBuf>,

    /// PEM certificates of the authority of the servers of NATS, in place of the system's; read again at each connection.
    #[arg(long, value_name = "FILE", requires = "log")]
    pub log_ca: Option<PathBuf>,

    /// The certificate, in PEM, with which this relay shows the servers of NATS who it is; read again at each connection.
    #[arg(long, value_name = "FILE", requires_all = ["log", "log_key"])]
    pub log_cert: Option<PathBuf>,

    /// The private key of that certificate, in PEM.
    #[arg(long, value_name = "FILE", requires_all = ["log", "log_cert"])]
    pub log_key: Option<PathBuf>,

    /// How many servers of NATS keep the log; 3 outlive the loss of one.
    #[arg(
        long, value_name = "N", default_value_t = 3, value_parser = RangedU64ValueParser::<usize>::new().range(1..=5),
        requires = "log"
    )]
    pub log_replicas: usize,

    /// What this relay is called among those that share the log; the same after a restart, and another one for each. Its part of the deny
    /// list has that name. Without it, it is the name of the machine and the port.
    #[arg(long, value_name = "NAME", requires = "log")]
    pub relay_name: Option<RelayName>,

    /// What this relay does: serves and takes its turn at writing the log, only serves, or only takes its turn.
    #[arg(long, value_enum, default_value_t = Role::Auto, requires = "log")]
    pub role: Role,

    /// How long the one that writes the log may be silent until another takes over.
    #[arg(
        long, value_name = "MS", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1_000..=MOST_LEASE_MS),
        requires = "log"
    )]
    pub lease_ms: u64,

    /// The monitoring addresses of the servers of NATS, as `http://HOST:8222`, with commas between them. They are asked whether
    /// each server writes to its disk before it says that something is kept.
    #[arg(long, value_name = "URL[,URL]", value_delimiter = ',', value_parser = parse_monitor, requires = "log")]
    pub nats_monitor: Vec<Uri>,

    /// Start although it is not shown that the servers of NATS write to their disks at once. Events that were told to clients
    /// can then be lost when several machines lose their power together.
    #[arg(long, requires = "log")]
    pub nats_allow_unsynced: bool,
}

/// What a relay does for the log that it shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Serves, and takes its turn at writing.
    Auto,
    /// Serves only.
    Front,
    /// Takes its turn at writing only; its address has the health and the metrics.
    Ingest,
}

impl Role {
    /// Whether clients are served.
    #[must_use]
    pub const fn serves(self) -> bool {
        matches!(self, Self::Auto | Self::Front)
    }

    /// Whether it takes its turn at writing the log.
    #[must_use]
    pub const fn writes(self) -> bool {
        matches!(self, Self::Auto | Self::Ingest)
    }
}

/// The servers of `--log`, and who logs in there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Servers {
    /// Without user and password, so that they can be shown.
    pub addresses: Vec<ServerAddr>,
    /// From the addresses.
    pub login: Option<Login>,
}

/// How one logs in with what stands in an address.
#[derive(Clone, PartialEq, Eq)]
pub enum Login {
    /// `user:password@`
    Password {
        /// The user.
        user: String,
        /// Its password.
        password: String,
    },
    /// `token@`
    Token(String),
}

impl fmt::Debug for Login {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Password { .. } => "Password",
            Self::Token(_) => "Token",
        })
    }
}

impl fmt::Display for Servers {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, address) in self.addresses.iter().enumerate() {
            write!(to, "{}{}", if index == 0 { "" } else { "," }, address.as_url_str())?;
        }
        Ok(())
    }
}

impl Servers {
    /// Reads `--log`.
    ///
    /// # Errors
    /// A sentence that does not repeat what was given: a password may be in it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut servers = Self { addresses: Vec::new(), login: None };
        for url in text.split(',') {
            let (address, login) = parse_server(url.trim())?;
            if servers.addresses.contains(&address) {
                return Err("the same server is given twice".to_owned());
            }
            servers.addresses.push(address);
            if login.is_some() && servers.login.is_some() && login != servers.login {
                return Err("one relay logs in everywhere as the same user; give one user and password".to_owned());
            }
            servers.login = servers.login.or(login);
        }
        Ok(servers)
    }

    /// Whether the connections must be encrypted.
    #[must_use]
    pub fn wants_tls(&self) -> bool {
        self.addresses.iter().any(ServerAddr::tls_required)
    }
}

fn parse_server(text: &str) -> Result<(ServerAddr, Option<Login>), String> {
    let wanted = || "give each server as nats://HOST:PORT or tls://HOST:PORT, with commas between them".to_owned();
    let address: ServerAddr = text.parse().map_err(|_| wanted())?;
    let mut url = address.into_inner();
    let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    if !matches!(url.scheme(), "nats" | "tls") || url.host_str().is_none_or(str::is_empty) || !bare || url.port() == Some(0) {
        return Err(wanted());
    }
    let decode = |text: &str| percent_decode_str(text).decode_utf8().map(String::from).map_err(|_| wanted());
    let login = match (url.username(), url.password()) {
        ("", None) => None,
        (token, None) => Some(Login::Token(decode(token)?)),
        (user, Some(password)) => Some(Login::Password { user: decode(user)?, password: decode(password)? }),
    };
    url.set_password(None).and_then(|()| url.set_username("")).map_err(|()| wanted())?;
    url.set_path("");
    Ok((ServerAddr::from_url(url).map_err(|_| wanted())?, login))
}

/// Reads `--log`, and never repeats a password in what it says.
#[derive(Debug, Clone, Copy)]
struct ServersParser;

impl TypedValueParser for ServersParser {
    type Value = Servers;

    fn parse_ref(&self, command: &Command, _: Option<&Arg>, value: &OsStr) -> Result<Servers, clap::Error> {
        Servers::parse(&value.to_string_lossy())
            .map_err(|reason| command.clone().error(ErrorKind::ValueValidation, format!("--log (or IM_CHATS_LOG): {reason}")))
    }
}

/// Reads one address of `--nats-monitor`.
fn parse_monitor(text: &str) -> Result<Uri, String> {
    let wanted = "give it as http://HOST:PORT or https://HOST:PORT";
    let uri: Uri = text.trim().parse().map_err(|error| format!("{error}; {wanted}"))?;
    let bare = uri.path_and_query().is_none_or(|rest| rest.as_str() == "/");
    let host = uri.host().is_some_and(|host| !host.is_empty());
    if matches!(uri.scheme_str(), Some("http" | "https")) && bare && host { Ok(uri) } else { Err(wanted.to_owned()) }
}
