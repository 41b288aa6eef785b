//! The gateway: REST, gRPC, the event stream and the control plane over one durable log.
//!
//! Each module is a room, and a room may use only those above it in this list:
//!
//! - `base`: files, flag values, throttled log lines.
//! - `log`: the durable event log, and the data directory that it lives in.
//! - `service`: what a chat service is: its calls, who may make them, its wire types and errors.
//! - `emulator` and `relay`: the two services. Neither knows the other.
//! - `http`: connections, limits, hosts and origins, bodies and failures, whatever the front.
//! - `fronts`: REST, gRPC, the event stream, the control plane and the console. None knows another.
//! - `app` puts the fronts together, `cli` is the command line, `run` starts and ends the process.

// Both panic when nobody reads any more; `run::output` does not.
#![deny(clippy::print_stdout, clippy::print_stderr)]

pub mod app;
pub mod base;
pub mod cli;
pub mod emulator;
pub mod fronts;
pub mod http;
pub mod log;
pub mod relay;
pub mod run;
pub mod service;
