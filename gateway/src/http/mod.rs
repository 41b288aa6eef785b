//! What surrounds every handler: the accept loop, hosts and origins, limits, request ids, bodies, failures, the frame of the
//! OpenAPI document. It may use `service`, the log and `base`; it knows no front and neither of the two services.

pub mod access;
pub(crate) mod activity;
pub mod admission;
pub mod authority;
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
pub mod subjects;
pub mod tls;
pub mod upload;
