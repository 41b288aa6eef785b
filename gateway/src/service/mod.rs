//! What the emulator and the relay have in common: the calls, who may make them, the wire's types, errors in gRPC's form, traces.
//! It may use the log and `base`.

pub mod audit;
pub mod auth;
pub mod backend;
pub mod calls;
pub mod chat_list;
pub mod context;
pub mod convert;
#[cfg(feature = "server")]
pub mod full;
pub mod guard;
pub mod health;
pub mod proto;
#[cfg(feature = "server")]
pub mod shared;
#[cfg(feature = "server")]
pub mod status;
pub mod trace;
