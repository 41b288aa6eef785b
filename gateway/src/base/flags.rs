//! Values that come from the command line: which are allowed, and the defaults of a group of flags.

use std::ffi::OsStr;

use clap::builder::{RangedU64ValueParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, Args, Command};
use im_chats_protocol::wire::token::check_token;

/// A time or rate: zero would mean a loop without rest.
pub(crate) fn positive() -> RangedU64ValueParser<u64> {
    RangedU64ValueParser::new().range(1..)
}

/// A number of things, or of bytes, 1 or more.
pub(crate) fn size() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..)
}

/// A group of flags as nobody gave any: the one place of a default is its flag.
pub(crate) fn defaults<T: Args>() -> T {
    let matches = T::augment_args(Command::new("defaults")).get_matches_from(["defaults"]);
    T::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

/// Reads a token, and never repeats one in what it says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TokenParser;

impl TypedValueParser for TokenParser {
    type Value = String;

    fn parse_ref(&self, command: &Command, argument: Option<&Arg>, value: &OsStr) -> Result<String, clap::Error> {
        // What is not UTF-8 is not ASCII either, and the replacement character says so.
        let token = value.to_string_lossy();
        let Err(reason) = check_token(&token) else { return Ok(token.into_owned()) };
        let name = argument.map(ToString::to_string).unwrap_or_default();
        let variable =
            argument.and_then(Arg::get_env).map(|name| format!(" (or {})", name.to_string_lossy())).unwrap_or_default();
        Err(command.clone().error(ErrorKind::ValueValidation, format!("{name}{variable}: {reason}")))
    }
}
