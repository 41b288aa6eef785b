//! The gateway: REST, gRPC, the event stream and the control plane over one durable log.
//!
//! Without the feature `server` it is only what a page can have in itself: the emulator, its REST routes and control plane.
//!
//! Each module is a room, and a room may use only rooms above it in this list (`xtask/tests/imports` holds it to that):
//!
//! - `base`: files, flag values, throttled log lines.
//! - `process`: the process's end, its stderr and log. Only `cli` and `run` use it.
//! - `metrics`: what the gateway counts of itself. Whoever counts is handed it.
//! - `log`: the durable event log, and the data directory that it lives in.
//! - `service`: what a chat service is: its calls, who may make them, its wire types and errors.
//! - `cluster`: the log of several relays on NATS: the connection, the turn at writing, the copy, what they share. Only `cli` and `run` use it.
//! - `tokens`: who a token is: the operator's own ones, signed ones, keys, and what was withdrawn.
//! - `emulator` and `relay`: the two services. Neither knows the other.
//! - `http`: connections, limits, hosts and origins, bodies and failures, whatever the front. It knows neither the emulator nor the relay.
//! - `fronts`: REST, gRPC, the event stream, the control plane, health and the console. None knows another.
//! - `in_process` puts those together that need no server, for a page.
//! - `app` puts the fronts together, `cli` is the command line, `run` starts and ends what it names.

// Both panic when nobody reads any more; `process::output` does not.
#![deny(clippy::print_stdout, clippy::print_stderr)]

#[cfg(feature = "server")]
pub mod app;
pub mod base;
#[cfg(feature = "server")]
pub mod cli;
#[cfg(feature = "server")]
pub mod cluster;
pub mod emulator;
pub mod fronts;
pub mod http;
pub mod in_process;
pub mod log;
#[cfg(feature = "server")]
pub mod metrics;
#[cfg(feature = "server")]
pub mod process;
#[cfg(feature = "server")]
pub mod relay;
#[cfg(feature = "server")]
pub mod run;
pub mod service;
#[cfg(feature = "server")]
pub mod tokens;
