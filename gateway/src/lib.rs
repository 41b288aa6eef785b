//! The gateway: REST, the event stream and the control plane over one durable store.
//!
//! `store` is the data directory, `log` the event log in it, `emulator` the service that writes both; `rest`, `grpc` and `http` are
//! what a client meets, `live` the event stream; `app` is what the fronts share. `run` puts it together, `shutdown` ends it, and
//! `output` is stderr.

// Both panic when nobody reads any more; `output` does not.
#![deny(clippy::print_stdout, clippy::print_stderr)]

pub mod app;
pub mod auth;
pub mod backend;
pub mod backup;
pub mod cli;
pub mod console;
pub mod convert;
pub mod emulator;
pub mod files;
mod flags;
pub mod full;
pub mod grpc;
pub mod health;
pub mod http;
pub mod listen;
pub mod live;
pub mod log;
pub mod log_throttle;
pub mod open_files;
pub mod output;
pub mod private;
pub mod proto;
pub mod relay;
pub mod rest;
pub mod run;
pub mod shutdown;
pub mod status;
pub mod store;
