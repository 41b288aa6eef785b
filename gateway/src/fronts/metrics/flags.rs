//! The flags of the metrics.

use std::path::PathBuf;

use clap::Args;
use im_chats_protocol::error::Error;

use super::token::MetricsToken;
use crate::base::flags::TokenParser;
use crate::http::listen::Listen;

/// Where the metrics are, and who may read them.
#[derive(Debug, Args)]
#[command(next_help_heading = "Metrics")]
pub struct MetricsArgs {
    /// The bearer token for GET /metrics; it opens nothing else, and then no other token opens /metrics.
    #[arg(long, value_name = "TOKEN", env = "IM_CHATS_METRICS_TOKEN", hide_env_values = true, value_parser = TokenParser)]
    pub metrics_token: Option<String>,

    /// A regular file with that token instead, read again when it changes; a line break at its end does not count.
    #[arg(long, value_name = "FILE")]
    pub metrics_token_file: Option<PathBuf>,

    /// An address of their own for /metrics and /healthz, in place of /metrics at --listen. It needs no token unless one is
    /// given. Port 0 takes a free one.
    #[arg(long, value_name = "HOST:PORT")]
    pub metrics_listen: Option<Listen>,
}

impl MetricsArgs {
    /// The token that they name; absent = none.
    ///
    /// # Errors
    /// `invalidArgument` naming the flag, when its file cannot be read or holds no token.
    pub fn token(&self) -> Result<Option<MetricsToken>, Error> {
        match (&self.metrics_token_file, &self.metrics_token) {
            (Some(path), _) => MetricsToken::file(path).map(Some),
            (None, Some(token)) => Ok(Some(MetricsToken::fixed(token))),
            (None, None) => Ok(None),
        }
    }
}
