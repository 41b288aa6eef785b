//! What surrounds every handler: the accept loop, who is served, limits, request ids, failure bodies, logging.

pub mod access;
pub(crate) mod activity;
pub mod admission;
pub mod body;
pub mod call;
mod connections;
pub mod failure;
pub mod flags;
pub mod headers;
pub mod json;
pub mod large;
pub mod layers;
pub mod limit;
pub mod listen;
pub mod openapi;
mod opening;
pub mod query;
pub mod routes;
pub mod server;
pub mod share;
mod single;
pub mod tls;
