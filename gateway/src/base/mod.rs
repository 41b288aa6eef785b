//! What every room may use: files that the operator names and may replace, private files, flag values, throttled log lines. It uses no other room.

pub(crate) mod fetch;
pub mod files;
pub(crate) mod flags;
pub(crate) mod hex;
pub mod log_throttle;
pub(crate) mod near;
pub(crate) mod private;
pub(crate) mod random;
pub(crate) mod token;
pub mod watched;
