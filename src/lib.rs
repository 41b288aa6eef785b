//! The core of `im-chats`: the documented shapes, what travels, the event stream's session machine, and – for
//! WebAssembly only – the binding that JavaScript sees.
//!
//! Dependencies go one way: `model` ← `wire` ← `session` ← `web`. The gateway uses everything but `web`.

// The shipped module leaves the standard library out, since its panics come with their messages, and what makes those is an
// eighth of the module. Everywhere else, in tests above all, panics are worth reading.
#![cfg_attr(feature = "no-std", no_std)]

extern crate alloc;
// `derive(Tsify)` writes paths that begin with the name of its own crate; see `web::types`.
#[cfg(target_arch = "wasm32")]
extern crate self as tsify;

#[cfg(target_arch = "wasm32")]
pub use web::types::{SerializationConfig, Tsify};

pub mod error;
pub mod model;
pub mod session;
#[cfg(target_arch = "wasm32")]
mod web;
pub mod wire;
