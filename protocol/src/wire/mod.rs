//! What travels: the frames of `im.events.v1.json`, and the requests, answers and failures of REST in proto3-JSON.
//!
//! Nothing in here knows JavaScript or a socket. Parsed JSON is seen through the [`json::Json`] trait, so that the same code
//! reads the objects of a JavaScript engine in production and of `serde_json` in the tests.

pub mod close;
pub mod codec;
pub mod failure;
pub mod frame;
mod frame_fields;
#[cfg(test)]
pub(crate) mod frame_tests;
pub mod json;
pub mod request;
pub mod response;
pub mod routes;
pub mod token;
pub mod unique;
