//! Values that come from the command line: which are allowed, and the defaults of a group of flags.

use clap::builder::RangedU64ValueParser;
use clap::{Args, Command};

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
