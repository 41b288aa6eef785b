//! What every room may use: files that the operator names and may replace, private files, flag values, throttled log lines. It uses no other room.

#[cfg(feature = "server")]
pub(crate) mod fetch;
#[cfg(feature = "server")]
pub mod files;
#[cfg(feature = "server")]
pub(crate) mod flags;
pub(crate) mod hex;
#[cfg(feature = "server")]
pub mod log_throttle;
#[cfg(feature = "server")]
pub(crate) mod near;
#[cfg(feature = "server")]
pub(crate) mod private;
#[cfg(feature = "server")]
pub(crate) mod random;
pub(crate) mod time;
#[cfg(feature = "server")]
pub(crate) mod token;
#[cfg(feature = "server")]
pub mod watched;
