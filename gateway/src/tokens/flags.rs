//! The flags about tokens.

use std::path::PathBuf;

use clap::Args;

use super::claims::AUDIENCE;
use super::jwks::JwksFlag;
use super::keys::KeyFlag;
use crate::base::flags::TokenParser;

/// Who may use the gateway.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Tokens")]
pub struct TokenArgs {
    /// The operator's own token, which may do everything. Better in the environment or in a file than here, where other users of the
    /// machine can read it. When neither is given, one is generated and printed on stderr.
    #[arg(long, value_name = "TOKEN", env = "IM_CHATS_TOKEN", hide_env_values = true, value_parser = TokenParser)]
    pub token: Option<String>,

    /// A file with such a token, read again whenever it changes; a line break at its end does not count. May be repeated: each of the
    /// tokens is good.
    #[arg(long, value_name = "FILE")]
    pub token_file: Vec<PathBuf>,

    /// A key for signed tokens: its name, one of HS256, EdDSA, ES256 and RS256, and its file. For HS256 the bytes of the file are the
    /// secret, 32 or more, and a line break at the end does not count; for the others it is a public or private key in PEM. May be
    /// repeated; the first that can sign makes the tokens of POST /v1/tokens.
    #[arg(long, value_name = "KID=ALG:FILE")]
    pub token_key: Vec<KeyFlag>,

    /// Public keys for signed tokens as a JSON Web Key Set: a file, read again whenever it changes, or an https address, asked in the
    /// background.
    #[arg(long, value_name = "FILE|URL")]
    pub token_jwks: Option<JwksFlag>,

    /// The `aud` that signed tokens must have.
    #[arg(long, value_name = "NAME", default_value = AUDIENCE)]
    pub token_audience: String,

    /// The `iss` that signed tokens must have; any when absent.
    #[arg(long, value_name = "NAME")]
    pub token_issuer: Option<String>,

    /// A file with signed tokens that are good no more, read again whenever it changes. Each line is {"jti": "…"}, or
    /// {"sub": "…", "issuedBefore": "…"} with a time or seconds since 1970; empty lines and those that begin with # do not count.
    #[arg(long, value_name = "FILE")]
    pub token_deny: Option<PathBuf>,
}
