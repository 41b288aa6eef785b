//! What surrounds every handler: the accept loop, who is served, limits, request ids, failure bodies, logging.

pub mod access;
pub mod body;
pub mod call;
pub mod failure;
pub mod layers;
pub mod server;
pub mod tls;
