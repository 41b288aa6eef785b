//! The relay: the real service, for clients that cannot reach it themselves, with a durable log of its events.
//!
//! `upstream` is the connection, `service` passes the nine calls through, `ingest` keeps our log up with the upstream's; it
//! carries `merge`, which decides how. `frame`, `event` and `message` are what an event goes through on its way.

mod cursor_refusal;
mod event;
mod failure;
mod frame;
mod ingest;
pub mod merge;
mod message;
mod service;
mod token;
mod upstream;

use std::time::Duration;

use http::Uri;
use im_chats_protocol::client::Backoff;
use im_chats_protocol::error::Error;

use crate::cli::RelayArgs;
use crate::log::store::{Owner, Store, StoreError};
use crate::log::{self, EventLog};
use crate::service::health::Health;
pub use ingest::Ingest;
use merge::Timing;
use token::TokenSource;
use upstream::{Settings, Upstream};

/// Silence of a catch-up after which the link is given up, in milliseconds: it has events to send, or its end.
const CATCH_UP_SILENCE_MS: u64 = 10_000;

/// The running relay. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Relay {
    upstream: Upstream,
    log: EventLog,
}

/// Why the relay does not start.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// An option cannot be used.
    #[error("{}", .0.message)]
    Option(Error),
    /// The data directory cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Relay {
    /// Checks the options, opens the log, and gives the relay and the task that must run beside it. Nothing is sent yet.
    ///
    /// # Errors
    /// See [`RelayError`].
    pub fn open(args: &RelayArgs, health: Health) -> Result<(Self, Ingest), RelayError> {
        let upstream = Upstream::new(settings(args).map_err(RelayError::Option)?).map_err(RelayError::Option)?;
        let store = Store::open(&args.data)?;
        store.claim(Owner::Relay)?;
        let (log, appender) = log::open(&store)?;
        let timing = Timing {
            poll_ms: args.poll_interval_ms,
            live_silence_ms: args.upstream_silence_ms,
            catch_up_silence_ms: CATCH_UP_SILENCE_MS,
            backoff: Backoff::RECONNECT,
        };
        let ingest = Ingest::new(upstream.clone(), appender, timing, health).map_err(|error| store.damaged(error))?;
        Ok((Self { upstream, log }, ingest))
    }

    /// The event log.
    #[must_use]
    pub const fn event_log(&self) -> &EventLog {
        &self.log
    }
}

fn settings(args: &RelayArgs) -> Result<Settings, Error> {
    let token = match (&args.upstream_token_file, &args.upstream_token) {
        (Some(path), _) => TokenSource::file(path)?,
        (None, Some(token)) => TokenSource::fixed(token)?,
        (None, None) => {
            let message = "no token for the upstream: give --upstream-token, --upstream-token-file or IM_CHATS_UPSTREAM_TOKEN";
            return Err(Error::invalid("--upstream-token", message));
        }
    };
    let server = args.upstream_server.as_deref().map(|server| upstream::printable(server, "--upstream-server")).transpose()?;
    let authorities = args.upstream_ca.as_deref().map(upstream::authorities).transpose()?;
    if authorities.is_some() && args.upstream.scheme_str() != Some("https") {
        return Err(Error::invalid("--upstream-ca", "certificates are for an upstream with https://"));
    }
    let timeout = Duration::from_millis(args.upstream_timeout_ms);
    Ok(Settings { address: args.upstream.clone(), token, server, authorities, timeout })
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
