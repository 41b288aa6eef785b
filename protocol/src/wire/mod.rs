//! The wire formats: the frames of `im.events.v1.json`, and the requests, responses and failures of REST in proto3-JSON.
//!
//! May use: `model`, `error`, `limits`, `number`. Parsed JSON is read through [`json::ReadJson`] and made through
//! [`json::MakeJson`], so the same code works on the objects of a JavaScript engine and on `serde_json`'s values.

pub mod chat_list;
pub mod close;
pub mod codec;
pub mod failure;
pub mod filter;
pub mod frame;
mod frame_fields;
#[cfg(test)]
pub(crate) mod frame_tests;
pub mod json;
pub mod messaging;
pub mod request;
pub mod response;
pub mod routes;
mod services;
pub mod token;
pub mod unique;
