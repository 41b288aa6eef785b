//! The relay's flags.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use http::Uri;
use im_chats_protocol::error::Error;

use super::token::TokenSource;
use super::upstream::{self, Settings};
use crate::base::flags::TokenParser;
use crate::base::near::is_near;

/// The relay's own options.
#[derive(Debug, Args)]
pub struct RelayArgs {
    /// The data directory; created when absent, used by one process at a time.
    #[arg(long, value_name = "DIR", default_value = ".im-chats-relay")]
    pub data: PathBuf,

    /// The real service, as `http://HOST:PORT` or `https://HOST:PORT`.
    #[arg(long, value_name = "URL", value_parser = parse_upstream)]
    pub upstream: Uri,

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

    /// Silence of one of the upstream's live streams, heartbeats included, after which the connection counts as dead.
    #[arg(long, value_name = "MS", default_value_t = 60_000, value_parser = clap::value_parser!(u64).range(100..=3_600_000))]
    pub upstream_silence_ms: u64,

    /// How often to ask for what the upstream does not tell live; when it tells everything live, every 30 s or this, whichever is longer.
    #[arg(long, value_name = "MS", default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(50..=600_000))]
    pub poll_interval_ms: u64,
}

impl RelayArgs {
    /// The upstream that they name.
    pub(super) fn settings(&self) -> Result<Settings, Error> {
        let token = match (&self.upstream_token_file, &self.upstream_token) {
            (Some(path), _) => TokenSource::file(path)?,
            (None, Some(token)) => TokenSource::fixed(token)?,
            (None, None) => {
                let message =
                    "no token for the upstream: give --upstream-token, --upstream-token-file or IM_CHATS_UPSTREAM_TOKEN";
                return Err(Error::invalid("--upstream-token", message));
            }
        };
        let server =
            self.upstream_server.as_deref().map(|server| upstream::printable(server, "--upstream-server")).transpose()?;
        let authorities = self.upstream_ca.as_deref().map(upstream::authorities).transpose()?;
        if authorities.is_some() && self.upstream.scheme_str() != Some("https") {
            return Err(Error::invalid("--upstream-ca", "certificates are for an upstream with https://"));
        }
        let timeout = Duration::from_millis(self.upstream_timeout_ms);
        Ok(Settings { address: self.upstream.clone(), token, server, authorities, timeout })
    }

    /// Says in the log when the account's token would travel readably beyond this machine.
    pub fn warn_of_plain_upstream(&self) {
        let upstream = &self.upstream;
        if !is_near(upstream.host().unwrap_or_default()) && upstream.scheme_str() != Some("https") {
            tracing::warn!(%upstream, "--upstream is not https: the account's token can be read on its way");
        }
    }
}

/// Reads `--upstream`.
///
/// # Errors
/// A sentence, when it is not `http(s)://HOST[:PORT]` and nothing more.
pub fn parse_upstream(text: &str) -> Result<Uri, String> {
    let wanted = "give it as http://HOST:PORT or https://HOST:PORT";
    let uri: Uri = text.parse().map_err(|error| format!("{error}; {wanted}"))?;
    let scheme = matches!(uri.scheme_str(), Some("http" | "https"));
    let bare = uri.path_and_query().is_none_or(|rest| rest.as_str() == "/");
    // A port that is no number, or too large, would silently be the scheme's own.
    let authority = uri.authority().is_some_and(|authority| {
        let port = authority.as_str().strip_prefix(authority.host()).is_some_and(str::is_empty);
        let port = port || authority.port_u16().is_some_and(|port| port != 0);
        port && !authority.host().is_empty() && !authority.as_str().contains('@')
    });
    if scheme && bare && authority { Ok(uri) } else { Err(wanted.to_owned()) }
}
