//! What surrounds every handler: the accept loop, hosts and origins, limits, request ids, bodies, failures, the frame of the
//! OpenAPI document. It may use `service`, the log and `base`; it knows no front and neither of the two services.

#[cfg(feature = "server")]
pub mod access;
#[cfg(feature = "server")]
pub(crate) mod activity;
#[cfg(feature = "server")]
pub mod admission;
#[cfg(not(feature = "server"))]
#[path = "unlimited.rs"]
pub mod admission;
pub mod answer;
#[cfg(feature = "server")]
pub mod authority;
pub mod body;
pub mod call;
#[cfg(feature = "server")]
mod connections;
pub mod failure;
#[cfg(feature = "server")]
pub mod flags;
pub mod headers;
pub mod json;
pub mod large;
#[cfg(feature = "server")]
pub mod layers;
#[cfg(feature = "server")]
pub mod limit;
#[cfg(feature = "server")]
pub mod listen;
pub mod openapi;
#[cfg(feature = "server")]
mod opening;
pub mod query;
pub mod routes;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "server")]
pub mod share;
#[cfg(feature = "server")]
pub mod shared_body;
#[cfg(feature = "server")]
mod single;
#[cfg(feature = "server")]
pub mod subjects;
#[cfg(feature = "server")]
pub mod tls;
pub mod upload;
